//! Lanes as AVX2 registers.
//!
//! The intrinsics need AVX2 and FMA. The types here are private to the crate and are reached only through
//! `Isa::Avx2` and `Isa::Avx512`, which are constructed only where the processor has both (see `Isa`): the argument behind every
//! `unsafe` block of this module. They compile to single instructions when inlined into a function that has the target
//! features, which `Isa::run` provides.

/// Methods of two registers that are one instruction each.
macro_rules! of_two {
    ($($name:ident: $instruction:ident),+ $(,)?) => {
        $(#[inline(always)]
        fn $name(self, other: Self) -> Self {
            // SAFETY: the processor has AVX2 (see above).
            Self(unsafe { $instruction(self.0, other.0) })
        })+
    };
}

/// Methods of three registers that are one instruction each.
macro_rules! of_three {
    ($($name:ident: $instruction:ident),+ $(,)?) => {
        $(#[inline(always)]
        fn $name(self, factor: Self, addend: Self) -> Self {
            // SAFETY: the processor has FMA (see above).
            Self(unsafe { $instruction(self.0, factor.0, addend.0) })
        })+
    };
}

/// Comparisons: an instruction and its operands for each method.
macro_rules! comparisons {
    ($mask:ident, $instruction:ident, $($name:ident: $predicate:ident),+ $(,)?) => {
        $(#[inline(always)]
        fn $name(self, other: Self) -> Self::Mask {
            // SAFETY: the processor has AVX2 (see above).
            $mask(unsafe { $instruction::<$predicate>(self.0, other.0) })
        })+
    };
}

mod f32x8;
mod f64x4;
mod integers;
mod products;
mod windows;

use super::Simd;
pub(super) use f32x8::Avx2;
pub(super) use f64x4::Avx2F64;
pub(super) use integers::{Avx2I32, Avx2U16};

/// The lane types of a processor with AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Family;

impl Simd for Avx2Family {
    type F32 = Avx2;
    type Wide = Avx2;
    type F64 = Avx2F64;
    type U16 = Avx2U16;
    type I32 = Avx2I32;

    const FUSES: bool = true;
}
