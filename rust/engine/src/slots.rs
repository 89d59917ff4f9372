//! The unpacked individuals of one thread: each is packed once, however many lanes play it.

use policy::{Network, PackedWeights};

/// As many slots as lanes, so one is always free for a lane that needs another individual.
pub(crate) struct Slots {
    packed: Vec<PackedWeights>,
    owners: Vec<Option<usize>>,
    users: Vec<usize>,
}

impl Slots {
    pub(crate) fn new(network: &Network, lanes: usize) -> Self {
        Self {
            packed: (0..lanes).map(|_| network.packed()).collect(),
            owners: vec![None; lanes],
            users: vec![0; lanes],
        }
    }

    /// The slot that holds `individual`, for one more lane.
    pub(crate) fn acquire(&mut self, network: &Network, individual: usize, weights: &[f32]) -> usize {
        let slot = self.owners.iter().position(|&owner| owner == Some(individual)).unwrap_or_else(|| {
            let free = self.users.iter().position(|&users| users == 0);
            let free = free.expect("there are as many slots as lanes, and this lane holds none");
            network.pack(weights, &mut self.packed[free]);
            self.owners[free] = Some(individual);
            free
        });
        self.users[slot] += 1;
        slot
    }

    /// A lane no longer plays the individual in `slot`; it stays packed until the room is needed.
    pub(crate) fn release(&mut self, slot: usize) {
        self.users[slot] -= 1;
    }

    pub(crate) fn packed(&self) -> &[PackedWeights] {
        &self.packed
    }
}
