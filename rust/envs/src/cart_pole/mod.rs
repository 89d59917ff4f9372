//! CartPole-v1, as gymnasium 1.4.0 plays it (`classic_control/cartpole.py`, the Euler integrator).
//!
//! EXACT: observation, reward and termination, from reset to any number of steps past the end, with
//! `sutton_barto_reward` and the reset options `low` and `high`. The state is float64, its sines and
//! cosines are the platform's libm, `np.square(x)` is x * x, and the observation is the state's
//! float32 cast.
//!
//! DIFFERENCE: none known. The reference logs a warning when it is stepped past the end; this does not.

mod lanes;

use crate::arguments::{Arguments, Parameter, Value};
use crate::entry::Entry;
use crate::environment::{Action, Environment, StateField, StateValue, Step, View};
use crate::error::EnvError;
use crate::group::LaneGroup;
use crate::reset_bounds;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use lane_math::libm;
use lanes::CartPoleLanes;
use numpy_rng::Generator;
use std::f64::consts::PI;

/// Gravity, m/s^2.
const GRAVITY: f64 = 9.8;
/// Mass of the cart, kg.
const CART_MASS: f64 = 1.0;
/// Mass of the pole, kg.
const POLE_MASS: f64 = 0.1;
/// Mass of both, kg: the rounded sum, as the reference has it.
const TOTAL_MASS: f64 = POLE_MASS + CART_MASS;
/// Half the length of the pole, m.
const LENGTH: f64 = 0.5;
/// The pole's mass times half its length, kg m.
const POLE_MASS_LENGTH: f64 = POLE_MASS * LENGTH;
/// The three constants above that the equations of motion use.
const CART_POLE_MASSES: [f64; 3] = [TOTAL_MASS, POLE_MASS, POLE_MASS_LENGTH];
/// The push of an action, N.
const FORCE: f64 = 10.0;
/// The time of a step, s.
const TAU: f64 = 0.02;
/// The angle beyond which the pole has fallen, rad: 12 degrees.
const ANGLE_LIMIT: f64 = 12.0 * 2.0 * PI / 360.0;
/// The position beyond which the cart has left the track, m.
const POSITION_LIMIT: f64 = 2.4;
/// The default bounds of the uniform start state.
const RESET_BOUND: f64 = 0.05;

/// The names of the values of an observation.
const OBSERVATION_FIELDS: [&str; 4] = ["x", "x_dot", "theta", "theta_dot"];

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "CartPole-v1",
    short_name: "cartpole",
    summary: "balance a pole on a cart",
    max_episode_steps: Some(500),
    default_policy: "mlp:4-64-2",
    kwargs: &[Parameter { name: "sutton_barto_reward", default: Value::Bool(false) }],
    reset_options: &[
        Parameter { name: "low", default: Value::Float(-RESET_BOUND) },
        Parameter { name: "high", default: Value::Float(RESET_BOUND) },
    ],
    variant_of: None,
    build,
};

/// The registry's entry of the former version, which Gymnasium has kept.
pub(crate) const SHORT_ENTRY: Entry = Entry {
    id: "CartPole-v0",
    short_name: "cartpole-v0",
    summary: "balance a pole on a cart for 200 steps",
    max_episode_steps: Some(200),
    variant_of: Some(ENTRY.id),
    ..ENTRY
};

fn build(kwargs: &Arguments, reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let mut prototype = CartPole {
        sutton_barto_reward: kwargs.bool("sutton_barto_reward"),
        low: -RESET_BOUND,
        high: RESET_BOUND,
        rng: Generator::from_seed(0),
        state: State::default(),
        fallen: false,
    };
    prototype.set_reset_options(reset_options)?;
    let observation_space = ObservationSpace { shape: vec![4], dtype: ObservationDtype::F32 };
    let spec = PrototypeSpec::new(prototype, observation_space, ActionSpace::Discrete(2));
    Ok(Box::new(spec.with_groups(CartPoleLanes::boxed).with_observation_fields(&OBSERVATION_FIELDS)))
}

/// Position (m), velocity (m/s), the pole's angle (rad) and angular velocity (rad/s).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct State {
    x: f64,
    x_dot: f64,
    theta: f64,
    theta_dot: f64,
}

impl State {
    fn to_array(self) -> [f64; 4] {
        [self.x, self.x_dot, self.theta, self.theta_dot]
    }

    /// One Euler step under `force`, in the reference's order of operations.
    fn advanced(self, force: f64) -> Self {
        let State { x, x_dot, theta, theta_dot } = self;
        let cos_theta = libm::cos(theta);
        let sin_theta = libm::sin(theta);

        let temp = (force + POLE_MASS_LENGTH * (theta_dot * theta_dot) * sin_theta) / TOTAL_MASS;
        let theta_acc = (GRAVITY * sin_theta - cos_theta * temp)
            / (LENGTH * (4.0 / 3.0 - POLE_MASS * (cos_theta * cos_theta) / TOTAL_MASS));
        let x_acc = temp - POLE_MASS_LENGTH * theta_acc * cos_theta / TOTAL_MASS;

        State {
            x: x + TAU * x_dot,
            x_dot: x_dot + TAU * x_acc,
            theta: theta + TAU * theta_dot,
            theta_dot: theta_dot + TAU * theta_acc,
        }
    }

    fn has_fallen(self) -> bool {
        self.x < -POSITION_LIMIT
            || self.x > POSITION_LIMIT
            || self.theta < -ANGLE_LIMIT
            || self.theta > ANGLE_LIMIT
    }
}

/// One episode.
#[derive(Clone, Debug)]
pub(crate) struct CartPole {
    sutton_barto_reward: bool,
    low: f64,
    high: f64,
    rng: Generator,
    state: State,
    /// A step of this episode has already returned terminated.
    fallen: bool,
}

impl CartPole {
    /// The rewards of a step that goes on and of the first one that does not.
    fn rewards_of_a_first_fall(&self) -> (f64, f64) {
        if self.sutton_barto_reward { (0.0, -1.0) } else { (1.0, 1.0) }
    }
}

impl Environment for CartPole {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        (self.low, self.high) = reset_bounds::parse(ENTRY.id, options)?;
        Ok(())
    }

    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        let mut draw = || self.rng.uniform(self.low, self.high);
        self.state = State { x: draw(), x_dot: draw(), theta: draw(), theta_dot: draw() };
        self.fallen = false;
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        let force = if action.index() == 1 { FORCE } else { -FORCE };
        self.state = self.state.advanced(force);
        let terminated = self.state.has_fallen();
        let (going, ending) = self.rewards_of_a_first_fall();
        let reward = match (terminated, self.fallen, self.sutton_barto_reward) {
            (false, _, _) => going,
            (true, true, false) => 0.0,
            (true, _, _) => ending,
        };
        self.fallen |= terminated;
        Step { reward, terminated, truncated: false }
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        for (shown, value) in observation.iter_mut().zip(self.state.to_array()) {
            *shown = value as f32;
        }
    }

    fn state(&self) -> Vec<StateField> {
        let State { x, x_dot, theta, theta_dot } = self.state;
        [("x", x), ("x_dot", x_dot), ("theta", theta), ("theta_dot", theta_dot)]
            .map(|(name, value)| (name, StateValue::Floats(vec![value])))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    fn spec(kwargs: &[(&str, Value)], reset_options: &[(&str, Value)]) -> Result<Box<dyn Spec>, EnvError> {
        let owned = |given: &[(&str, Value)]| -> Vec<_> {
            given.iter().map(|&(name, value)| (name.to_string(), value)).collect()
        };
        registry::find("cartpole")?.spec(&owned(kwargs), &owned(reset_options))
    }

    /// gymnasium 1.4.0: `env.reset(seed=42)`, then action 1.
    #[test]
    fn the_first_step_has_the_bits_of_gymnasium() {
        let mut episode = spec(&[], &[]).unwrap().environment();
        let mut observation = [0.0; 4];
        episode.reset(Some(42));
        episode.observe(View::Gymnasium, &mut observation);
        assert_eq!(observation, [0.027395604, -0.006112156, 0.035859793, 0.019736802]);
        episode.step(Action::Discrete(1));
        episode.observe(View::Gymnasium, &mut observation);
        assert_eq!(observation, [0.027273363, 0.18847767, 0.03625453, -0.26141977]);
    }

    #[test]
    fn past_the_end_the_reward_is_the_reference_s() {
        for (sutton_barto, expected) in [(false, [1.0, 1.0, 0.0]), (true, [0.0, -1.0, -1.0])] {
            let spec = spec(&[("sutton_barto_reward", Value::Bool(sutton_barto))], &[]).unwrap();
            let mut episode = spec.environment();
            episode.reset(Some(0));
            let mut rewards = Vec::new();
            while rewards.len() < 2 || !episode_ended(&rewards) {
                let step = episode.step(Action::Discrete(0));
                rewards.push((step.reward, step.terminated));
            }
            let end = rewards.iter().position(|reward| reward.1).unwrap();
            let around: Vec<f64> = rewards[end - 1..=end + 1].iter().map(|reward| reward.0).collect();
            assert_eq!(around, expected);
        }
    }

    fn episode_ended(rewards: &[(f64, bool)]) -> bool {
        rewards.iter().filter(|reward| reward.1).count() >= 2
    }

    #[test]
    fn bounds_of_the_start_are_checked() {
        let messages: Vec<_> = [(1.0, 0.0), (f64::MIN, f64::MAX)]
            .into_iter()
            .map(|(low, high)| spec(&[], &[("low", Value::Float(low)), ("high", Value::Float(high))]))
            .map(|result| result.err().unwrap().to_string())
            .collect();
        assert_eq!(
            messages[0],
            "CartPole-v1: reset options: expected low <= high, got low = 1.0, high = 0.0"
        );
        assert!(messages[1].contains("expected a finite range"), "{}", messages[1]);
    }
}
