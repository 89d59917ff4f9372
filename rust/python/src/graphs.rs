//! Populations of graphs: from arrays to programs, and what they compute.

use crate::EngineError;
use crate::boundary::{Items, copied, guarded};
use engine::graph::{
    Activation, Aggregation, Arithmetic, Genes, Genome, InputNumbers, Player, Program, Shape, Summation,
};
use engine::lane_math::StandardFloatMode;
use engine::{Genomes, GraphHead};
use numpy::{
    PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

/// A population of graphs, compiled.
#[pyclass(frozen, module = "evalengine._engine")]
pub(crate) struct Graphs {
    programs: Vec<Program>,
    arithmetic: Arithmetic,
    shape: Shape,
}

/// The arrays of a population, in the order of `_engine.pyi`.
pub(crate) type Arrays<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, u8>,
    PyReadonlyArray1<'py, u8>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, f64>,
    PyReadonlyArray1<'py, bool>,
);

#[pymethods]
impl Graphs {
    /// Compiles a population; see `_engine.pyi`.
    #[new]
    #[pyo3(signature = (shape, is_recurrent, inputs, is_compensated, arrays, threads))]
    fn new(
        py: Python<'_>,
        shape: (usize, usize),
        is_recurrent: bool,
        inputs: &str,
        is_compensated: bool,
        arrays: Arrays<'_>,
        threads: usize,
    ) -> PyResult<Self> {
        guarded(py, || {
            let (shape, arithmetic) = form_of(&(shape, is_recurrent, inputs.to_owned(), is_compensated))?;
            let genomes = ArrayGenomes::of(&arrays)?;
            let count = genomes.len();
            let programs = py
                .detach(|| engine::compile(&genomes, count, shape, arithmetic, threads))
                .map_err(|(index, error)| EngineError::new_err(format!("graphs[{index}]: {error}")))?;
            Ok(Self { programs, arithmetic, shape })
        })
    }

    fn __len__(&self) -> usize {
        self.programs.len()
    }

    /// (nodes that are computed, connections that play) of each individual.
    fn sizes(&self) -> Vec<(usize, usize)> {
        self.programs.iter().map(|program| (program.n_nodes(), program.n_links())).collect()
    }

    /// Outputs of `(lanes, steps, inputs)` observations; see `_engine.pyi`.
    fn activate<'py>(
        &self,
        py: Python<'py>,
        individuals: Items<usize>,
        observations: PyReadonlyArray3<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        guarded(py, || {
            let individuals = individuals.0;
            let [lanes, steps, inputs] = [0, 1, 2].map(|axis| observations.shape()[axis]);
            if lanes != individuals.len() || inputs != self.shape.inputs {
                return Err(EngineError::new_err(format!(
                    "observations: expected shape ({}, T, {}), got ({lanes}, {steps}, {inputs})",
                    individuals.len(),
                    self.shape.inputs
                )));
            }
            if let Some(got) = individuals.iter().find(|&&individual| individual >= self.programs.len()) {
                let n = self.programs.len();
                return Err(EngineError::new_err(format!(
                    "individuals: expected numbers below {n}, got {got}"
                )));
            }
            let seen = copied(&observations);
            let n_outputs = self.shape.outputs;
            let mut outputs = vec![0.0; lanes * steps * n_outputs];
            py.detach(|| {
                let _standard = StandardFloatMode::enter();
                let mut player = Player::new(self.arithmetic, lanes);
                for (lane, &individual) in individuals.iter().enumerate() {
                    player.start(lane, &self.programs[individual]);
                }
                let (mut row, mut given) = (vec![0.0; lanes * inputs], vec![0.0; lanes * n_outputs]);
                for step in 0..steps {
                    for lane in 0..lanes {
                        let at = (lane * steps + step) * inputs;
                        row[lane * inputs..(lane + 1) * inputs].copy_from_slice(&seen[at..at + inputs]);
                    }
                    player.activate(lanes, &row, &mut given);
                    player.advance();
                    for lane in 0..lanes {
                        let at = (lane * steps + step) * n_outputs;
                        let own = &given[lane * n_outputs..(lane + 1) * n_outputs];
                        outputs[at..at + n_outputs].copy_from_slice(own);
                    }
                }
            });
            PyArray1::from_vec(py, outputs).reshape([lanes, steps, n_outputs])
        })
    }
}

/// ((inputs, outputs), is_recurrent, inputs, is_compensated).
pub(crate) type RawForm = ((usize, usize), bool, String, bool);

/// What all graphs of a population have in common.
pub(crate) fn form_of(
    (shape, is_recurrent, inputs, is_compensated): &RawForm,
) -> PyResult<(Shape, Arithmetic)> {
    let inputs = match inputs.as_str() {
        "float32" => InputNumbers::Float32,
        "uint8" => InputNumbers::Uint8,
        "python" => InputNumbers::Python,
        _ => {
            let expected = "expected float32, uint8 or python";
            return Err(EngineError::new_err(format!("inputs: {expected}, got {inputs:?}")));
        }
    };
    let summation = if *is_compensated { Summation::Compensated } else { Summation::Plain };
    let shape = Shape { inputs: shape.0, outputs: shape.1, is_recurrent: *is_recurrent };
    Ok((shape, Arithmetic { inputs, summation }))
}

/// A copy of arrays, and where each individual's values begin in them.
pub(crate) struct ArrayGenomes {
    first_nodes: Vec<usize>,
    first_connections: Vec<usize>,
    genes: Genes,
}

impl ArrayGenomes {
    pub(crate) fn of(arrays: &Arrays<'_>) -> PyResult<Self> {
        let (node_counts, connection_counts) = (copied(&arrays.0), copied(&arrays.1));
        let genes = Genes {
            nodes: copied(&arrays.2),
            activations: copied(&arrays.3),
            aggregations: copied(&arrays.4),
            biases: copied(&arrays.5),
            responses: copied(&arrays.6),
            sources: copied(&arrays.7),
            targets: copied(&arrays.8),
            weights: copied(&arrays.9),
            enabled: copied(&arrays.10),
        };
        let (n_nodes, n_connections) = (genes.nodes.len(), genes.weights.len());
        let total = |counts: &[i64]| {
            counts.iter().try_fold(0_usize, |sum, &count| sum.checked_add(usize::try_from(count).ok()?))
        };
        let of_nodes = [&genes.activations, &genes.aggregations].map(Vec::len) == [n_nodes; 2]
            && [&genes.biases, &genes.responses].map(Vec::len) == [n_nodes; 2];
        let of_connections =
            [genes.sources.len(), genes.targets.len(), genes.enabled.len()] == [n_connections; 3];
        let fits = of_nodes
            && of_connections
            && node_counts.len() == connection_counts.len()
            && total(&node_counts) == Some(n_nodes)
            && total(&connection_counts) == Some(n_connections);
        if !fits {
            return Err(EngineError::new_err(
                "graphs: expected arrays whose lengths are those that the counts say",
            ));
        }
        let (first_nodes, first_connections) = (starts(&node_counts), starts(&connection_counts));
        Ok(Self { first_nodes, first_connections, genes })
    }

    pub(crate) fn len(&self) -> usize {
        self.first_nodes.len() - 1
    }
}

impl Genomes for ArrayGenomes {
    fn genome(&self, individual: usize) -> Genome<'_> {
        let own = |first: &[usize]| first[individual]..first[individual + 1];
        self.genes.part(own(&self.first_nodes), own(&self.first_connections))
    }
}

/// Where the values of each individual begin, and where those of the last end.
fn starts(counts: &[i64]) -> Vec<usize> {
    let ends = counts.iter().scan(0, |end, &count| {
        *end += count as usize;
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

/// The head of that name; `threshold` is of "above" alone.
pub(crate) fn to_graph_head(name: &str, threshold: f64) -> PyResult<GraphHead> {
    match name {
        "argmax" => Ok(GraphHead::Argmax),
        "above" => Ok(GraphHead::Above(threshold)),
        "clip" => Ok(GraphHead::Clip),
        "tanh" => Ok(GraphHead::Tanh),
        "scale" => Ok(GraphHead::Scale),
        _ => {
            let expected = "expected argmax, above, clip, tanh or scale";
            Err(EngineError::new_err(format!("head: {expected}, got {name:?}")))
        }
    }
}

/// The actions that outputs `(B, dimensions)` give within the bounds; see `_engine.pyi`.
#[pyfunction]
pub(crate) fn graph_actions<'py>(
    py: Python<'py>,
    head: &str,
    outputs: PyReadonlyArray2<'py, f64>,
    low: Items<f32>,
    high: Items<f32>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    guarded(py, || {
        let shape = [outputs.shape()[0], outputs.shape()[1]];
        if [low.0.len(), high.0.len()] != [shape[1]; 2] {
            let expected = low.0.len();
            return Err(EngineError::new_err(format!(
                "outputs: expected {expected} columns, got {}",
                shape[1]
            )));
        }
        let outputs = copied(&outputs);
        let mut actions = vec![0.0; outputs.len()];
        let _standard = StandardFloatMode::enter();
        engine::graph_actions(to_graph_head(head, 0.0)?, &outputs, &low.0, &high.0, &mut actions);
        PyArray1::from_vec(py, actions).reshape(shape)
    })
}

/// The names of activations and of aggregations, in the order of their numbers.
#[pyfunction]
pub(crate) fn graph_functions() -> (Vec<&'static str>, Vec<&'static str>) {
    (
        Activation::ALL.iter().map(|&(name, _)| name).collect(),
        Aggregation::ALL.iter().map(|&(name, _)| name).collect(),
    )
}
