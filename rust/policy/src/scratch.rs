//! Working memory of a forward pass, and the sorting of lanes by individual.

use crate::packed::AlignedValues;
use crate::plan::Plan;

/// Working memory of [`Network::forward`](crate::Network::forward): activations, and the order of rows.
///
/// Made by [`Network::scratch`](crate::Network::scratch), one per thread. What it holds between calls does not matter.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// The most lanes that there is room for.
    pub(crate) lanes: usize,
    /// Of the architecture that the sizes belong to.
    pub(crate) fingerprint: u64,
    /// Activations of every row, before and after a stage in turn.
    pub(crate) front: AlignedValues,
    pub(crate) back: AlignedValues,
    /// Units of dot products of every row.
    pub(crate) sums: AlignedValues,
    /// What a convolution gathers at a time.
    pub(crate) patches: AlignedValues,
    /// What skips keep of every row.
    pub(crate) kept: AlignedValues,
    /// What the linear layers of a recurrent cell give for every row.
    pub(crate) gates: AlignedValues,
    /// For every row how many values the list has that stands for the input image of a convolution, if one does.
    pub(crate) lists: Vec<Option<usize>>,
    /// Where lanes of one slot are made neighbours: which lane each row belongs to, and its slot. Otherwise empty.
    pub(crate) lane_of_row: Vec<usize>,
    pub(crate) slot_of_row: Vec<usize>,
}

impl Scratch {
    pub(crate) fn new(lanes: usize, plan: &Plan, fingerprint: u64) -> Self {
        let Plan { max_stride, max_units, max_patches, max_gates, max_kept, .. } = *plan;
        Self {
            lanes,
            fingerprint,
            front: AlignedValues::zeros(lanes.saturating_mul(max_stride)),
            back: AlignedValues::zeros(lanes.saturating_mul(max_stride)),
            // Four units are folded together.
            sums: AlignedValues::zeros(lanes.saturating_mul(max_units.saturating_mul(8)).saturating_add(24)),
            patches: AlignedValues::zeros(max_patches),
            kept: AlignedValues::zeros(lanes.saturating_mul(max_kept)),
            gates: AlignedValues::zeros(lanes.saturating_mul(max_gates)),
            lists: vec![None; lanes],
            lane_of_row: Vec::with_capacity(lanes),
            slot_of_row: Vec::with_capacity(lanes),
        }
    }

    /// Sorts lanes by slot if they are not; true if rows are now in another order than lanes.
    pub(crate) fn sort_lanes(&mut self, slot_of_lane: &[usize]) -> bool {
        self.lane_of_row.clear();
        self.slot_of_row.clear();
        if slot_of_lane.is_sorted() {
            return false;
        }
        self.lane_of_row.extend(0..slot_of_lane.len());
        // By lane within a slot, although a lane's logits do not depend on its row: memory is read in order.
        self.lane_of_row.sort_unstable_by_key(|&lane| (slot_of_lane[lane], lane));
        self.slot_of_row.extend(self.lane_of_row.iter().map(|&lane| slot_of_lane[lane]));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;
    use crate::architecture::Architecture;
    use crate::layer::Layer;
    use crate::plan::Plan;
    use crate::shape::InputShape;

    #[test]
    fn lanes_are_sorted_by_slot_where_they_are_not() {
        let layers = vec![Layer::Linear { outputs: 1, bias: false }];
        let plan = Plan::new(&Architecture::new(InputShape::Flat(1), layers).expect("one layer fits"));
        let mut scratch = Scratch::new(5, &plan, 0);
        assert!(scratch.sort_lanes(&[2, 0, 2, 0, 1]));
        assert_eq!(scratch.lane_of_row, [1, 3, 4, 0, 2]);
        assert_eq!(scratch.slot_of_row, [0, 0, 1, 2, 2]);
        assert!(!scratch.sort_lanes(&[0, 0, 3]));
    }
}
