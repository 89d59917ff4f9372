//! The hyperbolic tangent in four lanes with the bits of glibc's, where its `expm1` is an FMA variant.
//!
//! The method is fdlibm's: tanh from `expm1(2 |x|)`, or of -2 |x| below 1, and that from a multiple of ln 2 and a rest, of
//! which a quotient of polynomials is taken. The `mul_add` are those that the compiler contracted in `expm1`; `tanh` itself
//! has none.

use super::patch;
use crate::lanes::F64x4;
use crate::libm;

/// Arguments below 2^-55 are their own tangent.
const TINY: u64 = 0x3c80_0000_0000_0000;
/// From here on the tangent is 1.
const SATURATED: f64 = 22.0;
/// Half of ln 2 but for the low word: up to it `expm1` takes no multiple of ln 2.
const UNREDUCED: u64 = 0x3fd6_2e43_0000_0000;
/// 1 / ln 2.
const PER_LN_2: u64 = 0x3ff7_1547_652b_82fe;
/// ln 2 in two words, the first short enough for exact products with the multiples here.
const LN_2: [u64; 2] = [0x3fe6_2e42_fee0_0000, 0x3dea_39ef_3579_3c76];
/// Of the polynomial in x^2 / 2.
const POLYNOMIAL: [u64; 5] = [
    0xbfa1_1111_1111_10f4,
    0x3f5a_01a0_19fe_5585,
    0xbf14_ce19_9eaa_dbb7,
    0x3ed0_cfca_86e6_5239,
    0xbe8a_fdb7_6e09_c32d,
];
/// 1.5 * 2^52: adding it rounds to integers, which are then in the low bits.
const TO_INTEGER: u64 = 0x4338_0000_0000_0000;

/// tanh(x) in each lane.
#[inline(always)]
pub(super) fn tanh<V: F64x4>(x: V) -> V {
    let magnitude = x.abs();
    let (one, two) = (V::splat(1.0), V::splat(2.0));
    let is_below_one = magnitude.lt(one);
    // Lanes beyond are replaced; what they compute must not be an infinite number of steps.
    let within = V::select(magnitude.lt(V::splat(SATURATED)), magnitude, V::zero());
    let doubled = within.add(within);
    let grown = expm1(V::select(is_below_one, doubled.neg(), doubled), is_below_one);
    let divisor = grown.add(two);
    let quotient = V::select(is_below_one, grown.neg(), two).div(divisor);
    let value = V::select(is_below_one, quotient, one.sub(quotient));
    let value = V::select(magnitude.lt(V::splat(SATURATED)), value, one);
    let value = V::select(magnitude.lt(V::splat_bits(TINY)), magnitude, value).copysign(x);
    patch(x, value, x.eq(x), libm::tanh)
}

/// e^y - 1 for y from -2 to 0, where it `is_negative`, and from 2 to 44 elsewhere.
#[inline(always)]
fn expm1<V: F64x4>(y: V, is_negative: V::Mask) -> V {
    let constant = V::splat_bits;
    let (one, half) = (V::splat(1.0), V::splat(0.5));
    let magnitude = y.abs();
    let is_unreduced = magnitude.lt(constant(UNREDUCED));
    let steps = magnitude.mul(constant(PER_LN_2)).add(half).floor();
    let steps = V::select(is_unreduced, V::zero(), steps).copysign(y);
    // Without steps the rest is y, and nothing is lost.
    let high = steps.neg_mul_add(constant(LN_2[0]), y);
    let low = steps.mul(constant(LN_2[1]));
    let rest = high.sub(low);
    let lost = high.sub(rest).sub(low);

    let half_rest = half.mul(rest);
    let halved_square = rest.mul(half_rest);
    let squared = halved_square.mul(halved_square);
    let first = halved_square.mul_add(constant(POLYNOMIAL[0]), one);
    let second = halved_square.mul_add(constant(POLYNOMIAL[2]), constant(POLYNOMIAL[1]));
    let third = halved_square.mul_add(constant(POLYNOMIAL[4]), constant(POLYNOMIAL[3]));
    let sum = squared.mul(squared).mul_add(third, squared.mul_add(second, first));
    let t = sum.neg_mul_add(half_rest, V::splat(3.0));
    let quotient = sum.sub(t).div(rest.neg_mul_add(t, V::splat(6.0)));
    let e = quotient.mul(halved_square);

    let unreduced = rest.sub(e.mul_add(rest, halved_square.neg()));
    let e = e.sub(lost).mul_add(rest, lost.neg()).sub(halved_square);
    // 2^steps as what is added to the bits of a factor.
    let scale = steps.add(constant(TO_INTEGER)).bit_shl::<52>();
    // 2^-steps.
    let unit = one.bit_add(V::zero().sub(steps).add(constant(TO_INTEGER)).bit_shl::<52>());
    let is_few = steps.lt(V::splat(20.0));
    let negative = V::select(
        V::splat(-1.0).eq(steps),
        half.mul(rest.sub(e)).sub(half),
        one.sub(e.sub(rest)).bit_add(scale).sub(one),
    );
    let positive =
        V::select(is_few, one.sub(unit).sub(e.sub(rest)), rest.sub(e.add(unit)).add(one)).bit_add(scale);
    let many = one.sub(e.sub(rest)).bit_add(scale).sub(one);
    let positive = V::select(V::splat(56.0).lt(steps), many, positive);
    V::select(is_unreduced, unreduced, V::select(is_negative, negative, positive))
}
