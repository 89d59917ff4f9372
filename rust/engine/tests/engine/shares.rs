//! A population evaluated in shares: what they record, put together, has the bits of one call.

use crate::recording::{SEEDS, assert_same, for_each_environment};
use crate::support::{evaluate, random_population, small_policy, task};
use engine::{Evaluation, ObservationStatistics, PartialSum, Recording, Share, Task};
use envs::registry::ENTRIES;

/// Evaluates the individuals of a share of the task's population.
fn evaluate_share(task: &Task<'_>, first: usize, end: usize) -> Evaluation {
    let n_params = task.network.architecture().n_params();
    let recording = Recording { share: Some(Share { first, population: task.population }), ..task.recording };
    let weights = &task.weights[first * n_params..end * n_params];
    evaluate(&Task { weights, population: end - first, recording, threads: 2, ..*task }).unwrap()
}

fn plus(one: &ObservationStatistics, other: &ObservationStatistics) -> ObservationStatistics {
    let sums = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(one, other)| one + other).collect();
    ObservationStatistics {
        count: one.count + other.count,
        sum: sums(&one.sum, &other.sum),
        sum_of_squares: sums(&one.sum_of_squares, &other.sum_of_squares),
    }
}

/// The sum in pairs, level by level, of sums that begin at different levels.
fn total(mut sums: Vec<PartialSum>, mut count: usize) -> ObservationStatistics {
    let mut level = 0;
    while count > 1 {
        let (mut nodes, rest): (Vec<_>, Vec<_>) = sums.into_iter().partition(|sum| sum.level == level);
        nodes.sort_by_key(|sum| sum.index);
        (sums, level, count) = (rest, level + 1, count.div_ceil(2));
        for pair in nodes.chunk_by(|one, other| one.index / 2 == other.index / 2) {
            let statistics = match pair {
                [one, other] => plus(&one.statistics, &other.statistics),
                _ => pair[0].statistics.clone(),
            };
            sums.push(PartialSum { level, index: pair[0].index / 2, statistics });
        }
    }
    assert_eq!((sums.len(), sums[0].level, sums[0].index), (1, level, 0));
    sums.remove(0).statistics
}

#[test]
fn shares_put_together_have_the_bits_of_one_call() {
    for_each_environment(|task| {
        let whole = evaluate(task).unwrap();
        let population = task.population;
        for share in [1, 2, 3, 4, 7, population] {
            let mut found = Evaluation { statistics: None, ..whole.clone() };
            found.descriptors.clear();
            found.trajectories.clear();
            for first in (0..population).step_by(share) {
                let part = evaluate_share(task, first, population.min(first + share));
                assert!(part.statistics.is_none());
                found.descriptors.extend(part.descriptors);
                found.trajectories.extend(part.trajectories.into_iter().map(|mut trajectory| {
                    trajectory.job += first * SEEDS.len();
                    trajectory
                }));
                found.partial_sums.extend(part.partial_sums);
            }
            found.statistics = Some(total(found.partial_sums.clone(), population * SEEDS.len()));
            assert_same(&found, &whole, &format!("shares of {share}"));
        }
        assert!(whole.partial_sums.is_empty());
    });
}

#[test]
fn a_share_gives_back_few_sums_and_those_that_wait() {
    let spec = ENTRIES.iter().find(|entry| entry.id == "CartPole-v1").unwrap().spec(&[], &[]).unwrap();
    let network = small_policy(spec.as_ref());
    let weights = random_population(&network, 100, 8);
    let recording = Recording { statistics: true, ..Recording::default() };
    let task = Task { recording, ..task(spec.as_ref(), &network, &weights, &[5]) };
    let nodes = |first, end| {
        let sums = evaluate_share(&task, first, end).partial_sums;
        sums.iter().map(|sum| (sum.level, sum.index)).collect::<Vec<_>>()
    };
    assert_eq!(nodes(0, 64), [(6, 0)]);
    assert_eq!(nodes(3, 13), [(0, 3), (0, 12), (2, 1), (2, 2)]);
    assert_eq!(nodes(64, 100), [(6, 1)]); // the last ones have no others: they go up alone
    assert_eq!(nodes(0, 100), [(7, 0)]);
}

#[test]
fn trajectories_have_numbers_and_bytes_of_the_whole_population() {
    let spec = ENTRIES.iter().find(|entry| entry.id == "CartPole-v1").unwrap().spec(&[], &[]).unwrap();
    let network = small_policy(spec.as_ref());
    let weights = random_population(&network, 4, 8);
    let plain = task(spec.as_ref(), &network, &weights, &[5, 6]);
    let share = |first, population| Some(Share { first, population });
    let with = |recording| evaluate(&Task { recording, ..plain });
    let kept =
        Recording { trajectories: &[1, 7, 30], most_trajectory_bytes: 1 << 30, ..Recording::default() };
    let found = with(Recording { share: share(5, 31), ..kept }).unwrap();
    assert_eq!(found.trajectories.iter().map(|trajectory| trajectory.job).collect::<Vec<_>>(), [4, 5]);
    let refused = |recording| with(recording).unwrap_err().to_string();
    let expected = "trajectories: expected individuals below 30, got 30";
    assert_eq!(refused(Recording { share: share(5, 30), ..kept }), expected);
    // Six episodes, two of which this share plays.
    let bytes = 6 * (16 + 200 * (16 + 8 + 8));
    let small = Recording { most_trajectory_bytes: bytes - 1, share: share(5, 31), ..kept };
    assert!(refused(small).starts_with(&format!("trajectories: expected at most {} bytes", bytes - 1)));
    assert!(with(Recording { most_trajectory_bytes: bytes, ..small }).is_ok());
    for (first, population) in [(28, 31), (usize::MAX, 31), (0, usize::MAX)] {
        let expected =
            format!("share: expected individuals of a population of {population}, got 4 from {first} on");
        let recording = Recording { share: share(first, population), ..Recording::default() };
        assert_eq!(refused(recording), expected);
    }
}
