//! The engine, from outside.

mod determinism;
mod evaluation;
mod graphs;
mod heads;
mod memory;
mod recording;
mod recording_input;
mod shares;
mod support;
