//! fmod(x, 2 pi) in four lanes: exact, so that every libm gives the same bits.

use super::patch;
use crate::lanes::F64x4;
use crate::libm;

const TWO_PI: f64 = 2.0 * std::f64::consts::PI;
/// What is multiplied by instead of divided. It is rounded up: `1 / TWO_PI` is a little less.
const RECIPROCAL: f64 = 1.0 / TWO_PI;
/// Below 2^49 the estimate of the quotient is too high by one at most, and the remainder by a fused multiplication is exact.
/// Too low it never is: where x is k periods or more, x times the reciprocal is at least k before it is rounded, and so
/// afterwards, since k is a float64.
const LARGEST: f64 = (1_u64 << 49) as f64;

/// fmod(x, 2 pi) in each lane.
#[inline(always)]
pub(super) fn fmod_two_pi<V: F64x4>(x: V) -> V {
    let period = V::splat(TWO_PI);
    let magnitude = x.abs();
    let quotient = magnitude.mul(V::splat(RECIPROCAL)).floor();
    let rest = quotient.neg_mul_add(period, magnitude);
    let rest = V::select(rest.lt(V::zero()), rest.add(period), rest);
    patch(x, rest.bit_or(x.sign()), magnitude.lt(V::splat(LARGEST)), |x| libm::fmod(x, TWO_PI))
}

#[cfg(test)]
mod tests {
    use super::{RECIPROCAL, TWO_PI};

    /// The product of the two is above 1 before it is rounded, which a fused multiplication shows.
    #[test]
    fn the_reciprocal_is_rounded_up() {
        assert!(RECIPROCAL.mul_add(TWO_PI, -1.0) > 0.0);
    }
}
