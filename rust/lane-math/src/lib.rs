#![doc = "Under construction."]
#![warn(missing_docs)]

mod isa;
pub mod lanes;
pub mod libm;
mod tanh;

pub use isa::{ISA_VARIABLE, Isa, Kernel};
pub use tanh::{tanh, tanh_in_place, tanh_lanes, tanh_slice};
