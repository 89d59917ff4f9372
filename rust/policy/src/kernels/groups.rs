//! Convolutions in groups of channels, each a convolution by itself of its part of the image.

use std::ops::ControlFlow;

use lane_math::lanes::Simd;

use super::conv::Conv;
use super::matrix_conv::MatrixConv;
use super::{Batch, Rows};
use crate::pace::Pace;

/// The convolutions of all groups, which have equal sizes. A group's channels are neighbours in the image: in row-major
/// order, and in blocks where groups are whole blocks.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    parts: Parts,
    /// Values of an image that belong to one group.
    input: usize,
    output: usize,
    /// Weights of one group, and biases, which follow all weights.
    filters: usize,
    biases: usize,
}

#[derive(Clone, Debug)]
enum Parts {
    Direct(Vec<Conv>),
    Matrix(Vec<MatrixConv>),
}

/// The sizes of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupSizes {
    /// Values of the image that it is given, and of the one that it makes.
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// Its weights, and its biases.
    pub(crate) filters: usize,
    pub(crate) biases: usize,
}

impl Groups {
    /// From blocked images, or row-major ones where groups have one channel, to blocked images; each convolution has a place
    /// of its own in the packed weights.
    pub(crate) fn direct(convs: Vec<Conv>, sizes: GroupSizes) -> Self {
        Self::of(Parts::Direct(convs), sizes)
    }

    /// Of row-major images.
    pub(crate) fn matrix(convs: Vec<MatrixConv>, sizes: GroupSizes) -> Self {
        Self::of(Parts::Matrix(convs), sizes)
    }

    fn of(parts: Parts, GroupSizes { input, output, filters, biases }: GroupSizes) -> Self {
        Self { parts, input, output, filters, biases }
    }

    /// Whether it makes images in blocks of channels.
    pub(crate) fn makes_blocks(&self) -> bool {
        matches!(self.parts, Parts::Direct(_))
    }

    /// Values of working memory.
    pub(crate) fn patches_len(&self) -> usize {
        match &self.parts {
            Parts::Direct(_) => 0,
            Parts::Matrix(convs) => convs.first().map_or(0, MatrixConv::patches_len),
        }
    }

    /// The weights (output channel, channel of the group, kernel row, kernel column), then the biases.
    pub(crate) fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        let all_filters = self.filters * self.len();
        let (filters, biases) = weights.split_at(all_filters);
        for group in 0..self.len() {
            let filters = &filters[group * self.filters..][..self.filters];
            let biases =
                if biases.is_empty() { biases } else { &biases[group * self.biases..][..self.biases] };
            match &self.parts {
                Parts::Direct(convs) => {
                    convs[group].pack_apart(filters, biases, convs[group].packed().of(packed));
                }
                Parts::Matrix(convs) => {
                    convs[group].pack_apart(filters, biases, convs[group].packed().of(packed));
                }
            }
        }
    }

    fn len(&self) -> usize {
        match &self.parts {
            Parts::Direct(convs) => convs.len(),
            Parts::Matrix(convs) => convs.len(),
        }
    }

    /// The output images of every row of the batch. `patches` has room for [`patches_len`](Self::patches_len) values.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        patches: &mut [f32],
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        for group in 0..self.len() {
            // Without rows there is nothing to begin in.
            let from = (group * self.output).min(rows.output.len());
            let mut part = Rows {
                input: &rows.input[(group * self.input).min(rows.input.len())..],
                input_stride: rows.input_stride,
                output: &mut rows.output[from..],
                output_stride: rows.output_stride,
            };
            match &self.parts {
                Parts::Direct(convs) => convs[group].forward::<S>(batch, &mut part, &[], pace)?,
                Parts::Matrix(convs) => convs[group].forward::<S>(batch, &mut part, patches, pace)?,
            }
        }
        ControlFlow::Continue(())
    }
}
