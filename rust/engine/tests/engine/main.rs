//! The engine, from outside.

mod determinism;
mod evaluation;
mod graphs;
mod heads;
mod memory;
mod recording;
mod recording_input;
mod recurrent;
mod shares;
mod support;
