//! Episodes with the bits of gymnasium, and the parts that they seldom reach.

use super::*;
use crate::arguments::Value;
use crate::environment::FloatType;
use crate::registry;
use crate::twins::{Kind, compare_kind};
use proptest::prelude::*;

/// After some steps with one action: the bits of the reward of the last, of the hull's x, y and angle, and a checksum of
/// the picture: its bytes, each times its place.
struct Stage<'a> {
    steps: usize,
    action: Action<'a>,
    reward: u64,
    hull: [u32; 3],
    picture: u64,
}

fn checksum(episode: &CarRacing) -> u64 {
    let mut observation = vec![0.0; OBSERVED];
    episode.observe(View::Gymnasium, &mut observation);
    observation.iter().zip(0..).map(|(&byte, place): (&f32, u64)| byte as u64 * place).sum()
}

fn play(mut episode: CarRacing, seed: u64, stages: &[Stage<'_>]) {
    episode.reset(Some(seed));
    for stage in stages {
        let step = (0..stage.steps).map(|_| episode.step(stage.action)).last().unwrap();
        assert_eq!(step, Step { reward: f64::from_bits(stage.reward), terminated: false, truncated: false });
        let hull = episode.world.body(episode.car.hull);
        assert_eq!([hull.position().x, hull.position().y, hull.angle()].map(f32::to_bits), stage.hull);
        assert_eq!(checksum(&episode), stage.picture);
    }
}

/// gymnasium 1.4.0, Box2D 2.3.10, pygame-ce 2.5.8: `env.reset(seed=42)`.
#[test]
fn continuous_episodes_have_the_bits_of_gymnasium() {
    let stage = |steps, action, reward, hull, picture| Stage {
        steps,
        action: Action::Continuous(action),
        reward,
        hull,
        picture,
    };
    let after = 0xbfb9_9999_9999_9980;
    play(
        CarRacing::new(0.95, false),
        42,
        &[
            stage(
                1,
                &[0.0; 3],
                0x401b_de59_5fb4_bce1,
                [0x42e5_ac8c, 0xc1e7_a5b7, 0xbfa2_089c],
                26_094_242_819,
            ),
            stage(40, &[-0.3, 1.0, 0.0], after, [0x42f5_11fe, 0xc190_60e1, 0x3f02_14f7], 38_787_171_790),
            stage(30, &[1.0, 0.2, 0.5], after, [0x42ec_8e80, 0xc137_582d, 0x3fee_5949], 38_121_622_004),
            stage(20, &[0.0, 0.0, 1.0], after, [0x42ec_8c30, 0xc137_5db8, 0x3fee_5949], 37_844_351_473),
        ],
    );
}

/// The same with `continuous=False, domain_randomize=True`: `env.reset(seed=7)`.
#[test]
fn discrete_episodes_with_random_colours_have_the_bits_of_gymnasium() {
    let stage = |steps, action, reward, hull, picture| Stage {
        steps,
        action: Action::Discrete(action),
        reward,
        hull,
        picture,
    };
    let after = 0xbfb9_9999_9999_9a00;
    play(
        CarRacing::new(0.95, true),
        7,
        &[
            stage(30, 3, 0xbfb9_9999_9999_9980, [0x42dc_9a9d, 0xc1bc_1196, 0xbfa8_563b], 31_357_606_139),
            stage(20, 1, after, [0x42ec_2e61, 0xc1c7_e3be, 0xc005_3e07], 34_125_135_017),
            stage(20, 2, after, [0x42f9_5977, 0xc1ec_6918, 0xbffd_10e2], 33_856_209_677),
            stage(5, 4, after, [0x42fb_7c37, 0xc1ee_1545, 0xbfe7_6aca], 33_237_120_023),
            stage(10, 0, after, [0x42fc_49d5, 0xc1ee_cbf5, 0xbfe6_b63b], 33_063_125_976),
        ],
    );
}

#[test]
fn discrete_actions_do_one_thing_each_and_continuous_steering_is_mirrored() {
    let expected = [[0.0, 0.0, 0.0], [-0.6, 0.0, 0.0], [0.6, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.8]];
    for (index, [steer, gas, brake]) in (0..).zip(expected) {
        assert_eq!(controls(Action::Discrete(index)), Controls { steer, gas, brake });
    }
    let shown = controls(Action::Continuous(&[0.5, 2.0, -1.0]));
    assert_eq!(shown, Controls { steer: -0.5, gas: 2.0, brake: -1.0 });
    let shown = controls(Action::Typed(&[0.1, 0.7, 0.9], FloatType::F64));
    assert_eq!(shown, Controls { steer: -0.1, gas: 0.7, brake: 0.9 });
}

#[test]
fn gas_opens_by_a_tenth_a_step_and_shuts_at_once() {
    let mut car = CarRacing::new(0.95, false).car;
    let mut gas_after = |gas| {
        car.control(Controls { steer: 0.3, gas, brake: 0.4 });
        assert_eq!(car.wheels.map(|wheel| wheel.steer), [0.3, 0.3, 0.0, 0.0]);
        assert_eq!(car.wheels.map(|wheel| wheel.brake), [0.4; 4]);
        assert_eq!(car.wheels[0].gas, 0.0);
        car.wheels[3].gas
    };
    assert_eq!([gas_after(9.0), gas_after(1.0), gas_after(0.25), gas_after(-3.0)], [0.1, 0.2, 0.25, 0.0]);
    assert!(gas_after(f64::NAN).is_nan());
}

/// A lap counts when its first tile is visited after enough of the others.
#[test]
fn a_low_lap_complete_percent_ends_the_first_step_and_a_high_one_does_not() {
    for (lap_complete_percent, terminated) in [(0.0, true), (0.95, false), (f64::NAN, false)] {
        let mut episode = CarRacing::new(lap_complete_percent, false);
        episode.reset(Some(1));
        assert_eq!(episode.step(Action::Discrete(0)).terminated, terminated);
    }
}

#[test]
fn leaving_the_playfield_costs_a_hundred_and_ends_the_episode() {
    let mut episode = CarRacing::new(0.95, false);
    episode.reset(Some(1));
    let mut steps = 0;
    let last = loop {
        let step = episode.step(Action::Continuous(&[0.0, 0.3, 0.0]));
        steps += 1;
        if step.terminated {
            break step;
        }
        assert!(steps < 2000, "straight ahead the field ends");
    };
    assert_eq!(last.reward, -100.0);
    let position = episode.world.body(episode.car.hull).position();
    assert!(f64::from(position.x.abs().max(position.y.abs())) > PLAYFIELD);
}

#[test]
fn a_reset_forgets_the_episode_before_and_goes_on_with_the_stream_if_it_is_not_seeded() {
    let mut used = CarRacing::new(0.95, true);
    used.reset(Some(5));
    for _ in 0..30 {
        used.step(Action::Continuous(&[0.4, 1.0, 0.0]));
    }
    let mut fresh = CarRacing::new(0.95, true);
    for seed in [Some(6), None] {
        used.reset(seed);
        fresh.reset(seed);
        assert_eq!(used.state(), fresh.state());
        assert_eq!(checksum(&used), checksum(&fresh));
    }
}

#[test]
fn colours_stay_from_episode_to_episode_unless_they_are_drawn_anew() {
    let options = |randomize| ENTRY.reset_arguments(&[("randomize".to_string(), randomize)]).unwrap();
    let mut episode = CarRacing::new(0.95, true);
    episode.reset(Some(8));
    let drawn = episode.palette;
    episode.set_reset_options(&options(Value::Bool(false))).unwrap();
    for seed in [None, Some(9)] {
        episode.reset(seed);
        assert_eq!(episode.palette, drawn);
    }
    episode.set_reset_options(&options(Value::Bool(true))).unwrap();
    episode.reset(None);
    assert_ne!(episode.palette, drawn);
    // Without random colours the option means nothing.
    let mut plain = CarRacing::new(0.95, false);
    plain.reset(Some(8));
    assert_eq!(plain.palette, Palette::STANDARD);
}

#[test]
fn arguments_shape_the_spaces() {
    let entry = registry::find("carracing").unwrap();
    let spec = entry.spec(&[("continuous".to_string(), Value::Bool(false))], &[]).unwrap();
    assert_eq!(spec.action_space(), &ActionSpace::Discrete(5));
    assert_eq!(spec.default_policy(), Some(DISCRETE_POLICY));
    let spec = entry.spec(&[], &[("randomize".to_string(), Value::Bool(false))]).unwrap();
    assert_eq!(spec.action_space().n_logits(), 3);
    assert_eq!(spec.observation_space().size(), OBSERVED);
    assert_eq!(spec.observation_space().dtype, ObservationDtype::U8);
}

proptest! {
    // 200 steps of up to 3 lanes and their twins, four times over, with pictures of all of them.
    #![proptest_config(ProptestConfig::with_cases(3))]
    #[test]
    fn the_lanes_have_the_scalar_s_bits(
        lanes in 1_usize..=3,
        seed in 0_u64..1 << 40,
        has_random_colours in any::<bool>(),
        continuous in any::<bool>(),
    ) {
        let prototype = CarRacing::new(0.95, has_random_colours);
        let kind = if continuous { Kind::Continuous(3) } else { Kind::Discrete(5) };
        compare_kind::<_, WorldGroup<_>>(&prototype, kind, lanes, seed);
    }
}
