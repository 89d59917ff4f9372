//! Sixteen 16-bit and eight 32-bit integers in a register. Why each `unsafe` block is sound: see the header of the parent
//! module. Loads and stores are unaligned, and of the whole array that is passed.

use std::arch::x86_64::*;

use super::products::mul_high;
use super::windows;
use crate::lanes::{I32x8, U16x16, Window};

/// Sixteen 16-bit lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2U16(__m256i);

/// Eight 32-bit lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2I32(__m256i);

impl U16x16 for Avx2U16 {
    #[inline(always)]
    fn splat(value: u16) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_set1_epi16(value as i16) })
    }

    #[inline(always)]
    fn load(values: &[u16; 16]) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_loadu_si256(values.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, values: &mut [u16; 16]) {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn widen(bytes: &[u8; 16]) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(bytes.as_ptr().cast())) })
    }

    #[inline(always)]
    fn narrow_colours(self) -> [u8; 12] {
        const COLOURS: [i8; 16] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1];
        let mut bytes = [0; 16];
        // SAFETY: the processor has AVX2 (parent module).
        unsafe {
            let low = _mm256_and_si256(self.0, _mm256_set1_epi16(0xff));
            let packed = _mm_packus_epi16(_mm256_castsi256_si128(low), _mm256_extracti128_si256::<1>(low));
            let colours = _mm_shuffle_epi8(packed, _mm_loadu_si128(COLOURS.as_ptr().cast()));
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), colours);
        }
        let [colours @ .., _, _, _, _] = bytes;
        colours
    }

    of_two! {
        add: _mm256_add_epi16,
        sub_to_zero: _mm256_subs_epu16,
        min: _mm256_min_epu16,
        bit_xor: _mm256_xor_si256,
        mul_low: _mm256_mullo_epi16,
    }

    #[inline(always)]
    fn over_256(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_srli_epi16::<8>(self.0) })
    }

    #[inline(always)]
    fn mul_high(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { mul_high(self.0, other.0) })
    }

    #[inline(always)]
    fn first_pixel(self) -> [u16; 4] {
        // SAFETY: the processor has AVX2 (parent module).
        four(unsafe { _mm256_castsi256_si128(self.0) })
    }

    #[inline(always)]
    fn sum_pixels(self) -> [u16; 4] {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe {
            let two = _mm_add_epi16(_mm256_castsi256_si128(self.0), _mm256_extracti128_si256::<1>(self.0));
            four(_mm_add_epi16(two, _mm_unpackhi_epi64(two, two)))
        }
    }

    #[inline(always)]
    fn weigh(rows: [&[u8; 48]; 4], window: &Window) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { windows::weigh(rows, window) })
    }

    #[inline(always)]
    fn mixed_into(self, [low, high]: [u64; 2], alphas: &[u16; 4]) -> [u64; 2] {
        /// Each of four 16-bit numbers four times.
        const FOUR_TIMES: [i8; 32] =
            [0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 4, 5, 4, 5, 4, 5, 4, 5, 6, 7, 6, 7, 6, 7, 6, 7];
        // SAFETY: the processor has AVX2 (parent module); four numbers of 16 bits are one of 64, wherever it lies.
        unsafe {
            let alphas = _mm256_set1_epi64x(alphas.as_ptr().cast::<i64>().read_unaligned());
            let alphas = _mm256_shuffle_epi8(alphas, _mm256_loadu_si256(FOUR_TIMES.as_ptr().cast()));
            let pixels = _mm256_cvtepu8_epi16(_mm_set_epi64x(high as i64, low as i64));
            let kept = _mm256_mullo_epi16(pixels, _mm256_sub_epi16(_mm256_set1_epi16(256), alphas));
            let mixed = _mm256_add_epi16(kept, _mm256_mullo_epi16(self.0, alphas));
            let mixed = _mm256_srli_epi16::<8>(mixed);
            let bytes = _mm_packus_epi16(_mm256_castsi256_si128(mixed), _mm256_extracti128_si256::<1>(mixed));
            [_mm_cvtsi128_si64(bytes) as u64, _mm_extract_epi64::<1>(bytes) as u64]
        }
    }
}

/// The lower four of eight lanes.
#[inline(always)]
fn four(lanes: __m128i) -> [u16; 4] {
    // SAFETY: the processor has SSE2, which moves 64 bits.
    let bits = unsafe { _mm_cvtsi128_si64(lanes) } as u64;
    [0, 1, 2, 3].map(|lane| (bits >> (16 * lane)) as u16)
}

impl I32x8 for Avx2I32 {
    #[inline(always)]
    fn splat(value: i32) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_set1_epi32(value) })
    }

    #[inline(always)]
    fn load(values: &[i32; 8]) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_loadu_si256(values.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, values: &mut [i32; 8]) {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), self.0) }
    }

    of_two! {
        add: _mm256_add_epi32,
        sub: _mm256_sub_epi32,
        mul: _mm256_mullo_epi32,
        bit_and: _mm256_and_si256,
        min: _mm256_min_epi32,
        max: _mm256_max_epi32,
        greater: _mm256_cmpgt_epi32,
    }

    #[inline(always)]
    fn times_65536(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_slli_epi32::<16>(self.0) })
    }

    #[inline(always)]
    fn over_65536(self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_srai_epi32::<16>(_mm256_add_epi32(self.0, _mm256_set1_epi32(1 << 15))) })
    }

    #[inline(always)]
    fn select(mask: Self, this: Self, other: Self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        Self(unsafe { _mm256_blendv_epi8(other.0, this.0, mask.0) })
    }

    #[inline(always)]
    fn scaled(self, factor: f32) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe {
            let product = _mm256_mul_ps(_mm256_cvtepi32_ps(self.0), _mm256_set1_ps(factor));
            Self(_mm256_cvttps_epi32(product))
        }
    }

    #[inline(always)]
    fn quotient(self, divisor: i32, up: Self) -> Self {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe {
            let quotient = _mm256_div_ps(_mm256_cvtepi32_ps(self.0), _mm256_set1_ps(divisor as f32));
            let whole = _mm256_blendv_ps(
                _mm256_floor_ps(quotient),
                _mm256_ceil_ps(quotient),
                _mm256_castsi256_ps(up.0),
            );
            Self(_mm256_cvttps_epi32(whole))
        }
    }

    #[inline(always)]
    fn any_negative(self) -> bool {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe { _mm256_movemask_ps(_mm256_castsi256_ps(self.0)) != 0 }
    }

    #[inline(always)]
    fn least(self) -> i32 {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe {
            let four = _mm_min_epi32(_mm256_castsi256_si128(self.0), _mm256_extracti128_si256::<1>(self.0));
            let two = _mm_min_epi32(four, _mm_unpackhi_epi64(four, four));
            _mm_cvtsi128_si32(_mm_min_epi32(two, _mm_shuffle_epi32::<1>(two)))
        }
    }

    #[inline(always)]
    fn greatest(self) -> i32 {
        // SAFETY: the processor has AVX2 (parent module).
        unsafe {
            let four = _mm_max_epi32(_mm256_castsi256_si128(self.0), _mm256_extracti128_si256::<1>(self.0));
            let two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
            _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32::<1>(two)))
        }
    }
}
