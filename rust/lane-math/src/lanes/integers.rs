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
    /// The lower bytes of the first three channels, four times.
    fn narrow_colours(self) -> [u8; 12];
    /// `self + other`.
    #[must_use]
    fn add(self, other: Self) -> Self;
    /// `self - other`, or 0 where that is less.
    #[must_use]
    fn sub_to_zero(self, other: Self) -> Self;
    /// The lesser value.
    #[must_use]
    fn min(self, other: Self) -> Self;
    /// Bitwise exclusive or.
    #[must_use]
    fn bit_xor(self, other: Self) -> Self;
    /// By 2^8, rounded down.
    #[must_use]
    fn over_256(self) -> Self;
    /// The lower half of each product.
    #[must_use]
    fn mul_low(self, other: Self) -> Self;
    /// The upper half of each product.
    #[must_use]
    fn mul_high(self, other: Self) -> Self;
    /// The first pixel.
    fn first_pixel(self) -> [u16; 4];
    /// The sum of the four pixels.
    fn sum_pixels(self) -> [u16; 4];
    /// Pixel `i` is what the pixels of row `i` come to in a window.
    fn weigh(rows: [&[u8; 48]; 4], window: &Window) -> Self;
    /// Mixes these lanes, which are bytes, into four pixels, two in each number as they lie in memory, each with an alpha
    /// of 256 at most: in each channel `(pixel * (256 - alpha) + lane * alpha) / 256`, rounded down.
    fn mixed_into(self, pixels: [u64; 2], alphas: &[u16; 4]) -> [u64; 2];
}

/// How much each of twelve pixels in a row counts: the first and one towards the end by a share each, rounded down by
/// itself, those in between wholly, what comes after not at all.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Of the first pixel, and of the last, in 2^16ths; the channels of both, twice.
    pub(crate) shares: [u16; 16],
    /// Which pixel is the last.
    pub(crate) last: usize,
}

impl Window {
    /// A window with the shares of the first and the last pixel, in 2^16ths.
    ///
    /// # Panics
    ///
    /// If the last pixel is neither 10 nor 11.
    #[must_use]
    pub const fn new(first_share: u16, last: usize, last_share: u16) -> Self {
        assert!(last == 10 || last == 11, "the last pixel of a window is 10 or 11");
        let (f, l) = (first_share, last_share);
        Self { shares: [f, f, f, f, l, l, l, l, f, f, f, f, l, l, l, l], last }
    }
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
    /// Bitwise and.
    #[must_use]
    fn bit_and(self, other: Self) -> Self;
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
    /// As float32, divided by a number that is not 0 and rounded down: up where `up` is -1, down where it is 0. Anything
    /// where that exceeds 32 bits.
    #[must_use]
    fn quotient(self, divisor: i32, up: Self) -> Self;
    /// Whether some lane is negative.
    fn any_negative(self) -> bool;
    /// The least of all lanes.
    fn least(self) -> i32;
    /// The greatest of all lanes.
    fn greatest(self) -> i32;
}
