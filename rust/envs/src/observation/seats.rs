//! Which lane of the wrapped group plays which lane's episode.

/// A permutation, read both ways.
pub(super) struct Seats {
    seat_of: Vec<usize>,
    lane_at: Vec<usize>,
}

impl Seats {
    /// Every lane in the seat of its number.
    pub(super) fn new(lanes: usize) -> Self {
        Self { seat_of: (0..lanes).collect(), lane_at: (0..lanes).collect() }
    }

    pub(super) fn seat_of(&self, lane: usize) -> usize {
        self.seat_of[lane]
    }

    pub(super) fn lane_at(&self, seat: usize) -> usize {
        self.lane_at[seat]
    }

    /// The lanes in two seats change places.
    pub(super) fn swap(&mut self, seat: usize, other: usize) {
        self.lane_at.swap(seat, other);
        self.seat_of[self.lane_at[seat]] = seat;
        self.seat_of[self.lane_at[other]] = other;
    }
}
