//! One scalar episode: what every environment implements.

use crate::arguments::Arguments;
use crate::error::EnvError;

/// One action, for one episode.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// An index below the space's `n`.
    Discrete(u32),
    /// One value per dimension of the space, in its own type: what policies give.
    Continuous(&'a [f32]),
    /// The same in another type, float64 wide: references compute with what they are given.
    Typed(&'a [f64], FloatType),
}

/// The types of continuous actions beside the space's own float32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatType {
    /// `numpy.float16`: the values are such.
    F16,
    /// `numpy.float64`: what Python's lists of numbers become, too.
    F64,
}

impl Action<'_> {
    /// The index of a discrete action.
    ///
    /// # Panics
    ///
    /// If the action is continuous: the engine decodes logits by the environment's own space, so
    /// this cannot happen there.
    pub fn index(self) -> u32 {
        match self {
            Self::Discrete(index) => index,
            Self::Continuous(_) | Self::Typed(..) => {
                panic!("expected a discrete action, got a continuous one")
            }
        }
    }

    /// A value of a continuous action in float64, which holds those of every type.
    ///
    /// # Panics
    ///
    /// If the action is discrete, or has not so many dimensions.
    #[inline]
    pub fn value(self, dimension: usize) -> f64 {
        match self {
            Self::Continuous(values) => f64::from(values[dimension]),
            Self::Typed(values, _) => values[dimension],
            Self::Discrete(_) => panic!("expected a continuous action, got a discrete one"),
        }
    }
}

/// What a step returned, beside the observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The reward, in the reference's double precision.
    pub reward: f64,
    /// The episode reached an end state.
    pub terminated: bool,
    /// The episode reached a limit of the environment's own (not the engine's `max_episode_steps`).
    pub truncated: bool,
}

/// In which order an image-like observation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// As Gymnasium returns it: row-major, channels last. What an mlp sees, flattened.
    Gymnasium,
    /// `(channels, height, width)`: what a cnn sees. The same as `Gymnasium` where there are no channels.
    ChannelsFirst,
}

/// A named part of the state, for parity reports and debugging.
pub type StateField = (&'static str, StateValue);

/// The value of a part of the state.
#[derive(Clone, Debug, PartialEq)]
pub enum StateValue {
    /// Whole numbers: positions on a board, counters.
    Ints(Vec<i64>),
    /// Real numbers in the reference's double precision.
    Floats(Vec<f64>),
}

/// One episode at a time of one environment, its keyword arguments fixed.
pub trait Environment: Send + Sync {
    /// Takes over the reset options of the entry, all of them, for the resets to come. The random stream goes on, and with
    /// it what an episode hands to the next one. By default there are none.
    ///
    /// # Errors
    ///
    /// A value out of its range, which changes nothing.
    fn set_reset_options(&mut self, _options: &Arguments) -> Result<(), EnvError> {
        Ok(())
    }

    /// Starts an episode. `Some(seed)` seeds the random stream as `env.reset(seed=seed)` does;
    /// `None` goes on with the stream, as `env.reset()` does.
    fn reset(&mut self, seed: Option<u64>);

    /// Advances by one step.
    ///
    /// The first call must come after [`reset`](Self::reset). Past the end of an episode it does what
    /// the reference does.
    fn step(&mut self, action: Action<'_>) -> Step;

    /// Writes the observation; `observation` has the space's size.
    fn observe(&self, view: View, observation: &mut [f32]);

    /// Writes what happened in the last step, or in the reset if none came after it, a number for each name of
    /// [`Spec::event_fields`](crate::Spec::event_fields); by default there are none.
    fn events(&self, _events: &mut [f64]) {}

    /// The steps of the environment since the reset, where a step may be several of them; `None` where each is one.
    fn elapsed_steps(&self) -> Option<u64> {
        None
    }

    /// The state behind the observation.
    fn state(&self) -> Vec<StateField>;
}
