//! Eight float32 lanes in an array.

use super::{PortableMask, zip};
use crate::lanes::F32x8;

/// Eight float32 lanes in an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Portable([f32; 8]);

#[inline(always)]
fn zip_bits(a: Portable, b: Portable, combine: impl Fn(u32, u32) -> u32) -> Portable {
    Portable(zip(a.0, b.0, |a, b| f32::from_bits(combine(a.to_bits(), b.to_bits()))))
}

impl F32x8 for Portable {
    type Mask = PortableMask<8>;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    fn from_array(lanes: [f32; 8]) -> Self {
        Self(lanes)
    }

    #[inline(always)]
    fn to_array(self) -> [f32; 8] {
        self.0
    }

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
    fn add(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| a + b))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| a - b))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| a * b))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| a / b))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].mul_add(factor.0[lane], addend.0[lane])))
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
        Self(std::array::from_fn(|lane| (-self.0[lane]).mul_add(factor.0[lane], addend.0[lane])))
    }

    #[inline(always)]
    fn floor(self) -> Self {
        Self(self.0.map(f32::floor))
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
    fn lt(self, other: Self) -> PortableMask<8> {
        PortableMask(zip(self.0, other.0, |a, b| a < b))
    }

    #[inline(always)]
    fn le(self, other: Self) -> PortableMask<8> {
        PortableMask(zip(self.0, other.0, |a, b| a <= b))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> PortableMask<8> {
        PortableMask(zip(self.0, other.0, |a, b| a == b))
    }

    #[inline(always)]
    fn is_nan(self) -> PortableMask<8> {
        PortableMask(self.0.map(f32::is_nan))
    }

    #[inline(always)]
    fn select(mask: PortableMask<8>, if_true: Self, if_false: Self) -> Self {
        Self(std::array::from_fn(|lane| if mask.0[lane] { if_true.0[lane] } else { if_false.0[lane] }))
    }

    #[inline(always)]
    fn bit_and(self, other: Self) -> Self {
        zip_bits(self, other, |a, b| a & b)
    }

    #[inline(always)]
    fn bit_or(self, other: Self) -> Self {
        zip_bits(self, other, |a, b| a | b)
    }

    #[inline(always)]
    fn bit_xor(self, other: Self) -> Self {
        zip_bits(self, other, |a, b| a ^ b)
    }

    #[inline(always)]
    fn bit_shl<const COUNT: i32>(self) -> Self {
        Self(self.0.map(|a| f32::from_bits(a.to_bits() << COUNT)))
    }

    #[inline(always)]
    fn bit_shr<const COUNT: i32>(self) -> Self {
        Self(self.0.map(|a| f32::from_bits(a.to_bits() >> COUNT)))
    }

    #[inline(always)]
    fn bit_add(self, other: Self) -> Self {
        zip_bits(self, other, u32::wrapping_add)
    }

    #[inline(always)]
    fn bit_sub(self, other: Self) -> Self {
        zip_bits(self, other, u32::wrapping_sub)
    }

    #[inline(always)]
    fn pick(table: &[f32; 8], index: Self) -> Self {
        Self(index.0.map(|lane| table[(lane.to_bits() & 7) as usize]))
    }
}
