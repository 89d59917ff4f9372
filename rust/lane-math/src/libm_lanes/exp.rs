//! The exponential in four lanes with the bits of glibc's FMA variant.
//!
//! The method is that of glibc from 2.28 on (Arm's optimized routines): x is a multiple of ln 2 / 128 and a rest; a table has the
//! powers of two of the multiple, in two words, and a polynomial is e to the rest. Each `mul_add` below is one that glibc's
//! compiler contracted.

use super::exp_table::ROWS;
use super::patch;
use crate::lanes::F64x4;
use crate::libm;

/// Arguments from here on, where results may overflow or be subnormal, are left to libm; and NaN.
const BEYOND: f64 = 512.0;
/// 128 / ln 2.
const STEPS: u64 = 0x4067_1547_652b_82fe;
/// -ln 2 / 128 in two words, the first short enough for exact products with a number of steps.
const STEP: [u64; 2] = [0xbf76_2e42_fefa_0000, 0xbd0c_f79a_bc9e_3b3a];
/// The polynomial's x^2, x^3, x^4 and x^5.
const POLYNOMIAL: [u64; 4] =
    [0x3fdf_ffff_ffff_fdbd, 0x3fc5_5555_5555_543c, 0x3fa5_5555_cf17_2b91, 0x3f81_1111_67a4_d017];
/// 1.5 * 2^52: adding it rounds to integers.
const TO_INTEGER: u64 = 0x4338_0000_0000_0000;

/// A row for each of the low eight bits of a number of steps, of which seven count.
static TABLE: [[f64; 4]; 256] = {
    let mut table = [[0.0; 4]; 256];
    let mut k = 0;
    while k < 256 {
        let [lacking, power] = ROWS[k % 128];
        table[k] = [f64::from_bits(lacking), f64::from_bits(power), 0.0, 0.0];
        k += 1;
    }
    table
};

/// e^x in each lane.
#[inline(always)]
pub(super) fn exp<V: F64x4>(x: V) -> V {
    let constant = V::splat_bits;
    let rounded = x.mul_add(constant(STEPS), constant(TO_INTEGER));
    let steps = rounded.sub(constant(TO_INTEGER));
    let rest = steps.mul_add(constant(STEP[1]), steps.mul_add(constant(STEP[0]), x));
    let [lacking, power, ..] = V::lookup(&TABLE, rounded);
    let scale = power.bit_add(rounded.bit_shl::<45>());
    let square = rest.mul(rest);
    let low = rest.mul_add(constant(POLYNOMIAL[1]), constant(POLYNOMIAL[0]));
    let high = rest.mul_add(constant(POLYNOMIAL[3]), constant(POLYNOMIAL[2]));
    let grown = square.mul_add(low, lacking.add(rest));
    let grown = square.mul(square).mul_add(high, grown);
    patch(x, scale.mul_add(grown, scale), x.abs().lt(V::splat(BEYOND)), libm::exp)
}
