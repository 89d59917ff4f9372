//! The inner loops of a convolution: sixteen output channels of six windows are summed at once.
//!
//! In the blocked layout (see [`super::image`]) the taps of one kernel row are consecutive values for every window, so a
//! tap costs one broadcast per window and one load per vector of weights. Windows of all rows of an individual are tiled
//! together, so that few tiles are incomplete.

use std::ops::ControlFlow;

use lane_math::lanes::{F32Lanes, Simd};
use lane_math::relu;

use super::windows::{Window, WindowClass, Windows};
use super::{Rows, Run};
use crate::pace::Pace;
use crate::packed::vectors;

/// The filters of eight or sixteen output channels.
pub(super) struct Panel<'a> {
    pub(super) windows: &'a Windows,
    /// The first of the channels.
    pub(super) channel: usize,
    pub(super) bias: &'a [f32],
    pub(super) weights: &'a [f32],
}

/// The most windows of a tile. With two vectors of channels six windows make twelve sums in registers, beside two weights
/// and one input; with one vector it takes eight sums to hide the latency of the multiply-add.
const MAX_TILE: usize = 8;

/// Where a tile's windows read and write: offsets of rows, and the windows within them.
struct Tile {
    row: [usize; MAX_TILE],
    window: [Window; MAX_TILE],
}

impl Panel<'_> {
    /// All windows of all rows of a run of blocked images, for `E` times eight channels.
    #[inline(always)]
    pub(super) fn forward<S: Simd, const E: usize>(
        &self,
        run: Run,
        rows: &mut Rows<'_>,
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        if S::Wide::LANES == 8 * E {
            self.forward_lanes::<S::Wide, E>(run, rows, pace)
        } else {
            self.forward_lanes::<S::F32, E>(run, rows, pace)
        }
    }

    #[inline(always)]
    fn forward_lanes<L: F32Lanes, const E: usize>(
        &self,
        run: Run,
        rows: &mut Rows<'_>,
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        let one_vector = L::LANES == 8 * E;
        let window_macs = self.windows.geometry.taps() * 8 * E;
        for class in &self.windows.classes {
            let mut left = class.windows.len() * (run.end - run.start);
            let (mut row, mut next) = (run.start, 0);
            while left > 0 {
                let count = match left {
                    8.. if one_vector => 8,
                    6.. if !one_vector => 6,
                    4.. => 4,
                    2.. => 2,
                    _ => 1,
                };
                pace.before(count * window_macs)?;
                let mut tile = Tile { row: [0; MAX_TILE], window: [class.windows[0]; MAX_TILE] };
                for t in 0..count {
                    tile.row[t] = row;
                    tile.window[t] = class.windows[next];
                    next += 1;
                    if next == class.windows.len() {
                        (row, next) = (row + 1, 0);
                    }
                }
                match count {
                    1 => self.tile::<L, 1, E>(class, &tile, rows),
                    2 => self.tile::<L, 2, E>(class, &tile, rows),
                    4 => self.tile::<L, 4, E>(class, &tile, rows),
                    6 if !one_vector => self.tile::<L, 6, E>(class, &tile, rows),
                    8 if one_vector => self.tile::<L, 8, E>(class, &tile, rows),
                    count => unreachable!("a tile of {count} windows"),
                }
                left -= count;
            }
        }
        ControlFlow::Continue(())
    }

    /// `T` windows of one class: the sums stay in registers over all taps.
    #[inline(always)]
    fn tile<L: F32Lanes, const T: usize, const E: usize>(
        &self,
        class: &WindowClass,
        tile: &Tile,
        rows: &mut Rows<'_>,
    ) {
        let geometry = &self.windows.geometry;
        let weights = vectors::<E>(self.weights);
        let mut sums = [[L::zero(); E]; T]; // of lanes of sixteen only the first half is used
        for sums in &mut sums {
            for (v, sum) in sums[..E * 8 / L::LANES].iter_mut().enumerate() {
                *sum = L::load(&self.bias[self.channel + v * L::LANES..]);
            }
        }
        let mut block_tap = 0;
        for index in 0..geometry.input.blocks() {
            let block = geometry.input.block(index);
            let columns = class.kernel_columns.1 - class.kernel_columns.0;
            // Without dilation the columns of a kernel row are neighbours, taken in one step.
            let (steps, len) = match geometry.dilation.1 {
                1 => (usize::from(columns > 0), columns * block.channels),
                _ => (columns, block.channels),
            };
            // The blocks from each window's first tap on; kernel rows are then at the same places in all of them.
            let mut images = [&[][..]; T];
            for (t, image) in images.iter_mut().enumerate() {
                let first = block.at + tile.window[t].first * block.channels;
                *image = &rows.input[tile.row[t] * rows.input_stride + first..];
            }
            for kernel_row in class.kernel_rows.0..class.kernel_rows.1 {
                let line = (kernel_row - class.kernel_rows.0)
                    * geometry.dilation.0
                    * geometry.input.width
                    * block.channels;
                let tap =
                    block_tap + (kernel_row * geometry.kernel.1 + class.kernel_columns.0) * block.channels;
                for step in 0..steps {
                    let at = line + step * geometry.dilation.1 * block.channels;
                    let mut inputs = [&[][..]; T];
                    for (input, image) in inputs.iter_mut().zip(images) {
                        *input = &image[at..at + len];
                    }
                    accumulate::<L, T, E>(&weights[tap + step * len..][..len], inputs, len, &mut sums);
                }
            }
            block_tap += block.channels * geometry.kernel.0 * geometry.kernel.1;
        }
        let some_tap = class.kernel_rows.1 > 0 && class.kernel_columns.1 > 0;
        self.finish::<L, T, E>(sums, tile, rows, some_tap);
    }

    /// The last steps of each sum, and the stores.
    #[inline(always)]
    fn finish<L: F32Lanes, const T: usize, const E: usize>(
        &self,
        sums: [[L; E]; T],
        tile: &Tile,
        rows: &mut Rows<'_>,
        some_tap: bool,
    ) {
        let output = self.windows.geometry.output;
        for (t, sums) in sums.into_iter().enumerate() {
            let mut values = [[0.0; 8]; E];
            for (v, mut sum) in sums.into_iter().take(E * 8 / L::LANES).enumerate() {
                if self.windows.executes_channel_padding && some_tap {
                    // fma(0, 0, sum) after some of the taps: only the sign of a zero can change, and the last such step
                    // decides it, so once at the end is the same.
                    sum = sum.add(L::zero());
                }
                if self.windows.relu {
                    sum = relu(sum);
                }
                sum.store(&mut values.as_flattened_mut()[v * L::LANES..]);
            }
            for (e, values) in values.iter().enumerate() {
                let block = output.block(self.channel / 8 + e);
                let at = tile.row[t] * rows.output_stride + block.at + tile.window[t].pixel * block.channels;
                if block.channels == 8 {
                    rows.output[at..][..8].copy_from_slice(values); // of known length: one store
                } else {
                    rows.output[at..][..block.channels].copy_from_slice(&values[..block.channels]);
                }
            }
        }
    }
}

/// Adds a run of taps to the sums of every window.
#[inline(always)]
fn accumulate<L: F32Lanes, const T: usize, const E: usize>(
    weights: &[[[f32; 8]; E]],
    inputs: [&[f32]; T],
    len: usize,
    sums: &mut [[L; E]; T],
) {
    assert_eq!(weights.len(), len);
    for tap in 0..len {
        let weights = weights[tap].as_flattened();
        for t in 0..T {
            let input = L::splat(inputs[t][tap]);
            for v in 0..E * 8 / L::LANES {
                sums[t][v] = input.mul_add(L::load(&weights[v * L::LANES..]), sums[t][v]);
            }
        }
    }
}
