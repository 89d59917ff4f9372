//! The interface of eight float32 lanes.

use super::Mask;

/// Eight float32 lanes.
pub trait F32x8: Copy {
    /// What a comparison returns.
    type Mask: Mask;

    /// Number of lanes.
    const LANES: usize = 8;

    /// The value in every lane.
    fn splat(value: f32) -> Self;
    /// Lane `i` is `lanes[i]`.
    fn from_array(lanes: [f32; 8]) -> Self;
    /// Element `i` is lane `i`.
    fn to_array(self) -> [f32; 8];

    /// The first eight elements.
    ///
    /// # Panics
    ///
    /// If `source` has fewer than eight.
    #[inline(always)]
    fn load(source: &[f32]) -> Self {
        assert!(source.len() >= 8, "a load of 8 lanes needs 8 values");
        // SAFETY: eight values lie at the pointer, by the assertion.
        unsafe { Self::load_ptr(source.as_ptr()) }
    }

    /// Writes the lanes to the first eight elements.
    ///
    /// # Panics
    ///
    /// If `target` has fewer than eight.
    #[inline(always)]
    fn store(self, target: &mut [f32]) {
        assert!(target.len() >= 8, "a store of 8 lanes needs room for 8 values");
        // SAFETY: there is room for eight values at the pointer, by the assertion.
        unsafe { self.store_ptr(target.as_mut_ptr()) }
    }

    /// The eight values at a pointer, without a bounds check. No alignment beyond that of `f32` is needed.
    ///
    /// # Safety
    ///
    /// `source` is valid for reads of eight `f32`.
    unsafe fn load_ptr(source: *const f32) -> Self;

    /// Writes the lanes to a pointer, without a bounds check. No alignment beyond that of `f32` is needed.
    ///
    /// # Safety
    ///
    /// `target` is valid for writes of eight `f32`.
    unsafe fn store_ptr(self, target: *mut f32);

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

    /// The lesser value; `other` where the two compare equal or either is NaN.
    #[must_use]
    fn min(self, other: Self) -> Self;
    /// The greater value; `other` where the two compare equal or either is NaN.
    #[must_use]
    fn max(self, other: Self) -> Self;

    /// `self < other`.
    fn lt(self, other: Self) -> Self::Mask;
    /// `self <= other`.
    fn le(self, other: Self) -> Self::Mask;
    /// `self == other` (so -0 equals +0).
    fn eq(self, other: Self) -> Self::Mask;
    /// True where the lane is NaN.
    fn is_nan(self) -> Self::Mask;
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
    /// The bits shifted left by a constant below 32, zeros coming in.
    #[must_use]
    fn bit_shl<const COUNT: i32>(self) -> Self;
    /// The bits shifted right by a constant below 32, zeros coming in.
    #[must_use]
    fn bit_shr<const COUNT: i32>(self) -> Self;
    /// The bits added as wrapping 32-bit integers.
    #[must_use]
    fn bit_add(self, other: Self) -> Self;
    /// The bits subtracted as wrapping 32-bit integers.
    #[must_use]
    fn bit_sub(self, other: Self) -> Self;

    /// Each lane picks the element that the low three bits of its `index` number.
    fn pick(table: &[f32; 8], index: Self) -> Self;

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
        self.bit_and(Self::splat(f32::from_bits(0x7fff_ffff)))
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
}
