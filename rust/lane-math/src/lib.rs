//! Mathematical functions in SIMD lanes, with the same bits on every instruction set.
//!
//! Two kinds of function, for two needs:
//!
//! - [`Activation`], float32: the activations of policies, with the bits of PyTorch's. tanh, the one that most policies
//!   use, is a function by itself as well: [`tanh_in_place`]. So are [`softmax_in_place`] and [`log_softmax_in_place`] of
//!   rows.
//! - [`LibmLanes`], float64: `sin`, `cos`, `exp`, `tanh`, `pow(x, 2)` and `fmod(x, 2 pi)` with the bits of the platform's
//!   libm, which are the bits that Python computes. A check at the start decides whether the lanes have them; if not, libm
//!   is called. [`libm`](mod@libm) calls it for one value at a time, in a way that the optimiser cannot replace.
//!   [`LibmLanes32`] has `sinf` and `cosf` likewise.
//!
//! ```
//! use lane_math::{Activation, Isa, LibmLanes, libm, tanh, tanh_in_place};
//!
//! let isa = Isa::detect();
//!
//! let mut hidden = [0.5_f32, -1.0, 0.0, 2.0];
//! tanh_in_place(isa, &mut hidden);
//! assert_eq!(hidden, [tanh(0.5), tanh(-1.0), 0.0, tanh(2.0)]);
//!
//! Activation::LeakyRelu { negative_slope: 0.5 }.apply_in_place(isa, &mut hidden);
//! assert_eq!(hidden, [tanh(0.5), 0.5 * tanh(-1.0), 0.0, tanh(2.0)]);
//!
//! let mut angles = [0.1, 3.0, -100.0];
//! LibmLanes::detect(isa).cos_in_place(isa, &mut angles);
//! assert_eq!(angles, [libm::cos(0.1), libm::cos(3.0), libm::cos(-100.0)]);
//! ```
//!
//! [`multiply_add_chains`] is neither: it keeps the multiply-add units busy, for benchmarks that measure against their peak.
//!
//! [`memory`] is for all crates above this one: memory that a caller may ask too much of.
//!
//! Kernels of other crates are written once, over the traits in [`lanes`], and run by [`Isa::run`]: see [`Kernel`].
//!
//! **Place.** Policies, environments and the engine depend on this crate; it depends on the standard library and the
//! platform's libm, and knows nothing of what it computes for.
//!
//! **Numeric contract.** A function gives the same bits for a value in any lane, at any length, on any [`Isa`], in debug
//! and release. Inputs that are NaN give a quiet NaN, of which no more is promised. The floating-point mode is the one
//! that [`StandardFloatMode`] sets.
//!
//! **Cost.** Nanoseconds per value on an AMD Zen 5 core at work on 1,024 values (`cargo bench -p lane-math`), AVX2
//! against calls of glibc 2.36; activations on a busy Intel Xeon (with AVX-512), sin of float32 on a busy Zen 4 core:
//!
//! | | lanes | libm |
//! |---|---|---|
//! | tanh, float32, layers of 64 (of 8), on the Xeon | 0.8 (1.1) | 50 |
//! | relu, leaky_relu, hardtanh, relu6, softsign, hardswish, hardsigmoid, float32 | 0.1 to 0.2 | |
//! | sigmoid, silu, gelu, float32 | 0.5 to 0.6 | |
//! | elu, selu, celu, softplus, logsigmoid, gelu with tanh, float32 | 1.6 to 2.0 | |
//! | mish, float32 | 4.8 | |
//! | sin, float32, to 10,000 (beyond) | 1.6 (36) | |
//! | sin or cos, angles to 0.3 | 0.9 to 1.2 | 7.5 |
//! | sin or cos, angles to 100 | 2.8 | 8.6 |
//! | sin and cos, angles to 0.3 | 1.7 | 15 |
//! | sin and cos, angles to 100 | 3.7 | 17 |
//! | pow(x, 2) | 0.8 to 1.0 | 9.0 |
//! | fmod(x, 2 pi) | 0.4 | 2.3 to 4.6 |
//!
//! **What it does not do.** No other functions, no vectors longer or shorter than a register, no approximations to trade
//! for speed, and no AVX-512. Without FMA in hardware the lanes are correct and slow: fused multiply-adds are emulated.

#![warn(missing_docs)]

mod activations;
mod float_mode;
mod isa;
pub mod lanes;
pub mod libm;
mod libm_lanes;
pub mod memory;
mod peak;
mod tanh;

pub use activations::{
    Activation, expf, log_softmax, log_softmax_in_place, relu, sigmoid_row, softmax, softmax_in_place,
};
pub use float_mode::StandardFloatMode;
pub use isa::{ISA_VARIABLE, Isa, Kernel};
pub use libm_lanes::{LibmLanes, LibmLanes32};
pub use peak::{MULTIPLY_ADDS_PER_STEP, multiply_add_chains};
pub use tanh::{tanh, tanh_in_place};
