//! From an architecture to the stages that a forward pass runs, one after the other.

use lane_math::{Activation, Isa};

use crate::architecture::Architecture;
use crate::kernels::LinearShape;
use crate::kernels::cells::Cell;
use crate::kernels::conv::Conv;
use crate::kernels::image::Image;
use crate::kernels::linear::Linear;
use crate::kernels::matrix_conv::MatrixConv;
use crate::kernels::windows::Geometry;
use crate::layer::{InputShape, Layer, PlacedLayer};
use crate::order::{ConvOrder, conv_order};
use crate::packed::row_stride;

/// One pass over the activations of all rows.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Linear(Linear),
    Conv(Conv),
    /// Of row-major images.
    MatrixConv(MatrixConv),
    /// Boxed: it is large, and there are few.
    Cell(Box<Cell>),
    /// Applied in place.
    Activation(Activation),
    /// Applied in place to the values of each row, of which there are so many.
    Softmax(Normalizer, usize),
    /// Brings an image into the layout of convolutions. If the convolution that follows takes lists of non-zero values,
    /// the number says where an individual's packed weights tell whether products with zeros may be left out.
    ToBlocks(Image, Option<usize>),
    /// Brings an image back to row-major order.
    ToRows(Image),
}

impl Operation {
    /// Whether it changes the activations where they lie.
    pub(crate) fn works_in_place(&self) -> bool {
        matches!(self, Self::Activation(_) | Self::Softmax(..))
    }

    /// Whether only the values of a row are stored, so that rows may follow each other without padding.
    pub(crate) fn leaves_padding_alone(&self) -> bool {
        matches!(
            self,
            Self::Linear(Linear::Dots(_))
                | Self::Conv(_)
                | Self::MatrixConv(_)
                | Self::Cell(_)
                | Self::ToBlocks(..)
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
    /// The most values that a cell needs for a row, see [`Cell::gates_len`].
    pub(crate) max_gates: usize,
    /// Whether lanes of one individual should be neighbours, even if that costs a copy of the observations.
    pub(crate) gains_from_sorting: bool,
}

/// From this many multiply-accumulates on, sharing loaded weights between lanes pays for sorting the lanes.
const SORTING_MIN_MACS: u64 = 4096;

impl Plan {
    pub(crate) fn new(architecture: &Architecture) -> Self {
        let mut builder = Builder { stages: Vec::new(), packed_len: 0, blocked: None };
        let mut places = architecture.placed().iter().peekable();
        while let Some(place) = places.next() {
            let relu_follows = places.peek().is_some_and(|next| next.layer == Layer::RELU);
            if builder.add(place, relu_follows) && relu_follows {
                places.next();
            }
        }
        builder.leave_blocks();
        let (stages, packed_len) = (builder.stages, builder.packed_len);
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
            _ => 0,
        });
        Self {
            packed_len,
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

struct Builder {
    stages: Vec<Stage>,
    packed_len: usize,
    /// The image, while the activations are in the layout of convolutions.
    blocked: Option<Image>,
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
            Layer::Conv2d { kernel, stride, padding, bias, .. } => {
                let (input, output) = (image(place.input), image(place.output));
                let geometry = Geometry { input, output, kernel, stride, padding };
                if conv_order(place) == Some(ConvOrder::Matrix) {
                    self.leave_blocks();
                    let conv = MatrixConv::new(geometry, bias, relu, self.packed_len);
                    self.packed_len = conv.packed().end();
                    self.push(Operation::MatrixConv(conv), weights, size);
                    return true;
                }
                let conv = Conv::new(geometry, bias, relu, self.packed_len);
                self.enter_blocks(input, &conv);
                self.packed_len = conv.packed().end();
                self.push(Operation::Conv(conv), weights, size);
                self.blocked = Some(output);
                return true;
            }
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

    /// Makes sure that the activations are as the convolution wants them.
    fn enter_blocks(&mut self, input: Image, conv: &Conv) {
        let skips_zeros_at = conv.takes_lists().then(|| conv.packed().end() - 1);
        if self.blocked.is_none() && (layouts_differ(input) || skips_zeros_at.is_some()) {
            self.push(Operation::ToBlocks(input, skips_zeros_at), (0, 0), input.size());
        }
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

fn image(shape: InputShape) -> Image {
    match shape {
        InputShape::Image { channels, height, width } => Image { channels, height, width },
        InputShape::Flat(_) => unreachable!("Architecture::new gives a convolution an image"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Linear, Operation, Plan};
    use crate::architecture::Architecture;
    use crate::layer::{InputShape, Layer};
    use lane_math::Activation;

    fn linear(outputs: usize) -> Layer {
        Layer::Linear { outputs, bias: true }
    }

    /// A kernel of 3 by 3.
    fn conv(out_channels: usize) -> Layer {
        Layer::Conv2d { out_channels, kernel: (3, 3), stride: (1, 1), padding: (0, 0), bias: true }
    }

    fn image(channels: usize, height: usize, width: usize) -> InputShape {
        InputShape::Image { channels, height, width }
    }

    fn plan(input: InputShape, layers: &[Layer]) -> Plan {
        Plan::new(&Architecture::new(input, layers.to_vec()).expect("the layers fit"))
    }

    fn stages(input: InputShape, layers: &[Layer]) -> String {
        let names = plan(input, layers).stages.into_iter().map(|stage| match stage.operation {
            Operation::Linear(Linear::Chain(_)) => "chain".to_owned(),
            Operation::Linear(Linear::Dots(_)) => "dots".to_owned(),
            Operation::Conv(_) => "conv".to_owned(),
            Operation::MatrixConv(_) => "matrix".to_owned(),
            Operation::Cell(_) => "cell".to_owned(),
            Operation::Activation(activation) => activation.to_string(),
            Operation::Softmax(..) => "softmax".to_owned(),
            Operation::ToBlocks(..) => "blocks".to_owned(),
            Operation::ToRows(_) => "rows".to_owned(),
        });
        names.collect::<Vec<_>>().join(" ")
    }

    /// Every stage is a pass over memory: what another takes along, or what would change nothing, is none.
    #[test]
    fn stages_are_as_few_as_the_layers_need() {
        let flat = InputShape::Flat(4);
        assert_eq!(stages(flat, &[linear(16), Layer::TANH, linear(2)]), "chain tanh dots");
        let layers = [Layer::RELU, linear(16), Layer::RELU, Layer::RELU, linear(2), Layer::RELU];
        assert_eq!(stages(flat, &layers), "relu chain relu dots relu");
        assert_eq!(stages(image(3, 8, 8), &[conv(4), Layer::RELU, conv(5)]), "blocks conv conv rows");
        let layers = [linear(16), Layer::Activation(Activation::Identity), linear(2), Layer::Softmax];
        assert_eq!(stages(flat, &layers), "chain dots softmax");
        let layers = [conv(4), Layer::TANH, linear(2), linear(3)];
        assert_eq!(stages(image(3, 8, 8), &layers), "blocks conv tanh rows dots dots");
        // One channel, or one pixel, is in the same order either way; lists of what is not zero are made all the same.
        assert_eq!(stages(image(1, 8, 8), &[conv(1), linear(2)]), "conv dots");
        assert_eq!(stages(image(1, 8, 8), &[conv(8), linear(2)]), "blocks conv rows dots");
        assert_eq!(stages(image(9, 3, 3), &[conv(16), linear(2)]), "blocks conv dots");
        // A convolution that PyTorch computes as a matrix product takes images as they come.
        let padded =
            Layer::Conv2d { out_channels: 4, kernel: (1, 1), stride: (1, 1), padding: (1, 1), bias: true };
        assert_eq!(stages(image(3, 8, 8), &[padded, Layer::RELU, padded, linear(2)]), "matrix matrix dots");
        let layers = [conv(4), Layer::RELU, padded, conv(5)];
        assert_eq!(stages(image(3, 8, 8), &layers), "blocks conv rows matrix blocks conv rows");
    }

    #[test]
    fn what_the_first_stage_does_with_the_observations() {
        let reads_pixels = |input, layers: &[Layer]| plan(input, layers).reads_pixels();
        assert!(
            [2, 3, 8]
                .map(|channels| reads_pixels(image(channels, 8, 8), &[conv(4)]))
                .into_iter()
                .all(|yes| yes)
        );
        assert!(!reads_pixels(image(9, 8, 8), &[conv(4)]));
        assert!(!reads_pixels(image(3, 8, 8), &[Layer::RELU, conv(4)]));
        assert!(!reads_pixels(image(3, 8, 8), &[linear(4)]));
        assert!(plan(image(3, 8, 8), &[Layer::RELU, conv(4)]).starts_in_place());
        assert!(!plan(image(3, 8, 8), &[conv(4), Layer::RELU]).starts_in_place());
    }

    #[test]
    fn lanes_are_sorted_from_a_number_of_products_on() {
        let bias_free = |outputs| Layer::Linear { outputs, bias: false };
        assert!(!plan(InputShape::Flat(63), &[bias_free(65)]).gains_from_sorting);
        assert!(plan(InputShape::Flat(64), &[bias_free(64)]).gains_from_sorting);
    }

    #[test]
    fn kernels_that_store_whole_vectors_do_not_write_logits() {
        let may = |input, layer| {
            plan(input, &[layer])
                .stages
                .iter()
                .map(|stage| stage.operation.leaves_padding_alone())
                .collect::<Vec<_>>()
        };
        assert_eq!(may(InputShape::Flat(4), linear(12)), [false]);
        assert_eq!(may(InputShape::Flat(4), linear(11)), [true]);
        assert_eq!(may(image(3, 8, 8), conv(4)), [true; 3]);
    }
}
