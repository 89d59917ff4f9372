//! Pendulum-v1, as gymnasium 1.4.0 plays it (`classic_control/pendulum.py`).
//!
//! EXACT: observation and reward, with `g` and the reset options `x_init` and `y_init`. The state is float64;
//! the action is float32 and stays so until it meets the state: its clipping, `3.0 * u` and `0.001 * u ** 2`
//! round to float32. `x ** 2` is the platform's `pow(x, 2.0)` for the state and `powf(u, 2.0f)` for the
//! action. The reward is the negated cost of the state before the step. The episode has no end but its limit.
//!
//! DIFFERENCE: none known.

mod lanes;

use crate::arguments::{Arguments, Parameter, Value};
use crate::environment::{Action, Environment, StateField, StateValue, Step, View};
use crate::error::EnvError;
use crate::group::{PrototypeSpec, Spec};
use crate::registry::Entry;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use lane_math::libm;
use lanes::PendulumLanes;
use numpy_rng::Generator;
use std::f64::consts::PI;

/// The largest angular velocity, rad/s.
const MAX_SPEED: f64 = 8.0;
/// The largest torque, N m.
const MAX_TORQUE: f32 = 2.0;
/// The time of a step, s.
const DT: f64 = 0.05;
/// Gravity, m/s^2, by default.
const GRAVITY: f64 = 10.0;
/// Mass of the pendulum, kg.
const MASS: f64 = 1.0;
/// Length of the pendulum, m.
const LENGTH: f64 = 1.0;

/// The names of the values of an observation.
const OBSERVATION_FIELDS: [&str; 3] = ["cos_theta", "sin_theta", "theta_dot"];

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "Pendulum-v1",
    short_name: "pendulum",
    summary: "swing a pendulum up and hold it there",
    max_episode_steps: Some(200),
    default_policy: "mlp:3-64-1",
    kwargs: &[Parameter { name: "g", default: Value::Float(GRAVITY) }],
    reset_options: &[
        Parameter { name: "x_init", default: Value::Float(PI) },
        Parameter { name: "y_init", default: Value::Float(1.0) },
    ],
    build,
};

fn build(kwargs: &Arguments, reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let bounds = [start_bound(reset_options, "x_init")?, start_bound(reset_options, "y_init")?];
    let gravity = kwargs.float("g");
    let prototype = Pendulum {
        pull: 3.0 * gravity / (2.0 * LENGTH),
        bounds,
        rng: Generator::from_seed(0),
        state: State::default(),
    };
    let observation_space = ObservationSpace { shape: vec![3], dtype: ObservationDtype::F32 };
    let action_space = ActionSpace::Box { low: vec![-MAX_TORQUE], high: vec![MAX_TORQUE] };
    let spec = PrototypeSpec::new(prototype, observation_space, action_space);
    Ok(Box::new(spec.with_groups(PendulumLanes::boxed).with_observation_fields(&OBSERVATION_FIELDS)))
}

/// The start is uniform in `-bound..bound`, which NumPy takes if it is neither negative nor infinite.
fn start_bound(reset_options: &Arguments, name: &str) -> Result<f64, EnvError> {
    let bound = reset_options.float(name);
    if bound >= 0.0 && (bound - -bound).is_finite() {
        return Ok(bound);
    }
    Err(EnvError::new(format!(
        "Pendulum-v1: reset option {name}: expected a finite number of at least 0, got {bound:?}"
    )))
}

/// The angle from upright (rad, unwrapped) and its velocity (rad/s).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct State {
    theta: f64,
    theta_dot: f64,
}

impl State {
    /// The next state, and the cost of this one, under an action that is clipped to the torque's bounds.
    fn advanced(self, action: f32, pull: f64) -> (Self, f64) {
        let State { theta, theta_dot } = self;
        let torque = clipped(action);
        let cost = libm::pow(normalized(theta), 2.0)
            + 0.1 * libm::pow(theta_dot, 2.0)
            + f64::from(0.001_f32 * libm::powf(torque, 2.0));
        let push = f64::from(PUSH * torque);
        let faster = theta_dot + (pull * libm::sin(theta) + push) * DT;
        let theta_dot = bounded(faster);
        (State { theta: theta + theta_dot * DT, theta_dot }, cost)
    }

    fn observed(self) -> [f32; 3] {
        [libm::cos(self.theta), libm::sin(self.theta), self.theta_dot].map(|value| value as f32)
    }
}

/// What a torque of 1 adds to the acceleration, in the action's float32.
const PUSH: f32 = (3.0 / (MASS * (LENGTH * LENGTH))) as f32;

/// `numpy.clip(action, -2, 2)`: NaN passes.
fn clipped(action: f32) -> f32 {
    let raised = if action < -MAX_TORQUE { -MAX_TORQUE } else { action };
    if raised > MAX_TORQUE { MAX_TORQUE } else { raised }
}

/// `numpy.clip(velocity, -8, 8)`: NaN passes.
fn bounded(velocity: f64) -> f64 {
    let raised = if velocity < -MAX_SPEED { -MAX_SPEED } else { velocity };
    if raised > MAX_SPEED { MAX_SPEED } else { raised }
}

/// `((theta + pi) % (2 * pi)) - pi`, with Python's remainder: never negative, and never -0.
fn normalized(theta: f64) -> f64 {
    let turn = 2.0 * PI;
    let remainder = libm::fmod(theta + PI, turn);
    remainder + (if remainder < 0.0 { turn } else { 0.0 }) - PI
}

/// One episode.
#[derive(Clone, Debug)]
pub(crate) struct Pendulum {
    /// `3 g / (2 l)`, 1/s^2.
    pull: f64,
    bounds: [f64; 2],
    rng: Generator,
    state: State,
}

impl Environment for Pendulum {
    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        let [theta, theta_dot] = self.bounds.map(|bound| self.rng.uniform(-bound, bound));
        self.state = State { theta, theta_dot };
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        let (next, cost) = self.state.advanced(action.values()[0], self.pull);
        self.state = next;
        Step { reward: -cost, terminated: false, truncated: false }
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        observation.copy_from_slice(&self.state.observed());
    }

    fn state(&self) -> Vec<StateField> {
        [("theta", self.state.theta), ("theta_dot", self.state.theta_dot)]
            .map(|(name, value)| (name, StateValue::Floats(vec![value])))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    /// gymnasium 1.4.0: `env.reset(seed=42)`, then actions 0.7 and -9.
    #[test]
    fn the_first_steps_have_the_bits_of_gymnasium() {
        let mut episode = registry::find("pendulum").unwrap().spec(&[], &[]).unwrap().environment();
        let mut observation = [0.0; 3];
        let mut observed = |episode: &dyn Environment| {
            episode.observe(View::Gymnasium, &mut observation);
            observation.map(f32::to_bits)
        };
        episode.reset(Some(42));
        assert_eq!(observed(episode.as_ref()), [0xbe19_8d2a, 0x3f7d_1aff, 0xbdfa_5a9a]);
        let step = episode.step(Action::Continuous(&[0.7]));
        assert_eq!(step.reward.to_bits(), 0xc007_b825_7b64_80d0);
        assert_eq!(observed(episode.as_ref()), [0xbe3e_1b3e, 0x3f7b_8cb5, 0x3f39_6a34]);
        let step = episode.step(Action::Continuous(&[-9.0]));
        assert_eq!(step.reward.to_bits(), 0xc009_29b8_446f_3cbe);
        assert_eq!(observed(episode.as_ref()), [0xbe78_2cd2, 0x3f78_5e29, 0x3f94_a377]);
    }

    #[test]
    fn clips_keep_nan_and_bounds() {
        assert_eq!([clipped(2.0), clipped(-2.5), clipped(0.1)], [2.0, -2.0, 0.1]);
        assert_eq!([bounded(8.5), bounded(-8.0), bounded(-9.0)], [8.0, -8.0, -8.0]);
        assert!(clipped(f32::NAN).is_nan() && bounded(f64::NAN).is_nan());
    }

    #[test]
    fn start_bounds_are_checked() {
        for (bound, shown) in [(-1.0, "-1.0"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
            let options = [("y_init".to_string(), Value::Float(bound))];
            let message = registry::find("pendulum").unwrap().spec(&[], &options).err().unwrap().to_string();
            let expected = "Pendulum-v1: reset option y_init: expected a finite number of at least 0, got ";
            assert_eq!(message, format!("{expected}{shown}"));
        }
    }
}
