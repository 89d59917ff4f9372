//! Normalisation of all values of a row: their mean and variance in PyTorch's order, then every value by itself.
//!
//! Eight neighbouring values are a vector; every sixteen vectors are a chunk, whose means and sums of squares are followed
//! value by value (Welford). Chunks are merged pairwise, as a binary counter counts them; then the eight lanes one after the
//! other into those of the values that fill no vector.

use lane_math::lanes::{F32Lanes, F32x8, Simd};

use super::{Batch, Rows, Span};
use crate::norm::LayerNorm;

/// Vectors of a chunk.
const CHUNK: usize = 16;

/// The most levels of merged chunks: a row has at most 2^30 values.
const MOST_LEVELS: usize = 24;

/// One layer normalisation. Packed: weights, then biases, each in whole lines.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    norm: LayerNorm,
    size: usize,
    /// The weights, and the biases, which are zeros where there are none.
    packed: Span,
}

impl Norm {
    pub(crate) fn new(norm: LayerNorm, size: usize, packed_at: usize) -> Self {
        let len = if norm.weight { 2 * size } else { 0 };
        Self { norm, size, packed: Span::new(packed_at, len) }
    }

    pub(crate) fn packed(&self) -> Span {
        self.packed
    }

    /// Values that are looked at for one row, more than once each.
    pub(crate) fn work(&self) -> usize {
        4 * self.size
    }

    /// Copies weights and biases.
    pub(crate) fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        packed.fill(0.0);
        packed[..weights.len()].copy_from_slice(weights);
    }

    /// The normalised values of one row.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(&self, batch: &Batch<'_>, row: usize, rows: &mut Rows<'_>) {
        let packed = batch.packed(batch.slot_of_row[row], self.packed);
        let (input, output) = rows.images(row, self.size);
        let (mean, variance) = moments::<S>(input);
        // Not `max`: a variance that is NaN stays one.
        let variance = if variance < 0.0 { 0.0 } else { variance };
        let scale = 1.0 / (variance + self.norm.eps).sqrt();
        let whole = self.size / 8 * 8;
        let (mean_lanes, scale_lanes) = (S::F32::splat(mean), S::F32::splat(scale));
        if !self.norm.weight {
            for at in (0..whole).step_by(8) {
                let value = S::F32::load(&input[at..]).sub(mean_lanes).mul(scale_lanes);
                value.add(S::F32::zero()).store(&mut output[at..]);
            }
            for at in whole..self.size {
                output[at] = (input[at] - mean) * scale + 0.0;
            }
            return;
        }
        let (weight, bias) = packed[..2 * self.size].split_at(self.size);
        for at in (0..whole).step_by(8) {
            let value = S::F32::load(&input[at..]).sub(mean_lanes).mul(scale_lanes);
            value.mul_add(S::F32::load(&weight[at..]), S::F32::load(&bias[at..])).store(&mut output[at..]);
        }
        for at in whole..self.size {
            output[at] = ((input[at] - mean) * scale).mul_add(weight[at], bias[at]);
        }
    }
}

/// Mean and variance.
#[inline(always)]
fn moments<S: Simd>(values: &[f32]) -> (f32, f32) {
    let (vectors, rest) = values.as_chunks::<8>();
    let all = lane_moments::<S>(vectors);
    let (means, squares) = (all.mean.to_array(), all.squares.to_array());
    let (mut count, mut mean, mut sum_of_squares) = (0, 0.0, 0.0);
    for &value in rest {
        let delta = value - mean;
        count += 1;
        mean += delta / count as f32;
        sum_of_squares += delta * (value - mean);
    }
    for lane in 0..8 {
        let whole = count + vectors.len();
        let share = if whole == 0 { 0.0 } else { vectors.len() as f32 / whole as f32 };
        let delta: f32 = means[lane] - mean;
        mean = share.mul_add(delta, mean);
        sum_of_squares += (delta * delta * share).mul_add(count as f32, squares[lane]);
        count = whole;
    }
    (mean, sum_of_squares / values.len() as f32)
}

/// Of so many values in each lane their mean, and the sum of the squares of their distances from it.
#[derive(Clone, Copy)]
struct Moments<V> {
    count: usize,
    mean: V,
    squares: V,
}

#[inline(always)]
fn lane_moments<S: Simd>(vectors: &[[f32; 8]]) -> Moments<S::F32> {
    let none = Moments { count: 0, mean: S::F32::zero(), squares: S::F32::zero() };
    let chunks = vectors.len().div_ceil(CHUNK);
    let levels = if chunks <= 2 { 1 } else { chunks.next_power_of_two().trailing_zeros() as usize };
    let mut merged = [none; MOST_LEVELS];
    for (index, chunk) in vectors.chunks(CHUNK).enumerate() {
        merged[0] = merge::<S>(chunk_moments::<S>(chunk), merged[0]);
        // As many levels are full as the number of chunks has zeros at its end.
        for level in 1..levels.min(1 + (index + 1).trailing_zeros() as usize) {
            merged[level] = merge::<S>(merged[level - 1], merged[level]);
            merged[level - 1] = none;
        }
    }
    let (first, others) = merged[..levels].split_at(1);
    others.iter().fold(first[0], |all, level| merge::<S>(*level, all))
}

/// Welford's algorithm.
#[inline(always)]
fn chunk_moments<S: Simd>(vectors: &[[f32; 8]]) -> Moments<S::F32> {
    let (mut mean, mut squares) = (S::F32::zero(), S::F32::zero());
    for (index, vector) in vectors.iter().enumerate() {
        let value = S::F32::load(vector);
        let delta = value.sub(mean);
        mean = delta.mul_add(S::F32::splat(1.0 / (index + 1) as f32), mean);
        squares = delta.mul_add(value.sub(mean), squares);
    }
    Moments { count: vectors.len(), mean, squares }
}

/// Those of all values of both.
#[inline(always)]
fn merge<S: Simd>(added: Moments<S::F32>, to: Moments<S::F32>) -> Moments<S::F32> {
    let count = added.count + to.count;
    let share = if count == 0 { 0.0 } else { added.count as f32 / count as f32 };
    let share = S::F32::splat(share);
    let delta = added.mean.sub(to.mean);
    let mean = to.mean.add(share.mul(delta));
    let apart = delta.mul(S::F32::splat(to.count as f32));
    let squares = delta.mul(share).mul_add(apart, to.squares.add(added.squares));
    Moments { count, mean, squares }
}
