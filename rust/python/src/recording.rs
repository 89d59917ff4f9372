//! What is recorded beside returns: descriptors in, trajectories and statistics out.

use crate::EngineError;
use crate::boundary::Items;
use engine::{
    Comparison, Condition, Descriptor, Field, ObservationStatistics, RecordedActions, RecordedObservations,
    Reducer, Reduction, Task, Trajectory,
};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// ("observation", "reward", "action", "event" or "step"; the index among those of its kind).
type RawField = (String, usize);
/// (field, comparison, number).
pub(crate) type RawCondition = (RawField, String, f64);
/// (reducer, field, conditions).
type RawReduction = (String, RawField, Items<RawCondition>);
/// (reductions in the order in which they are tried, what it is if none has a step).
pub(crate) type RawDescriptor = (Items<RawReduction>, Option<f64>);
/// (mean, std, clip).
pub(crate) type RawNormalization<'py> = (PyReadonlyArray1<'py, f32>, PyReadonlyArray1<'py, f32>, Option<f32>);

pub(crate) fn to_descriptor((reductions, otherwise): RawDescriptor) -> PyResult<Descriptor> {
    let reductions = reductions.0.into_iter().map(to_reduction).collect::<PyResult<_>>()?;
    Ok(Descriptor { reductions, otherwise })
}

fn to_reduction((reducer, field, conditions): RawReduction) -> PyResult<Reduction> {
    let reducer = match reducer.as_str() {
        "first" => Reducer::First,
        "last" => Reducer::Last,
        "min" => Reducer::Min,
        "max" => Reducer::Max,
        "mean" => Reducer::Mean,
        "sum" => Reducer::Sum,
        other => return Err(unknown("a reducer", other)),
    };
    let conditions = conditions.0.into_iter().map(to_condition).collect::<PyResult<_>>()?;
    Ok(Reduction { reducer, field: to_field(field)?, conditions })
}

pub(crate) fn to_condition((field, comparison, value): RawCondition) -> PyResult<Condition> {
    let comparison = match comparison.as_str() {
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        other => return Err(unknown("a comparison", other)),
    };
    Ok(Condition { field: to_field(field)?, comparison, value })
}

fn to_field((kind, index): RawField) -> PyResult<Field> {
    match kind.as_str() {
        "observation" => Ok(Field::Observation(index)),
        "reward" => Ok(Field::Reward),
        "action" => Ok(Field::Action(index)),
        "event" => Ok(Field::Event(index)),
        "step" => Ok(Field::Step),
        other => Err(unknown("a kind of field", other)),
    }
}

fn unknown(expected: &str, got: &str) -> PyErr {
    EngineError::new_err(format!("descriptors: expected {expected}, got {got:?}"))
}

/// A trajectory as a dictionary of arrays, and whose it is.
pub(crate) fn trajectory_dict<'py>(
    py: Python<'py>,
    task: &Task<'_>,
    trajectory: Trajectory,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("individual", trajectory.job / task.episodes)?;
    dict.set_item("episode", trajectory.job % task.episodes)?;
    let space = task.spec.observation_space();
    let rows = |values: usize| -> Vec<usize> {
        std::iter::once(values / space.size()).chain(space.shape.iter().copied()).collect()
    };
    let observations = match trajectory.observations {
        RecordedObservations::F32(values) => {
            let shape = rows(values.len());
            values.into_pyarray(py).reshape(shape)?.into_any()
        }
        RecordedObservations::U8(bytes) => {
            let shape = rows(bytes.len());
            bytes.into_pyarray(py).reshape(shape)?.into_any()
        }
    };
    dict.set_item("observations", observations)?;
    let actions = match trajectory.actions {
        RecordedActions::Discrete(indices) => indices.into_pyarray(py).into_any(),
        RecordedActions::Continuous(values) => {
            let dimensions = task.spec.action_space().n_logits();
            let shape = [values.len() / dimensions, dimensions];
            values.into_pyarray(py).reshape(shape)?.into_any()
        }
    };
    dict.set_item("actions", actions)?;
    dict.set_item("rewards", trajectory.rewards.into_pyarray(py))?;
    dict.set_item("terminated", trajectory.terminated)?;
    dict.set_item("truncated", trajectory.truncated)?;
    Ok(dict)
}

/// (count, sum, sum of squares), the sums in the shape of an observation.
pub(crate) fn statistics_tuple<'py>(
    py: Python<'py>,
    observation_shape: &[usize],
    statistics: ObservationStatistics,
) -> PyResult<Bound<'py, PyTuple>> {
    let ObservationStatistics { count, sum, sum_of_squares } = statistics;
    let shaped = |values: Vec<f64>| PyArray1::from_vec(py, values).reshape(observation_shape);
    (count, shaped(sum)?, shaped(sum_of_squares)?).into_pyobject(py)
}
