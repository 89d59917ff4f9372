//! Acrobot-v1, as gymnasium 1.4.0 plays it (`classic_control/acrobot.py`: the book's dynamics, no torque noise).
//!
//! EXACT: observation, reward and termination, with the reset options `low` and `high`. The state is float64
//! from the first step on; `reset` rounds it to float32, so the first observation is NumPy's own float32 sine
//! and cosine ([`numpy_float32`]). Later ones are the platform's libm, and `x ** 2` is its `pow(x, 2.0)`.
//!
//! DIFFERENCE: reset bounds beyond 100 are refused. The reference wraps angles a turn at a time, which from such
//! a start takes minutes, or for ever.

mod lanes;
mod numpy_float32;

use crate::arguments::{Arguments, Parameter, Value};
use crate::entry::Entry;
use crate::environment::{Action, Environment, StateField, StateValue, Step, View};
use crate::error::EnvError;
use crate::group::LaneGroup;
use crate::reset_bounds;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use lane_math::libm;
use lanes::AcrobotLanes;
use numpy_rng::Generator;
use std::f64::consts::PI;

/// The time of a step, s.
const DT: f64 = 0.2;
/// Length of the first link, m. The second's is never used: only its centre of mass matters.
const LINK_LENGTH_1: f64 = 1.0;
/// Mass of the first link, kg.
const LINK_MASS_1: f64 = 1.0;
/// Mass of the second link, kg.
const LINK_MASS_2: f64 = 1.0;
/// From the first joint to the first link's centre of mass, m.
const LINK_COM_1: f64 = 0.5;
/// From the second joint to the second link's centre of mass, m.
const LINK_COM_2: f64 = 0.5;
/// Moment of inertia of either link, kg m^2.
const LINK_INERTIA: f64 = 1.0;
/// Gravity, m/s^2.
const GRAVITY: f64 = 9.8;
/// The largest angular velocity of the first joint, rad/s.
const MAX_VELOCITY_1: f64 = 4.0 * PI;
/// The largest angular velocity of the second joint, rad/s.
const MAX_VELOCITY_2: f64 = 9.0 * PI;
/// The torques of the actions, N m.
const TORQUES: [f64; 3] = [-1.0, 0.0, 1.0];
/// The default bounds of the uniform start state.
const RESET_BOUND: f64 = 0.1;
/// The largest reset bound that is taken: see DIFFERENCE above.
const LARGEST_RESET_BOUND: f64 = 100.0;

/// The names of the values of an observation.
const OBSERVATION_FIELDS: [&str; 6] =
    ["cos_theta1", "sin_theta1", "cos_theta2", "sin_theta2", "theta1_dot", "theta2_dot"];

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "Acrobot-v1",
    short_name: "acrobot",
    summary: "swing a two-link arm above a line",
    max_episode_steps: Some(500),
    default_policy: "mlp:6-64-3",
    kwargs: &[],
    reset_options: &[
        Parameter { name: "low", default: Value::Float(-RESET_BOUND) },
        Parameter { name: "high", default: Value::Float(RESET_BOUND) },
    ],
    variant_of: None,
    build,
};

fn build(_kwargs: &Arguments, reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let mut prototype = Acrobot {
        low: -RESET_BOUND,
        high: RESET_BOUND,
        rng: Generator::from_seed(0),
        state: State::default(),
        is_first: true,
    };
    prototype.set_reset_options(reset_options)?;
    let observation_space = ObservationSpace { shape: vec![6], dtype: ObservationDtype::F32 };
    let spec = PrototypeSpec::new(prototype, observation_space, ActionSpace::Discrete(3));
    Ok(Box::new(spec.with_groups(AcrobotLanes::boxed).with_observation_fields(&OBSERVATION_FIELDS)))
}

/// The angle of the first link from straight down and of the second from the first (rad), and their
/// velocities (rad/s).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct State {
    theta1: f64,
    theta2: f64,
    dtheta1: f64,
    dtheta2: f64,
}

impl State {
    fn to_array(self) -> [f64; 4] {
        [self.theta1, self.theta2, self.dtheta1, self.dtheta2]
    }

    /// `self + step * slope`, as the reference's arrays add.
    fn moved(self, step: f64, slope: [f64; 4]) -> Self {
        State {
            theta1: self.theta1 + step * slope[0],
            theta2: self.theta2 + step * slope[1],
            dtheta1: self.dtheta1 + step * slope[2],
            dtheta2: self.dtheta2 + step * slope[3],
        }
    }

    /// The time derivative under a torque on the second joint, in the reference's order of operations.
    fn slope(self, torque: f64) -> [f64; 4] {
        let State { theta1, theta2, dtheta1, dtheta2 } = self;
        let (m1, m2, l1, lc1, lc2) = (LINK_MASS_1, LINK_MASS_2, LINK_LENGTH_1, LINK_COM_1, LINK_COM_2);
        let (sin2, cos2) = (libm::sin(theta2), libm::cos(theta2));
        let d1 = m1 * (lc1 * lc1)
            + m2 * (l1 * l1 + lc2 * lc2 + 2.0 * l1 * lc2 * cos2)
            + LINK_INERTIA
            + LINK_INERTIA;
        let d2 = m2 * (lc2 * lc2 + l1 * lc2 * cos2) + LINK_INERTIA;
        let phi2 = m2 * lc2 * GRAVITY * libm::cos(theta1 + theta2 - PI / 2.0);
        let phi1 = -m2 * l1 * lc2 * libm::pow(dtheta2, 2.0) * sin2
            - 2.0 * m2 * l1 * lc2 * dtheta2 * dtheta1 * sin2
            + (m1 * lc1 + m2 * l1) * GRAVITY * libm::cos(theta1 - PI / 2.0)
            + phi2;
        let ddtheta2 = (torque + d2 / d1 * phi1 - m2 * l1 * lc2 * libm::pow(dtheta1, 2.0) * sin2 - phi2)
            / (m2 * (lc2 * lc2) + LINK_INERTIA - libm::pow(d2, 2.0) / d1);
        let ddtheta1 = -(d2 * ddtheta2 + phi1) / d1;
        [dtheta1, dtheta2, ddtheta1, ddtheta2]
    }

    /// One Runge-Kutta step of fourth order, then the limits of angles and velocities.
    fn advanced(self, torque: f64) -> Self {
        let half = DT / 2.0;
        let k1 = self.slope(torque);
        let k2 = self.moved(half, k1).slope(torque);
        let k3 = self.moved(half, k2).slope(torque);
        let k4 = self.moved(DT, k3).slope(torque);
        let sum = std::array::from_fn(|field| k1[field] + 2.0 * k2[field] + 2.0 * k3[field] + k4[field]);
        let next = self.moved(DT / 6.0, sum);
        State {
            theta1: wrapped(next.theta1),
            theta2: wrapped(next.theta2),
            dtheta1: bounded(next.dtheta1, MAX_VELOCITY_1),
            dtheta2: bounded(next.dtheta2, MAX_VELOCITY_2),
        }
    }

    /// The tip is above the line.
    fn has_swung_up(self) -> bool {
        -libm::cos(self.theta1) - libm::cos(self.theta2 + self.theta1) > 1.0
    }

    /// The observation of a state that is float64, as all but the first are.
    fn observed(self) -> [f32; 6] {
        let State { theta1, theta2, dtheta1, dtheta2 } = self;
        let shown =
            [libm::cos(theta1), libm::sin(theta1), libm::cos(theta2), libm::sin(theta2), dtheta1, dtheta2];
        shown.map(|value| value as f32)
    }

    /// The observation of the start state, whose numbers are float32.
    fn observed_first(self) -> [f32; 6] {
        let [theta1, theta2, dtheta1, dtheta2] = self.to_array().map(|value| value as f32);
        let ((sin1, cos1), (sin2, cos2)) = (numpy_float32::sin_cos(theta1), numpy_float32::sin_cos(theta2));
        [cos1, sin1, cos2, sin2, dtheta1, dtheta2]
    }
}

/// An angle taken into [-pi, pi] by whole turns, one at a time as the reference does: each subtraction rounds.
fn wrapped(mut angle: f64) -> f64 {
    let turn = PI - -PI;
    while angle > PI {
        angle -= turn;
    }
    while angle < -PI {
        angle += turn;
    }
    angle
}

/// `min(max(value, -limit), limit)` as Python compares.
fn bounded(value: f64, limit: f64) -> f64 {
    let raised = if -limit > value { -limit } else { value };
    if limit < raised { limit } else { raised }
}

/// One episode.
#[derive(Clone, Debug)]
pub(crate) struct Acrobot {
    low: f64,
    high: f64,
    rng: Generator,
    state: State,
    /// No step has been taken: the state is float32.
    is_first: bool,
}

impl Environment for Acrobot {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        let (low, high) = reset_bounds::parse(ENTRY.id, options)?;
        if low.abs().max(high.abs()) > LARGEST_RESET_BOUND {
            return Err(EnvError::new(format!(
                "{}: reset options: expected low and high within +-{LARGEST_RESET_BOUND}, got low = {low:?}, high = {high:?}",
                ENTRY.id
            )));
        }
        (self.low, self.high) = (low, high);
        Ok(())
    }

    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        let mut draw = || f64::from(self.rng.uniform(self.low, self.high) as f32);
        self.state = State { theta1: draw(), theta2: draw(), dtheta1: draw(), dtheta2: draw() };
        self.is_first = true;
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        self.state = self.state.advanced(TORQUES[action.index() as usize]);
        self.is_first = false;
        let terminated = self.state.has_swung_up();
        Step { reward: if terminated { 0.0 } else { -1.0 }, terminated, truncated: false }
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        let shown = if self.is_first { self.state.observed_first() } else { self.state.observed() };
        observation.copy_from_slice(&shown);
    }

    fn state(&self) -> Vec<StateField> {
        let names = ["theta1", "theta2", "dtheta1", "dtheta2"];
        names
            .into_iter()
            .zip(self.state.to_array())
            .map(|(name, value)| (name, StateValue::Floats(vec![value])))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    fn spec(low: f64, high: f64) -> Result<Box<dyn Spec>, EnvError> {
        let options = [("low", low), ("high", high)];
        let options = options.map(|(name, bound)| (name.to_string(), Value::Float(bound)));
        registry::find("acrobot").unwrap().spec(&[], &options)
    }

    /// gymnasium 1.4.0: `env.reset(seed=42)`, then action 2.
    #[test]
    fn the_first_step_has_the_bits_of_gymnasium() {
        let mut episode = spec(-0.1, 0.1).unwrap().environment();
        let mut observation = [0.0; 6];
        let mut observed = |episode: &dyn Environment| {
            episode.observe(View::Gymnasium, &mut observation);
            observation.map(f32::to_bits)
        };
        episode.reset(Some(42));
        let first = [0x3f7f_9da7, 0x3d60_5001, 0x3f7f_fb1a, 0xbc48_4734, 0x3d92_e1b8, 0x3d21_af13];
        assert_eq!(observed(episode.as_ref()), first);
        let step = episode.step(Action::Discrete(2));
        assert_eq!(step, Step { reward: -1.0, terminated: false, truncated: false });
        let second = [0x3f7f_b315, 0x3d46_644d, 0x3f7f_d482, 0x3d15_3264, 0xbe07_265f, 0x3edf_d5b3];
        assert_eq!(observed(episode.as_ref()), second);
    }

    #[test]
    fn angles_wrap_by_whole_turns_and_velocities_stop_at_their_limits() {
        assert_eq!(wrapped(PI), PI);
        assert_eq!(wrapped(4.0), 4.0 - 2.0 * PI);
        assert_eq!(wrapped(-10.0), -10.0 + 2.0 * PI + 2.0 * PI);
        assert_eq!(bounded(100.0, MAX_VELOCITY_1), MAX_VELOCITY_1);
        assert_eq!(bounded(-100.0, MAX_VELOCITY_2), -MAX_VELOCITY_2);
        assert_eq!(bounded(0.5, MAX_VELOCITY_1), 0.5);
    }

    #[test]
    fn bounds_of_the_start_are_checked() {
        let message = spec(-0.1, 101.0).err().unwrap().to_string();
        let expected =
            "Acrobot-v1: reset options: expected low and high within +-100, got low = -0.1, high = 101.0";
        assert_eq!(message, expected);
        assert!(spec(1.0, -1.0).err().unwrap().to_string().contains("expected low <= high"));
    }
}
