//! The mean of every channel of an image, in the order in which PyTorch sums: pairs of sums of sums.
//!
//! Eight neighbouring pixels are a vector there, four vectors are summed side by side, and whole steps of such fours are added
//! up level by level. Pixels that fill no vector come first at the end. An image of fewer than eight pixels is summed pixel by
//! pixel in the same way.

use lane_math::lanes::{F32Lanes, F32x8, Simd};

use super::Rows;
use super::image::Image;
use super::pool::Planes;

/// Sums that are kept side by side.
const SIDE_BY_SIDE: usize = 4;

/// Levels of sums of sums.
const LEVELS: usize = 4;

/// The mean over all pixels.
#[derive(Clone, Debug)]
pub(crate) struct Mean {
    planes: Planes,
}

impl Mean {
    pub(crate) fn new(image: Image, is_blocked: bool) -> Self {
        Self { planes: Planes { image, is_blocked } }
    }

    /// Values that are looked at for one image.
    pub(crate) fn work(&self) -> usize {
        self.planes.image.size()
    }

    /// The means of one row, channel by channel.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(&self, row: usize, rows: &mut Rows<'_>) {
        let image = self.planes.image;
        let input = &rows.input[row * rows.input_stride..][..image.size()];
        let mut means = &mut rows.output[row * rows.output_stride..][..image.channels];
        let pixels = S::F32::splat(image.pixels() as f32);
        for index in 0..self.planes.count() {
            let block = self.planes.block(index);
            let values = &input[block.at..][..block.channels * image.pixels()];
            let sums = if block.channels == 1 {
                S::F32::splat(sum_of_plane::<S>(values))
            } else {
                sums_of_block::<S>(values, block.channels)
            };
            let (these, rest) = means.split_at_mut(block.channels);
            these.copy_from_slice(&sums.div(pixels).to_array()[..block.channels]);
            means = rest;
        }
    }
}

/// The sum of one channel whose pixels are neighbours.
#[inline(always)]
fn sum_of_plane<S: Simd>(values: &[f32]) -> f32 {
    if values.len() < 8 {
        return cascade::<S>(values.len(), |pixel| S::F32::splat(values[pixel])).to_array()[0];
    }
    let (vectors, rest) = values.as_chunks::<8>();
    let lanes = cascade::<S>(vectors.len(), |index| S::F32::load(&vectors[index])).to_array();
    let rest = rest.iter().fold(0.0, |sum, value| sum + value);
    lanes.iter().fold(rest, |sum, lane| sum + lane)
}

/// The sums of up to eight channels that lie side by side.
#[inline(always)]
fn sums_of_block<S: Simd>(values: &[f32], channels: usize) -> S::F32 {
    let pixels = values.len() / channels;
    let pixel = |index: usize| {
        let values = &values[index * channels..][..channels];
        if channels == 8 {
            return S::F32::load(values);
        }
        let mut padded = [0.0; 8];
        padded[..channels].copy_from_slice(values);
        S::F32::from_array(padded)
    };
    if pixels < 8 {
        return cascade::<S>(pixels, pixel);
    }
    let whole = pixels / 8;
    let mut sum = S::F32::zero();
    for index in whole * 8..pixels {
        sum = sum.add(pixel(index));
    }
    for lane in 0..8 {
        sum = sum.add(cascade::<S>(whole, |index| pixel(index * 8 + lane)));
    }
    sum
}

/// The sum of `count` items: every fourth of them in a sum of its own, those that are left over in the first.
#[inline(always)]
fn cascade<S: Simd>(count: usize, item: impl Fn(usize) -> S::F32) -> S::F32 {
    let steps = count / SIDE_BY_SIDE;
    let mut sums = by_levels::<S>(steps, |step, k| item(step * SIDE_BY_SIDE + k));
    for index in steps * SIDE_BY_SIDE..count {
        sums[0] = sums[0].add(item(index));
    }
    let [a, b, c, d] = sums;
    a.add(b).add(c).add(d)
}

/// The sums of `count` items each.
#[inline(always)]
fn by_levels<S: Simd>(count: usize, item: impl Fn(usize, usize) -> S::F32) -> [S::F32; SIDE_BY_SIDE] {
    let power = step_power(count);
    let step = 1 << power;
    let mut levels = [[S::F32::zero(); SIDE_BY_SIDE]; LEVELS];
    let mut index = 0;
    while index + step <= count {
        for _ in 0..step {
            for (k, sum) in levels[0].iter_mut().enumerate() {
                *sum = sum.add(item(index, k));
            }
            index += 1;
        }
        for level in 1..LEVELS {
            let below = std::mem::replace(&mut levels[level - 1], [S::F32::zero(); SIDE_BY_SIDE]);
            for (sum, below) in levels[level].iter_mut().zip(below) {
                *sum = sum.add(below);
            }
            if index & ((step - 1) << (level * power)) != 0 {
                break;
            }
        }
    }
    while index < count {
        for (k, sum) in levels[0].iter_mut().enumerate() {
            *sum = sum.add(item(index, k));
        }
        index += 1;
    }
    let [mut sums, others @ ..] = levels;
    for other in others {
        for (sum, other) in sums.iter_mut().zip(other) {
            *sum = sum.add(other);
        }
    }
    sums
}

/// Of how many items, as a power of two, a sum of the lowest level is made: 16, and more from 2^20 items on.
pub(crate) fn step_power(count: usize) -> usize {
    (count.max(2).next_power_of_two().trailing_zeros() as usize / LEVELS).max(4)
}

#[cfg(test)]
mod tests {
    use super::step_power;

    #[test]
    fn steps_are_sixteen_until_there_are_very_many() {
        assert_eq!([0, 1, 2, 16, 4096, 1 << 19].map(step_power), [4; 6]);
        assert_eq!([(1 << 19) + 1, 1 << 20, (1 << 20) + 1, 1 << 24].map(step_power), [5, 5, 5, 6]);
    }
}
