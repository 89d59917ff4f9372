//! sin in float32, PyTorch's to the bit.
//!
//! **Contract.** What `torch.sin` returns on a processor with AVX2 (2.13.0; all 2^32 arguments were compared): within
//! 0.6 units in the last place of the true sine. Odd: `sin(-x)` has the bits of `-sin(x)`; -0 and subnormals come back,
//! infinities and NaN give a quiet NaN. It does not depend on where in a tensor a value is.
//!
//! **Method.** PyTorch calls Intel's vector library, which is closed: the formulas were found from its results alone. Up
//! to [`NEAR_END`] they are float64's: x less a multiple of pi, and a polynomial of degree 9 that rounds every result to
//! its side. Whether products and sums are fused changes none, so none is fused, and lanes without such an instruction
//! lose nothing. Greater arguments have another formula, in float32 with a table ([`far`](mod@far)); they are rare, and
//! computed one by one.

mod far;
mod table;

use crate::lanes::{F32Lanes, F32x8, F64x4, Mask, Simd, narrowed, widened};
use far::far;

/// The last argument of the formula of float64.
const NEAR_END: f32 = 10_000.0;

/// A float32 below 2^22 plus this, 1.5 * 2^23, has the nearest integer in its low bits.
const ROUND: f32 = 12_582_912.0;

/// pi in 30 bits, so that its multiples up to [`NEAR_END`] are exact; and what is left of pi, in as many bits as
/// PyTorch's results tell.
const PI_HIGH: f64 = 3.141_592_651_605_606;
const PI_LOW: f64 = 1.984_187_159_361_081e-9;

/// Of r^9, r^7, r^5 and r^3: no Taylor series, but chosen for r within half of pi.
const COEFFICIENTS: [u64; 4] =
    [0x3ec5_dbdf_0db9_339b, 0xbf29_f6ff_ee9e_ee0f, 0x3f81_10ed_3804_ac6e, 0xbfc5_5554_bc83_654e];

/// sin x.
#[inline(always)]
pub(super) fn sin<S: Simd>(x: S::F32) -> S::F32 {
    let magnitude = x.abs();
    let is_near = magnitude.le(S::F32::splat(NEAR_END));
    // The quotient is rounded to float32 first: its nearest integer is not always that of x / pi.
    let rounded = magnitude.mul(S::F32::splat(std::f32::consts::FRAC_1_PI)).add(S::F32::splat(ROUND));
    let [low, high] = widened::<S>(magnitude);
    let [low_multiple, high_multiple] = widened::<S>(rounded.sub(S::F32::splat(ROUND)));
    let near = narrowed::<S>([half_wave(low, low_multiple), half_wave(high, high_multiple)]);
    // The lowest bit of the multiple: every other half wave is below zero.
    let signs = rounded.bit_shl::<31>().bit_xor(x.sign());
    let near = near.bit_xor(signs);
    if !is_near.not().any() {
        return near;
    }
    let mut results = near.to_array();
    for (lane, argument) in x.to_array().into_iter().enumerate() {
        if is_near.bits() >> lane & 1 == 0 {
            results[lane] = far(argument);
        }
    }
    S::F32::from_array(results)
}

/// sin(x - multiple * pi), where that is the distance to the nearest multiple.
#[inline(always)]
fn half_wave<V: F64x4>(x: V, multiple: V) -> V {
    let r = x.sub(multiple.mul(V::splat(PI_HIGH))).sub(multiple.mul(V::splat(PI_LOW)));
    let square = r.mul(r);
    let [c9, rest @ ..] = COEFFICIENTS.map(V::splat_bits);
    let mut p = c9;
    for coefficient in rest {
        p = p.mul(square).add(coefficient);
    }
    r.add(r.mul(square.mul(p)))
}
