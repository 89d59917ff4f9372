//! Refusals, and the choices of neat-python that are easily got wrong. Its bits are compared by the Python tests, with itself.

use super::*;

const PYTHON: Arithmetic = Arithmetic { inputs: InputNumbers::Python, summation: Summation::Plain };

/// Nodes of (key, activation, aggregation, bias), connections of (from, to, weight, enabled).
fn owned(nodes: &[(i64, &str, &str, f64)], connections: &[(i64, i64, f64, bool)]) -> Genes {
    let activation = |name| Activation::ALL.iter().position(|&(known, _)| known == name).unwrap() as u8;
    let aggregation = |name| Aggregation::ALL.iter().position(|&(known, _)| known == name).unwrap() as u8;
    Genes {
        nodes: nodes.iter().map(|node| node.0).collect(),
        activations: nodes.iter().map(|node| activation(node.1)).collect(),
        aggregations: nodes.iter().map(|node| aggregation(node.2)).collect(),
        biases: nodes.iter().map(|node| node.3).collect(),
        responses: vec![1.0; nodes.len()],
        sources: connections.iter().map(|connection| connection.0).collect(),
        targets: connections.iter().map(|connection| connection.1).collect(),
        weights: connections.iter().map(|connection| connection.2).collect(),
        enabled: connections.iter().map(|connection| connection.3).collect(),
    }
}

fn shape(is_recurrent: bool) -> Shape {
    Shape { inputs: 2, outputs: 1, is_recurrent }
}

fn refusal(genome: &Genes) -> String {
    Program::new(genome.genome(), shape(false), PYTHON).unwrap_err().to_string()
}

/// What a program gives for one observation after another, in each of as many lanes.
fn outputs(program: &Program, observations: &[[f32; 2]], lanes: usize) -> Vec<f64> {
    let mut player = Player::new(PYTHON, lanes);
    (0..lanes).for_each(|lane| player.start(lane, program));
    let mut found = Vec::new();
    for observation in observations {
        let mut outputs = vec![0.0; lanes];
        player.activate(lanes, &observation.repeat(lanes), &mut outputs);
        player.advance();
        assert!(outputs.iter().all(|output| output.to_bits() == outputs[0].to_bits()));
        found.push(outputs[0]);
    }
    found
}

#[test]
fn what_is_no_graph_is_refused_in_one_line_that_names_it() {
    let node = |key| (key, "identity", "sum", 0.0);
    let cases = [
        (owned(&[node(1)], &[]), "node 0: expected a node for each output, got none"),
        (owned(&[node(0), node(0)], &[]), "node 0: expected once, got twice"),
        (owned(&[node(0), node(-3)], &[]), "node -3: expected keys of nodes from 0 on, got -3"),
        (
            owned(&[node(0)], &[(5, 0, 1.0, true)]),
            "connection 5 to 0: expected a node, or an input from -1 to -2, as its start, got 5",
        ),
        (
            owned(&[node(0)], &[(-3, 0, 1.0, true)]),
            "connection -3 to 0: expected a node, or an input from -1 to -2, as its start, got -3",
        ),
        (
            owned(&[node(0)], &[(-1, 4, 1.0, true)]),
            "connection -1 to 4: expected a node as its end, got 4, which there is not",
        ),
        (
            owned(&[node(0)], &[(0, -1, 1.0, true)]),
            "connection 0 to -1: expected a node as its end, got -1, which is an input",
        ),
        (
            owned(&[node(0)], &[(0, 0, 1.0, true)]),
            "node 0: expected no circle in a feed-forward graph, got 0 to 0",
        ),
        (
            owned(&[node(0), node(2), node(3)], &[(3, 2, 1.0, true), (2, 3, 1.0, true), (2, 0, 1.0, true)]),
            "node 2: expected no circle in a feed-forward graph, got 2 to 3 to 2",
        ),
    ];
    for (genome, expected) in cases {
        assert_eq!(refusal(&genome), expected);
    }
    let mut genome = owned(&[node(0)], &[]);
    genome.activations = vec![18];
    assert_eq!(refusal(&genome), "node 0: expected an activation from 0 to 17, got 18");
    genome.activations = vec![0, 0];
    assert_eq!(refusal(&genome), "activations: expected 1, one for each of the nodes, got 2");
    genome.activations = vec![0];
    genome.aggregations = vec![7];
    assert_eq!(refusal(&genome), "node 0: expected an aggregation from 0 to 6, got 7");
    let wide = owned(&[(0, "identity", "median", 0.0)], &vec![(-1, 0, 1.0, true); 64]);
    assert_eq!(refusal(&wide), "node 0: expected at most 63 connections to a median, got 64");
}

#[test]
fn circles_and_missing_nodes_do_not_matter_where_nothing_depends_on_them() {
    let node = |key| (key, "identity", "sum", 0.25);
    let genome = owned(
        &[node(0), node(2), node(3)],
        &[(3, 2, 1.0, true), (2, 3, 1.0, true), (2, 0, 1.0, false), (9, 0, 1.0, false), (-1, 0, 2.0, true)],
    );
    let program = Program::new(genome.genome(), shape(false), PYTHON).unwrap();
    assert_eq!((program.n_nodes(), program.n_links()), (1, 1));
    assert_eq!(outputs(&program, &[[3.0, 0.0]], 3), [6.25]);
}

#[test]
fn a_feed_forward_output_that_nothing_reaches_gives_its_bias_and_a_recurrent_one_zero() {
    let genome = owned(&[(0, "identity", "sum", 0.75)], &[(-1, 0, 1.0, false)]);
    for (is_recurrent, expected) in [(false, 0.75), (true, 0.0)] {
        let program = Program::new(genome.genome(), shape(is_recurrent), PYTHON).unwrap();
        assert_eq!(outputs(&program, &[[3.0, 4.0]], 2), [expected]);
    }
}

#[test]
fn recurrent_nodes_see_the_step_before_and_forget_it_at_a_reset() {
    let genome = owned(
        &[(0, "identity", "sum", 0.0), (1, "identity", "sum", 0.0)],
        &[(-1, 1, 1.0, true), (1, 0, 1.0, true), (0, 0, 1.0, true)],
    );
    let program = Program::new(genome.genome(), shape(true), PYTHON).unwrap();
    let observations = [[1.0, 0.0], [2.0, 0.0], [4.0, 0.0], [8.0, 0.0]];
    assert_eq!(outputs(&program, &observations, 5), [0.0, 1.0, 3.0, 7.0]);
    let mut player = Player::new(PYTHON, 2);
    (0..2).for_each(|lane| player.start(lane, &program));
    let mut given = [0.0; 2];
    player.activate(2, &[9.0, 0.0, 9.0, 0.0], &mut given); // not made: computed again
    player.activate(2, &[1.0, 0.0, 1.0, 0.0], &mut given);
    player.advance();
    player.start(1, &program);
    player.activate(2, &[0.0; 4], &mut given);
    player.advance();
    assert_eq!(given, [1.0, 0.0]);
    player.move_lane(0, 1);
    player.activate(2, &[0.0; 4], &mut given);
    player.advance();
    assert_eq!(given, [1.0, 1.0]);
    let mut other = Player::new(PYTHON, 1);
    other.take_lane(0, &player, 1);
    let mut alone = [0.0];
    other.activate(1, &[5.0, 0.0], &mut alone);
    assert_eq!(alone, [1.0]);
}

#[test]
fn individuals_that_remember_more_come_later_and_change_nothing_for_others() {
    let small = owned(&[(0, "identity", "sum", 0.0)], &[(-1, 0, 1.0, true), (0, 0, 1.0, true)]);
    let large = owned(
        &[(0, "identity", "sum", 0.0), (1, "identity", "sum", 0.0), (2, "identity", "sum", 0.0)],
        &[(-2, 1, 1.0, true), (1, 2, 2.0, true), (2, 0, 1.0, true), (0, 0, 1.0, true)],
    );
    let [small, large] =
        [&small, &large].map(|genome| Program::new(genome.genome(), shape(true), PYTHON).unwrap());
    let observations = [[1.0, 3.0], [2.0, 5.0], [4.0, 7.0], [8.0, 9.0], [16.0, 11.0]];
    let alone = [&small, &large].map(|program| outputs(program, &observations, 1));
    let mut player = Player::new(PYTHON, 3);
    let mut given = [0.0; 3];
    (0..2).for_each(|lane| player.start(lane, &small));
    for (step, observation) in observations.iter().enumerate() {
        if step == 2 {
            player.start(1, &large);
        }
        player.activate(2, &[*observation, observations[step.saturating_sub(2)]].concat(), &mut given);
        player.advance();
        assert_eq!(given[0], alone[0][step]);
        assert!(step < 2 || given[1] == alone[1][step - 2], "{given:?}");
    }
    // A player that has had room for less goes on with the same numbers, and so does one that has had room for more.
    let mut narrow = Player::new(PYTHON, 2);
    narrow.start(0, &small);
    narrow.take_lane(1, &player, 1);
    narrow.activate(2, &[1.0, 0.0, 8.0, 9.0], &mut given);
    assert_eq!(given[..2], [1.0, alone[1][3]]);
    player.take_lane(2, &narrow, 0);
    player.move_lane(2, 0);
    player.activate(1, &[6.0, 0.0], &mut given);
    assert_eq!(given[0], 6.0);
}

#[test]
fn an_overflow_of_a_node_that_no_output_depends_on_counts_where_python_computes_it() {
    // Of a recurrent graph neat-python computes what a required node leads to.
    let genome = owned(
        &[(0, "identity", "sum", 1e200), (1, "square", "sum", 0.0)],
        &[(-1, 0, 1.0, true), (0, 1, 1.0, true)],
    );
    let program = Program::new(genome.genome(), shape(true), PYTHON).unwrap();
    let given = outputs(&program, &[[1.0, 0.0], [1.0, 0.0]], 2);
    assert!(given[0] == 1e200 && given[1].is_nan(), "{given:?}");
    let program = Program::new(genome.genome(), shape(false), PYTHON).unwrap();
    assert_eq!(outputs(&program, &[[1.0, 0.0]], 2), [1e200]);
}

#[test]
fn lanes_of_many_individuals_give_what_each_gives_alone_on_every_instruction_set() {
    let mut rng = numpy_rng::Generator::from_seed(11);
    let names: Vec<&str> = Activation::ALL.iter().map(|&(name, _)| name).collect();
    let aggregations: Vec<&str> = Aggregation::ALL.iter().map(|&(name, _)| name).collect();
    for is_recurrent in [false, true] {
        for (inputs, summation) in [
            (InputNumbers::Float32, Summation::Compensated),
            (InputNumbers::Float32, Summation::Plain),
            (InputNumbers::Uint8, Summation::Compensated),
            (InputNumbers::Python, Summation::Compensated),
        ] {
            let arithmetic = Arithmetic { inputs, summation };
            let programs: Vec<Program> = (0..40)
                .map(|_| {
                    let mut nodes = Vec::new();
                    let mut connections = Vec::new();
                    for key in (0..6).rev() {
                        let pick = |rng: &mut numpy_rng::Generator, n| rng.uniform(0.0, n as f64) as usize;
                        // Every other one is a sum, which lanes compute together.
                        let most = aggregations.len() - 1;
                        let (a, b) = (pick(&mut rng, names.len()), pick(&mut rng, 2 * most).min(most));
                        nodes.push((key, names[a], aggregations[b], rng.uniform(-1.0, 1.0)));
                        for from in [-1, -2].into_iter().chain(key + 1..6) {
                            let enabled = rng.uniform(0.0, 1.0) < 0.7;
                            connections.push((from, key, rng.uniform(-2.0, 2.0), enabled));
                        }
                    }
                    Program::new(owned(&nodes, &connections).genome(), shape(is_recurrent), arithmetic)
                        .unwrap()
                })
                .collect();
            let individuals: Vec<usize> = (0..100).map(|lane| lane * 7 % 40 / 3).collect();
            let steps: Vec<Vec<f32>> =
                (0..5).map(|_| (0..200).map(|_| rng.uniform(-3.0, 3.0) as f32).collect()).collect();
            let play = |isa| {
                let mut player = Player::new(arithmetic, 100).with_isa(isa);
                (0..100).for_each(|lane| player.start(lane, &programs[individuals[lane]]));
                let mut given = vec![0.0; 100];
                steps
                    .iter()
                    .flat_map(|observations| {
                        player.activate(100, observations, &mut given);
                        player.advance();
                        given.iter().map(|value| value.to_bits()).collect::<Vec<u64>>()
                    })
                    .collect::<Vec<u64>>()
            };
            let expected = play(lane_math::Isa::Portable);
            for isa in lane_math::Isa::all_available() {
                assert!(play(isa) == expected, "{}", isa.name());
            }
            for lane in 0..100 {
                let mut player = Player::new(arithmetic, 1);
                player.start(0, &programs[individuals[lane]]);
                for (step, observations) in steps.iter().enumerate() {
                    let mut alone = [0.0];
                    player.activate(1, &observations[2 * lane..2 * lane + 2], &mut alone);
                    player.advance();
                    assert_eq!(alone[0].to_bits(), expected[step * 100 + lane], "lane {lane}, step {step}");
                }
            }
        }
    }
}
