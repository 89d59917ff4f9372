//! Properties that hold for every seed and every range, and an independent model of the arithmetic.

use numpy_rng::{Generator, SeedSequence};
use proptest::prelude::*;

/// The product of two 64-bit words as (upper, lower), by 32-bit halves as in long multiplication.
fn long_product(left: u64, right: u64) -> (u64, u64) {
    const LOW: u64 = u32::MAX as u64;
    let (left_high, left_low) = (left >> 32, left & LOW);
    let (right_high, right_low) = (right >> 32, right & LOW);
    let lowest = left_low * right_low;
    let middle = left_high * right_low + (lowest >> 32);
    let other_middle = left_low * right_high + (middle & LOW);
    (left_high * right_high + (middle >> 32) + (other_middle >> 32), other_middle << 32 | (lowest & LOW))
}

/// PCG64 on pairs of 64-bit words, and `integers` with its rejection spelled out as a definition: no u128, no
/// shortcut.
struct Model {
    state: (u64, u64),
    increment: (u64, u64),
    upper_half: Option<u32>,
}

impl Model {
    fn of(rng: &Generator) -> Self {
        let bits = rng.bit_generator();
        let halves = |word: u128| ((word >> 64) as u64, word as u64);
        Self {
            state: halves(bits.state()),
            increment: halves(bits.increment()),
            upper_half: bits.buffered_u32(),
        }
    }

    fn next_u64(&mut self) -> u64 {
        let (factor_high, factor_low) = (2549297995355413924, 4865540595714422341);
        let (high, low) = self.state;
        let (carried, low_product) = long_product(low, factor_low);
        let high_product =
            carried.wrapping_add(high.wrapping_mul(factor_low)).wrapping_add(low.wrapping_mul(factor_high));
        let (low, carry) = low_product.overflowing_add(self.increment.1);
        let high = high_product.wrapping_add(self.increment.0).wrapping_add(u64::from(carry));
        self.state = (high, low);
        (high ^ low).rotate_right((high >> 58) as u32)
    }

    fn next_u32(&mut self) -> u32 {
        self.upper_half.take().unwrap_or_else(|| {
            let word = self.next_u64();
            self.upper_half = Some((word >> 32) as u32);
            word as u32
        })
    }

    /// A draw from `0..=span`. A word whose lower product falls below 2^w modulo the number of values is
    /// rejected.
    fn up_to(&mut self, span: u64) -> u64 {
        if span == 0 {
            0
        } else if span < 1 << 32 {
            let values = span + 1;
            loop {
                let product = u64::from(self.next_u32()) * values;
                if product % (1 << 32) >= (1 << 32) % values {
                    return product >> 32;
                }
            }
        } else if span == u64::MAX {
            self.next_u64()
        } else {
            let values = span + 1;
            let remainder = (u64::MAX % values + 1) % values;
            loop {
                let (upper, lower) = long_product(self.next_u64(), values);
                if lower >= remainder {
                    return upper;
                }
            }
        }
    }
}

/// A generator in the middle of its stream, with or without a buffered half.
fn generators() -> impl Strategy<Value = Generator> {
    (any::<u64>(), 0..5_usize).prop_map(|(seed, draws)| {
        let mut rng = Generator::from_seed(seed);
        for _ in 0..draws {
            rng.next_u32();
        }
        rng
    })
}

/// Ranges of every magnitude: one of `1..2^64` values, then a place for it.
fn ranges() -> impl Strategy<Value = (i64, i64)> {
    let boundary = prop::sample::select(vec![1, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, u64::MAX]);
    let magnitudes = (any::<u64>(), 0..64_u32).prop_map(|(word, shift)| (word >> shift).max(1));
    let values = prop_oneof![4 => magnitudes, 1 => boundary];
    (values, any::<u64>()).prop_map(|(values, place)| {
        // There are 2^64 - values places for `values` consecutive integers below i64::MAX.
        let offset = if values == u64::MAX { 0 } else { place % (u64::MAX - values + 1) };
        let low = i64::MIN.wrapping_add(offset as i64);
        (low, low.wrapping_add(values as i64))
    })
}

/// Of every magnitude and sign, subnormals and zeros included.
fn finite_floats() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE
}

proptest! {
    #[test]
    fn bits_equal_the_model(mut rng in generators(), narrow in prop::collection::vec(any::<bool>(), 1..40)) {
        let mut model = Model::of(&rng);
        for narrow in narrow {
            if narrow {
                prop_assert_eq!(rng.next_u32(), model.next_u32());
            } else {
                prop_assert_eq!(rng.next_u64(), model.next_u64());
            }
        }
    }

    #[test]
    fn integers_equal_the_model((low, high) in ranges(), mut rng in generators()) {
        let mut model = Model::of(&rng);
        for _ in 0..20 {
            let integer = rng.integers(low, high);
            prop_assert!((low..high).contains(&integer));
            prop_assert_eq!(integer, low.wrapping_add(model.up_to(high.wrapping_sub(low) as u64 - 1) as i64));
        }
        prop_assert_eq!(rng.next_u32(), model.next_u32());
        prop_assert_eq!(rng.next_u64(), model.next_u64());
    }

    #[test]
    fn inclusive_integers_are_the_half_open_ones((low, high) in ranges(), mut rng in generators()) {
        let mut other = rng.clone();
        prop_assert_eq!(rng.integers(low, high), other.integers_inclusive(low, high - 1));
        prop_assert_eq!(rng, other);
    }

    #[test]
    fn all_of_i64_is_a_word_as_it_is(mut rng in generators()) {
        let mut other = rng.clone();
        prop_assert_eq!(rng.integers_inclusive(i64::MIN, i64::MAX), (other.next_u64() ^ 1 << 63) as i64);
    }

    #[test]
    fn random_is_a_multiple_of_two_to_the_minus_53_below_one(mut rng in generators()) {
        let mut other = rng.clone();
        let value = rng.random();
        prop_assert!((0.0..1.0).contains(&value));
        prop_assert_eq!(value * 2_f64.powi(53), (other.next_u64() >> 11) as f64);
    }

    #[test]
    fn uniform_stays_between_its_bounds(mut rng in generators(), a in finite_floats(), b in finite_floats()) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assume!((high - low).is_finite());
        let value = rng.uniform(low, high);
        prop_assert!(low <= value && value <= high);
    }

    #[test]
    fn a_clone_continues_alike_and_apart(mut rng in generators()) {
        let mut clone = rng.clone();
        let values = [(); 9].map(|()| (rng.random(), rng.integers(0, 3 << 30)));
        prop_assert_ne!(&clone, &rng);
        prop_assert_eq!([(); 9].map(|()| (clone.random(), clone.integers(0, 3 << 30))), values);
        prop_assert_eq!(clone, rng);
    }

    #[test]
    fn seeds_are_their_words(seed in any::<u64>()) {
        let sequence = SeedSequence::from_u64(seed);
        prop_assert_eq!(sequence, SeedSequence::from_words(&[seed as u32, (seed >> 32) as u32]));
        prop_assert_eq!(sequence, SeedSequence::from_integers(&[seed]));
        prop_assert_eq!(Generator::from_seed(seed), Generator::from_seed_sequence(&sequence));
    }

    #[test]
    fn shorter_states_are_prefixes_of_longer_ones(
        entropy in prop::collection::vec(any::<u32>(), 0..20),
        short in 0..20_usize,
        long in 20..40_usize,
    ) {
        let sequence = SeedSequence::from_words(&entropy);
        let (mut prefix, mut words) = (vec![0; short], vec![0; long]);
        sequence.generate_u32(&mut prefix);
        sequence.generate_u32(&mut words);
        prop_assert_eq!(&words[..short], &prefix[..]);

        let mut wide_words = vec![0; long / 2];
        sequence.generate_u64(&mut wide_words);
        let halves: Vec<u32> = wide_words.iter().flat_map(|&wide| [wide as u32, (wide >> 32) as u32]).collect();
        prop_assert_eq!(&halves[..], &words[..halves.len()]);
    }
}
