//! Lanes as AVX2 registers.
//!
//! The intrinsics need AVX2 and FMA. The types here are private to the crate and are reached only through
//! `Isa::Avx2` and `Isa::Avx512`, which are constructed only where the processor has both (see `Isa`): the argument behind every
//! `unsafe` block of this module. They compile to single instructions when inlined into a function that has the target
//! features, which `Isa::run` provides.

mod f32x8;
mod f64x4;

use super::Simd;
use f32x8::Avx2;
use f64x4::Avx2F64;

/// The lane types of a processor with AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Family;

impl Simd for Avx2Family {
    type F32 = Avx2;
    type F64 = Avx2F64;

    const FUSES: bool = true;
}
