//! Policies that remember: the state begins with zeros in every episode and goes on within it, wherever it is played.

use crate::support::{bits, evaluate, random_population, task};
use engine::{OnNonFinite, Task};
use envs::Value;
use envs::{Action, ObservationDtype, ObservationOptions, View};
use policy::{Architecture, CellKind, InputShape, Layer, Network, reference};

const SEEDS: [u64; 5] = [5, 0, 1 << 40, 77, 78];
const POPULATION: usize = 7;
const KINDS: [CellKind; 4] = [CellKind::RnnTanh, CellKind::RnnRelu, CellKind::Gru, CellKind::Lstm];

fn recurrent(inputs: usize, kind: CellKind, outputs: usize) -> Network {
    let layers = vec![Layer::Cell { kind, hidden: 9, bias: true }, Layer::Linear { outputs, bias: true }];
    Network::new(&Architecture::new(InputShape::Flat(inputs), layers).unwrap())
}

/// The return of one episode, step by step with the reference.
fn played_alone(task: &Task<'_>, individual: usize, seed: u64) -> f64 {
    let architecture = task.network.architecture();
    let n_params = architecture.n_params();
    let weights = &task.weights[individual * n_params..][..n_params];
    let mut environment = task.spec.environment();
    environment.reset(Some(seed));
    let mut state = vec![0.0; architecture.n_state()];
    let mut observation = vec![0.0; architecture.n_inputs()];
    let mut total = 0.0;
    for _ in 0..task.max_episode_steps.unwrap() {
        environment.observe(View::Gymnasium, &mut observation);
        if task.spec.observation_space().dtype == ObservationDtype::U8 {
            observation.iter_mut().for_each(|value| *value /= 255.0);
        }
        let logits = reference::step(architecture, weights, &observation, &mut state);
        // The first largest: of equal ones `max_by` returns the last.
        let best = (0..logits.len()).rev().max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
        let step = environment.step(Action::Discrete(best as u32));
        total += step.reward;
        if step.terminated || step.truncated {
            break;
        }
    }
    total
}

fn for_each_kind(id: &str, check: impl Fn(&Task<'_>)) {
    let spec = envs::registry::find(id).unwrap().spec(&[], &[]).unwrap();
    for kind in KINDS {
        let network = recurrent(spec.observation_space().size(), kind, spec.action_space().n_logits());
        let weights = random_population(&network, POPULATION, 3);
        check(&task(spec.as_ref(), &network, &weights, &SEEDS));
    }
}

#[test]
fn episodes_are_those_of_a_loop_that_keeps_the_state() {
    for_each_kind("CartPole-v1", |task| {
        let expected: Vec<f64> = (0..POPULATION)
            .flat_map(|individual| SEEDS.map(|seed| played_alone(task, individual, seed)))
            .collect();
        assert_eq!(bits(&evaluate(task).unwrap().returns), bits(&expected));
    });
}

#[test]
fn threads_and_lanes_change_nothing() {
    for id in ["CartPole-v1", "LunarLander-v3"] {
        for_each_kind(id, |task| {
            let expected = bits(&evaluate(task).unwrap().returns);
            for threads in [1, 2, 7] {
                for group_width in [None, Some(1), Some(3), Some(8), Some(64)] {
                    let got = evaluate(&Task { threads, group_width, ..*task }).unwrap();
                    assert_eq!(
                        bits(&got.returns),
                        expected,
                        "{id}: {threads} threads, {group_width:?} lanes"
                    );
                }
            }
        });
    }
}

/// A lane that fails makes the others' step be repeated: with the state before it.
#[test]
fn a_failure_in_another_lane_does_not_advance_the_state() {
    let spec = envs::registry::find("CartPole-v1").unwrap().spec(&[], &[]).unwrap();
    let network = recurrent(4, CellKind::RnnRelu, 2);
    let mut weights = random_population(&network, POPULATION, 3);
    let n_params = network.architecture().n_params();
    // Grows without bound, until it overflows in the middle of its episode.
    for individual in [1, 4] {
        for weight in &mut weights[individual * n_params..][..n_params] {
            *weight = 1e3;
        }
    }
    let alone = task(spec.as_ref(), &network, &weights, &SEEDS);
    let among_failures = Task { on_non_finite: OnNonFinite::Fitness(-1.0), ..alone };
    let got = evaluate(&among_failures).unwrap();
    assert_eq!((0..POPULATION).filter(|&i| got.failed[i]).collect::<Vec<_>>(), [1, 4]);
    for individual in [0, 2, 3, 5, 6] {
        let weights = &weights[individual * n_params..][..n_params];
        let expected = evaluate(&Task { weights, population: 1, ..alone }).unwrap();
        let returns = &got.returns[individual * SEEDS.len()..][..SEEDS.len()];
        assert_eq!(bits(returns), bits(&expected.returns), "individual {individual}");
    }
}

/// A step of the policy is one of its memory, however many steps of the environment it is.
#[test]
fn the_state_is_kept_through_frame_skips() {
    let options = ObservationOptions {
        skip: Some(3),
        grayscale: true,
        resize: Some((12, 12)),
        ..ObservationOptions::default()
    };
    let entry = envs::registry::find("carracing").unwrap();
    let kwargs = [("continuous".to_owned(), Value::Bool(false))];
    let spec = entry.observed_spec(&kwargs, &[], &options, Some(40)).unwrap();
    let network = recurrent(144, CellKind::Gru, 5);
    let weights = random_population(&network, 2, 3);
    let task = Task { max_episode_steps: Some(40), ..task(spec.as_ref(), &network, &weights, &SEEDS[..1]) };
    let got = evaluate(&task).unwrap();
    let expected = [0, 1].map(|individual| played_alone(&task, individual, SEEDS[0]));
    assert_eq!((bits(&got.returns), got.lengths), (bits(&expected), vec![40, 40]));
}
