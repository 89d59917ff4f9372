//! fmod(x, 2 pi) in four lanes: exact, so that every libm gives the same bits.

use super::patch;
use crate::lanes::F64x4;
use crate::libm;

const TWO_PI: f64 = 2.0 * std::f64::consts::PI;
/// Below 2^49 the estimate of the quotient is off by one at most, and the remainder by a fused multiplication is exact.
const LARGEST: f64 = (1_u64 << 49) as f64;

/// fmod(x, 2 pi) in each lane.
#[inline(always)]
pub(super) fn fmod_two_pi<V: F64x4>(x: V) -> V {
    let period = V::splat(TWO_PI);
    let magnitude = x.abs();
    let quotient = magnitude.mul(V::splat(1.0 / TWO_PI)).floor();
    let rest = quotient.neg_mul_add(period, magnitude);
    let rest = V::select(rest.lt(V::zero()), rest.add(period), rest);
    let rest = V::select(period.le(rest), rest.sub(period), rest);
    patch(x, rest.bit_or(x.sign()), magnitude.lt(V::splat(LARGEST)), |x| libm::fmod(x, TWO_PI))
}
