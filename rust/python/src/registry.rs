//! The registry of environments, as dictionaries.

use crate::boundary::guarded;
use crate::convert::{Wrappers, from_env_error, named_values, to_spec};
use engine::envs::registry::{ENTRIES, Entry, VARIANTS, find};
use engine::envs::{ActionSpace, Parameter, Spec, Value};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyTuple};

/// Every environment with its default arguments, then every variant.
#[pyfunction]
pub(crate) fn environments(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let describe = |entry: &Entry| {
        let spec = entry.spec(&[], &[]).map_err(from_env_error)?;
        to_dict(py, entry, spec.as_ref())
    };
    guarded(py, || ENTRIES.iter().chain(VARIANTS).map(describe).collect())
}

/// One environment with these keyword arguments, behind these wrappers.
#[pyfunction]
#[pyo3(signature = (env_id, kwargs, observation=None))]
pub(crate) fn describe<'py>(
    py: Python<'py>,
    env_id: &str,
    kwargs: &Bound<'py, PyMapping>,
    observation: Option<Wrappers>,
) -> PyResult<Bound<'py, PyDict>> {
    guarded(py, || {
        let entry = find(env_id).map_err(from_env_error)?;
        let kwargs = named_values("env_kwargs", kwargs)?;
        // No episode is played: any time limit will do.
        let spec = to_spec(entry, &kwargs, &[], observation.as_ref(), 1, None)?;
        to_dict(py, entry, spec.as_ref())
    })
}

fn to_dict<'py>(py: Python<'py>, entry: &Entry, spec: &dyn Spec) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", entry.id)?;
    dict.set_item("short_name", entry.short_name)?;
    dict.set_item("summary", entry.summary)?;
    dict.set_item("observation_shape", PyTuple::new(py, &spec.observation_space().shape)?)?;
    dict.set_item("observation_dtype", spec.observation_space().dtype.name())?;
    let image_shape = spec.image_shape().map(|shape| PyTuple::new(py, shape)).transpose()?;
    dict.set_item("image_shape", image_shape)?;
    let (kind, n_actions, low, high) = match spec.action_space() {
        ActionSpace::Discrete(n) => ("discrete", Some(*n), None, None),
        ActionSpace::Box { low, high } => ("box", None, Some(low.clone()), Some(high.clone())),
    };
    dict.set_item("observation_fields", PyTuple::new(py, spec.observation_fields())?)?;
    dict.set_item("event_fields", PyTuple::new(py, spec.event_fields())?)?;
    dict.set_item("action_space", kind)?;
    dict.set_item("n_actions", n_actions)?;
    dict.set_item("action_low", low)?;
    dict.set_item("action_high", high)?;
    dict.set_item("variant_of", entry.variant_of)?;
    dict.set_item("max_episode_steps", entry.max_episode_steps)?;
    dict.set_item("default_policy", spec.default_policy().unwrap_or(entry.default_policy))?;
    dict.set_item("kwargs", defaults(py, entry.kwargs)?)?;
    dict.set_item("reset_options", defaults(py, entry.reset_options)?)?;
    Ok(dict)
}

fn defaults<'py>(py: Python<'py>, parameters: &[Parameter]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for parameter in parameters {
        match parameter.default {
            Value::Bool(value) => dict.set_item(parameter.name, value)?,
            Value::Int(value) => dict.set_item(parameter.name, value)?,
            Value::Float(value) => dict.set_item(parameter.name, value)?,
        }
    }
    Ok(dict)
}
