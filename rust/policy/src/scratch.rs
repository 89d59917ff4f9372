//! Working memory of a forward pass, and the grouping of lanes into runs of one individual.

use crate::kernels::Run;
use crate::packed::AlignedValues;

/// Working memory of [`Network::forward`](crate::Network::forward): activations, and the order of the lanes.
///
/// Made by [`Network::scratch`](crate::Network::scratch), one per thread. What it holds between calls does not matter.
#[derive(Clone, Debug)]
pub struct Scratch {
    lanes: usize,
    /// Activations of every row, before and after a stage in turn.
    pub(crate) front: AlignedValues,
    pub(crate) back: AlignedValues,
    /// Units of dot products of every row.
    pub(crate) sums: AlignedValues,
    /// Which lane each row of activations belongs to.
    pub(crate) lane_of_row: Vec<usize>,
    /// Whether rows are in another order than lanes.
    pub(crate) reordered: bool,
    pub(crate) runs: Vec<Run>,
}

impl Scratch {
    pub(crate) fn new(lanes: usize, max_stride: usize, max_units: usize) -> Self {
        Self {
            lanes,
            front: AlignedValues::zeros(lanes * max_stride),
            back: AlignedValues::zeros(lanes * max_stride),
            // Four units are folded together.
            sums: AlignedValues::zeros((lanes * max_units).next_multiple_of(4) * 8),
            lane_of_row: Vec::with_capacity(lanes),
            reordered: false,
            runs: Vec::with_capacity(lanes),
        }
    }

    /// Gives each lane a row and finds the runs of rows that share a slot; if `sort`, lanes of one slot become
    /// neighbours.
    pub(crate) fn group_lanes(&mut self, slot_of_lane: &[usize], sort: bool) {
        let lanes = slot_of_lane.len();
        assert!(lanes <= self.lanes, "the scratch memory has room for {} lanes, got {lanes}", self.lanes);
        self.lane_of_row.clear();
        self.lane_of_row.extend(0..lanes);
        self.reordered = sort && slot_of_lane.windows(2).any(|pair| pair[0] > pair[1]);
        if self.reordered {
            // By lane within a slot, although a lane's logits do not depend on its row: memory is read in order.
            self.lane_of_row.sort_unstable_by_key(|&lane| (slot_of_lane[lane], lane));
        }
        self.runs.clear();
        for (row, &lane) in self.lane_of_row.iter().enumerate() {
            let slot = slot_of_lane[lane];
            match self.runs.last_mut() {
                Some(run) if run.slot == slot => run.end = row + 1,
                _ => self.runs.push(Run { slot, start: row, end: row + 1 }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, Scratch};

    #[test]
    fn lanes_of_one_slot_become_one_run() {
        let mut scratch = Scratch::new(5, 8, 0);
        scratch.group_lanes(&[2, 0, 2, 0, 1], true);
        assert_eq!(scratch.lane_of_row, [1, 3, 4, 0, 2]);
        assert!(scratch.reordered);
        let runs = [(0, 0, 2), (1, 2, 3), (2, 3, 5)].map(|(slot, start, end)| Run { slot, start, end });
        assert_eq!(scratch.runs, runs);
    }

    #[test]
    fn lanes_keep_their_order_if_sorting_gains_nothing() {
        let mut scratch = Scratch::new(3, 8, 0);
        scratch.group_lanes(&[1, 1, 0], false);
        assert_eq!(scratch.lane_of_row, [0, 1, 2]);
        assert!(!scratch.reordered);
        assert_eq!(scratch.runs.len(), 2);
    }
}
