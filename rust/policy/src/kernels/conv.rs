//! Convolutions: per output value one chain of fused multiply-adds from the bias, over channel blocks, kernel rows,
//! kernel columns and the block's channels.
//!
//! Sixteen output channels of six windows are summed at once. In the blocked layout (see [`super::image`]) the taps of
//! one kernel row are a run of consecutive values for every window, and the packed weights `[panel][tap][16]` are read
//! front to back. Windows of all rows of an individual are tiled together, so that few tiles are incomplete.

use std::ops::Range;

use lane_math::lanes::{F32x8, Simd};

use super::sparse;
use super::windows::{Geometry, Window, WindowClass};
use super::{Batch, Rows, Run, Span};
use crate::order::executes_channel_padding;
use crate::packed::{LINE, vectors};

/// Output channels in a whole panel: two vectors.
const PANEL: usize = 16;
/// Windows of a tile with two vectors each: twelve sums in registers, and two weights, and one input.
const MAX_TILE: usize = 6;

/// One convolution.
///
/// Packed: bias | panels | a line whose last value is 1 if products with zeros may be left out, else 0.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    pub(super) geometry: Geometry,
    classes: Vec<WindowClass>,
    /// See [`Geometry::reach`].
    pub(super) reach: (Vec<Range<usize>>, Vec<Range<usize>>),
    has_bias: bool,
    pub(super) relu: bool,
    executes_channel_padding: bool,
    packed: Span,
}

impl Conv {
    pub(crate) fn new(geometry: Geometry, has_bias: bool, relu: bool, packed_at: usize) -> Self {
        let (input, output) = (geometry.input, geometry.output);
        let taps = input.channels * geometry.kernel.0 * geometry.kernel.1;
        let packed_len =
            output.channels.next_multiple_of(LINE) + taps * output.channels.next_multiple_of(8) + LINE;
        Self {
            classes: geometry.classes(),
            reach: geometry.reach(),
            executes_channel_padding: executes_channel_padding(
                input.channels,
                (input.height, input.width),
                geometry.kernel,
                geometry.stride,
            ),
            geometry,
            has_bias,
            relu,
            packed: Span::new(packed_at, packed_len),
        }
    }

    /// Output channels rounded up to whole vectors.
    fn columns(&self) -> usize {
        self.geometry.output.channels.next_multiple_of(8)
    }

    fn taps(&self) -> usize {
        self.geometry.input.channels * self.geometry.kernel.0 * self.geometry.kernel.1
    }

    fn bias_len(&self) -> usize {
        self.geometry.output.channels.next_multiple_of(LINE)
    }

    pub(crate) fn packed(&self) -> Span {
        self.packed
    }

    /// Whether the input may be given as a list of the values that are not zero: see [`super::sparse`].
    pub(crate) fn takes_lists(&self) -> bool {
        let (input, output) = (self.geometry.input, self.geometry.output);
        input.channels <= sparse::MAX_CHANNELS
            && input.size() <= sparse::MAX_IMAGE
            && output.channels % 8 == 0
            && !self.executes_channel_padding
    }

    /// Orders the weights (output channel, channel, kernel row, kernel column) by panel and tap.
    pub(crate) fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        let (taps, out_channels) = (self.taps(), self.geometry.output.channels);
        let (filters, bias) = weights.split_at(out_channels * taps);
        let (packed_bias, panels) = packed.split_at_mut(self.bias_len());
        packed_bias.fill(0.0);
        if self.has_bias {
            packed_bias[..out_channels].copy_from_slice(bias);
        }
        *panels.last_mut().expect("the last line is part of the panels") =
            if sparse::may_skip_zeros(filters, bias) { 1.0 } else { 0.0 };
        for first in (0..out_channels).step_by(8) {
            let panel = first / PANEL * PANEL;
            let width = (self.columns() - panel).min(PANEL);
            let filters = &filters[first * taps..][..(out_channels - first).min(8) * taps];
            self.pack_vectors(filters, &mut panels[panel * taps + first % PANEL..], width);
        }
    }

    /// The filters of up to eight output channels: tap `t`'s weights go to `panel[t * width..][..8]`.
    fn pack_vectors(&self, filters: &[f32], panel: &mut [f32], width: usize) {
        let (kernel, input) = (self.geometry.kernel, self.geometry.input);
        let area = kernel.0 * kernel.1;
        let mut tap = 0;
        for index in 0..input.blocks() {
            let channels = input.block(index).channels;
            for position in 0..area {
                for channel in 0..channels {
                    let source = (index * 8 + channel) * area + position;
                    let target = &mut panel[tap * width..][..8];
                    target.fill(0.0);
                    for (value, filter) in target.iter_mut().zip(filters.chunks_exact(self.taps())) {
                        *value = filter[source];
                    }
                    tap += 1;
                }
            }
        }
    }

    /// The output images of every row of the batch, blocked like the input images. `lists` gives the lengths of those
    /// inputs that are lists; it may be shorter than the batch, or empty.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(&self, batch: &Batch<'_>, rows: &mut Rows<'_>, lists: &[Option<usize>]) {
        let mut next = 0;
        while let Some(run) = batch.run_from(next) {
            next = run.end;
            let packed = batch.packed(run.slot, self.packed);
            let (bias, panels) = packed.split_at(self.bias_len());
            let mut channel = 0;
            while channel < self.columns() {
                let panel = Panel { layer: self, channel, bias, weights: &panels[channel * self.taps()..] };
                if channel + PANEL <= self.columns() {
                    panel.forward::<S, 2>(run, rows, lists);
                } else {
                    panel.forward::<S, 1>(run, rows, lists);
                }
                channel += PANEL;
            }
        }
    }
}

/// The filters of eight or sixteen output channels.
pub(super) struct Panel<'a> {
    pub(super) layer: &'a Conv,
    /// The first of the channels.
    pub(super) channel: usize,
    pub(super) bias: &'a [f32],
    pub(super) weights: &'a [f32],
}

/// Where a tile's windows read and write: offsets of rows, and the windows within them.
struct Tile {
    row: [usize; MAX_TILE],
    window: [Window; MAX_TILE],
}

impl Panel<'_> {
    /// All rows of a run, for `V` vectors of output channels.
    #[inline(always)]
    fn forward<S: Simd, const V: usize>(&self, run: Run, rows: &mut Rows<'_>, lists: &[Option<usize>]) {
        let list = |row: usize| lists.get(row).copied().flatten();
        let mut row = run.start;
        while row < run.end {
            if let Some(count) = list(row) {
                self.forward_list::<S, V>(row, count, rows);
                row += 1;
                continue;
            }
            let start = row;
            while row < run.end && list(row).is_none() {
                row += 1;
            }
            self.forward_images::<S, V>(Run { start, end: row, ..run }, rows);
        }
    }

    /// All windows of all rows of a run of blocked images.
    #[inline(always)]
    fn forward_images<S: Simd, const V: usize>(&self, run: Run, rows: &mut Rows<'_>) {
        for class in &self.layer.classes {
            let mut left = class.windows.len() * (run.end - run.start);
            let (mut row, mut next) = (run.start, 0);
            while left > 0 {
                let count = left.min(MAX_TILE);
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
                    1 => self.tile::<S, 1, V>(class, &tile, rows),
                    2 => self.tile::<S, 2, V>(class, &tile, rows),
                    3 => self.tile::<S, 3, V>(class, &tile, rows),
                    4 => self.tile::<S, 4, V>(class, &tile, rows),
                    5 => self.tile::<S, 5, V>(class, &tile, rows),
                    _ => self.tile::<S, MAX_TILE, V>(class, &tile, rows),
                }
                left -= count;
            }
        }
    }

    /// `T` windows of one class: the sums stay in registers over all taps.
    #[inline(always)]
    fn tile<S: Simd, const T: usize, const V: usize>(
        &self,
        class: &WindowClass,
        tile: &Tile,
        rows: &mut Rows<'_>,
    ) {
        let geometry = &self.layer.geometry;
        let weights = vectors::<V>(self.weights);
        let mut sums = [[S::F32::zero(); V]; T];
        for sums in &mut sums {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = S::F32::load(&self.bias[self.channel + v * 8..]);
            }
        }
        let mut block_tap = 0;
        for index in 0..geometry.input.blocks() {
            let block = geometry.input.block(index);
            let len = (class.kernel_columns.1 - class.kernel_columns.0) * block.channels;
            // The blocks from each window's first tap on; kernel rows are then at the same places in all of them.
            let mut images = [&[][..]; T];
            for (t, image) in images.iter_mut().enumerate() {
                let first = block.at + tile.window[t].first * block.channels;
                *image = &rows.input[tile.row[t] * rows.input_stride + first..];
            }
            for kernel_row in class.kernel_rows.0..class.kernel_rows.1 {
                let at = (kernel_row - class.kernel_rows.0) * geometry.input.width * block.channels;
                let mut inputs = [&[][..]; T];
                for (input, image) in inputs.iter_mut().zip(images) {
                    *input = &image[at..at + len];
                }
                let tap =
                    block_tap + (kernel_row * geometry.kernel.1 + class.kernel_columns.0) * block.channels;
                accumulate::<S, T, V>(&weights[tap..tap + len], inputs, len, &mut sums);
            }
            block_tap += block.channels * geometry.kernel.0 * geometry.kernel.1;
        }
        let some_tap = class.kernel_rows.1 > 0 && class.kernel_columns.1 > 0;
        self.finish::<S, T, V>(sums, tile, rows, some_tap);
    }

    /// The last steps of each sum, and the stores.
    #[inline(always)]
    fn finish<S: Simd, const T: usize, const V: usize>(
        &self,
        sums: [[S::F32; V]; T],
        tile: &Tile,
        rows: &mut Rows<'_>,
        some_tap: bool,
    ) {
        let output = self.layer.geometry.output;
        for (t, sums) in sums.into_iter().enumerate() {
            for (v, mut sum) in sums.into_iter().enumerate() {
                if self.layer.executes_channel_padding && some_tap {
                    // fma(0, 0, sum) after some of the taps: only the sign of a zero can change, and the last such step
                    // decides it, so once at the end is the same.
                    sum = sum.add(S::F32::zero());
                }
                if self.layer.relu {
                    sum = super::activation::relu(sum);
                }
                let block = output.block(self.channel / 8 + v);
                let at = tile.row[t] * rows.output_stride + block.at + tile.window[t].pixel * block.channels;
                if block.channels == 8 {
                    sum.store(&mut rows.output[at..]);
                } else {
                    rows.output[at..][..block.channels].copy_from_slice(&sum.to_array()[..block.channels]);
                }
            }
        }
    }
}

/// Adds a run of taps to the sums of every window.
#[inline(always)]
fn accumulate<S: Simd, const T: usize, const V: usize>(
    weights: &[[[f32; 8]; V]],
    inputs: [&[f32]; T],
    len: usize,
    sums: &mut [[S::F32; V]; T],
) {
    assert_eq!(weights.len(), len);
    for tap in 0..len {
        for t in 0..T {
            let input = S::F32::splat(inputs[t][tap]);
            for v in 0..V {
                sums[t][v] = input.mul_add(S::F32::load(&weights[tap][v]), sums[t][v]);
            }
        }
    }
}
