//! What is recorded of episodes that fail and of none, and what cannot be recorded.

use crate::evaluation::one_input_policy;
use crate::support::{Script, bits, evaluate, scripted, task};
use engine::{
    Descriptor, Field, Normalization, ObservationStatistics, OnNonFinite, RecordedObservations, Recording,
    Reducer, Reduction, Task, Trajectory,
};

const MOST_BYTES: u64 = 1 << 30;

fn of(reducer: Reducer, field: Field) -> Reduction {
    Reduction { reducer, value: field.into(), condition: None }
}

fn kept(trajectories: &[usize], most_trajectory_bytes: u64) -> Recording<'_> {
    Recording { trajectories, most_trajectory_bytes, ..Recording::default() }
}

/// Why a task with another recording and another limit is refused.
fn message(plain: &Task<'_>, recording: Recording<'_>, max_episode_steps: Option<u64>) -> String {
    evaluate(&Task { recording, max_episode_steps, ..*plain }).unwrap_err().to_string()
}

#[test]
fn an_episode_that_fails_has_no_descriptors_and_does_not_count() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::InfiniteOn(1, 1));
    let mut weights = weights;
    weights[4] = f32::NAN;
    let last = Descriptor { reductions: vec![of(Reducer::Sum, Field::Reward)], otherwise: Some(5.0) };
    let evaluation = evaluate(&Task {
        max_episode_steps: Some(6),
        on_non_finite: OnNonFinite::Fitness(-1.0),
        recording: Recording {
            descriptors: &[last],
            trajectories: &[0, 1],
            most_trajectory_bytes: MOST_BYTES,
            statistics: true,
            share: None,
        },
        ..task(&spec, &network, &weights, &[0, 1])
    })
    .unwrap();
    let nan = f64::NAN;
    assert_eq!(bits(&evaluation.descriptors), bits(&[6.0, nan, nan, nan, 6.0, nan]));
    let lengths = |trajectory: &Trajectory| match &trajectory.observations {
        RecordedObservations::F32(values) => (values.len(), trajectory.rewards.len(), trajectory.truncated),
        RecordedObservations::U8(_) => panic!("the observations are numbers"),
    };
    let expected = [(7, 6, true), (2, 1, false), (0, 0, false), (0, 0, false)];
    assert_eq!(evaluation.trajectories.iter().map(lengths).collect::<Vec<_>>(), expected);
    let statistics = ObservationStatistics { count: 12, sum: vec![12.0], sum_of_squares: vec![12.0] };
    assert_eq!(evaluation.statistics, Some(statistics));
}

#[test]
fn an_empty_population_has_empty_statistics() {
    let (network, _) = one_input_policy();
    let spec = scripted(Script::Endless);
    let recording = Recording { statistics: true, ..Recording::default() };
    let evaluation = evaluate(&Task { recording, ..task(&spec, &network, &[], &[0]) }).unwrap();
    let nothing = ObservationStatistics { count: 0, sum: vec![0.0], sum_of_squares: vec![0.0] };
    assert_eq!(evaluation.statistics, Some(nothing));
}

#[test]
fn what_does_not_exist_or_does_not_fit_is_refused() {
    let (network, weights) = one_input_policy();
    let spec = scripted(Script::Endless);
    let plain = task(&spec, &network, &weights, &[0, 1]);
    let of_field = |field| vec![Descriptor { reductions: vec![of(Reducer::Last, field)], otherwise: None }];
    for (field, kind, most) in [
        (Field::Observation(1), "observation", 1),
        (Field::Action(1), "action", 1),
        (Field::Event(1), "event", 0),
    ] {
        let descriptors = of_field(field);
        let recording = Recording { descriptors: &descriptors, ..Recording::default() };
        let expected = format!("descriptors[0]: expected an {kind} field below {most}, got 1");
        assert_eq!(message(&plain, recording, Some(5)), expected);
    }
    let descriptors = [Descriptor { reductions: Vec::new(), otherwise: None }];
    let recording = Recording { descriptors: &descriptors, ..Recording::default() };
    assert_eq!(message(&plain, recording, Some(5)), "descriptors[0]: expected a reduction, got none");
    let expected = "trajectories: expected individuals below 3, got 3";
    assert_eq!(message(&plain, kept(&[0, 3], MOST_BYTES), Some(5)), expected);
    let expected = "trajectories: expected ascending individuals, got 1 after 1";
    assert_eq!(message(&plain, kept(&[1, 1], MOST_BYTES), Some(5)), expected);
    let expected = "trajectories: expected a limit of steps, got an environment without";
    assert_eq!(message(&plain, kept(&[1], MOST_BYTES), None), expected);
    // Two episodes of 6 float32 observations, 5 int64 actions and 5 float64 rewards.
    let expected = "trajectories: expected at most 207 bytes, got up to 208 for 2 episodes of 5 steps; \
                    choose fewer individuals or episodes, or a lower max_episode_steps";
    assert_eq!(message(&plain, kept(&[1], 207), Some(5)), expected);
    let enough = Task { recording: kept(&[1], 208), max_episode_steps: Some(5), ..plain };
    assert_eq!(evaluate(&enough).unwrap().trajectories.len(), 2);
    let normalization = Some(Normalization { mean: &[0.0; 2], std: &[1.0; 2], clip: None });
    let refused = evaluate(&Task { normalization, ..plain }).unwrap_err().to_string();
    assert_eq!(refused, "normalize: mean: expected 1 values, got 2");
}
