//! A genome compiled to straight code: nodes in order, each with the slots that it reads and the one that it writes.

use crate::aggregations::Summation;
use crate::functions::{Activation, Aggregation};
use crate::genome::Shape;
use crate::kind::Kind;

/// The Python whose arithmetic is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arithmetic {
    /// What a graph is given.
    pub inputs: InputNumbers,
    /// How `sum` adds Python floats.
    pub summation: Summation,
}

/// What numbers an observation consists of when a graph gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputNumbers {
    /// Scalars of a float32 array: with NumPy 2 a product with a Python float is a float32.
    Float32,
    /// Scalars of a uint8 array: a product with a Python float is a NumPy float64.
    Uint8,
    /// Python floats, as `.tolist()` gives them.
    Python,
}

/// An individual that is ready to run.
///
/// ```
/// use graph::{Activation, Aggregation, Arithmetic, Genome, InputNumbers, Program, Shape, Summation};
///
/// let number = |name: &str| Activation::ALL.iter().position(|&(known, _)| known == name).unwrap() as u8;
/// let sum = Aggregation::ALL.iter().position(|&(known, _)| known == "sum").unwrap() as u8;
/// let shape = Shape { inputs: 2, outputs: 1, is_recurrent: false };
/// let genome = Genome {
///     nodes: &[0, 7],
///     activations: &[number("identity"), number("relu")],
///     aggregations: &[sum, sum],
///     biases: &[0.5, 0.0],
///     responses: &[1.0, 1.0],
///     sources: &[-1, -2, 7],
///     targets: &[7, 7, 0],
///     weights: &[1.0, 2.0, 3.0],
///     enabled: &[true; 3],
/// };
/// let arithmetic = Arithmetic { inputs: InputNumbers::Python, summation: Summation::Plain };
/// let program = Program::new(genome, shape, arithmetic)?;
/// let mut outputs = [0.0; 2];
/// let mut player = graph::Player::new(arithmetic, 2);
/// (0..2).for_each(|lane| player.start(lane, &program)); // two episodes of the same individual
/// player.activate(2, &[1.0, 2.0, -9.0, 1.0], &mut outputs);
/// assert_eq!(outputs, [15.5, 0.5]);
/// # Ok::<(), graph::GraphError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) shape: Shape,
    /// Which numbers of an observation are read; they are in the last slots, from `first_input` on.
    pub(crate) inputs: Vec<u32>,
    /// Their values are in the first slots.
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Vec<Link>,
    /// The slot of each output.
    pub(crate) outputs: Vec<u32>,
    pub(crate) first_input: usize,
    pub(crate) is_finite: bool,
    /// How many links the node has that has most.
    pub(crate) most_links: usize,
}

/// A node, and where its links stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) activation: Activation,
    pub(crate) aggregation: Aggregation,
    /// Whether all kinds are known and the links are summed: what lanes do together.
    pub(crate) is_plain_sum: bool,
    /// Of its value.
    pub(crate) kind: Kind,
    /// Rounded as NumPy's arithmetic rounds them where `is_plain_sum` and the sum is NumPy's.
    pub(crate) bias: f64,
    pub(crate) response: f64,
    pub(crate) links: (u32, u32),
    /// Links before the first that is not a Python float's.
    pub(crate) python_links: u32,
}

/// A connection that plays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) slot: u32,
    pub(crate) kind: Kind,
    /// Of a NumPy scalar: rounded as its arithmetic rounds it.
    pub(crate) weight: f64,
}

impl Program {
    /// How many numbers it is given, and how many it gives.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// No bias, response or weight of an enabled connection is NaN or infinite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.is_finite
    }

    /// How many nodes are computed in a step.
    #[must_use]
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// How many connections take part in a step.
    #[must_use]
    pub fn n_links(&self) -> usize {
        self.links.len()
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.first_input + self.inputs.len()
    }

    /// The slot that is always 0: what nodes that are not computed are.
    pub(crate) fn zero(&self) -> usize {
        self.nodes.len()
    }

    /// The first slot of the nodes' values in the step before, in the order of `nodes`.
    pub(crate) fn first_remembered(&self) -> usize {
        self.zero() + 1
    }

    /// How many values are kept from step to step.
    pub(crate) fn n_remembered(&self) -> usize {
        if self.shape.is_recurrent { self.nodes.len() } else { 0 }
    }
}
