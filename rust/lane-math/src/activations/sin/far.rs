//! sin of one value beyond 10,000.
//!
//! x is k pi / 128 + r modulo 2 pi, k an integer and |r| <= pi / 256. With S and C for sine and cosine of k pi / 128,
//!
//! ```text
//! sin x = S + C r + (C - S r) (r^5 / 120 - r^3 / 6) + S (r^4 / 24 - r^2 / 2), but for terms too small to matter.
//! ```
//!
//! Everything but the fraction of a turn is in float32, each operation rounded by itself, none fused; the order of the
//! operations is part of the function. What the sum S + C r and r itself lose by rounding is added at the end.

use super::table::{INVERSE_TURN, ROWS};

/// Stands for 1/24. Of the seven float32 with which no argument has another result than PyTorch's, the middle one; with
/// 1/24 itself ten have.
const R_FOURTH: f32 = f32::from_bits(0x3d2a_aa7d);

/// 2 pi in 12 bits, so that products with 12 bits are exact, and what is left of it.
const TURN_HIGH: f32 = f32::from_bits(0x40c9_1000);
const TURN_LOW: f32 = f32::from_bits(0xb795_777a);

/// Bits of a fraction of a turn: units of 2^-120.
const TURN_BITS: u32 = 120;
const UNIT: f32 = f32::from_bits((127 - TURN_BITS) << 23);

/// x modulo 2 pi: k pi / 128 + r + rest, k from 0 to 255.
struct Angle {
    k: u32,
    r: f32,
    rest: f32,
}

/// The sine of a value above [`NEAR_END`](super::NEAR_END) or below its negative; NaN of infinities and NaN.
#[cold]
#[inline(never)]
pub(super) fn far(x: f32) -> f32 {
    if !x.is_finite() {
        return f32::NAN;
    }
    let sine = sine(&reduced(x.abs()));
    if x < 0.0 { -sine } else { sine }
}

/// The angle of a value above [`NEAR_END`](super::NEAR_END).
fn reduced(x: f32) -> Angle {
    let fraction = fraction_of_turn(x);
    // Of 23 bits, eight are kept, to nearest even: ties are those of the 23 bits.
    let leading = (fraction >> (TURN_BITS - 23)) as u32;
    let is_above = leading & 0x7fff > 0x4000 || leading & 0xffff == 0xc000;
    let k = (leading >> 15) + u32::from(is_above);
    let distance = fraction as i128 - (i128::from(k) << (TURN_BITS - 8));
    // The distance as two float32, and their product with 2 pi.
    let high = distance as f32;
    let low = (distance - high as i128) as f32 * UNIT;
    let high = high * UNIT;
    let head = f32::from_bits(high.to_bits() & !0xfff);
    let tail = high - head;
    let small = (tail * TURN_HIGH + head * TURN_LOW) + (tail * TURN_LOW + low * std::f32::consts::TAU);
    let r = head * TURN_HIGH + small;
    Angle { k: k & 255, r, rest: (head * TURN_HIGH - r) + small }
}

/// x / (2 pi) without its integer part, in [`UNIT`]s.
fn fraction_of_turn(x: f32) -> u128 {
    let mantissa = u128::from(x.to_bits() & 0x7f_ffff | 0x80_0000);
    // x = mantissa * 2^(exponent - 64). Digits of 1 / (2 pi) that give whole turns are skipped, those beyond 128 left out.
    let exponent = (x.to_bits() >> 23) as usize + 64 - 150;
    let (word, shift) = (exponent / 64, exponent % 64);
    let [first, second, third] = [0, 1, 2].map(|next| u128::from(INVERSE_TURN[word + next]));
    let digits = (first << 64 | second) << shift | (third << shift) >> 64;
    digits.wrapping_mul(mantissa) >> (128 - TURN_BITS)
}

/// The sine of an angle.
fn sine(angle: &Angle) -> f32 {
    let &Angle { k, r, rest } = angle;
    // Half a turn further, the sine is the negative; the second quarter mirrors the first.
    let is_negative = k >= 128;
    let k = k as usize % 128;
    let [sine, sine_rest, mut power, mut cosine_rest] = ROWS[k.min(128 - k)].map(f32::from_bits);
    if k > 64 {
        [power, cosine_rest] = [-power, -cosine_rest];
    }
    let first = sine + power * r;
    let first_error = (sine - first) + power * r;
    let product = cosine_rest * r;
    let sum = first + product;
    let sum_error = (first - sum) + product;
    let square = r * r;
    let slope = (cosine_rest + power) - sine * r;
    let odd = slope * (((square * (1.0 / 120.0) + (-1.0 / 6.0)) * square) * r);
    let even = sine * (square * (square * R_FOURTH - 0.5));
    let result = sum + (((first_error + sum_error) + odd) + (even + (sine_rest + slope * rest)));
    if is_negative { -result } else { result }
}
