//! The unpacked individuals of one thread: each is packed once, however many lanes play it.

use policy::{Network, PackedWeights};

/// As many slots as lanes were ever in play at once: a lane that needs another individual finds one free, or adds one.
#[derive(Default)]
pub(crate) struct Slots {
    packed: Vec<PackedWeights>,
    owners: Vec<Option<usize>>,
    users: Vec<usize>,
}

impl Slots {
    /// The slot that holds `individual`, for one more lane.
    pub(crate) fn acquire(&mut self, network: &Network, individual: usize, weights: &[f32]) -> usize {
        let slot = self.owners.iter().position(|&owner| owner == Some(individual)).unwrap_or_else(|| {
            let free = self.users.iter().position(|&users| users == 0);
            let free = free.unwrap_or_else(|| self.add(network));
            network.pack(weights, &mut self.packed[free]);
            self.owners[free] = Some(individual);
            free
        });
        self.users[slot] += 1;
        slot
    }

    /// One more slot, which nobody uses yet.
    fn add(&mut self, network: &Network) -> usize {
        self.packed.push(network.packed());
        self.owners.push(None);
        self.users.push(0);
        self.users.len() - 1
    }

    /// A lane no longer plays the individual in `slot`; it stays packed until the room is needed.
    pub(crate) fn release(&mut self, slot: usize) {
        self.users[slot] -= 1;
    }

    /// How many lanes play an individual that is in here.
    #[cfg(test)]
    pub(crate) fn users(&self) -> usize {
        self.users.iter().sum()
    }

    #[cfg(test)]
    pub(crate) fn are_free(&self) -> bool {
        self.users() == 0
    }

    pub(crate) fn packed(&self) -> &[PackedWeights] {
        &self.packed
    }
}
