//! NumPy's float32 sine and cosine, which Acrobot's first observation is made of.
//!
//! NumPy 2.4.6 evaluates them by polynomials of its own where the processor has fused multiply-add (and by
//! libm elsewhere, and for large arguments); they differ from libm's in 1% of arguments. The constants and
//! the place of each rounding are facts of that routine, checked here against recorded values.

use lane_math::libm;
use std::f32::consts::FRAC_2_PI;

/// From here on NumPy calls libm's cosine.
const LARGEST_COSINE: f32 = 71_476.06;
/// From here on NumPy calls libm's sine.
const LARGEST_SINE: f32 = 117_435.99;
/// pi / 2 in three parts (Cody and Waite), the first short enough for exact products.
const HALF_PI_PARTS: [u32; 3] = [0x3fc9_0fd8, 0x34a8_885a, 0x27c2_34c4];
/// cos r = 1 - r^2 / 2 + ..., highest degree first, in powers of r^2.
const COSINE: [u32; 4] = [0x37cc_730b, 0xbab6_036e, 0x3d2a_aa9e, 0xbf00_0000];
/// sin r = r + r^3 (...), highest degree first, in powers of r^2.
const SINE: [u32; 4] = [0x363e_9dde, 0xb950_35dd, 0x3c08_88cd, 0xbe2a_aaab];

/// (sin x, cos x) of radians.
pub(super) fn sin_cos(x: f32) -> (f32, f32) {
    if !numpy_fuses() {
        return (libm::sinf(x), libm::cosf(x));
    }
    let (sine, cosine, quadrant) = reduced_sin_cos(x);
    let turned = |quadrant: i32| {
        let value = if quadrant & 1 == 0 { sine } else { cosine };
        if quadrant & 2 == 0 { value } else { -value }
    };
    (
        if x.abs() > LARGEST_SINE { libm::sinf(x) } else { turned(quadrant) },
        if x.abs() > LARGEST_COSINE { libm::cosf(x) } else { turned(quadrant.wrapping_add(1)) },
    )
}

/// NumPy chooses its own routine by the processor, whatever this library is told to use.
fn numpy_fuses() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    cfg!(target_arch = "aarch64")
}

/// Sine and cosine of what is left of x after whole quarter turns, and their number.
fn reduced_sin_cos(x: f32) -> (f32, f32, i32) {
    let turns = (x * FRAC_2_PI).round_ties_even();
    let r = HALF_PI_PARTS.into_iter().fold(x, |rest, part| (-turns).mul_add(f32::from_bits(part), rest));
    let square = r * r;
    let evaluate = |coefficients: [u32; 4]| {
        let [first, rest @ ..] = coefficients.map(f32::from_bits);
        rest.into_iter().fold(first, |sum, coefficient| sum.mul_add(square, coefficient))
    };
    let cosine = evaluate(COSINE).mul_add(square, 1.0);
    let sine = (evaluate(SINE) * square).mul_add(r, r);
    (sine, cosine, turns as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy 2.4.6 on a processor with fused multiply-add: x, numpy.sin(x), numpy.cos(x).
    const RECORDED: &[(f32, f32, f32)] = &[
        (0.0023643249, 0.0023643228, 0.9999972),
        (0.09009274, 0.08997092, 0.9959444),
        (-0.07116808, -0.07110802, 0.99746865),
        (0.08972989, 0.089609526, 0.995977),
        (-0.03763371, -0.03762483, 0.99929196),
        (-0.0153347105, -0.01533411, 0.9998824),
        (0.06554052, 0.06549361, 0.997853),
        (-0.018160172, -0.018159173, 0.99983513),
        (0.009918737, 0.009918574, 0.9999508),
        (-0.09448817, -0.09434764, 0.9955393),
        (0.05070262, 0.050680898, 0.9987149),
        (0.0076286625, 0.0076285885, 0.9999709),
        (-34.053658, -0.48281088, -0.8757247),
        (57.68574, 0.9074076, 0.4202517),
        (-39.361034, -0.99585086, -0.09100016),
        (-9.300422, -0.12403598, -0.99227774),
        (-73.19166, 0.8046151, -0.59379673),
        (-19.377403, -0.50367486, 0.86389333),
        (-59.308952, -0.37213492, -0.92817867),
        (-47.53733, 0.4017626, -0.9157438),
        (0.0, 0.0, 1.0),
        (70000.0, -0.823474, 0.567354),
        (71476.0, -0.998502, 0.054714516),
        (71477.0, -0.49345225, 0.86977285),
        (117435.0, 0.7675332, -0.6410093),
        (117437.0, -0.90227455, -0.43116194),
        (1e+10, -0.48750603, 0.87311965),
        (0.06862654, 0.068572685, 0.9976461),
        (0.09116734, 0.0910411, 0.9958471),
        (0.08147225, 0.08138215, 0.99668294),
        (-0.09955859, -0.0993942, 0.9950481),
        (-0.097947456, -0.09779092, 0.995207),
        (0.07946796, 0.07938434, 0.99684405),
        (-0.046908915, -0.04689171, 0.9989),
        (0.06777813, 0.06772625, 0.99770397),
        (-0.0723954, -0.07233217, 0.9973806),
        (0.088829994, 0.088713214, 0.9960572),
        (-0.092539325, -0.0924073, 0.9957213),
        (-0.07920455, -0.07912176, 0.996865),
    ];

    #[test]
    fn the_bits_are_numpy_s() {
        if numpy_fuses() {
            for &(x, sine, cosine) in RECORDED {
                assert_eq!(sin_cos(x), (sine, cosine), "{x}");
            }
        }
    }
}
