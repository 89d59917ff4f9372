//! Populations of graphs: the episodes of the scalar environment, whatever the lanes and threads; refusals.

use crate::support::{bits, evaluate, small_policy, task};
use engine::graph::{
    Activation, Aggregation, Arithmetic, Genes, Genome, InputNumbers, Player, Program, Shape, Summation,
};
use engine::{Evaluation, Genomes, GraphHead, Graphs, OnNonFinite, PART, Programs, Task, evaluate_fed};
use envs::registry::find;
use envs::{Action, ActionSpace, Spec, View};
use numpy_rng::Generator;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

const ARITHMETIC: Arithmetic =
    Arithmetic { inputs: InputNumbers::Float32, summation: Summation::Compensated };
const SEEDS: [u64; 5] = [3, 0, 1 << 40, 7, 8];

struct Population(Vec<Genes>);

impl Genomes for Population {
    fn genome(&self, individual: usize) -> Genome<'_> {
        self.0[individual].genome()
    }
}

/// Random graphs with two hidden nodes, in which every node sees every other one.
fn random_genes(inputs: usize, outputs: usize, is_recurrent: bool, population: usize) -> Vec<Genes> {
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
            Genes {
                nodes,
                activations: of_all(&mut rng, Activation::ALL.len()),
                aggregations: of_all(&mut rng, Aggregation::ALL.len()),
                biases: vec![0.1; n],
                responses: vec![1.0; n],
                sources: connections.iter().map(|ends| ends.0).collect(),
                targets: connections.iter().map(|ends| ends.1).collect(),
                enabled: vec![true; weights.len()],
                weights,
            }
        })
        .collect()
}

fn random_graphs(inputs: usize, outputs: usize, is_recurrent: bool, population: usize) -> Vec<Program> {
    let genes = Population(random_genes(inputs, outputs, is_recurrent, population));
    let shape = Shape { inputs, outputs, is_recurrent };
    engine::compile(&genes, population, shape, ARITHMETIC, 1).unwrap()
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
    let shape = Shape { inputs, outputs: spec.action_space().n_logits(), is_recurrent };
    let programs = Programs::compiled(programs, shape, ARITHMETIC);
    let graphs = Graphs { programs: &programs, head };
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
    let mut player = Player::new(ARITHMETIC, 1);
    player.start(0, program);
    let mut observation = vec![0.0; spec.observation_space().size()];
    let mut outputs = vec![0.0; spec.action_space().n_logits()];
    let mut total = 0.0;
    for _ in 0..limit {
        environment.observe(View::Gymnasium, &mut observation);
        player.activate(1, &observation, &mut outputs);
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
            let inputs = task.spec.observation_space().size();
            let outputs = task.spec.action_space().n_logits();
            let programs = random_graphs(inputs, outputs, is_recurrent, task.population);
            let mut failures = 0;
            for (individual, program) in programs.iter().enumerate() {
                for (episode, &seed) in SEEDS.iter().enumerate() {
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
    Program::new(genome, feed_forward(outputs), ARITHMETIC).unwrap()
}

fn feed_forward(outputs: usize) -> Shape {
    Shape { inputs: 4, outputs, is_recurrent: false }
}

#[test]
fn one_output_may_stand_for_two_actions() {
    with_graphs("cartpole", false, 1, |task| {
        let play = |bias, head| {
            let programs = Programs::compiled(vec![constant(1, bias)], feed_forward(1), ARITHMETIC);
            let graphs = Graphs { programs: &programs, head };
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
        let programs = Programs::compiled(vec![constant(4, 0.0); 3], feed_forward(4), ARITHMETIC);
        assert_eq!(
            message(Graphs { programs: &programs, ..graphs }, 3),
            "graphs: expected 4 inputs and 2 outputs, got 4 and 4"
        );
        assert_eq!(
            message(Graphs { head: GraphHead::Clip, ..graphs }, 3),
            "head: expected one for the environment's actions, got Clip"
        );
        let bytes = Arithmetic { inputs: InputNumbers::Uint8, ..ARITHMETIC };
        let programs = Programs::compiled(vec![constant(2, 0.0); 3], feed_forward(2), bytes);
        assert_eq!(
            message(Graphs { programs: &programs, ..graphs }, 3),
            "graphs: expected observations of uint8, got float32"
        );
        let programs = [0.0, f64::NAN, 1.0].map(|bias| constant(2, bias)).to_vec();
        let programs = Programs::compiled(programs, feed_forward(2), ARITHMETIC);
        let graphs = Some(Graphs { programs: &programs, ..graphs });
        let evaluation = evaluate(&Task { graphs, ..*task }).unwrap();
        assert_eq!(evaluation.failed, [false, true, false]);
        assert_eq!((evaluation.fitness[1], evaluation.lengths[5]), (-1.0, 0));
        assert_eq!(bits(&evaluation.returns[..5]), bits(&evaluation.returns[10..]));
    });
}

const LATE: usize = 5 * PART + 3;
const SHAPE: Shape = Shape { inputs: 4, outputs: 2, is_recurrent: true };

fn late_genes() -> Vec<Genes> {
    random_genes(SHAPE.inputs, SHAPE.outputs, SHAPE.is_recurrent, LATE)
}

/// What becomes of a call in CartPole to which genomes come `at_a_time`, when the other threads have had time to do
/// something with those before them; after `count` of them it is broken off, if there are more.
fn fed(
    genes: Vec<Genes>,
    (threads, at_a_time, count): (usize, usize, usize),
    on_non_finite: OnNonFinite,
) -> Result<Evaluation, engine::EngineError> {
    let population = Population(genes);
    let programs = Programs::new(&population, population.0.len(), SHAPE, ARITHMETIC);
    let spec = find("cartpole").unwrap().spec(&[], &[]).unwrap();
    let network = small_policy(spec.as_ref());
    let graphs = Some(Graphs { programs: &programs, head: GraphHead::Argmax });
    let size = programs.population();
    let task = Task {
        population: size,
        graphs,
        threads,
        on_non_finite,
        ..task(spec.as_ref(), &network, &[], &SEEDS)
    };
    evaluate_fed(&task, &mut |_, _| ControlFlow::Continue(()), &mut || {
        for come in (0..count.min(size)).step_by(at_a_time) {
            programs.publish((come + at_a_time).min(size).min(count));
            let start = Instant::now();
            while threads > 1 && start.elapsed() < Duration::from_micros(300) {
                std::thread::yield_now();
            }
        }
        if count < size { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

#[test]
fn genomes_that_come_during_the_call_have_the_same_episodes() {
    let marked = OnNonFinite::Fitness(-1.0);
    let numbers = |evaluation: Evaluation| (bits(&evaluation.returns), evaluation.lengths, evaluation.failed);
    let expected = numbers(fed(late_genes(), (1, LATE, LATE), marked).unwrap());
    for threads in [1, 2, 3, 5] {
        for at_a_time in [1, PART, 3 * PART - 1, LATE] {
            let got = numbers(fed(late_genes(), (threads, at_a_time, LATE), marked).unwrap());
            assert!(got == expected, "{threads} threads, {at_a_time} at a time");
        }
    }
}

#[test]
fn a_call_whose_genomes_stop_coming_has_no_result() {
    for threads in [1, 2, 3] {
        for count in [0, 1, PART, LATE - 1] {
            let error = fed(late_genes(), (threads, PART, count), OnNonFinite::Fitness(0.0)).unwrap_err();
            assert!(error.is_cancelled(), "{threads} threads, {count}: {error}");
        }
    }
}

#[test]
fn the_first_genome_that_is_none_is_named_though_others_have_been_played() {
    for (threads, at_a_time) in [(1, LATE), (2, 1), (2, PART), (3, PART), (3, LATE)] {
        let mut genes = late_genes();
        // Numbers that are not finite are less, and so are outputs.
        genes[2].biases[0] = f64::NAN;
        for bad in [LATE - 1, 3 * PART + 1, 3 * PART] {
            genes[bad].nodes[0] = 77;
        }
        let error = fed(genes, (threads, at_a_time, LATE), OnNonFinite::Stop).unwrap_err();
        let expected = format!("graphs[{}]: node 0: expected a node for each output, got none", 3 * PART);
        assert_eq!(error.to_string(), expected, "{threads} threads, {at_a_time} at a time");
    }
}

#[test]
fn the_first_number_that_is_not_finite_is_named_before_any_output() {
    let overflowing = |genes: &mut Genes| {
        genes.aggregations.fill(Aggregation::Sum as u8);
        genes.activations.fill(Activation::Identity as u8);
        genes.biases.fill(f64::MAX);
        genes.weights.fill(f64::MAX);
    };
    for (threads, at_a_time) in [(1, LATE), (2, 1), (2, PART), (3, PART), (3, LATE)] {
        let named = |changed: &dyn Fn(&mut Vec<Genes>)| {
            let mut genes = late_genes();
            // Squares and the like of random graphs may overflow, too.
            for genes in &mut genes {
                genes.aggregations.fill(Aggregation::Sum as u8);
                genes.activations.fill(Activation::Tanh as u8);
            }
            changed(&mut genes);
            fed(genes, (threads, at_a_time, LATE), OnNonFinite::Stop).map_err(|error| error.non_finite())
        };
        assert!(named(&|_| ()).is_ok());
        let only_outputs = named(&|genes| {
            overflowing(&mut genes[4]);
            overflowing(&mut genes[LATE - 1]);
        });
        assert_eq!(only_outputs.unwrap_err(), Some((4, 0)));
        let weights_too = named(&|genes| {
            overflowing(&mut genes[4]);
            genes[LATE - 1].weights[0] = f64::INFINITY;
            genes[2 * PART].weights[0] = f64::NAN;
        });
        assert_eq!(weights_too.unwrap_err(), Some((2 * PART, 0)), "{threads} threads, {at_a_time} at a time");
    }
}
