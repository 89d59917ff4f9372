//! Sine and cosine in four lanes with the bits of glibc's FMA variants.
//!
//! The method is glibc's (IBM's Accurate Mathematical Library), and so is the place of every rounding: a table of sin and
//! cos at multiples of 1/128 in two words each, short polynomials for the rest, and for larger arguments a reduction by
//! pi/2 in four words. What glibc decides by branches is done by selection here, because neighbouring lanes differ. Each
//! `mul_add` below is one that glibc's compiler contracted; to contract one more or one less changes last bits.
//!
//! By magnitude, in glibc's own bounds: *near* zero the argument is used as it is; around pi/2, in the *middle*, it is
//! subtracted from pi/2; a *far* one is reduced; from 1.05e8 on, and for infinity and NaN, libm is called for the lane.

use super::patch;
use super::table::ROWS;
use crate::lanes::{F64x4, Mask};
use crate::libm;

/// 109.5 / 128: below it an argument is near, and at or above it in the middle.
const MIDDLE: u64 = 0x3feb_6000_0000_0000;
/// 2.42626: arguments from here on are far.
const FAR: u64 = 0x4003_68fd_0000_0000;
/// 105,414,350: arguments from here on are left to libm.
const BEYOND: u64 = 0x4199_21fb_0000_0000;
/// Below it the sine is a polynomial without a table.
const SMALL: f64 = 0.126;

/// Taylor coefficients of the sine as glibc rounds them: x^3, x^5, ..., x^11.
const SINE: [u64; 5] = [
    0xbfc5_5555_5555_5555,
    0x3f81_1111_1111_0ece,
    0xbf2a_01a0_19db_08b8,
    0x3ec7_1de2_7b9a_7ed9,
    0xbe5a_ddff_c2fc_df59,
];
/// The sine of the distance to a row of the table: x^3 and x^5.
const STEP_SINE: [u64; 2] = [0xbfc5_5555_5555_5515, 0x3f81_1110_e829_872f];
/// One minus its cosine: x^2, x^4 and x^6.
const STEP_COSINE: [u64; 3] = [0x3fe0_0000_0000_0000, 0xbfa5_5555_5555_5535, 0x3f56_c16b_edd9_e239];

/// 1.5 * 2^45: adding it rounds to multiples of 1/128, whose number is then in the low bits.
const TO_ROW: u64 = 0x42c8_0000_0000_0000;
/// 1.5 * 2^52: adding it rounds to integers.
const TO_INTEGER: u64 = 0x4338_0000_0000_0000;
/// 2 / pi.
const QUADRANTS: u64 = 0x3fe4_5f30_6dc9_c883;
/// pi / 2 in four words, the first three short enough for exact products with a quadrant number.
const HALF_PI_PARTS: [u64; 4] =
    [0x3ff9_21fb_5800_0000, 0xbe4d_de97_3c00_0000, 0xbc8c_b3b3_9800_0000, 0xbacd_747f_23e3_2ed7];
/// pi / 2 in two words.
const HALF_PI: [u64; 2] = [0x3ff9_21fb_5444_2d18, 0x3c91_a626_3314_5c07];

/// Row k: sine high, sine low, cosine high, cosine low of k / 128. Row 128 + k is turned by a quarter, sin(x + pi/2) =
/// cos(x) and cos(x + pi/2) = -sin(x), so that one chain of operations serves both functions. The rows between are
/// reached by lanes whose result is replaced.
static TABLE: [[f64; 4]; 256] = {
    let mut table = [[0.0; 4]; 256];
    let mut k = 0;
    while k < ROWS.len() {
        let [sine, sine_low, cosine, cosine_low] = ROWS[k];
        let sine = [f64::from_bits(sine), f64::from_bits(sine_low)];
        let cosine = [f64::from_bits(cosine), f64::from_bits(cosine_low)];
        table[k] = [sine[0], sine[1], cosine[0], cosine[1]];
        table[QUARTER_TURN as usize + k] = [cosine[0], cosine[1], -sine[0], -sine[1]];
        k += 1;
    }
    table
};

/// Added to a row number, it gives the row turned by a quarter.
const QUARTER_TURN: u64 = 128;

/// An angle as the sum of two words; |high| <= 0.856 where the lane is used.
#[derive(Clone, Copy)]
struct Angle<V> {
    high: V,
    low: V,
}

impl<V: F64x4> Angle<V> {
    #[inline(always)]
    fn select(mask: V::Mask, if_true: Self, if_false: Self) -> Self {
        Self {
            high: V::select(mask, if_true.high, if_false.high),
            low: V::select(mask, if_true.low, if_false.low),
        }
    }
}

/// sin(x) in each lane.
#[inline(always)]
pub(super) fn sin<V: F64x4>(x: V) -> V {
    let magnitude = x.abs();
    let near = Angle { high: magnitude, low: V::zero() };
    let is_near = magnitude.lt(V::splat_bits(MIDDLE));
    if is_near.bits() == 0b1111 {
        return sine(near).bit_xor(x.sign());
    }
    let is_below_far = magnitude.lt(V::splat_bits(FAR));
    let far = Far::reduce(magnitude);
    // sin |x| = cos(pi/2 - |x|) in the middle.
    let angle = Angle::select(is_below_far, from_half_pi(magnitude), far.angle);
    let angle = Angle::select(is_near, near, angle);
    let turned = V::select(is_below_far, V::splat(-0.0), far.turned(0));
    let turned = V::select(is_near, V::zero(), turned);
    let negated = V::select(is_below_far, V::zero(), far.negated(0));
    let value = sine_or_cosine(angle, turned.sign_bit()).bit_xor(negated).bit_xor(x.sign());
    patch(x, value, magnitude.lt(V::splat_bits(BEYOND)), libm::sin)
}

/// cos(x) in each lane.
#[inline(always)]
pub(super) fn cos<V: F64x4>(x: V) -> V {
    let magnitude = x.abs();
    let near = Angle { high: magnitude, low: V::zero() };
    let is_near = magnitude.lt(V::splat_bits(MIDDLE));
    if is_near.bits() == 0b1111 {
        return cosine(near);
    }
    let is_below_far = magnitude.lt(V::splat_bits(FAR));
    let far = Far::reduce(magnitude);
    // cos |x| = sin(pi/2 - |x|) in the middle; glibc adds the two words up here, and does not for the sine.
    let angle = Angle::select(is_below_far, normalized(from_half_pi(magnitude)), far.angle);
    let angle = Angle::select(is_near, near, angle);
    let turned = V::select(is_below_far, V::zero(), far.turned(1));
    let turned = V::select(is_near, V::splat(-0.0), turned);
    let negated = V::select(is_below_far, V::zero(), far.negated(1));
    let value = sine_or_cosine(angle, turned.sign_bit()).bit_xor(negated);
    patch(x, value, magnitude.lt(V::splat_bits(BEYOND)), libm::cos)
}

/// sin(x) and cos(x) in each lane, the same bits as one by one: libm's `sincos`, which is not always `sin`, has no part
/// in it.
#[inline(always)]
pub(super) fn sin_cos<V: F64x4>(x: V) -> (V, V) {
    let magnitude = x.abs();
    let near = Angle { high: magnitude, low: V::zero() };
    let is_near = magnitude.lt(V::splat_bits(MIDDLE));
    if is_near.bits() == 0b1111 {
        return (sine(near).bit_xor(x.sign()), cosine(near));
    }
    let is_below_far = magnitude.lt(V::splat_bits(FAR));
    let far = Far::reduce(magnitude);
    let middle = from_half_pi(magnitude);
    let for_cosine = Angle::select(is_near, near, Angle::select(is_below_far, middle, far.angle));
    let for_sine = Angle::select(is_near, near, Angle::select(is_below_far, normalized(middle), far.angle));
    let (sine, cosine) = (sine(for_sine), cosine(for_cosine));

    let turned = V::select(is_below_far, V::splat(-0.0), far.turned(0));
    let turned = V::select(is_near, V::zero(), turned).sign_bit();
    let sine_sign = V::select(is_below_far, V::zero(), far.negated(0)).bit_xor(x.sign());
    let cosine_sign = V::select(is_below_far, V::zero(), far.negated(1));
    let in_range = magnitude.lt(V::splat_bits(BEYOND));
    (
        patch(x, V::select(turned, cosine, sine).bit_xor(sine_sign), in_range, libm::sin),
        patch(x, V::select(turned, sine, cosine).bit_xor(cosine_sign), in_range, libm::cos),
    )
}

/// pi/2 - |x|.
#[inline(always)]
fn from_half_pi<V: F64x4>(magnitude: V) -> Angle<V> {
    Angle { high: V::splat_bits(HALF_PI[0]).sub(magnitude), low: V::splat_bits(HALF_PI[1]) }
}

/// The same angle with the high word rounded from the sum of both.
#[inline(always)]
fn normalized<V: F64x4>(angle: Angle<V>) -> Angle<V> {
    let high = angle.high.add(angle.low);
    Angle { high, low: angle.high.sub(high).add(angle.low) }
}

/// An argument less a multiple of pi/2. The low two bits of `quadrant` number the quadrant.
struct Far<V> {
    angle: Angle<V>,
    quadrant: V,
}

impl<V: F64x4> Far<V> {
    #[inline(always)]
    fn reduce(magnitude: V) -> Self {
        let [p0, p1, p2, p3] = HALF_PI_PARTS;
        let quadrant = magnitude.mul_add(V::splat_bits(QUADRANTS), V::splat_bits(TO_INTEGER));
        let count = quadrant.sub(V::splat_bits(TO_INTEGER));
        let rest = count.neg_mul_add(V::splat_bits(p0), magnitude);
        let rest = count.neg_mul_add(V::splat_bits(p1), rest);
        let second = count.neg_mul_add(V::splat_bits(p2), rest);
        let second_low = count.neg_mul_add(V::splat_bits(p2), rest.sub(second));
        let high = count.neg_mul_add(V::splat_bits(p3), second);
        let high_low = count.neg_mul_add(V::splat_bits(p3), second.sub(high));
        Self { angle: Angle { high, low: second_low.add(high_low) }, quadrant }
    }

    /// The quadrant, some quarter turns further, is odd: the sign bit says so.
    #[inline(always)]
    fn turned(&self, turns: u64) -> V {
        self.quadrant.bit_add(V::splat_bits(turns)).bit_shl::<63>()
    }

    /// The quadrant, some quarter turns further, is the third or the fourth: the sign bit says so, and no other is set.
    #[inline(always)]
    fn negated(&self, turns: u64) -> V {
        self.quadrant.bit_add(V::splat_bits(turns)).bit_shl::<62>().sign()
    }
}

/// The sine of an angle.
#[inline(always)]
fn sine<V: F64x4>(angle: Angle<V>) -> V {
    let Angle { high, low } = angle;
    let place = Place::new(angle);
    let square = place.distance.mul(place.distance);
    let s = place.distance.add(place.distance.mul(square).mul_add(step_sine(square), place.rest));
    let c = place.distance.mul_add(place.rest, square.mul(step_cosine(square)));
    let value = turn(V::lookup(&TABLE, place.index), s, c).copysign(high);
    V::select(high.abs().lt(V::splat(SMALL)), small_sine(high, low), value)
}

/// The cosine of an angle.
#[inline(always)]
fn cosine<V: F64x4>(angle: Angle<V>) -> V {
    let place = Place::new(angle);
    let step = place.distance.add(place.rest);
    let square = step.mul(step);
    let s = step.mul(square).mul_add(step_sine(square), step);
    let c = square.mul(step_cosine(square));
    let index = place.index.bit_or(V::splat_bits(QUARTER_TURN));
    turn(V::lookup(&TABLE, index), s, c)
}

/// The cosine where `turned`, the sine elsewhere, in one chain: where a term belongs to the other function it becomes an
/// exact addition of zero.
#[inline(always)]
fn sine_or_cosine<V: F64x4>(angle: Angle<V>, turned: V::Mask) -> V {
    let Angle { high, low } = angle;
    let place = Place::new(angle);
    let sum = place.distance.add(place.rest);
    let step = V::select(turned, sum, place.distance);
    let square = step.mul(step);
    let distance = V::select(turned, V::zero(), place.distance);
    let s = distance.add(step.mul(square).mul_add(step_sine(square), V::select(turned, sum, place.rest)));
    let c = distance.mul_add(place.rest, square.mul(step_cosine(square)));
    let index = place.index.bit_or(V::select(turned, V::splat_bits(QUARTER_TURN), V::zero()));
    let value = turn(V::lookup(&TABLE, index), s, c);
    let sine = V::select(high.abs().lt(V::splat(SMALL)), small_sine(high, low), value.copysign(high));
    V::select(turned, value, sine)
}

/// |angle| = index / 128 + distance + rest: a row of the table, at most 1 / 256 more or less, and the low word.
struct Place<V> {
    index: V,
    distance: V,
    rest: V,
}

impl<V: F64x4> Place<V> {
    #[inline(always)]
    fn new(Angle { high, low }: Angle<V>) -> Self {
        let magnitude = high.abs();
        let index = magnitude.add(V::splat_bits(TO_ROW));
        let distance = magnitude.sub(index.sub(V::splat_bits(TO_ROW)));
        Self { index, distance, rest: low.bit_xor(high.sign()) }
    }
}

/// The sine of an angle below 0.126.
#[inline(always)]
fn small_sine<V: F64x4>(high: V, low: V) -> V {
    let [s1, s2, s3, s4, s5] = SINE;
    let square = high.mul(high);
    let polynomial = V::splat_bits(s5).mul_add(square, V::splat_bits(s4));
    let polynomial = polynomial.mul_add(square, V::splat_bits(s3));
    let polynomial = polynomial.mul_add(square, V::splat_bits(s2));
    let polynomial = polynomial.mul_add(square, V::splat_bits(s1));
    let cubic = polynomial.mul_add(high, V::splat(0.5).mul(low).neg());
    high.add(square.mul_add(cubic, low))
}

/// (sin(x) - x) / x^3 for the distance x to a row, given x^2.
#[inline(always)]
fn step_sine<V: F64x4>(square: V) -> V {
    V::splat_bits(STEP_SINE[1]).mul_add(square, V::splat_bits(STEP_SINE[0]))
}

/// (1 - cos(x)) / x^2 for the distance x to a row, given x^2.
#[inline(always)]
fn step_cosine<V: F64x4>(square: V) -> V {
    V::splat_bits(STEP_COSINE[2])
        .mul_add(square, V::splat_bits(STEP_COSINE[1]))
        .mul_add(square, V::splat_bits(STEP_COSINE[0]))
}

/// The addition theorem sin(k + x) = sin k + (sin x cos k - (1 - cos x) sin k), smallest terms first.
#[inline(always)]
fn turn<V: F64x4>([sine, sine_low, cosine, cosine_low]: [V; 4], s: V, c: V) -> V {
    let sum = s.mul_add(cosine_low, sine_low);
    let sum = c.neg_mul_add(sine, sum);
    let sum = s.mul_add(cosine, sum);
    sine.add(sum)
}
