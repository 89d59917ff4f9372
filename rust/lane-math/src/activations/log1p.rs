//! log(1 + x), as SLEEF computes it.

use super::pairs::Pair;
use crate::lanes::F32Lanes;

/// ln(2), and what its float32 misses.
const LN_2: f32 = std::f32::consts::LN_2;
const LN_2_REST: f32 = -1.904_654_3e-9;

/// Bits of the exponent of a float.
const EXPONENT: f32 = f32::INFINITY;

/// From here on 1 + x is x, and 2^-e no normal float.
const LARGE: f32 = 1e38;

/// log(1 + x) for x >= 0.
///
/// 1 + x = 2^e (1 + m), -1/4 <= m < 1/2, and log(1 + m) = 2 artanh y, y = m / (2 + m).
#[inline(always)]
pub(super) fn log1p<V: F32Lanes>(x: V) -> V {
    // The exponent of (1 + x) / 0.75 is e; its bits are left where they are, bias included.
    let exponent = x.add(V::splat(1.0)).mul(V::splat(1.0 / 0.75)).bit_and(V::splat(EXPONENT));
    let power = V::splat(f32::from_bits(2 * f32::to_bits(1.0))).bit_sub(exponent); // 2^-e
    let m = x.mul_add(power, power.sub(V::splat(1.0)));
    let m_of_large = x.bit_sub(exponent).bit_add(V::splat(1.0)).sub(V::splat(1.0));
    let m = V::select(V::splat(LARGE).lt(x), m_of_large, m);
    // The biased exponent becomes the last bits of a float of 2^23 and more, and so an integer.
    let two_to_23 = V::splat(8_388_608.0);
    let e = exponent.bit_shr::<23>().bit_or(two_to_23).sub(V::splat(8_388_608.0 + 127.0));

    let y = Pair { high: m, low: V::zero() }.div(Pair::sum(V::splat(2.0), m));
    let square = y.high.mul(y.high);
    let mut p = V::splat(0.302_729_5);
    for coefficient in [0.399_610_82, 0.666_669_5] {
        p = p.mul_add(square, V::splat(coefficient));
    }
    let cubic = square.mul(y.high).mul(p);
    let logarithm = Pair { high: V::splat(LN_2), low: V::splat(LN_2_REST) }.mul_float(e);
    let value = logarithm.add_smaller(y.scaled(V::splat(2.0))).add_smaller_float(cubic).rounded();
    V::select(x.eq(V::splat(f32::INFINITY)), x, value)
}
