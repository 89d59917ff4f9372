//! From a genome to a program: which slots there are, and of which kind the numbers in them will be.

use crate::error::GraphError;
use crate::functions::Aggregation;
use crate::genome::{Genome, GenomeBuffers, Resolved, Shape, Source};
use crate::kind::{Kind, of_activation, of_aggregate};
use crate::number::{Float32, Precision};
use crate::order::{self, Order, OrderBuffers};
use crate::program::{Arithmetic, InputNumbers, Link, Node, Program};

impl Program {
    /// Compiles an individual.
    ///
    /// # Errors
    ///
    /// A genome that is none: lengths that differ, keys that are there twice or not at all, outputs that are not there, unknown
    /// functions, a circle in a feed-forward graph, more than 63 connections to a median. Numbers that are not finite are no
    /// error: see [`Self::is_finite`].
    pub fn new(genome: Genome<'_>, shape: Shape, arithmetic: Arithmetic) -> Result<Self, GraphError> {
        Compiler::default().program(genome, shape, arithmetic)
    }
}

/// Compiles one individual after the other, in the same memory: only the programs themselves are allocated.
#[derive(Debug, Default)]
pub struct Compiler {
    genome: GenomeBuffers,
    order: OrderBuffers,
    layout: LayoutBuffers,
}

impl Compiler {
    /// As [`Program::new`].
    ///
    /// # Errors
    ///
    /// As [`Program::new`].
    pub fn program(
        &mut self,
        genome: Genome<'_>,
        shape: Shape,
        arithmetic: Arithmetic,
    ) -> Result<Program, GraphError> {
        let resolved = Resolved::new(genome, shape, &mut self.genome)?;
        let order = if shape.is_recurrent {
            order::recurrent(&resolved, &mut self.order)
        } else {
            order::feed_forward(&resolved, &mut self.order)?
        };
        for &node in order.nodes {
            resolved.check_median(node, order.n_inputs(node))?;
        }
        let layout = Layout::new(&resolved, &order, shape, arithmetic.inputs, &mut self.layout);
        Ok(layout.program())
    }
}

/// Memory of a layout, for the next one.
#[derive(Debug, Default)]
struct LayoutBuffers {
    inputs: Vec<u32>,
    slot_of_input: Vec<u32>,
    place_of_node: Vec<u32>,
    kinds: Vec<Kind>,
    remembered: Vec<Kind>,
}

/// Where everything is: the nodes' values in their order, a zero, in a recurrent graph the nodes' values in the step before,
/// and inputs that are read.
struct Layout<'a> {
    resolved: &'a Resolved<'a>,
    order: &'a Order<'a>,
    shape: Shape,
    inputs: InputNumbers,
    buffers: &'a mut LayoutBuffers,
}

const NOWHERE: u32 = u32::MAX;

impl<'a> Layout<'a> {
    fn new(
        resolved: &'a Resolved<'a>,
        order: &'a Order<'a>,
        shape: Shape,
        inputs: InputNumbers,
        buffers: &'a mut LayoutBuffers,
    ) -> Self {
        let LayoutBuffers { inputs: read, slot_of_input, place_of_node, kinds, remembered } = buffers;
        place_of_node.clear();
        place_of_node.resize(resolved.genome.nodes.len(), NOWHERE);
        for (place, &node) in order.nodes.iter().enumerate() {
            place_of_node[node] = place as u32;
        }
        read.clear();
        slot_of_input.clear();
        slot_of_input.resize(shape.inputs, NOWHERE);
        for kinds in [&mut *kinds, &mut *remembered] {
            kinds.clear();
            kinds.resize(order.nodes.len(), Kind::Python);
        }
        Self { resolved, order, shape, inputs, buffers }
    }

    /// A number as it takes part in the arithmetic of NumPy's scalars.
    fn rounded(&self, value: f64) -> f64 {
        if self.inputs == InputNumbers::Float32 { Float32::round(value) } else { value }
    }

    /// Always 0: what nodes that are not computed are.
    fn zero(&self) -> usize {
        self.order.nodes.len()
    }

    fn first_remembered(&self) -> usize {
        self.zero() + 1
    }

    fn first_input(&self) -> usize {
        self.first_remembered() + if self.shape.is_recurrent { self.order.nodes.len() } else { 0 }
    }

    /// Where a connection reads; an input gets its slot when it is first read.
    fn slot(&mut self, source: Source) -> u32 {
        match source {
            Source::Input(input) => {
                let slot = self.buffers.slot_of_input[input as usize];
                if slot != NOWHERE {
                    return slot;
                }
                let slot = (self.first_input() + self.buffers.inputs.len()) as u32;
                self.buffers.slot_of_input[input as usize] = slot;
                self.buffers.inputs.push(input);
                slot
            }
            Source::Node(node) => match self.buffers.place_of_node[node as usize] {
                NOWHERE => self.zero() as u32,
                place if self.shape.is_recurrent => self.first_remembered() as u32 + place,
                place => place,
            },
        }
    }

    /// Of what a connection reads: of a feed-forward graph's nodes it is known, since they come before.
    fn kind(&self, source: Source) -> Kind {
        match source {
            Source::Input(_) if self.inputs == InputNumbers::Python => Kind::Python,
            Source::Input(_) => Kind::Numpy,
            Source::Node(node) => match self.buffers.place_of_node[node as usize] {
                NOWHERE => Kind::Python,
                place if self.shape.is_recurrent => self.buffers.remembered[place as usize],
                place => self.buffers.kinds[place as usize],
            },
        }
    }

    fn program(mut self) -> Program {
        if self.shape.is_recurrent {
            self.find_remembered_kinds();
        }
        let (resolved, order) = (self.resolved, self.order);
        let n_links = order.nodes.iter().map(|&node| order.n_inputs(node)).sum();
        let mut nodes: Vec<Node> = Vec::with_capacity(order.nodes.len());
        let mut links = Vec::with_capacity(n_links);
        let mut most_links = 0;
        for (place, &node) in order.nodes.iter().enumerate() {
            let first = links.len();
            for connection in order.inputs(resolved, node) {
                let (slot, kind) = (self.slot(connection.source), self.kind(connection.source));
                let weight = connection.weight;
                let weight = if kind == Kind::Numpy { self.rounded(weight) } else { weight };
                links.push(Link { slot, kind, weight });
            }
            let own = &links[first..];
            let (aggregation, activation) = (resolved.aggregation(node), resolved.activation(node));
            let aggregate = of_aggregate(aggregation, own.iter().map(|link| link.kind));
            let kind = of_activation(activation, aggregate);
            self.buffers.kinds[place] = kind;
            most_links = most_links.max(own.len());
            let is_plain_sum =
                aggregation == Aggregation::Sum && own.iter().all(|link| link.kind != Kind::Either);
            let (bias, response) = (resolved.genome.biases[node], resolved.genome.responses[node]);
            let is_rounded = is_plain_sum && aggregate == Kind::Numpy;
            nodes.push(Node {
                activation,
                aggregation,
                is_plain_sum,
                kind,
                bias: if is_rounded { self.rounded(bias) } else { bias },
                response: if is_rounded { self.rounded(response) } else { response },
                links: (first as u32, links.len() as u32),
                python_links: own.iter().take_while(|link| link.kind == Kind::Python).count() as u32,
            });
        }
        let output_slot = |&node: &usize| match self.buffers.place_of_node[node] {
            NOWHERE => self.zero() as u32,
            place => place,
        };
        Program {
            shape: self.shape,
            inputs: self.buffers.inputs.clone(),
            nodes,
            links,
            outputs: resolved.outputs.iter().map(output_slot).collect(),
            first_input: self.first_input(),
            most_links,
            is_finite: resolved.is_finite,
        }
    }

    /// What is remembered is a Python 0.0 at first and what the node has become later, so kinds are looked for until they do
    /// not change any more: each can change once.
    fn find_remembered_kinds(&mut self) {
        loop {
            let mut is_changed = false;
            for (place, &node) in self.order.nodes.iter().enumerate() {
                let own = self.order.inputs(self.resolved, node);
                let own = own.map(|connection| self.kind(connection.source));
                let aggregate = of_aggregate(self.resolved.aggregation(node), own);
                let kind = of_activation(self.resolved.activation(node), aggregate);
                let remembered = &mut self.buffers.remembered[place];
                is_changed |= remembered.or(kind) != *remembered;
                *remembered = remembered.or(kind);
            }
            if !is_changed {
                return;
            }
        }
    }
}
