//! Small chains, row by row: where every row is another individual's nothing is shared, and where the weights are few
//! sharing them saves nothing, so what counts is the work around the sums.

use lane_math::lanes::{F32Lanes, Simd};
use lane_math::relu;

use super::chain::{Chain, PANEL};
use super::{Batch, Rows};
use crate::packed::vectors;

/// Vectors of outputs that are summed in registers.
pub(crate) const MAX_VECTORS: usize = 8;

/// Up to this many inputs rows of one individual are not tiled: mlp:4-64-2 takes 68 ns instead of 83 a step of CartPole.
const SHARED_MIN_INPUTS: usize = 64;

impl Chain {
    /// Whether [`Chain::forward_singles`] takes this batch: one block, few outputs, and weights that are not shared or
    /// so few that tiles of rows cost more than they save.
    #[inline(always)]
    pub(crate) fn takes_singles(&self, batch: &Batch<'_>) -> bool {
        (batch.singles || self.inputs <= SHARED_MIN_INPUTS)
            && self.block == self.inputs
            && self.columns() <= 8 * MAX_VECTORS
    }

    /// The layer's outputs for every row of the batch.
    #[inline(always)]
    pub(crate) fn forward_singles<S: Simd>(&self, batch: &Batch<'_>, rows: &mut Rows<'_>) {
        if S::Wide::LANES == PANEL {
            self.forward_panels::<S, 1>(batch, rows);
        } else {
            self.forward_panels::<S, 2>(batch, rows);
        }
    }

    /// The same, `V` vectors a panel.
    #[inline(always)]
    fn forward_panels<S: Simd, const V: usize>(&self, batch: &Batch<'_>, rows: &mut Rows<'_>) {
        match (self.columns() / PANEL, !self.columns().is_multiple_of(PANEL)) {
            (0, _) => self.rows_of_panels::<S, 0, V, true>(batch, rows),
            (1, false) => self.rows_of_panels::<S, 1, V, false>(batch, rows),
            (1, true) => self.rows_of_panels::<S, 1, V, true>(batch, rows),
            (2, false) => self.rows_of_panels::<S, 2, V, false>(batch, rows),
            (2, true) => self.rows_of_panels::<S, 2, V, true>(batch, rows),
            (3, false) => self.rows_of_panels::<S, 3, V, false>(batch, rows),
            (3, true) => self.rows_of_panels::<S, 3, V, true>(batch, rows),
            _ => self.rows_of_panels::<S, 4, V, false>(batch, rows),
        }
    }

    /// `P` whole panels, and with `HALF` one of eight outputs.
    #[inline(always)]
    fn rows_of_panels<S: Simd, const P: usize, const V: usize, const HALF: bool>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
    ) {
        let columns = P * PANEL + if HALF { 8 } else { 0 };
        for (row, &slot) in batch.slot_of_row.iter().enumerate() {
            let packed = batch.packed(slot, self.packed);
            let (bias, panels) = (&packed[..columns], &packed[self.panels_at..]);
            let (sums, last) = self.sum_row::<S, P, V, HALF>(panels, rows.input_row(row, self.inputs));
            let output = rows.output_row(row, columns);
            for (p, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    let column = p * PANEL + v * S::Wide::LANES;
                    self.finish_single(sum, &bias[column..], &mut output[column..]);
                }
            }
            if HALF {
                self.finish_single(last, &bias[P * PANEL..], &mut output[P * PANEL..]);
            }
        }
    }

    #[inline(always)]
    fn finish_single<L: F32Lanes>(&self, sum: L, bias: &[f32], output: &mut [f32]) {
        let mut total = L::load(bias).add(sum);
        if self.relu {
            total = relu(total);
        }
        total.store(output);
    }

    /// The chains of all outputs over one row: of whole panels, and of the last eight.
    #[inline(always)]
    fn sum_row<S: Simd, const P: usize, const V: usize, const HALF: bool>(
        &self,
        panels: &[f32],
        input: &[f32],
    ) -> ([[S::Wide; V]; P], S::F32) {
        let len = input.len();
        let mut weights = [&[][..]; P];
        for (p, weights) in weights.iter_mut().enumerate() {
            *weights = &vectors::<2>(&panels[p * PANEL * len..])[..len];
        }
        let mut last_weights = &[][..];
        if HALF {
            last_weights = &vectors::<1>(&panels[P * PANEL * len..])[..len];
        }
        let mut sums = [[S::Wide::splat(self.start); V]; P];
        let mut last = S::F32::splat(self.start);
        for k in 0..len {
            let value = S::Wide::splat(input[k]);
            for p in 0..P {
                let weights = weights[p][k].as_flattened();
                for v in 0..V {
                    sums[p][v] = value.mul_add(S::Wide::load(&weights[v * S::Wide::LANES..]), sums[p][v]);
                }
            }
            if HALF {
                last = S::F32::splat(input[k]).mul_add(S::F32::load(&last_weights[k][0]), last);
            }
        }
        (sums, last)
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Chain};
    use crate::kernels::LinearShape;

    #[test]
    fn rows_go_alone_if_they_share_nothing_or_little() {
        let takes = |inputs, outputs, block, slot_of_row: &[usize]| {
            let shape = LinearShape { inputs, outputs, has_bias: true };
            Chain::new(shape, block, 0.0, false, 0).takes_singles(&Batch::new(&[], slot_of_row))
        };
        let (shared, apart) = ([3, 3], [3, 4]);
        assert!(takes(64, 64, 64, &shared) && takes(65, 64, 65, &apart));
        assert!(!takes(65, 64, 65, &shared), "many weights are shared");
        assert!(!takes(64, 65, 64, &apart), "the outputs do not fit into registers");
        assert!(!takes(200, 64, 100, &apart), "the sum is cut in blocks");
    }
}
