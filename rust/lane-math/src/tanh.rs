//! tanh in float32: the activation of most policies, and with small networks most of their time.
//!
//! **Contract.** Within 0.8 ulp of the true value for every float32 (`cargo run --release -p lane-math --example
//! sweep_tanh` tries all 2^32), and the nearest float32 for 99.89% of them. Odd: `tanh(-x)` has the bits of `-tanh(x)`.
//! `tanh(-0) = -0`, `tanh(+-inf) = +-1`, tiny and subnormal x are returned unchanged, NaN gives a quiet NaN. The same
//! bits from every function here, on every instruction set, in debug and release.
//!
//! **Method.** With |x| = n ln(2) / 2 + r, |r| <= ln(2) / 4 and s = 2^-n,
//!
//! ```text
//! tanh |x| = t / (t + s),    t = (e^(2r) - s) / 2 = expm1(2r) / 2 + (1 - s) / 2.
//! ```
//!
//! Every n takes the same road, so nothing is computed twice and blended. What would cost half a unit in the last place
//! at each step is avoided: r and r + (1 - s) / 2 are exact, the rounding error of t is kept as a second float, and the
//! quotient is corrected by its remainder, in which the sum t + s is never rounded.

use crate::isa::{Isa, Kernel};
use crate::lanes::{F32x8, Simd};

/// tanh |x| rounds to 1 from 9.011 on, so a larger |x| may be replaced by this.
const SATURATED: f32 = 9.1;

/// n is rounded to an integer by adding this, 1.5 * 2^23, whose last mantissa bit counts units. The 127 is the exponent
/// bias: the low bits of the sum, shifted into the exponent field, are then the float 2^-n.
const ROUND_AND_BIAS: f32 = 12_582_912.0 + 127.0;

/// -2 / ln(2): x times this is -n before rounding.
const MINUS_STEPS: f32 = -2.0 * std::f32::consts::LOG2_E;

/// ln(2) / 2 to 21 bits: its product with n <= 26 and the difference to |x| are exact. Leaving out the rest, 9.5e-10,
/// costs at most 0.07 ulp, at n = 1.
const STEP: f32 = f32::from_bits(0x3eb1_7218);

/// v in expm1(2r) / 2 = r + r^2 (1 + r v(r)), lowest degree first: see fit_tanh.py, which prints these lines.
const POLYNOMIAL: [f32; 5] = [
    f32::from_bits(0x3f2a_aaab), // 0.666666687 r^0
    f32::from_bits(0x3eaa_aa74), // 0.333331704 r^1
    f32::from_bits(0x3e08_8844), // 0.133332312 r^2
    f32::from_bits(0x3d36_a672), // 0.044592328 r^3
    f32::from_bits(0x3c50_8c5b), // 0.012728776 r^4
];

/// The hyperbolic tangent of one value.
///
/// The readable twin of the lanes, with the same bits. It is several times slower than they are per value, more where
/// `f32::mul_add` is a call: use [`tanh_in_place`] for more than a few values.
#[must_use]
pub fn tanh(x: f32) -> f32 {
    if x.is_nan() {
        return x + x;
    }
    let magnitude = x.abs().min(SATURATED);
    let steps = magnitude.mul_add(MINUS_STEPS, ROUND_AND_BIAS);
    let scale = f32::from_bits(steps.to_bits() << 23);
    let r = (steps - ROUND_AND_BIAS).mul_add(STEP, magnitude);

    let polynomial = POLYNOMIAL.iter().rev().fold(0.0, |sum: f32, &coefficient| sum.mul_add(r, coefficient));
    let factor = polynomial.mul_add(r, 1.0);
    let square = r * r;
    let linear = scale.mul_add(-0.5, 0.5) + r;
    let high = square.mul_add(factor, linear);
    let low = square.mul_add(factor, linear - high);

    let reciprocal = 1.0 / (high + scale);
    let quotient = high * reciprocal;
    let remainder = (-quotient).mul_add(high.max(scale), high);
    let remainder = (-quotient).mul_add(high.min(scale), remainder);
    let remainder = remainder + (-quotient).mul_add(low, low);
    remainder.mul_add(reciprocal, quotient).copysign(x)
}

/// The hyperbolic tangent of every value, in place.
///
/// Any length; multiples of 64 are fastest (0.4 ns a value with AVX2, against 0.6 ns for eight at a time).
pub fn tanh_in_place(isa: Isa, values: &mut [f32]) {
    struct InPlace<'a>(&'a mut [f32]);

    impl Kernel for InPlace<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self) {
            tanh_slice::<S::F32>(self.0);
        }
    }

    isa.run(InPlace(values));
}

/// [`tanh_in_place`] for use inside a [`Kernel`].
#[inline(always)]
pub fn tanh_slice<V: F32x8>(values: &mut [f32]) {
    let length = values.len();
    if length < 8 {
        let mut padded = [0.0; 8];
        padded[..length].copy_from_slice(values);
        values.copy_from_slice(&tanh_lanes(V::from_array(padded)).to_array()[..length]);
        return;
    }
    // The last eight values overlap lanes that are done below. They are taken before anything is overwritten and stored
    // last; a lane computed twice gets the same bits twice.
    let ragged = !length.is_multiple_of(8);
    let last = if ragged { tanh_lanes(V::load(&values[length - 8..])) } else { V::zero() };
    let mut blocks = values[..length - length % 8].chunks_exact_mut(64);
    for block in &mut blocks {
        tanh_block::<V, 8>(block);
    }
    let mut pairs = blocks.into_remainder().chunks_exact_mut(16);
    for pair in &mut pairs {
        tanh_block::<V, 2>(pair);
    }
    for eight in pairs.into_remainder().chunks_exact_mut(8) {
        tanh_block::<V, 1>(eight);
    }
    if ragged {
        last.store(&mut values[length - 8..]);
    }
}

/// The hyperbolic tangent of eight lanes.
#[inline(always)]
#[must_use]
pub fn tanh_lanes<V: F32x8>(x: V) -> V {
    Expm1::new(Reduced::new(x)).tanh().bit_or(x.sign())
}

/// tanh of 8 N values. Each stage runs over all vectors before the next begins: the chain from x to tanh x is some 100
/// cycles long, and the processor's queue is too short to overlap whole chains by itself (0.4 ns a value against 0.5).
#[inline(always)]
fn tanh_block<V: F32x8, const N: usize>(values: &mut [f32]) {
    let mut reduced = [Reduced { r: V::zero(), scale: V::zero() }; N];
    for (stage, eight) in reduced.iter_mut().zip(values.chunks_exact(8)) {
        *stage = Reduced::new(V::load(eight));
    }
    let mut expm1 = [Expm1 { high: V::zero(), low: V::zero(), scale: V::zero() }; N];
    for (stage, &before) in expm1.iter_mut().zip(&reduced) {
        *stage = Expm1::new(before);
    }
    for (eight, &before) in values.chunks_exact_mut(8).zip(&expm1) {
        let sign = V::load(eight).sign();
        before.tanh().bit_or(sign).store(eight);
    }
}

/// |x| = n ln(2) / 2 + r, and scale = 2^-n.
#[derive(Clone, Copy)]
struct Reduced<V> {
    r: V,
    scale: V,
}

impl<V: F32x8> Reduced<V> {
    #[inline(always)]
    fn new(x: V) -> Self {
        // In this order the minimum of NaN is NaN, and so is everything computed from it.
        let magnitude = V::splat(SATURATED).min(x.abs());
        let steps = magnitude.mul_add(V::splat(MINUS_STEPS), V::splat(ROUND_AND_BIAS));
        let minus_n = steps.sub(V::splat(ROUND_AND_BIAS));
        Self { r: minus_n.mul_add(V::splat(STEP), magnitude), scale: steps.bit_shl::<23>() }
    }
}

/// t = high + low = (e^(2r) - scale) / 2.
#[derive(Clone, Copy)]
struct Expm1<V> {
    high: V,
    low: V,
    scale: V,
}

impl<V: F32x8> Expm1<V> {
    #[inline(always)]
    fn new(Reduced { r, scale }: Reduced<V>) -> Self {
        let [v0, v1, v2, v3, v4] = POLYNOMIAL;
        let polynomial = r.mul_add(V::splat(v4), V::splat(v3));
        let polynomial = polynomial.mul_add(r, V::splat(v2));
        let polynomial = polynomial.mul_add(r, V::splat(v1));
        let polynomial = polynomial.mul_add(r, V::splat(v0));
        let factor = polynomial.mul_add(r, V::splat(1.0));
        let square = r.mul(r);
        // Exact: 0 + r for n = 0; otherwise both are multiples of 2^-24 (of 2^-26 for n = 1, where |x| is small enough)
        // and their sum is below one. From n = 25 on (1 - s) / 2 is rounded, which moves t and t + s alike and is lost
        // in their quotient.
        let linear = scale.mul_add(V::splat(-0.5), V::splat(0.5)).add(r);
        let high = square.mul_add(factor, linear);
        Self { high, low: square.mul_add(factor, linear.sub(high)), scale }
    }

    /// t / (t + scale).
    #[inline(always)]
    fn tanh(self) -> V {
        let Self { high, low, scale } = self;
        let reciprocal = V::splat(1.0).div(high.add(scale));
        let quotient = high.mul(reciprocal);
        // high - quotient (high + scale), without rounding the sum, and the larger product first, so that what remains
        // after it is small; then low (1 - quotient).
        let remainder = quotient.neg_mul_add(high.max(scale), high);
        let remainder = quotient.neg_mul_add(high.min(scale), remainder);
        let remainder = remainder.add(quotient.neg_mul_add(low, low));
        remainder.mul_add(reciprocal, quotient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (x, expected) in [
            (0.0, 0.0),
            (-0.0, -0.0),
            (f32::INFINITY, 1.0),
            (f32::NEG_INFINITY, -1.0),
            (9.02, 1.0),
            (9.0, 1.0 - f32::EPSILON / 2.0),
            (f32::MIN_POSITIVE, f32::MIN_POSITIVE),
            (f32::from_bits(1), f32::from_bits(1)),
            (-1e-5, -1e-5),
            (0.5, 0.462_117_16),
            (-1.0, -0.761_594_2),
        ] {
            assert_eq!(tanh(x).to_bits(), f32::to_bits(expected), "tanh({x:e})");
        }
    }

    #[test]
    fn nan_passes_through_and_stays_in_its_lane() {
        let mut values = [0.5; 8];
        values[2] = f32::NAN;
        values[3] = -f32::NAN;
        values[4] = f32::from_bits(0x7f80_0001); // signalling
        for isa in Isa::all_available() {
            let mut lanes = values;
            tanh_in_place(isa, &mut lanes);
            for (index, value) in lanes.into_iter().enumerate() {
                assert_eq!(value.is_nan(), (2..5).contains(&index), "{isa:?} lane {index}");
                assert!(!value.is_nan() || value.to_bits() & 0x0040_0000 != 0, "quiet");
            }
        }
        assert!(tanh(f32::NAN).is_nan());
    }
}
