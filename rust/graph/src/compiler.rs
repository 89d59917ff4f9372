//! From a genome to a program: which slots there are, and of which kind the numbers in them will be.

use crate::error::GraphError;
use crate::functions::Aggregation;
use crate::genome::{Genome, GenomeBuffers, Resolved, Shape, Source};
use crate::kind::{Kind, of_activation, of_aggregate};
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
        let LayoutBuffers { inputs, slot_of_input, place_of_node, kinds } = &mut self.layout;
        let layout = Layout::new(&resolved, &order, shape, (inputs, slot_of_input, place_of_node));
        layout.find_kinds(arithmetic.inputs, kinds);
        Ok(layout.program(kinds))
    }
}

/// Memory of a layout, for the next one.
#[derive(Debug, Default)]
struct LayoutBuffers {
    inputs: Vec<u32>,
    slot_of_input: Vec<u32>,
    place_of_node: Vec<u32>,
    kinds: Vec<Kind>,
}

/// Where everything is: inputs that are read, the nodes' values, in a recurrent graph those of the step before, and a zero.
struct Layout<'a> {
    resolved: &'a Resolved<'a>,
    order: &'a Order<'a>,
    shape: Shape,
    inputs: &'a [u32],
    slot_of_input: &'a [u32],
    /// The place in the order; `NOWHERE` of nodes that are not computed.
    place_of_node: &'a [u32],
}

const NOWHERE: u32 = u32::MAX;

impl<'a> Layout<'a> {
    fn new(
        resolved: &'a Resolved<'a>,
        order: &'a Order<'a>,
        shape: Shape,
        (inputs, slot_of_input, place_of_node): (&'a mut Vec<u32>, &'a mut Vec<u32>, &'a mut Vec<u32>),
    ) -> Self {
        place_of_node.clear();
        place_of_node.resize(resolved.genome.nodes.len(), NOWHERE);
        for (place, &node) in order.nodes.iter().enumerate() {
            place_of_node[node] = place as u32;
        }
        inputs.clear();
        slot_of_input.clear();
        slot_of_input.resize(shape.inputs, NOWHERE);
        for &node in order.nodes {
            for connection in order.inputs(resolved, node) {
                if let Source::Input(input) = connection.source
                    && slot_of_input[input] == NOWHERE
                {
                    slot_of_input[input] = inputs.len() as u32;
                    inputs.push(input as u32);
                }
            }
        }
        Self { resolved, order, shape, inputs, slot_of_input, place_of_node }
    }

    fn first_remembered(&self) -> usize {
        self.inputs.len() + self.order.nodes.len()
    }

    /// Always 0: what nodes that are not computed are.
    fn zero(&self) -> usize {
        self.first_remembered() + if self.shape.is_recurrent { self.order.nodes.len() } else { 0 }
    }

    /// Where a connection reads.
    fn slot(&self, source: Source) -> usize {
        match source {
            Source::Input(input) => self.slot_of_input[input] as usize,
            Source::Node(node) => match self.place_of_node[node] {
                NOWHERE => self.zero(),
                place if self.shape.is_recurrent => self.first_remembered() + place as usize,
                place => self.inputs.len() + place as usize,
            },
        }
    }

    fn output_slot(&self, node: usize) -> u32 {
        match self.place_of_node[node] {
            NOWHERE => self.zero() as u32,
            place => self.inputs.len() as u32 + place,
        }
    }

    fn program(&self, kinds: &[Kind]) -> Program {
        let n_links = self.order.nodes.iter().map(|&node| self.order.n_inputs(node)).sum();
        let (mut nodes, mut links) =
            (Vec::with_capacity(self.order.nodes.len()), Vec::with_capacity(n_links));
        for (place, &node) in self.order.nodes.iter().enumerate() {
            let first = links.len();
            links.extend(self.order.inputs(self.resolved, node).map(|connection| {
                let slot = self.slot(connection.source);
                Link { slot: slot as u32, kind: kinds[slot], weight: connection.weight }
            }));
            let own = &links[first..];
            let python_links = own.iter().take_while(|link| link.kind == Kind::Python).count();
            let aggregation = self.resolved.aggregation(node);
            nodes.push(Node {
                activation: self.resolved.activation(node),
                aggregation,
                is_plain_sum: aggregation == Aggregation::Sum
                    && own.iter().all(|link| link.kind != Kind::Either),
                kind: kinds[self.inputs.len() + place],
                bias: self.resolved.genome.biases[node],
                response: self.resolved.genome.responses[node],
                links: (first as u32, links.len() as u32),
                python_links: python_links as u32,
            });
        }
        Program {
            shape: self.shape,
            inputs: self.inputs.to_vec(),
            nodes,
            links,
            outputs: self.resolved.outputs.iter().map(|&node| self.output_slot(node)).collect(),
            slots: self.zero() + 1,
            first_remembered: self.first_remembered(),
            is_finite: self.resolved.is_finite,
        }
    }

    /// The kind of each slot. What is remembered is a Python 0.0 at first and what the node has become later, so kinds are
    /// looked for until they do not change any more: each can change once.
    fn find_kinds(&self, inputs: InputNumbers, kinds: &mut Vec<Kind>) {
        kinds.clear();
        kinds.resize(self.zero() + 1, Kind::Python);
        let of_input = if inputs == InputNumbers::Python { Kind::Python } else { Kind::Numpy };
        kinds[..self.inputs.len()].fill(of_input);
        loop {
            let mut is_changed = false;
            for (place, &node) in self.order.nodes.iter().enumerate() {
                let own = self.order.inputs(self.resolved, node);
                let own = own.map(|connection| kinds[self.slot(connection.source)]);
                let aggregate = of_aggregate(self.resolved.aggregation(node), own);
                let kind = of_activation(self.resolved.activation(node), aggregate);
                kinds[self.inputs.len() + place] = kind;
                if self.shape.is_recurrent {
                    let remembered = &mut kinds[self.first_remembered() + place];
                    is_changed |= remembered.or(kind) != *remembered;
                    *remembered = remembered.or(kind);
                }
            }
            if !is_changed {
                return;
            }
        }
    }
}
