//! Python values to the engine's, and errors back.

use crate::{EngineError, InternalError, NonFiniteError, OutOfMemoryError};
use engine::envs::registry::Entry;
use engine::envs::{EnvError, ObservationOptions, Padding, Spec, Value, Varied};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyMapping};

/// A mapping of names to bools, ints and floats, NumPy's scalars included.
pub(crate) fn named_values(kind: &str, mapping: &Bound<'_, PyMapping>) -> PyResult<Vec<(String, Value)>> {
    let items = mapping.items()?;
    let mut named = Vec::with_capacity(items.len());
    for item in items.iter() {
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

/// The wrappers before an environment, as a mapping with all of these keys.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Wrappers {
    skip: Option<usize>,
    crop: Option<[usize; 4]>,
    subsample: Option<(usize, usize)>,
    channel: Option<usize>,
    grayscale: bool,
    resize: Option<(usize, usize)>,
    stack: Option<usize>,
    padding: String,
    scale: bool,
    keep: Option<Vec<usize>>,
    clip: Option<(f32, f32)>,
}

impl Wrappers {
    fn options(&self) -> PyResult<ObservationOptions> {
        let padding = match self.padding.as_str() {
            "reset" => Padding::Reset,
            "zero" => Padding::Zero,
            other => {
                let message = format!("observation: expected padding reset or zero, got {other:?}");
                return Err(EngineError::new_err(message));
            }
        };
        let &Self { skip, crop, subsample, channel, grayscale, resize, stack, scale, clip, .. } = self;
        let keep = self.keep.clone();
        Ok(ObservationOptions {
            skip,
            crop,
            subsample,
            channel,
            grayscale,
            resize,
            stack,
            padding,
            scale,
            keep,
            clip,
        })
    }
}

/// (name, values, individuals, episodes): values of a keyword argument, row-major.
pub(crate) type RawVaried<'py> = (String, Vec<Bound<'py, PyAny>>, usize, usize);

/// Keyword arguments with values for each individual or episode.
pub(crate) fn to_varied(raw: Vec<RawVaried<'_>>) -> PyResult<Vec<Varied>> {
    let one = |(name, values, individuals, episodes): RawVaried<'_>| {
        let to_value = |value: &Bound<'_, PyAny>| {
            to_value(value)?.ok_or_else(|| {
                let message = format!("env_kwargs {name}: expected bools, ints or numbers, got {value}");
                EngineError::new_err(message)
            })
        };
        let values = values.iter().map(to_value).collect::<PyResult<_>>()?;
        Ok(Varied { name, values, individuals, episodes })
    };
    raw.into_iter().map(one).collect()
}

/// The environment with these arguments, each action played so many times, behind wrappers if there are any.
pub(crate) fn to_spec(
    entry: &Entry,
    kwargs: &[(String, Value)],
    reset_options: &[(String, Value)],
    observation: Option<&Wrappers>,
    action_repeat: usize,
    max_episode_steps: Option<u64>,
) -> PyResult<Box<dyn Spec>> {
    let options = observation.map(Wrappers::options).transpose()?;
    let spec = entry.wrapped_spec(kwargs, reset_options, options.as_ref(), action_repeat, max_episode_steps);
    spec.map_err(from_env_error)
}

pub(crate) fn from_env_error(error: EnvError) -> PyErr {
    EngineError::new_err(error.to_string())
}

pub(crate) fn from_policy_error(error: engine::policy::PolicyError) -> PyErr {
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
        return InternalError::new_err(error.to_string());
    }
    if error.is_out_of_memory() {
        return OutOfMemoryError::new_err(error.to_string());
    }
    EngineError::new_err(error.to_string())
}
