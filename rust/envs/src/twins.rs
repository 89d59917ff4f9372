//! Compares groups in lock-step with their scalar twins, for the tests of each.

use crate::environment::{Environment, View};
use crate::group::{Group, Outcomes, ScalarGroup};
use crate::space::Actions;
use lane_math::{Isa, LibmLanes};
use numpy_rng::Generator;

/// Steps of a comparison.
const STEPS: usize = 200;

/// What a test needs to know of an environment beside its trait.
pub(crate) trait Twin: Environment + Clone {
    /// Values in an observation.
    const OBSERVED: usize;
    /// The number of discrete actions; none for one continuous value.
    const ACTIONS: Option<i64>;
}

impl Twin for crate::cart_pole::CartPole {
    const OBSERVED: usize = 4;
    const ACTIONS: Option<i64> = Some(2);
}

impl Twin for crate::acrobot::Acrobot {
    const OBSERVED: usize = 6;
    const ACTIONS: Option<i64> = Some(3);
}

impl Twin for crate::pendulum::Pendulum {
    const OBSERVED: usize = 3;
    const ACTIONS: Option<i64> = None;
}

/// Plays `make`'s group of `lanes` lanes and as many scalar episodes side by side, on every instruction set
/// and both with lanes and with calls of libm, and panics at the first bit that differs.
pub(crate) fn compare<E: Twin, G: Group>(
    prototype: &E,
    lanes: usize,
    seed: u64,
    make: impl Fn(Isa, LibmLanes) -> G,
) {
    for isa in Isa::all_available() {
        for libm in [LibmLanes::detect(isa), LibmLanes::PLATFORM] {
            let scalars = ScalarGroup::new(prototype, lanes, E::OBSERVED, 1);
            play::<E>(&mut make(isa, libm), scalars, seed);
        }
    }
}

/// Random actions; lanes that end are reset, others are moved now and then.
fn play<E: Twin>(group: &mut dyn Group, mut scalars: ScalarGroup<E>, seed: u64) {
    let lanes = group.lanes();
    let mut rng = Generator::from_seed(seed);
    let mut reset = |group: &mut dyn Group, scalars: &mut ScalarGroup<E>, lane: usize| {
        let seed = rng.next_u64();
        group.reset(lane, seed);
        scalars.reset(lane, seed);
    };
    (0..lanes).for_each(|lane| reset(group, &mut scalars, lane));
    let mut rng = Generator::from_seed(seed + 1);
    let (mut ours, mut theirs) = (Outcomes::new(lanes), Outcomes::new(lanes));
    assert_same_observations::<E>(group, &scalars);
    for _ in 0..STEPS {
        step::<E>(group, &mut scalars, &mut rng, &mut ours, &mut theirs);
        let bits =
            |outcomes: &Outcomes| outcomes.rewards.iter().map(|reward| reward.to_bits()).collect::<Vec<_>>();
        assert_eq!((bits(&ours), &ours), (bits(&theirs), &theirs));
        assert_same_observations::<E>(group, &scalars);
        (0..lanes).filter(|&lane| ours.terminated[lane]).for_each(|lane| reset(group, &mut scalars, lane));
        if rng.integers(0, 10) == 0 {
            let (from, to) = (rng.integers(0, lanes as i64) as usize, rng.integers(0, lanes as i64) as usize);
            group.move_lane(from, to);
            scalars.move_lane(from, to);
            reset(group, &mut scalars, from);
        }
    }
}

fn step<E: Twin>(
    group: &mut dyn Group,
    scalars: &mut ScalarGroup<E>,
    rng: &mut Generator,
    ours: &mut Outcomes,
    theirs: &mut Outcomes,
) {
    let lanes = group.lanes();
    match E::ACTIONS {
        Some(n) => {
            let actions: Vec<u32> = (0..lanes).map(|_| rng.integers(0, n) as u32).collect();
            group.step(Actions::Discrete(&actions), ours);
            scalars.step(Actions::Discrete(&actions), theirs);
        }
        None => {
            // Beyond the bounds now and then, and often exactly at one.
            let draw = |_| {
                (rng.uniform(-3.0, 3.0) as f32 * 2.0).round() / 2.0 + rng.uniform(0.0, 1.0).floor() as f32
            };
            let mut actions: Vec<f32> = (0..lanes).map(draw).collect();
            actions.iter_mut().step_by(2).for_each(|action| *action = *action * 0.77 + 0.123);
            group.step(Actions::Continuous(&actions), ours);
            scalars.step(Actions::Continuous(&actions), theirs);
        }
    }
}

fn assert_same_observations<E: Twin>(group: &dyn Group, scalars: &ScalarGroup<E>) {
    let lanes = group.lanes();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let (mut seen, mut expected) = (vec![0.0; lanes * E::OBSERVED], vec![0.0; lanes * E::OBSERVED]);
    group.observe(lanes, View::Gymnasium, &mut seen);
    scalars.observe(lanes, View::Gymnasium, &mut expected);
    assert_eq!(bits(&seen), bits(&expected));
    for lane in 0..lanes {
        let row = lane * E::OBSERVED..(lane + 1) * E::OBSERVED;
        group.observe_lane(lane, View::Gymnasium, &mut seen[row.clone()]);
        assert_eq!(bits(&seen[row.clone()]), bits(&expected[row]));
    }
}
