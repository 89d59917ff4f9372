//! Convolutions of every channel by itself: per output value one chain of fused multiply-adds from the bias over the
//! kernel's rows and columns, eight channels side by side.

use std::ops::ControlFlow;

use lane_math::lanes::{F32Lanes, F32x8, Simd};
use lane_math::relu;

use super::image::ChannelBlock;
use super::windows::{Geometry, Window, WindowClass, Windows};
use super::{Batch, Rows, Span};
use crate::pace::Pace;
use crate::packed::{LINE, vectors};

/// One convolution with as many groups as channels, in and out.
///
/// Packed: bias, in whole lines | `[block of channels][tap][8]`.
#[derive(Clone, Debug)]
pub(crate) struct Depthwise {
    /// Its images have all channels.
    windows: Windows,
    has_bias: bool,
    packed: Span,
}

impl Depthwise {
    pub(crate) fn new(geometry: Geometry, has_bias: bool, relu: bool, packed_at: usize) -> Self {
        let area = geometry.kernel.0 * geometry.kernel.1;
        let channels = geometry.output.channels;
        let packed_len = channels.next_multiple_of(LINE) + area * channels.next_multiple_of(8);
        Self {
            windows: Windows::new(geometry, geometry.input.channels, relu),
            has_bias,
            packed: Span::new(packed_at, packed_len),
        }
    }

    pub(crate) fn packed(&self) -> Span {
        self.packed
    }

    fn area(&self) -> usize {
        self.windows.geometry.kernel.0 * self.windows.geometry.kernel.1
    }

    fn channels(&self) -> usize {
        self.windows.geometry.output.channels
    }

    /// Orders the weights (channel, 1, kernel row, kernel column) by block and tap.
    pub(crate) fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        let (area, channels) = (self.area(), self.channels());
        let (filters, bias) = weights.split_at(channels * area);
        let (packed_bias, taps) = packed.split_at_mut(channels.next_multiple_of(LINE));
        packed_bias.fill(0.0);
        if self.has_bias {
            packed_bias[..channels].copy_from_slice(bias);
        }
        taps.fill(0.0);
        for (channel, filter) in filters.chunks_exact(area).enumerate() {
            for (tap, &weight) in filter.iter().enumerate() {
                taps[(channel / 8 * area + tap) * 8 + channel % 8] = weight;
            }
        }
    }

    /// The output images of every row of the batch, blocked like the input images.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        let Geometry { input, output, .. } = self.windows.geometry;
        for (row, &slot) in batch.slot_of_row.iter().enumerate() {
            let packed = batch.packed(slot, self.packed);
            let (bias, taps) = packed.split_at(self.channels().next_multiple_of(LINE));
            let source = &rows.input[row * rows.input_stride..][..input.size()];
            let target = &mut rows.output[row * rows.output_stride..][..output.size()];
            for index in 0..input.blocks() {
                pace.before(output.pixels() * self.area() * 8)?;
                let (from, to) = (input.block(index), output.block(index));
                let bias = S::F32::load(&bias[index * 8..]);
                let filter = &vectors::<1>(taps)[index * self.area()..][..self.area()];
                for class in &self.windows.classes {
                    for window in &class.windows {
                        let sum = self.window::<S>(&source[from.at..], from, class, *window, filter, bias);
                        let target = &mut target[to.at + window.pixel * to.channels..][..to.channels];
                        store::<S>(if self.windows.relu { relu(sum) } else { sum }, target);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// One window of a block of channels.
    #[inline(always)]
    fn window<S: Simd>(
        &self,
        image: &[f32],
        block: ChannelBlock,
        class: &WindowClass,
        window: Window,
        filter: &[[[f32; 8]; 1]],
        bias: S::F32,
    ) -> S::F32 {
        let Geometry { input, kernel, dilation, .. } = self.windows.geometry;
        let mut sum = bias;
        for row in class.kernel_rows.0..class.kernel_rows.1 {
            let line = window.first + (row - class.kernel_rows.0) * dilation.0 * input.width;
            for column in class.kernel_columns.0..class.kernel_columns.1 {
                let pixel = line + (column - class.kernel_columns.0) * dilation.1;
                let value = load::<S>(&image[pixel * block.channels..][..block.channels]);
                sum = value.mul_add(S::F32::load(&filter[row * kernel.1 + column][0]), sum);
            }
        }
        sum
    }
}

/// Up to eight values; zeros where there are fewer.
#[inline(always)]
fn load<S: Simd>(values: &[f32]) -> S::F32 {
    if values.len() == 8 {
        return S::F32::load(values);
    }
    let mut padded = [0.0; 8];
    padded[..values.len()].copy_from_slice(values);
    S::F32::from_array(padded)
}

#[inline(always)]
fn store<S: Simd>(lanes: S::F32, target: &mut [f32]) {
    if target.len() == 8 {
        lanes.store(target);
    } else {
        let len = target.len();
        target.copy_from_slice(&lanes.to_array()[..len]);
    }
}
