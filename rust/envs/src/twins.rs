//! Compares groups in lock-step with their scalar twins, for the tests of each. A lane plays one episode after the other;
//! the scalar episode beside it is that of a fresh environment each time, so what a reset forgets shows.

use crate::environment::{Environment, View};
use crate::episodes::ScalarGroup;
use crate::group::{Group, LaneGroup, Outcomes};
use crate::space::Actions;
use lane_math::{Isa, LibmLanes};
use numpy_rng::Generator;

/// Steps of a comparison.
const STEPS: usize = 200;

/// What a test needs to know of an environment beside its trait.
pub(crate) trait Twin: Environment + Clone {
    /// Values in an observation.
    const OBSERVED: usize;
    /// What actions it takes by default.
    const ACTIONS: Kind;
    /// How many numbers it writes as events.
    const EVENTS: usize = 0;
}

/// The kinds of actions.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// As many indices.
    Discrete(i64),
    /// As many values, within some bounds.
    Continuous(usize),
}

impl Twin for crate::cart_pole::CartPole {
    const OBSERVED: usize = 4;
    const ACTIONS: Kind = Kind::Discrete(2);
}

impl Twin for crate::acrobot::Acrobot {
    const OBSERVED: usize = 6;
    const ACTIONS: Kind = Kind::Discrete(3);
}

impl Twin for crate::bipedal_walker::BipedalWalker {
    const OBSERVED: usize = 24;
    const EVENTS: usize = 2;
    const ACTIONS: Kind = Kind::Continuous(4);
}

impl Twin for crate::car_racing::CarRacing {
    const OBSERVED: usize = 96 * 96 * 3;
    const EVENTS: usize = 2;
    const ACTIONS: Kind = Kind::Continuous(3);
}

impl Twin for crate::lunar_lander::LunarLander {
    const OBSERVED: usize = 8;
    const EVENTS: usize = 3;
    const ACTIONS: Kind = Kind::Discrete(4);
}

impl Twin for crate::mountain_car::MountainCar {
    const OBSERVED: usize = 2;
    const ACTIONS: Kind = Kind::Discrete(3);
}

impl Twin for crate::mountain_car::MountainCarContinuous {
    const OBSERVED: usize = 2;
    const ACTIONS: Kind = Kind::Continuous(1);
}

impl Twin for crate::pendulum::Pendulum {
    const OBSERVED: usize = 3;
    const ACTIONS: Kind = Kind::Continuous(1);
}

/// Plays a group of `lanes` copies of the prototype and as many scalar episodes side by side, on every instruction set
/// and both with lanes and with calls of libm, and panics at the first bit that differs.
pub(crate) fn compare<E: Twin + 'static, G: LaneGroup<E>>(prototype: &E, lanes: usize, seed: u64) {
    compare_kind::<E, G>(prototype, E::ACTIONS, lanes, seed);
}

/// The same for a prototype that takes another kind of actions than by default.
pub(crate) fn compare_kind<E: Twin + 'static, G: LaneGroup<E>>(
    prototype: &E,
    kind: Kind,
    lanes: usize,
    seed: u64,
) {
    let dimensions = match kind {
        Kind::Discrete(_) => 1,
        Kind::Continuous(dimensions) => dimensions,
    };
    for isa in Isa::all_available() {
        for libm in [LibmLanes::detect(isa), LibmLanes::PLATFORM] {
            let fresh = |lanes| ScalarGroup::new(prototype, lanes, E::OBSERVED, dimensions);
            let make = || G::new(prototype, lanes, isa, libm);
            play::<E>([&mut make(), &mut make()], fresh, kind, seed);
        }
    }
}

/// Random actions; lanes that end are reset, half of them from seeds that come again and again, others are moved now and
/// then, and at times all go over to the other group.
fn play<E: Twin + 'static>(
    groups: [&mut dyn Group; 2],
    fresh: impl Fn(usize) -> ScalarGroup<E>,
    kind: Kind,
    seed: u64,
) {
    let [mut group, mut other] = groups;
    let lanes = group.lanes();
    let mut scalars = fresh(lanes);
    let mut rng = Generator::from_seed(seed);
    // More seeds than are kept.
    let again = [(); 4].map(|()| rng.next_u64());
    group.keep_resets(2);
    other.keep_resets(3);
    let mut reset = |group: &mut dyn Group, scalars: &mut ScalarGroup<E>, lane: usize| {
        let seed = again.get(rng.integers(0, 8) as usize).copied().unwrap_or_else(|| rng.next_u64());
        group.reset(lane, seed);
        let mut episode = fresh(1);
        episode.reset(0, seed);
        scalars.take_lane(lane, &mut episode, 0);
    };
    (0..lanes).for_each(|lane| reset(group, &mut scalars, lane));
    let mut rng = Generator::from_seed(seed + 1);
    let (mut ours, mut theirs) = (Outcomes::new(lanes), Outcomes::new(lanes));
    assert_same_events::<E>(group, &scalars);
    assert_same_observations::<E>(group, &scalars);
    for _ in 0..STEPS {
        step::<E>(group, &mut scalars, kind, &mut rng, &mut ours, &mut theirs);
        let bits =
            |outcomes: &Outcomes| outcomes.rewards.iter().map(|reward| reward.to_bits()).collect::<Vec<_>>();
        assert_eq!((bits(&ours), &ours), (bits(&theirs), &theirs));
        assert_same_events::<E>(group, &scalars);
        assert_same_observations::<E>(group, &scalars);
        (0..lanes).filter(|&lane| ours.terminated[lane]).for_each(|lane| reset(group, &mut scalars, lane));
        if rng.integers(0, 10) == 0 {
            let (from, to) = (rng.integers(0, lanes as i64) as usize, rng.integers(0, lanes as i64) as usize);
            group.move_lane(from, to);
            scalars.move_lane(from, to);
            reset(group, &mut scalars, from);
        }
        if rng.integers(0, 20) == 0 {
            // To other places, as the scalars do.
            (0..lanes).for_each(|lane| other.take_lane(lanes - 1 - lane, group, lane));
            (0..lanes / 2).for_each(|lane| scalars.move_lane(lane, lanes - 1 - lane));
            std::mem::swap(&mut group, &mut other);
        }
    }
}

fn step<E: Twin + 'static>(
    group: &mut dyn Group,
    scalars: &mut ScalarGroup<E>,
    kind: Kind,
    rng: &mut Generator,
    ours: &mut Outcomes,
    theirs: &mut Outcomes,
) {
    let lanes = group.lanes();
    match kind {
        Kind::Discrete(n) => {
            let actions: Vec<u32> = (0..lanes).map(|_| rng.integers(0, n) as u32).collect();
            group.step(Actions::Discrete(&actions), ours);
            scalars.step(Actions::Discrete(&actions), theirs);
        }
        Kind::Continuous(dimensions) => {
            // Beyond the bounds now and then, and often exactly at one.
            let draw = |_| {
                (rng.uniform(-3.0, 3.0) as f32 * 2.0).round() / 2.0 + rng.uniform(0.0, 1.0).floor() as f32
            };
            let mut actions: Vec<f32> = (0..lanes * dimensions).map(draw).collect();
            actions.iter_mut().step_by(2).for_each(|action| *action = *action * 0.77 + 0.123);
            group.step(Actions::Continuous(&actions), ours);
            scalars.step(Actions::Continuous(&actions), theirs);
        }
    }
}

fn assert_same_events<E: Twin + 'static>(group: &dyn Group, scalars: &ScalarGroup<E>) {
    for lane in 0..group.lanes() {
        let (mut ours, mut theirs) = (vec![f64::NAN; E::EVENTS], vec![f64::INFINITY; E::EVENTS]);
        group.events(lane, &mut ours);
        scalars.events(lane, &mut theirs);
        assert_eq!(ours, theirs);
    }
}

fn assert_same_observations<E: Twin + 'static>(group: &dyn Group, scalars: &ScalarGroup<E>) {
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
