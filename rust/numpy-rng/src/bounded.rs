//! Unbiased integers below a bound, by the method of Daniel Lemire, "Fast Random Integer Generation in an
//! Interval" (2019), with NumPy's choice of word size.
//!
//! A random word of w bits times the number of values is a fixed-point number: its upper word is the result,
//! and results are equally likely once the lower word is at least 2^w modulo the number of values.

use crate::Pcg64;

/// A uniform draw from `0..=span`, consuming what `Generator.integers` consumes for a scalar of dtype
/// `int64`.
#[inline]
pub(crate) fn up_to(bits: &mut Pcg64, span: u64) -> u64 {
    const NARROW: u64 = u32::MAX as u64;
    match span {
        0 => 0,
        // All 2^w values of a word: taken as it is, since their number does not fit into a word.
        NARROW => u64::from(bits.next_u32()),
        u64::MAX => bits.next_u64(),
        1..NARROW => u64::from(narrow_below(bits, span as u32 + 1)),
        _ => wide_below(bits, span + 1),
    }
}

/// A draw from `0..values` out of 32-bit words.
#[inline]
fn narrow_below(bits: &mut Pcg64, values: u32) -> u32 {
    let mut product = u64::from(bits.next_u32()) * u64::from(values);
    // 2^32 modulo `values` is below `values`: the division is needed only if the lower word is, too.
    if (product as u32) < values {
        let threshold = values.wrapping_neg() % values;
        while (product as u32) < threshold {
            product = u64::from(bits.next_u32()) * u64::from(values);
        }
    }
    (product >> 32) as u32
}

/// A draw from `0..values` out of 64-bit words.
#[inline]
fn wide_below(bits: &mut Pcg64, values: u64) -> u64 {
    let mut product = u128::from(bits.next_u64()) * u128::from(values);
    if (product as u64) < values {
        let threshold = values.wrapping_neg() % values;
        while (product as u64) < threshold {
            product = u128::from(bits.next_u64()) * u128::from(values);
        }
    }
    (product >> 64) as u64
}
