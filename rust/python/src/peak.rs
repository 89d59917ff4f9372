//! The multiply-add peak of this machine, for benchmarks that say which share of it a policy reaches.

use engine::lane_math::{Isa, MULTIPLY_ADDS_PER_STEP, multiply_add_chains};
use pyo3::prelude::*;

/// Runs `steps` steps of multiply-adds in registers on the calling thread, without the GIL, and returns how many
/// multiply-adds that were. The caller takes the time.
#[pyfunction]
pub(crate) fn multiply_adds(py: Python<'_>, steps: usize) -> usize {
    py.detach(|| std::hint::black_box(multiply_add_chains(Isa::detect(), steps)));
    steps.saturating_mul(MULTIPLY_ADDS_PER_STEP)
}
