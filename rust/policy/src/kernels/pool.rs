//! Pooling in windows: every channel by itself, so channels that lie beside each other are lanes.

use lane_math::lanes::{F32Lanes, Mask, Simd};

use super::Rows;
use super::image::{ChannelBlock, Image};
use crate::pool::{Extent, Pool2d, PoolKind};

/// One pool, of images in blocks of channels or in row-major order.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pool: Pool2d,
    planes: Planes,
    output: Image,
    /// The rows and the columns of windows.
    down: Vec<Extent>,
    across: Vec<Extent>,
}

impl Pool {
    pub(crate) fn new(pool: Pool2d, input: Image, output: Image, is_blocked: bool) -> Self {
        let (down, across) = pool.extents((input.height, input.width));
        Self { pool, planes: Planes { image: input, is_blocked }, output, down, across }
    }

    /// Values that are looked at for one image.
    pub(crate) fn work(&self) -> usize {
        self.output.size() * self.pool.kernel.0 * self.pool.kernel.1
    }

    /// The output image of one row, in the layout of the input.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(&self, row: usize, rows: &mut Rows<'_>) {
        let (size, pixels) = (self.planes.image.size(), self.output.pixels());
        let input = &rows.input[row * rows.input_stride..][..size];
        let output = &mut rows.output[row * rows.output_stride..][..self.output.size()];
        for index in 0..self.planes.count() {
            let block = self.planes.block(index);
            // A block's place in the output: as many channels before it.
            let at = block.at / self.planes.image.pixels() * pixels;
            let values = &input[block.at..][..block.channels * self.planes.image.pixels()];
            let pooled = &mut output[at..][..block.channels * pixels];
            match self.pool.kind {
                PoolKind::Max => self.windows::<S, true>(values, pooled, block.channels),
                PoolKind::Average { .. } => self.windows::<S, false>(values, pooled, block.channels),
            }
        }
    }

    #[inline(always)]
    fn windows<S: Simd, const MAX: bool>(&self, values: &[f32], pooled: &mut [f32], channels: usize) {
        let mut targets = pooled.chunks_exact_mut(channels);
        for &rows in &self.down {
            for &columns in &self.across {
                let Some(target) = targets.next() else { return };
                let divisor = self.pool.divisor(rows, columns);
                if channels == 8 {
                    self.window::<S, MAX>(values, rows, columns, divisor).store(target);
                } else {
                    for (channel, target) in target.iter_mut().enumerate() {
                        *target = self.value::<MAX>(&values[channel..], channels, rows, columns, divisor);
                    }
                }
            }
        }
    }

    /// One window of eight channels.
    #[inline(always)]
    fn window<S: Simd, const MAX: bool>(
        &self,
        values: &[f32],
        rows: Extent,
        columns: Extent,
        divisor: f32,
    ) -> S::F32 {
        let mut found = if MAX { S::F32::splat(f32::NEG_INFINITY) } else { S::F32::zero() };
        for y in rows.from..rows.to {
            let line = &values[(y * self.planes.image.width + columns.from) * 8..][..columns.len() * 8];
            for pixel in line.chunks_exact(8) {
                let value = S::F32::load(pixel);
                found = if MAX {
                    let replaces = found.lt(value).or(value.eq(value).not());
                    S::F32::select(replaces, value, found)
                } else {
                    found.add(value)
                };
            }
        }
        // PyTorch adds the mean to +0, so a mean that underflows has no sign.
        if MAX { found } else { found.div(S::F32::splat(divisor)).add(S::F32::zero()) }
    }

    /// One window of one channel, whose pixels lie `step` values apart.
    #[inline(always)]
    fn value<const MAX: bool>(
        &self,
        values: &[f32],
        step: usize,
        rows: Extent,
        columns: Extent,
        divisor: f32,
    ) -> f32 {
        let mut found = if MAX { f32::NEG_INFINITY } else { 0.0 };
        for y in rows.from..rows.to {
            for x in columns.from..columns.to {
                let value = values[(y * self.planes.image.width + x) * step];
                if !MAX {
                    found += value;
                } else if value > found || value.is_nan() {
                    found = value;
                }
            }
        }
        if MAX { found } else { found / divisor + 0.0 }
    }
}

/// An image as blocks of channels, or, in row-major order, as blocks of one channel each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planes {
    pub(crate) image: Image,
    pub(crate) is_blocked: bool,
}

impl Planes {
    pub(crate) fn count(&self) -> usize {
        if self.is_blocked { self.image.blocks() } else { self.image.channels }
    }

    #[inline(always)]
    pub(crate) fn block(&self, index: usize) -> ChannelBlock {
        match self.is_blocked {
            true => self.image.block(index),
            false => ChannelBlock { at: index * self.image.pixels(), channels: 1 },
        }
    }
}
