//! MountainCarContinuous-v0, as gymnasium 1.4.0 plays it (`classic_control/continuous_mountain_car.py`).
//!
//! EXACT: observation, reward and termination, from reset to any number of steps past the end, with `goal_velocity` and the
//! reset options `low` and `high`, for float32, float64 and float16 actions, in and beyond the bounds.
//!
//! The state is float64 after a reset and float32 after every step. In between, a number has the type that NumPy gives it:
//! what is clipped is a Python float from there on, and takes the type of what it meets ([`Number`]). The force is clipped,
//! what it costs is not. The cosine is the platform's libm.
//!
//! DIFFERENCE: a float64 action whose square overflows makes the reference raise; here its reward is -inf. A list is taken
//! as an array of float64; in the reference its numbers are Python's, and do not make a float32 state wider.

use super::number::Number;
use super::{
    GRAVITY, HILLS, KWARGS, MAX_SPEED, OBSERVATION_FIELDS, OBSERVED, POSITION_BOUNDS, RESET_OPTIONS,
    START_BOUNDS, ValleyEpisode, ValleyGroup,
};
use crate::arguments::Arguments;
use crate::entry::Entry;
use crate::environment::{Action, Environment, FloatType, StateField, StateValue, Step, View};
use crate::error::EnvError;
use crate::float16::float16;
use crate::group::LaneGroup;
use crate::reset_bounds;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use lane_math::libm;
use numpy_rng::Generator;
use std::cmp::Ordering;

/// What the engine at full power adds to the velocity, per step.
const POWER: f64 = 0.0015;
/// The strongest force.
const MAX_FORCE: f64 = 1.0;
/// Where the flag is.
const GOAL_POSITION: f64 = 0.45;
/// The reward of a step that ends at the flag.
const GOAL_REWARD: f64 = 100.0;
/// What a step with a force of 1 costs.
const COST: f64 = 0.1;

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "MountainCarContinuous-v0",
    short_name: "mountaincarcontinuous",
    summary: "swing a weak car up a hill with little power",
    max_episode_steps: Some(999),
    default_policy: "mlp:2-64-1",
    kwargs: KWARGS,
    reset_options: RESET_OPTIONS,
    variant_of: None,
    build,
};

fn build(kwargs: &Arguments, reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let mut prototype = MountainCarContinuous::new(kwargs.float("goal_velocity"));
    prototype.set_reset_options(reset_options)?;
    let observation_space = ObservationSpace { shape: vec![OBSERVED], dtype: ObservationDtype::F32 };
    let limit = MAX_FORCE as f32;
    let action_space = ActionSpace::Box { low: vec![-limit], high: vec![limit] };
    let spec = PrototypeSpec::new(prototype, observation_space, action_space);
    Ok(Box::new(spec.with_groups(ValleyGroup::boxed).with_observation_fields(&OBSERVATION_FIELDS)))
}

/// What an action and the slope add to the velocity.
#[inline]
fn push(action: Action<'_>, slope: f64) -> Number {
    let force = action.value(0);
    let pull = GRAVITY * slope;
    if force.abs() > MAX_FORCE {
        return Number::Python(MAX_FORCE.copysign(force) * POWER - pull);
    }
    match action {
        Action::Typed(_, FloatType::F64) => Number::F64(force * POWER - pull),
        Action::Typed(_, FloatType::F16) => {
            let driven = float16(force * float16(POWER));
            // Narrower than any state: float32 holds it.
            Number::F32(float16(driven - float16(pull)) as f32)
        }
        _ => Number::F32(force as f32 * POWER as f32 - pull as f32),
    }
}

/// `math.pow(action, 2)`. The square of a float32 or a float16 is exact in float64, so that no libm rounds it.
#[inline]
fn square(action: Action<'_>) -> f64 {
    let force = action.value(0);
    match action {
        Action::Typed(_, FloatType::F64) => libm::pow(force, 2.0),
        _ => force * force,
    }
}

/// One episode.
#[derive(Clone, Debug)]
pub(crate) struct MountainCarContinuous {
    goal_velocity: f64,
    low: f64,
    high: f64,
    rng: Generator,
    /// Both are float64's after a reset, then float32's.
    position: Number,
    velocity: Number,
}

impl MountainCarContinuous {
    fn new(goal_velocity: f64) -> Self {
        let [low, high] = START_BOUNDS;
        let [position, velocity] = [Number::F64(0.0); 2];
        Self { goal_velocity, low, high, rng: Generator::from_seed(0), position, velocity }
    }
}

impl ValleyEpisode for MountainCarContinuous {
    const DIMENSIONS: usize = 1;

    #[inline]
    fn angle(&self) -> f64 {
        match self.position {
            Number::F32(position) => f64::from(HILLS as f32 * position),
            position => HILLS * position.wide(),
        }
    }

    #[inline]
    fn finish_step(&mut self, action: Action<'_>, slope: f64) -> Step {
        let faster = self.velocity.plus(push(action, slope));
        let mut velocity = faster.within(-MAX_SPEED, MAX_SPEED);
        let [left, right] = POSITION_BOUNDS;
        let position = self.position.plus(velocity).within(left, right);
        if position.order(left) == Some(Ordering::Equal) && velocity.order(0.0) == Some(Ordering::Less) {
            velocity = Number::Python(0.0);
        }
        let terminated = position.reaches(GOAL_POSITION) && velocity.reaches(self.goal_velocity);
        let prize = if terminated { GOAL_REWARD } else { 0.0 };
        [self.position, self.velocity] = [position, velocity].map(|number| Number::F32(number.wide() as f32));
        Step { reward: prize - square(action) * COST, terminated, truncated: false }
    }
}

impl Environment for MountainCarContinuous {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        (self.low, self.high) = reset_bounds::parse(ENTRY.id, options)?;
        Ok(())
    }

    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        self.position = Number::F64(self.rng.uniform(self.low, self.high));
        self.velocity = Number::F64(0.0);
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        self.finish_step(action, libm::cos(self.angle()))
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        observation.copy_from_slice(&[self.position, self.velocity].map(|number| number.wide() as f32));
    }

    fn state(&self) -> Vec<StateField> {
        [("position", self.position), ("velocity", self.velocity)]
            .map(|(name, number)| (name, StateValue::Floats(vec![number.wide()])))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use crate::twins::compare;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(
            lanes in 1_usize..=40,
            seed in 0_u64..1 << 40,
            goal_velocity in -0.1_f64..0.1,
            bound in 0.0_f64..3.0,
        ) {
            let new = MountainCarContinuous::new(goal_velocity);
            let prototype = MountainCarContinuous { low: -bound, high: bound, ..new };
            compare::<_, ValleyGroup<_>>(&prototype, lanes, seed);
        }

        #[test]
        fn the_square_of_a_float32_is_that_of_libm(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            let expected = libm::pow(value.into(), 2.0);
            let ours = square(Action::Continuous(&[value]));
            prop_assert!(ours.to_bits() == expected.to_bits() || value.is_nan());
        }
    }

    /// gymnasium 1.4.0 with numpy 2.4.6: `env.reset(seed=42)`, then 0.7, -0.3, 5 and 0.1 in each type: observation and
    /// reward.
    #[test]
    fn the_first_steps_have_the_bits_of_gymnasium_in_every_type() {
        for (number, recorded) in RECORDED.iter().enumerate() {
            let spec = registry::find("mountaincarcontinuous").unwrap().spec(&[], &[]).unwrap();
            let mut episode = spec.environment();
            episode.reset(Some(42));
            let mut observation = [0.0; OBSERVED];
            for (value, expected) in [0.7, -0.3, 5.0, 0.1].into_iter().zip(recorded) {
                let step = match number {
                    0 => episode.step(Action::Continuous(&[value as f32])),
                    1 => episode.step(Action::Typed(&[value], FloatType::F64)),
                    _ => episode.step(Action::Typed(&[float16(value)], FloatType::F16)),
                };
                episode.observe(View::Gymnasium, &mut observation);
                let [position, velocity] = observation.map(f32::to_bits);
                assert_eq!((position, velocity, step.reward.to_bits()), *expected, "type {number}, {value}");
            }
        }
    }

    const RECORDED: [[(u32, u32, u64); 4]; 3] = [
        [
            (0xbee3_b522, 0x39f5_1802, 0xbfa9_1687_1cac_0834),
            (0xbee3_ffa4, 0xba15_040d, 0xbf82_6e97_a5e3_5400),
            (0xbee3_d1cc, 0x39b7_60bc, 0xc004_0000_0000_0000),
            (0xbee3_dce2, 0xb8b1_5aec, 0xbf50_624d_db22_d0e7),
        ],
        [
            (0xbee3_b522, 0x39f5_1804, 0xbfa9_1687_2b02_0c49),
            (0xbee3_ffa4, 0xba15_040c, 0xbf82_6e97_8d4f_df3b),
            (0xbee3_d1cc, 0x39b7_60be, 0xc004_0000_0000_0000),
            (0xbee3_dce2, 0xb8b1_5ae8, 0xbf50_624d_d2f1_a9fd),
        ],
        [
            (0xbee3_b528, 0x39f5_0000, 0xbfa9_1a1c_cccc_cccd),
            (0xbee3_ffa8, 0xba15_0000, 0xbf82_7020_cccc_cccd),
            (0xbee3_d1ce, 0x39b7_68f4, 0xc004_0000_0000_0000),
            (0xbee3_dcdc, 0xb8b0_dc30, 0xbf50_6041_9999_999a),
        ],
    ];
}
