//! GELU with the error function, which PyTorch has oneDNN compute.

use crate::lanes::F32Lanes;

/// x / 2 + x / 2 * erf(x / sqrt 2).
///
/// erf is formula 7.1.26 of Abramowitz and Stegun, good to 1.5e-7: the result is not small where x is far below zero,
/// as GELU is, but a multiple of x * 2^-25 or so; and -0 becomes +0.
#[inline(always)]
pub(super) fn gelu<V: F32Lanes>(x: V) -> V {
    let y = x.mul(V::splat(std::f32::consts::FRAC_1_SQRT_2));
    let t = V::splat(1.0).div(V::splat(0.327_591_1).mul_add(y.abs(), V::splat(1.0)));
    let mut p = V::splat(1.061_405_4);
    for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
        p = p.mul_add(t, V::splat(coefficient));
    }
    let erf = falling_exp(y.mul(y).neg()).mul(t).neg_mul_add(p, V::splat(1.0)).bit_xor(x.sign());
    let half = x.mul(V::splat(0.5));
    erf.mul_add(half, half)
}

/// Beside 1, e to this power is nothing; oneDNN's own bound is the smallest normal float's.
const LOWEST: f32 = -80.0;

/// e^x for x <= 0, as oneDNN computes it: e^-80 below -80, anything for NaN.
#[inline(always)]
fn falling_exp<V: F32Lanes>(x: V) -> V {
    let x = x.max(V::splat(LOWEST));
    let n = x.mul(V::splat(std::f32::consts::LOG2_E)).add(V::splat(0.5)).floor();
    let s = n.neg_mul_add(V::splat(std::f32::consts::LN_2), x);
    let mut p = V::splat(0.008_289_291);
    for coefficient in [0.041_897_822, 0.166_676_52, 0.499_991_5, 0.999_999_7, 1.0] {
        p = p.mul_add(s, V::splat(coefficient));
    }
    // Added to 1.5 * 2^23, an integer is in the low bits; 1.0 is the exponent's bias.
    let power = n.add(V::splat(12_582_912.0)).bit_shl::<23>().bit_add(V::splat(1.0));
    p.mul(power)
}
