//! pow(x, 2) in four lanes.
//!
//! glibc's pow is not correctly rounded, but nearly so: before its last rounding the error stays below 0.0095 ulp (the
//! largest seen in 2.4e9 arguments, for squares between 2^-92 and 2^92). So where x^2 lies further than that from the
//! middle between two floats, pow and x * x agree, and how far it lies is known exactly: a fused multiplication gives the
//! error of x * x. The 2.5% of lanes that lie closer are left to libm.

use super::patch;
use crate::lanes::{F64x4, Mask};
use crate::libm;

/// How close to the middle, in ulp, the square may come: 0.0095 and room.
const MARGIN: f64 = 0.0125;
/// The square may be neither below this, 2^-92, nor above its reciprocal.
const SMALLEST: f64 = 1.0 / LARGEST;
const LARGEST: f64 = (1_u128 << 92) as f64;
const EXPONENT: u64 = 0x7ff0_0000_0000_0000;

/// pow(x, 2) in each lane.
#[inline(always)]
pub(super) fn pow_two<V: F64x4>(x: V) -> V {
    let square = x.mul(x);
    let error = x.mul_add(x, square.neg()).abs();
    let binade = square.bit_and(V::splat_bits(EXPONENT));
    let bound = binade.mul(V::splat((0.5 - MARGIN) * f64::EPSILON));
    let sure = error.lt(bound).and(V::splat(SMALLEST).lt(square)).and(square.lt(V::splat(LARGEST)));
    patch(x, square, sure.or(x.eq(V::zero())), platform_pow_two)
}

/// The platform's pow(x, 2).
pub(super) fn platform_pow_two(x: f64) -> f64 {
    libm::pow(x, 2.0)
}
