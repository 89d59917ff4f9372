//! The stages of layers that take images: convolutions and pools.

use super::{Builder, Operation, layouts_differ};
use crate::kernels::conv::Conv;
use crate::kernels::depthwise::Depthwise;
use crate::kernels::groups::{GroupSizes, Groups};
use crate::kernels::image::Image;
use crate::kernels::matrix_conv::MatrixConv;
use crate::kernels::mean::Mean;
use crate::kernels::pool::Pool;
use crate::kernels::windows::Geometry;
use crate::layer::{Layer, PlacedLayer};
use crate::order::{CHANNEL_BLOCK, ConvOrder, conv_order};
use crate::pool::Pool2d;
use crate::shape::InputShape;

impl Builder {
    /// Adds the stages of a convolution, which takes a relu along.
    pub(super) fn add_conv(&mut self, place: &PlacedLayer, relu: bool, weights: (usize, usize)) {
        let Layer::Conv2d { kernel, stride, padding, dilation, groups, bias, .. } = place.layer else {
            unreachable!("the caller matched a convolution")
        };
        let (input, output) = (image(place.input), image(place.output));
        let geometry = Geometry { input, output, kernel, stride, padding, dilation };
        let order = conv_order(place);
        let operation = match (groups, order) {
            (1, Some(ConvOrder::Matrix)) => {
                self.leave_blocks();
                let conv = MatrixConv::new(geometry, bias, relu, self.packed_len);
                self.packed_len = conv.packed().end();
                Operation::MatrixConv(conv)
            }
            (1, _) => {
                let conv = Conv::new(geometry, 1, bias, relu, self.packed_len);
                let skips_zeros_at = conv.takes_lists().then(|| conv.packed().end() - 1);
                self.enter_blocks(input, skips_zeros_at);
                self.packed_len = conv.packed().end();
                Operation::Conv(conv)
            }
            (_, Some(ConvOrder::Direct)) if groups == input.channels && groups == output.channels => {
                self.enter_blocks(input, None);
                let conv = Depthwise::new(geometry, bias, relu, self.packed_len);
                self.packed_len = conv.packed().end();
                Operation::Depthwise(conv)
            }
            (_, Some(ConvOrder::Direct)) => {
                // A group is whole blocks, or a channel, whose pixels are neighbours in row-major order, or a few channels.
                match input.channels / groups {
                    1 => self.leave_blocks(),
                    channels if input.channels < CHANNEL_BLOCK => {
                        self.leave_blocks();
                        let part = Image { channels, ..input };
                        self.push(Operation::ToGroups(part, groups), (0, 0), input.size());
                    }
                    _ => self.enter_blocks(input, None),
                }
                Operation::Groups(self.groups(
                    geometry,
                    groups,
                    |geometry, at| {
                        let conv = Conv::new(geometry, groups, bias, relu, at);
                        let end = conv.packed().end();
                        (conv, end)
                    },
                    Groups::direct,
                ))
            }
            _ => {
                self.leave_blocks();
                Operation::Groups(self.groups(
                    geometry,
                    groups,
                    |geometry, at| {
                        let conv = MatrixConv::new(geometry, bias, relu, at);
                        let end = conv.packed().end();
                        (conv, end)
                    },
                    Groups::matrix,
                ))
            }
        };
        let is_blocked = match &operation {
            Operation::MatrixConv(_) => false,
            Operation::Groups(groups) => groups.makes_blocks(),
            _ => true,
        };
        self.push(operation, weights, output.size());
        self.blocked = is_blocked.then_some(output);
    }

    /// The convolutions of all groups, of which `make` gives each, and where its packed weights end.
    fn groups<C>(
        &mut self,
        whole: Geometry,
        groups: usize,
        make: impl Fn(Geometry, usize) -> (C, usize),
        join: impl Fn(Vec<C>, GroupSizes) -> Groups,
    ) -> Groups {
        let part = |image: Image| Image { channels: image.channels / groups, ..image };
        let geometry = Geometry { input: part(whole.input), output: part(whole.output), ..whole };
        let convs = (0..groups).map(|_| {
            let (conv, end) = make(geometry, self.packed_len);
            self.packed_len = end;
            conv
        });
        let convs = convs.collect();
        let sizes = GroupSizes {
            input: geometry.input.size(),
            output: geometry.output.size(),
            filters: geometry.output.channels * geometry.taps(),
            biases: geometry.output.channels,
        };
        join(convs, sizes)
    }

    /// Adds a pool, which takes images as they lie.
    pub(super) fn add_pool(&mut self, place: &PlacedLayer, pool: Pool2d) {
        let (input, output) = (image(place.input), image(place.output));
        let stage = Pool::new(pool, input, output, self.blocked.is_some());
        self.push(Operation::Pool(stage), (0, 0), output.size());
        self.blocked = self.blocked.map(|_| output);
    }

    /// Adds the mean over all pixels, whose one pixel is in the same order either way.
    pub(super) fn add_mean(&mut self, place: &PlacedLayer) {
        let mean = Mean::new(image(place.input), self.blocked.is_some());
        self.push(Operation::Mean(mean), (0, 0), place.output.size());
        self.blocked = None;
    }

    /// Keeps the activations as they lie.
    pub(super) fn keep(&mut self, size: usize) {
        let stride = crate::packed::row_stride(size);
        self.kept.push((self.blocked, self.kept_len));
        self.push(Operation::Keep { at: self.kept_len }, (0, 0), size);
        self.kept_len += stride;
        self.max_kept = self.max_kept.max(self.kept_len);
    }

    /// Adds what was kept last, in the layout in which it was kept.
    pub(super) fn add_kept(&mut self, size: usize) {
        let Some((blocked, at)) = self.kept.pop() else {
            unreachable!("Architecture::new closes what it opens")
        };
        match blocked {
            Some(image) => self.enter_blocks(image, None),
            None => self.leave_blocks(),
        }
        self.blocked = blocked;
        self.kept_len = at;
        self.push(Operation::Add { at }, (0, 0), size);
    }

    /// Makes sure that the activations are as convolutions want them. Where one takes lists of the values that are not zero,
    /// the number says which packed weight tells whether it may.
    fn enter_blocks(&mut self, input: Image, skips_zeros_at: Option<usize>) {
        if self.blocked.is_none() && (layouts_differ(input) || skips_zeros_at.is_some()) {
            self.push(Operation::ToBlocks(input, skips_zeros_at), (0, 0), input.size());
        }
    }
}

fn image(shape: InputShape) -> Image {
    match shape {
        InputShape::Image { channels, height, width } => Image { channels, height, width },
        InputShape::Flat(_) => unreachable!("Architecture::new gives a layer of images an image"),
    }
}
