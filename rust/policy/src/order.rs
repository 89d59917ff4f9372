//! The orders in which PyTorch adds up a layer's products, as rules of its shape.
//!
//! [`crate::reference`] spells the sums out one product at a time; the kernels compute the same sums side by side.

use crate::layer::{Layer, PlacedLayer};
use crate::matrix_order::is_known;
use crate::shape::InputShape;

/// Convolutions take their input channels in blocks of this many.
pub(crate) const CHANNEL_BLOCK: usize = 8;

/// From this many outputs on, a linear layer is a chain per output; below, it is a dot product per output.
const CHAIN_MIN_OUTPUTS: usize = 12;

/// How a linear layer sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinearOrder {
    /// One input: bias + input * weight; there is no sum that a product of -0 could vanish in.
    Product,
    /// Per output one chain of fused multiply-adds over each block of this many inputs; blocks add to the bias.
    Chain { block: usize },
    /// Dot products in strided lanes, see [`dot_lanes`].
    Dots,
    /// One output: a dot product in four strided lanes, the first of which starts with the first product.
    SingleDot,
}

/// The order of a linear layer.
pub(crate) fn linear_order(inputs: usize, outputs: usize) -> LinearOrder {
    match (inputs, outputs) {
        (_, 1) => LinearOrder::SingleDot,
        (1, _) => LinearOrder::Product,
        (_, CHAIN_MIN_OUTPUTS..) => LinearOrder::Chain { block: chain_block(inputs) },
        _ => LinearOrder::Dots,
    }
}

/// Inputs in a block of a chain: MKL cuts the sum so that a block of the weights stays in cache.
fn chain_block(inputs: usize) -> usize {
    match inputs {
        ..=192 => inputs,
        193..384 => inputs / 2,
        _ => 192,
    }
}

/// Strided lanes of the dot product of one of 2 to 11 outputs: outputs go in fours, the last ones alone.
pub(crate) const fn dot_lanes(output: usize, outputs: usize) -> usize {
    if output < outputs / 4 * 4 { 4 } else { 8 }
}

/// How a convolution sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConvOrder {
    /// One chain of fused multiply-adds from the bias over blocks of channels; taps in the padding are left out. Each
    /// group of channels is a convolution by itself.
    Direct,
    /// As [`crate::matrix_order`] says, each group by itself.
    Matrix,
    /// As a matrix product that is cut by the processor's cache. It is computed as the direct convolution is.
    Unknown,
}

/// The order of a convolution; none for other layers.
pub(crate) fn conv_order(place: &PlacedLayer) -> Option<ConvOrder> {
    let (
        Layer::Conv2d { kernel, stride, padding, dilation, groups, .. },
        InputShape::Image { channels, .. },
        InputShape::Image { channels: out_channels, height, width },
    ) = (place.layer, place.input, place.output)
    else {
        return None;
    };
    let (channels, out_channels) = (channels / groups, out_channels / groups);
    let extent = dilated(kernel, dilation);
    let leaves = match (groups, channels, out_channels) {
        (2.., 1, 1) => leaves_depthwise_kernel(extent, padding, width),
        (2.., _, _) if !has_blocks(channels, out_channels, groups) => true,
        _ => leaves_direct_kernel(kernel, extent, stride, padding, width),
    };
    Some(match leaves {
        false => ConvOrder::Direct,
        true if is_known(channels, out_channels, kernel, stride, height * width) => ConvOrder::Matrix,
        true => ConvOrder::Unknown,
    })
}

/// The shapes that oneDNN 3.12 hands from its AVX2 direct convolution to a matrix product.
///
/// It measures what the windows need of the padding on either side; behind the last row or column that is never more
/// than before the first, so `padding` decides.
fn leaves_direct_kernel(
    kernel: (usize, usize),
    extent: (usize, usize),
    stride: (usize, usize),
    padding: (usize, usize),
    windows_across: usize,
) -> bool {
    let padded = padding != (0, 0);
    let strided = stride != (1, 1);
    let some_window_in_padding = extent.0 <= padding.0 || extent.1 <= padding.1;
    some_window_in_padding || padding.1 > windows_across.min(3) || (kernel.1 > 7 && padded && strided)
}

/// Whether groups of so many channels have a direct convolution: those of whole blocks, and all if an image has less than
/// one block.
fn has_blocks(channels: usize, out_channels: usize, groups: usize) -> bool {
    let few = channels * groups < CHANNEL_BLOCK;
    out_channels.is_multiple_of(CHANNEL_BLOCK) && (few || channels.is_multiple_of(CHANNEL_BLOCK))
}

/// The shapes that its convolution of every channel by itself hands on.
fn leaves_depthwise_kernel(extent: (usize, usize), padding: (usize, usize), windows_across: usize) -> bool {
    extent.0 <= padding.0 || extent.1 <= padding.1 || padding.1 > windows_across.min(4)
}

/// Rows and columns from the first tap of a kernel to the last.
pub(crate) fn dilated(kernel: (usize, usize), dilation: (usize, usize)) -> (usize, usize) {
    ((kernel.0 - 1) * dilation.0 + 1, (kernel.1 - 1) * dilation.1 + 1)
}

/// Whether a convolution pads its input channels to whole blocks and executes the padding, which turns a sum of -0
/// into +0 and changes nothing else. One in groups does not: its groups are whole blocks, or so few channels that it takes
/// no blocks.
pub(crate) fn executes_channel_padding(
    channels: usize,
    groups: usize,
    (height, width): (usize, usize),
    kernel: (usize, usize),
    stride: (usize, usize),
) -> bool {
    let pointwise = kernel == (1, 1) && height % stride.0 == 0 && width % stride.1 == 0;
    groups == 1 && !channels.is_multiple_of(CHANNEL_BLOCK) && (channels > CHANNEL_BLOCK || pointwise)
}

#[cfg(test)]
mod tests {
    use super::{
        ConvOrder, LinearOrder, conv_order, dot_lanes, executes_channel_padding, leaves_direct_kernel,
        linear_order,
    };
    use crate::architecture::Architecture;
    use crate::layer::Layer;
    use crate::shape::InputShape;

    #[test]
    fn linear_orders_change_at_their_bounds() {
        assert_eq!(linear_order(1, 1), LinearOrder::SingleDot);
        assert_eq!(linear_order(1, 12), LinearOrder::Product);
        assert_eq!(linear_order(2, 11), LinearOrder::Dots);
        let blocks = [(192, 192), (193, 96), (383, 191), (384, 192), (4096, 192)];
        for (inputs, block) in blocks {
            assert_eq!(linear_order(inputs, 12), LinearOrder::Chain { block });
        }
    }

    #[test]
    fn last_outputs_have_eight_lanes() {
        let lanes: Vec<_> = (0..7).map(|output| dot_lanes(output, 7)).collect();
        assert_eq!(lanes, [4, 4, 4, 4, 8, 8, 8]);
    }

    #[test]
    fn few_channels_are_padded_for_pointwise_kernels_only() {
        assert!(!executes_channel_padding(5, 1, (12, 12), (3, 3), (1, 1)));
        assert!(executes_channel_padding(5, 1, (12, 12), (1, 1), (2, 2)));
        assert!(!executes_channel_padding(5, 1, (13, 12), (1, 1), (2, 2)));
        assert!(executes_channel_padding(9, 1, (12, 12), (3, 3), (1, 1)));
        assert!(!executes_channel_padding(16, 1, (12, 12), (1, 1), (1, 1)));
        assert!(!executes_channel_padding(1, 5, (12, 12), (1, 1), (1, 1)));
    }

    #[test]
    fn groups_are_whole_blocks_or_single_channels() {
        let order = |(channels, out_channels, groups), padding| {
            let input = InputShape::Image { channels, height: 20, width: 20 };
            let (kernel, stride, dilation) = ((3, 3), (1, 1), (2, 2));
            let layer = Layer::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias: true };
            let architecture = Architecture::new(input, vec![layer]).expect("the kernel fits");
            conv_order(&architecture.placed()[0])
        };
        let (direct, matrix) = (Some(ConvOrder::Direct), Some(ConvOrder::Matrix));
        assert_eq!(order((16, 32, 2), (1, 1)), direct);
        assert_eq!(order((2, 32, 2), (1, 1)), direct);
        assert_eq!(order((7, 56, 7), (1, 1)), direct);
        assert_eq!(order((8, 64, 8), (1, 1)), matrix);
        assert_eq!(order((6, 16, 2), (1, 1)), direct);
        assert_eq!(order((6, 18, 2), (1, 1)), matrix);
        assert_eq!(order((8, 16, 2), (1, 1)), matrix);
        assert_eq!(order((16, 8, 2), (1, 1)), matrix);
        assert_eq!(order((8, 32, 2), (1, 1)), matrix);
        assert_eq!(order((2, 4, 2), (1, 1)), matrix);
        // Every channel by itself, with a padding of four; the kernel reaches over five pixels.
        assert_eq!(order((6, 6, 6), (4, 4)), direct);
        assert_eq!(order((6, 6, 6), (4, 5)), matrix);
        assert_eq!(order((6, 6, 1), (4, 4)), matrix);
        assert_eq!(order((6, 6, 1), (4, 3)), direct);
    }

    #[test]
    fn shapes_on_both_sides_of_each_rule() {
        // Kernel, stride, padding, windows across; whether PyTorch leaves its direct convolution.
        let cases = [
            ((3, 3), (1, 1), (2, 2), 9, false),
            ((3, 3), (1, 1), (3, 2), 9, true),
            ((3, 3), (1, 1), (2, 3), 9, true),
            ((3, 3), (2, 2), (4, 0), 9, true),
            ((5, 5), (1, 1), (3, 3), 9, false),
            ((5, 5), (1, 1), (4, 3), 9, false),
            ((5, 5), (1, 1), (3, 4), 9, true),
            ((5, 5), (1, 1), (0, 3), 3, false),
            ((5, 5), (1, 1), (0, 3), 2, true),
            ((5, 5), (1, 1), (0, 2), 1, true),
            ((5, 5), (1, 1), (0, 1), 1, false),
            ((5, 8), (2, 1), (1, 0), 9, true),
            ((5, 8), (1, 2), (0, 1), 9, true),
            ((5, 7), (2, 2), (1, 1), 9, false),
            ((8, 7), (2, 2), (1, 1), 9, false),
            ((8, 8), (1, 1), (1, 1), 9, false),
            ((8, 8), (2, 2), (0, 0), 9, false),
        ];
        for (kernel, stride, padding, windows, leaves) in cases {
            let found = leaves_direct_kernel(kernel, kernel, stride, padding, windows);
            assert_eq!(
                found, leaves,
                "kernel {kernel:?}, stride {stride:?}, padding {padding:?}, {windows} windows"
            );
        }
    }
}
