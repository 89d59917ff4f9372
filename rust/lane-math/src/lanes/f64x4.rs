//! The interface of four float64 lanes.

use super::Mask;

/// Four float64 lanes.
pub trait F64x4: Copy {
    /// What a comparison returns.
    type Mask: Mask;

    /// Number of lanes.
    const LANES: usize = 4;

    /// The value in every lane.
    fn splat(value: f64) -> Self;
    /// Lane `i` is `lanes[i]`.
    fn from_array(lanes: [f64; 4]) -> Self;
    /// Element `i` is lane `i`.
    fn to_array(self) -> [f64; 4];

    /// The first four elements.
    ///
    /// # Panics
    ///
    /// If `source` has fewer than four.
    #[inline(always)]
    fn load(source: &[f64]) -> Self {
        let Some(lanes) = source.first_chunk::<4>() else { panic!("a load of 4 lanes needs 4 values") };
        Self::from_array(*lanes)
    }

    /// Writes the lanes to the first four elements.
    ///
    /// # Panics
    ///
    /// If `target` has fewer than four.
    #[inline(always)]
    fn store(self, target: &mut [f64]) {
        let Some(lanes) = target.first_chunk_mut::<4>() else {
            panic!("a store of 4 lanes needs room for 4 values")
        };
        *lanes = self.to_array();
    }

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
    /// True where the sign bit is set, in -0 and NaN too.
    fn sign_bit(self) -> Self::Mask;
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
    /// The bits shifted left by a constant below 64, zeros coming in.
    #[must_use]
    fn bit_shl<const COUNT: i32>(self) -> Self;
    /// The bits added as wrapping 64-bit integers.
    #[must_use]
    fn bit_add(self, other: Self) -> Self;

    /// Columns of a table: each lane picks the row that the low eight bits of its `index` number, and lane `i` of
    /// result `j` is column `j` of the row of lane `i`.
    fn lookup(table: &[[f64; 4]; 256], index: Self) -> [Self; 4];

    /// Zero in every lane.
    #[inline(always)]
    #[must_use]
    fn zero() -> Self {
        Self::splat(0.0)
    }
    /// The same 64 bits in every lane.
    #[inline(always)]
    #[must_use]
    fn splat_bits(bits: u64) -> Self {
        Self::splat(f64::from_bits(bits))
    }
    /// The sign bit cleared.
    #[inline(always)]
    #[must_use]
    fn abs(self) -> Self {
        self.bit_and(Self::splat_bits(0x7fff_ffff_ffff_ffff))
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
