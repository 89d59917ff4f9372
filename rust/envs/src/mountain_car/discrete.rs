//! MountainCar-v0, as gymnasium 1.4.0 plays it (`classic_control/mountain_car.py`).
//!
//! EXACT: observation, reward and termination, from reset to any number of steps past the end, with `goal_velocity` and the
//! reset options `low` and `high`. The state is float64, its cosine is the platform's libm, and the observation is the
//! state's float32 cast.
//!
//! DIFFERENCE: none known.

use super::{
    GRAVITY, HILLS, KWARGS, MAX_SPEED, OBSERVATION_FIELDS, OBSERVED, POSITION_BOUNDS, RESET_OPTIONS,
    START_BOUNDS, ValleyEpisode, ValleyGroup,
};
use crate::arguments::Arguments;
use crate::entry::Entry;
use crate::environment::{Action, Environment, StateField, StateValue, Step, View};
use crate::error::EnvError;
use crate::group::LaneGroup;
use crate::reset_bounds;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use lane_math::libm;
use numpy_rng::Generator;

/// What a push adds to the velocity, per step.
const FORCE: f64 = 0.001;
/// Where the flag is.
const GOAL_POSITION: f64 = 0.5;

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "MountainCar-v0",
    short_name: "mountaincar",
    summary: "swing a weak car up a hill",
    max_episode_steps: Some(200),
    default_policy: "mlp:2-64-3",
    kwargs: KWARGS,
    reset_options: RESET_OPTIONS,
    variant_of: None,
    build,
};

fn build(kwargs: &Arguments, reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let mut prototype = MountainCar::new(kwargs.float("goal_velocity"));
    prototype.set_reset_options(reset_options)?;
    let observation_space = ObservationSpace { shape: vec![OBSERVED], dtype: ObservationDtype::F32 };
    let spec = PrototypeSpec::new(prototype, observation_space, ActionSpace::Discrete(3));
    Ok(Box::new(spec.with_groups(ValleyGroup::boxed).with_observation_fields(&OBSERVATION_FIELDS)))
}

/// One episode.
#[derive(Clone, Debug)]
pub(crate) struct MountainCar {
    goal_velocity: f64,
    low: f64,
    high: f64,
    rng: Generator,
    position: f64,
    velocity: f64,
}

impl MountainCar {
    fn new(goal_velocity: f64) -> Self {
        let [low, high] = START_BOUNDS;
        Self { goal_velocity, low, high, rng: Generator::from_seed(0), position: 0.0, velocity: 0.0 }
    }
}

impl ValleyEpisode for MountainCar {
    const DIMENSIONS: usize = 1;

    #[inline]
    fn angle(&self) -> f64 {
        HILLS * self.position
    }

    #[inline]
    fn finish_step(&mut self, action: Action<'_>, slope: f64) -> Step {
        let push = f64::from(action.index()) - 1.0;
        let faster = self.velocity + (push * FORCE + slope * -GRAVITY);
        self.velocity = clipped(faster, -MAX_SPEED, MAX_SPEED);
        let [left, right] = POSITION_BOUNDS;
        self.position = clipped(self.position + self.velocity, left, right);
        if self.position == left && self.velocity < 0.0 {
            self.velocity = 0.0;
        }
        let terminated = self.position >= GOAL_POSITION && self.velocity >= self.goal_velocity;
        Step { reward: -1.0, terminated, truncated: false }
    }
}

/// `numpy.clip`.
fn clipped(value: f64, low: f64, high: f64) -> f64 {
    let raised = if value < low { low } else { value };
    if raised > high { high } else { raised }
}

impl Environment for MountainCar {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        (self.low, self.high) = reset_bounds::parse(ENTRY.id, options)?;
        Ok(())
    }

    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        self.position = self.rng.uniform(self.low, self.high);
        self.velocity = 0.0;
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        self.finish_step(action, libm::cos(self.angle()))
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        observation.copy_from_slice(&[self.position as f32, self.velocity as f32]);
    }

    fn state(&self) -> Vec<StateField> {
        [("position", self.position), ("velocity", self.velocity)]
            .map(|(name, value)| (name, StateValue::Floats(vec![value])))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Value;
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
            let prototype = MountainCar { low: -bound, high: bound, ..MountainCar::new(goal_velocity) };
            compare::<_, ValleyGroup<_>>(&prototype, lanes, seed);
        }
    }

    /// gymnasium 1.4.0: `env.reset(seed=42)`, then actions 2, 0, 1.
    #[test]
    fn the_first_steps_have_the_bits_of_gymnasium() {
        let mut episode = registry::find("mountaincar").unwrap().spec(&[], &[]).unwrap().environment();
        let mut observation = [0.0; OBSERVED];
        episode.reset(Some(42));
        episode.observe(View::Gymnasium, &mut observation);
        assert_eq!(observation.map(f32::to_bits), [0xbee3_f268, 0x0000_0000]);
        for action in [2, 0, 1] {
            let step = episode.step(Action::Discrete(action));
            assert_eq!(step, Step { reward: -1.0, terminated: false, truncated: false });
        }
        let bits = |field: &StateField| match &field.1 {
            StateValue::Floats(values) => values[0].to_bits(),
            StateValue::Ints(_) => panic!("a number"),
        };
        assert_eq!(
            episode.state().iter().map(bits).collect::<Vec<_>>(),
            [0xbfdc_a730_e392_df3f, 0xbf5c_979b_7c4d_defa]
        );
    }

    /// Swings, but turns back early, until the wall on the left stops the car.
    #[test]
    fn the_wall_stops_the_car() {
        let mut car = MountainCar::new(f64::INFINITY);
        car.reset(Some(1));
        let mut drive = || {
            let action = if car.velocity < 0.0 || car.position > 0.0 { 0 } else { 2 };
            assert!(!car.step(Action::Discrete(action)).terminated);
            (car.position, car.velocity) == (POSITION_BOUNDS[0], 0.0)
        };
        assert!((0..1000).any(|_| drive()));
    }

    #[test]
    fn the_flag_asks_for_a_speed() {
        for (goal_velocity, reached) in [(0.0, true), (MAX_SPEED, true), (MAX_SPEED.next_up(), false)] {
            let mut car = MountainCar::new(goal_velocity);
            car.reset(Some(1));
            let mut swing = || {
                let action = if car.velocity < 0.0 { 0 } else { 2 };
                let step = car.step(Action::Discrete(action));
                let is_there = car.position >= GOAL_POSITION && car.velocity >= goal_velocity;
                assert_eq!(step.terminated, is_there);
                step.terminated
            };
            assert_eq!((0..1000).any(|_| swing()), reached);
        }
    }

    #[test]
    fn bounds_of_the_start_are_checked() {
        let options = [("low".to_string(), Value::Float(0.5))];
        let message = registry::find("mountaincar").unwrap().spec(&[], &options).err().unwrap().to_string();
        let expected = "MountainCar-v0: reset options: expected low <= high, got low = 0.5, high = -0.4";
        assert_eq!(message, expected);
    }
}
