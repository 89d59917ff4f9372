//! Pools, means and normalisations of the reference.

use crate::kernels::mean::step_power;
use crate::layer::PlacedLayer;
use crate::norm::LayerNorm;
use crate::pool::{Pool2d, PoolKind};
use crate::shape::InputShape;

/// Every window of every channel: the largest value, or the mean of the values row by row.
pub(super) fn pool2d(pool: Pool2d, place: &PlacedLayer, values: &[f32]) -> Vec<f32> {
    let InputShape::Image { height, width, .. } = place.input else {
        unreachable!("Architecture::new gives a pool an image")
    };
    let (down, across) = pool.extents((height, width));
    let mut pooled = Vec::with_capacity(place.output.size());
    for channel in values.chunks(height * width) {
        for &rows in &down {
            for &columns in &across {
                let window = (rows.from..rows.to)
                    .flat_map(|y| (columns.from..columns.to).map(move |x| channel[y * width + x]));
                pooled.push(match pool.kind {
                    PoolKind::Max => window.fold(f32::NEG_INFINITY, larger),
                    // PyTorch adds the mean to +0.
                    PoolKind::Average { .. } => 0.0 + window.sum_from_zero() / pool.divisor(rows, columns),
                });
            }
        }
    }
    pooled
}

/// The first of equals, such as zeros of both signs; a NaN stays.
fn larger(found: f32, value: f32) -> f32 {
    if value > found || value.is_nan() { value } else { found }
}

trait SumFromZero {
    fn sum_from_zero(self) -> f32;
}

impl<I: Iterator<Item = f32>> SumFromZero for I {
    /// From +0 on, which `sum` does not promise.
    fn sum_from_zero(self) -> f32 {
        self.fold(0.0, |sum, value| sum + value)
    }
}

/// The mean of every channel.
pub(super) fn global_mean(place: &PlacedLayer, values: &[f32]) -> Vec<f32> {
    let pixels = values.len() / place.output.size();
    values.chunks(pixels).map(|channel| channel_sum(channel) / pixels as f32).collect()
}

/// Eight neighbours are summed side by side; what fills no eight comes first, then the eight sums.
fn channel_sum(channel: &[f32]) -> f32 {
    let lanes = if channel.len() < 8 { 1 } else { 8 };
    let whole = channel.len() / lanes * lanes;
    let sums = (0..lanes).map(|lane| {
        let items: Vec<f32> = channel[..whole].iter().skip(lane).step_by(lanes).copied().collect();
        strided_sum(&items)
    });
    match lanes {
        1 => sums.sum_from_zero(),
        _ => {
            let rest = channel[whole..].iter().copied().sum_from_zero();
            sums.fold(rest, |sum, lane| sum + lane)
        }
    }
}

/// Every fourth item is summed by itself, those that are left over are added to the first of the four sums.
fn strided_sum(items: &[f32]) -> f32 {
    let whole = items.len() / 4 * 4;
    let mut sums = [0, 1, 2, 3].map(|first| {
        let strided: Vec<f32> = items[..whole].iter().skip(first).step_by(4).copied().collect();
        leveled_sum(&strided)
    });
    for item in &items[whole..] {
        sums[0] += item;
    }
    sums[0] + sums[1] + sums[2] + sums[3]
}

/// Sums of steps of items are summed in steps, and these sums again, on four levels.
fn leveled_sum(items: &[f32]) -> f32 {
    let power = step_power(items.len());
    let mut levels = [0.0; 4];
    let mut steps = items.chunks_exact(1 << power);
    for (index, step) in steps.by_ref().enumerate() {
        for item in step {
            levels[0] += item;
        }
        // A level goes up when it is full: the number of steps has that many digits 0 at its end.
        let mut done = index + 1;
        for level in 1..4 {
            levels[level] += levels[level - 1];
            levels[level - 1] = 0.0;
            if done % (1 << power) != 0 {
                break;
            }
            done >>= power;
        }
    }
    for item in steps.remainder() {
        levels[0] += item;
    }
    levels[0] + levels[1] + levels[2] + levels[3]
}

/// How many values, their mean, and the sum of the squares of their distances from it.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: usize,
    mean: f32,
    squares: f32,
}

/// All values of a row, less their mean, divided by their standard deviation; then weight and bias in one step.
pub(super) fn layer_norm(norm: LayerNorm, values: &[f32], params: &[f32]) -> Vec<f32> {
    let moments = row_moments(values);
    let variance = moments.squares / values.len() as f32;
    let variance = if variance < 0.0 { 0.0 } else { variance };
    let scale = 1.0 / (variance + norm.eps).sqrt();
    let normal = |value: f32| (value - moments.mean) * scale;
    if !norm.weight {
        return values.iter().map(|&value| normal(value) + 0.0).collect();
    }
    let (weight, bias) = params.split_at(values.len());
    let bias = |index: usize| bias.get(index).copied().unwrap_or(0.0);
    let each = values.iter().zip(weight).enumerate();
    each.map(|(index, (&value, &weight))| normal(value).mul_add(weight, bias(index))).collect()
}

fn row_moments(values: &[f32]) -> Moments {
    let whole = values.len() / 8 * 8;
    let mut all = Moments::default();
    for &value in &values[whole..] {
        let delta = value - all.mean;
        all.count += 1;
        all.mean += delta / all.count as f32;
        all.squares += delta * (value - all.mean);
    }
    for lane in 0..8 {
        let strided: Vec<f32> = values[..whole].iter().skip(lane).step_by(8).copied().collect();
        let added = lane_moments(&strided);
        let count = all.count + added.count;
        let share = if count == 0 { 0.0 } else { added.count as f32 / count as f32 };
        let delta: f32 = added.mean - all.mean;
        all.mean = share.mul_add(delta, all.mean);
        all.squares += (delta * delta * share).mul_add(all.count as f32, added.squares);
        all.count = count;
    }
    all
}

/// Chunks of sixteen, merged in pairs, pairs in pairs, and so on; what has no partner is merged at last, small to large.
fn lane_moments(values: &[f32]) -> Moments {
    let chunks = values.len().div_ceil(16);
    let top = if chunks <= 2 { 0 } else { chunks.next_power_of_two().ilog2() as usize - 1 };
    let mut levels = vec![Moments::default(); top + 1];
    for (index, chunk) in values.chunks(16).enumerate() {
        let mut carried = welford(chunk);
        let mut level = 0;
        loop {
            levels[level] = merged(carried, levels[level]);
            if level == top || (index + 1) >> level & 1 == 1 {
                break;
            }
            carried = std::mem::take(&mut levels[level]);
            level += 1;
        }
    }
    let first = levels[0];
    levels[1..].iter().fold(first, |all, &level| merged(level, all))
}

fn welford(values: &[f32]) -> Moments {
    let mut all = Moments::default();
    for &value in values {
        let delta: f32 = value - all.mean;
        all.count += 1;
        all.mean = delta.mul_add(1.0 / all.count as f32, all.mean);
        all.squares = delta.mul_add(value - all.mean, all.squares);
    }
    all
}

fn merged(added: Moments, to: Moments) -> Moments {
    let count = added.count + to.count;
    let share = if count == 0 { 0.0 } else { added.count as f32 / count as f32 };
    let delta: f32 = added.mean - to.mean;
    Moments {
        count,
        mean: to.mean + share * delta,
        squares: (delta * share).mul_add(delta * to.count as f32, to.squares + added.squares),
    }
}
