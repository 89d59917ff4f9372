//! What PyTorch computes of the values that are left over after whole vectors: the sigmoid of a row of H values whose
//! neighbours are not the next row's, as of the gates of a recurrent cell.
//!
//! **Contract.** PyTorch's AVX2 kernel takes such a row in vectors of [`VECTOR`] values, with SLEEF's exp as everywhere
//! ([`exp`](super::exp)); the last H % 16 values it computes one by one, as 1 / (1 + expf(-x)) with the platform's expf. On
//! Linux that is glibc's, from 2.27 on, on a processor with FMA. Its published algorithm (ARM's optimized routines) is
//! stated here anew, so that the bits are the same everywhere. `examples/sweep_expf.rs` compares it with the platform's for all arguments.

use super::formulas;
use crate::lanes::{F32Lanes, Simd};

/// Values that PyTorch takes at once: two registers of AVX2.
const VECTOR: usize = 16;

/// Replaces every value of one row by its sigmoid, with the bits that PyTorch gives a row that lies apart from others.
///
/// For use inside a [`Kernel`](crate::Kernel).
#[inline(always)]
pub fn sigmoid_row<S: Simd>(row: &mut [f32]) {
    let whole = row.len() / VECTOR * VECTOR;
    let (vectors, rest) = row.split_at_mut(whole);
    for vector in vectors.chunks_exact_mut(S::Wide::LANES) {
        formulas::sigmoid(S::Wide::load(vector)).store(vector);
    }
    for value in rest {
        *value = 1.0 / (1.0 + expf(-*value));
    }
}

/// 2^(i / 32) as float64, less i in the last place of the exponent's 32nd parts: adding k there makes it 2^(k / 32).
const POWERS: [u64; 32] = [
    0x3ff0_0000_0000_0000,
    0x3fef_d9b0_d315_8574,
    0x3fef_b558_6cf9_890f,
    0x3fef_9301_d012_5b51,
    0x3fef_72b8_3c7d_517b,
    0x3fef_5487_3168_b9aa,
    0x3fef_387a_6e75_6238,
    0x3fef_1e9d_f51f_dee1,
    0x3fef_06fe_0a31_b715,
    0x3fee_f1a7_373a_a9cb,
    0x3fee_dea6_4c12_3422,
    0x3fee_ce08_6061_892d,
    0x3fee_bfda_d536_2a27,
    0x3fee_b42b_569d_4f82,
    0x3fee_ab07_dd48_5429,
    0x3fee_a47e_b03a_5585,
    0x3fee_a09e_667f_3bcd,
    0x3fee_9f75_e8ec_5f74,
    0x3fee_a114_73eb_0187,
    0x3fee_a589_994c_ce13,
    0x3fee_ace5_422a_a0db,
    0x3fee_b737_b0cd_c5e5,
    0x3fee_c491_82a3_f090,
    0x3fee_d503_b23e_255d,
    0x3fee_e89f_995a_d3ad,
    0x3fee_ff76_f2fb_5e47,
    0x3fef_199b_dd85_529c,
    0x3fef_3720_dcef_9069,
    0x3fef_5818_dcfb_a487,
    0x3fef_7c97_337b_9b5f,
    0x3fef_a4af_a2a4_90da,
    0x3fef_d076_5b6e_4540,
];

/// Steps to a power of two.
const STEPS: f64 = 32.0;
/// x in such steps.
const STEPS_PER_UNIT: f64 = STEPS * std::f64::consts::LOG2_E;

/// Adding this, 1.5 * 2^52, rounds to an integer and leaves it in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// (2^(r / 32) - 1) / r is about THIRD * r^2 + SECOND * r + FIRST for |r| <= 1/2.
const THIRD: f64 = f64::from_bits(0x3fac_6af8_4b91_2394) / STEPS / STEPS / STEPS;
const SECOND: f64 = f64::from_bits(0x3fce_bfce_50fa_c4f3) / STEPS / STEPS;
const FIRST: f64 = f64::from_bits(0x3fe6_2e42_ff0c_52d6) / STEPS;

/// Above this e^x is infinity: log(2^128).
const HIGHEST: f32 = 88.722_83;
/// Below this e^x is 0: log(2^-150).
const LOWEST: f32 = -103.972_08;

/// e^x as glibc computes it in float32.
///
/// ```
/// assert_eq!(lane_math::expf(1.0), std::f32::consts::E);
/// ```
#[inline(always)]
#[must_use]
pub fn expf(x: f32) -> f32 {
    if x.is_nan() {
        return x + x;
    }
    if x > HIGHEST {
        return f32::INFINITY;
    }
    if x < LOWEST {
        return 0.0;
    }
    let x = f64::from(x);
    let rounded = x.mul_add(STEPS_PER_UNIT, ROUND);
    let k = rounded.to_bits();
    let r = x.mul_add(STEPS_PER_UNIT, ROUND - rounded);
    let power = f64::from_bits(POWERS[(k % 32) as usize].wrapping_add(k << 47));
    // glibc's binaries have fused multiply-adds here: two arguments of all would differ without.
    let curve = THIRD.mul_add(r, SECOND).mul_add(r * r, FIRST.mul_add(r, 1.0));
    (curve * power) as f32
}
