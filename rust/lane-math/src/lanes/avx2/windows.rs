//! Windows of pixels, weighted and added up: two rows in a register, bytes as long as they can be.
//!
//! A byte times one plus a byte times one is one instruction for two pixels of all channels, once the bytes of a channel lie
//! side by side; only the two pixels at the window's ends, which count by shares, become 16-bit numbers.

use super::products::mul_high;
use crate::lanes::Window;
use std::arch::x86_64::*;

/// Where a byte is taken from; negative ones are 0. The same for both halves of a register.
type Picks = [i8; 16];

/// Nothing.
const N: i8 = -1;
/// Of pixels 0 to 3: all but the first, in pairs.
const FIRST: Picks = [4, 8, 5, 9, 6, 10, 7, 11, 12, N, 13, N, 14, N, 15, N];
/// Of pixels 4 to 7: all, in pairs.
const MIDDLE: Picks = [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15];
/// Of pixels 8 to 11: those before the last, which is 10 or 11.
const LAST: [Picks; 2] =
    [[0, 4, 1, 5, 2, 6, 3, 7, N, N, N, N, N, N, N, N], [0, 4, 1, 5, 2, 6, 3, 7, 8, N, 9, N, 10, N, 11, N]];
/// Of pixels 0, 1, 10 and 11: the first, and the last, which is 10 or 11, as 16-bit numbers.
const ENDS: [Picks; 2] = [
    [0, N, 1, N, 2, N, 3, N, 8, N, 9, N, 10, N, 11, N],
    [0, N, 1, N, 2, N, 3, N, 12, N, 13, N, 14, N, 15, N],
];

/// [`U16x16::weigh`](crate::lanes::U16x16::weigh).
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn weigh([a, b, c, d]: [&[u8; 48]; 4], window: &Window) -> __m256i {
    // SAFETY: the processor has AVX2.
    unsafe {
        let (even, odd) = (weigh_two(a, c, window), weigh_two(b, d, window));
        _mm256_add_epi16(_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd))
    }
}

/// What two rows come to, each in two parts: its sum is that of both halves of a half of the register.
///
/// # Safety
///
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn weigh_two(one: &[u8; 48], other: &[u8; 48], window: &Window) -> __m256i {
    let odd = window.last - 10;
    // SAFETY: the processor has AVX2; loads are unaligned, and of 16 of the 48 bytes of a row, 16 picks or 16 shares.
    unsafe {
        let four = |place: usize| {
            let row = |row: &[u8; 48]| _mm_loadu_si128(row.as_ptr().add(place).cast());
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(row(one)), row(other))
        };
        let picked = |pixels, picks: &Picks| {
            let picks = _mm256_broadcastsi128_si256(_mm_loadu_si128(picks.as_ptr().cast()));
            _mm256_shuffle_epi8(pixels, picks)
        };
        let paired = |pixels, picks| _mm256_maddubs_epi16(picked(pixels, picks), _mm256_set1_epi8(1));
        let (first, middle, last) = (four(0), four(16), four(32));
        let ends = picked(_mm256_blend_epi32::<0b1100_1100>(first, last), &ENDS[odd]);
        let ends = mul_high(ends, _mm256_loadu_si256(window.shares.as_ptr().cast()));
        let wholes = _mm256_add_epi16(paired(first, &FIRST), paired(middle, &MIDDLE));
        _mm256_add_epi16(_mm256_add_epi16(wholes, paired(last, &LAST[odd])), ends)
    }
}
