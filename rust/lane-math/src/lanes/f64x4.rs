//! The interface of four float64 lanes.

use super::Mask;

/// Four float64 lanes.
pub trait F64x4: Copy {
    shared_methods!(f64, u64);
    array_methods!(f64, 4);

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

    /// The nearest float32, ties to even, as float64; infinite beyond its range.
    #[must_use]
    fn round_to_single(self) -> Self;
    /// True where the sign bit is set, in -0 and NaN too.
    fn sign_bit(self) -> Self::Mask;
    /// Columns of a table: each lane picks the row that the low eight bits of its `index` number, and lane `i` of
    /// result `j` is column `j` of the row of lane `i`.
    fn lookup(table: &[[f64; 4]; 256], index: Self) -> [Self; 4];

    /// The same 64 bits in every lane.
    #[inline(always)]
    #[must_use]
    fn splat_bits(bits: u64) -> Self {
        Self::splat(f64::from_bits(bits))
    }
}
