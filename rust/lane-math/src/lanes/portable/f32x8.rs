//! Eight float32 lanes in an array.

use super::{PortableMask, zip};
use crate::lanes::{F32Lanes, F32x8};

/// Eight float32 lanes in an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Portable([f32; 8]);

impl F32x8 for Portable {
    array_methods!(f32, 8);
}

impl F32Lanes for Portable {
    shared_methods!(f32, u32, 8);

    /// # Safety
    ///
    /// `source` is valid for reads of eight `f32`, as the trait asks.
    #[inline(always)]
    unsafe fn load_ptr(source: *const f32) -> Self {
        // SAFETY: the caller promises eight readable values; an array of f32 is aligned as f32 is.
        Self(unsafe { source.cast::<[f32; 8]>().read() })
    }

    /// # Safety
    ///
    /// `target` is valid for writes of eight `f32`, as the trait asks.
    #[inline(always)]
    unsafe fn store_ptr(self, target: *mut f32) {
        // SAFETY: the caller promises room for eight values; an array of f32 is aligned as f32 is.
        unsafe { target.cast::<[f32; 8]>().write(self.0) }
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| if a < b { a } else { b }))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| if a > b { a } else { b }))
    }

    #[inline(always)]
    fn is_nan(self) -> PortableMask<8> {
        PortableMask(self.0.map(f32::is_nan))
    }

    #[inline(always)]
    fn bit_shr<const COUNT: i32>(self) -> Self {
        Self(self.0.map(|a| f32::from_bits(a.to_bits() >> COUNT)))
    }

    #[inline(always)]
    fn bit_sub(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| f32::from_bits(a.to_bits().wrapping_sub(b.to_bits()))))
    }

    #[inline(always)]
    fn pick(table: &[f32; 8], index: Self) -> Self {
        Self(index.0.map(|lane| table[(lane.to_bits() & 7) as usize]))
    }
}
