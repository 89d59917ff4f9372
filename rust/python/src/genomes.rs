//! From neat-python's genomes to the arrays of a population of graphs, all at once or during the call that plays them.

use crate::EngineError;
use crate::boundary::{Items, guarded};
use crate::graphs::graph_functions;
use engine::graph::{Genes, Genome};
use engine::{Genomes, Programs};
use numpy::IntoPyArray;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString, PyTuple};
use std::sync::OnceLock;

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
    genes: Genes,
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

/// What reads genomes, one after the other.
struct Reader<'py> {
    py: Python<'py>,
    activations: Names,
    aggregations: Names,
    keys: Keys<'py>,
    /// Looked up once, not for each gene.
    attributes: Attributes<'py>,
}

struct Attributes<'py> {
    nodes: &'py Bound<'py, PyString>,
    connections: &'py Bound<'py, PyString>,
    activation: &'py Bound<'py, PyString>,
    aggregation: &'py Bound<'py, PyString>,
    bias: &'py Bound<'py, PyString>,
    response: &'py Bound<'py, PyString>,
    weight: &'py Bound<'py, PyString>,
    enabled: &'py Bound<'py, PyString>,
    is_true: Bound<'py, PyBool>,
}

impl<'py> Reader<'py> {
    fn new(py: Python<'py>) -> Self {
        let (activations, aggregations) = graph_functions();
        Self {
            py,
            activations: Names { kind: "an activation", known: activations, seen: Vec::new() },
            aggregations: Names { kind: "an aggregation", known: aggregations, seen: Vec::new() },
            keys: Keys(vec![None; KEYS]),
            attributes: Attributes {
                nodes: intern!(py, "nodes"),
                connections: intern!(py, "connections"),
                activation: intern!(py, "activation"),
                aggregation: intern!(py, "aggregation"),
                bias: intern!(py, "bias"),
                response: intern!(py, "response"),
                weight: intern!(py, "weight"),
                enabled: intern!(py, "enabled"),
                is_true: PyBool::new(py, true).to_owned(),
            },
        }
    }

    /// Adds a genome, or that of a pair (id, genome), to `read`; `index` is its place in the population.
    fn add(&mut self, index: usize, given: &Bound<'py, PyAny>, read: &mut Read) -> PyResult<()> {
        let genome = &without_id(given)?;
        self.add_nodes(index, &dictionary(index, genome, self.attributes.nodes)?, read)?;
        self.add_connections(index, &dictionary(index, genome, self.attributes.connections)?, read)
    }

    fn add_nodes(&mut self, index: usize, nodes: &Bound<'py, PyDict>, read: &mut Read) -> PyResult<()> {
        let (py, attributes) = (self.py, &self.attributes);
        read.node_counts.push(nodes.len() as i64);
        for (key, gene) in nodes.iter() {
            let key = node_key(index, &key)?;
            read.genes.nodes.push(key);
            let place = || format!("graphs[{index}]: node {key}");
            let name = attribute(&gene, attributes.activation, &place)?;
            let number = self.activations.number("", &name);
            read.genes.activations.push(number.map_err(|error| placed(py, &place, &error))?);
            let name = attribute(&gene, attributes.aggregation, &place)?;
            let number = self.aggregations.number("", &name);
            read.genes.aggregations.push(number.map_err(|error| placed(py, &place, &error))?);
            read.genes.biases.push(float(&gene, attributes.bias, &place)?);
            read.genes.responses.push(float(&gene, attributes.response, &place)?);
        }
        Ok(())
    }

    fn add_connections(
        &mut self,
        index: usize,
        connections: &Bound<'py, PyDict>,
        read: &mut Read,
    ) -> PyResult<()> {
        let attributes = &self.attributes;
        read.connection_counts.push(connections.len() as i64);
        for (key, gene) in connections.iter() {
            let (from, to) = self.keys.ends(&key).ok_or_else(|| {
                EngineError::new_err(format!(
                    "graphs[{index}]: expected connections by (from, to), two integers, got {key}"
                ))
            })?;
            let place = || format!("graphs[{index}]: connection {from} to {to}");
            read.genes.sources.push(from);
            read.genes.targets.push(to);
            read.genes.weights.push(float(&gene, attributes.weight, &place)?);
            let enabled = attribute(&gene, attributes.enabled, &place)?;
            read.genes.enabled.push(enabled.is(&attributes.is_true) || enabled.is_truthy()?);
        }
        Ok(())
    }
}

/// The arrays of neat-python's genomes; see `_engine.pyi`.
#[pyfunction]
pub(crate) fn read_genomes<'py>(py: Python<'py>, genomes: Items<Py<PyAny>>) -> PyResult<Bound<'py, PyDict>> {
    guarded(py, || {
        let (mut reader, mut read) = (Reader::new(py), Read::default());
        for (index, given) in genomes.0.iter().enumerate() {
            reader.add(index, given.bind(py), &mut read)?;
        }
        read.into_dict(py)
    })
}

/// Genomes that are read during the call that plays them: in parts, each of which others may compile at once.
pub(crate) struct ListedGenomes {
    given: Vec<Py<PyAny>>,
    parts: Vec<OnceLock<Read>>,
}

impl ListedGenomes {
    pub(crate) fn new(given: Vec<Py<PyAny>>) -> Self {
        let parts = (0..given.len().div_ceil(engine::PART)).map(|_| OnceLock::new()).collect();
        Self { given, parts }
    }

    pub(crate) fn len(&self) -> usize {
        self.given.len()
    }

    /// Reads all of them, and publishes each part.
    pub(crate) fn read(&self, py: Python<'_>, programs: &Programs<'_>) -> PyResult<()> {
        let mut reader = Reader::new(py);
        let mut count = 0;
        for (own, part) in self.given.chunks(engine::PART).zip(&self.parts) {
            let mut read = Read::default();
            for given in own {
                reader.add(count, given.bind(py), &mut read)?;
                count += 1;
            }
            let is_new = part.set(read).is_ok();
            debug_assert!(is_new);
            programs.publish(count);
        }
        Ok(())
    }
}

impl Genomes for ListedGenomes {
    fn genome(&self, individual: usize) -> Genome<'_> {
        let part = self.parts[individual / engine::PART].get();
        part.expect("only what has been published is asked for").genome(individual % engine::PART)
    }
}

impl Read {
    /// One of few.
    fn genome(&self, index: usize) -> Genome<'_> {
        let range = |counts: &[i64]| {
            let start = counts[..index].iter().sum::<i64>() as usize;
            start..start + counts[index] as usize
        };
        self.genes.part(range(&self.node_counts), range(&self.connection_counts))
    }

    fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("node_counts", self.node_counts.into_pyarray(py))?;
        dict.set_item("connection_counts", self.connection_counts.into_pyarray(py))?;
        dict.set_item("nodes", self.genes.nodes.into_pyarray(py))?;
        dict.set_item("activations", self.genes.activations.into_pyarray(py))?;
        dict.set_item("aggregations", self.genes.aggregations.into_pyarray(py))?;
        dict.set_item("biases", self.genes.biases.into_pyarray(py))?;
        dict.set_item("responses", self.genes.responses.into_pyarray(py))?;
        dict.set_item("sources", self.genes.sources.into_pyarray(py))?;
        dict.set_item("targets", self.genes.targets.into_pyarray(py))?;
        dict.set_item("weights", self.genes.weights.into_pyarray(py))?;
        dict.set_item("enabled", self.genes.enabled.into_pyarray(py))?;
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
