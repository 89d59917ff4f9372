//! The interfaces of sixteen 16-bit and eight 32-bit integers.

/// Sixteen unsigned 16-bit lanes: four pixels of four channels. Sums and products wrap around.
pub trait U16x16: Copy {
    /// The value in every lane.
    fn splat(value: u16) -> Self;
    /// Lane `i` is `values[i]`.
    fn load(values: &[u16; 16]) -> Self;
    /// Element `i` becomes lane `i`.
    fn store(self, values: &mut [u16; 16]);
    /// Bytes as 16-bit numbers.
    fn widen(bytes: &[u8; 16]) -> Self;
    /// The lower bytes.
    fn narrow(self) -> [u8; 16];
    /// `self + other`.
    #[must_use]
    fn add(self, other: Self) -> Self;
    /// Times four.
    #[must_use]
    fn quadruple(self) -> Self;
    /// The lower half of each product.
    #[must_use]
    fn mul_low(self, other: Self) -> Self;
    /// The upper half of each product.
    #[must_use]
    fn mul_high(self, other: Self) -> Self;
    /// The sums of four pixels: those of `self`, then those of `other`.
    fn sum_pixels(self, other: Self) -> [u16; 8];
}

/// Eight signed 32-bit lanes. Sums and products wrap around.
pub trait I32x8: Copy {
    /// The value in every lane.
    fn splat(value: i32) -> Self;
    /// Lane `i` is `values[i]`.
    fn load(values: &[i32; 8]) -> Self;
    /// Element `i` becomes lane `i`.
    fn store(self, values: &mut [i32; 8]);
    /// `self + other`.
    #[must_use]
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    #[must_use]
    fn sub(self, other: Self) -> Self;
    /// `self * other`.
    #[must_use]
    fn mul(self, other: Self) -> Self;
    /// The lesser value.
    #[must_use]
    fn min(self, other: Self) -> Self;
    /// The greater value.
    #[must_use]
    fn max(self, other: Self) -> Self;
    /// Times 2^16.
    #[must_use]
    fn times_65536(self) -> Self;
    /// By 2^16, rounded to the nearest; halves go up.
    #[must_use]
    fn over_65536(self) -> Self;
    /// -1 where this is greater, 0 elsewhere.
    #[must_use]
    fn greater(self, other: Self) -> Self;
    /// `this` where the mask is -1, `other` where it is 0.
    fn select(mask: Self, this: Self, other: Self) -> Self;
    /// As float32, times a factor, truncated. Anything where that exceeds 32 bits.
    #[must_use]
    fn scaled(self, factor: f32) -> Self;
    /// The least of all lanes.
    fn least(self) -> i32;
    /// The greatest of all lanes.
    fn greatest(self) -> i32;
}
