//! Four float64 lanes in an array.

use super::{PortableMask, zip};
use crate::lanes::F64x4;

/// Four float64 lanes in an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PortableF64([f64; 4]);

#[inline(always)]
fn zip_bits(a: PortableF64, b: PortableF64, combine: impl Fn(u64, u64) -> u64) -> PortableF64 {
    PortableF64(zip(a.0, b.0, |a, b| f64::from_bits(combine(a.to_bits(), b.to_bits()))))
}

impl F64x4 for PortableF64 {
    type Mask = PortableMask<4>;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    fn from_array(lanes: [f64; 4]) -> Self {
        Self(lanes)
    }

    #[inline(always)]
    fn to_array(self) -> [f64; 4] {
        self.0
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
        Self(self.0.map(f64::floor))
    }

    #[inline(always)]
    fn lt(self, other: Self) -> PortableMask<4> {
        PortableMask(zip(self.0, other.0, |a, b| a < b))
    }

    #[inline(always)]
    fn le(self, other: Self) -> PortableMask<4> {
        PortableMask(zip(self.0, other.0, |a, b| a <= b))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> PortableMask<4> {
        PortableMask(zip(self.0, other.0, |a, b| a == b))
    }

    #[inline(always)]
    fn sign_bit(self) -> PortableMask<4> {
        PortableMask(self.0.map(f64::is_sign_negative))
    }

    #[inline(always)]
    fn select(mask: PortableMask<4>, if_true: Self, if_false: Self) -> Self {
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
        Self(self.0.map(|a| f64::from_bits(a.to_bits() << COUNT)))
    }

    #[inline(always)]
    fn bit_add(self, other: Self) -> Self {
        zip_bits(self, other, u64::wrapping_add)
    }

    #[inline(always)]
    fn lookup(table: &[[f64; 4]; 256], index: Self) -> [Self; 4] {
        let rows = index.0.map(|lane| table[(lane.to_bits() & 0xff) as usize]);
        std::array::from_fn(|column| Self(rows.map(|row| row[column])))
    }
}
