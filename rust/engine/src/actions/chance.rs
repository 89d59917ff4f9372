//! What is random in actions, drawn from a stream of each episode's own.
//!
//! **Contract.** An episode of seed `s` draws from `numpy.random.default_rng([ACTION_STREAM, s])`, apart from the
//! environment's own stream, so that it remains a function of its seed. For each action of the policy, in this order:
//!
//! 1. if epsilon is not 0: `random() < epsilon` takes a random action instead of the policy's, `integers(n)`, or
//!    `uniform(low, high)` in float64 for each dimension of a Box, rounded to float32;
//! 2. else what the head draws: [`Head::Sample`](super::Head::Sample) one `random()`, as `choice(n, p=softmax(outputs))`
//!    uses it; noise a `standard_normal()` for each output, rounded to float32, times its deviation, added to the output
//!    before the head, each in float32;
//! 3. if sticky is not 0, and the episode has had an action: `random() < sticky` repeats that one.
//!
//! What is not asked for draws nothing. Where frames are skipped, an action is chosen once for all of them.

use crate::error::EngineError;
use envs::ActionSpace;
use numpy_rng::{Generator, SeedSequence};

/// What seeds the streams of actions beside the episode's seed: "actions" in ASCII.
pub const ACTION_STREAM: u64 = 0x0061_6374_696f_6e73;

/// What is random in a policy's actions, beside [`Head::Sample`](super::Head::Sample).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exploration<'a> {
    /// Gaussian noise on the outputs, before the head of a Box.
    pub noise: Noise<'a>,
    /// The probability of a random action.
    pub epsilon: f64,
    /// The probability that an episode's former action is repeated.
    pub sticky: f64,
}

/// The standard deviations of the noise on the outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Noise<'a> {
    /// There is none.
    #[default]
    None,
    /// These, one for each output.
    Fixed(&'a [f32]),
    /// Of each individual its own: its first parameters, before those of the network, are their logarithms.
    LogStd,
}

impl Exploration<'_> {
    /// The probabilities are such, and there is noise only where there can be: on the `n` outputs for a Box.
    pub(crate) fn check(&self, space: &ActionSpace) -> Result<(), EngineError> {
        for (name, probability) in [("epsilon", self.epsilon), ("sticky", self.sticky)] {
            if !(0.0..=1.0).contains(&probability) {
                let message = format!("{name}: expected a probability from 0 to 1, got {probability}");
                return Err(EngineError::input(message));
            }
        }
        if self.noise != Noise::None && !matches!(space, ActionSpace::Box { .. }) {
            return Err(EngineError::input("noise: expected none for discrete actions"));
        }
        let Noise::Fixed(deviations) = self.noise else {
            return Ok(());
        };
        let n = space.n_logits();
        if deviations.len() != n || !deviations.iter().all(|value| value.is_finite() && *value >= 0.0) {
            return Err(EngineError::input(format!(
                "noise: expected {n} standard deviations from 0, one for each output, got {deviations:?}"
            )));
        }
        Ok(())
    }
}

/// The standard deviation of which a parameter is the logarithm: the float32 next to its exponential.
pub(crate) fn deviation(log_std: f32) -> f32 {
    f64::from(log_std).exp() as f32
}

/// The stream of one lane's episode.
#[derive(Clone)]
pub(super) struct Stream {
    pub(super) rng: Generator,
    /// Whether the episode has had an action.
    has_acted: bool,
}

impl Stream {
    pub(super) fn of_episode(seed: u64) -> Self {
        let sequence = SeedSequence::from_integers(&[ACTION_STREAM, seed]);
        Self { rng: Generator::from_seed_sequence(&sequence), has_acted: false }
    }

    /// Whether the next action is a random one.
    pub(super) fn explores(&mut self, epsilon: f64) -> bool {
        epsilon > 0.0 && self.rng.random() < epsilon
    }

    /// Whether the next action is the former one. The last draw of an action.
    pub(super) fn repeats(&mut self, sticky: f64) -> bool {
        let had_acted = std::mem::replace(&mut self.has_acted, true);
        sticky > 0.0 && had_acted && self.rng.random() < sticky
    }

    /// `choice(n, p=probabilities)`: the first index whose cumulative probability, in float64, is above a draw.
    pub(super) fn choice(&mut self, probabilities: &[f32]) -> u32 {
        let draw = self.rng.random();
        let total: f64 = probabilities.iter().copied().map(f64::from).sum();
        let mut cumulative = 0.0;
        let is_above = |&probability: &f32| {
            cumulative += f64::from(probability);
            draw < cumulative / total
        };
        // The last quotient is 1, and no draw is.
        probabilities.iter().position(is_above).unwrap_or(probabilities.len() - 1) as u32
    }

    /// An action `0..n`.
    pub(super) fn any_index(&mut self, n: u32) -> u32 {
        self.rng.integers(0, i64::from(n)) as u32
    }

    /// Any action of a Box.
    pub(super) fn any_values(&mut self, low: &[f32], high: &[f32], values: &mut [f32]) {
        for (value, (&low, &high)) in values.iter_mut().zip(low.iter().zip(high)) {
            *value = self.rng.uniform(f64::from(low), f64::from(high)) as f32;
        }
    }

    /// Adds noise to outputs.
    pub(super) fn add_noise(&mut self, deviations: &[f32], outputs: &mut [f32]) {
        for (output, &deviation) in outputs.iter_mut().zip(deviations) {
            *output += self.rng.standard_normal() as f32 * deviation;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.default_rng([int.from_bytes(b"actions"), 5])`.
    #[test]
    fn streams_are_seeded_by_the_constant_and_the_seed() {
        let sequence = SeedSequence::from_words(&[0x696f_6e73, 0x0061_6374, 5]);
        assert_eq!(Stream::of_episode(5).rng, Generator::from_seed_sequence(&sequence));
        assert_ne!(Stream::of_episode(5).rng, Generator::from_seed(5));
    }

    #[test]
    fn what_is_not_asked_for_draws_nothing() {
        let mut stream = Stream::of_episode(1);
        let before = stream.rng.clone();
        assert!(!stream.explores(0.0) && !stream.repeats(0.0));
        assert_eq!(stream.rng, before);
        // The first action of an episode has none before it.
        let mut stream = Stream::of_episode(1);
        assert!(!stream.repeats(1.0));
        assert_eq!(stream.rng, before);
        assert!(stream.repeats(1.0) && stream.explores(1.0));
    }

    #[test]
    fn choices_are_as_frequent_as_they_are_probable() {
        let mut stream = Stream::of_episode(2);
        let mut counts = [0; 4];
        (0..10_000).for_each(|_| counts[stream.choice(&[0.125, 0.0, 0.5, 0.375]) as usize] += 1);
        assert_eq!(counts[1], 0);
        for (count, expected) in counts.into_iter().zip([1250_i32, 0, 5000, 3750]) {
            assert!((count - expected).abs() < 200, "{counts:?}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let discrete = ActionSpace::Discrete(2);
        let bounded = ActionSpace::Box { low: vec![0.0; 2], high: vec![1.0; 2] };
        let why = |exploration: Exploration<'_>, space| match exploration.check(space) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        let usual = Exploration::default();
        let range = "expected a probability from 0 to 1, got";
        assert_eq!(why(Exploration { epsilon: 1.5, ..usual }, &discrete), format!("epsilon: {range} 1.5"));
        assert_eq!(why(Exploration { sticky: f64::NAN, ..usual }, &discrete), format!("sticky: {range} NaN"));
        let with = |noise| Exploration { noise, ..usual };
        assert_eq!(why(with(Noise::LogStd), &discrete), "noise: expected none for discrete actions");
        let deviations = "noise: expected 2 standard deviations from 0, one for each output, got";
        assert_eq!(why(with(Noise::Fixed(&[1.0])), &bounded), format!("{deviations} [1.0]"));
        assert_eq!(why(with(Noise::Fixed(&[1.0, -1.0])), &bounded), format!("{deviations} [1.0, -1.0]"));
        for noise in [Noise::None, Noise::LogStd, Noise::Fixed(&[0.0, 2.0])] {
            assert_eq!(why(Exploration { noise, epsilon: 1.0, sticky: 1.0 }, &bounded), "");
        }
    }
}
