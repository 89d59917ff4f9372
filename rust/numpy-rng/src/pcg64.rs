//! `numpy.random.PCG64`: a 128-bit linear congruential generator whose states are folded to 64 bits.
//!
//! This is `pcg64` (setseq, XSL-RR 128/64) of Melissa O'Neill, "PCG: A Family of Simple Fast Space-Efficient
//! Statistically Good Algorithms for Random Number Generation" (2014).

use crate::SeedSequence;

/// The multiplier of the congruence, `PCG_DEFAULT_MULTIPLIER_128`.
const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

/// The bit generator below [`crate::Generator`], equal to `numpy.random.PCG64(seed)`.
///
/// Like NumPy's it keeps the unused half of a 64-bit word for the next 32-bit draw.
///
/// ```
/// use numpy_rng::{Pcg64, SeedSequence};
///
/// // >>> numpy.random.PCG64(0).random_raw()
/// let mut bits = Pcg64::new(&SeedSequence::from_u64(0));
/// assert_eq!(bits.next_u64(), 0xa30f_ebcf_d9c2_825f);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcg64 {
    state: u128,
    /// Odd; the sequence seeds it too, so different seeds run through different cycles.
    increment: u128,
    buffered: Option<u32>,
}

impl Pcg64 {
    /// Starts the generator from 256 bits of the seed sequence: state, then increment, upper halves first.
    #[inline]
    pub fn new(sequence: &SeedSequence) -> Self {
        let mut words = [0; 4];
        sequence.generate_u64(&mut words);
        let start = join(words[0], words[1]);
        let increment = join(words[2], words[3]) << 1 | 1;
        // PCG's seeding steps once from zero, which leaves the increment, adds the start and steps again.
        let mut seeded = Self { state: increment.wrapping_add(start), increment, buffered: None };
        seeded.step();
        seeded
    }

    #[inline(always)]
    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// The next 64 bits: `PCG64.random_raw()`. A buffered half stays where it is.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// The next 32 bits: the lower half of a new 64-bit word, then that word's upper half.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if let Some(upper) = self.buffered.take() {
            return upper;
        }
        let word = self.next_u64();
        self.buffered = Some((word >> 32) as u32);
        word as u32
    }

    /// The state of the congruence: `PCG64.state["state"]["state"]`.
    pub fn state(&self) -> u128 {
        self.state
    }

    /// The increment of the congruence, always odd: `PCG64.state["state"]["inc"]`.
    pub fn increment(&self) -> u128 {
        self.increment
    }

    /// The half that the next [`Self::next_u32`] returns: `PCG64.state["uinteger"]` where `["has_uint32"]` is
    /// 1.
    pub fn buffered_u32(&self) -> Option<u32> {
        self.buffered
    }
}

#[inline(always)]
fn join(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::Pcg64;
    use crate::SeedSequence;

    /// `numpy.random.PCG64(0).state`, as NumPy 2.4.6 prints it.
    #[test]
    fn seeds_state_and_increment_like_numpy() {
        let bits = Pcg64::new(&SeedSequence::from_u64(0));
        assert_eq!(bits.state(), 35399562948360463058890781895381311971);
        assert_eq!(bits.increment(), 87136372517582989555478159403783844777);
        assert_eq!(bits.buffered_u32(), None);
    }

    /// `numpy.random.PCG64(0xdeadbeaf).random_raw(5)`, a seed that NumPy's own tests use.
    #[test]
    fn draws_like_numpy() {
        let mut bits = Pcg64::new(&SeedSequence::from_u64(0xdead_beaf));
        let words = [(); 5].map(|()| bits.next_u64());
        let expected = [
            0x60d2_4054_e17a_0698,
            0xd5e7_9d89_856e_4f12,
            0xd254_972f_e64b_d782,
            0xf1e3_072a_53c7_2571,
            0xd7c1_d739_3d41_15c9,
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_wide_draw_leaves_the_buffered_half_for_the_next_narrow_one() {
        let mut bits = Pcg64::new(&SeedSequence::from_u64(0xdead_beaf));
        assert_eq!(bits.next_u32(), 0xe17a_0698);
        assert_eq!(bits.buffered_u32(), Some(0x60d2_4054));
        assert_eq!(bits.next_u64(), 0xd5e7_9d89_856e_4f12);
        assert_eq!(bits.next_u32(), 0x60d2_4054);
        assert_eq!(bits.buffered_u32(), None);
        assert_eq!(bits.next_u32(), 0xe64b_d782);
    }
}
