//! Mixing one colour into pixels, with weights along an anti-aliased line: in SSE2, which every x86-64 has, or plainly.
//!
//! A line's position is in 1/65536 pixel across its direction; its fraction decides how much the nearer and the farther
//! of two pixels get. The compiler makes four 32-bit products for a pixel where one instruction makes the eight 16-bit
//! products of two; a frame costs a fifth more without it.

use super::grid::Pixel;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::Brush;
#[cfg(target_arch = "x86_64")]
pub(super) use sse2::Brush;

/// Which of a step's two pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Near,
    Far,
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::{Pixel, Side};
    use crate::stroke::alpha;
    use crate::surface::mixed;

    /// A colour to mix in.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Brush(u32);

    impl Brush {
        pub(in super::super) fn new(colour: u32) -> Self {
            Self(colour)
        }

        /// The near and the far pixel of a step.
        pub(in super::super) fn pair(self, [near, far]: [Pixel; 2], position: u32) -> [Pixel; 2] {
            let weight = (position >> 8) & 0xff;
            [self.one(near, 255 - weight), self.one(far, weight)]
        }

        /// The first `count` of four pixels in a row, all near or all far, from one `position` on by `slope`.
        pub(in super::super) fn four(
            self,
            pixels: &mut [Pixel; 4],
            count: i32,
            position: u32,
            slope: u32,
            side: Side,
        ) {
            let mut position = position;
            for pixel in &mut pixels[..count.clamp(0, 4) as usize] {
                let weight = (position >> 8) & 0xff;
                *pixel = self.one(*pixel, if side == Side::Near { 255 - weight } else { weight });
                position = position.wrapping_add(slope);
            }
        }

        fn one(self, pixel: Pixel, weight: u32) -> Pixel {
            mixed(u32::from_le_bytes(pixel), self.0, alpha(weight)).to_le_bytes()
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::{Pixel, Side};
    use std::arch::x86_64::*;

    /// A colour to mix in: the channels of two pixels.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Brush(__m128i);

    // SAFETY, of all blocks below: SSE2 belongs to x86-64; loads and stores are unaligned, and of four pixels.
    impl Brush {
        pub(in super::super) fn new(colour: u32) -> Self {
            // SAFETY: see above.
            unsafe {
                let twice = _mm_set1_epi32(colour as i32);
                Self(_mm_unpacklo_epi8(twice, _mm_setzero_si128()))
            }
        }

        /// The near and the far pixel of a step.
        #[inline(always)]
        pub(in super::super) fn pair(self, [near, far]: [Pixel; 2], position: u32) -> [Pixel; 2] {
            let weight = (position >> 8) & 0xff;
            // SAFETY: see above.
            unsafe {
                let near = _mm_cvtsi32_si128(i32::from_le_bytes(near));
                let far = _mm_cvtsi32_si128(i32::from_le_bytes(far));
                let pixels = _mm_unpacklo_epi8(_mm_unpacklo_epi32(near, far), _mm_setzero_si128());
                let opposite = _mm_set_epi16(0, 0, 0, 0, 255, 255, 255, 255);
                let weights = _mm_xor_si128(_mm_set1_epi16(weight as i16), opposite);
                let mixed = self.mixed(pixels, alphas(weights));
                let packed = _mm_packus_epi16(mixed, mixed);
                let far = _mm_shuffle_epi32::<1>(packed);
                [_mm_cvtsi128_si32(packed).to_le_bytes(), _mm_cvtsi128_si32(far).to_le_bytes()]
            }
        }

        /// The first `count` of four pixels in a row, all near or all far, from one `position` on by `slope`.
        #[inline(always)]
        pub(in super::super) fn four(
            self,
            pixels: &mut [Pixel; 4],
            count: i32,
            position: u32,
            slope: u32,
            side: Side,
        ) {
            let at = |step: u32| position.wrapping_add(step.wrapping_mul(slope)) as i32;
            // SAFETY: see above.
            unsafe {
                let positions = _mm_set_epi32(at(3), at(2), at(1), at(0));
                let fractions = _mm_and_si128(_mm_srli_epi32::<8>(positions), _mm_set1_epi32(255));
                let opposite = if side == Side::Near { 255 } else { 0 };
                let weights = _mm_xor_si128(fractions, _mm_set1_epi32(opposite));
                // A pixel with the alpha 0 stays what it is.
                let drawn = _mm_cmpgt_epi32(_mm_set1_epi32(count), _mm_set_epi32(3, 2, 1, 0));
                let alphas = _mm_and_si128(alphas(weights), drawn);
                let alphas = _mm_packs_epi32(alphas, alphas);
                let alphas = _mm_unpacklo_epi16(alphas, alphas);
                let loaded = _mm_loadu_si128(pixels.as_ptr().cast());
                let zero = _mm_setzero_si128();
                let low = self.mixed(_mm_unpacklo_epi8(loaded, zero), _mm_unpacklo_epi32(alphas, alphas));
                let high = self.mixed(_mm_unpackhi_epi8(loaded, zero), _mm_unpackhi_epi32(alphas, alphas));
                _mm_storeu_si128(pixels.as_mut_ptr().cast(), _mm_packus_epi16(low, high));
            }
        }

        /// [`mixed`](crate::surface::mixed) in the channels of two pixels.
        ///
        /// # Safety
        ///
        /// None is needed where SSE2 is: everywhere here.
        #[inline(always)]
        unsafe fn mixed(self, pixels: __m128i, alphas: __m128i) -> __m128i {
            // SAFETY: see above.
            unsafe {
                let kept = _mm_mullo_epi16(pixels, _mm_sub_epi16(_mm_set1_epi16(256), alphas));
                _mm_srli_epi16::<8>(_mm_add_epi16(kept, _mm_mullo_epi16(self.0, alphas)))
            }
        }
    }

    /// [`alpha`](crate::stroke::alpha): one less, but not below 0.
    ///
    /// # Safety
    ///
    /// None is needed where SSE2 is: everywhere here.
    #[inline(always)]
    unsafe fn alphas(weights: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_subs_epu16(weights, _mm_set1_epi16(1)) }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{Side, portable, sse2};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_brushes_paint_the_same(
            colour in 0_u32..1 << 24,
            pixels: [[u8; 3]; 4],
            count in -1_i32..6,
            position: u32,
            slope: u32,
        ) {
            let (plain, fast) = (portable::Brush::new(colour), sse2::Brush::new(colour));
            let pixels = pixels.map(|[red, green, blue]| [red, green, blue, 0]);
            let two = [pixels[0], pixels[1]];
            prop_assert_eq!(plain.pair(two, position), fast.pair(two, position));
            for side in [Side::Near, Side::Far] {
                let (mut expected, mut got) = (pixels, pixels);
                plain.four(&mut expected, count, position, slope, side);
                fast.four(&mut got, count, position, slope, side);
                prop_assert_eq!(expected, got);
            }
        }
    }
}
