//! The interface of eight float32 lanes.

use super::Mask;

/// Eight float32 lanes.
pub trait F32x8: Copy {
    shared_methods!(f32, u32, 8);

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
