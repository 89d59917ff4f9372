//! Activations by themselves, on every instruction set, for parity to look at.

use crate::EngineError;
use crate::boundary::{Items, copied, guarded};
use engine::lane_math::{Activation, Isa, StandardFloatMode};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// The names of the instruction sets that this processor has, the fastest last.
#[pyfunction]
pub(crate) fn instruction_sets() -> Vec<&'static str> {
    Isa::all_available().into_iter().map(Isa::name).collect()
}

/// An activation of every value, in an array of the same shape, on the instruction set that `isa` names, or on the
/// engine's own.
#[pyfunction]
#[pyo3(signature = (name, parameters, values, isa=None))]
pub(crate) fn activation<'py>(
    py: Python<'py>,
    name: &str,
    parameters: Items<f64>,
    values: PyReadonlyArrayDyn<'py, f32>,
    isa: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    guarded(py, || {
        let function = named(name, &parameters.0)?;
        let isa = isa.map_or(Ok(Isa::detect()), available)?;
        let mut results = copied(&values);
        py.detach(|| {
            let _standard = StandardFloatMode::enter();
            function.apply_in_place(isa, &mut results);
        });
        Ok(PyArray1::from_vec(py, results).reshape(values.shape().to_vec())?.into_any())
    })
}

/// The activation that PyTorch calls by a name, with all of its parameters.
pub(crate) fn named(name: &str, parameters: &[f64]) -> PyResult<Activation> {
    Activation::from_name(name, parameters).ok_or_else(|| {
        let message = "expected an activation by PyTorch's name, with all of its parameters, got";
        EngineError::new_err(format!("activation: {message} {name:?} with {parameters:?}"))
    })
}

fn available(name: &str) -> PyResult<Isa> {
    Isa::all_available().into_iter().find(|isa| isa.name() == name).ok_or_else(|| {
        let names = instruction_sets().join(", ");
        EngineError::new_err(format!("isa: expected one of {names}, got {name:?}"))
    })
}
