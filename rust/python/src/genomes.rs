//! From neat-python's genomes to the arrays of a population of graphs.

use crate::EngineError;
use crate::boundary::{Items, guarded};
use crate::graphs::graph_functions;
use numpy::IntoPyArray;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString, PyTuple};

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

/// How many keys of connections are remembered.
const KEYS: usize = 1 << 10;

/// Ends of connections that were read before, by the objects that are their keys: genomes share them with their parents,
/// and to look into a tuple of two integers takes ten times as long.
struct Keys<'py>(Vec<Option<Key<'py>>>);

/// The object and its ends.
type Key<'py> = (Bound<'py, PyAny>, (i64, i64));

impl<'py> Keys<'py> {
    fn ends(&mut self, key: &Bound<'py, PyAny>) -> Option<(i64, i64)> {
        // By Fibonacci's hashing: addresses end in zeros.
        let place = (key.as_ptr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - KEYS.ilog2());
        let kept = &mut self.0[place as usize];
        if let Some((known, ends)) = kept
            && known.is(key)
        {
            return Some(*ends);
        }
        let ends = ends_of(key)?;
        // Kept alive, so that no other key comes to have its address.
        *kept = Some((key.clone(), ends));
        Some(ends)
    }
}

/// The arrays of neat-python's genomes; see `_engine.pyi`.
#[pyfunction]
pub(crate) fn read_genomes<'py>(py: Python<'py>, genomes: Items<Py<PyAny>>) -> PyResult<Bound<'py, PyDict>> {
    guarded(py, || {
        let mut read = Read::default();
        let (activations, aggregations) = graph_functions();
        let mut activations = Names { kind: "an activation", known: activations, seen: Vec::new() };
        let mut aggregations = Names { kind: "an aggregation", known: aggregations, seen: Vec::new() };
        let mut keys = Keys(vec![None; KEYS]);
        // Looked up here, not for each gene.
        let [nodes, connections] = [intern!(py, "nodes"), intern!(py, "connections")];
        let [activation, aggregation] = [intern!(py, "activation"), intern!(py, "aggregation")];
        let [bias, response] = [intern!(py, "bias"), intern!(py, "response")];
        let [weight, enabled] = [intern!(py, "weight"), intern!(py, "enabled")];
        let is_true = PyBool::new(py, true);
        for (index, given) in genomes.0.iter().enumerate() {
            let genome = &without_id(given.bind(py))?;
            let nodes = dictionary(index, genome, nodes)?;
            read.node_counts.push(nodes.len() as i64);
            for (key, gene) in nodes.iter() {
                let key = node_key(index, &key)?;
                read.nodes.push(key);
                let place = || format!("graphs[{index}]: node {key}");
                let name = attribute(&gene, activation, &place)?;
                let number = activations.number("", &name);
                read.activations.push(number.map_err(|error| placed(py, &place, &error))?);
                let name = attribute(&gene, aggregation, &place)?;
                let number = aggregations.number("", &name);
                read.aggregations.push(number.map_err(|error| placed(py, &place, &error))?);
                read.biases.push(float(&gene, bias, &place)?);
                read.responses.push(float(&gene, response, &place)?);
            }
            let connections = dictionary(index, genome, connections)?;
            read.connection_counts.push(connections.len() as i64);
            for (key, gene) in connections.iter() {
                let (from, to) = keys.ends(&key).ok_or_else(|| {
                    EngineError::new_err(format!(
                        "graphs[{index}]: expected connections by (from, to), two integers, got {key}"
                    ))
                })?;
                let place = || format!("graphs[{index}]: connection {from} to {to}");
                read.sources.push(from);
                read.targets.push(to);
                read.weights.push(float(&gene, weight, &place)?);
                let enabled = attribute(&gene, enabled, &place)?;
                read.enabled.push(enabled.is(is_true) || enabled.is_truthy()?);
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

fn dictionary<'py>(
    index: usize,
    genome: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyDict>> {
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
    if let Ok(float) = value.cast_exact::<PyFloat>() {
        return Ok(float.value());
    }
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return value.extract();
    }
    let kind = value.get_type().name()?;
    Err(EngineError::new_err(format!("{}: {name}: expected a Python float, got one of {kind}", place())))
}
