//! Heads, and what is random in actions, as Python spells them.

use crate::EngineError;
use crate::boundary::{Items, copied, guarded};
use engine::lane_math::StandardFloatMode;
use engine::{Exploration, Head, Noise};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// A head's spelling, taken apart.
pub(crate) enum RawHead {
    One(Head<'static>),
    Each(Vec<Head<'static>>),
}

impl RawHead {
    /// "argmax", "sample", "threshold:0.5", "tanh", "clip", "raw" or "sigmoid"; or several of the last four with "/"
    /// between them.
    pub(crate) fn of(spelling: &str) -> PyResult<Self> {
        let heads = spelling.split('/').map(to_head).collect::<PyResult<Vec<_>>>()?;
        Ok(if let [head] = heads[..] { Self::One(head) } else { Self::Each(heads) })
    }

    pub(crate) fn head(&self) -> Head<'_> {
        match self {
            Self::One(head) => *head,
            Self::Each(heads) => Head::Each(heads),
        }
    }
}

fn to_head(name: &str) -> PyResult<Head<'static>> {
    match name {
        "argmax" => Ok(Head::Argmax),
        "sample" => Ok(Head::Sample),
        "tanh" => Ok(Head::Tanh),
        "clip" => Ok(Head::Clip),
        "raw" => Ok(Head::Raw),
        "sigmoid" => Ok(Head::Sigmoid),
        _ => {
            let bound = name.strip_prefix("threshold:").and_then(|bound| bound.parse::<f64>().ok());
            bound.map(|bound| Head::Threshold(bound as f32)).ok_or_else(|| {
                let message =
                    "head: expected argmax, sample, threshold:NUMBER, tanh, clip, raw or sigmoid, got";
                EngineError::new_err(format!("{message} {name:?}"))
            })
        }
    }
}

/// (the standard deviations of the noise, or none if they are the weights' own; epsilon; sticky).
pub(crate) type RawExploration = (Option<Items<f32>>, f64, f64);

/// What is random in actions; no deviations are no noise.
pub(crate) fn to_exploration((deviations, epsilon, sticky): &RawExploration) -> Exploration<'_> {
    let noise = match deviations {
        None => Noise::LogStd,
        Some(deviations) if deviations.0.is_empty() => Noise::None,
        Some(deviations) => Noise::Fixed(&deviations.0),
    };
    Exploration { noise, epsilon: *epsilon, sticky: *sticky }
}

/// The actions that outputs `(B, dimensions)` give within the bounds; see `_engine.pyi`.
#[pyfunction]
pub(crate) fn continuous_actions<'py>(
    py: Python<'py>,
    head: &str,
    logits: PyReadonlyArray2<'py, f32>,
    low: Items<f32>,
    high: Items<f32>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    guarded(py, || {
        let (low, high) = (low.0, high.0);
        let shape = [logits.shape()[0], logits.shape()[1]];
        if [low.len(), high.len()] != [shape[1]; 2] {
            let message = format!(
                "logits: expected {} columns, one per dimension of the action, got {}",
                low.len(),
                shape[1]
            );
            return Err(EngineError::new_err(message));
        }
        let raw = RawHead::of(head)?;
        if let RawHead::Each(heads) = &raw
            && heads.len() != shape[1]
        {
            let message = format!("head: expected one for each of {} outputs, got {}", shape[1], heads.len());
            return Err(EngineError::new_err(message));
        }
        let mut values = copied(&logits);
        let _standard = StandardFloatMode::enter();
        let isa = engine::lane_math::Isa::detect();
        engine::continuous_actions(raw.head(), isa, &mut values, &low, &high);
        PyArray1::from_vec(py, values).reshape(shape)
    })
}
