//! Lanes: small fixed numbers of floats or integers that are computed on side by side.
//!
//! [`F32x8`] has eight float32 lanes, [`F64x4`] four float64 ones; [`U16x16`] and [`I32x8`] are what pictures are drawn
//! with. Each has two implementations, arrays for every machine and AVX2 registers, that give the same bits in every
//! method; a kernel is generic over the [`Simd`] family and never knows which one it runs on. [`F32Lanes`] is for what
//! works on any number of values, such as an activation: it leaves the number of lanes to the family, which has sixteen
//! with AVX-512.
//!
//! **Numeric contract.** Each arithmetic method rounds once, to nearest even, lane by lane; `mul_add` is fused (one
//! rounding). Subnormals are kept. Comparisons are false if either side is NaN. The bits of a NaN that arithmetic
//! produces are not part of the contract; those of a NaN that is moved, selected or changed by a `bit` method are.
//!
//! **Soundness.** The AVX2 types are private to this crate and appear outside it only as the type parameter of
//! [`Kernel::run`](crate::Kernel::run), which [`Isa::run`](crate::Isa::run) instantiates after the processor has been
//! asked. So whoever can call a method of theirs runs on a processor that has the instructions.

/// What the traits of float32 and float64 lanes have in common.
macro_rules! shared_methods {
    ($value:ident, $bits:ident) => {
        /// What a comparison returns.
        type Mask: Mask;

        /// Number of lanes.
        const LANES: usize;

        /// The value in every lane.
        fn splat(value: $value) -> Self;

        /// `self + other`.
        #[must_use]
        fn add(self, other: Self) -> Self;
        /// `self - other`.
        #[must_use]
        fn sub(self, other: Self) -> Self;
        /// `self * other`.
        #[must_use]
        fn mul(self, other: Self) -> Self;
        /// `self / other`.
        #[must_use]
        fn div(self, other: Self) -> Self;
        /// `self * factor + addend`, rounded once.
        #[must_use]
        fn mul_add(self, factor: Self, addend: Self) -> Self;
        /// `-(self * factor) + addend`, rounded once.
        #[must_use]
        fn neg_mul_add(self, factor: Self, addend: Self) -> Self;
        /// The largest integer that is not above the value.
        #[must_use]
        fn floor(self) -> Self;

        /// `self < other`.
        fn lt(self, other: Self) -> Self::Mask;
        /// `self <= other`.
        fn le(self, other: Self) -> Self::Mask;
        /// `self == other` (so -0 equals +0).
        fn eq(self, other: Self) -> Self::Mask;
        /// `if_true` where the mask is true, `if_false` elsewhere.
        #[must_use]
        fn select(mask: Self::Mask, if_true: Self, if_false: Self) -> Self;

        /// Bitwise and.
        #[must_use]
        fn bit_and(self, other: Self) -> Self;
        /// Bitwise or.
        #[must_use]
        fn bit_or(self, other: Self) -> Self;
        /// Bitwise exclusive or.
        #[must_use]
        fn bit_xor(self, other: Self) -> Self;
        /// The bits shifted left by a constant below their number, zeros coming in.
        #[must_use]
        fn bit_shl<const COUNT: i32>(self) -> Self;
        /// The bits added as wrapping integers.
        #[must_use]
        fn bit_add(self, other: Self) -> Self;

        /// Zero in every lane.
        #[inline(always)]
        #[must_use]
        fn zero() -> Self {
            Self::splat(0.0)
        }
        /// The sign bit cleared.
        #[inline(always)]
        #[must_use]
        fn abs(self) -> Self {
            self.bit_and(Self::splat($value::from_bits($bits::MAX >> 1)))
        }
        /// The sign bit flipped.
        #[inline(always)]
        #[must_use]
        fn neg(self) -> Self {
            self.bit_xor(Self::splat(-0.0))
        }
        /// The sign bit alone: +0 or -0.
        #[inline(always)]
        #[must_use]
        fn sign(self) -> Self {
            self.bit_and(Self::splat(-0.0))
        }
        /// The magnitude of this with the sign of `sign`.
        #[inline(always)]
        #[must_use]
        fn copysign(self, sign: Self) -> Self {
            self.abs().bit_or(sign.sign())
        }
    };
}

/// Lanes from an array and back, where their number is known.
macro_rules! array_methods {
    ($value:ident, $lanes:literal) => {
        /// Lane `i` is `lanes[i]`.
        fn from_array(lanes: [$value; $lanes]) -> Self;
        /// Element `i` is lane `i`.
        fn to_array(self) -> [$value; $lanes];
    };
}

#[cfg(target_arch = "x86_64")]
#[macro_use]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod f32_lanes;
mod f64x4;
mod integers;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2Family;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512Family;
pub use f32_lanes::{F32Lanes, F32x8};
pub use f64x4::F64x4;
pub use integers::{I32x8, U16x16, Window};
pub use portable::{Portable, PortableF64, PortableFamily, PortableMask};

/// As many lanes as any family's widest float32 register has.
pub(crate) const MOST_LANES: usize = 16;

/// The lane types that belong to one instruction set.
pub trait Simd: Copy {
    /// Eight float32 lanes.
    type F32: F32x8;
    /// As many float32 lanes as its widest register holds: 8 or 16.
    type Wide: F32Lanes;
    /// Four float64 lanes.
    type F64: F64x4;
    /// Sixteen unsigned 16-bit lanes.
    type U16: U16x16;
    /// Eight signed 32-bit lanes.
    type I32: I32x8;

    /// Whether a fused multiply-add is one instruction; elsewhere it is right, but takes the time of a function call.
    const FUSES: bool;
}

/// Lanes 0 to 3 and 4 to 7 in float64.
#[inline(always)]
pub(crate) fn widened<S: Simd>(x: S::F32) -> [S::F64; 2] {
    let [a, b, c, d, e, f, g, h] = x.to_array();
    [
        S::F64::from_array([a.into(), b.into(), c.into(), d.into()]),
        S::F64::from_array([e.into(), f.into(), g.into(), h.into()]),
    ]
}

/// The reverse of [`widened`], rounded.
#[inline(always)]
pub(crate) fn narrowed<S: Simd>(halves: [S::F64; 2]) -> S::F32 {
    let [[a, b, c, d], [e, f, g, h]] = [halves[0].to_array(), halves[1].to_array()];
    S::F32::from_array([a as f32, b as f32, c as f32, d as f32, e as f32, f as f32, g as f32, h as f32])
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
