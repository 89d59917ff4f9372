//! Heads and what is random in actions: at the bounds of a space bit for bit, and the same whatever runs beside.

use crate::support::{bits, evaluate, task};
use engine::{Exploration, Head, Noise, OnNonFinite, Seeds, Task, continuous_actions};
use lane_math::Isa;
use numpy_rng::Generator;
use policy::{Architecture, InputShape, Layer, Network};

fn clipped(value: f32, low: f32, high: f32) -> u32 {
    let mut values = [value];
    continuous_actions(Head::Clip, Isa::detect(), &mut values, &[low], &[high]);
    values[0].to_bits()
}

/// As `numpy.clip` and `torch.clamp`: a value that is equal to a bound is not taken to it, so its sign stays.
#[test]
fn zeros_keep_their_sign_at_bounds_of_zero() {
    for value in [0.0_f32, -0.0] {
        for bound in [0.0, -0.0] {
            assert_eq!(clipped(value, bound, 1.0), value.to_bits(), "{value} from {bound} on");
            assert_eq!(clipped(value, -1.0, bound), value.to_bits(), "{value} up to {bound}");
        }
    }
}

#[test]
fn values_beyond_a_bound_are_the_bound() {
    assert_eq!(clipped(-1.0, -0.0, 1.0), (-0.0_f32).to_bits());
    assert_eq!(clipped(1.0, -1.0, -0.0), (-0.0_f32).to_bits());
    assert_eq!(clipped(-1e-45, 0.0, 1.0), 0.0_f32.to_bits());
}

const SEEDS: [u64; 3] = [5, 0, 1 << 40];

/// Eleven individuals of a linear policy with a head, what is random in it, in an environment.
fn with_task(id: &str, head: Head<'_>, exploration: Exploration<'_>, check: impl Fn(&Task<'_>)) {
    let spec = envs::registry::find(id).unwrap().spec(&[], &[]).unwrap();
    let layers = vec![Layer::Linear { outputs: head.n_outputs(spec.action_space()), bias: true }];
    let inputs = InputShape::Flat(spec.observation_space().size());
    let network = Network::new(&Architecture::new(inputs, layers).unwrap());
    let n_log_std = if exploration.noise == Noise::LogStd { network.architecture().n_outputs() } else { 0 };
    let mut rng = Generator::from_seed(1);
    let n = 11 * (network.architecture().n_params() + n_log_std);
    let weights: Vec<f32> = (0..n).map(|_| rng.uniform(-0.5, 0.5) as f32).collect();
    check(&Task {
        head,
        exploration,
        population: 11,
        keep_final_observation: true,
        ..task(spec.as_ref(), &network, &weights, &SEEDS)
    });
}

fn for_each_head(check: impl Fn(&Task<'_>)) {
    let each = [Head::Tanh, Head::Sigmoid, Head::Clip, Head::Raw];
    let noises = [Noise::None, Noise::Fixed(&[0.3, 0.1, 0.2, 0.0]), Noise::LogStd];
    for (epsilon, sticky) in [(0.0, 0.0), (0.1, 0.0), (0.0, 0.25), (0.2, 0.3)] {
        let with = |noise| Exploration { noise, epsilon, sticky };
        for head in [Head::Argmax, Head::Sample, Head::Threshold(0.25)] {
            with_task("CartPole-v1", head, with(Noise::None), &check);
        }
        for noise in noises {
            with_task("BipedalWalker-v3", Head::Each(&each), with(noise), &check);
        }
        for head in [Head::Raw, Head::Sigmoid, Head::Tanh, Head::Clip] {
            with_task("Pendulum-v1", head, with(Noise::LogStd), &check);
        }
    }
}

#[test]
fn threads_and_lanes_change_no_draw() {
    for_each_head(|task| {
        let expected = evaluate(task).unwrap();
        for (threads, group_width) in [(1, Some(1)), (2, None), (3, Some(2)), (16, Some(5)), (7, Some(64))] {
            let got = evaluate(&Task { threads, group_width, ..*task }).unwrap();
            let case = format!("{:?} {:?}, {threads} threads, {group_width:?}", task.head, task.exploration);
            assert_eq!(bits(&got.returns), bits(&expected.returns), "{case}");
            assert_eq!(got.final_observations, expected.final_observations, "{case}");
        }
    });
}

#[test]
fn an_episode_is_a_function_of_its_seed() {
    for_each_head(|task| {
        let expected = evaluate(task).unwrap();
        // The same seeds in another order, and each twice.
        let order = [2, 0, 1, 1, 0, 2];
        let seeds = order.map(|episode| SEEDS[episode]);
        let again = evaluate(&Task { episodes: 6, seeds: Seeds::Shared(&seeds), ..*task }).unwrap();
        for (theirs, ours) in again.returns.chunks(6).zip(expected.returns.chunks(3)) {
            assert_eq!(bits(theirs), bits(&order.map(|episode| ours[episode])));
        }
    });
}

#[test]
fn logarithms_of_zero_are_deviations_of_one() {
    let with = |noise| Exploration { noise, ..Exploration::default() };
    with_task("Pendulum-v1", Head::Tanh, with(Noise::LogStd), |task| {
        let n = task.weights.len() / 11;
        let mut weights = task.weights.to_vec();
        weights.iter_mut().step_by(n).for_each(|log_std| *log_std = 0.0);
        let learned = evaluate(&Task { weights: &weights, ..*task }).unwrap();
        let network: Vec<f32> = weights.chunks(n).flat_map(|row| row[1..].to_vec()).collect();
        let exploration = with(Noise::Fixed(&[1.0]));
        let fixed = evaluate(&Task { weights: &network, exploration, ..*task }).unwrap();
        assert_eq!(bits(&learned.returns), bits(&fixed.returns));
    });
}

#[test]
fn deviations_that_are_infinite_are_refused_as_weights_are() {
    let exploration = Exploration { noise: Noise::LogStd, ..Exploration::default() };
    with_task("Pendulum-v1", Head::Tanh, exploration, |task| {
        let n = task.weights.len() / 11;
        let mut weights = task.weights.to_vec();
        weights[7 * n] = 89.0; // exp(89) is above what float32 holds
        let stopped = evaluate(&Task { weights: &weights, threads: 3, ..*task });
        assert_eq!(stopped.unwrap_err().non_finite(), Some((7, 0)));
        let marked = Task { weights: &weights, on_non_finite: OnNonFinite::Fitness(-1.0), ..*task };
        let failed = evaluate(&marked).unwrap().failed;
        assert_eq!(failed, (0..11).map(|individual| individual == 7).collect::<Vec<_>>());
        weights[7 * n] = 88.0;
        assert!(evaluate(&Task { weights: &weights, ..*task }).is_ok());
    });
}

#[test]
fn outputs_and_weights_are_as_many_as_the_head_needs() {
    let usual = Exploration::default();
    let refused = |task: &Task<'_>| evaluate(task).unwrap_err().to_string();
    with_task("CartPole-v1", Head::Argmax, usual, |task| {
        assert_eq!(
            refused(&Task { head: Head::Threshold(0.0), ..*task }),
            "policy: expected 4 inputs and 1 outputs, got 4 and 2"
        );
        assert!(
            refused(&Task { exploration: Exploration { epsilon: 2.0, ..usual }, ..*task })
                .starts_with("epsilon: expected a probability from 0 to 1")
        );
    });
    with_task("Pendulum-v1", Head::Tanh, usual, |task| {
        assert!(refused(&Task { head: Head::Sample, ..*task }).starts_with("head: expected one for Box"));
        let exploration = Exploration { noise: Noise::LogStd, ..usual };
        assert_eq!(refused(&Task { exploration, ..*task }), "weights: expected 11 x 5 values, got 44");
    });
}
