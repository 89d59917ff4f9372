//! The kernels, one file per rule of summation, each generic over the lanes of an instruction set.
//!
//! A kernel owns the geometry of its layer and the place of its weights in the packed storage; it packs them and runs
//! them. Everything that `forward` calls is `#[inline(always)]`, because the instruction set is switched on in the one
//! function that runs a whole forward pass.

pub(crate) mod cells;
pub(crate) mod chain;
pub(crate) mod conv;
pub(crate) mod depthwise;
pub(crate) mod dots;
pub(crate) mod groups;
pub(crate) mod image;
pub(crate) mod linear;
pub(crate) mod matrix_conv;
pub(crate) mod mean;
pub(crate) mod norm;
mod panel;
pub(crate) mod pool;
mod shuffle;
mod single;
pub(crate) mod sparse;
pub(crate) mod windows;

use crate::packed::{LINE, PackedWeights};

/// What every linear layer has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearShape {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) has_bias: bool,
}

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
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(crate) slots: &'a [PackedWeights],
    pub(crate) slot_of_row: &'a [usize],
    /// Whether no two neighbouring rows share a slot.
    pub(crate) singles: bool,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(slots: &'a [PackedWeights], slot_of_row: &'a [usize]) -> Self {
        let singles = slot_of_row.windows(2).all(|pair| pair[0] != pair[1]);
        Self { slots, slot_of_row, singles }
    }

    #[inline(always)]
    pub(crate) fn rows(&self) -> usize {
        self.slot_of_row.len()
    }

    /// A layer's packed values of the individual in a slot.
    #[inline(always)]
    pub(crate) fn packed(&self, slot: usize, span: Span) -> &'a [f32] {
        &self.slots[slot].values()[span.at..][..span.len]
    }

    /// The run that starts at a row; none after the last row.
    #[inline(always)]
    pub(crate) fn run_from(&self, start: usize) -> Option<Run> {
        let slot = *self.slot_of_row.get(start)?;
        let mut end = start + 1;
        while self.slot_of_row.get(end) == Some(&slot) {
            end += 1;
        }
        Some(Run { slot, start, end })
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
    /// The input of one row.
    #[inline(always)]
    pub(crate) fn input_row(&self, row: usize, size: usize) -> &[f32] {
        &self.input[row * self.input_stride..][..size]
    }

    /// Room for the output of one row.
    #[inline(always)]
    pub(crate) fn output_row(&mut self, row: usize, size: usize) -> &mut [f32] {
        &mut self.output[row * self.output_stride..][..size]
    }

    /// Input and output of one row, of equal size.
    #[inline(always)]
    pub(crate) fn images(&mut self, row: usize, size: usize) -> (&[f32], &mut [f32]) {
        (&self.input[row * self.input_stride..][..size], &mut self.output[row * self.output_stride..][..size])
    }
}

#[cfg(test)]
mod tests {
    use super::chain::Chain;
    use super::conv::Conv;
    use super::dots::Dots;
    use super::image::Image;
    use super::windows::Geometry;
    use super::{Batch, LinearShape, Run, Span};
    use crate::packed::{quads, vectors, vectors_mut};

    #[test]
    fn groups_end_where_the_values_do() {
        let values = &mut [0.0; 47];
        let lens = [vectors::<1>(values).len(), vectors::<2>(values).len(), vectors::<4>(values).len()];
        assert_eq!(lens, [5, 2, 1]);
        assert_eq!((quads(values).len(), vectors_mut(values).len()), (11, 5));
        assert_eq!((quads(&values[..3]).len(), vectors_mut(&mut values[..7]).len()), (0, 0));
    }

    /// What each individual's weights cost in memory, beside what must have room.
    #[test]
    fn packed_layers_are_as_long_as_their_layout() {
        let shape = |inputs, outputs| LinearShape { inputs, outputs, has_bias: true };
        let span = |at, len| Span { at, len };
        // The bias in whole lines, then every input's outputs in whole vectors.
        assert_eq!(Chain::new(shape(10, 20), 10, 0.0, false, 48).packed(), span(48, 32 + 10 * 24));
        // A line, five steps for each unit of four lanes, two for each of eight, the matrix; in whole lines.
        assert_eq!(Dots::new(shape(21, 7), 48).packed(), span(48, 16 + 5 * 8 * 2 + 2 * 16 * 2 + 160));
        assert_eq!(Dots::new(shape(21, 1), 48).packed(), span(48, 16 + 48 + 32));
        // The bias, every tap's channels in whole vectors, and a line; in whole lines.
        let geometry = Geometry {
            input: Image { channels: 3, height: 8, width: 9 },
            output: Image { channels: 20, height: 6, width: 8 },
            kernel: (3, 2),
            stride: (1, 1),
            padding: (0, 0),
            dilation: (1, 1),
        };
        assert_eq!(Conv::new(geometry, 1, true, false, 48).packed(), span(48, 32 + 18 * 24 + 16));
    }

    #[test]
    fn runs_are_neighbours_of_one_slot() {
        let batch = Batch::new(&[], &[2, 2, 0, 2]);
        let runs: Vec<_> = [0, 2, 3, 4].map(|start| batch.run_from(start)).to_vec();
        let expected =
            [(2, 0, 2), (0, 2, 3), (2, 3, 4)].map(|(slot, start, end)| Some(Run { slot, start, end }));
        assert_eq!(runs[..3], expected);
        assert_eq!(runs[3], None);
        assert!(!batch.singles);
        assert!(Batch::new(&[], &[2, 0, 2]).singles);
    }
}
