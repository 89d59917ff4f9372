//! Linear layers of twelve outputs or more: one chain of fused multiply-adds per output, so outputs lie side by side.
//!
//! The packed weights of a block of inputs are panels of sixteen outputs, `[block][panel][input][16]` (the last panel is
//! of eight if that suffices), which the kernel reads front to back. A tile of rows that share an individual uses each
//! weight vector for every row.

use std::ops::ControlFlow;

use lane_math::lanes::{F32Lanes, Simd};
use lane_math::relu;

use super::shuffle::transpose;
use super::{Batch, LinearShape, Rows, Span};
use crate::pace::Pace;
use crate::packed::{LINE, vectors};

/// Outputs in a whole panel: two vectors. With six rows that is twelve sums in registers, and two weights, and one input.
pub(crate) const PANEL: usize = 16;
const MAX_TILE: usize = 6;

/// One linear layer of this rule.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(super) inputs: usize,
    outputs: usize,
    /// Inputs in one chain; the chains' sums are added to the bias one after the other.
    pub(super) block: usize,
    /// What each chain starts from: +0, or -0 where the sign of a product of zero must survive.
    pub(super) start: f32,
    has_bias: bool,
    /// Whether a relu follows.
    pub(super) relu: bool,
    pub(super) packed: Span,
    /// Where the panels start in the layer's packed values; the bias lies before them.
    pub(super) panels_at: usize,
}

impl Chain {
    pub(crate) fn new(shape: LinearShape, block: usize, start: f32, relu: bool, packed_at: usize) -> Self {
        let LinearShape { inputs, outputs, has_bias } = shape;
        let panels_at = outputs.next_multiple_of(LINE);
        let packed = Span::new(packed_at, panels_at + inputs * outputs.next_multiple_of(8));
        Self { inputs, outputs, block, start, has_bias, relu, packed, panels_at }
    }

    /// Outputs rounded up to whole vectors; the width of an output row.
    #[inline(always)]
    pub(crate) fn columns(&self) -> usize {
        self.outputs.next_multiple_of(8)
    }

    /// Values of the weight matrix.
    pub(crate) fn n_weights(&self) -> usize {
        self.inputs * self.outputs
    }

    pub(crate) fn packed(&self) -> Span {
        self.packed
    }

    /// Transposes the weight matrix (outputs, inputs) into panels, and copies the bias, which is empty if the layer has none.
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(&self, matrix: &[f32], bias: &[f32], packed: &mut [f32]) {
        let (packed_bias, panels) = packed.split_at_mut(self.panels_at);
        // Without a bias the sum starts from the neutral element of the kind of chain.
        packed_bias[..self.outputs].fill(self.start);
        if self.has_bias {
            packed_bias[..self.outputs].copy_from_slice(bias);
        }
        for first in (0..self.inputs).step_by(self.block) {
            let len = self.block.min(self.inputs - first);
            let block = &mut panels[first * self.columns()..][..len * self.columns()];
            for (index, panel) in block.chunks_mut(PANEL * len).enumerate() {
                let width = panel.len() / len;
                for half in (0..width).step_by(8) {
                    let output = index * PANEL + half;
                    self.pack_vectors::<S>(matrix, output, first, len, &mut panel[half..], width);
                }
            }
        }
    }

    /// Eight outputs of one block: input `k`'s weights go to `panel[k * width..][..8]`.
    #[inline(always)]
    fn pack_vectors<S: Simd>(
        &self,
        matrix: &[f32],
        output: usize,
        first: usize,
        len: usize,
        panel: &mut [f32],
        width: usize,
    ) {
        let rows = self.outputs.saturating_sub(output).min(8);
        let mut k = 0;
        while rows == 8 && k + 8 <= len {
            let mut square = [S::F32::zero(); 8];
            for (row, values) in square.iter_mut().enumerate() {
                *values = S::F32::load(&matrix[(output + row) * self.inputs + first + k..]);
            }
            for (column, values) in transpose(square).into_iter().enumerate() {
                values.store(&mut panel[(k + column) * width..]);
            }
            k += 8;
        }
        while k < len {
            let column = &mut panel[k * width..][..8];
            column.fill(0.0);
            for (row, value) in column[..rows].iter_mut().enumerate() {
                *value = matrix[(output + row) * self.inputs + first + k];
            }
            k += 1;
        }
    }

    /// The layer's outputs for every row of the batch.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        if self.takes_singles(batch) {
            // A thousand inputs of up to 64 outputs are few; so many rows that they take long are no single pass.
            pace.before(batch.rows() * self.inputs * self.columns())?;
            self.forward_singles::<S>(batch, rows);
            return ControlFlow::Continue(());
        }
        let mut next = 0;
        while let Some(run) = batch.run_from(next) {
            next = run.end;
            let packed = batch.packed(run.slot, self.packed);
            let (bias, panels) = packed.split_at(self.panels_at);
            let mut first = 0;
            while first < self.inputs {
                let len = self.block.min(self.inputs - first);
                let block = Block {
                    layer: self,
                    bias,
                    panels: &panels[first * self.columns()..][..len * self.columns()],
                    first,
                    len,
                };
                block.forward::<S>(run.start, run.end, rows, pace)?;
                first += len;
            }
        }
        ControlFlow::Continue(())
    }
}

/// One block of inputs of one individual's layer.
struct Block<'a> {
    layer: &'a Chain,
    bias: &'a [f32],
    panels: &'a [f32],
    first: usize,
    len: usize,
}

impl Block<'_> {
    #[inline(always)]
    fn forward<S: Simd>(
        &self,
        start: usize,
        end: usize,
        rows: &mut Rows<'_>,
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        let rows_of_all = (start, end);
        let mut panel = 0;
        // Few rows leave registers free, and need more sums at once to hide the latency of the multiply-add.
        if S::Wide::LANES == PANEL {
            if end - start == 1 {
                self.panels::<S::Wide, 8>(&mut panel, rows_of_all, rows, pace)?;
            }
            if end - start <= 3 {
                self.panels::<S::Wide, 4>(&mut panel, rows_of_all, rows, pace)?;
            }
            self.panels::<S::Wide, 2>(&mut panel, rows_of_all, rows, pace)?;
            self.panels::<S::Wide, 1>(&mut panel, rows_of_all, rows, pace)?;
        } else {
            if end - start == 1 {
                self.panels::<S::F32, 4>(&mut panel, rows_of_all, rows, pace)?;
            }
            if end - start <= 3 {
                self.panels::<S::F32, 2>(&mut panel, rows_of_all, rows, pace)?;
            }
            self.panels::<S::F32, 1>(&mut panel, rows_of_all, rows, pace)?;
        }
        if !self.layer.columns().is_multiple_of(PANEL) {
            self.columns::<S::F32, 1, 1>(panel, rows_of_all, rows);
        }
        ControlFlow::Continue(())
    }

    /// Whole panels from `panel` on, `P` at a time, as far as that goes.
    #[inline(always)]
    fn panels<L: F32Lanes, const P: usize>(
        &self,
        panel: &mut usize,
        (start, end): (usize, usize),
        rows: &mut Rows<'_>,
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        while *panel + P <= self.layer.columns() / PANEL {
            pace.before(P * (end - start) * self.len * PANEL)?;
            self.columns::<L, P, 2>(*panel, (start, end), rows);
            *panel += P;
        }
        ControlFlow::Continue(())
    }

    /// `P` panels of `E` times eight outputs each, for all rows.
    #[inline(always)]
    fn columns<L: F32Lanes, const P: usize, const E: usize>(
        &self,
        panel: usize,
        (start, end): (usize, usize),
        rows: &mut Rows<'_>,
    ) {
        let mut row = start;
        while row < end {
            let left = end - row;
            let tile = left.div_ceil(left.div_ceil(MAX_TILE));
            let vectors = P * E * 8 / L::LANES;
            match tile {
                1 => self.tile::<L, 1, P, E>(panel, row, rows),
                2 if vectors <= 4 => self.tile::<L, 2, P, E>(panel, row, rows),
                3 if vectors <= 4 => self.tile::<L, 3, P, E>(panel, row, rows),
                4 if vectors <= 2 => self.tile::<L, 4, P, E>(panel, row, rows),
                5 if vectors <= 2 => self.tile::<L, 5, P, E>(panel, row, rows),
                6 if vectors <= 2 => self.tile::<L, 6, P, E>(panel, row, rows),
                _ => unreachable!("several panels are taken for up to three rows"),
            }
            row += tile;
        }
    }

    /// `T` rows by `P` panels: the sums stay in registers over the whole block.
    #[inline(always)]
    fn tile<L: F32Lanes, const T: usize, const P: usize, const E: usize>(
        &self,
        panel: usize,
        row: usize,
        rows: &mut Rows<'_>,
    ) {
        let len = self.len;
        let mut weights = [&[][..]; P];
        for (p, weights) in weights.iter_mut().enumerate() {
            *weights = &vectors::<E>(&self.panels[(panel + p) * PANEL * len..])[..len];
        }
        let mut inputs = [&[][..]; T];
        for (t, inputs) in inputs.iter_mut().enumerate() {
            *inputs = &rows.input[(row + t) * rows.input_stride + self.first..][..len];
        }
        // Of lanes of sixteen only the first half is used.
        let mut sums = [[[L::splat(self.layer.start); E]; P]; T];
        for k in 0..len {
            for t in 0..T {
                let input = L::splat(inputs[t][k]);
                for p in 0..P {
                    let weights = weights[p][k].as_flattened();
                    for v in 0..E * 8 / L::LANES {
                        sums[t][p][v] = input.mul_add(L::load(&weights[v * L::LANES..]), sums[t][p][v]);
                    }
                }
            }
        }
        for (t, sums) in sums.into_iter().enumerate() {
            let column = panel * PANEL;
            let output = &mut rows.output[(row + t) * rows.output_stride + column..][..P * E * 8];
            self.finish::<L, P, E>(sums, &self.bias[column..], output);
        }
    }

    /// Adds the block's sums to the bias, or to what the blocks before have left in the output row.
    #[inline(always)]
    fn finish<L: F32Lanes, const P: usize, const E: usize>(
        &self,
        sums: [[L; E]; P],
        bias: &[f32],
        output: &mut [f32],
    ) {
        let is_last = self.first + self.len == self.layer.inputs;
        for (p, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().take(E * 8 / L::LANES).enumerate() {
                let column = p * E * 8 + v * L::LANES;
                let before = if self.first == 0 { &bias[column..] } else { &output[column..] };
                let mut total = L::load(before).add(sum);
                if self.layer.relu && is_last {
                    total = relu(total);
                }
                total.store(&mut output[column..]);
            }
        }
    }
}
