//! Groups that take several steps at once: an episode that ends before the others do must not be stepped on while they are,
//! and a group steps its first lanes. So the last one that still plays is moved to where the ended one was, and [`Seats`]
//! says which lane of the wrapped group, here a seat, plays which lane's episode.

use crate::group::Group;
use crate::space::Actions;

/// A permutation, read both ways.
pub(crate) struct Seats {
    seat_of: Vec<usize>,
    lane_at: Vec<usize>,
}

impl Seats {
    /// Every lane in the seat of its number.
    pub(crate) fn new(lanes: usize) -> Self {
        Self { seat_of: (0..lanes).collect(), lane_at: (0..lanes).collect() }
    }

    pub(crate) fn seat_of(&self, lane: usize) -> usize {
        self.seat_of[lane]
    }

    pub(crate) fn lane_at(&self, seat: usize) -> usize {
        self.lane_at[seat]
    }

    /// The lanes in two seats change places.
    pub(crate) fn swap(&mut self, seat: usize, other: usize) {
        self.lane_at.swap(seat, other);
        self.seat_of[self.lane_at[seat]] = seat;
        self.seat_of[self.lane_at[other]] = other;
    }

    /// Sees to it that the first `active` lanes have the first seats of `group`, in whatever order.
    pub(crate) fn close_ranks(&mut self, active: usize, group: &mut dyn Group) {
        for lane in 0..active {
            let seat = self.seat_of(lane);
            if seat >= active {
                let is_free = |&seat: &usize| self.lane_at(seat) >= active;
                let free = (0..active).find(is_free).expect("as many seats as lanes");
                group.move_lane(seat, free);
                self.swap(seat, free);
            }
        }
    }
}

/// What happened in the last step of each lane, summed over its skip.
pub(crate) struct EventSums {
    /// `(lanes, n)`, row-major.
    sums: Vec<f64>,
    /// Of one step of a skip.
    latest: Vec<f64>,
}

impl EventSums {
    /// Of `n_events` numbers in each of `lanes` lanes.
    pub(crate) fn new(lanes: usize, n_events: usize) -> Self {
        Self { sums: vec![0.0; lanes * n_events], latest: vec![0.0; n_events] }
    }

    /// Begins a step of all lanes.
    pub(crate) fn clear(&mut self) {
        self.sums.fill(0.0);
    }

    /// What happened in the last step of a lane.
    pub(crate) fn of(&self, lane: usize) -> &[f64] {
        let n = self.latest.len();
        &self.sums[lane * n..(lane + 1) * n]
    }

    pub(crate) fn copy(&mut self, from: usize, to: usize) {
        let n = self.latest.len();
        self.sums.copy_within(from * n..(from + 1) * n, to * n);
    }

    pub(crate) fn take(&mut self, to: usize, other: &Self, from: usize) {
        let n = self.latest.len();
        self.sums[to * n..(to + 1) * n].copy_from_slice(other.of(from));
    }

    /// Makes the sums of a lane what `read` writes.
    pub(crate) fn restart(&mut self, lane: usize, read: impl FnOnce(&mut [f64])) {
        let n = self.latest.len();
        read(&mut self.sums[lane * n..(lane + 1) * n]);
    }

    /// Adds what `read` writes to the sums of a lane.
    pub(crate) fn add(&mut self, lane: usize, read: impl FnOnce(&mut [f64])) {
        let n = self.latest.len();
        read(&mut self.latest);
        let sums = &mut self.sums[lane * n..(lane + 1) * n];
        sums.iter_mut().zip(&self.latest).for_each(|(sum, event)| *sum += event);
    }
}

/// The actions in the order of the seats: only one of the two is in use.
pub(crate) struct SeatedActions {
    indices: Vec<u32>,
    values: Vec<f32>,
    dimensions: usize,
}

impl SeatedActions {
    /// For so many lanes, of continuous actions with so many values.
    pub(crate) fn new(lanes: usize, dimensions: usize) -> Self {
        Self { indices: vec![0; lanes], values: vec![0.0; lanes * dimensions], dimensions }
    }

    /// For how many lanes actions are.
    pub(crate) fn lanes(&self, actions: Actions<'_>) -> usize {
        actions.lanes(self.dimensions)
    }

    /// Takes over the actions of the first lanes; returns their number.
    pub(crate) fn fill(&mut self, actions: Actions<'_>, seats: &Seats) -> usize {
        match actions {
            Actions::Discrete(indices) => {
                for (lane, &index) in indices.iter().enumerate() {
                    self.indices[seats.seat_of(lane)] = index;
                }
                indices.len()
            }
            Actions::Continuous(values) => {
                let rows = values.chunks_exact(self.dimensions);
                let active = rows.len();
                for (lane, row) in rows.enumerate() {
                    let start = seats.seat_of(lane) * self.dimensions;
                    self.values[start..start + self.dimensions].copy_from_slice(row);
                }
                active
            }
        }
    }

    /// Copies one seat's action to another seat.
    pub(crate) fn copy(&mut self, from: usize, to: usize) {
        self.indices[to] = self.indices[from];
        let start = from * self.dimensions;
        self.values.copy_within(start..start + self.dimensions, to * self.dimensions);
    }

    /// The actions of the first seats, of the kind of `like`.
    pub(crate) fn first(&self, seats: usize, like: Actions<'_>) -> Actions<'_> {
        match like {
            Actions::Discrete(_) => Actions::Discrete(&self.indices[..seats]),
            Actions::Continuous(_) => Actions::Continuous(&self.values[..seats * self.dimensions]),
        }
    }
}
