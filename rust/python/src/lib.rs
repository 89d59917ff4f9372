//! The extension module `evalengine._engine`: checks, converts, releases the GIL, calls the engine.
//!
//! Its surface is typed and documented in `cli/evalengine/_engine.pyi`; users call the Python package
//! around it. Depends on `engine` (and on `raster` for what only tests call); nothing here computes. Whatever could panic
//! runs in `boundary::guarded`.

mod acting;
mod activation;
mod boundary;
mod convert;
mod environment;
mod evaluate;
mod genomes;
mod graphs;
mod head;
mod libm;
mod network;
mod peak;
mod raster;
mod recording;
mod registry;

use pyo3::create_exception;
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

create_exception!(_engine, EngineError, PyValueError, "An input that the engine refuses.");
create_exception!(_engine, NonFiniteError, EngineError, "Weights or logits became NaN or infinite.");
create_exception!(_engine, OutOfMemoryError, PyMemoryError, "Memory that a call needs could not be had.");
create_exception!(_engine, InternalError, PyRuntimeError, "A bug in the engine.");

/// How this extension was built.
#[pyfunction]
fn build_info() -> std::collections::BTreeMap<&'static str, &'static str> {
    [
        ("version", env!("CARGO_PKG_VERSION")),
        ("commit", env!("EVALENGINE_COMMIT")),
        ("dirty", env!("EVALENGINE_DIRTY")),
        ("profile", env!("EVALENGINE_PROFILE")),
        ("target", env!("EVALENGINE_TARGET")),
        ("rustc", env!("EVALENGINE_RUSTC")),
        ("isa", engine::lane_math::Isa::detect().name()),
    ]
    .into_iter()
    .collect()
}

/// The number of cores that this process may use: its affinity mask, and its control group's quota.
#[pyfunction]
fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("EngineError", py.get_type::<EngineError>())?;
    module.add("NonFiniteError", py.get_type::<NonFiniteError>())?;
    module.add("OutOfMemoryError", py.get_type::<OutOfMemoryError>())?;
    module.add("InternalError", py.get_type::<InternalError>())?;
    module.add_class::<network::Network>()?;
    module.add_class::<graphs::Graphs>()?;
    module.add_class::<environment::Environment>()?;
    module.add_function(wrap_pyfunction!(build_info, module)?)?;
    module.add_function(wrap_pyfunction!(boundary::fail, module)?)?;
    module.add_function(wrap_pyfunction!(available_threads, module)?)?;
    module.add_function(wrap_pyfunction!(registry::environments, module)?)?;
    module.add_function(wrap_pyfunction!(registry::describe, module)?)?;
    module.add_function(wrap_pyfunction!(activation::instruction_sets, module)?)?;
    module.add_function(wrap_pyfunction!(activation::activation, module)?)?;
    module.add_function(wrap_pyfunction!(libm::libm_in_lanes, module)?)?;
    module.add_function(wrap_pyfunction!(libm::evaluate_libm, module)?)?;
    module.add_function(wrap_pyfunction!(peak::multiply_adds, module)?)?;
    module.add_function(wrap_pyfunction!(raster::raster_polygons, module)?)?;
    module.add_function(wrap_pyfunction!(raster::render_scene, module)?)?;
    module.add_function(wrap_pyfunction!(genomes::read_genomes, module)?)?;
    module.add_function(wrap_pyfunction!(graphs::graph_functions, module)?)?;
    module.add_function(wrap_pyfunction!(graphs::graph_actions, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate::evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(head::continuous_actions, module)?)?;
    Ok(())
}
