//! Episodes reduced to a few numbers while they are played.
//!
//! **Numeric contract.** Steps are numbered from 1; a step's observation is the one after it, so the reset's is never
//! looked at. All values are float64. A sum starts at 0.0 and adds the values one after another, first to last; a mean is
//! that sum over the number of values; a standard deviation is Welford's ([`Reducer::Std`]). Least and largest are the
//! first of equal values, found with `<` and `>`, the largest magnitude with `>` of absolute values.

use super::Steps;
use super::definition::{Descriptor, Reducer, Reduction};
use crate::expression::holds;
use crate::step_values::StepValues;
use crate::task::Task;
use lane_math::memory;

impl Descriptor {
    /// Its value for an episode, from what its reductions have come to.
    fn value(&self, accumulators: &[Accumulator]) -> f64 {
        let mut alternatives = self.reductions.iter().zip(accumulators);
        match alternatives.find(|(_, accumulator)| accumulator.count > 0) {
            Some((reduction, accumulator)) => accumulator.value(reduction.reducer),
            None => self.otherwise.unwrap_or_else(|| match self.reductions.last() {
                Some(Reduction { reducer: Reducer::Sum, .. }) => 0.0,
                _ => f64::NAN,
            }),
        }
    }
}

/// What a reduction has come to.
#[derive(Clone, Copy, Debug, Default)]
struct Accumulator {
    /// Of a standard deviation the mean.
    value: f64,
    /// The sum of squared deviations from the mean; of a standard deviation only.
    squares: f64,
    count: u64,
}

impl Accumulator {
    #[inline]
    fn take(&mut self, reducer: Reducer, value: f64) {
        let is_first = self.count == 0;
        self.count += 1;
        match reducer {
            Reducer::First if !is_first => {}
            Reducer::First | Reducer::Last => self.value = value,
            Reducer::Min if is_first || value < self.value => self.value = value,
            Reducer::Max if is_first || value > self.value => self.value = value,
            Reducer::Extreme if is_first || value.abs() > self.value.abs() => self.value = value,
            Reducer::Min | Reducer::Max | Reducer::Extreme => {}
            Reducer::Mean | Reducer::Sum => self.value += value,
            Reducer::Std => {
                let delta = value - self.value;
                self.value += delta / self.count as f64;
                self.squares += delta * (value - self.value);
            }
        }
    }

    fn value(&self, reducer: Reducer) -> f64 {
        match reducer {
            Reducer::Mean => self.value / self.count as f64,
            Reducer::Std => (self.squares / self.count as f64).sqrt(),
            _ => self.value,
        }
    }
}

/// The descriptors of the lanes of a worker.
pub(super) struct Descriptors<'a> {
    descriptors: &'a [Descriptor],
    /// Of all descriptors, in order.
    reductions: Vec<&'a Reduction>,
    /// `(lanes, reductions)`.
    accumulators: Vec<Accumulator>,
    values: StepValues,
}

impl<'a> Descriptors<'a> {
    pub(super) fn new(task: &'a Task<'a>, lanes: usize) -> Self {
        let descriptors = task.recording.descriptors;
        let reductions: Vec<_> = descriptors.iter().flat_map(|descriptor| &descriptor.reductions).collect();
        let expressions = descriptors.iter().flat_map(|descriptor| &descriptor.reductions);
        let expressions = expressions.flat_map(Reduction::expressions);
        Self {
            descriptors,
            accumulators: vec![Accumulator::default(); lanes * reductions.len()],
            reductions,
            values: StepValues::new(task.spec, lanes, expressions),
        }
    }

    pub(super) fn start(&mut self, lane: usize) {
        let n = self.reductions.len();
        self.accumulators[lane * n..(lane + 1) * n].fill(Accumulator::default());
    }

    pub(super) fn step(&mut self, steps: &Steps<'_>) {
        if self.reductions.is_empty() {
            return;
        }
        self.values.look(steps);
        let rows = self.accumulators.chunks_exact_mut(self.reductions.len());
        for (lane, row) in rows.take(steps.active).enumerate() {
            let mut value_of = self.values.lane(steps, lane);
            for (accumulator, reduction) in row.iter_mut().zip(&self.reductions) {
                if reduction.condition.as_ref().is_none_or(|condition| holds(value_of(condition))) {
                    accumulator.take(reduction.reducer, value_of(&reduction.value));
                }
            }
        }
    }

    /// Appends the lane's descriptors; NaN if the episode failed.
    pub(super) fn end(&mut self, lane: usize, failed: bool, rows: &mut Vec<f64>) {
        if failed {
            return self.refuse(rows);
        }
        memory::reserve(rows, self.descriptors.len());
        let n = self.reductions.len();
        let mut accumulators = &self.accumulators[lane * n..(lane + 1) * n];
        for descriptor in self.descriptors {
            let (own, others) = accumulators.split_at(descriptor.reductions.len());
            rows.push(descriptor.value(own));
            accumulators = others;
        }
    }

    pub(super) fn refuse(&self, rows: &mut Vec<f64>) {
        memory::reserve(rows, self.descriptors.len());
        rows.resize(rows.len() + self.descriptors.len(), f64::NAN);
    }

    pub(super) fn move_lane(&mut self, from: usize, to: usize) {
        let n = self.reductions.len();
        self.accumulators.copy_within(from * n..(from + 1) * n, to * n);
    }

    pub(super) fn take_lane(&mut self, to: usize, other: &Self, from: usize) {
        let n = self.reductions.len();
        self.accumulators[to * n..(to + 1) * n]
            .copy_from_slice(&other.accumulators[from * n..(from + 1) * n]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Field;

    fn of(reducer: Reducer) -> Reduction {
        Reduction { reducer, value: Field::Reward.into(), condition: None }
    }

    fn reduced(reducer: Reducer, values: &[f64]) -> f64 {
        let reduction = of(reducer);
        let mut accumulator = Accumulator::default();
        values.iter().for_each(|&value| accumulator.take(reducer, value));
        Descriptor { reductions: vec![reduction], otherwise: None }.value(&[accumulator])
    }

    #[test]
    fn each_reducer_is_what_it_says() {
        let values = [0.1, 0.7, -0.3, 0.7, 0.2];
        let expected: [(Reducer, f64); 7] = [
            (Reducer::First, 0.1),
            (Reducer::Last, 0.2),
            (Reducer::Min, -0.3),
            (Reducer::Max, 0.7),
            (Reducer::Sum, 0.1 + 0.7 - 0.3 + 0.7 + 0.2),
            (Reducer::Mean, (0.1 + 0.7 - 0.3 + 0.7 + 0.2) / 5.0),
            (Reducer::Extreme, 0.7),
        ];
        for (reducer, value) in expected {
            assert_eq!(reduced(reducer, &values).to_bits(), value.to_bits(), "{reducer:?}");
        }
    }

    #[test]
    fn of_equal_values_the_first_is_the_least_and_the_largest() {
        for reducer in [Reducer::Min, Reducer::Max] {
            assert_eq!(reduced(reducer, &[-0.0, 0.0]).to_bits(), (-0.0_f64).to_bits());
            assert_eq!(reduced(reducer, &[0.0, -0.0]).to_bits(), 0.0_f64.to_bits());
        }
    }

    #[test]
    fn the_largest_magnitude_keeps_its_sign_and_the_first_of_equals_counts() {
        assert_eq!(reduced(Reducer::Extreme, &[0.5, -2.0, 2.0, 1.0]), -2.0);
        assert_eq!(reduced(Reducer::Extreme, &[-0.0, 0.0]).to_bits(), (-0.0_f64).to_bits());
    }

    #[test]
    fn standard_deviations_are_welford_s() {
        assert_eq!(reduced(Reducer::Std, &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), 2.0);
        assert_eq!(reduced(Reducer::Std, &[3.0]), 0.0);
        // Far from zero, where the sum of squares minus the square of the sum has no digit left.
        assert_eq!(reduced(Reducer::Std, &[1e9 + 1.0, 1e9 + 3.0]), 1.0);
        let values = [0.1, 0.7, -0.3, 0.7, 0.2];
        let (mut mean, mut squares) = (0.0, 0.0);
        for (n, value) in (1..).zip(values) {
            let delta: f64 = value - mean;
            mean += delta / f64::from(n);
            squares += delta * (value - mean);
        }
        assert_eq!(reduced(Reducer::Std, &values).to_bits(), (squares / 5.0_f64).sqrt().to_bits());
        assert!(reduced(Reducer::Std, &[]).is_nan());
    }

    #[test]
    fn sums_go_from_the_first_to_the_last() {
        let values = [1e16, 1.0, -1e16, 1.0];
        assert_eq!(reduced(Reducer::Sum, &values), 1.0);
        assert_eq!(reduced(Reducer::Mean, &values), 0.25);
    }

    #[test]
    fn without_a_step_the_next_alternative_counts_and_then_the_default() {
        let none = Accumulator::default();
        let mut some = none;
        some.take(Reducer::Last, 3.0);
        let both = vec![of(Reducer::First), of(Reducer::Last)];
        let descriptor = Descriptor { reductions: both, otherwise: None };
        assert_eq!(descriptor.value(&[none, some]), 3.0);
        assert!(descriptor.value(&[none, none]).is_nan());
        assert_eq!(Descriptor { otherwise: Some(7.0), ..descriptor }.value(&[none, none]), 7.0);
        assert!(reduced(Reducer::Mean, &[]).is_nan());
        assert_eq!(reduced(Reducer::Sum, &[]).to_bits(), 0.0_f64.to_bits());
    }
}
