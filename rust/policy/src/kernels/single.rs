//! Small chains, row by row: where every row is another individual's nothing is shared, and where the weights are few
//! sharing them saves nothing, so what counts is the work around the sums.

use lane_math::lanes::{F32x8, Simd};
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
        match self.columns() / 8 {
            2 => self.rows_of_vectors::<S, 2>(batch, rows),
            3 => self.rows_of_vectors::<S, 3>(batch, rows),
            4 => self.rows_of_vectors::<S, 4>(batch, rows),
            5 => self.rows_of_vectors::<S, 5>(batch, rows),
            6 => self.rows_of_vectors::<S, 6>(batch, rows),
            7 => self.rows_of_vectors::<S, 7>(batch, rows),
            8 => self.rows_of_vectors::<S, 8>(batch, rows),
            _ => self.rows_of_vectors::<S, 1>(batch, rows),
        }
    }

    #[inline(always)]
    fn rows_of_vectors<S: Simd, const N: usize>(&self, batch: &Batch<'_>, rows: &mut Rows<'_>) {
        for (row, &slot) in batch.slot_of_row.iter().enumerate() {
            let packed = batch.packed(slot, self.packed);
            let (bias, panels) = (&packed[..8 * N], &packed[self.panels_at..]);
            let sums = self.sum_row::<S, N>(panels, rows.input_row(row, self.inputs));
            let output = rows.output_row(row, 8 * N);
            for (n, sum) in sums.into_iter().enumerate() {
                let mut total = S::F32::load(&bias[8 * n..]).add(sum);
                if self.relu {
                    total = relu(total);
                }
                total.store(&mut output[8 * n..]);
            }
        }
    }

    /// The chains of all outputs over one row.
    #[inline(always)]
    fn sum_row<S: Simd, const N: usize>(&self, panels: &[f32], input: &[f32]) -> [S::F32; N] {
        let len = input.len();
        let mut pairs = [&[][..]; MAX_VECTORS / 2];
        for (p, pair) in pairs[..N / 2].iter_mut().enumerate() {
            *pair = &vectors::<2>(&panels[p * PANEL * len..])[..len];
        }
        let mut last = &[][..];
        if N % 2 == 1 {
            last = &vectors::<1>(&panels[N / 2 * PANEL * len..])[..len];
        }
        let mut sums = [S::F32::splat(self.start); N];
        for k in 0..len {
            let value = S::F32::splat(input[k]);
            for n in 0..N / 2 * 2 {
                sums[n] = value.mul_add(S::F32::load(&pairs[n / 2][k][n % 2]), sums[n]);
            }
            if N % 2 == 1 {
                sums[N - 1] = value.mul_add(S::F32::load(&last[k][0]), sums[N - 1]);
            }
        }
        sums
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
