//! Graphs that act in the lanes of a group, each individual with its own; and what their outputs mean.

use crate::compiling::Programs;
use crate::error::EngineError;
use envs::{ActionSpace, Actions, ObservationDtype, Spec};
use graph::{Compiler, InputNumbers, Player, Program};
use lane_math::{libm, memory};

/// How the outputs of a graph become an action. All of it is float64; actions of a Box are then cast to float32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GraphHead {
    /// The index of the largest output, the first of equal ones.
    Argmax,
    /// Of one output and two actions: 1 if the output is above the number, else 0.
    Above(f64),
    /// `clip(z, low, high)`.
    Clip,
    /// `low + (tanh(z) + 1) * 0.5 * (high - low)`.
    Tanh,
    /// `low + (high - low) * z`, of outputs from 0 to 1: `2 z - 1` for bounds of -1 and 1. Nothing is clipped.
    Scale,
}

/// A population of graphs.
#[derive(Clone, Copy)]
pub struct Graphs<'a> {
    /// One for each individual. Those that are not compiled yet are compiled before anything else is done.
    pub programs: &'a Programs<'a>,
    /// How outputs become actions.
    pub head: GraphHead,
}

impl Graphs<'_> {
    /// There is a graph for each individual, and they fit the environment.
    pub(crate) fn check(&self, population: usize, spec: &dyn Spec) -> Result<(), EngineError> {
        let got = self.programs.population();
        if got != population {
            return Err(EngineError::input(format!("graphs: expected {population}, got {got}")));
        }
        let (space, observed) = (spec.action_space(), spec.observation_space());
        let outputs = self.head.outputs(space).ok_or_else(|| {
            EngineError::input(format!(
                "head: expected one for the environment's actions, got {:?}",
                self.head
            ))
        })?;
        let expected = (observed.size(), outputs);
        let got = (self.programs.shape().inputs, self.programs.shape().outputs);
        if got != expected {
            return Err(EngineError::input(format!(
                "graphs: expected {} inputs and {} outputs, got {} and {}",
                expected.0, expected.1, got.0, got.1
            )));
        }
        if self.programs.arithmetic().inputs == InputNumbers::Uint8 && observed.dtype != ObservationDtype::U8
        {
            let got = observed.dtype.name();
            return Err(EngineError::input(format!("graphs: expected observations of uint8, got {got}")));
        }
        Ok(())
    }
}

impl GraphHead {
    /// How many outputs it takes for an action of this space; none if it has no such actions.
    fn outputs(self, space: &ActionSpace) -> Option<usize> {
        match (self, space) {
            (Self::Argmax, ActionSpace::Discrete(n)) => Some(*n as usize),
            (Self::Above(_), ActionSpace::Discrete(2)) => Some(1),
            (Self::Clip | Self::Tanh | Self::Scale, ActionSpace::Box { low, .. }) => Some(low.len()),
            _ => None,
        }
    }
}

/// The actions of a Box, `(lanes, dimensions)` float32, that outputs within the bounds `low` and `high` give. Without such a
/// head they are the outputs.
pub fn graph_actions(head: GraphHead, outputs: &[f64], low: &[f32], high: &[f32], actions: &mut [f32]) {
    let bounds = low.iter().zip(high).cycle();
    for ((action, &z), (&low, &high)) in actions.iter_mut().zip(outputs).zip(bounds) {
        let (low, high) = (f64::from(low), f64::from(high));
        let value = match head {
            GraphHead::Clip => {
                let raised = if z < low { low } else { z };
                if raised > high { high } else { raised }
            }
            GraphHead::Tanh => low + (libm::tanh(z) + 1.0) * 0.5 * (high - low),
            GraphHead::Scale => low + (high - low) * z,
            GraphHead::Argmax | GraphHead::Above(_) => z,
        };
        *action = value as f32;
    }
}

/// A worker's own: what its lanes' graphs remember, give, and do.
pub(crate) struct GraphLanes<'a> {
    graphs: Graphs<'a>,
    compiler: Compiler,
    player: Player<'a>,
    space: &'a ActionSpace,
    n_outputs: usize,
    /// `(lanes, n_outputs)`.
    outputs: Vec<f64>,
    indices: Vec<u32>,
    /// `(lanes, dimensions)`.
    values: Vec<f32>,
}

impl<'a> GraphLanes<'a> {
    pub(crate) fn new(graphs: Graphs<'a>, space: &'a ActionSpace, lanes: usize) -> Self {
        let n_outputs = graphs.head.outputs(space).unwrap_or(0);
        let (indices, values) = match space {
            ActionSpace::Discrete(_) => (lanes, 0),
            ActionSpace::Box { low, .. } => (0, lanes.saturating_mul(low.len())),
        };
        Self {
            graphs,
            compiler: Compiler::default(),
            player: Player::new(graphs.programs.arithmetic(), lanes),
            space,
            n_outputs,
            outputs: memory::filled(0.0, lanes.saturating_mul(n_outputs)),
            indices: memory::filled(0, indices),
            values: memory::filled(0.0, values),
        }
    }

    /// Compiles what is there, and shows it to `look`; false if some of it is no graph.
    pub(crate) fn compile(&mut self, look: impl Fn(usize, &Program)) -> bool {
        let mut are_graphs = true;
        while let Some(part_is) = self.graphs.programs.compile_next(&mut self.compiler, &look) {
            are_graphs &= part_is;
        }
        are_graphs
    }

    /// An episode of an individual begins in `lane`.
    pub(crate) fn start(&mut self, lane: usize, individual: usize) {
        self.player.start(lane, self.graphs.programs.get(individual));
    }

    /// Makes lane `to` what lane `from` is.
    pub(crate) fn move_lane(&mut self, from: usize, to: usize) {
        self.player.move_lane(from, to);
    }

    /// Makes lane `to` what lane `from` of another worker is.
    pub(crate) fn take_lane(&mut self, to: usize, other: &Self, from: usize) {
        self.player.take_lane(to, &other.player, from);
    }

    /// Shows each of the first `active` lanes its observation; whether all outputs are finite.
    pub(crate) fn activate(&mut self, active: usize, observations: &[f32]) -> bool {
        let outputs = &mut self.outputs[..active * self.n_outputs];
        self.player.activate(active, observations, outputs);
        outputs.iter().all(|output| output.is_finite())
    }

    /// All lanes have made the step.
    pub(crate) fn advance(&mut self) {
        self.player.advance();
    }

    /// Whether the last outputs of `lane` are not finite.
    pub(crate) fn fails(&self, lane: usize) -> bool {
        let own = &self.outputs[lane * self.n_outputs..(lane + 1) * self.n_outputs];
        !own.iter().all(|output| output.is_finite())
    }

    /// The actions that the last outputs of the first `active` lanes mean.
    pub(crate) fn decode(&mut self, active: usize) -> Actions<'_> {
        let outputs = &self.outputs[..active * self.n_outputs];
        match (self.space, self.graphs.head) {
            (ActionSpace::Discrete(_), GraphHead::Above(threshold)) => {
                for (index, &output) in self.indices.iter_mut().zip(outputs) {
                    *index = u32::from(output > threshold);
                }
            }
            (ActionSpace::Discrete(_), _) => {
                for (index, row) in self.indices.iter_mut().zip(outputs.chunks_exact(self.n_outputs)) {
                    *index = first_maximum(row);
                }
            }
            (ActionSpace::Box { low, high }, head) => {
                graph_actions(head, outputs, low, high, &mut self.values[..outputs.len()]);
            }
        }
        match self.space {
            ActionSpace::Discrete(_) => Actions::Discrete(&self.indices[..active]),
            ActionSpace::Box { low, .. } => Actions::Continuous(&self.values[..active * low.len()]),
        }
    }
}

/// The index of the largest value, the first of equal ones.
fn first_maximum(row: &[f64]) -> u32 {
    let mut best = 0;
    for (index, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = index;
        }
    }
    best as u32
}
