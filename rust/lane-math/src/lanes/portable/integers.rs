//! Sixteen 16-bit and eight 32-bit integers in arrays.

use crate::lanes::{I32x8, U16x16, Window};
use std::array::from_fn;

impl U16x16 for [u16; 16] {
    #[inline(always)]
    fn splat(value: u16) -> Self {
        [value; 16]
    }

    #[inline(always)]
    fn load(values: &[u16; 16]) -> Self {
        *values
    }

    #[inline(always)]
    fn store(self, values: &mut [u16; 16]) {
        *values = self;
    }

    #[inline(always)]
    fn widen(bytes: &[u8; 16]) -> Self {
        bytes.map(u16::from)
    }

    #[inline(always)]
    fn narrow_colours(self) -> [u8; 12] {
        from_fn(|byte| self[byte / 3 * 4 + byte % 3] as u8)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        from_fn(|lane| self[lane].wrapping_add(other[lane]))
    }

    #[inline(always)]
    fn sub_to_zero(self, other: Self) -> Self {
        from_fn(|lane| self[lane].saturating_sub(other[lane]))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        from_fn(|lane| self[lane].min(other[lane]))
    }

    #[inline(always)]
    fn bit_xor(self, other: Self) -> Self {
        from_fn(|lane| self[lane] ^ other[lane])
    }

    #[inline(always)]
    fn over_256(self) -> Self {
        self.map(|lane| lane >> 8)
    }

    #[inline(always)]
    fn mul_low(self, other: Self) -> Self {
        from_fn(|lane| self[lane].wrapping_mul(other[lane]))
    }

    #[inline(always)]
    fn mul_high(self, other: Self) -> Self {
        from_fn(|lane| ((u32::from(self[lane]) * u32::from(other[lane])) >> 16) as u16)
    }

    #[inline(always)]
    fn first_pixel(self) -> [u16; 4] {
        from_fn(|channel| self[channel])
    }

    #[inline(always)]
    fn sum_pixels(self) -> [u16; 4] {
        from_fn(|channel| (channel..16).step_by(4).fold(0, |sum: u16, lane| sum.wrapping_add(self[lane])))
    }

    #[inline(always)]
    fn weigh(rows: [&[u8; 48]; 4], window: &Window) -> Self {
        let mut pixels = [0; 16];
        for (sums, row) in pixels.chunks_exact_mut(4).zip(rows) {
            for pixel in row[4..4 * window.last].chunks_exact(4) {
                for channel in 0..4 {
                    sums[channel] += u16::from(pixel[channel]);
                }
            }
            for channel in 0..4 {
                let share = |pixel: usize, share: u16| {
                    ((u32::from(row[4 * pixel + channel]) * u32::from(share)) >> 16) as u16
                };
                sums[channel] += share(0, window.shares[0]) + share(window.last, window.shares[4]);
            }
        }
        pixels
    }

    #[inline(always)]
    fn mixed_into(self, pixels: [u64; 2], alphas: &[u16; 4]) -> [u64; 2] {
        from_fn(|pair| {
            let bytes = pixels[pair].to_le_bytes();
            u64::from_le_bytes(from_fn(|byte| {
                let alpha = alphas[2 * pair + byte / 4];
                let kept = u16::from(bytes[byte]).wrapping_mul(256 - alpha);
                (kept.wrapping_add(self[8 * pair + byte].wrapping_mul(alpha)) >> 8) as u8
            }))
        })
    }
}

impl I32x8 for [i32; 8] {
    #[inline(always)]
    fn splat(value: i32) -> Self {
        [value; 8]
    }

    #[inline(always)]
    fn load(values: &[i32; 8]) -> Self {
        *values
    }

    #[inline(always)]
    fn store(self, values: &mut [i32; 8]) {
        *values = self;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        from_fn(|lane| self[lane].wrapping_add(other[lane]))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        from_fn(|lane| self[lane].wrapping_sub(other[lane]))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        from_fn(|lane| self[lane].wrapping_mul(other[lane]))
    }

    #[inline(always)]
    fn bit_and(self, other: Self) -> Self {
        from_fn(|lane| self[lane] & other[lane])
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        from_fn(|lane| self[lane].min(other[lane]))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        from_fn(|lane| self[lane].max(other[lane]))
    }

    #[inline(always)]
    fn times_65536(self) -> Self {
        self.map(|lane| lane << 16)
    }

    #[inline(always)]
    fn over_65536(self) -> Self {
        self.map(|lane| lane.wrapping_add(1 << 15) >> 16)
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        from_fn(|lane| -i32::from(self[lane] > other[lane]))
    }

    #[inline(always)]
    fn select(mask: Self, this: Self, other: Self) -> Self {
        from_fn(|lane| if mask[lane] == 0 { other[lane] } else { this[lane] })
    }

    #[inline(always)]
    fn scaled(self, factor: f32) -> Self {
        self.map(|lane| (lane as f32 * factor) as i32)
    }

    #[inline(always)]
    fn quotient(self, divisor: i32, up: Self) -> Self {
        from_fn(|lane| {
            let quotient = self[lane] as f32 / divisor as f32;
            (if up[lane] == 0 { quotient.floor() } else { quotient.ceil() }) as i32
        })
    }

    #[inline(always)]
    fn any_negative(self) -> bool {
        self.least() < 0
    }

    #[inline(always)]
    fn least(self) -> i32 {
        self.into_iter().fold(i32::MAX, i32::min)
    }

    #[inline(always)]
    fn greatest(self) -> i32 {
        self.into_iter().fold(i32::MIN, i32::max)
    }
}
