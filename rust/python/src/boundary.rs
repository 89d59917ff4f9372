//! What may not cross from Rust to Python: an unwinding, which would be a `PanicException` that no `except Exception`
//! catches, and an array or a sequence that is not what it says.

use crate::EngineError;
use crate::convert::from_engine_error;
use engine::lane_math::memory;
use numpy::{Element, PyReadonlyArray, PyUntypedArrayMethods};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `call` gives; where it panics, or memory cannot be had, an error of this module.
pub(crate) fn guarded<'py, T>(py: Python<'py>, call: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        let error = engine::EngineError::unwound(payload.as_ref());
        Err(from_engine_error(py, &error))
    })
}

/// Panics, so that tests can see what becomes of a bug in here; with `bytes`, of memory that cannot be had.
#[pyfunction]
#[pyo3(signature = (message, bytes=None))]
pub(crate) fn fail(py: Python<'_>, message: &str, bytes: Option<u64>) -> PyResult<()> {
    guarded(py, || {
        if let Some(bytes) = bytes {
            memory::require(u128::from(bytes));
        }
        panic!("{message}")
    })
}

/// The values of an array, row by row.
pub(crate) fn values_of<'a, T: Element, D: numpy::ndarray::Dimension>(
    name: &str,
    array: &'a PyReadonlyArray<'_, T, D>,
) -> PyResult<&'a [T]> {
    let refused = || EngineError::new_err(format!("{name}: expected an aligned, C-contiguous array"));
    // In Fortran's order an array is contiguous, too.
    if !array.is_c_contiguous() {
        return Err(refused());
    }
    array.as_slice().map_err(|_| refused())
}

/// A copy of the values of an array of any layout, row by row.
pub(crate) fn copied<T: Element + Copy, D: numpy::ndarray::Dimension>(
    array: &PyReadonlyArray<'_, T, D>,
) -> Vec<T> {
    let mut values = Vec::new();
    // A broadcast array has more values than memory.
    memory::reserve(&mut values, array.as_array().len());
    values.extend(array.as_array().iter().copied());
    values
}

/// The items of a list or a tuple. Other sequences may claim a length that no memory has room for.
pub(crate) struct Items<T>(pub(crate) Vec<T>);

impl<'py, T: FromPyObjectOwned<'py>> FromPyObject<'_, 'py> for Items<T> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if !object.is_instance_of::<PyList>() && !object.is_instance_of::<PyTuple>() {
            return Err(EngineError::new_err("expected a list or a tuple"));
        }
        let items = object.try_iter()?.map(|item| item?.extract::<T>().map_err(Into::into));
        items.collect::<PyResult<_>>().map(Self)
    }
}
