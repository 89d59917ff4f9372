//! `expf` of all 2^32 arguments against the platform's.
//!
//!     cargo run --release -p lane-math --example sweep_expf
//!
//! Exits with 1 if one result differs: none does with glibc 2.27 or newer on a processor with FMA.

use std::process::ExitCode;

use lane_math::{expf, libm};

fn differs(bits: u32) -> bool {
    let x = f32::from_bits(bits);
    let (ours, platforms) = (expf(x), libm::expf(x));
    ours.to_bits() != platforms.to_bits() && !(ours.is_nan() && platforms.is_nan())
}

fn main() -> ExitCode {
    let differing = (0..=u32::MAX).filter(|&bits| differs(bits)).count();
    println!("{differing} of 2^32 results differ from the platform's expf");
    if differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
