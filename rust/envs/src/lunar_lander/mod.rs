//! LunarLander-v3, as gymnasium 1.4.0 plays it (`box2d/lunar_lander.py`) on Box2D 2.3.10.
//!
//! EXACT: observation, reward and termination, discrete and `continuous`, with any `gravity`, `enable_wind`, `wind_power`
//! and `turbulence_power`, from reset to any number of steps past the end. What the reference computes in Python is
//! float64 here, and its sin, cos and tanh are the platform's libm; numbers become float32 where they enter Box2D, whose
//! part is played by [`planar`]. The random stream gives, in this order: twelve heights, two components of the initial
//! force, with wind two integers, then two dispersions in every step, whether an engine fires or not. A reset plays one
//! step without engines, so the first observation is that of a world that has already moved.
//!
//! A continuous action of any type is clipped as NumPy clips it, then float64: infinities become full throttle, NaN fires
//! no engine.
//!
//! DIFFERENCE: `wind_power` and `turbulence_power` beyond 1e30 are refused: some powers of ten later the reference's world
//! overflows, and all that it shows is NaN. Outside the ranges that the reference recommends it logs a warning; this does
//! not.

mod engines;
mod episode;
mod scene;
mod view;
mod wind;

pub(crate) use episode::LunarLander;

use crate::arguments::{Arguments, Parameter, Value};
use crate::entry::Entry;
use crate::error::EnvError;
use crate::group::LaneGroup;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use crate::worlds::WorldGroup;
use wind::Wind;

/// Pixels of the reference's picture per metre: its lengths are in pixels.
const SCALE: f64 = 30.0;
/// Width of the world, m.
const WIDTH: f64 = 600.0 / SCALE;
/// Height of the world, m.
const HEIGHT: f64 = 400.0 / SCALE;
/// From the craft's origin down to the ground when it stands on its legs, m.
const LEG_DOWN: f64 = 18.0 / SCALE;
/// The largest component of the initial force on the craft, N.
const INITIAL_FORCE: f64 = 1000.0;
/// What a step of the main engine at full throttle costs.
const MAIN_ENGINE_COST: f64 = 0.30;
/// The same of a side engine.
const SIDE_ENGINE_COST: f64 = 0.03;
/// Gravity by default, m/s^2.
const GRAVITY: f64 = -10.0;
/// Values in an observation.
const OBSERVED: usize = 8;
/// The names of the values of an observation.
const OBSERVATION_FIELDS: [&str; OBSERVED] =
    ["x", "y", "x_velocity", "y_velocity", "angle", "angular_velocity", "leg1_contact", "leg2_contact"];
/// Flags of 0 or 1 after a step: a leg, or both, stand on the ground; the hull has touched the ground
/// (`game_over`); the craft has come to rest (its hull is asleep), which is a landing.
const EVENT_FIELDS: [&str; 3] = ["leg_contact", "crashed", "landed"];
/// As many worlds as the physics solves together: 710,000 steps/s on one core, against 690,000 with 16 lanes and 500,000
/// with 8.
const LANES_THAT_PAY: usize = 32;

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "LunarLander-v3",
    short_name: "lunarlander",
    summary: "land a rocket between two flags",
    max_episode_steps: Some(1000),
    default_policy: "mlp:8-64-4",
    kwargs: &keyword_arguments(false),
    reset_options: &[],
    variant_of: None,
    build,
};

/// The registry's entry of continuous actions.
pub(crate) const CONTINUOUS_ENTRY: Entry = Entry {
    id: "LunarLanderContinuous-v3",
    short_name: "lunarlandercontinuous",
    summary: "land a rocket with throttles between two flags",
    kwargs: &keyword_arguments(true),
    variant_of: Some(ENTRY.id),
    ..ENTRY
};

const fn keyword_arguments(continuous: bool) -> [Parameter; 5] {
    [
        Parameter { name: "continuous", default: Value::Bool(continuous) },
        Parameter { name: "gravity", default: Value::Float(GRAVITY) },
        Parameter { name: "enable_wind", default: Value::Bool(false) },
        Parameter { name: "wind_power", default: Value::Float(15.0) },
        Parameter { name: "turbulence_power", default: Value::Float(1.5) },
    ]
}

/// What fits the action space of `continuous`, in place of the entry's policy.
const CONTINUOUS_POLICY: &str = "mlp:8-64-2";
/// The largest power of wind and turbulence that is taken: see DIFFERENCE above.
const LARGEST_POWER: f64 = 1e30;
/// The gravity that the reference accepts, bounds excluded, m/s^2.
const GRAVITY_BOUNDS: (f64, f64) = (-12.0, 0.0);

fn build(kwargs: &Arguments, _reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let gravity = kwargs.float("gravity");
    if !(GRAVITY_BOUNDS.0 < gravity && gravity < GRAVITY_BOUNDS.1) {
        return Err(EnvError::new(format!(
            "{}: gravity (current value: {gravity:?}) must be between -12 and 0",
            ENTRY.id
        )));
    }
    let powers = [power(kwargs, "wind_power")?, power(kwargs, "turbulence_power")?];
    let wind = kwargs.bool("enable_wind").then(|| Wind::new(powers));
    let prototype = LunarLander::new(gravity as f32, wind);
    let observation_space = ObservationSpace { shape: vec![OBSERVED], dtype: ObservationDtype::F32 };
    let spec = if kwargs.bool("continuous") {
        let action_space = ActionSpace::Box { low: vec![-1.0; 2], high: vec![1.0; 2] };
        PrototypeSpec::new(prototype, observation_space, action_space).with_default_policy(CONTINUOUS_POLICY)
    } else {
        PrototypeSpec::new(prototype, observation_space, ActionSpace::Discrete(4))
    };
    let spec = spec.with_observation_fields(&OBSERVATION_FIELDS).with_event_fields(&EVENT_FIELDS);
    Ok(Box::new(spec.with_groups(WorldGroup::boxed).with_lanes_that_pay(LANES_THAT_PAY)))
}

/// A power of the wind: see DIFFERENCE above.
fn power(kwargs: &Arguments, name: &str) -> Result<f64, EnvError> {
    let power = kwargs.float(name);
    if power.abs() <= LARGEST_POWER {
        return Ok(power);
    }
    Err(EnvError::new(format!(
        "{}: keyword argument {name}: expected a number within +-{LARGEST_POWER:e}, got {power:?}",
        ENTRY.id
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Action, Environment, Step, View};
    use crate::registry;

    fn spec(kwargs: &[(&str, Value)]) -> Result<Box<dyn Spec>, EnvError> {
        let owned: Vec<_> = kwargs.iter().map(|&(name, value)| (name.to_string(), value)).collect();
        registry::find("lunarlander")?.spec(&owned, &[])
    }

    fn observed(episode: &dyn Environment) -> [u32; OBSERVED] {
        let mut observation = [0.0; OBSERVED];
        episode.observe(View::Gymnasium, &mut observation);
        observation.map(f32::to_bits)
    }

    /// gymnasium 1.4.0: `env.reset(seed=42)`, then actions 0, 2, 3, then 0 until the hull hits the ground.
    #[test]
    fn an_episode_has_the_bits_of_gymnasium() {
        let mut episode = spec(&[]).unwrap().environment();
        episode.reset(Some(42));
        let reset = [0x3b16_899a, 0x3fb5_854e, 0x3e6e_3b0b, 0x3ea4_1433, 0xbb2d_fd7f, 0xbd57_d9e8, 0, 0];
        assert_eq!(observed(episode.as_ref()), reset);
        let rewards = [0x3ff2_51d6_f5b3_5c00, 0xc011_9abf_04eb_9353, 0x3fda_4814_785d_cc14];
        for (action, reward) in [0, 2, 3].into_iter().zip(rewards) {
            let step = episode.step(Action::Discrete(action));
            assert_eq!((step.reward.to_bits(), step.terminated), (reward, false));
        }
        let fourth = [0x3c19_78cd, 0x3fb8_31c2, 0x3e7c_7be0, 0x3e9b_6a3d, 0xbc41_e5bb, 0xbdac_3ec2, 0, 0];
        assert_eq!(observed(episode.as_ref()), fourth);
        let fall = (4..=86).map(|_| episode.step(Action::Discrete(0)));
        let last = fall.inspect(|step| assert!(!step.truncated)).last();
        assert_eq!(last, Some(Step { reward: -100.0, terminated: true, truncated: false }));
        let crash = [
            0x3e5e_85c0,
            0xbd45_db51,
            0x3f67_c7c3,
            0xbe69_2303,
            0xbeb0_8bb5,
            0x3e6b_ae25,
            1.0_f32.to_bits(),
            0,
        ];
        assert_eq!(observed(episode.as_ref()), crash);
    }

    /// gymnasium 1.4.0: `continuous=True, enable_wind=True`, `env.reset(seed=42)`, then three times (0.25, -0.75).
    #[test]
    fn throttles_in_the_wind_have_the_bits_of_gymnasium() {
        let kwargs = [("continuous", Value::Bool(true)), ("enable_wind", Value::Bool(true))];
        let mut episode = spec(&kwargs).unwrap().environment();
        episode.reset(Some(42));
        let rewards = [0x3fd7_6617_5ab1_268f, 0xbfea_f738_9f96_f0b8, 0xbff0_0abf_e124_c15c];
        for reward in rewards {
            assert_eq!(episode.step(Action::Continuous(&[0.25, -0.75])).reward.to_bits(), reward);
        }
        let last = [0x3c0b_e466, 0x3fb8_3ced, 0x3e4e_ea46, 0x3ea1_7955, 0x3bb7_944b, 0x3dc3_6646, 0, 0];
        assert_eq!(observed(episode.as_ref()), last);
    }

    #[test]
    fn gravity_has_the_reference_s_bounds_and_message() {
        for (gravity, shown) in [(-12.0, "-12.0"), (0.0, "0.0"), (f64::NAN, "NaN")] {
            let message = spec(&[("gravity", Value::Float(gravity))]).err().unwrap().to_string();
            let expected = format!("gravity (current value: {shown}) must be between -12 and 0");
            assert_eq!(message, format!("LunarLander-v3: {expected}"));
        }
        assert!(spec(&[("gravity", Value::Float(-11.999))]).is_ok());
    }

    #[test]
    fn powers_of_the_wind_are_bounded() {
        let message = spec(&[("wind_power", Value::Float(1e31))]).err().unwrap().to_string();
        let expected =
            "LunarLander-v3: keyword argument wind_power: expected a number within +-1e30, got 1e31";
        assert_eq!(message, expected);
        assert!(spec(&[("turbulence_power", Value::Float(f64::NAN))]).is_err());
        assert!(spec(&[("turbulence_power", Value::Float(-1e30))]).is_ok());
    }

    #[test]
    fn continuous_actions_have_a_policy_of_their_own() {
        assert_eq!(spec(&[]).unwrap().default_policy(), None);
        let continuous = spec(&[("continuous", Value::Bool(true))]).unwrap();
        assert_eq!(continuous.action_space().n_logits(), 2);
        assert_eq!(continuous.default_policy(), Some(CONTINUOUS_POLICY));
    }
}
