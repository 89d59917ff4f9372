//! Convolutions that PyTorch computes as a matrix product, of row-major images.
//!
//! The taps of eight windows are gathered side by side, zeros in the padding, and multiplied by eight output channels at a
//! time: channels are lanes, and those that are added up alike share a panel.

use std::ops::ControlFlow;

use lane_math::lanes::{F32Lanes, F32x8, Simd};
use lane_math::relu;

use super::windows::Geometry;
use super::{Batch, Rows, Span};
use crate::matrix_order::{BlockSum, MatrixSum, blocks, dot_pieces, matrix_sum, wide_pixels};
use crate::pace::Pace;
use crate::packed::{LINE, vectors, vectors_mut};

/// Windows that are gathered together.
pub(crate) const TILE: usize = 8;

/// One convolution.
///
/// Packed: for every panel eight biases, in whole lines | panels, `[panel][tap][8]`.
#[derive(Clone, Debug)]
pub(crate) struct MatrixConv {
    geometry: Geometry,
    panels: Vec<Panel>,
    has_bias: bool,
    /// Whether sums below zero become zero.
    relu: bool,
    packed: Span,
}

/// Up to eight output channels that are added up alike.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Panel {
    channels: Vec<usize>,
    sums: Sums,
}

/// How a channel is added up at pixels that come in groups of more than eight, and at the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sums {
    wide: MatrixSum,
    narrow: MatrixSum,
}

impl MatrixConv {
    pub(crate) fn new(geometry: Geometry, has_bias: bool, relu: bool, packed_at: usize) -> Self {
        let panels = panels(geometry.output.channels, geometry.output.pixels());
        let packed_len = (panels.len() * 8).next_multiple_of(LINE) + panels.len() * geometry.taps() * 8;
        Self { geometry, panels, has_bias, relu, packed: Span::new(packed_at, packed_len) }
    }

    pub(crate) fn packed(&self) -> Span {
        self.packed
    }

    /// Values of working memory.
    pub(crate) fn patches_len(&self) -> usize {
        self.geometry.taps() * TILE
    }

    fn bias_len(&self) -> usize {
        (self.panels.len() * 8).next_multiple_of(LINE)
    }

    /// Orders the weights (output channel, channel, kernel row, kernel column) by panel and tap.
    pub(crate) fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        let taps = self.geometry.taps();
        let (filters, bias) = weights.split_at(self.geometry.output.channels * taps);
        self.pack_apart(filters, bias, packed);
    }

    /// [`pack`](Self::pack) of filters and biases that lie apart.
    pub(crate) fn pack_apart(&self, filters: &[f32], bias: &[f32], packed: &mut [f32]) {
        let taps = self.geometry.taps();
        let (packed_bias, packed_panels) = packed.split_at_mut(self.bias_len());
        // Without biases nothing is added: -0 changes no sum.
        packed_bias.fill(-0.0);
        packed_panels.fill(0.0);
        for (index, panel) in self.panels.iter().enumerate() {
            let target = &mut packed_panels[index * taps * 8..][..taps * 8];
            for (lane, &channel) in panel.channels.iter().enumerate() {
                if self.has_bias {
                    packed_bias[index * 8 + lane] = bias[channel];
                }
                for (tap, &weight) in filters[channel * taps..][..taps].iter().enumerate() {
                    target[tap * 8 + lane] = weight;
                }
            }
        }
    }

    /// The output images of every row of the batch. `patches` has room for [`patches_len`](Self::patches_len) values.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        patches: &mut [f32],
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        let patches = &mut vectors_mut(patches)[..self.geometry.taps()];
        let pixels = self.geometry.output.pixels();
        let wide = wide_pixels(pixels);
        for (row, &slot) in batch.slot_of_row.iter().enumerate() {
            let packed = batch.packed(slot, self.packed);
            let mut first = 0;
            while first < pixels {
                // Windows of a tile are all wide or all narrow.
                let end = if first < wide { wide } else { pixels };
                let count = (end - first).min(TILE);
                pace.before(self.panels.len() * 8 * count * patches.len())?;
                self.gather(rows.input_row(row, self.geometry.input.size()), first, count, patches);
                self.sum_tile::<S>(packed, patches, (first, count), first < wide, rows, row);
                first += count;
            }
        }
        ControlFlow::Continue(())
    }

    /// The taps of `count` windows, from window `first` on: tap `k` of the `t`-th goes to `patches[k][t]`.
    #[inline(always)]
    fn gather(&self, image: &[f32], first: usize, count: usize, patches: &mut [[f32; TILE]]) {
        let Geometry { input, output, kernel, stride, padding, dilation } = self.geometry;
        for t in 0..count {
            let (out_y, out_x) = ((first + t) / output.width, (first + t) % output.width);
            let mut taps = patches.iter_mut();
            for channel in 0..input.channels {
                for kernel_y in 0..kernel.0 {
                    let y = (out_y * stride.0 + kernel_y * dilation.0).wrapping_sub(padding.0);
                    let line = match y < input.height {
                        true => &image[(channel * input.height + y) * input.width..][..input.width],
                        false => &[],
                    };
                    let left = (out_x * stride.1).wrapping_sub(padding.1);
                    for (kernel_x, tap) in (0..kernel.1).zip(&mut taps) {
                        tap[t] = line.get(left.wrapping_add(kernel_x * dilation.1)).copied().unwrap_or(0.0);
                    }
                }
            }
        }
    }

    /// All channels of the windows (first, count) that were gathered.
    #[inline(always)]
    fn sum_tile<S: Simd>(
        &self,
        packed: &[f32],
        patches: &[[f32; TILE]],
        (first, count): (usize, usize),
        is_wide: bool,
        rows: &mut Rows<'_>,
        row: usize,
    ) {
        let (bias, weights) = packed.split_at(self.bias_len());
        let pixels = self.geometry.output.pixels();
        let images = rows.output_row(row, self.geometry.output.size());
        let filters = vectors::<1>(weights).chunks_exact(patches.len());
        for ((panel, filters), bias) in self.panels.iter().zip(filters).zip(vectors::<1>(bias)) {
            let bias = S::F32::load(&bias[0]);
            let sums = panel_sums::<S>(
                if is_wide { panel.sums.wide } else { panel.sums.narrow },
                patches,
                filters,
                count,
            );
            for (t, sum) in sums.into_iter().enumerate().take(count) {
                let sum = sum.add(bias);
                let values = if self.relu { relu(sum) } else { sum }.to_array();
                for (&channel, value) in panel.channels.iter().zip(values) {
                    images[channel * pixels + first + t] = value;
                }
            }
        }
    }
}

/// All output channels, those together that are added up alike.
fn panels(out_channels: usize, pixels: usize) -> Vec<Panel> {
    let mut kinds: Vec<Panel> = Vec::new();
    for channel in 0..out_channels {
        let sum = |is_wide| matrix_sum(channel, out_channels, pixels, is_wide);
        let sums = Sums { wide: sum(true), narrow: sum(false) };
        match kinds.iter_mut().find(|kind| kind.sums == sums) {
            Some(kind) => kind.channels.push(channel),
            None => kinds.push(Panel { channels: vec![channel], sums }),
        }
    }
    kinds
        .into_iter()
        .flat_map(|Panel { channels, sums }| {
            channels.chunks(8).map(|eight| Panel { channels: eight.to_vec(), sums }).collect::<Vec<_>>()
        })
        .collect()
}

/// The sums of eight channels at each of the first `count` windows; what comes after them is of no use.
#[inline(always)]
fn panel_sums<S: Simd>(
    sum: MatrixSum,
    patches: &[[f32; TILE]],
    filters: &[[[f32; 8]; 1]],
    count: usize,
) -> [S::F32; TILE] {
    let mut sums = [S::F32::zero(); TILE];
    match sum {
        MatrixSum::Dot => sums[0] = dot::<S>(patches, filters),
        MatrixSum::Chain => sums = chains::<S>(patches, filters),
        MatrixSum::Blocks(sum) => {
            let mut at = 0;
            // -0 is what changes no block's sum when the first is added to it.
            sums = [S::F32::splat(-0.0); TILE];
            for block in blocks(patches.len()) {
                let (patches, filters) = (&patches[at..at + block], &filters[at..at + block]);
                match sum {
                    BlockSum::Chain => add_to::<S, TILE>(&mut sums, 0, chains::<S>(patches, filters)),
                    // Two chains for each window: the registers hold those of four.
                    BlockSum::TwoChains { fused } => {
                        let pairs = match fused {
                            true => pairs_of_chains::<S, true, 0>(patches, filters),
                            false => pairs_of_chains::<S, false, 0>(patches, filters),
                        };
                        add_to::<S, 4>(&mut sums, 0, pairs);
                        if count > 4 {
                            let pairs = match fused {
                                true => pairs_of_chains::<S, true, 4>(patches, filters),
                                false => pairs_of_chains::<S, false, 4>(patches, filters),
                            };
                            add_to::<S, 4>(&mut sums, 4, pairs);
                        }
                    }
                }
                at += block;
            }
        }
    }
    sums
}

#[inline(always)]
fn add_to<S: Simd, const T: usize>(sums: &mut [S::F32; TILE], from: usize, parts: [S::F32; T]) {
    for (sum, part) in sums[from..].iter_mut().zip(parts) {
        *sum = sum.add(part);
    }
}

/// One chain of fused multiply-adds for each window.
#[inline(always)]
fn chains<S: Simd>(patches: &[[f32; TILE]], filters: &[[[f32; 8]; 1]]) -> [S::F32; TILE] {
    let mut sums = [S::F32::zero(); TILE];
    for (inputs, [filter]) in patches.iter().zip(filters) {
        let filter = S::F32::load(filter);
        for t in 0..TILE {
            sums[t] = S::F32::splat(inputs[t]).mul_add(filter, sums[t]);
        }
    }
    sums
}

/// For each of four windows, from a window on, a chain of every other product and one of those between, added; then the last
/// of an odd number of products.
#[inline(always)]
fn pairs_of_chains<S: Simd, const FUSED: bool, const FROM: usize>(
    patches: &[[f32; TILE]],
    filters: &[[[f32; 8]; 1]],
) -> [S::F32; 4] {
    let (mut even, mut odd) = ([S::F32::zero(); 4], [S::F32::zero(); 4]);
    let (input_pairs, last_inputs) = patches.as_chunks::<2>();
    let (filter_pairs, last_filters) = filters.as_chunks::<2>();
    for (inputs, filters) in input_pairs.iter().zip(filter_pairs) {
        even = with_product::<S, FUSED, FROM>(even, &inputs[0], &filters[0]);
        odd = with_product::<S, FUSED, FROM>(odd, &inputs[1], &filters[1]);
    }
    for t in 0..4 {
        even[t] = even[t].add(odd[t]);
    }
    for (inputs, filters) in last_inputs.iter().zip(last_filters) {
        even = with_product::<S, FUSED, FROM>(even, inputs, filters);
    }
    even
}

/// The sums of four windows, from a window on, with one product more.
#[inline(always)]
fn with_product<S: Simd, const FUSED: bool, const FROM: usize>(
    mut sums: [S::F32; 4],
    inputs: &[f32; TILE],
    [filter]: &[[f32; 8]; 1],
) -> [S::F32; 4] {
    let filter = S::F32::load(filter);
    for t in 0..4 {
        let input = S::F32::splat(inputs[FROM + t]);
        sums[t] = if FUSED { input.mul_add(filter, sums[t]) } else { sums[t].add(input.mul(filter)) };
    }
    sums
}

/// The dot products of eight channels at the first window.
#[inline(always)]
fn dot<S: Simd>(patches: &[[f32; TILE]], filters: &[[[f32; 8]; 1]]) -> S::F32 {
    let mut sum = S::F32::zero();
    let mut at = 0;
    for piece in dot_pieces(patches.len()) {
        let mut lanes = [S::F32::zero(); 8];
        let products = patches[at..at + piece].iter().zip(&filters[at..at + piece]);
        for (j, (inputs, [filter])) in products.enumerate() {
            lanes[j % 8] = S::F32::splat(inputs[0]).mul_add(S::F32::load(filter), lanes[j % 8]);
        }
        let [a, b, c, d, e, f, g, h] = lanes;
        sum = sum.add((a.add(b).add(e.add(f))).add(c.add(d).add(g.add(h))));
        at += piece;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Panel, Sums, panels};
    use crate::matrix_order::{BlockSum, MatrixSum};

    #[test]
    fn channels_that_are_added_up_alike_share_panels() {
        let two = |fused| MatrixSum::Blocks(BlockSum::TwoChains { fused });
        let found = panels(14, 20);
        let sixes = Sums { wide: MatrixSum::Blocks(BlockSum::Chain), narrow: two(true) };
        let rest = Sums { wide: two(false), narrow: two(false) };
        let panel = |channels: &[usize], sums| Panel { channels: channels.to_vec(), sums };
        let expected =
            [panel(&[0, 1, 2, 3, 4, 5, 6, 7], sixes), panel(&[8, 9, 10, 11], sixes), panel(&[12, 13], rest)];
        assert_eq!(found, expected);
        let channels = |out_channels| panels(out_channels, 1).into_iter().map(|panel| panel.channels.len());
        assert_eq!(channels(17).collect::<Vec<_>>(), [8, 8, 1]);
    }
}
