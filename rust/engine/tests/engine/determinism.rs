//! The same bits for any number of threads and lanes, any order of individuals, debug and release.

use crate::support::{evaluate, random_population, small_policy, task};
use engine::{Comparison, Evaluation, Expression, Field, NoOps, Operation, Rules, Seeds, StopRule, Task};
use envs::registry::{ENTRIES, Entry};
use envs::{ActionSpace, ObservationDtype};
use lane_math::libm;

/// The hash of every environment's evaluation in [`hash`], recorded on x86-64 with glibc 2.36 and FMA.
const GOLDEN: &[(&str, u64)] = &[
    ("evalengine/Snake-v0", 8_299_573_054_754_091_468),
    ("CartPole-v1", 1_616_688_453_030_136_176),
    ("Acrobot-v1", 1_695_384_700_642_674_838),
    ("Pendulum-v1", 12_248_701_664_552_862_093),
    ("MountainCar-v0", 3_931_131_009_307_464_849),
    ("MountainCarContinuous-v0", 7_283_680_374_945_315_982),
    ("LunarLander-v3", 2_064_172_936_302_925_520),
    ("CarRacing-v3", 11_869_409_573_618_361_210),
    ("BipedalWalker-v3", 13_240_589_043_970_165_172),
    ("BipedalWalkerHardcore-v3", 12_731_690_672_160_459_091),
];

/// Environments that take nothing from libm, and so play the same episodes on every platform.
const WITHOUT_LIBM: &[&str] = &["evalengine/Snake-v0"];

/// The variable that is set where the libm is known to be another one.
const OTHER_LIBM: &str = "EVALENGINE_OTHER_LIBM";

const POPULATION: usize = 37;
const SEEDS: [u64; 3] = [5, 0, 1 << 40];

/// FNV-1a over every number of the results.
fn hash(evaluation: &Evaluation) -> u64 {
    let words = evaluation.fitness.iter().map(|value| u64::from(value.to_bits()));
    let words = words.chain(evaluation.returns.iter().map(|value| value.to_bits()));
    let words = words.chain(evaluation.lengths.iter().copied());
    let words = words.chain(evaluation.terminated.iter().map(|&flag| u64::from(flag)));
    let words = words.chain(evaluation.truncated.iter().map(|&flag| u64::from(flag)));
    let observed = evaluation.final_observations.iter().flatten();
    words
        .chain(observed.map(|value| u64::from(value.to_bits())))
        .flat_map(u64::to_le_bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn for_each_environment(mut check: impl FnMut(&Entry, &Task<'_>)) {
    for entry in ENTRIES {
        let spec = entry.spec(&[], &[]).unwrap();
        let network = small_policy(spec.as_ref());
        // A picture takes as long as thousands of other steps, and a walker's step as long as some.
        let is_drawn = spec.observation_space().dtype == ObservationDtype::U8;
        let (population, steps) = match entry.short_name {
            _ if is_drawn => (5, 25),
            "bipedalwalker" | "bipedalwalkerhardcore" => (13, 150),
            _ => (POPULATION, 200),
        };
        let weights = random_population(&network, population, 1);
        let task = Task {
            keep_final_observation: true,
            max_episode_steps: Some(steps),
            ..task(spec.as_ref(), &network, &weights, &SEEDS)
        };
        check(entry, &task);
    }
}

/// glibc's sine in the variant for processors with FMA; other libms play other episodes.
fn has_the_golden_libm() -> bool {
    let vectors: [(u64, u64); 3] = [
        (0x3fb7_e2b9_156e_f04d, 0x3fb7_d9da_da21_3f8f),
        (0x3fcc_bde8_233b_835e, 0x3fcc_803b_0f6b_a21f),
        (0x3ff5_9876_f28e_8ef9, 0x3fef_38a0_cd92_8d13),
    ];
    vectors.iter().all(|&(x, sine)| libm::sin(f64::from_bits(x)).to_bits() == sine)
}

#[test]
fn results_have_the_golden_hash() {
    let other_libm = std::env::var_os(OTHER_LIBM).is_some();
    assert!(
        has_the_golden_libm() || other_libm,
        "this platform's libm is not the one that the hashes were recorded with: nothing but environments without \
         libm can be compared here; {OTHER_LIBM}=1 says that this is known"
    );
    let can_compare = |id: &str| !other_libm || WITHOUT_LIBM.contains(&id);
    let mut hashes = Vec::new();
    for_each_environment(|entry, task| {
        if can_compare(entry.id) {
            hashes.push((entry.id, hash(&evaluate(task).unwrap())));
        }
    });
    let golden: Vec<_> = GOLDEN.iter().copied().filter(|(id, _)| can_compare(id)).collect();
    assert_eq!(hashes, golden);
}

#[test]
fn threads_and_lanes_change_nothing() {
    for_each_environment(|entry, task| {
        let expected = hash(&evaluate(task).unwrap());
        for threads in [1, 2, 3, 7, 16] {
            for group_width in [None, Some(1), Some(2), Some(5), Some(8), Some(64)] {
                let got = hash(&evaluate(&Task { threads, group_width, ..*task }).unwrap());
                assert_eq!(got, expected, "{}: {threads} threads, width {group_width:?}", entry.id);
            }
        }
    });
}

#[test]
fn threads_and_lanes_change_nothing_under_rules() {
    let mut stopped = Vec::new();
    for_each_environment(|entry, task| {
        let action = match task.spec.action_space() {
            ActionSpace::Discrete(_) => vec![1.0],
            ActionSpace::Box { low, .. } => vec![0.5; low.len()],
        };
        let no_ops = NoOps { count: 7, action: &action };
        let condition = Expression::new(vec![
            Operation::Field(Field::Observation(0)),
            Operation::Constant(0.0),
            Operation::Compare(Comparison::Less),
            Operation::Field(Field::Step),
            Operation::Constant(14.0),
            Operation::Compare(Comparison::Greater),
            Operation::And,
        ])
        .unwrap();
        let rules = Rules {
            no_ops,
            patience: Some(19),
            reward_above: 0.0,
            return_below: Some(-40.5),
            condition: Some(&condition),
        };
        let task = Task { rules, ..*task };
        let expected = evaluate(&task).unwrap();
        stopped.extend(expected.stopped.iter().flatten().copied());
        for (threads, group_width) in [(1, Some(1)), (2, None), (3, Some(2)), (16, Some(5)), (7, Some(64))] {
            let got = evaluate(&Task { threads, group_width, ..task }).unwrap();
            assert_eq!(hash(&got), hash(&expected), "{}: {threads} threads, {group_width:?}", entry.id);
            assert_eq!(got.stopped, expected.stopped, "{}: {threads} threads, {group_width:?}", entry.id);
        }
    });
    for rule in [StopRule::Patience, StopRule::ReturnBelow, StopRule::Condition] {
        assert!(stopped.iter().filter(|&&other| other == rule).count() > 20, "{rule:?}");
    }
}

#[test]
fn the_order_of_individuals_changes_nothing() {
    for_each_environment(|entry, task| {
        let forward = evaluate(task).unwrap();
        let n_params = task.network.architecture().n_params();
        let reversed: Vec<f32> = task.weights.chunks_exact(n_params).rev().flatten().copied().collect();
        let mut backward = evaluate(&Task { weights: &reversed, threads: 2, ..*task }).unwrap();
        backward.fitness.reverse();
        let rows = backward.returns.chunks_exact(SEEDS.len()).rev().flatten().copied();
        assert_eq!((backward.fitness, rows.collect()), (forward.fitness, forward.returns), "{}", entry.id);
    });
}

#[test]
fn shared_seeds_are_the_same_seeds_for_each_individual() {
    for_each_environment(|entry, task| {
        let repeated = SEEDS.repeat(task.population);
        let spelled_out = Task { seeds: Seeds::PerIndividual(&repeated), ..*task };
        assert_eq!(hash(&evaluate(&spelled_out).unwrap()), hash(&evaluate(task).unwrap()), "{}", entry.id);
    });
}
