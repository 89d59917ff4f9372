//! BipedalWalker-v3 and BipedalWalkerHardcore-v3, as gymnasium 1.4.0 plays them (`box2d/bipedal_walker.py`) on Box2D 2.3.10.
//!
//! EXACT: observation, reward and termination, with and without `hardcore`, from reset to any number of steps past the
//! end, compared with a fresh environment for each episode. What the reference computes in Python is float64 here, and its
//! sin and cos are the platform's libm; numbers become float32 where they enter Box2D, whose part is played by [`planar`].
//! The random stream gives the ground, point by point, then the clouds that nobody sees here, then the force on the hull. A
//! reset plays one step without motors, so the first observation is that of a world that has already moved.
//!
//! An action of any type is taken as NumPy takes it: its sign is the motors' direction, its magnitude, clipped to 1, their
//! strength, and what that costs is taken from the reward in the action's own type. So rewards are float32 numbers where
//! actions are, as policies' are.
//!
//! DIFFERENCE: the reference keeps its Box2D world from one reset to the next, and with it the order in which ids are
//! given out again; here every episode has a world of its own. If an action is NaN, Box2D stops the reference with an
//! assertion; here the episode goes on, with an observation that is NaN.

mod episode;
mod motors;
mod scene;
mod terrain;
mod view;

pub(crate) use episode::BipedalWalker;

use crate::arguments::{Arguments, Parameter, Value};
use crate::entry::Entry;
use crate::error::EnvError;
use crate::group::LaneGroup;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use crate::worlds::WorldGroup;
use motors::MOTORS;

/// Pixels of the reference's picture per metre: its lengths are in pixels.
const SCALE: f64 = 30.0;
/// Gravity, m/s^2.
const GRAVITY: f32 = -10.0;
/// How far the lidar sees, m.
const LIDAR_RANGE: f64 = 160.0 / SCALE;
/// The lidar's rays.
const RAYS: usize = 10;
/// The largest initial force on the hull, N.
const INITIAL_FORCE: f64 = 5.0;
/// The reward of the step in which the hull touches the ground.
const FALL_REWARD: f64 = -100.0;
/// Values in an observation.
const OBSERVED: usize = 24;
/// The names of the values of an observation.
const OBSERVATION_FIELDS: [&str; OBSERVED] = [
    "angle",
    "angular_velocity",
    "x_velocity",
    "y_velocity",
    "hip1_angle",
    "hip1_speed",
    "knee1_angle",
    "knee1_speed",
    "leg1_contact",
    "hip2_angle",
    "hip2_speed",
    "knee2_angle",
    "knee2_speed",
    "leg2_contact",
    "lidar0",
    "lidar1",
    "lidar2",
    "lidar3",
    "lidar4",
    "lidar5",
    "lidar6",
    "lidar7",
    "lidar8",
    "lidar9",
];
/// Flags of 0 or 1 after a step: the hull has touched the ground (`game_over`); it is past the last obstacle.
const EVENT_FIELDS: [&str; 2] = ["fallen", "finished"];
/// As many worlds as the physics solves together.
const LANES_THAT_PAY: usize = 32;

/// The registry's entry of the even ground.
pub(crate) const ENTRY: Entry = Entry {
    id: "BipedalWalker-v3",
    short_name: "bipedalwalker",
    summary: "walk on two legs over hills",
    max_episode_steps: Some(1600),
    default_policy: "mlp:24-64-4",
    kwargs: &[Parameter { name: "hardcore", default: Value::Bool(false) }],
    reset_options: &[],
    variant_of: None,
    build,
};

/// The registry's entry of the hard ground.
pub(crate) const HARDCORE_ENTRY: Entry = Entry {
    id: "BipedalWalkerHardcore-v3",
    short_name: "bipedalwalkerhardcore",
    summary: "walk on two legs over stumps, pits and stairs",
    max_episode_steps: Some(2000),
    kwargs: &[Parameter { name: "hardcore", default: Value::Bool(true) }],
    ..ENTRY
};

fn build(kwargs: &Arguments, _reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let prototype = BipedalWalker::new(kwargs.bool("hardcore"));
    let observation_space = ObservationSpace { shape: vec![OBSERVED], dtype: ObservationDtype::F32 };
    let action_space = ActionSpace::Box { low: vec![-1.0; MOTORS], high: vec![1.0; MOTORS] };
    let spec = PrototypeSpec::new(prototype, observation_space, action_space)
        .with_observation_fields(&OBSERVATION_FIELDS)
        .with_event_fields(&EVENT_FIELDS);
    Ok(Box::new(spec.with_groups(WorldGroup::boxed).with_lanes_that_pay(LANES_THAT_PAY)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Action, Environment, View};
    use crate::registry;

    fn episode(name: &str, kwargs: &[(&str, Value)]) -> Box<dyn Environment> {
        let owned: Vec<_> = kwargs.iter().map(|&(name, value)| (name.to_string(), value)).collect();
        registry::find(name).unwrap().spec(&owned, &[]).unwrap().environment()
    }

    fn observed(episode: &dyn Environment) -> [u32; OBSERVED] {
        let mut observation = [0.0; OBSERVED];
        episode.observe(View::Gymnasium, &mut observation);
        observation.map(f32::to_bits)
    }

    /// What gymnasium 1.4.0 gives: `env.reset(seed=42)`, three steps, then (1, -1, 0, 1) until it has fallen.
    struct Recorded {
        reset: [u32; OBSERVED],
        rewards: [u64; 3],
        third: [u32; OBSERVED],
        steps: usize,
        fallen: [u32; OBSERVED],
    }

    const HILLS: Recorded = Recorded {
        reset: [
            0x3b34_0d11,
            0xb7a9_be80,
            0x3ace_5183,
            0xbc83_1226,
            0x3dbc_27ea,
            0xbb08_2294,
            0x3f5c_3dda,
            0x3b40_86cb,
            0x3f80_0000,
            0x3d04_3559,
            0xbb08_202f,
            0x3f5a_9740,
            0x3ac0_8d50,
            0x3f80_0000,
            0x3ee1_b263,
            0x3ee4_428c,
            0x3eec_3f9f,
            0x3efa_a656,
            0x3f08_baf8,
            0x3f1a_3ae5,
            0x3f35_8acb,
            0x3f62_cc71,
            0x3f80_0000,
            0x3f80_0000,
        ],
        rewards: [0xbfc0_df82_2000_0000, 0xbfc7_7033_8000_0000, 0xbfb3_ddf1_c000_0000],
        third: [
            0x3d1d_32f0,
            0x3ba7_733a,
            0xbc32_fe49,
            0x3c30_f11c,
            0x3e90_483f,
            0xbda5_9d09,
            0x3eb9_5c80,
            0x3d96_fc4b,
            0x3f80_0000,
            0xbd15_eb38,
            0x3f6a_7aca,
            0x3f9f_20a6,
            0xbfac_2e07,
            0x3f80_0000,
            0x3eed_03eb,
            0x3eef_b4fc,
            0x3ef8_189d,
            0x3f03_9c1c,
            0x3f0f_9655,
            0x3f21_f6ec,
            0x3f3e_a575,
            0x3f6e_2c1e,
            0x3f80_0000,
            0x3f80_0000,
        ],
        steps: 121,
        fallen: [
            0xbfc4_9b83,
            0xbdbf_55cc,
            0x3ea7_1984,
            0x3c92_b31f,
            0x3f92_0998,
            0xbc26_e840,
            0xbf1a_2af2,
            0x3b5e_2aab,
            0x3f80_0000,
            0x3ed4_046a,
            0x3ee5_34e7,
            0x3f6e_aa9c,
            0xb73a_5555,
            0,
            0x3e5e_a815,
            0x3e61_2f67,
            0x3e69_10ed,
            0x3e77_45fb,
            0x3e86_e375,
            0x3e98_270a,
            0x3eb3_600c,
            0x3edd_0fe7,
            0x3f13_4a21,
            0x3f6d_1bfb,
        ],
    };

    const HARDCORE: Recorded = Recorded {
        reset: [
            0x3b34_10b2,
            0xb4b7_6633,
            0x37de_e269,
            0xbc83_126c,
            0x3dbc_b724,
            0xb813_0e54,
            0x3f5c_339a,
            0x3abb_5645,
            0x3f80_0000,
            0x3d05_5501,
            0xb813_0cee,
            0x3f5a_8cc3,
            0x37d0_01e5,
            0x3f80_0000,
            0x3ee1_b25d,
            0x3ee4_4286,
            0x3eec_3f98,
            0x3efa_a64f,
            0x3f08_baf4,
            0x3f1a_3ae1,
            0x3f35_8ac6,
            0x3f62_cc6b,
            0x3f80_0000,
            0x3f80_0000,
        ],
        rewards: [0xbfc1_06b4_e000_0000, 0xbfc7_9cff_0000_0000, 0xbfb4_35c2_c000_0000],
        third: [
            0x3d1d_9891,
            0x3baa_c6bd,
            0xbc4b_9681,
            0x3c31_d086,
            0x3e90_657f,
            0xbda4_c734,
            0x3eb9_7a20,
            0x3d97_d078,
            0x3f80_0000,
            0xbd14_1fa2,
            0x3f6a_a042,
            0x3f9f_2473,
            0xbfab_ebfb,
            0x3f80_0000,
            0x3eed_063d,
            0x3eef_b755,
            0x3ef8_1b0b,
            0x3f03_9d65,
            0x3f0f_97bd,
            0x3f21_f882,
            0x3f3e_a753,
            0x3f6e_2e73,
            0x3f80_0000,
            0x3f80_0000,
        ],
        steps: 122,
        fallen: [
            0xbfc2_b47a,
            0xbdce_19a5,
            0x3eb5_6c26,
            0xbd0b_a7bd,
            0x3f8e_7240,
            0x3d22_a7f0,
            0xbf1e_89c8,
            0x3b2c_5eab,
            0x3f80_0000,
            0x3ed2_5e82,
            0x3ef4_9440,
            0x3f68_52a2,
            0xb6b2_aaab,
            0,
            0x3e5e_bf25,
            0x3e61_46ba,
            0x3e69_2911,
            0x3e77_5f97,
            0x3e86_f16d,
            0x3e98_36cc,
            0x3eb3_2b4d,
            0x3f2a_5d56,
            0x3f1e_8dbd,
            0x3f74_56e5,
        ],
    };

    fn plays(mut episode: Box<dyn Environment>, recorded: &Recorded) {
        episode.reset(Some(42));
        assert_eq!(observed(episode.as_ref()), recorded.reset);
        let actions = [[0.5, -0.25, -1.0, 0.75], [-3.0, 0.1, 0.2, 1.0], [0.0, 0.0, 1.0, -1.0]];
        for (action, reward) in actions.into_iter().zip(recorded.rewards) {
            let step = episode.step(Action::Continuous(&action));
            assert_eq!((step.reward.to_bits(), step.terminated), (reward, false));
        }
        assert_eq!(observed(episode.as_ref()), recorded.third);
        for number in 4..=recorded.steps {
            let step = episode.step(Action::Continuous(&[1.0, -1.0, 0.0, 1.0]));
            assert_eq!((step.terminated, step.truncated), (number == recorded.steps, false));
            assert_eq!(step.reward == FALL_REWARD, step.terminated);
        }
        assert_eq!(observed(episode.as_ref()), recorded.fallen);
        let mut events = [f64::NAN; 2];
        episode.events(&mut events);
        assert_eq!(events, [1.0, 0.0]);
    }

    #[test]
    fn episodes_have_the_bits_of_gymnasium() {
        plays(episode("bipedalwalker", &[]), &HILLS);
        plays(episode("bipedalwalkerhardcore", &[]), &HARDCORE);
    }

    #[test]
    fn both_ids_take_hardcore() {
        plays(episode("bipedalwalkerhardcore", &[("hardcore", Value::Bool(false))]), &HILLS);
        plays(episode("bipedalwalker", &[("hardcore", Value::Bool(true))]), &HARDCORE);
        assert_eq!((ENTRY.max_episode_steps, HARDCORE_ENTRY.max_episode_steps), (Some(1600), Some(2000)));
    }
}
