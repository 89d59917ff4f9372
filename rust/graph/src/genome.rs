//! One individual as arrays, and the index that finds its nodes by their keys.

use crate::aggregations::MOST_SORTED;
use crate::error::GraphError;
use crate::functions::{Activation, Aggregation};
use std::ops::Range;

/// What all graphs of a population have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many numbers a graph is given; their keys are -1, -2, ...
    pub inputs: usize,
    /// How many it gives: the nodes with keys 0, 1, ...
    pub outputs: usize,
    /// Whether nodes see what others were a step before (neat-python's `RecurrentNetwork`); otherwise there is no circle, and
    /// each node is computed after those that it sees (`FeedForwardNetwork`).
    pub is_recurrent: bool,
}

/// The genes of an individual, borrowed: an entry for each node in the first five, one for each connection in the others.
#[derive(Clone, Copy, Debug)]
pub struct Genome<'a> {
    /// The keys of nodes: those of outputs are 0, 1, ..., others are any numbers above, each of them once.
    pub nodes: &'a [i64],
    /// Numbers of [`Activation::ALL`].
    pub activations: &'a [u8],
    /// Numbers of [`Aggregation::ALL`].
    pub aggregations: &'a [u8],
    /// What is added to a node's aggregate.
    pub biases: &'a [f64],
    /// What the aggregate is multiplied by before.
    pub responses: &'a [f64],
    /// Where connections come from: a node, or an input -1, -2, ...
    pub sources: &'a [i64],
    /// Which nodes they go to. A node's inputs are aggregated in the order in which its connections stand here.
    pub targets: &'a [i64],
    /// What each value is multiplied by.
    pub weights: &'a [f64],
    /// Whether the connection is there at all.
    pub enabled: &'a [bool],
}

/// Genes in arrays of their own, of an individual or of several, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Genes {
    /// See [`Genome::nodes`].
    pub nodes: Vec<i64>,
    /// See [`Genome::activations`].
    pub activations: Vec<u8>,
    /// See [`Genome::aggregations`].
    pub aggregations: Vec<u8>,
    /// See [`Genome::biases`].
    pub biases: Vec<f64>,
    /// See [`Genome::responses`].
    pub responses: Vec<f64>,
    /// See [`Genome::sources`].
    pub sources: Vec<i64>,
    /// See [`Genome::targets`].
    pub targets: Vec<i64>,
    /// See [`Genome::weights`].
    pub weights: Vec<f64>,
    /// See [`Genome::enabled`].
    pub enabled: Vec<bool>,
}

impl Genes {
    /// The individual whose nodes and connections are these.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[must_use]
    pub fn part(&self, nodes: Range<usize>, connections: Range<usize>) -> Genome<'_> {
        Genome {
            nodes: &self.nodes[nodes.clone()],
            activations: &self.activations[nodes.clone()],
            aggregations: &self.aggregations[nodes.clone()],
            biases: &self.biases[nodes.clone()],
            responses: &self.responses[nodes],
            sources: &self.sources[connections.clone()],
            targets: &self.targets[connections.clone()],
            weights: &self.weights[connections.clone()],
            enabled: &self.enabled[connections],
        }
    }

    /// All of them, as one individual. The arrays may have any lengths: who compiles a genome checks them.
    #[must_use]
    pub fn genome(&self) -> Genome<'_> {
        Genome {
            nodes: &self.nodes,
            activations: &self.activations,
            aggregations: &self.aggregations,
            biases: &self.biases,
            responses: &self.responses,
            sources: &self.sources,
            targets: &self.targets,
            weights: &self.weights,
            enabled: &self.enabled,
        }
    }
}

/// Where a connection comes from. In few bytes: what there is to do in a genome is mostly to look at its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Input(u32),
    Node(u32),
}

/// A connection between places instead of keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) source: Source,
    pub(crate) target: u32,
    pub(crate) weight: f64,
    pub(crate) enabled: bool,
}

/// A genome whose keys have been found: connections name positions in `nodes`.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    pub(crate) genome: Genome<'a>,
    pub(crate) connections: &'a [Connection],
    /// The positions of the output nodes.
    pub(crate) outputs: &'a [usize],
    /// No number in it is NaN or infinite.
    pub(crate) is_finite: bool,
}

/// Memory of a genome that was resolved, for the next one.
#[derive(Debug, Default)]
pub(crate) struct GenomeBuffers {
    keys: Vec<(i64, usize)>,
    connections: Vec<Connection>,
    outputs: Vec<usize>,
}

impl<'a> Resolved<'a> {
    /// # Errors
    ///
    /// Lengths that differ, keys that are there twice or not at all, functions that there are not.
    pub(crate) fn new(
        genome: Genome<'a>,
        shape: Shape,
        buffers: &'a mut GenomeBuffers,
    ) -> Result<Self, GraphError> {
        let GenomeBuffers { keys, connections, outputs } = buffers;
        check_lengths(&genome)?;
        let index = Index::new(genome.nodes, shape, keys)?;
        for (position, &key) in genome.nodes.iter().enumerate() {
            check_function(key, "an activation", genome.activations[position], Activation::ALL.len())?;
            check_function(key, "an aggregation", genome.aggregations[position], Aggregation::ALL.len())?;
        }
        outputs.clear();
        for key in 0..shape.outputs as i64 {
            let expected =
                || GraphError::new(format!("node {key}: expected a node for each output, got none"));
            outputs.push(index.node(key).ok_or_else(expected)?);
        }
        connections.clear();
        for (connection, &enabled) in genome.enabled.iter().enumerate() {
            let (from, to) = (genome.sources[connection], genome.targets[connection]);
            let ends = (index.source(from), index.node(to));
            let (Some(source), Some(target)) = ends else {
                // neat-python leaves such connections behind where they are disabled.
                if !enabled {
                    continue;
                }
                return Err(index.unknown_end(from, to));
            };
            let weight = genome.weights[connection];
            connections.push(Connection { source, target: target as u32, weight, enabled });
        }
        let is_finite = genome.biases.iter().chain(genome.responses).all(|value| value.is_finite())
            && connections.iter().all(|connection| connection.weight.is_finite() || !connection.enabled);
        Ok(Self { genome, connections, outputs, is_finite })
    }

    pub(crate) fn activation(&self, node: usize) -> Activation {
        Activation::ALL[usize::from(self.genome.activations[node])].1
    }

    pub(crate) fn aggregation(&self, node: usize) -> Aggregation {
        Aggregation::ALL[usize::from(self.genome.aggregations[node])].1
    }

    pub(crate) fn check_median(&self, node: usize, inputs: usize) -> Result<(), GraphError> {
        if self.aggregation(node) == Aggregation::Median && inputs > MOST_SORTED {
            let key = self.genome.nodes[node];
            return Err(GraphError::new(format!(
                "node {key}: expected at most {MOST_SORTED} connections to a median, got {inputs}"
            )));
        }
        Ok(())
    }
}

fn check_lengths(genome: &Genome<'_>) -> Result<(), GraphError> {
    let nodes = genome.nodes.len();
    let of_nodes = [
        ("activations", genome.activations.len()),
        ("aggregations", genome.aggregations.len()),
        ("biases", genome.biases.len()),
        ("responses", genome.responses.len()),
    ];
    let connections = genome.sources.len();
    let of_connections = [
        ("targets", genome.targets.len()),
        ("weights", genome.weights.len()),
        ("enabled", genome.enabled.len()),
    ];
    let wrong = |expected: usize| move |&(_, got): &(&str, usize)| got != expected;
    let found = of_nodes.into_iter().find(wrong(nodes)).map(|found| (found, nodes, "nodes"));
    let found = found.or_else(|| {
        of_connections.into_iter().find(wrong(connections)).map(|found| (found, connections, "connections"))
    });
    match found {
        Some(((name, got), expected, of)) => {
            Err(GraphError::new(format!("{name}: expected {expected}, one for each of the {of}, got {got}")))
        }
        None => Ok(()),
    }
}

fn check_function(key: i64, kind: &str, number: u8, count: usize) -> Result<(), GraphError> {
    if usize::from(number) < count {
        return Ok(());
    }
    Err(GraphError::new(format!("node {key}: expected {kind} from 0 to {}, got {number}", count - 1)))
}

/// Positions of nodes by their keys.
struct Index<'a> {
    shape: Shape,
    /// Sorted.
    keys: &'a [(i64, usize)],
}

impl<'a> Index<'a> {
    fn new(nodes: &[i64], shape: Shape, keys: &'a mut Vec<(i64, usize)>) -> Result<Self, GraphError> {
        keys.clear();
        keys.extend(nodes.iter().enumerate().map(|(position, &key)| (key, position)));
        // Genomes are mostly sorted already.
        if !keys.is_sorted() {
            keys.sort_unstable();
        }
        if let Some(&(key, _)) = keys.first()
            && key < 0
        {
            return Err(GraphError::new(format!("node {key}: expected keys of nodes from 0 on, got {key}")));
        }
        if let Some(pair) = keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(GraphError::new(format!("node {}: expected once, got twice", pair[0].0)));
        }
        Ok(Self { shape, keys })
    }

    fn node(&self, key: i64) -> Option<usize> {
        // Keys of young genomes are 0, 1, 2, ...: then the place is known.
        match usize::try_from(key).ok().and_then(|place| self.keys.get(place)) {
            Some(&(found, position)) if found == key => return Some(position),
            _ => {}
        }
        let place = self.keys.binary_search_by_key(&key, |&(key, _)| key).ok()?;
        Some(self.keys[place].1)
    }

    fn source(&self, key: i64) -> Option<Source> {
        if key >= 0 {
            return self.node(key).map(|node| Source::Node(node as u32));
        }
        let input = usize::try_from(-1 - key).ok()?;
        (input < self.shape.inputs).then_some(Source::Input(input as u32))
    }

    fn unknown_end(&self, from: i64, to: i64) -> GraphError {
        let inputs = self.shape.inputs;
        if self.node(to).is_none() {
            let what = if to < 0 { "which is an input" } else { "which there is not" };
            return GraphError::new(format!(
                "connection {from} to {to}: expected a node as its end, got {to}, {what}"
            ));
        }
        GraphError::new(format!(
            "connection {from} to {to}: expected a node, or an input from -1 to -{inputs}, as its start, got {from}"
        ))
    }
}
