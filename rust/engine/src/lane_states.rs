//! What the policies of a worker's lanes remember from one step of their episode to the next: the states of recurrent cells.

use lane_math::memory;
use policy::States;

/// A state of `width` values in each lane; nothing, at no cost, where policies remember nothing.
pub(crate) struct LaneStates {
    width: usize,
    current: Vec<f32>,
    /// What the forward pass under way makes of them: it may be repeated.
    next: Vec<f32>,
}

impl LaneStates {
    pub(crate) fn new(width: usize, lanes: usize) -> Self {
        let len = width.saturating_mul(lanes);
        Self { width, current: memory::filled(0.0, len), next: memory::filled(0.0, len) }
    }

    /// For a forward pass of the first `active` lanes, which changes nothing before [`advance`](Self::advance).
    pub(crate) fn of(&mut self, active: usize) -> States<'_> {
        let len = active * self.width;
        States { before: &self.current[..len], after: &mut self.next[..len] }
    }

    /// Makes what the last forward pass left the states of the lanes.
    pub(crate) fn advance(&mut self) {
        std::mem::swap(&mut self.current, &mut self.next);
    }

    /// An episode starts in `lane`.
    pub(crate) fn reset(&mut self, lane: usize) {
        let at = lane * self.width;
        self.current[at..at + self.width].fill(0.0);
    }

    /// The episode in lane `from` goes on in lane `to`.
    pub(crate) fn move_lane(&mut self, from: usize, to: usize) {
        let at = from * self.width;
        self.current.copy_within(at..at + self.width, to * self.width);
    }

    /// The episode in lane `from` of another worker goes on in lane `to`.
    pub(crate) fn take_lane(&mut self, to: usize, other: &Self, from: usize) {
        let width = self.width;
        self.current[to * width..(to + 1) * width]
            .copy_from_slice(&other.current[from * width..(from + 1) * width]);
    }
}
