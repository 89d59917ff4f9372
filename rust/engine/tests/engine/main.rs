//! The engine, from outside.

mod determinism;
mod evaluation;
mod support;
