//! The exponential function and its relatives, as SLEEF computes them: exp, exp - 1 and tanh.
//!
//! All reduce x = q ln(2) + s, |s| <= ln(2) / 2, and scale a polynomial in s by 2^q. exp does so in single floats, the
//! others in [`Pair`]s.

use super::pairs::Pair;
use crate::lanes::F32Lanes;

/// ln(2) in two parts: products of the first with |q| <= 256 are exact.
const LN_2: f32 = 0.693_145_75;
const LN_2_REST: f32 = 1.428_606_8e-6;

/// Adding this, 1.5 * 2^23, rounds to an integer, to even in ties, and leaves it in the low bits.
const ROUND: f32 = 12_582_912.0;

/// An integer q with |q| <= 256, as a float plus [`ROUND`].
#[derive(Clone, Copy)]
struct Exponent<V>(V);

impl<V: F32Lanes> Exponent<V> {
    /// x / ln(2), rounded. Anything where x is beyond the range of exp, infinite or NaN.
    #[inline(always)]
    fn of(x: V) -> Self {
        Self(x.mul(V::splat(std::f32::consts::LOG2_E)).add(V::splat(ROUND)))
    }

    /// q as a float.
    #[inline(always)]
    fn value(self) -> V {
        self.0.sub(V::splat(ROUND))
    }

    /// Two powers of two whose product is 2^q: 2^q itself may be subnormal or beyond the largest float, while the
    /// result is not, or rounds once only if the first multiplication is exact.
    #[inline(always)]
    fn powers(self) -> [V; 2] {
        // The shifts out of both ends leave q / 2, rounded down, in the exponent's place; 1.0 is the exponent's bias.
        let power_of_half = |bits: V| bits.bit_shr::<1>().bit_shl::<23>().bit_add(V::splat(1.0));
        [power_of_half(self.0), power_of_half(self.0.bit_add(V::splat(f32::from_bits(1))))]
    }
}

/// Below this exp is +0.
const EXP_LOWEST: f32 = -104.0;
/// Above this exp is infinity.
const EXP_HIGHEST: f32 = 100.0;

/// e^x.
#[inline(always)]
pub(super) fn exp<V: F32Lanes>(x: V) -> V {
    let exponent = Exponent::of(x);
    let s = exponent.value().mul_add(V::splat(-LN_2), x);
    let s = exponent.value().mul_add(V::splat(-LN_2_REST), s);
    let mut p = V::splat(0.000_198_527_62);
    for coefficient in [0.001_393_043_6, 0.008_333_361, 0.041_666_485, 0.166_666_67, 0.5] {
        p = p.mul_add(s, V::splat(coefficient));
    }
    let p = V::splat(1.0).add(s.mul(s).mul_add(p, s));
    let [first, second] = exponent.powers();
    let value = p.mul(first).mul(second);
    let value = V::select(x.lt(V::splat(EXP_LOWEST)), V::zero(), value);
    V::select(V::splat(EXP_HIGHEST).lt(x), V::splat(f32::INFINITY), value)
}

/// e^x for -104 <= x <= 89.
#[inline(always)]
fn exp_pair<V: F32Lanes>(x: V) -> Pair<V> {
    let exponent = Exponent::of(x);
    let s = Pair::float_sum(x, exponent.value().mul(V::splat(-LN_2)));
    let s = s.add_float(exponent.value().mul(V::splat(-LN_2_REST)));
    let mut p = V::splat(0.000_198_096_02);
    for coefficient in [0.001_394_256_5, 0.008_333_457, 0.041_666_374] {
        p = p.mul_add(s.high, V::splat(coefficient));
    }
    let p = s.mul_float(p).add_float(V::splat(0.166_666_66));
    let p = s.mul(p).add_float(V::splat(0.5));
    let p = s.add(s.square().mul(p)).added_to(V::splat(1.0));
    let [first, second] = exponent.powers();
    p.scaled(first).scaled(second)
}

/// Above this e^x - 1 is infinity.
const EXPM1_HIGHEST: f32 = 88.722_83;
/// Below this e^x - 1 is -1.
const EXPM1_LOWEST: f32 = -16.635_532;

/// e^x - 1.
#[inline(always)]
pub(super) fn expm1<V: F32Lanes>(x: V) -> V {
    let value = exp_pair(x).add_float(V::splat(-1.0)).rounded();
    let value = V::select(V::splat(EXPM1_HIGHEST).lt(x), V::splat(f32::INFINITY), value);
    let value = V::select(x.lt(V::splat(EXPM1_LOWEST)), V::splat(-1.0), value);
    V::select(x.eq(V::zero()), x, value) // -0 stays
}

/// From here on tanh is 1.
const TANH_SATURATED: f32 = 8.664_34;

/// tanh x, at most one unit in the last place off: another function than the [`tanh`](crate::tanh()) of `nn.Tanh`.
#[inline(always)]
pub(super) fn tanh<V: F32Lanes>(x: V) -> V {
    let magnitude = x.abs();
    let growing = exp_pair(magnitude);
    let falling = growing.reciprocal();
    let value = growing.add_smaller(falling.neg()).div(growing.add_smaller(falling)).rounded();
    V::select(V::splat(TANH_SATURATED).lt(magnitude), V::splat(1.0), value).bit_xor(x.sign())
}
