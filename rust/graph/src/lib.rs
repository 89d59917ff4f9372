//! Graphs that are evolved, each individual with its own nodes and connections: as neat-python's `FeedForwardNetwork` and
//! `RecurrentNetwork` compute them, bit for bit.
//!
//! A [`Genome`] is what evolution works on, as arrays. [`Program::new`] checks it and compiles it once into straight code:
//! nodes in an order in which they can be computed, without those that no output depends on, slots instead of keys. A
//! [`Player`] runs programs for a group of lanes, in which each lane is an episode; lanes of one individual run side by side,
//! wherever they are in the group. What a recurrent graph remembers belongs to the lane.
//!
//! See [`Program`] for an example.
//!
//! **Place.** The engine depends on this crate, which depends on `lane-math` for the platform's libm.
//!
//! **Numeric contract.** Every operation is the one that Python 3 and NumPy 2 do for neat-python 2.0.0, in its order:
//!
//! - Python floats are float64. Functions of `math` are the platform's libm.
//! - What comes from an array of float32 is a NumPy float32, and so is its product with, or its sum with, a Python float; a
//!   function of `math` makes a Python float of it. `relu` and the like return their argument or a Python float, so the kind
//!   of a number may differ from step to step, and is followed. [`InputNumbers`] says what an observation consists of.
//! - `sum` adds Python floats with compensation from Python 3.12 on ([`Summation`]), everything else without.
//! - Where Python raises an `OverflowError` (`z ** 2`, `z ** 3`) all outputs are NaN. `ZeroDivisionError` is caught by
//!   neat-python (`inv`).
//!
//! A lane's outputs do not depend on the other lanes, nor on the instruction set.
//!
//! **What it does not do.** No evolution, no functions of a user's own, no `time_constant` of continuous-time networks.

#![warn(missing_docs)]

mod activate;
mod aggregations;
mod compiler;
mod error;
mod functions;
mod genome;
mod kind;
mod number;
mod order;
mod player;
mod program;

pub use aggregations::Summation;
pub use compiler::Compiler;
pub use error::GraphError;
pub use functions::{Activation, Aggregation};
pub use genome::{Genes, Genome, Shape};
pub use player::Player;
pub use program::{Arithmetic, InputNumbers, Program};

#[cfg(test)]
mod tests;
