//! The interface of float32 lanes: of any number, and of eight.

use super::Mask;

/// Float32 lanes, as many as a register holds.
pub trait F32Lanes: Copy {
    shared_methods!(f32, u32);

    /// The first `LANES` elements.
    ///
    /// # Panics
    ///
    /// If `source` has fewer.
    #[inline(always)]
    fn load(source: &[f32]) -> Self {
        assert!(source.len() >= Self::LANES, "a load needs a value for each lane");
        // SAFETY: so many values lie at the pointer, by the assertion.
        unsafe { Self::load_ptr(source.as_ptr()) }
    }

    /// Writes the lanes to the first `LANES` elements.
    ///
    /// # Panics
    ///
    /// If `target` has fewer.
    #[inline(always)]
    fn store(self, target: &mut [f32]) {
        assert!(target.len() >= Self::LANES, "a store needs room for each lane");
        // SAFETY: there is room for so many values at the pointer, by the assertion.
        unsafe { self.store_ptr(target.as_mut_ptr()) }
    }

    /// The values at a pointer, without a bounds check. No alignment beyond that of `f32` is needed.
    ///
    /// # Safety
    ///
    /// `source` is valid for reads of `LANES` `f32`.
    unsafe fn load_ptr(source: *const f32) -> Self;

    /// Writes the lanes to a pointer, without a bounds check. No alignment beyond that of `f32` is needed.
    ///
    /// # Safety
    ///
    /// `target` is valid for writes of `LANES` `f32`.
    unsafe fn store_ptr(self, target: *mut f32);

    /// The square root, rounded once; NaN below zero.
    #[must_use]
    fn sqrt(self) -> Self;
    /// The lesser value; `other` where the two compare equal or either is NaN.
    #[must_use]
    fn min(self, other: Self) -> Self;
    /// The greater value; `other` where the two compare equal or either is NaN.
    #[must_use]
    fn max(self, other: Self) -> Self;

    /// True where the lane is NaN.
    fn is_nan(self) -> Self::Mask;
    /// The bits shifted right by a constant below 32, zeros coming in.
    #[must_use]
    fn bit_shr<const COUNT: i32>(self) -> Self;
    /// The bits subtracted as wrapping 32-bit integers.
    #[must_use]
    fn bit_sub(self, other: Self) -> Self;

    /// Each lane picks the element that the low three bits of its `index` number.
    fn pick(table: &[f32; 8], index: Self) -> Self;
}

/// Eight float32 lanes.
pub trait F32x8: F32Lanes {
    array_methods!(f32, 8);
}
