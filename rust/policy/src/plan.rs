//! From an architecture to the stages that a forward pass runs, one after the other.

mod images;

use lane_math::{Activation, Isa};

use crate::architecture::Architecture;
use crate::kernels::LinearShape;
use crate::kernels::cells::Cell;
use crate::kernels::conv::Conv;
use crate::kernels::depthwise::Depthwise;
use crate::kernels::groups::Groups;
use crate::kernels::image::Image;
use crate::kernels::linear::Linear;
use crate::kernels::matrix_conv::MatrixConv;
use crate::kernels::mean::Mean;
use crate::kernels::norm::Norm;
use crate::kernels::pool::Pool;
use crate::layer::{Layer, PlacedLayer};
use crate::packed::row_stride;

/// One pass over the activations of all rows.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Linear(Linear),
    Conv(Conv),
    /// Of row-major images.
    MatrixConv(MatrixConv),
    Depthwise(Depthwise),
    Groups(Groups),
    Pool(Pool),
    Mean(Mean),
    Norm(Norm),
    /// Keeps a copy of the rows, at a place for each row.
    Keep {
        at: usize,
    },
    /// Adds what was kept there.
    Add {
        at: usize,
    },
    /// Boxed: it is large, and there are few.
    Cell(Box<Cell>),
    /// Applied in place.
    Activation(Activation),
    /// Applied in place to the values of each row, of which there are so many.
    Softmax(Normalizer, usize),
    /// Brings an image into the layout of convolutions. If the convolution that follows takes lists of non-zero values,
    /// the number says where an individual's packed weights tell whether products with zeros may be left out.
    ToBlocks(Image, Option<usize>),
    /// Brings the image of each of so many groups of channels into that layout by itself.
    ToGroups(Image, usize),
    /// Brings an image back to row-major order.
    ToRows(Image),
}

impl Operation {
    /// Whether it changes the activations where they lie.
    pub(crate) fn works_in_place(&self) -> bool {
        matches!(self, Self::Activation(_) | Self::Softmax(..) | Self::Keep { .. } | Self::Add { .. })
    }

    /// Whether only the values of a row are stored, so that rows may follow each other without padding.
    pub(crate) fn leaves_padding_alone(&self) -> bool {
        matches!(
            self,
            Self::Linear(Linear::Dots(_))
                | Self::Conv(_)
                | Self::MatrixConv(_)
                | Self::Depthwise(_)
                | Self::Groups(_)
                | Self::Pool(_)
                | Self::Mean(_)
                | Self::Norm(_)
                | Self::Cell(_)
                | Self::ToBlocks(..)
                | Self::ToGroups(..)
                | Self::ToRows(_)
        )
    }
}

/// softmax or log_softmax of rows of a length.
type Normalizer = fn(Isa, &mut [f32], usize);

/// An operation, and the rows that it leaves behind.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) operation: Operation,
    /// Where the operation's parameters lie in the flat weight vector, from and to.
    pub(crate) weights: (usize, usize),
    /// Distance between the rows it leaves, a multiple of eight.
    pub(crate) stride: usize,
}

/// What a network runs.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) stages: Vec<Stage>,
    pub(crate) packed_len: usize,
    /// The longest row of activations.
    pub(crate) max_stride: usize,
    /// The most units of dot products in a row, see [`Linear::units`].
    pub(crate) max_units: usize,
    /// The most values that a convolution gathers at a time, see [`MatrixConv`].
    pub(crate) max_patches: usize,
    /// Values that are kept for each row to be added later, at most at a time.
    pub(crate) max_kept: usize,
    /// The most values that a cell needs for a row, see [`Cell::gates_len`].
    pub(crate) max_gates: usize,
    /// Whether lanes of one individual should be neighbours, even if that costs a copy of the observations.
    pub(crate) gains_from_sorting: bool,
}

/// From this many multiply-accumulates on, sharing loaded weights between lanes pays for sorting the lanes.
const SORTING_MIN_MACS: u64 = 4096;

impl Plan {
    pub(crate) fn new(architecture: &Architecture) -> Self {
        let mut builder = Builder::default();
        let mut places = architecture.placed().iter().peekable();
        while let Some(place) = places.next() {
            let relu_follows = places.peek().is_some_and(|next| next.layer == Layer::RELU);
            if builder.add(place, relu_follows) && relu_follows {
                places.next();
            }
        }
        builder.leave_blocks();
        let Builder { stages, packed_len, max_kept, .. } = builder;
        let max_units = stages.iter().map(|stage| match &stage.operation {
            Operation::Linear(linear) => linear.units(),
            Operation::Cell(cell) => cell.units(),
            _ => 0,
        });
        let max_gates = stages.iter().map(|stage| match &stage.operation {
            Operation::Cell(cell) => cell.gates_len(),
            _ => 0,
        });
        let max_patches = stages.iter().map(|stage| match &stage.operation {
            Operation::MatrixConv(conv) => conv.patches_len(),
            Operation::Groups(groups) => groups.patches_len(),
            _ => 0,
        });
        Self {
            packed_len,
            max_kept,
            max_units: max_units.max().unwrap_or(0),
            max_patches: max_patches.max().unwrap_or(0),
            max_gates: max_gates.max().unwrap_or(0),
            max_stride: stages
                .iter()
                .map(|stage| stage.stride)
                .chain([row_stride(architecture.n_inputs())])
                .max()
                .unwrap_or(0),
            gains_from_sorting: architecture.macs() >= SORTING_MIN_MACS,
            stages,
        }
    }

    /// Whether the first stage brings an image's channels together, pixel by pixel.
    pub(crate) fn reads_pixels(&self) -> bool {
        match self.stages.first() {
            Some(Stage { operation: Operation::ToBlocks(image, _), .. }) => image.blocks() == 1,
            _ => false,
        }
    }

    /// Whether the first stage changes its input.
    pub(crate) fn starts_in_place(&self) -> bool {
        self.stages.first().is_some_and(|stage| stage.operation.works_in_place())
    }
}

#[derive(Default)]
struct Builder {
    stages: Vec<Stage>,
    packed_len: usize,
    /// The image, while the activations are in the layout of convolutions.
    blocked: Option<Image>,
    /// What is kept, first to last: its layout as above, and its place.
    kept: Vec<(Option<Image>, usize)>,
    kept_len: usize,
    max_kept: usize,
}

impl Builder {
    /// Adds the stages of one layer; true if a relu that follows has been taken along.
    fn add(&mut self, place: &PlacedLayer, relu: bool) -> bool {
        let weights = (place.weights_at, place.weights_at + place.n_params());
        let size = place.output.size();
        match place.layer {
            // Value by value, so the layout does not matter.
            Layer::Activation(Activation::Identity) => {}
            Layer::Softmax => self.push(Operation::Softmax(lane_math::softmax_in_place, size), weights, size),
            Layer::LogSoftmax => {
                self.push(Operation::Softmax(lane_math::log_softmax_in_place, size), weights, size);
            }
            Layer::Activation(activation) => self.push(Operation::Activation(activation), weights, size),
            Layer::Linear { outputs, bias } => {
                self.leave_blocks();
                let shape = LinearShape { inputs: place.input.size(), outputs, has_bias: bias };
                return self.add_linear(shape, relu, weights);
            }
            Layer::Cell { kind, hidden, bias } => {
                self.leave_blocks();
                let inputs = place.input.size();
                let cell = Cell::new(kind, inputs, hidden, bias, place.state_at, self.packed_len);
                self.packed_len = cell.packed_end();
                self.push(Operation::Cell(Box::new(cell)), weights, hidden);
            }
            Layer::Conv2d { .. } => {
                self.add_conv(place, relu, weights);
                return true;
            }
            Layer::Pool2d(pool) => self.add_pool(place, pool),
            Layer::GlobalAvgPool2d => self.add_mean(place),
            Layer::LayerNorm(norm) => {
                self.leave_blocks();
                let norm = Norm::new(norm, size, self.packed_len);
                self.packed_len = norm.packed().end();
                self.push(Operation::Norm(norm), weights, size);
            }
            Layer::Skip => self.keep(size),
            Layer::AddSkip => self.add_kept(size),
        }
        false
    }

    fn add_linear(&mut self, shape: LinearShape, relu: bool, weights: (usize, usize)) -> bool {
        let linear = Linear::new(shape, relu, self.packed_len);
        self.packed_len = linear.end();
        let (columns, takes_relu) = (linear.columns(), linear.takes_relu());
        self.push(Operation::Linear(linear), weights, columns);
        takes_relu
    }

    /// Makes sure that the activations are in row-major order.
    fn leave_blocks(&mut self) {
        if let Some(output) = self.blocked.take().filter(|&output| layouts_differ(output)) {
            self.push(Operation::ToRows(output), (0, 0), output.size());
        }
    }

    fn push(&mut self, operation: Operation, weights: (usize, usize), row_len: usize) {
        self.stages.push(Stage { operation, weights, stride: row_stride(row_len) });
    }
}

/// Whether blocks of channels and row-major order are different orders.
fn layouts_differ(image: Image) -> bool {
    image.pixels() > 1 && image.channels > 1
}

#[cfg(test)]
mod tests;
