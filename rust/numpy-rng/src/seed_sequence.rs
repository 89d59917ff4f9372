//! `numpy.random.SeedSequence`: entropy of any length, hashed into a pool of 128 bits.
//!
//! The algorithm is `seed_seq_fe` of Melissa O'Neill's randutils ("Developing a seed_seq Alternative", 2015)
//! with the constants below, which NumPy keeps. All arithmetic is modulo 2^32.

/// 32-bit words in the pool: NumPy's `DEFAULT_POOL_SIZE`.
const POOL_WORDS: usize = 4;

/// First constant, and the factor to the next one, of the hash that takes entropy in.
const ENTROPY_HASH: (u32, u32) = (0x43b0_d7e5, 0x931e_8875);
/// First constant, and the factor to the next one, of the hash that gives state out.
const STATE_HASH: (u32, u32) = (0x8b51_f9dd, 0x58f3_8ded);
/// Factors of the two words that [`mix`] combines.
const MIX_LEFT: u32 = 0xca01_f9dd;
const MIX_RIGHT: u32 = 0x4973_f715;
/// Half a word: folds the well-mixed upper bits into the lower ones.
const FOLD: u32 = 16;

/// A multiplicative hash whose constant changes with every word, so equal words at different places hash
/// differently.
struct WordHash {
    constant: u32,
    factor: u32,
}

impl WordHash {
    fn new((constant, factor): (u32, u32)) -> Self {
        Self { constant, factor }
    }

    #[inline(always)]
    fn apply(&mut self, word: u32) -> u32 {
        let keyed = word ^ self.constant;
        self.constant = self.constant.wrapping_mul(self.factor);
        let product = keyed.wrapping_mul(self.constant);
        product ^ (product >> FOLD)
    }
}

#[inline(always)]
fn mix(left: u32, right: u32) -> u32 {
    let combined = MIX_LEFT.wrapping_mul(left).wrapping_sub(MIX_RIGHT.wrapping_mul(right));
    combined ^ (combined >> FOLD)
}

/// Entropy turned into well-mixed state words, equal to `numpy.random.SeedSequence(entropy)`.
///
/// NumPy first spells its entropy as 32-bit words: an integer as its little-endian words without leading
/// zeros (0 is one word), a sequence as the words of its elements one after the other. Up to four words,
/// missing ones count as zero, so `SeedSequence([])`, `SeedSequence(0)` and `SeedSequence([0, 0])` are the
/// same sequence.
///
/// ```
/// use numpy_rng::SeedSequence;
///
/// // >>> numpy.random.SeedSequence(0).generate_state(2)
/// let mut state = [0; 2];
/// SeedSequence::from_u64(0).generate_u32(&mut state);
/// assert_eq!(state, [0xb0f4_78be, 0xdb2c_d7e7]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedSequence {
    pool: [u32; POOL_WORDS],
}

impl SeedSequence {
    /// The sequence of a seed: `SeedSequence(seed)` for `0 <= seed < 2**64`.
    #[inline]
    pub fn from_u64(seed: u64) -> Self {
        let [low, high] = split(seed);
        Self::from_entropy([low, high].into_iter())
    }

    /// The sequence of an array of 32-bit words, or of an integer of any size as its little-endian words.
    ///
    /// An integer must come without leading zero words (the last ones here): beyond the fourth word zeros
    /// count.
    ///
    /// ```
    /// use numpy_rng::SeedSequence;
    ///
    /// // >>> numpy.random.SeedSequence(2**128 + 7) has five words
    /// let long_integer = SeedSequence::from_words(&[7, 0, 0, 0, 1]);
    /// let mut state = [0];
    /// long_integer.generate_u64(&mut state);
    /// assert_eq!(state, [0x3819_da2e_d7b5_4d03]);
    /// ```
    #[inline]
    pub fn from_words(entropy: &[u32]) -> Self {
        Self::from_entropy(entropy.iter().copied())
    }

    /// The sequence of a list of integers: `SeedSequence([a, b, ...])`, each below 2^64.
    ///
    /// An element of 2^32 or more takes two words, a smaller one a single word.
    ///
    /// ```
    /// use numpy_rng::SeedSequence;
    ///
    /// assert_eq!(SeedSequence::from_integers(&[5, 1 << 32]), SeedSequence::from_words(&[5, 0, 1]));
    /// ```
    pub fn from_integers(entropy: &[u64]) -> Self {
        Self::from_entropy(entropy.iter().flat_map(|&integer| {
            let [low, high] = split(integer);
            std::iter::once(low).chain((high != 0).then_some(high))
        }))
    }

    /// Inlined so that the chain of hash constants folds away where the number of words is known.
    #[inline(always)]
    fn from_entropy(words: impl Iterator<Item = u32>) -> Self {
        let mut words = words.fuse();
        let mut hash = WordHash::new(ENTROPY_HASH);
        let mut pool = [0; POOL_WORDS].map(|missing| hash.apply(words.next().unwrap_or(missing)));
        for source in 0..POOL_WORDS {
            for target in (0..POOL_WORDS).filter(|&target| target != source) {
                pool[target] = mix(pool[target], hash.apply(pool[source]));
            }
        }
        for word in words {
            pool = pool.map(|pooled| mix(pooled, hash.apply(word)));
        }
        Self { pool }
    }

    /// Fills `out` as `generate_state(out.len(), numpy.uint32)` does.
    ///
    /// It starts anew with every call: a shorter request gives a prefix of a longer one.
    #[inline]
    pub fn generate_u32(&self, out: &mut [u32]) {
        let mut hash = WordHash::new(STATE_HASH);
        for (word, pooled) in out.iter_mut().zip(self.pool.iter().cycle()) {
            *word = hash.apply(*pooled);
        }
    }

    /// Fills `out` as `generate_state(out.len(), numpy.uint64)` does: pairs of [`Self::generate_u32`], lower
    /// half first.
    #[inline]
    pub fn generate_u64(&self, out: &mut [u64]) {
        let mut hash = WordHash::new(STATE_HASH);
        for (index, word) in out.iter_mut().enumerate() {
            let low = hash.apply(self.pool[2 * index % POOL_WORDS]);
            let high = hash.apply(self.pool[(2 * index + 1) % POOL_WORDS]);
            *word = u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Lower and upper half.
#[inline(always)]
fn split(integer: u64) -> [u32; 2] {
    [integer as u32, (integer >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::SeedSequence;

    fn state<const N: usize>(sequence: SeedSequence) -> [u32; N] {
        let mut words = [0; N];
        sequence.generate_u32(&mut words);
        words
    }

    /// Published values: O'Neill's `seed_seq_fe128`, which NumPy's own tests quote.
    #[test]
    fn agrees_with_randutils() {
        let sequence = SeedSequence::from_words(&[3735928559, 195939070, 229505742, 305419896]);
        assert_eq!(state(sequence), [3914649087, 576849849, 3593928901, 2229911004]);
        let mut wide_state = [0; 2];
        sequence.generate_u64(&mut wide_state);
        assert_eq!(wide_state, [2477551240072187391, 9577394838764454085]);

        let sequence = SeedSequence::from_words(&[2766103236, 2883057919, 4029656435, 862374500]);
        assert_eq!(state(sequence), [296367413, 4262059219, 13109864, 3283683422]);
    }

    #[test]
    fn missing_words_count_as_zero_up_to_the_pool_and_not_beyond() {
        let zero = SeedSequence::from_u64(0);
        for words in 0..=4 {
            assert_eq!(SeedSequence::from_words(&[0; 5][..words]), zero, "{words} words");
        }
        assert_ne!(SeedSequence::from_words(&[0; 5]), zero);
    }

    #[test]
    fn generates_nothing_into_nothing() {
        let sequence = SeedSequence::from_u64(1);
        sequence.generate_u32(&mut []);
        sequence.generate_u64(&mut []);
    }
}
