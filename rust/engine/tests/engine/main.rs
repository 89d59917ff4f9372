//! The engine, from outside.

mod determinism;
mod evaluation;
mod recording;
mod recording_input;
mod shares;
mod support;
