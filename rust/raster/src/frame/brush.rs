//! Mixing one colour into pixels, with weights along an anti-aliased line: in lanes, several steps at once.
//!
//! A line's position is in 1/65536 pixel across its direction; its fraction decides how much the nearer and the farther
//! of two pixels get. Sixteen bits hold a fraction, so one register has the weights of eight steps or of sixteen pixels.

use super::grid::Pixel;
use lane_math::lanes::U16x16;

/// Which of a step's two pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Near,
    Far,
}

/// Alphas of 256, lane by lane.
pub(super) type Alphas = [u16; LANES];
const LANES: usize = 16;
/// Steps whose pairs have their alphas in one register.
pub(super) const STEPS: i32 = LANES as i32 / 2;
/// Pixels of a run that have theirs in one.
pub(super) const PIXELS: i32 = LANES as i32;

/// Which step a lane belongs to in pairs, and in a run.
const PAIRED: [u16; LANES] = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7];
const ALONE: [u16; LANES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// What makes a far pixel's weight that of a near one.
const OPPOSITE: u16 = 255;
const NEAR_FIRST: [u16; LANES] = opposite_from(0);
const FAR_FIRST: [u16; LANES] = opposite_from(1);

const fn opposite_from(first: usize) -> [u16; LANES] {
    let mut lanes = [0; LANES];
    let mut lane = first;
    while lane < LANES {
        lanes[lane] = OPPOSITE;
        lane += 2;
    }
    lanes
}

/// A colour to mix in: the channels of four pixels.
#[derive(Clone, Copy)]
pub(super) struct Brush<V>(V);

impl<V: U16x16> Brush<V> {
    #[inline(always)]
    pub(super) fn new([red, green, blue, nothing]: Pixel) -> Self {
        let mut bytes = [0; 16];
        for pixel in bytes.as_chunks_mut().0 {
            *pixel = [red, green, blue, nothing];
        }
        Self(V::widen(&bytes))
    }

    /// The alphas of the first `count` of eight steps from a position on, the pixels of a step side by side: the far one
    /// first, or the near one. Other steps have the alpha 0, with which a pixel stays what it is.
    #[inline(always)]
    pub(super) fn pairs(position: u32, slope: u32, count: i32, far_first: bool) -> Alphas {
        let opposite = V::load(if far_first { &FAR_FIRST } else { &NEAR_FIRST });
        alphas(position, slope, count, V::load(&PAIRED), opposite)
    }

    /// The alphas of the first `count` of sixteen pixels in a row, all near or all far, from a position on; 0 for others.
    #[inline(always)]
    pub(super) fn run(position: u32, slope: u32, count: i32, side: Side) -> Alphas {
        let opposite = V::splat(if side == Side::Near { OPPOSITE } else { 0 });
        alphas(position, slope, count, V::load(&ALONE), opposite)
    }

    /// Four pixels with the colour mixed in, two in each number.
    #[inline(always)]
    pub(super) fn mixed(self, pixels: [u64; 2], alphas: &[u16; 4]) -> [u64; 2] {
        self.0.mixed_into(pixels, alphas)
    }
}

/// [`alpha`](crate::stroke::alpha) of each weight: one less, but not below 0.
#[inline(always)]
fn alphas<V: U16x16>(position: u32, slope: u32, count: i32, steps: V, opposite: V) -> Alphas {
    let positions = V::splat(position as u16).add(steps.mul_low(V::splat(slope as u16)));
    let weights = positions.over_256().bit_xor(opposite);
    // More than an alpha in the lanes that count.
    let drawn = V::splat(count.clamp(0, PIXELS) as u16).sub_to_zero(steps).mul_low(V::splat(256));
    let mut alphas = [0; LANES];
    weights.sub_to_zero(V::splat(1)).min(drawn).store(&mut alphas);
    alphas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stroke::alpha;
    use crate::surface::mixed;
    use lane_math::lanes::Simd;
    use lane_math::{Isa, Kernel};
    use proptest::prelude::*;

    /// Both kinds of alphas, of steps that begin at a position.
    struct Weighed {
        position: u32,
        slope: u32,
        count: i32,
    }

    impl Kernel for Weighed {
        type Output = [Alphas; 4];

        #[inline(always)]
        fn run<S: Simd>(self) -> Self::Output {
            let Self { position, slope, count } = self;
            [
                Brush::<S::U16>::pairs(position, slope, count, false),
                Brush::<S::U16>::pairs(position, slope, count, true),
                Brush::<S::U16>::run(position, slope, count, Side::Near),
                Brush::<S::U16>::run(position, slope, count, Side::Far),
            ]
        }
    }

    /// Four pixels and their alphas.
    struct Mixed(Pixel, [u64; 2], [u16; 4]);

    impl Kernel for Mixed {
        type Output = [u64; 2];

        #[inline(always)]
        fn run<S: Simd>(self) -> Self::Output {
            Brush::<S::U16>::new(self.0).mixed(self.1, &self.2)
        }
    }

    proptest! {
        #[test]
        fn alphas_are_those_of_each_step(position: u32, slope: u32, count in -1_i32..40) {
            let weight = |step: usize| {
                let position = position.wrapping_add(slope.wrapping_mul(step as u32));
                (position >> 8) & 0xff
            };
            let near = |step: usize| if (step as i32) < count { alpha(255 - weight(step)) as u16 } else { 0 };
            let far = |step: usize| if (step as i32) < count { alpha(weight(step)) as u16 } else { 0 };
            let expected: [Alphas; 4] = [
                std::array::from_fn(|lane| if lane % 2 == 0 { near(lane / 2) } else { far(lane / 2) }),
                std::array::from_fn(|lane| if lane % 2 == 0 { far(lane / 2) } else { near(lane / 2) }),
                std::array::from_fn(near),
                std::array::from_fn(far),
            ];
            for isa in Isa::all_available() {
                prop_assert_eq!(isa.run(Weighed { position, slope, count }), expected, "{}", isa.name());
            }
        }

        #[test]
        fn four_pixels_are_mixed_as_each_alone(
            colour: [u8; 3],
            pixels: [[u8; 3]; 4],
            alphas in [0_u16..255, 0_u16..255, 0_u16..255, 0_u16..255],
        ) {
            let packed = |[red, green, blue]: [u8; 3]| u32::from_le_bytes([red, green, blue, 0]);
            let one = |pixel: usize| mixed(packed(pixels[pixel]), packed(colour), alphas[pixel].into());
            let two = |[low, high]: [u32; 2]| u64::from(low) | u64::from(high) << 32;
            let before = [[0, 1], [2, 3]].map(|pair| two(pair.map(|pixel| packed(pixels[pixel]))));
            let expected = [[0, 1], [2, 3]].map(|pair| two(pair.map(one)));
            for isa in Isa::all_available() {
                let mixing = Mixed(packed(colour).to_le_bytes(), before, alphas);
                prop_assert_eq!(isa.run(mixing), expected, "{}", isa.name());
            }
        }
    }
}
