//! The float64 functions that environments and graphs take from the platform's libm, for parity to look at.

use crate::EngineError;
use crate::boundary::{copied, guarded};
use engine::lane_math::{Isa, LibmLanes};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

/// The names of the functions that are computed in lanes here; the others call the platform's libm.
#[pyfunction]
pub(crate) fn libm_in_lanes() -> Vec<&'static str> {
    LibmLanes::detect(Isa::detect()).names()
}

/// `sin`, `cos`, `exp`, `tanh` or `pow_two` (pow(x, 2)) of every argument, `in_lanes` as the engine computes it, or by calls of the
/// platform's libm.
#[pyfunction]
#[pyo3(name = "libm")]
pub(crate) fn evaluate_libm<'py>(
    py: Python<'py>,
    function: &str,
    arguments: PyReadonlyArray1<'py, f64>,
    in_lanes: bool,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let isa = Isa::detect();
    let lanes = if in_lanes { LibmLanes::detect(isa) } else { LibmLanes::PLATFORM };
    guarded(py, || {
        let mut values = copied(&arguments);
        match function {
            "sin" => lanes.sin_in_place(isa, &mut values),
            "cos" => lanes.cos_in_place(isa, &mut values),
            "exp" => lanes.exp_in_place(isa, &mut values),
            "tanh" => lanes.tanh_in_place(isa, &mut values),
            "pow_two" => lanes.pow_two_in_place(isa, &mut values),
            _ => {
                return Err(EngineError::new_err(format!(
                    "function: expected sin, cos, exp, tanh or pow_two, got {function:?}"
                )));
            }
        }
        Ok(PyArray1::from_vec(py, values))
    })
}
