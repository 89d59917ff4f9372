//! Images that are mostly zeros, as the observations of board games are: only the other values are multiplied.
//!
//! **Why it gives the same bits.** The products of one output value are summed by kernel row, kernel column and channel,
//! if there are no more than eight channels. That is the order of the pixels under the window, and of the channels in
//! each. So inputs taken in this order, each added to all the windows that it lies under, keep every window's order.
//! Leaving out a product with a zero input changes nothing if it is a zero (the weight is finite) and the sum is not -0.
//! A sum is never -0 if it does not start so (no bias is -0) and never gets there: in rounding to nearest only -0 + -0
//! and an underflow give -0. Nothing underflows if every product is a multiple of the smallest subnormal, 2^-149: a
//! float32 of magnitude 2^e or more is a multiple of 2^(e - 23). Where any of this is in doubt, the image is summed in
//! full.

use lane_math::lanes::{F32Lanes, F32x8, Mask, Simd};
use lane_math::relu;

use super::Rows;
use super::image::Image;
use super::panel::Panel;
use crate::packed::{vectors, vectors_mut};

/// The smallest non-zero magnitudes that are taken: multiples of 2^-83 and of 2^-63, so products are multiples of 2^-146.
const MIN_WEIGHT: f32 = 1.0 / (1_u64 << 60) as f32;
const MIN_INPUT: f32 = 1.0 / (1_u64 << 40) as f32;

/// An image is summed in full if more than one value in this many is not zero.
const MIN_VALUES_PER_NONZERO: usize = 8;

/// Most channels: a window's order is the order of the pixels only within one block of channels.
pub(crate) const MAX_CHANNELS: usize = 8;

/// Most values of an image: places are written as 32 bits.
pub(crate) const MAX_IMAGE: usize = 1 << 28;

/// Whether products with zeros may be left out for these weights and biases.
pub(crate) fn may_skip_zeros(filters: &[f32], bias: &[f32]) -> bool {
    let mut smallest = f32::INFINITY;
    let mut finite = true;
    for &weight in filters {
        finite &= weight.is_finite();
        smallest = smallest.min(if weight == 0.0 { f32::INFINITY } else { weight.abs() });
    }
    finite && smallest >= MIN_WEIGHT && bias.iter().all(|bias| bias.to_bits() != (-0.0_f32).to_bits())
}

/// Writes the list of an image, row-major (channels, height, width); its length, or nothing if the image must be summed
/// in full.
///
/// The list lies in the memory that the blocked image would fill: pairs of a place, `pixel * 8 + channel` as the bits of
/// a float32, and a value; by pixel, then channel.
#[inline(always)]
pub(crate) fn list_nonzeros<S: Simd>(image: Image, values: &[f32], list: &mut [f32]) -> Option<usize> {
    let total = count_nonzeros::<S>(values, image.size() / MIN_VALUES_PER_NONZERO)?;
    let mut count = 0;
    let mut first = 0;
    while count < total {
        let mut masks = [0; MAX_CHANNELS];
        let mut union = 0;
        for (channel, mask) in masks[..image.channels].iter_mut().enumerate() {
            let pixels = &values[channel * image.pixels()..][..image.pixels()];
            *mask = nonzero_bits(eight::<S::F32>(&pixels[first..]));
            union |= *mask;
        }
        while union != 0 {
            let bit = union.trailing_zeros();
            union &= union - 1;
            let pixel = first + bit as usize;
            for (channel, mask) in masks[..image.channels].iter().enumerate() {
                if mask >> bit & 1 == 1 {
                    list[2 * count] = f32::from_bits((pixel * MAX_CHANNELS + channel) as u32);
                    list[2 * count + 1] = values[channel * image.pixels() + pixel];
                    count += 1;
                }
            }
        }
        first += 8;
    }
    Some(total)
}

/// How many values are not zero; nothing if they are more than the limit, or some are too small.
#[inline(always)]
fn count_nonzeros<S: Simd>(values: &[f32], limit: usize) -> Option<usize> {
    let (mut count, mut first) = (0, 0);
    while first < values.len() {
        let values = eight::<S::F32>(&values[first..]);
        let nonzero = nonzero_bits(values);
        count += nonzero.count_ones() as usize;
        if count > limit || values.abs().lt(S::F32::splat(MIN_INPUT)).bits() & nonzero != 0 {
            return None;
        }
        first += 8;
    }
    Some(count)
}

/// Bit `i` says that value `i` is not zero.
#[inline(always)]
fn nonzero_bits<V: F32x8>(values: V) -> u32 {
    values.eq(V::zero()).not().bits()
}

/// The first eight values; zeros where there are fewer.
#[inline(always)]
fn eight<V: F32x8>(values: &[f32]) -> V {
    if values.len() >= 8 {
        return V::load(values);
    }
    let mut padded = [0.0; 8];
    padded[..values.len()].copy_from_slice(values);
    V::from_array(padded)
}

/// The output image of one row whose input is a list of `count` values, for `V` vectors of output channels.
#[inline(always)]
pub(super) fn forward<S: Simd, const V: usize>(
    panel: &Panel<'_>,
    row: usize,
    count: usize,
    rows: &mut Rows<'_>,
) {
    let geometry = &panel.windows.geometry;
    let pixels = geometry.output.pixels();
    let list = &rows.input[row * rows.input_stride..][..2 * count];
    let output = &mut rows.output[row * rows.output_stride + panel.channel * pixels..][..V * 8 * pixels];
    // One image of eight channels after the other: the same place in each is `pixels` vectors away.
    let sums = vectors_mut(output);
    for (image, [bias]) in sums.chunks_exact_mut(pixels).zip(vectors::<1>(&panel.bias[panel.channel..])) {
        image.fill(*bias);
    }
    let weights = vectors::<V>(panel.weights);
    for pair in list.chunks_exact(2) {
        let place = pair[0].to_bits() as usize;
        let (pixel, channel) = (place / MAX_CHANNELS, place % MAX_CHANNELS);
        let (y, x) = (pixel / geometry.input.width, pixel % geometry.input.width);
        let value = S::F32::splat(pair[1]);
        let (down, across) = (&panel.windows.reach.0[y], &panel.windows.reach.1[x]);
        for out_y in down.clone() {
            let kernel_y = y + geometry.padding.0 - out_y * geometry.stride.0;
            for out_x in across.clone() {
                let kernel_x = x + geometry.padding.1 - out_x * geometry.stride.1;
                let tap = (kernel_y * geometry.kernel.1 + kernel_x) * geometry.input.channels + channel;
                let window = out_y * geometry.output.width + out_x;
                for (v, weights) in weights[tap].iter().enumerate() {
                    let sum = &mut sums[v * pixels + window];
                    value.mul_add(S::F32::load(weights), S::F32::load(sum)).store(sum);
                }
            }
        }
    }
    if panel.windows.relu {
        for eight in vectors_mut(output) {
            relu(S::F32::load(eight)).store(eight);
        }
    }
}

#[cfg(test)]
mod tests {
    use lane_math::lanes::PortableFamily;

    use super::{Image, MIN_INPUT, MIN_WEIGHT, list_nonzeros, may_skip_zeros};

    fn next_below(positive: f32) -> f32 {
        f32::from_bits(positive.to_bits() - 1)
    }

    /// The bounds from which the module's header concludes that no product underflows.
    #[test]
    fn products_are_multiples_of_a_subnormal() {
        assert_eq!((MIN_WEIGHT, MIN_INPUT), (2_f32.powi(-60), 2_f32.powi(-40)));
        let digit = |value: f32| f64::from(value - next_below(value)) * 2.0; // the last one from `value` on
        assert_eq!(digit(MIN_WEIGHT) * digit(MIN_INPUT), 2_f64.powi(-146));
    }

    #[test]
    fn list_is_by_pixel_and_channel() {
        let image = Image { channels: 3, height: 5, width: 5 };
        let mut values = vec![0.0; 75];
        (values[24], values[50 + 7], values[7], values[25 + 7]) = (1.0, f32::NAN, -2.0, 3.0);
        values[3] = -0.0;
        let mut list = vec![0.0; 75];
        assert_eq!(list_nonzeros::<PortableFamily>(image, &values, &mut list), Some(4));
        let places: Vec<_> = list[..8].iter().step_by(2).map(|place| place.to_bits()).collect();
        assert_eq!(places, [7 * 8, 7 * 8 + 1, 7 * 8 + 2, 24 * 8]);
        assert_eq!((list[1], list[3], list[7]), (-2.0, 3.0, 1.0));
        assert!(list[5].is_nan());
    }

    #[test]
    fn full_images_and_tiny_values_have_no_list() {
        let image = Image { channels: 1, height: 4, width: 4 };
        let listed = |values: &[f32]| list_nonzeros::<PortableFamily>(image, values, &mut [0.0; 16]);
        let mut values = [0.0; 16];
        (values[3], values[11]) = (MIN_INPUT, -1.0);
        assert_eq!(listed(&values), Some(2));
        values[4] = 1.0;
        assert_eq!(listed(&values), None, "three of sixteen");
        (values[3], values[4]) = (next_below(MIN_INPUT), 0.0);
        assert_eq!(listed(&values), None, "a product could underflow");
    }

    #[test]
    fn hazardous_weights_are_seen() {
        assert!(may_skip_zeros(&[0.0, -0.0, MIN_WEIGHT, -1.0], &[0.0, f32::INFINITY]));
        assert!(may_skip_zeros(&[1.0], &[]));
        for weight in [next_below(MIN_WEIGHT), f32::from_bits(1), f32::INFINITY, f32::NAN] {
            assert!(!may_skip_zeros(&[1.0, -weight], &[0.0]), "{weight:e}");
        }
        assert!(!may_skip_zeros(&[1.0], &[0.0, -0.0]));
    }
}
