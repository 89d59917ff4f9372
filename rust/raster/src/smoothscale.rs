//! `transform.smoothscale` from the screen's size down to the frame's, in the arithmetic of pygame's SSE2 backend.
//!
//! Each axis is shrunk by itself, the horizontal one first, and rounded down to bytes in between. Along an axis a
//! source pixel counts 2^14 and a destination pixel takes `space` of that; a source pixel on a border is split, and
//! each part is rounded down by itself.

use crate::screen::{FRAME_SIDE, Frame, HEIGHT, WIDTH, unpacked};
use crate::surface::Surface;

/// What a source pixel counts.
pub(crate) const UNIT: u32 = 1 << 14;

/// How one axis is shrunk to the frame's side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    /// What a destination pixel takes.
    pub(crate) space: u32,
    /// 2^16 times the reciprocal of the source pixels in a destination pixel.
    pub(crate) reciprocal: u16,
}

impl Axis {
    pub(crate) const HORIZONTAL: Self = Self::shrinking(WIDTH);
    pub(crate) const VERTICAL: Self = Self::shrinking(HEIGHT);

    const fn shrinking(source: usize) -> Self {
        let space = UNIT * source as u32 / FRAME_SIDE as u32;
        Self { space, reciprocal: ((UNIT << 16) / space) as u16 }
    }

    /// Shrinks one channel of one line.
    fn shrink(self, source: impl Iterator<Item = u8>, mut destination: impl FnMut(usize, u8)) {
        let (mut sum, mut wanted, mut written) = (0, self.space, 0);
        for value in source {
            if wanted > UNIT {
                sum += u16::from(value);
                wanted -= UNIT;
            } else {
                let total = sum + part(value, wanted as u16);
                destination(written, high_product(total, self.reciprocal) as u8);
                written += 1;
                let rest = UNIT - wanted;
                sum = part(value, rest as u16);
                wanted = self.space - rest;
            }
        }
    }
}

/// A share of a value, in 2^14ths, rounded down.
pub(crate) const fn part(value: u8, share: u16) -> u16 {
    high_product(4 * value as u16, share)
}

/// The upper half of a product of 16-bit numbers.
pub(crate) const fn high_product(one: u16, other: u16) -> u16 {
    ((one as u32 * other as u32) >> 16) as u16
}

/// Scales a screen down.
pub(crate) fn smoothscale(surface: &Surface, frame: &mut Frame) {
    const ROW: usize = FRAME_SIDE * 3;
    let mut narrow = vec![0; HEIGHT * ROW];
    for (y, row) in narrow.chunks_exact_mut(ROW).enumerate() {
        for channel in 0..3 {
            let source = surface.row(y).iter().map(|&pixel| unpacked(pixel)[channel]);
            Axis::HORIZONTAL.shrink(source, |x, value| row[3 * x + channel] = value);
        }
    }
    for column in 0..ROW {
        let source = narrow.iter().skip(column).step_by(ROW).copied();
        Axis::VERTICAL.shrink(source, |y, value| frame[y * ROW + column] = value);
    }
}
