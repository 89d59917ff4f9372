//! What a head makes of outputs: everything but chance.

use envs::ActionSpace;
use lane_math::{Activation, Isa};

/// How the outputs of a policy become actions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Head<'a> {
    /// Of a Box: `low + (tanh(z) + 1) * 0.5 * (high - low)`, in float32 and in this order. This and the other heads of a
    /// Box are argmax where actions are discrete.
    Tanh,
    /// Of a Box: `clip(z, low, high)`.
    Clip,
    /// Of a Box: `z`, whatever the bounds are.
    Raw,
    /// Of a Box: `low + sigmoid(z) * (high - low)`, in float32 and in this order.
    Sigmoid,
    /// Of a Box: one of these four for each output.
    Each(&'a [Head<'a>]),
    /// Of discrete actions: the first largest output.
    Argmax,
    /// Of discrete actions: drawn with the probabilities that softmax makes of the outputs.
    Sample,
    /// Of two discrete actions, for one output: 1 if it is greater than the number, else 0.
    Threshold(f32),
}

impl Head<'_> {
    /// The number of outputs that a policy with this head needs.
    pub fn n_outputs(self, space: &ActionSpace) -> usize {
        match self {
            Self::Threshold(_) => 1,
            _ => space.n_logits(),
        }
    }

    /// Why the head is none for the space, if it is none.
    pub(crate) fn misfit(self, space: &ActionSpace) -> Option<String> {
        match (self, space) {
            (Self::Threshold(bound), _) if !bound.is_finite() => {
                Some(format!("head: expected a finite threshold, got {bound}"))
            }
            (Self::Threshold(_), ActionSpace::Discrete(2)) => None,
            (Self::Threshold(_), _) => Some("head: expected two discrete actions for a threshold".to_owned()),
            (Self::Argmax | Self::Sample, ActionSpace::Box { .. }) => {
                Some(format!("head: expected one for Box actions, got {self:?}"))
            }
            (Self::Each(heads), _) if !heads.iter().all(|head| head.is_of_one_value()) => {
                Some("head: expected tanh, clip, raw or sigmoid for each output".to_owned())
            }
            (Self::Each(heads), _) if heads.len() != space.n_logits() => Some(format!(
                "head: expected one for each of {} outputs, got {}",
                space.n_logits(),
                heads.len()
            )),
            _ => None,
        }
    }

    fn is_of_one_value(self) -> bool {
        matches!(self, Self::Tanh | Self::Clip | Self::Raw | Self::Sigmoid)
    }

    /// What comes before the bounds, of one value: the definition of [`continuous_actions`]' lanes.
    fn squashed(self, value: f32) -> f32 {
        match self {
            Self::Tanh => lane_math::tanh(value),
            Self::Sigmoid => Activation::Sigmoid.value(value),
            _ => value,
        }
    }

    /// A value of the head (`tanh(z)`, `sigmoid(z)` or `z` itself) taken to the space's bounds.
    #[inline(always)]
    fn within_bounds(self, value: f32, low: f32, high: f32) -> f32 {
        match self {
            Self::Tanh => low + (value + 1.0) * 0.5 * (high - low),
            Self::Sigmoid => low + value * (high - low),
            // Compare and select, as numpy and torch clip.
            Self::Clip => {
                let raised = if value < low { low } else { value };
                if raised > high { high } else { raised }
            }
            _ => value,
        }
    }
}

/// Turns `(lanes, dimensions)` outputs into actions of a Box, in place.
pub fn continuous_actions(head: Head<'_>, isa: Isa, values: &mut [f32], low: &[f32], high: &[f32]) {
    // Without dimensions there are no values.
    let rows = low.len().max(1);
    if let Head::Each(heads) = head {
        for row in values.chunks_exact_mut(rows) {
            for (value, (head, (&low, &high))) in row.iter_mut().zip(heads.iter().zip(low.iter().zip(high))) {
                *value = head.within_bounds(head.squashed(*value), low, high);
            }
        }
        return;
    }
    match head {
        Head::Tanh => lane_math::tanh_in_place(isa, values),
        Head::Sigmoid => Activation::Sigmoid.apply_in_place(isa, values),
        _ => {}
    }
    for row in values.chunks_exact_mut(rows) {
        for (value, (&low, &high)) in row.iter_mut().zip(low.iter().zip(high)) {
            *value = head.within_bounds(*value, low, high);
        }
    }
}

/// The discrete action of each row of `n` outputs by a head that does not draw.
pub(super) fn discrete_actions(head: Head<'_>, n: usize, outputs: &[f32], indices: &mut [u32]) {
    match head {
        Head::Threshold(bound) => {
            for (index, &output) in indices.iter_mut().zip(outputs) {
                *index = u32::from(output > bound);
            }
        }
        _ => first_maxima(n, outputs, indices),
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

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: [f32; 2] = [-2.0, 0.0];
    const HIGH: [f32; 2] = [2.0, 1.0];

    fn decoded(head: Head<'_>, isa: Isa, outputs: &[f32]) -> Vec<f32> {
        let mut values = outputs.to_vec();
        continuous_actions(head, isa, &mut values, &LOW, &HIGH);
        values
    }

    #[test]
    fn continuous_heads_reach_their_bounds() {
        let outputs = [-100.0, 100.0, 0.0, 0.0, 1.5, 0.25];
        let decoded = |head| decoded(head, Isa::detect(), &outputs);
        assert_eq!(decoded(Head::Clip), [-2.0, 1.0, 0.0, 0.0, 1.5, 0.25]);
        assert_eq!(decoded(Head::Raw), outputs);
        let squashed = decoded(Head::Tanh);
        assert_eq!(squashed[..4], [-2.0, 1.0, 0.0, 0.5]);
        assert_eq!(squashed[4], -2.0 + (lane_math::tanh(1.5) + 1.0) * 0.5 * 4.0);
        let squashed = decoded(Head::Sigmoid);
        assert_eq!(squashed[..4], [-2.0, 1.0, 0.0, 0.5]);
        assert_eq!(squashed[4], -2.0 + Activation::Sigmoid.value(1.5) * 4.0);
        let each = decoded(Head::Each(&[Head::Clip, Head::Raw]));
        assert_eq!(each, [-2.0, 100.0, 0.0, 0.0, 1.5, 0.25]);
    }

    #[test]
    fn lanes_have_the_bits_of_single_values_on_every_instruction_set() {
        let outputs: Vec<f32> = (0..3000).map(|n| (n as f32 - 1500.0) * 0.0071).collect();
        for head in [Head::Tanh, Head::Clip, Head::Raw, Head::Sigmoid] {
            let each = decoded(Head::Each(&[head, head]), Isa::detect(), &outputs);
            for isa in Isa::all_available() {
                assert_eq!(decoded(head, isa, &outputs), each, "{head:?} {isa:?}");
            }
        }
    }

    #[test]
    fn a_threshold_is_passed_by_what_is_greater() {
        let mut indices = [7; 4];
        discrete_actions(Head::Threshold(0.5), 2, &[0.5, 0.500_000_1, -1.0, 3.0], &mut indices);
        assert_eq!(indices, [0, 1, 0, 1]);
    }

    #[test]
    fn heads_that_do_not_fit_say_why() {
        let [two, three] = [2, 3].map(ActionSpace::Discrete);
        let bounded = ActionSpace::Box { low: LOW.to_vec(), high: HIGH.to_vec() };
        let why = |head: Head<'_>, space| head.misfit(space).unwrap_or_default();
        assert_eq!(why(Head::Threshold(f32::NAN), &two), "head: expected a finite threshold, got NaN");
        assert_eq!(why(Head::Threshold(0.0), &three), "head: expected two discrete actions for a threshold");
        assert_eq!(why(Head::Sample, &bounded), "head: expected one for Box actions, got Sample");
        let nested = Head::Each(&[Head::Tanh, Head::Sample]);
        assert_eq!(why(nested, &bounded), "head: expected tanh, clip, raw or sigmoid for each output");
        assert_eq!(
            why(Head::Each(&[Head::Tanh]), &bounded),
            "head: expected one for each of 2 outputs, got 1"
        );
        for (head, space) in [(Head::Threshold(0.0), &two), (Head::Sample, &three), (Head::Raw, &bounded)] {
            assert_eq!(head.misfit(space), None);
        }
        assert_eq!([Head::Threshold(0.0), Head::Sample].map(|head| head.n_outputs(&two)), [1, 2]);
    }
}
