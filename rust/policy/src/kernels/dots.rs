//! Linear layers of up to eleven outputs: dot products in strided lanes, folded by halves.
//!
//! A dot product has four or eight lanes (see [`crate::order`]). Two of them, a *unit*, are computed together: two of
//! four lanes side by side in one vector, or two of eight lanes in two vectors, which the first fold makes one. Folding
//! four units at a time then costs three additions for eight sums; units come from different rows if a row has few.

use lane_math::lanes::{F32Lanes, F32x8, Simd};

use super::shuffle::{fold_eights, fold_fours, twice};
use super::{Batch, LinearShape, Rows, Span};
use crate::order::dot_lanes;
use crate::packed::{LINE, quads, vectors};

/// Units of four lanes in a row of outputs; a single output has half of one.
const fn fours(outputs: usize) -> usize {
    if outputs == 1 { 1 } else { outputs / 4 * 2 }
}

/// Units of eight lanes in a row of outputs.
const fn eights(outputs: usize) -> usize {
    if outputs == 1 { 0 } else { (outputs % 4).div_ceil(2) }
}

/// Inputs before the first step: a single output starts its first lane from the first product instead of +0.
const fn peeled(outputs: usize) -> usize {
    (outputs == 1) as usize
}

/// Lanes of one output's dot product.
const fn lanes(output: usize, outputs: usize) -> usize {
    if outputs == 1 { 4 } else { dot_lanes(output, outputs) }
}

/// One linear layer of this rule.
///
/// Packed: bias | steps of four lanes, `[step][unit][2 outputs][4]` | steps of eight, `[step][unit][2 outputs][8]` | the
/// whole matrix, row-major, for the products before and after the steps.
#[derive(Clone, Debug)]
pub(crate) struct Dots {
    inputs: usize,
    outputs: usize,
    has_bias: bool,
    packed: Span,
    /// Where the steps of eight lanes start in the layer's packed weights, and where the matrix.
    eights_at: usize,
    matrix_at: usize,
}

impl Dots {
    pub(crate) fn new(shape: LinearShape, packed_at: usize) -> Self {
        let LinearShape { inputs, outputs, has_bias } = shape;
        let steps_of_four = (inputs - peeled(outputs)) / 4 * 8 * fours(outputs);
        let steps_of_eight = inputs / 8 * 16 * eights(outputs);
        let eights_at = LINE + steps_of_four.next_multiple_of(LINE);
        let matrix_at = eights_at + steps_of_eight;
        let packed = Span::new(packed_at, matrix_at + outputs * inputs);
        Self { inputs, outputs, has_bias, packed, eights_at, matrix_at }
    }

    /// Values of the weight matrix.
    pub(crate) fn n_weights(&self) -> usize {
        self.inputs * self.outputs
    }

    /// The width of an output row.
    pub(crate) fn columns(&self) -> usize {
        self.outputs.next_multiple_of(8)
    }

    /// Units of one row.
    pub(crate) fn units(&self) -> usize {
        fours(self.outputs) + eights(self.outputs)
    }

    /// Multiply-adds of one row.
    pub(crate) fn macs(&self) -> usize {
        self.inputs * self.outputs
    }

    pub(crate) fn packed(&self) -> Span {
        self.packed
    }

    /// Copies the weight matrix (outputs, inputs) into steps, and the bias, which is empty if the layer has none.
    pub(crate) fn pack(&self, matrix: &[f32], bias: &[f32], packed: &mut [f32]) {
        packed[..self.outputs].fill(0.0);
        if self.has_bias {
            packed[..self.outputs].copy_from_slice(bias);
        }
        packed[self.matrix_at..][..matrix.len()].copy_from_slice(matrix);
        let (fours, eights) = (fours(self.outputs), eights(self.outputs));
        for (output, row) in matrix.chunks_exact(self.inputs).enumerate() {
            let lanes = lanes(output, self.outputs);
            let (at, units, place) =
                if lanes == 4 { (LINE, fours, output) } else { (self.eights_at, eights, output - 2 * fours) };
            for (step, values) in row[peeled(self.outputs)..].chunks_exact(lanes).enumerate() {
                packed[at + (step * units * 2 + place) * lanes..][..lanes].copy_from_slice(values);
            }
        }
    }

    /// The layer's outputs for every row of the batch. `sums` has room for eight values per unit of every row, rounded
    /// up to four units.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(&self, batch: &Batch<'_>, rows: &mut Rows<'_>, sums: &mut [f32]) {
        match self.outputs {
            1 => self.forward_outputs::<S, 1>(batch, rows, sums),
            2 => self.forward_outputs::<S, 2>(batch, rows, sums),
            3 => self.forward_outputs::<S, 3>(batch, rows, sums),
            4 => self.forward_outputs::<S, 4>(batch, rows, sums),
            5 => self.forward_outputs::<S, 5>(batch, rows, sums),
            6 => self.forward_outputs::<S, 6>(batch, rows, sums),
            7 => self.forward_outputs::<S, 7>(batch, rows, sums),
            8 => self.forward_outputs::<S, 8>(batch, rows, sums),
            9 => self.forward_outputs::<S, 9>(batch, rows, sums),
            10 => self.forward_outputs::<S, 10>(batch, rows, sums),
            11 => self.forward_outputs::<S, 11>(batch, rows, sums),
            outputs => unreachable!("a layer of {outputs} outputs is a chain"),
        }
    }

    #[inline(always)]
    fn forward_outputs<S: Simd, const O: usize>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        sums: &mut [f32],
    ) {
        let units = fours(O) + eights(O);
        let sums = &mut sums[..(batch.rows() * units).next_multiple_of(4) * 8];
        for (row, &slot) in batch.slot_of_row.iter().enumerate() {
            let sums = &mut sums[row * units * 8..][..units * 8];
            self.sum_row::<S, O>(batch.packed(slot, self.packed), rows.input_row(row, self.inputs), sums);
        }
        for group in sums.chunks_exact_mut(32) {
            let mut folded = [S::F32::zero(); 4];
            for (unit, values) in folded.iter_mut().zip(vectors::<1>(group)) {
                *unit = S::F32::load(&values[0]);
            }
            fold_fours(folded).store(group);
        }
        if self.tail(4) == self.inputs && (eights(O) == 0 || self.tail(8) == self.inputs) {
            self.finish::<O, false>(batch, rows, sums);
        } else {
            self.finish::<O, true>(batch, rows, sums);
        }
    }

    /// The lanes of all units of one row, those of eight folded to four.
    #[inline(always)]
    fn sum_row<S: Simd, const O: usize>(&self, packed: &[f32], inputs: &[f32], sums: &mut [f32]) {
        let mut start = S::F32::zero();
        if O == 1 {
            let first = inputs[0] * packed[self.matrix_at];
            // If no step follows, the first product must survive the folds, even as -0.
            let rest = if inputs.len() > 4 { 0.0 } else { -0.0 };
            start = S::F32::from_array([first, rest, rest, rest, rest, rest, rest, rest]);
        }
        let (steps_of_four, steps_of_eight) = (&packed[LINE..], &packed[self.eights_at..]);
        match fours(O) {
            1 => sum_fours::<S, 1>(start, &inputs[1..], steps_of_four, sums),
            2 => sum_fours::<S, 2>(start, inputs, steps_of_four, sums),
            4 => sum_fours::<S, 4>(start, inputs, steps_of_four, sums),
            _ => {}
        }
        match eights(O) {
            1 => sum_eights::<S, 2>(inputs, steps_of_eight, &mut sums[8 * fours(O)..]),
            2 => sum_eights::<S, 4>(inputs, steps_of_eight, &mut sums[8 * fours(O)..]),
            _ => {}
        }
    }

    /// Where the products begin that are left over by steps of this many lanes.
    #[inline(always)]
    fn tail(&self, lanes: usize) -> usize {
        let peeled = peeled(self.outputs);
        peeled + (self.inputs - peeled) / lanes * lanes
    }

    /// Adds the tails, one product after the other, and the bias.
    #[inline(always)]
    fn finish<const O: usize, const TAILS: bool>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        sums: &[f32],
    ) {
        let units = fours(O) + eights(O);
        for (row, &slot) in batch.slot_of_row.iter().enumerate() {
            let packed = batch.packed(slot, self.packed);
            let biases = &packed[..LINE];
            for output in 0..O {
                // Outputs 2u and 2u + 1 are unit u's; four units were folded into one vector.
                let unit = row * units + output / 2;
                let mut sum = sums[unit / 4 * 32 + output % 2 * 4 + unit % 4];
                if TAILS {
                    let weights = &packed[self.matrix_at + output * self.inputs..];
                    let inputs = rows.input_row(row, self.inputs);
                    for k in self.tail(lanes(output, O))..self.inputs {
                        sum += inputs[k] * weights[k];
                    }
                }
                rows.output_row(row, O)[output] = biases[output] + sum;
            }
        }
    }
}

/// The lanes of `U` units of four, all from `start`.
#[inline(always)]
fn sum_fours<S: Simd, const U: usize>(start: S::F32, inputs: &[f32], weights: &[f32], sums: &mut [f32]) {
    let steps = inputs.len() / 4;
    let (inputs, weights) = (&quads(inputs)[..steps], &vectors::<U>(weights)[..steps]);
    let mut lanes = [start; U];
    for step in 0..steps {
        let input = twice::<S::F32>(&inputs[step]);
        for (lanes, weights) in lanes.iter_mut().zip(&weights[step]) {
            *lanes = lanes.add(input.mul(S::F32::load(weights)));
        }
    }
    for (unit, lanes) in lanes.into_iter().enumerate() {
        lanes.store(&mut sums[8 * unit..]);
    }
}

/// The lanes of `V` outputs of eight, two to a unit, folded to four.
#[inline(always)]
fn sum_eights<S: Simd, const V: usize>(inputs: &[f32], weights: &[f32], sums: &mut [f32]) {
    let steps = inputs.len() / 8;
    let (inputs, weights) = (&vectors::<1>(inputs)[..steps], &vectors::<V>(weights)[..steps]);
    let mut lanes = [S::F32::zero(); V];
    for step in 0..steps {
        let input = S::F32::load(&inputs[step][0]);
        for (lanes, weights) in lanes.iter_mut().zip(&weights[step]) {
            *lanes = lanes.add(input.mul(S::F32::load(weights)));
        }
    }
    for unit in 0..V / 2 {
        fold_eights(lanes[2 * unit], lanes[2 * unit + 1]).store(&mut sums[8 * unit..]);
    }
}
