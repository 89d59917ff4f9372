//! Python values to the engine's, and errors back.

use crate::{EngineError, NonFiniteError};
use envs::{EnvError, Value};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyMapping};

/// A mapping of names to bools, ints and floats, NumPy's scalars included.
pub(crate) fn named_values(kind: &str, mapping: &Bound<'_, PyMapping>) -> PyResult<Vec<(String, Value)>> {
    let mut named = Vec::with_capacity(mapping.len()?);
    for item in mapping.items()?.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let name: String = key
            .extract()
            .map_err(|_| EngineError::new_err(format!("{kind}: expected names to be strings, got {key}")))?;
        let value = to_value(&value)?.ok_or_else(|| {
            EngineError::new_err(format!("{kind} {name}: expected a bool, an int or a number, got {value}"))
        })?;
        named.push((name, value));
    }
    Ok(named)
}

fn to_value(value: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    let value = match value.getattr("item") {
        // NumPy's scalars become Python's.
        Ok(item) if item.is_callable() => item.call0()?,
        _ => value.clone(),
    };
    Ok(if value.is_instance_of::<PyBool>() {
        Some(Value::Bool(value.extract()?))
    } else if value.is_instance_of::<PyInt>() {
        value.extract().ok().map(Value::Int)
    } else if value.is_instance_of::<PyFloat>() {
        Some(Value::Float(value.extract()?))
    } else {
        None
    })
}

pub(crate) fn from_env_error(error: EnvError) -> PyErr {
    EngineError::new_err(error.to_string())
}

pub(crate) fn from_policy_error(error: policy::PolicyError) -> PyErr {
    EngineError::new_err(error.to_string())
}

pub(crate) fn from_engine_error(py: Python<'_>, error: &engine::EngineError) -> PyErr {
    if let Some((individual, episode)) = error.non_finite() {
        let raised = NonFiniteError::new_err(error.to_string());
        let value = raised.value(py);
        let attributes = value.setattr("individual", individual).and(value.setattr("episode", episode));
        return attributes.err().unwrap_or(raised);
    }
    if error.is_internal() {
        return PyRuntimeError::new_err(error.to_string());
    }
    EngineError::new_err(error.to_string())
}
