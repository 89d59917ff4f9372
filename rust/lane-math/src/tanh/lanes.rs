//! The fast form of tanh: lanes of float32 pairs, checked, and the table where the check cannot decide.
//!
//! With |x| = k ln(2) / 16 + s, |s| <= ln(2) / 32, -k = 8 n + j, T = 2^(-j/8) and the addition theorem,
//!
//! ```text
//! tanh |x| = (D + E th) / (E + D th),    D = T - 2^n,  E = T + 2^n,  th = tanh s = s - s^3 / 3 + 2 s^5 / 15.
//! ```
//!
//! Every k takes the same road. s, D and E are exact (the T are rounded to 23 bits, and s is corrected by what their
//! logarithms miss), s^3 is so small that its errors do not matter, and numerator and denominator are kept as pairs of
//! floats, so that the quotient q + c is known to 0.0004 units in the last place before it is rounded.
//!
//! PyTorch's tanh lies within 0.0019 units of the true one, on [4, 5) within 0.0131. So where q + c - d and q + c + d
//! round to the same float, d being a little more than both errors together, that float is PyTorch's. A sweep over all
//! arguments (`examples/sweep_tanh.rs`) proves it.

use super::tanh;
use crate::lanes::{F32Lanes, MOST_LANES, Mask};

/// ln(2) / 16, and what is left of it. Products of the first with k < 256 leave an exact s.
const STEP: f32 = f32::from_bits(0x3d31_7218);
const STEP_REST: f32 = f32::from_bits(0xaf02_e308);

/// -16 / ln(2): |x| times this is -k before rounding.
const MINUS_STEPS: f32 = -16.0 * std::f32::consts::LOG2_E;

/// -k is rounded to an integer by adding this, 1.5 * 2^23, whose last bit counts units. The 8 * 127 is the exponent bias:
/// the low bits of the sum are then 8 (n + 127) + j.
const ROUND_AND_BIAS: f32 = 12_582_912.0 + 8.0 * 127.0;

/// 2^(-j/8), rounded to multiples of 2^-23: adding or subtracting 2^n, n >= -24, is exact.
const POINTS: [f32; 8] = [
    1.0,
    f32::from_bits(0x3f6a_c0c6),
    f32::from_bits(0x3f57_44fc),
    f32::from_bits(0x3f45_672a),
    f32::from_bits(0x3f35_04f4),
    f32::from_bits(0x3f25_fed6),
    f32::from_bits(0x3f18_37f0),
    f32::from_bits(0x3f0b_95c2),
];

/// -(ln(POINTS\[j\]) + j ln(2) / 8) / 2: what s is corrected by.
const MISSES: [f32; 8] = [
    0.0,
    f32::from_bits(0x32fc_d96c),
    f32::from_bits(0x32f1_3780),
    f32::from_bits(0x3133_d0e5),
    f32::from_bits(0xb310_4447),
    f32::from_bits(0x3302_d9d6),
    f32::from_bits(0x3289_2801),
    f32::from_bits(0xb1ce_0611),
];

/// d / q for k = 0, and what each k adds: at least 0.0022 units in the last place below 4, 0.007 in [4, 5). A straight
/// line costs one operation; two levels would ask the table less often, but cost more than that saves.
const DOUBT: f32 = 0.0023 * f32::EPSILON;
const DOUBT_PER_STEP: f32 = 5.2e-5 * f32::EPSILON;

/// From here on PyTorch's tanh is a staircase; n is below -24 soon after, and what is computed here means nothing.
const FAR: f32 = 8.0;

/// Words of 64 bits that say which values of a block are decided.
const DECIDED_WORDS: usize = 2;

/// The last arguments of the stairs 1 - 4 * 2^-24 to 1 - 2^-24.
const STAIRS: [f32; 4] = [
    f32::from_bits(0x4100_9b88),
    f32::from_bits(0x4103_4c91),
    f32::from_bits(0x4107_628e),
    f32::from_bits(0x4110_2c66),
];

/// tanh of N vectors, which are `SIZE` values, in place. Each stage runs over all vectors before the next begins: the chain
/// from x to tanh x is some 100 cycles long, and the processor's queue is too short to overlap whole chains by itself.
#[inline(always)]
pub(super) fn tanh_block<V: F32Lanes, const N: usize, const SIZE: usize>(values: &mut [f32]) {
    assert!(SIZE == N * V::LANES && SIZE <= 64 * DECIDED_WORDS, "a block is its vectors"); // known when compiled
    let values = &mut values[..SIZE];
    let mut arguments = [V::zero(); N];
    let mut reduced = [Reduced { s: V::zero(), steps: V::zero() }; N];
    let mut largest = V::zero();
    for index in 0..N {
        let x = V::load(&values[index * V::LANES..]);
        largest = x.abs().max(largest); // in this order NaN is passed over
        reduced[index] = Reduced::new(x);
        arguments[index] = x;
    }
    let mut fractions = [Fraction::zero(); N];
    for (stage, &before) in fractions.iter_mut().zip(&reduced) {
        *stage = Fraction::new(before);
    }
    let mut decided = [0_u64; DECIDED_WORDS];
    for (index, fraction) in fractions.into_iter().enumerate() {
        let first = index * V::LANES;
        let (quotient, is_decided) = fraction.quotient();
        quotient.bit_or(arguments[index].sign()).store(&mut values[first..]);
        decided[first / 64] |= u64::from(is_decided.bits()) << (first % 64);
    }
    if V::splat(FAR).le(largest).any() {
        for (index, &x) in arguments.iter().enumerate() {
            let first = index * V::LANES;
            let is_far = V::splat(FAR).le(x.abs());
            V::select(is_far, stairs(x), V::load(&values[first..])).store(&mut values[first..]);
            decided[first / 64] |= u64::from(is_far.bits()) << (first % 64);
        }
    }
    for (word, decided) in decided.into_iter().enumerate().take(SIZE.div_ceil(64)) {
        let mut left = !decided & u64::MAX >> (64 - (SIZE - 64 * word).min(64));
        while left != 0 {
            let index = 64 * word + left.trailing_zeros() as usize;
            let mut lanes = [0.0; MOST_LANES];
            arguments[index / V::LANES].store(&mut lanes);
            values[index] = tanh(lanes[index % V::LANES]);
            left &= left - 1;
        }
    }
}

/// tanh x for |x| >= 8.
#[inline(always)]
fn stairs<V: F32Lanes>(x: V) -> V {
    let stair = V::splat(f32::EPSILON / 2.0);
    let mut value = V::splat(1.0);
    for last in STAIRS {
        let is_below = x.abs().le(V::splat(last));
        value = value.sub(V::select(is_below, stair, V::zero()));
    }
    value.bit_or(x.sign())
}

/// |x| = k ln(2) / 16 + s; steps = ROUND_AND_BIAS - k.
#[derive(Clone, Copy)]
struct Reduced<V> {
    s: V,
    steps: V,
}

impl<V: F32Lanes> Reduced<V> {
    #[inline(always)]
    fn new(x: V) -> Self {
        let magnitude = x.abs();
        let steps = magnitude.mul_add(V::splat(MINUS_STEPS), V::splat(ROUND_AND_BIAS));
        let minus_k = steps.sub(V::splat(ROUND_AND_BIAS));
        Self { s: minus_k.mul_add(V::splat(STEP), magnitude), steps }
    }
}

/// (numerator + low) / (denominator + low), and how much of it is in doubt, relative to it.
#[derive(Clone, Copy)]
struct Fraction<V> {
    numerator: V,
    numerator_low: V,
    denominator: V,
    denominator_low: V,
    doubt: V,
}

impl<V: F32Lanes> Fraction<V> {
    #[inline(always)]
    fn zero() -> Self {
        let zero = V::zero();
        Self { numerator: zero, numerator_low: zero, denominator: zero, denominator_low: zero, doubt: zero }
    }

    #[inline(always)]
    fn new(Reduced { s, steps }: Reduced<V>) -> Self {
        let point = V::pick(&POINTS, steps);
        let minus_k = steps.sub(V::splat(ROUND_AND_BIAS));
        // The bits of 8 (n + 127) + j, moved so that n + 127 fills the exponent; j is cut off.
        let power = steps.bit_shl::<20>().bit_and(V::splat(f32::NEG_INFINITY));
        let difference = point.sub(power);
        let sum = point.add(power);

        let square = s.mul(s);
        let curvature = square.mul_add(V::splat(2.0 / 15.0), V::splat(-1.0 / 3.0));
        let correction = minus_k.mul_add(V::splat(STEP_REST), V::pick(&MISSES, steps));
        let th_low = square.mul(s).mul_add(curvature, correction); // tanh s - s, and the corrections of s

        // The rounding error of D + E s is known exactly: D and the sum are within a factor of two of each other, or D
        // is 0. So is that of E + D s.
        let numerator = sum.mul_add(s, difference);
        let numerator_low = sum.mul_add(s, difference.sub(numerator));
        let denominator = difference.mul_add(s, sum);
        let denominator_low = difference.mul_add(s, sum.sub(denominator));
        Self {
            numerator,
            numerator_low: sum.mul_add(th_low, numerator_low),
            denominator,
            denominator_low: difference.mul_add(th_low, denominator_low),
            doubt: minus_k.mul_add(V::splat(-DOUBT_PER_STEP), V::splat(DOUBT)),
        }
    }

    /// The quotient, rounded, and where it is PyTorch's without doubt; false for NaN.
    #[inline(always)]
    fn quotient(self) -> (V, V::Mask) {
        let reciprocal = V::splat(1.0).div(self.denominator);
        let quotient = self.numerator.mul(reciprocal);
        let remainder = quotient.neg_mul_add(self.denominator, self.numerator).add(self.numerator_low);
        let remainder = quotient.neg_mul_add(self.denominator_low, remainder);
        let doubt = quotient.mul(self.doubt);
        let above = quotient.add(remainder.mul_add(reciprocal, doubt));
        let below = quotient.sub(remainder.neg_mul_add(reciprocal, doubt));
        (above, above.eq(below))
    }
}

#[cfg(test)]
mod tests {
    use super::{MISSES, POINTS, STEP, STEP_REST};

    #[test]
    fn constants_are_what_they_are_named_for() {
        let step = std::f64::consts::LN_2 / 16.0;
        assert_eq!(STEP, step as f32);
        assert!((f64::from(STEP) + f64::from(STEP_REST) - step).abs() < 1e-16);
        for (j, (&point, &miss)) in POINTS.iter().zip(&MISSES).enumerate() {
            let exact = 2.0_f64.powf(-(j as f64) / 8.0);
            assert_eq!(f64::from(point), (exact * 2.0_f64.powi(23)).round() / 2.0_f64.powi(23), "2^(-{j}/8)");
            let missed = -(f64::from(point) / exact).ln() / 2.0;
            assert!((f64::from(miss) - missed).abs() < 1e-14, "{j}: {miss:e}, {missed:e}");
        }
    }
}
