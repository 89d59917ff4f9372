//! `numpy.random.Generator` over PCG64: the distributions that Gymnasium's environments draw from.

use crate::{Pcg64, SeedSequence, bounded, ziggurat};

/// The stream of `numpy.random.default_rng(seed)`.
///
/// Two generators are equal if they continue with the same values; a clone continues where its original
/// stands.
///
/// ```
/// use numpy_rng::Generator;
///
/// // >>> numpy.random.default_rng(12345).integers(low=0, high=10, size=3)
/// let mut rng = Generator::from_seed(12345);
/// assert_eq!([(); 3].map(|()| rng.integers(0, 10)), [6, 2, 7]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    bits: Pcg64,
}

impl Generator {
    /// The generator of a seed: `default_rng(seed)` for `0 <= seed < 2**64`, which is also what
    /// `gymnasium.Env.reset(seed=seed)` installs.
    #[inline]
    pub fn from_seed(seed: u64) -> Self {
        Self::from_seed_sequence(&SeedSequence::from_u64(seed))
    }

    /// The generator of any entropy: `default_rng(sequence)`.
    ///
    /// ```
    /// use numpy_rng::{Generator, SeedSequence};
    ///
    /// // >>> numpy.random.default_rng([1, 2, 3]).random()
    /// let mut rng = Generator::from_seed_sequence(&SeedSequence::from_integers(&[1, 2, 3]));
    /// assert_eq!(rng.random(), 0.6704722626516632);
    /// ```
    #[inline]
    pub fn from_seed_sequence(sequence: &SeedSequence) -> Self {
        Self { bits: Pcg64::new(sequence) }
    }

    /// The bit generator, to compare its state with that of NumPy's `Generator.bit_generator`.
    pub fn bit_generator(&self) -> &Pcg64 {
        &self.bits
    }

    /// The next 64 random bits: `bit_generator.random_raw()`.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.bits.next_u64()
    }

    /// The next 32 random bits. Every second call takes the half that the call before left in the buffer,
    /// whatever 64-bit draws came between.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        self.bits.next_u32()
    }

    /// A float in `[0, 1)`, a multiple of 2^-53: `Generator.random()`.
    #[inline]
    pub fn random(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.bits.next_u64() >> 11) as f64 * SCALE
    }

    /// A float between `low` and `high`, `low + (high - low) * random()`: `Generator.uniform(low, high)`.
    ///
    /// `high` is excluded but for rounding, which may reach it; if `low == high` the word is drawn all the
    /// same. The bounds are not checked: where NumPy raises, for `low > high` and for bounds whose difference
    /// is not finite, the formula is evaluated as it stands.
    #[inline]
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random()
    }

    /// A float of the normal distribution with mean 0 and standard deviation 1: `Generator.standard_normal()`.
    #[inline]
    pub fn standard_normal(&mut self) -> f64 {
        ziggurat::standard_normal(self)
    }

    /// An integer of `low..high`, each equally likely: `Generator.integers(low, high)`.
    ///
    /// A range of one value draws nothing. Up to 2^32 values take buffered 32-bit words as [`Self::next_u32`]
    /// does, more take 64-bit words; some words are rejected so that no value is favoured.
    ///
    /// # Panics
    ///
    /// If `low >= high`, where NumPy raises `ValueError`.
    #[inline]
    pub fn integers(&mut self, low: i64, high: i64) -> i64 {
        if low >= high {
            empty_range("low < high", low, high);
        }
        self.offset(low, high.wrapping_sub(low).wrapping_sub(1))
    }

    /// An integer of `low..=high`, each equally likely: `Generator.integers(low, high, endpoint=True)`.
    ///
    /// As [`Self::integers`], and the one that reaches `i64::MAX`; all of `i64` is one 64-bit word as it is.
    ///
    /// # Panics
    ///
    /// If `low > high`, where NumPy raises `ValueError`.
    #[inline]
    pub fn integers_inclusive(&mut self, low: i64, high: i64) -> i64 {
        if low > high {
            empty_range("low <= high", low, high);
        }
        self.offset(low, high.wrapping_sub(low))
    }

    /// `low` plus a draw from `0..=span`; `span` is a difference of two `i64`, so its bits are those of a
    /// `u64`.
    #[inline]
    fn offset(&mut self, low: i64, span: i64) -> i64 {
        low.wrapping_add(bounded::up_to(&mut self.bits, span as u64) as i64)
    }
}

/// Out of line, so that the callers stay small enough to be inlined.
#[cold]
#[inline(never)]
fn empty_range(expected: &str, low: i64, high: i64) -> ! {
    panic!("integers: expected {expected}, got low = {low}, high = {high}");
}

#[cfg(test)]
mod tests {
    use super::Generator;

    /// Values of NumPy's documentation and tutorials.
    #[test]
    fn agrees_with_published_values() {
        assert_eq!(Generator::from_seed(0).random(), 0.6369616873214543);
        assert_eq!(Generator::from_seed(42).random(), 0.7739560485559633);
        assert_eq!(Generator::from_seed(12345).random(), 0.22733602246716966);
        let mut rng = Generator::from_seed(42);
        assert_eq!([(); 10].map(|()| rng.integers(0, 10)), [0, 7, 6, 4, 4, 8, 0, 6, 2, 0]);
    }

    #[test]
    fn one_value_draws_nothing() {
        let mut rng = Generator::from_seed(3);
        let before = rng.clone();
        assert_eq!(rng.integers(7, 8), 7);
        assert_eq!(rng.integers_inclusive(i64::MAX, i64::MAX), i64::MAX);
        assert_eq!(rng, before);
    }

    #[test]
    fn equal_bounds_still_draw_a_uniform() {
        let mut rng = Generator::from_seed(3);
        let mut other = rng.clone();
        assert_eq!(rng.uniform(5.0, 5.0), 5.0);
        other.next_u64();
        assert_eq!(rng, other);
    }

    #[test]
    #[should_panic(expected = "integers: expected low < high, got low = 4, high = 4")]
    fn refuses_an_empty_range() {
        Generator::from_seed(0).integers(4, 4);
    }

    #[test]
    #[should_panic(
        expected = "integers: expected low < high, got low = 9223372036854775807, high = -9223372036854775808"
    )]
    fn refuses_a_reversed_range_of_any_width() {
        Generator::from_seed(0).integers(i64::MAX, i64::MIN);
    }

    #[test]
    #[should_panic(expected = "integers: expected low <= high, got low = 1, high = 0")]
    fn refuses_an_empty_inclusive_range() {
        Generator::from_seed(0).integers_inclusive(1, 0);
    }
}
