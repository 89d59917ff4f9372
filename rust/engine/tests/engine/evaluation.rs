//! What the engine promises beside determinism: fitness, limits, failures, cancellation, errors.

use crate::support::{Script, evaluate, random_population, scripted, small_policy, task};
use engine::{OnNonFinite, Recording, Seeds, Task};
use policy::{Architecture, InputShape, Layer, Network};
use std::ops::ControlFlow;
use std::time::Duration;

/// One input, two outputs: three individuals of these weights always choose action 0.
pub fn one_input_policy() -> (Network, Vec<f32>) {
    let layers = vec![Layer::Linear { outputs: 2, bias: true }];
    let network = Network::new(&Architecture::new(InputShape::Flat(1), layers).unwrap());
    (network, [1.0, 0.0, 0.0, 0.0].repeat(3))
}

#[test]
fn fitness_is_the_mean_return_and_steps_are_counted() {
    let spec = envs::registry::find("cartpole").unwrap().spec(&[], &[]).unwrap();
    let network = small_policy(spec.as_ref());
    let weights = random_population(&network, 5, 3);
    let evaluation = evaluate(&task(spec.as_ref(), &network, &weights, &[1, 2, 3, 4])).unwrap();
    for (fitness, returns) in evaluation.fitness.iter().zip(evaluation.returns.chunks(4)) {
        assert_eq!(*fitness, (returns.iter().sum::<f64>() / 4.0) as f32);
    }
    assert_eq!(evaluation.steps, evaluation.lengths.iter().sum::<u64>());
    assert_eq!(evaluation.steps as f64, evaluation.returns.iter().sum::<f64>());
    assert!(evaluation.terminated.iter().zip(&evaluation.truncated).all(|(ended, cut)| ended | cut));
}

#[test]
fn an_endless_episode_is_truncated_at_the_limit() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::Endless);
    let evaluation =
        evaluate(&Task { max_episode_steps: Some(17), ..task(&spec, &network, &weights, &[0]) }).unwrap();
    assert_eq!(evaluation.lengths, [17; 3]);
    assert_eq!((evaluation.terminated, evaluation.truncated), (vec![false; 3], vec![true; 3]));
}

#[test]
fn an_empty_population_gives_an_empty_evaluation() {
    let (network, _) = one_input_policy();
    let spec = scripted(Script::Endless);
    let evaluation = evaluate(&task(&spec, &network, &[], &[0, 1])).unwrap();
    assert!(evaluation.fitness.is_empty() && evaluation.returns.is_empty());
}

#[test]
fn the_first_failing_individual_is_named_for_any_number_of_threads() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::InfiniteOn(12, 21));
    let seeds = [10, 11, 12, 20, 21, 22, 30, 31, 32];
    for threads in [1, 2, 5] {
        for group_width in [Some(1), Some(3), Some(9)] {
            let task = Task {
                seeds: Seeds::PerIndividual(&seeds),
                episodes: 3,
                threads,
                group_width,
                ..task(&spec, &network, &weights, &[])
            };
            let error = evaluate(&task).unwrap_err();
            assert_eq!(error.non_finite(), Some((0, 2)), "{threads} threads, {group_width:?} lanes");
            let expected = "individual 0, episode 2: expected finite weights and logits, got NaN or infinity";
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn weights_that_are_not_finite_end_a_call_before_its_episodes_do() {
    let (network, mut weights) = one_input_policy();
    let spec = scripted(Script::Endless);
    for (position, individual) in [(11, 2), (5, 1)] {
        weights[position] = f32::NEG_INFINITY;
        for threads in [1, 2, 5] {
            let endless = Task { max_episode_steps: None, threads, ..task(&spec, &network, &weights, &[0]) };
            assert_eq!(evaluate(&endless).unwrap_err().non_finite(), Some((individual, 0)));
        }
    }
}

#[test]
fn failing_individuals_get_the_fitness_that_was_given() {
    let (network, mut weights) = one_input_policy();
    weights[9] = f32::NAN; // of individual 2
    let spec = scripted(Script::InfiniteOn(0, 1000));
    let seeds = [0, 7, 8, 9, 10, 11];
    let task = Task {
        seeds: Seeds::PerIndividual(&seeds),
        episodes: 2,
        on_non_finite: OnNonFinite::Fitness(-5.0),
        keep_final_observation: true,
        max_episode_steps: Some(4),
        ..task(&spec, &network, &weights, &[])
    };
    let evaluation = evaluate(&task).unwrap();
    assert_eq!(evaluation.failed, [true, false, true]);
    assert_eq!(evaluation.fitness, [-5.0, 4.0, -5.0]);
    assert_eq!(evaluation.lengths, [1, 4, 4, 4, 0, 0]);
    let is_nan: Vec<bool> = evaluation.returns.iter().map(|value| value.is_nan()).collect();
    assert_eq!(is_nan, [true, false, false, false, true, true]);
    let last = evaluation.final_observations.unwrap();
    assert_eq!(last[..4], [f32::INFINITY, 1.0, 1.0, 1.0]);
    assert!(last[4..].iter().all(|value| value.is_nan()));
}

#[test]
fn cancellation_ends_an_endless_call() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::Endless);
    let endless = Task { max_episode_steps: None, threads: 2, ..task(&spec, &network, &weights, &[0]) };
    let mut polls = 0;
    let error = engine::evaluate(&endless, &mut |done, total| {
        assert_eq!((done, total), (0, 3));
        polls += 1;
        if polls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap_err();
    assert!(error.is_cancelled() && !error.is_internal());
    assert_eq!((polls, error.to_string().as_str()), (3, "the evaluation was cancelled"));
}

#[test]
fn a_panic_inside_becomes_an_error_and_stops_the_other_threads() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::PanicsOn(2));
    let task = Task { max_episode_steps: None, threads: 3, ..task(&spec, &network, &weights, &[1, 2]) };
    let error = evaluate(&task).unwrap_err();
    assert!(error.is_internal());
    assert_eq!(error.to_string(), "internal error: a thread panicked: scripted panic");
}

#[test]
fn a_panic_in_one_episode_ends_the_endless_ones_of_other_threads() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::PanicsOn(2));
    for seeds in [[2, 1, 1], [1, 2, 1], [1, 1, 2]] {
        let task = Task {
            max_episode_steps: None,
            threads: 3,
            group_width: Some(1),
            seeds: Seeds::PerIndividual(&seeds),
            episodes: 1,
            ..task(&spec, &network, &weights, &[])
        };
        // The others play for ever: should nobody tell them, the caller has to end it, after a long while.
        let mut polls = 0;
        let error = engine::evaluate(&task, &mut |_, _| {
            polls += 1;
            if polls == 1000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap_err();
        assert!(error.is_internal() && polls < 1000, "{seeds:?}: {error}, after {polls} polls");
    }
}

#[test]
fn two_calls_at_once_do_not_meet() {
    let spec = envs::registry::find("cartpole").unwrap().spec(&[], &[]).unwrap();
    let network = small_policy(spec.as_ref());
    let weights = random_population(&network, 50, 3);
    let task = Task { threads: 2, ..task(spec.as_ref(), &network, &weights, &[1, 2, 3]) };
    let expected = evaluate(&task).unwrap();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| evaluate(&task).unwrap())).collect();
        for call in calls {
            let mut evaluation = call.join().unwrap();
            evaluation.elapsed = expected.elapsed;
            assert_eq!(evaluation, expected);
        }
    });
    assert!(expected.elapsed > Duration::ZERO);
}

#[test]
fn what_does_not_fit_is_refused_before_any_work() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::PanicsOn(0));
    let fine = || task(&spec, &network, &weights, &[0, 1]);
    let message = |task: Task<'_>| evaluate(&task).unwrap_err().to_string();
    assert_eq!(message(Task { episodes: 0, ..fine() }), "episodes: expected at least 1, got 0");
    assert_eq!(message(Task { threads: 0, ..fine() }), "threads: expected at least 1, got 0");
    assert_eq!(message(Task { group_width: Some(0), ..fine() }), "group_width: expected at least 1, got 0");
    assert_eq!(
        message(Task { max_episode_steps: Some(0), ..fine() }),
        "max_episode_steps: expected at least 1, got 0"
    );
    assert_eq!(message(Task { population: 4, ..fine() }), "weights: expected 4 x 4 values, got 12");
    assert_eq!(message(Task { episodes: 3, ..fine() }), "seeds: expected one per episode, 3 or 3 x 3, got 2");
    let cart_pole = envs::registry::find("cartpole").unwrap().spec(&[], &[]).unwrap();
    let misfit = Task { spec: cart_pole.as_ref(), ..fine() };
    assert_eq!(message(misfit), "policy: expected 4 inputs and 2 outputs, got 1 and 2");
}

#[test]
fn images_must_have_the_observation_s_shape() {
    let spec = envs::registry::find("snake").unwrap().spec(&[], &[]).unwrap();
    let input = InputShape::Image { channels: 12, height: 12, width: 5 };
    let network =
        Network::new(&Architecture::new(input, vec![Layer::Linear { outputs: 4, bias: false }]).unwrap());
    let weights = vec![0.0; network.architecture().n_params()];
    let message = evaluate(&task(spec.as_ref(), &network, &weights, &[0])).unwrap_err().to_string();
    assert_eq!(
        message,
        "policy: expected images for observations of shape [12, 12, 5], 12 x 12 with 5 channels, \
         got 12 x 5 with 12 channels"
    );
}

/// An individual whose weights are not finite is not played; of each of its episodes an empty trajectory is kept, if its
/// trajectories are asked for, and no other individual's.
#[test]
fn who_is_not_played_has_empty_trajectories_of_its_own() {
    let spec = scripted(Script::Endless);
    let network = small_policy(&spec);
    let (population, not_finite) = (5, 3);
    let mut weights = random_population(&network, population, 1);
    weights[not_finite * network.architecture().n_params()] = f32::NAN;
    for kept in 0..population {
        let trajectories = [kept];
        let recording =
            Recording { trajectories: &trajectories, most_trajectory_bytes: 1 << 20, ..Recording::default() };
        let task = Task {
            max_episode_steps: Some(3),
            on_non_finite: OnNonFinite::Fitness(0.0),
            recording,
            ..task(&spec, &network, &weights, &[7, 8])
        };
        let evaluation = evaluate(&task).unwrap();
        let steps = if kept == not_finite { 0 } else { 3 };
        let got: Vec<_> = evaluation.trajectories.iter().map(|kept| (kept.job, kept.rewards.len())).collect();
        assert_eq!(got, [(2 * kept, steps), (2 * kept + 1, steps)], "individual {kept}");
    }
}
