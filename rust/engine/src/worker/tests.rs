//! Lanes that change workers, and what failures leave of them.

use super::sharing::STEPS_WORTH_GIVING;
use super::*;
use crate::actions::{Exploration, Head, Noise};
use crate::expression::Field;
use crate::outcome::{Evaluation, Results};
use crate::recording::{Descriptor, Recording, Reducer, Reduction};
use crate::task::Seeds;
use crate::watch::Watch;
use envs::ActionSpace;
use envs::registry::ENTRIES;
use numpy_rng::Generator;
use policy::{Architecture, InputShape, Layer, Network};
use std::ops::ControlFlow;
use std::time::Duration;

const SEEDS: [u64; 2] = [3, 1 << 33];

/// Tasks that record all there is, for linear policies with few steps an episode: two for each environment, one where
/// nothing but resets is random, one where all is that can be.
fn for_each_environment(check: impl Fn(&str, &Task<'_>)) {
    for is_random in [false, true] {
        for_each_environment_with(is_random, &check);
    }
}

fn for_each_environment_with(is_random: bool, check: impl Fn(&str, &Task<'_>)) {
    let reward = Reduction { reducer: Reducer::Mean, value: Field::Reward.into(), condition: None };
    let descriptors = [Descriptor { reductions: vec![reward], otherwise: None }];
    for entry in ENTRIES {
        let spec = entry.spec(&[], &[]).unwrap();
        let is_drawn = spec.observation_space().dtype == ObservationDtype::U8;
        let (population, steps) = if is_drawn { (3, 20) } else { (9, 60) };
        let inputs = InputShape::Flat(spec.observation_space().size());
        let layers = vec![Layer::Linear { outputs: spec.action_space().n_logits(), bias: true }];
        let network = Network::new(&Architecture::new(inputs, layers).unwrap());
        let (head, noise) = match (is_random, spec.action_space()) {
            (false, _) => (Head::Tanh, Noise::None),
            (true, ActionSpace::Discrete(_)) => (Head::Sample, Noise::None),
            (true, ActionSpace::Box { .. }) => (Head::Sigmoid, Noise::LogStd),
        };
        let probability = if is_random { 0.25 } else { 0.0 };
        let exploration = Exploration { noise, epsilon: probability, sticky: probability };
        let n_log_std = if noise == Noise::LogStd { network.architecture().n_outputs() } else { 0 };
        let mut rng = Generator::from_seed(7);
        let weight = |_| rng.uniform(-0.5, 0.5) as f32;
        let n_params = network.architecture().n_params() + n_log_std;
        let weights: Vec<f32> = (0..population * n_params).map(weight).collect();
        let recording = Recording {
            descriptors: &descriptors,
            trajectories: &[0, 2],
            most_trajectory_bytes: u64::MAX,
            statistics: true,
            share: None,
        };
        let task = Task {
            head,
            exploration,
            population,
            max_episode_steps: Some(steps),
            keep_final_observation: true,
            recording,
            ..Task::new(spec.as_ref(), &network, &weights, &SEEDS)
        };
        check(entry.id, &task);
    }
}

/// What two workers of `lanes` lanes come to that `play`, against a call on one thread.
fn assert_unchanged(
    id: &str,
    task: &Task<'_>,
    lanes: usize,
    play: impl for<'w> Fn(&mut Worker<'w>, &mut Worker<'w>),
) {
    let expected = crate::evaluate(task, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let total = task.population * task.episodes;
    let (queue, results, statistics) = (Queue::new(total, 2), Results::of(task), SharedTotal::default());
    let lanes = Lanes { usual: lanes, most: lanes };
    let [mut one, mut other] =
        [0, 1].map(|thread| Worker::new(task, &queue, &results, &statistics, thread, lanes));
    play(&mut one, &mut other);
    assert_eq!(queue.episodes_done(), total, "{id}");
    // Each lane has let go of its individual, in the worker that it was given to as in the one that gave it.
    assert!(one.slots.are_free() && other.slots.are_free(), "{id}");
    let records = vec![one.into_records(), other.into_records()];
    let got = Evaluation::collect(task, results, records, &statistics, Duration::ZERO);
    assert!(got == Evaluation { elapsed: Duration::ZERO, ..expected }, "{id}");
}

#[test]
fn episodes_that_go_on_in_another_worker_have_the_same_bits() {
    for_each_environment(|id, task| {
        assert_unchanged(id, task, task.population * task.episodes, |one, other| {
            let mut lookout = Lookout::new(one.queue, None);
            (0..20).for_each(|_| one.open_lanes()); // one comes for all of them
            while one.active > 0 {
                one.advance(&mut lookout);
                if one.active > 1 {
                    let kept = one.active / 2;
                    one.give_lanes(kept, other);
                    assert!(one.active == kept && other.active > 0);
                    other.take_up();
                    other.run(&Exchange::new(2), &mut lookout);
                }
            }
        });
    });
}

#[test]
fn jobs_that_have_not_begun_may_be_another_worker_s() {
    for_each_environment(|id, task| {
        assert_unchanged(id, task, 1, |one, other| {
            let mut lookout = Lookout::new(one.queue, None);
            one.open_lanes();
            one.claimed = one.claimed.start..task.population * task.episodes;
            while !one.queue.claim(usize::MAX, 0, true).jobs.is_empty() {}
            one.give_jobs(other);
            assert!(!one.claimed.is_empty() && !other.claimed.is_empty());
            other.run(&Exchange::new(2), &mut lookout);
            one.run(&Exchange::new(2), &mut lookout);
        });
    });
}

#[test]
fn few_lanes_and_those_that_are_as_good_as_done_stay() {
    for_each_environment(|id, task| {
        let (queue, results, statistics) = (Queue::new(18, 1), Results::of(task), SharedTotal::default());
        let mut worker = Worker::new(task, &queue, &results, &statistics, 0, Lanes { usual: 18, most: 18 });
        let limit = task.step_limit().unwrap();
        let kept_of = |worker: &mut Worker<'_>, active, left| {
            worker.active = active;
            worker.in_play.lengths.fill(limit.saturating_sub(left));
            worker.lanes_to_keep()
        };
        let far = STEPS_WORTH_GIVING;
        assert_eq!(kept_of(&mut worker, 1, far), None, "{id}");
        assert_eq!(kept_of(&mut worker, 18, far - 1), None, "{id}");
        match task.lanes_that_stay_together() {
            1 => {
                assert_eq!([2, 3, 18].map(|n| kept_of(&mut worker, n, far)), [Some(1), Some(1), Some(9)])
            }
            4 => assert_eq!([4, 5, 18].map(|n| kept_of(&mut worker, n, far)), [None, Some(4), Some(8)]),
            together => panic!("{id}: {together}"),
        }
    });
}

/// A task of ten episodes of one individual, for a policy of so many multiply-adds that a step asks whether to go on.
fn with_long_steps(check: impl Fn(&Task<'_>)) {
    let spec = envs::registry::find("CartPole-v1").unwrap().spec(&[], &[]).unwrap();
    let linear = |outputs| Layer::Linear { outputs, bias: false };
    let layers = vec![linear(2048), linear(2048), linear(2)];
    let network = Network::new(&Architecture::new(InputShape::Flat(4), layers).unwrap());
    let weights = vec![0.001; network.architecture().n_params()];
    check(&Task {
        spec: spec.as_ref(),
        network: &network,
        head: Head::Argmax,
        exploration: Exploration::default(),
        weights: &weights,
        population: 1,
        episodes: 10,
        seeds: Seeds::Shared(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        threads: 1,
        group_width: None,
        max_episode_steps: Some(3),
        on_non_finite: OnNonFinite::Stop,
        keep_final_observation: false,
        rules: crate::Rules::default(),
        variation: None,
        normalization: None,
        recording: Recording::default(),
        graphs: None,
    });
}

#[test]
fn a_call_that_is_stopped_in_the_middle_of_a_step_does_not_make_it() {
    with_long_steps(|task| {
        let (queue, results, statistics) = (Queue::new(10, 1), Results::of(task), SharedTotal::default());
        let mut worker = Worker::new(task, &queue, &results, &statistics, 0, task.lanes_per_thread(1));
        worker.open_lanes();
        let lanes = worker.active;
        assert!(lanes > 1);
        queue.abandon();
        worker.advance(&mut Lookout::new(&queue, None));
        assert_eq!(worker.in_play.lengths[..lanes], vec![0; lanes]);
        assert_eq!(queue.episodes_done(), 0);
    });
}

#[test]
fn the_caller_is_asked_in_the_middle_of_a_step_and_no_more_once_it_has_ended_the_call() {
    with_long_steps(|task| {
        let step_macs = task.network.architecture().macs() * task.lanes_per_thread(1).usual as u64;
        for end_at in [1, 3] {
            let (queue, results, statistics) = (Queue::new(10, 1), Results::of(task), SharedTotal::default());
            let mut polls = 0;
            let mut poll = |_, _| {
                polls += 1;
                if polls == end_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let mut watch = Watch::new(&queue, Duration::ZERO, &mut poll);
            let mut worker = Worker::new(task, &queue, &results, &statistics, 0, task.lanes_per_thread(1));
            worker.run(&Exchange::new(1), &mut Lookout::new(&queue, Some(&mut watch)));
            assert!(watch.is_cancelled());
            assert_eq!(worker.in_play.lengths[0], 0, "a step of {step_macs} multiply-adds was made");
            assert_eq!(polls, end_at);
        }
    });
}

#[test]
fn what_comes_behind_a_failure_is_played_no_further() {
    for_each_environment(|id, task| {
        let total = task.population * task.episodes;
        let (queue, results, statistics) = (Queue::new(total, 1), Results::of(task), SharedTotal::default());
        let mut worker = Worker::new(task, &queue, &results, &statistics, 0, Lanes { usual: 4, most: 4 });
        worker.open_lanes();
        assert_eq!(worker.in_play.jobs, [0, 1, 2, 3], "{id}");
        queue.fail(1);
        worker.drop_lanes_behind_the_failure();
        assert_eq!((worker.active, &worker.in_play.jobs[..2]), (2, &[0, 1][..]), "{id}");
        assert_eq!(worker.slots.users(), 2, "{id}: lanes that are dropped let go of their individuals");
        // Nothing that has not begun comes before the failure.
        assert_eq!(worker.next_job(), None, "{id}");
        assert!(!worker.start_episode(2), "{id}");
    });
}

#[test]
fn what_comes_before_a_failure_begins_all_the_same() {
    for_each_environment(|id, task| {
        let total = task.population * task.episodes;
        let (queue, results, statistics) = (Queue::new(total, 1), Results::of(task), SharedTotal::default());
        let mut worker = Worker::new(task, &queue, &results, &statistics, 0, Lanes { usual: 1, most: 1 });
        worker.claimed = 2..5;
        queue.fail(4);
        assert_eq!([0; 3].map(|_| worker.next_job()), [Some(2), Some(3), None], "{id}");
    });
}
