//! What is recorded beside returns: descriptors in, trajectories and statistics out.

use crate::EngineError;
use crate::boundary::Items;
use engine::{
    Comparison, Descriptor, Expression, Field, ObservationStatistics, Operation, RecordedActions,
    RecordedObservations, Reducer, Reduction, Task, Trajectory,
};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// An operation of an expression: a field ("observation", "action" or "event" with its index among those of its kind,
/// "reward", "return" or "step"), "constant" with its number, or what is done with what is on the stack.
type RawOperation = (String, usize, f64);
/// In the order in which they are done.
pub(crate) type RawExpression = Items<RawOperation>;
/// (reducer, value, condition).
type RawReduction = (String, RawExpression, Option<RawExpression>);
/// (reductions in the order in which they are tried, what it is if none has a step).
pub(crate) type RawDescriptor = (Items<RawReduction>, Option<f64>);
/// (mean, std, clip).
pub(crate) type RawNormalization<'py> = (PyReadonlyArray1<'py, f32>, PyReadonlyArray1<'py, f32>, Option<f32>);

pub(crate) fn to_descriptor((reductions, otherwise): RawDescriptor) -> PyResult<Descriptor> {
    let reductions = reductions.0.into_iter().map(to_reduction).collect::<PyResult<_>>()?;
    Ok(Descriptor { reductions, otherwise })
}

fn to_reduction((reducer, value, condition): RawReduction) -> PyResult<Reduction> {
    let reducer = match reducer.as_str() {
        "first" => Reducer::First,
        "last" => Reducer::Last,
        "min" => Reducer::Min,
        "max" => Reducer::Max,
        "mean" => Reducer::Mean,
        "sum" => Reducer::Sum,
        "std" => Reducer::Std,
        "extreme" => Reducer::Extreme,
        other => return Err(unknown("a reducer", other)),
    };
    let condition = condition.map(to_expression).transpose()?;
    Ok(Reduction { reducer, value: to_expression(value)?, condition })
}

pub(crate) fn to_expression(operations: RawExpression) -> PyResult<Expression> {
    let operations = operations.0.iter().map(to_operation).collect::<PyResult<_>>()?;
    Expression::new(operations).map_err(|error| EngineError::new_err(error.to_string()))
}

fn to_operation((name, index, number): &RawOperation) -> PyResult<Operation> {
    let index = *index;
    Ok(match name.as_str() {
        "observation" => Operation::Field(Field::Observation(index)),
        "action" => Operation::Field(Field::Action(index)),
        "event" => Operation::Field(Field::Event(index)),
        "reward" => Operation::Field(Field::Reward),
        "return" => Operation::Field(Field::Return),
        "step" => Operation::Field(Field::Step),
        "constant" => Operation::Constant(*number),
        "+" => Operation::Add,
        "-" => Operation::Subtract,
        "negate" => Operation::Negate,
        "abs" => Operation::Absolute,
        "<" => Operation::Compare(Comparison::Less),
        "<=" => Operation::Compare(Comparison::LessOrEqual),
        ">" => Operation::Compare(Comparison::Greater),
        ">=" => Operation::Compare(Comparison::GreaterOrEqual),
        "==" => Operation::Compare(Comparison::Equal),
        "!=" => Operation::Compare(Comparison::NotEqual),
        "and" => Operation::And,
        "or" => Operation::Or,
        "not" => Operation::Not,
        other => return Err(unknown("an operation", other)),
    })
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
