//! Pendulum-v1, as gymnasium 1.4.0 plays it (`classic_control/pendulum.py`).
//!
//! EXACT: observation and reward, with `g` and the reset options `x_init` and `y_init`. The state is float64;
//! the action keeps its type until it meets the state: where it is float32, as the space has it, its clipping,
//! `3.0 * u` and `0.001 * u ** 2` round to float32, and likewise for float16. `x ** 2` is the platform's
//! `pow(x, 2.0)` for the state and for a float64 action, `powf(u, 2.0f)` for the others. The reward is the negated
//! cost of the state before the step. The episode has no end but its limit.
//!
//! DIFFERENCE: none known.

mod lanes;

use crate::arguments::{Arguments, Parameter, Value};
use crate::entry::Entry;
use crate::environment::{Action, Environment, FloatType, StateField, StateValue, Step, View};
use crate::error::EnvError;
use crate::float16::float16;
use crate::group::LaneGroup;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use lane_math::libm;
use lanes::PendulumLanes;
use numpy_rng::Generator;
use std::f64::consts::PI;
use std::ops::Neg;

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
/// The default bounds of the uniform start state: of the angle (rad) and of its velocity (rad/s).
const START_BOUNDS: [f64; 2] = [PI, 1.0];

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
        Parameter { name: "x_init", default: Value::Float(START_BOUNDS[0]) },
        Parameter { name: "y_init", default: Value::Float(START_BOUNDS[1]) },
    ],
    variant_of: None,
    build,
};

fn build(kwargs: &Arguments, reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let gravity = kwargs.float("g");
    let mut prototype = Pendulum {
        pull: 3.0 * gravity / (2.0 * LENGTH),
        bounds: START_BOUNDS,
        rng: Generator::from_seed(0),
        state: State::default(),
    };
    prototype.set_reset_options(reset_options)?;
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
    /// The next state, and the cost of this one, under a torque.
    fn advanced(self, torque: Torque, pull: f64) -> (Self, f64) {
        let State { theta, theta_dot } = self;
        let cost = libm::pow(normalized(theta), 2.0) + 0.1 * libm::pow(theta_dot, 2.0) + torque.effort;
        let faster = theta_dot + (pull * libm::sin(theta) + torque.push) * DT;
        let theta_dot = clipped(faster, MAX_SPEED);
        (State { theta: theta + theta_dot * DT, theta_dot }, cost)
    }

    fn observed(self) -> [f32; 3] {
        [libm::cos(self.theta), libm::sin(self.theta), self.theta_dot].map(|value| value as f32)
    }
}

/// What a torque of 1 adds to the acceleration; exact in every type.
const PUSH: f32 = (3.0 / (MASS * (LENGTH * LENGTH))) as f32;
/// What a torque of 1 costs.
const EFFORT: f64 = 0.001;

/// What an action does, computed in its own type, then widened.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Torque {
    /// Added to the acceleration, rad/s^2.
    push: f64,
    /// Added to the cost.
    effort: f64,
}

impl Torque {
    /// Of an action, which is clipped to the bounds.
    fn of(action: Action<'_>) -> Self {
        match action {
            Action::Typed(values, FloatType::F64) => {
                let torque = clipped(values[0], f64::from(MAX_TORQUE));
                Self { push: f64::from(PUSH) * torque, effort: EFFORT * libm::pow(torque, 2.0) }
            }
            Action::Typed(values, FloatType::F16) => {
                let torque = clipped(values[0] as f32, MAX_TORQUE);
                let square = float16(libm::powf(torque, 2.0).into());
                Self { push: float16((PUSH * torque).into()), effort: float16(float16(EFFORT) * square) }
            }
            action => {
                let torque = clipped(action.value(0) as f32, MAX_TORQUE);
                let effort = EFFORT as f32 * libm::powf(torque, 2.0);
                Self { push: f64::from(PUSH * torque), effort: f64::from(effort) }
            }
        }
    }
}

/// `numpy.clip(value, -limit, limit)`: NaN passes.
fn clipped<F: Copy + PartialOrd + Neg<Output = F>>(value: F, limit: F) -> F {
    let raised = if value < -limit { -limit } else { value };
    if raised > limit { limit } else { raised }
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
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        self.bounds = [start_bound(options, "x_init")?, start_bound(options, "y_init")?];
        Ok(())
    }

    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        let [theta, theta_dot] = self.bounds.map(|bound| self.rng.uniform(-bound, bound));
        self.state = State { theta, theta_dot };
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        let (next, cost) = self.state.advanced(Torque::of(action), self.pull);
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

    /// gymnasium 1.4.0 with numpy 2.4.6: `env.reset(seed=42)`, then once 0.7 in each type, and a float16 whose square is none.
    #[test]
    fn an_action_s_type_has_its_own_bits() {
        let after = |action: Action<'_>| {
            let mut episode = registry::find("pendulum").unwrap().spec(&[], &[]).unwrap().environment();
            episode.reset(Some(42));
            let step = episode.step(action);
            let StateValue::Floats(theta_dot) = &episode.state()[1].1 else { panic!("a number") };
            (step.reward.to_bits(), theta_dot[0].to_bits())
        };
        let half = 0.7001953125;
        assert_eq!(after(Action::Continuous(&[0.7])), RECORDED[0]);
        assert_eq!(after(Action::Typed(&[0.7], FloatType::F64)), RECORDED[1]);
        assert_eq!(after(Action::Typed(&[half], FloatType::F16)), RECORDED[2]);
        assert_eq!(after(Action::Typed(&[102.0 / 1024.0], FloatType::F16)), RECORDED[3]);
        // A float64 action of float32's values is still another one.
        assert_ne!(after(Action::Typed(&[f64::from(0.7_f32)], FloatType::F64)), RECORDED[0]);
    }

    /// The bits of the reward and of the next velocity.
    const RECORDED: [(u64, u64); 4] = [
        (0xc007_b825_7b64_80d0, 0x3fe7_2d46_799c_a853),
        (0xc007_b825_7b64_4db2, 0x3fe7_2d46_7c2c_047b),
        (0xc007_b825_d4b4_80d0, 0x3fe7_2dea_5336_41ed),
        (0xc007_b729_c4b4_80d0, 0x3fe4_4b83_eccf_db86),
    ];

    #[test]
    fn clips_keep_nan_and_bounds() {
        assert_eq!([2.0, -2.5, 0.1].map(|torque| clipped(torque, MAX_TORQUE)), [2.0, -2.0, 0.1]);
        assert_eq!([8.5, -8.0, -9.0].map(|speed| clipped(speed, MAX_SPEED)), [8.0, -8.0, -8.0]);
        assert!(clipped(f32::NAN, MAX_TORQUE).is_nan() && clipped(f64::NAN, MAX_SPEED).is_nan());
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
