//! Populations of graphs: the episodes of the scalar environment, whatever the lanes and threads; refusals.

use crate::support::{bits, evaluate, small_policy, task};
use engine::graph::{
    Activation, Aggregation, Arithmetic, Genome, InputNumbers, Player, Program, Shape, Summation,
};
use engine::{Evaluation, GraphHead, Graphs, OnNonFinite, Task};
use envs::registry::find;
use envs::{Action, ActionSpace, Spec, View};
use numpy_rng::Generator;

const ARITHMETIC: Arithmetic =
    Arithmetic { inputs: InputNumbers::Float32, summation: Summation::Compensated };
const SEEDS: [u64; 5] = [3, 0, 1 << 40, 7, 8];

/// Random graphs with two hidden nodes, in which every node sees every other one.
fn random_graphs(inputs: usize, outputs: usize, is_recurrent: bool, population: usize) -> Vec<Program> {
    let mut rng = Generator::from_seed(17);
    let n = outputs + 2;
    (0..population)
        .map(|_| {
            let nodes: Vec<i64> = (0..n as i64).collect();
            let of_all = |rng: &mut Generator, count: usize| -> Vec<u8> {
                (0..n).map(|_| rng.uniform(0.0, count as f64) as u8).collect()
            };
            let mut connections = Vec::new();
            for to in 0..n as i64 {
                let sources = if is_recurrent { -(inputs as i64)..n as i64 } else { -(inputs as i64)..0 };
                connections.extend(sources.map(|from| (from, to)));
                if !is_recurrent && to < outputs as i64 {
                    connections.extend((outputs as i64..n as i64).map(|from| (from, to)));
                }
            }
            let weights: Vec<f64> = connections.iter().map(|_| rng.uniform(-1.0, 1.0)).collect();
            let genome = Genome {
                nodes: &nodes,
                activations: &of_all(&mut rng, Activation::ALL.len()),
                aggregations: &of_all(&mut rng, Aggregation::ALL.len()),
                biases: &vec![0.1; n],
                responses: &vec![1.0; n],
                sources: &connections.iter().map(|ends| ends.0).collect::<Vec<_>>(),
                targets: &connections.iter().map(|ends| ends.1).collect::<Vec<_>>(),
                weights: &weights,
                enabled: &vec![true; weights.len()],
            };
            Program::new(genome, Shape { inputs, outputs, is_recurrent }, ARITHMETIC).unwrap()
        })
        .collect()
}

/// A task of graphs for an environment.
fn with_graphs(id: &str, is_recurrent: bool, population: usize, check: impl FnOnce(&Task<'_>)) {
    let spec = find(id).unwrap().spec(&[], &[]).unwrap();
    let head = match spec.action_space() {
        ActionSpace::Discrete(_) => GraphHead::Argmax,
        ActionSpace::Box { .. } => GraphHead::Clip,
    };
    let inputs = spec.observation_space().size();
    let programs = random_graphs(inputs, spec.action_space().n_logits(), is_recurrent, population);
    let graphs = Graphs { programs: &programs, arithmetic: ARITHMETIC, head };
    let network = small_policy(spec.as_ref());
    check(&Task {
        population,
        graphs: Some(graphs),
        on_non_finite: OnNonFinite::Fitness(-1.0),
        ..task(spec.as_ref(), &network, &[], &SEEDS)
    });
}

/// The return of one episode, played with the scalar environment; none if an output is not finite.
fn scalar_return(spec: &dyn Spec, program: &Program, seed: u64, limit: u64) -> Option<f64> {
    let mut environment = spec.environment();
    environment.reset(Some(seed));
    let mut player = Player::new(std::slice::from_ref(program), ARITHMETIC, 1);
    let mut observation = vec![0.0; spec.observation_space().size()];
    let mut outputs = vec![0.0; spec.action_space().n_logits()];
    let mut total = 0.0;
    for _ in 0..limit {
        environment.observe(View::Gymnasium, &mut observation);
        player.activate(&[0], &observation, &mut outputs);
        player.advance();
        if outputs.iter().any(|output| !output.is_finite()) {
            return None;
        }
        let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let index = outputs.iter().position(|&output| output == largest).unwrap();
        let clipped: Vec<f32> = outputs.iter().map(|&output| output.clamp(-1.0, 1.0) as f32).collect();
        let step = environment.step(match spec.action_space() {
            ActionSpace::Discrete(_) => Action::Discrete(index as u32),
            ActionSpace::Box { .. } => Action::Continuous(&clipped),
        });
        total += step.reward;
        if step.terminated || step.truncated {
            break;
        }
    }
    Some(total)
}

#[test]
fn episodes_are_those_of_the_scalar_environment() {
    for (id, is_recurrent) in
        [("cartpole", false), ("cartpole", true), ("lunarlander", true), ("bipedalwalker", false)]
    {
        with_graphs(id, is_recurrent, 23, |task| {
            let evaluation = evaluate(task).unwrap();
            let graphs = task.graphs.unwrap();
            let mut failures = 0;
            for individual in 0..task.population {
                for (episode, &seed) in SEEDS.iter().enumerate() {
                    let program = &graphs.programs[individual];
                    let expected = scalar_return(task.spec, program, seed, 200);
                    failures += usize::from(expected.is_none());
                    let got = evaluation.returns[individual * SEEDS.len() + episode];
                    assert_eq!(
                        got.to_bits(),
                        expected.unwrap_or(f64::NAN).to_bits(),
                        "{id} {individual} {seed}"
                    );
                }
            }
            assert!(failures < task.population * SEEDS.len() / 2, "{id}: {failures}");
        });
    }
}

#[test]
fn results_depend_neither_on_threads_nor_on_lanes() {
    // Individuals that fail have returns of NaN, which are equal by their bits alone.
    let numbers = |evaluation: &Evaluation| (bits(&evaluation.returns), evaluation.lengths.clone());
    for id in ["cartpole", "pendulum", "lunarlander"] {
        with_graphs(id, true, 37, |task| {
            let expected = numbers(&evaluate(task).unwrap());
            for (threads, group_width) in [(1, Some(1)), (1, Some(7)), (3, Some(2)), (2, None), (4, Some(64))]
            {
                let got = evaluate(&Task { threads, group_width, ..*task }).unwrap();
                assert!(numbers(&got) == expected, "{id}, {threads} threads, {group_width:?} lanes");
            }
        });
    }
}

/// A graph whose one output is what its bias is.
fn constant(outputs: usize, bias: f64) -> Program {
    let nodes: Vec<i64> = (0..outputs as i64).collect();
    let identity = Activation::ALL.iter().position(|&(name, _)| name == "identity").unwrap() as u8;
    let genome = Genome {
        nodes: &nodes,
        activations: &vec![identity; outputs],
        aggregations: &vec![6; outputs],
        biases: &vec![bias; outputs],
        responses: &vec![1.0; outputs],
        sources: &[],
        targets: &[],
        weights: &[],
        enabled: &[],
    };
    let inputs = if outputs == 4 { 24 } else { 4 };
    Program::new(genome, Shape { inputs, outputs, is_recurrent: false }, ARITHMETIC).unwrap()
}

#[test]
fn one_output_may_stand_for_two_actions() {
    with_graphs("cartpole", false, 1, |task| {
        let play = |bias, head| {
            let programs = [constant(1, bias)];
            let graphs = Graphs { programs: &programs, arithmetic: ARITHMETIC, head };
            let recording = engine::Recording {
                trajectories: &[0],
                most_trajectory_bytes: 1 << 20,
                ..Default::default()
            };
            let evaluation = evaluate(&Task { graphs: Some(graphs), recording, ..*task }).unwrap();
            match &evaluation.trajectories[0].actions {
                engine::RecordedActions::Discrete(actions) => actions[0],
                engine::RecordedActions::Continuous(_) => panic!("the actions are discrete"),
            }
        };
        assert_eq!([0.5, 0.500_001].map(|bias| play(bias, GraphHead::Above(0.5))), [0, 1]);
        assert_eq!([0.0, 1e-300, -1.0].map(|bias| play(bias, GraphHead::Above(0.0))), [0, 1, 0]);
    });
}

#[test]
fn actions_of_a_box_are_computed_in_float64() {
    let (low, high) = ([-2.0_f32, 0.0], [2.0_f32, 1.0]);
    let actions = |head, outputs: [f64; 4]| {
        let mut actions = [0.0; 4];
        engine::graph_actions(head, &outputs, &low, &high, &mut actions);
        actions
    };
    assert_eq!(actions(GraphHead::Clip, [-3.0, 2.0, 0.1, 0.25]), [-2.0, 1.0, 0.1, 0.25]);
    assert_eq!(actions(GraphHead::Scale, [0.0, 1.0, 0.75, 2.0]), [-2.0, 1.0, 1.0, 2.0]);
    let squashed = (-2.0 + (lane_math::libm::tanh(0.3) + 1.0) * 0.5 * 4.0) as f32;
    assert_eq!(actions(GraphHead::Tanh, [0.3, 0.0, -40.0, 40.0]), [squashed, 0.5, -2.0, 1.0]);
}

#[test]
fn what_does_not_fit_is_refused_and_numbers_that_are_not_finite_are_named() {
    with_graphs("cartpole", false, 3, |task| {
        let graphs = task.graphs.unwrap();
        let message = |graphs, population| {
            evaluate(&Task { graphs: Some(graphs), population, ..*task }).unwrap_err().to_string()
        };
        assert_eq!(message(graphs, 4), "graphs: expected 4, got 3");
        let programs = [constant(2, 0.0), constant(4, 0.0), constant(2, 0.0)];
        assert_eq!(
            message(Graphs { programs: &programs, ..graphs }, 3),
            "graphs[1]: expected 4 inputs and 2 outputs, got 24 and 4"
        );
        assert_eq!(
            message(Graphs { head: GraphHead::Clip, ..graphs }, 3),
            "head: expected one for the environment's actions, got Clip"
        );
        let bytes = Arithmetic { inputs: InputNumbers::Uint8, ..ARITHMETIC };
        assert_eq!(
            message(Graphs { arithmetic: bytes, ..graphs }, 3),
            "graphs: expected observations of uint8, got float32"
        );
        let programs = [constant(2, 0.0), constant(2, f64::NAN), constant(2, 1.0)];
        let graphs = Some(Graphs { programs: &programs, ..graphs });
        let stopped = Task { graphs, on_non_finite: OnNonFinite::Stop, threads: 2, ..*task };
        assert_eq!(evaluate(&stopped).unwrap_err().non_finite(), Some((1, 0)));
        let evaluation = evaluate(&Task { graphs, ..*task }).unwrap();
        assert_eq!(evaluation.failed, [false, true, false]);
        assert_eq!((evaluation.fitness[1], evaluation.lengths[5]), (-1.0, 0));
        assert_eq!(bits(&evaluation.returns[..5]), bits(&evaluation.returns[10..]));
    });
}
