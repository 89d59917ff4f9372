//! Populations of graphs: from neat-python's genomes to arrays, from arrays to programs, and what they compute.

use crate::EngineError;
use crate::boundary::{Items, copied, guarded};
use engine::GraphHead;
use engine::graph::{
    Activation, Aggregation, Arithmetic, Genome, InputNumbers, Player, Program, Shape, Summation,
};
use engine::lane_math::StandardFloatMode;
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyReadonlyArray3, PyUntypedArrayMethods,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString, PyTuple};

/// A population of graphs, compiled.
#[pyclass(frozen, module = "evalengine._engine")]
pub(crate) struct Graphs {
    pub(crate) programs: Vec<Program>,
    pub(crate) arithmetic: Arithmetic,
    shape: Shape,
}

/// The arrays of a population, in the order of `_engine.pyi`.
type Arrays<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, u8>,
    PyReadonlyArray1<'py, u8>,
    PyReadonlyArray2<'py, f64>,
    PyReadonlyArray2<'py, i64>,
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
            let inputs = match inputs {
                "float32" => InputNumbers::Float32,
                "uint8" => InputNumbers::Uint8,
                "python" => InputNumbers::Python,
                _ => {
                    let expected = "expected float32, uint8 or python";
                    return Err(EngineError::new_err(format!("inputs: {expected}, got {inputs:?}")));
                }
            };
            let summation = if is_compensated { Summation::Compensated } else { Summation::Plain };
            let arithmetic = Arithmetic { inputs, summation };
            let shape = Shape { inputs: shape.0, outputs: shape.1, is_recurrent };
            let programs = compiled(py, &arrays, shape, arithmetic, threads)?;
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
                let mut player = Player::new(&self.programs, self.arithmetic, lanes);
                let (mut row, mut given) = (vec![0.0; lanes * inputs], vec![0.0; lanes * n_outputs]);
                for step in 0..steps {
                    for lane in 0..lanes {
                        let at = (lane * steps + step) * inputs;
                        row[lane * inputs..(lane + 1) * inputs].copy_from_slice(&seen[at..at + inputs]);
                    }
                    player.activate(&individuals, &row, &mut given);
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

fn compiled(
    py: Python<'_>,
    arrays: &Arrays<'_>,
    shape: Shape,
    arithmetic: Arithmetic,
    threads: usize,
) -> PyResult<Vec<Program>> {
    let (node_counts, connection_counts) = (copied(&arrays.0), copied(&arrays.1));
    let (nodes, activations, aggregations) = (copied(&arrays.2), copied(&arrays.3), copied(&arrays.4));
    let (biases_responses, ends) = (copied(&arrays.5), copied(&arrays.6));
    let (weights, enabled) = (copied(&arrays.7), copied(&arrays.8));
    let (n_nodes, n_connections) = (nodes.len(), weights.len());
    let total = |counts: &[i64]| {
        counts.iter().try_fold(0_usize, |sum, &count| sum.checked_add(usize::try_from(count).ok()?))
    };
    let fits = [activations.len(), aggregations.len()] == [n_nodes; 2]
        && biases_responses.len() == 2 * n_nodes
        && ends.len() == 2 * n_connections
        && enabled.len() == n_connections
        && node_counts.len() == connection_counts.len()
        && total(&node_counts) == Some(n_nodes)
        && total(&connection_counts) == Some(n_connections);
    if !fits {
        return Err(EngineError::new_err(
            "graphs: expected arrays whose lengths are those that the counts say",
        ));
    }
    let (first_nodes, first_connections) = (starts(&node_counts), starts(&connection_counts));
    let genome = |index: usize| {
        let own = first_nodes[index]..first_nodes[index + 1];
        let links = first_connections[index]..first_connections[index + 1];
        Genome {
            nodes: &nodes[own.clone()],
            activations: &activations[own.clone()],
            aggregations: &aggregations[own.clone()],
            biases: &biases_responses[own.clone()],
            responses: &biases_responses[n_nodes + own.start..n_nodes + own.end],
            sources: &ends[links.clone()],
            targets: &ends[n_connections + links.start..n_connections + links.end],
            weights: &weights[links.clone()],
            enabled: &enabled[links],
        }
    };
    let count = node_counts.len();
    py.detach(|| engine::compile(count, &genome, shape, arithmetic, threads))
        .map_err(|(index, error)| EngineError::new_err(format!("graphs[{index}]: {error}")))
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

/// Names that were looked up before, by the object that spells them: genomes share those of their configuration.
struct Names {
    kind: &'static str,
    known: Vec<&'static str>,
    seen: Vec<(usize, u8)>,
}

impl Names {
    fn number(&mut self, place: &str, name: &Bound<'_, PyAny>) -> PyResult<u8> {
        let object = name.as_ptr() as usize;
        if let Some(&(_, number)) = self.seen.iter().find(|&&(seen, _)| seen == object) {
            return Ok(number);
        }
        let spelled = name.cast::<PyString>().ok().and_then(|name| name.to_str().ok().map(str::to_owned));
        let number = spelled.and_then(|spelled| self.known.iter().position(|&known| known == spelled));
        let Some(number) = number else {
            let (kind, known) = (self.kind, self.known.join(", "));
            let got = name.repr()?;
            return Err(EngineError::new_err(format!("{place}: expected {kind} among {known}, got {got}")));
        };
        // Objects that are looked up live as long as their genomes, which outlive this.
        self.seen.push((object, number as u8));
        Ok(number as u8)
    }
}

#[derive(Default)]
struct Read {
    node_counts: Vec<i64>,
    connection_counts: Vec<i64>,
    nodes: Vec<i64>,
    activations: Vec<u8>,
    aggregations: Vec<u8>,
    biases: Vec<f64>,
    responses: Vec<f64>,
    sources: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<f64>,
    enabled: Vec<bool>,
}

/// The arrays of neat-python's genomes; see `_engine.pyi`.
#[pyfunction]
pub(crate) fn read_genomes<'py>(py: Python<'py>, genomes: Items<Py<PyAny>>) -> PyResult<Bound<'py, PyDict>> {
    guarded(py, || {
        let mut read = Read::default();
        let (activations, aggregations) = graph_functions();
        let mut activations = Names { kind: "an activation", known: activations, seen: Vec::new() };
        let mut aggregations = Names { kind: "an aggregation", known: aggregations, seen: Vec::new() };
        for (index, given) in genomes.0.iter().enumerate() {
            let genome = &without_id(given.bind(py))?;
            let nodes = dictionary(index, genome, "nodes")?;
            read.node_counts.push(nodes.len() as i64);
            for (key, gene) in nodes.iter() {
                let key = node_key(index, &key)?;
                read.nodes.push(key);
                let place = || format!("graphs[{index}]: node {key}");
                let name = attribute(&gene, intern!(py, "activation"), &place)?;
                let number = activations.number("", &name);
                read.activations.push(number.map_err(|error| placed(py, &place, &error))?);
                let name = attribute(&gene, intern!(py, "aggregation"), &place)?;
                let number = aggregations.number("", &name);
                read.aggregations.push(number.map_err(|error| placed(py, &place, &error))?);
                read.biases.push(float(&gene, intern!(py, "bias"), &place)?);
                read.responses.push(float(&gene, intern!(py, "response"), &place)?);
            }
            let connections = dictionary(index, genome, "connections")?;
            read.connection_counts.push(connections.len() as i64);
            for (key, gene) in connections.iter() {
                let (from, to) = ends_of(&key).ok_or_else(|| {
                    EngineError::new_err(format!(
                        "graphs[{index}]: expected connections by (from, to), two integers, got {key}"
                    ))
                })?;
                let place = || format!("graphs[{index}]: connection {from} to {to}");
                read.sources.push(from);
                read.targets.push(to);
                read.weights.push(float(&gene, intern!(py, "weight"), &place)?);
                let enabled = attribute(&gene, intern!(py, "enabled"), &place)?;
                read.enabled.push(enabled.is(PyBool::new(py, true)) || enabled.is_truthy()?);
            }
        }
        read.into_dict(py)
    })
}

impl Read {
    fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("node_counts", self.node_counts.into_pyarray(py))?;
        dict.set_item("connection_counts", self.connection_counts.into_pyarray(py))?;
        dict.set_item("nodes", self.nodes.into_pyarray(py))?;
        dict.set_item("activations", self.activations.into_pyarray(py))?;
        dict.set_item("aggregations", self.aggregations.into_pyarray(py))?;
        dict.set_item("biases", self.biases.into_pyarray(py))?;
        dict.set_item("responses", self.responses.into_pyarray(py))?;
        dict.set_item("sources", self.sources.into_pyarray(py))?;
        dict.set_item("targets", self.targets.into_pyarray(py))?;
        dict.set_item("weights", self.weights.into_pyarray(py))?;
        dict.set_item("enabled", self.enabled.into_pyarray(py))?;
        Ok(dict)
    }
}

/// The error of a name with where it stands before it.
fn placed(py: Python<'_>, place: &dyn Fn() -> String, error: &PyErr) -> PyErr {
    EngineError::new_err(format!("{}{}", place(), error.value(py)))
}

fn dictionary<'py>(index: usize, genome: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyDict>> {
    let found = genome.getattr(name).ok().and_then(|found| found.cast_into::<PyDict>().ok());
    found.ok_or_else(|| {
        let kind = genome.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string());
        EngineError::new_err(format!(
            "graphs[{index}]: expected a genome with dictionaries of nodes and connections, got {kind}"
        ))
    })
}

/// The genome of a pair (id, genome), as neat-python hands them to its `eval_genomes`.
fn without_id<'py>(given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match given.cast::<PyTuple>() {
        Ok(pair) if pair.len() == 2 && pair.get_item(0)?.extract::<i64>().is_ok() => pair.get_item(1),
        _ => Ok(given.clone()),
    }
}

/// The two integers of a connection's key.
fn ends_of(key: &Bound<'_, PyAny>) -> Option<(i64, i64)> {
    let pair = key.cast::<PyTuple>().ok()?;
    if pair.len() != 2 {
        return None;
    }
    let end = |place| pair.get_borrowed_item(place).ok()?.extract().ok();
    Some((end(0)?, end(1)?))
}

fn node_key(index: usize, key: &Bound<'_, PyAny>) -> PyResult<i64> {
    key.extract().map_err(|_| {
        EngineError::new_err(format!("graphs[{index}]: expected keys of nodes to be integers, got {key}"))
    })
}

fn attribute<'py>(
    gene: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    place: &dyn Fn() -> String,
) -> PyResult<Bound<'py, PyAny>> {
    gene.getattr(name).map_err(|_| EngineError::new_err(format!("{}: expected {name}, got none", place())))
}

/// A Python float, or an integer. NumPy's scalars would have their own arithmetic.
fn float(gene: &Bound<'_, PyAny>, name: &Bound<'_, PyString>, place: &dyn Fn() -> String) -> PyResult<f64> {
    let value = attribute(gene, name, place)?;
    if value.is_exact_instance_of::<PyFloat>()
        || (value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>())
    {
        return value.extract();
    }
    let kind = value.get_type().name()?;
    Err(EngineError::new_err(format!("{}: {name}: expected a Python float, got one of {kind}", place())))
}
