//! Logits to actions, for the lanes of a group.

use crate::task::Head;
use envs::{ActionSpace, Actions};
use lane_math::Isa;

/// The decoded actions of a group, and how they are decoded.
pub(crate) struct ActionDecoder {
    head: Head,
    isa: Isa,
    space: ActionSpace,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl ActionDecoder {
    pub(crate) fn new(space: &ActionSpace, head: Head, lanes: usize) -> Self {
        let (indices, values) = match space {
            ActionSpace::Discrete(_) => (vec![0; lanes], Vec::new()),
            ActionSpace::Box { low, .. } => (Vec::new(), vec![0.0; lanes * low.len()]),
        };
        Self { head, isa: Isa::detect(), space: space.clone(), indices, values }
    }

    /// The actions for `(lanes, n_logits)` finite logits.
    pub(crate) fn decode(&mut self, logits: &[f32]) -> Actions<'_> {
        match &self.space {
            ActionSpace::Discrete(n) => {
                let lanes = logits.len() / *n as usize;
                first_maxima(*n as usize, logits, &mut self.indices[..lanes]);
                Actions::Discrete(&self.indices[..lanes])
            }
            ActionSpace::Box { low, high } => {
                let values = &mut self.values[..logits.len()];
                values.copy_from_slice(logits);
                continuous_actions(self.head, self.isa, values, low, high);
                Actions::Continuous(values)
            }
        }
    }
}

impl ActionDecoder {
    /// The actions of the first `lanes` lanes, as they were last decoded.
    pub(crate) fn decoded(&self, lanes: usize) -> Actions<'_> {
        match &self.space {
            ActionSpace::Discrete(_) => Actions::Discrete(&self.indices[..lanes]),
            ActionSpace::Box { low, .. } => Actions::Continuous(&self.values[..lanes * low.len()]),
        }
    }
}

/// [`first_maximum`] of each row of `n` logits; the usual `n` are constants, so that their rows need no loop.
fn first_maxima(n: usize, logits: &[f32], indices: &mut [u32]) {
    fn of_rows<const N: usize>(logits: &[f32], indices: &mut [u32]) {
        for (index, row) in indices.iter_mut().zip(logits.chunks_exact(N)) {
            *index = first_maximum(row);
        }
    }
    match n {
        2 => of_rows::<2>(logits, indices),
        3 => of_rows::<3>(logits, indices),
        4 => of_rows::<4>(logits, indices),
        _ => {
            for (index, row) in indices.iter_mut().zip(logits.chunks_exact(n)) {
                *index = first_maximum(row);
            }
        }
    }
}

/// The index of the largest value, the first of equal ones, as `torch.argmax` has it.
#[inline(always)]
fn first_maximum(row: &[f32]) -> u32 {
    let mut best = 0;
    for (index, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = index;
        }
    }
    best as u32
}

/// Turns `(lanes, dimensions)` logits into actions within the bounds, in place.
pub fn continuous_actions(head: Head, isa: Isa, values: &mut [f32], low: &[f32], high: &[f32]) {
    if head == Head::Tanh {
        lane_math::tanh_in_place(isa, values);
    }
    // Without dimensions there are no values.
    for row in values.chunks_exact_mut(low.len().max(1)) {
        for (value, (&low, &high)) in row.iter_mut().zip(low.iter().zip(high)) {
            *value = within_bounds(head, *value, low, high);
        }
    }
}

/// A value of the head (`tanh(z)` or `z` itself) taken to the space's bounds.
fn within_bounds(head: Head, value: f32, low: f32, high: f32) -> f32 {
    match head {
        Head::Tanh => low + (value + 1.0) * 0.5 * (high - low),
        // Compare and select, as numpy and torch clip.
        Head::Clip => {
            let raised = if value < low { low } else { value };
            if raised > high { high } else { raised }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_logits_wins() {
        let mut decoder = ActionDecoder::new(&ActionSpace::Discrete(3), Head::Tanh, 4);
        let logits = [1.0, 2.0, 2.0, 0.0, -0.0, 0.0, -3.0, -2.0, -1.0];
        match decoder.decode(&logits) {
            Actions::Discrete(indices) => assert_eq!(indices, [1, 0, 2]),
            Actions::Continuous(_) => panic!("the space is discrete"),
        }
    }

    #[test]
    fn continuous_heads_reach_their_bounds() {
        let space = ActionSpace::Box { low: vec![-2.0, 0.0], high: vec![2.0, 1.0] };
        let logits = [-100.0, 100.0, 0.0, 0.0, 1.5, 0.25];
        let decoded = |head| match ActionDecoder::new(&space, head, 3).decode(&logits) {
            Actions::Continuous(values) => values.to_vec(),
            Actions::Discrete(_) => panic!("the space is continuous"),
        };
        assert_eq!(decoded(Head::Clip), [-2.0, 1.0, 0.0, 0.0, 1.5, 0.25]);
        let squashed = decoded(Head::Tanh);
        assert_eq!(squashed[..4], [-2.0, 1.0, 0.0, 0.5]);
        assert_eq!(squashed[4], -2.0 + (lane_math::tanh(1.5) + 1.0) * 0.5 * 4.0);
    }
}
