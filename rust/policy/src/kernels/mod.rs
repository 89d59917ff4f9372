//! The kernels, one file per rule of summation, each generic over the lanes of an instruction set.
//!
//! A kernel owns the geometry of its layer and the place of its weights in the packed storage; it packs them and runs
//! them. Everything that `forward` calls is `#[inline(always)]`, because the instruction set is switched on in the one
//! function that runs a whole forward pass.

pub(crate) mod activation;
pub(crate) mod chain;
pub(crate) mod conv;
pub(crate) mod dots;
pub(crate) mod image;
mod shuffle;
mod single;
pub(crate) mod windows;

use crate::packed::{LINE, PackedWeights};

/// Where a layer's values lie in the packed weights: whole cache lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

impl Span {
    pub(crate) fn new(at: usize, len: usize) -> Self {
        Self { at, len: len.next_multiple_of(LINE) }
    }

    /// The layer's part of an individual's packed values.
    pub(crate) fn of(self, packed: &mut [f32]) -> &mut [f32] {
        &mut packed[self.at..self.end()]
    }

    /// Where the next layer's values start.
    pub(crate) fn end(self) -> usize {
        self.at + self.len
    }
}

/// Consecutive rows of one individual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) slot: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Whose weights each row uses.
pub(crate) struct Batch<'a> {
    pub(crate) slots: &'a [PackedWeights],
    pub(crate) runs: &'a [Run],
}

impl Batch<'_> {
    /// Number of rows: runs follow each other without gaps, from row 0.
    #[inline(always)]
    pub(crate) fn rows(&self) -> usize {
        self.runs.last().map_or(0, |run| run.end)
    }

    /// A layer's packed values of the individual of a run.
    #[inline(always)]
    pub(crate) fn packed(&self, run: &Run, span: Span) -> &[f32] {
        &self.slots[run.slot].values()[span.at..][..span.len]
    }
}

/// Activations before and after a layer; row `r` starts at `r * stride`.
pub(crate) struct Rows<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) input_stride: usize,
    pub(crate) output: &'a mut [f32],
    pub(crate) output_stride: usize,
}

impl Rows<'_> {
    /// Input and output of one row, of equal size.
    #[inline(always)]
    pub(crate) fn images(&mut self, row: usize, size: usize) -> (&[f32], &mut [f32]) {
        (&self.input[row * self.input_stride..][..size], &mut self.output[row * self.output_stride..][..size])
    }
}
