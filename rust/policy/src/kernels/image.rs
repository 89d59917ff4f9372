//! How images are laid out between convolutions, and the ways in and out.
//!
//! PyTorch's order of summation takes channels in blocks of eight. So an image is kept as
//! `[channel block][pixel][channel in block]`: the taps of a kernel row are then consecutive values. The last block is as
//! wide as it has channels, so an image has the same number of values in every layout.

use lane_math::lanes::{F32Lanes, Simd};

use super::shuffle::transpose;
use crate::order::CHANNEL_BLOCK;

/// The sizes of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// Channels that are summed together: where they start in the blocked image, and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelBlock {
    pub(crate) at: usize,
    pub(crate) channels: usize,
}

impl Image {
    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }

    pub(crate) fn size(&self) -> usize {
        self.channels * self.pixels()
    }

    /// Number of channel blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.channels.div_ceil(CHANNEL_BLOCK)
    }

    #[inline(always)]
    pub(crate) fn block(&self, index: usize) -> ChannelBlock {
        let first = index * CHANNEL_BLOCK;
        ChannelBlock { at: first * self.pixels(), channels: (self.channels - first).min(CHANNEL_BLOCK) }
    }

    /// From row-major (channels, height, width) to blocks.
    #[inline(always)]
    pub(crate) fn to_blocks<S: Simd>(self, image: &[f32], blocked: &mut [f32]) {
        for index in 0..self.blocks() {
            let block = self.block(index);
            let size = block.channels * self.pixels();
            let (source, target) = (&image[block.at..][..size], &mut blocked[block.at..][..size]);
            match block.channels {
                1 => target.copy_from_slice(source),
                2 => interleave::<2>(source, target),
                3 => interleave::<3>(source, target),
                4 => interleave::<4>(source, target),
                5 => interleave::<5>(source, target),
                6 => interleave::<6>(source, target),
                7 => interleave::<7>(source, target),
                _ => transpose_matrix::<S>(source, target, CHANNEL_BLOCK, self.pixels()),
            }
        }
    }

    /// From blocks to row-major (channels, height, width).
    #[inline(always)]
    pub(crate) fn to_rows<S: Simd>(self, blocked: &[f32], image: &mut [f32]) {
        for index in 0..self.blocks() {
            let block = self.block(index);
            let size = block.channels * self.pixels();
            transpose_matrix::<S>(
                &blocked[block.at..][..size],
                &mut image[block.at..][..size],
                self.pixels(),
                block.channels,
            );
        }
    }
}

/// `C` channels of pixels become pixels of `C` channels.
#[inline(always)]
fn interleave<const C: usize>(source: &[f32], target: &mut [f32]) {
    let pixels = source.len() / C;
    let mut channels = [&[][..]; C];
    for (c, channel) in channels.iter_mut().enumerate() {
        *channel = &source[c * pixels..][..pixels];
    }
    for (pixel, values) in target.chunks_exact_mut(C).enumerate().take(pixels) {
        for c in 0..C {
            values[c] = channels[c][pixel];
        }
    }
}

/// A row-major matrix of `rows` by `columns` becomes one of `columns` by `rows`.
#[inline(always)]
fn transpose_matrix<S: Simd>(source: &[f32], target: &mut [f32], rows: usize, columns: usize) {
    let (whole_rows, whole_columns) = (rows / 8 * 8, columns / 8 * 8);
    for row in (0..whole_rows).step_by(8) {
        for column in (0..whole_columns).step_by(8) {
            let mut square = [S::F32::zero(); 8];
            for (r, values) in square.iter_mut().enumerate() {
                *values = S::F32::load(&source[(row + r) * columns + column..]);
            }
            for (c, values) in transpose(square).into_iter().enumerate() {
                values.store(&mut target[(column + c) * rows + row..]);
            }
        }
    }
    for row in 0..rows {
        let start = if row < whole_rows { whole_columns } else { 0 };
        for column in start..columns {
            target[column * rows + row] = source[row * columns + column];
        }
    }
}
