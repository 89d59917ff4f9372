//! The state of a group in lock-step: one array per field, padded to whole vectors.

/// Episodes in a vector of float64.
pub(crate) const VECTOR: usize = 4;

/// `N` float64 fields of each of some lanes.
pub(crate) struct StateLanes<const N: usize> {
    pub(crate) fields: [Vec<f64>; N],
}

impl<const N: usize> StateLanes<N> {
    pub(crate) fn new(lanes: usize) -> Self {
        Self { fields: std::array::from_fn(|_| vec![0.0; lanes.next_multiple_of(VECTOR)]) }
    }

    /// The same state in each lane.
    pub(crate) fn filled(state: [f64; N], lanes: usize) -> Self {
        Self { fields: state.map(|value| vec![value; lanes.next_multiple_of(VECTOR)]) }
    }

    pub(crate) fn set(&mut self, lane: usize, state: [f64; N]) {
        for (field, value) in self.fields.iter_mut().zip(state) {
            field[lane] = value;
        }
    }

    pub(crate) fn get(&self, lane: usize) -> [f64; N] {
        std::array::from_fn(|field| self.fields[field][lane])
    }

    pub(crate) fn copy(&mut self, from: usize, to: usize) {
        self.set(to, self.get(from));
    }
}
