//! Lanes: small fixed numbers of floats that are computed on side by side.
//!
//! [`F32x8`] has eight float32 lanes, [`F64x4`] four float64 ones. Each has two implementations, arrays for every
//! machine and AVX2 registers, that give the same bits in every method; a kernel is generic over the [`Simd`] family and
//! never knows which one it runs on.
//!
//! **Numeric contract.** Each arithmetic method rounds once, to nearest even, lane by lane; `mul_add` is fused (one
//! rounding). Subnormals are kept. Comparisons are false if either side is NaN. The bits of a NaN that arithmetic
//! produces are not part of the contract; those of a NaN that is moved, selected or changed by a `bit` method are.
//!
//! **Soundness.** The AVX2 types are private to this crate and appear outside it only as the type parameter of
//! [`Kernel::run`](crate::Kernel::run), which [`Isa::run`](crate::Isa::run) instantiates after the processor has been
//! asked. So whoever can call a method of theirs runs on a processor that has the instructions.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod f32x8;
mod f64x4;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2Family;
pub use f32x8::F32x8;
pub use f64x4::F64x4;
pub use portable::{Portable, PortableF64, PortableFamily, PortableMask};

/// The lane types that belong to one instruction set.
pub trait Simd: Copy {
    /// Eight float32 lanes.
    type F32: F32x8;
    /// Four float64 lanes.
    type F64: F64x4;

    /// Whether a fused multiply-add is one instruction; elsewhere it is right, but takes the time of a function call.
    const FUSES: bool;
}

/// The outcome of a comparison, one truth value per lane.
pub trait Mask: Copy {
    /// True where both are.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// True where either is.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// True where this is not.
    #[must_use]
    fn not(self) -> Self;
    /// Bit `i` says whether lane `i` is true; the rest are zero.
    fn bits(self) -> u32;
    /// True if some lane is.
    #[inline(always)]
    fn any(self) -> bool {
        self.bits() != 0
    }
}
