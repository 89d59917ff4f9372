//! What a network computes: its input, its layers, and the sizes that follow from them.

use std::fmt;

use crate::error::{PolicyError, Reason};
use crate::exactness::{self, Exactness};

/// No layer may have more weights or activations than this; sizes stay far from overflow everywhere.
const MAX_VALUES: usize = 1 << 30;

/// The shape of one observation, and of the activations between layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputShape {
    /// A vector.
    Flat(usize),
    /// An image, row-major as (channels, height, width).
    Image {
        /// Number of channels.
        channels: usize,
        /// Rows of pixels.
        height: usize,
        /// Pixels in a row.
        width: usize,
    },
}

impl InputShape {
    /// Number of float32 values.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Flat(inputs) => inputs,
            Self::Image { channels, height, width } => channels * height * width,
        }
    }

    fn checked_size(self) -> Option<usize> {
        match self {
            Self::Flat(inputs) => within_limit(inputs),
            Self::Image { channels, height, width } => product(&[channels, height, width]),
        }
    }
}

impl fmt::Display for InputShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat(inputs) => write!(formatter, "{inputs}"),
            Self::Image { channels, height, width } => write!(formatter, "{channels}x{height}x{width}"),
        }
    }
}

/// One layer; its input size follows from the layer before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// `torch.nn.Linear`: weight (outputs, inputs), then bias (outputs). An image is flattened row-major first.
    Linear {
        /// Number of output values.
        outputs: usize,
        /// Whether a bias vector follows the weight matrix.
        bias: bool,
    },
    /// `torch.nn.Conv2d` (one group, no dilation, zero padding): weight (out_channels, channels, kernel height,
    /// kernel width), then bias (out_channels).
    Conv2d {
        /// Number of output channels.
        out_channels: usize,
        /// Height and width of the kernel.
        kernel: (usize, usize),
        /// Step between windows, down and across.
        stride: (usize, usize),
        /// Rows above and below, columns left and right that count as zeros.
        padding: (usize, usize),
        /// Whether a bias vector follows the weights.
        bias: bool,
    },
    /// The hyperbolic tangent of every value.
    Tanh,
    /// Zero for every value below zero; -0.0 and NaN pass.
    Relu,
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear { outputs, .. } => write!(formatter, "linear, {outputs} outputs"),
            Self::Conv2d { out_channels, kernel, .. } => {
                write!(formatter, "conv2d, {out_channels} channels, kernel {}x{}", kernel.0, kernel.1)
            }
            Self::Tanh => formatter.write_str("tanh"),
            Self::Relu => formatter.write_str("relu"),
        }
    }
}

/// A layer with all that follows from its place in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlacedLayer {
    pub(crate) layer: Layer,
    pub(crate) input: InputShape,
    pub(crate) output: InputShape,
    /// Where the layer's weights start in the flat vector.
    pub(crate) weights_at: usize,
}

impl PlacedLayer {
    /// Weights and biases together.
    pub(crate) fn n_params(&self) -> usize {
        match self.layer {
            Layer::Linear { outputs, bias } => outputs * self.input.size() + if bias { outputs } else { 0 },
            Layer::Conv2d { out_channels, bias, .. } => {
                out_channels * self.taps() + if bias { out_channels } else { 0 }
            }
            Layer::Tanh | Layer::Relu => 0,
        }
    }

    /// Products that are summed into one output value.
    fn taps(&self) -> usize {
        match (self.layer, self.input) {
            (Layer::Conv2d { kernel, .. }, InputShape::Image { channels, .. }) => {
                channels * kernel.0 * kernel.1
            }
            (Layer::Linear { .. }, input) => input.size(),
            _ => 0,
        }
    }
}

/// A validated list of layers: what [`Network`](crate::Network) runs.
///
/// ```
/// use policy::{Architecture, InputShape, Layer};
///
/// let linear = |outputs| Layer::Linear { outputs, bias: true };
/// let architecture = Architecture::new(InputShape::Flat(4), vec![linear(64), Layer::Tanh, linear(2)])?;
/// assert_eq!((architecture.n_params(), architecture.macs()), (450, 384));
/// # Ok::<(), policy::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Architecture {
    input: InputShape,
    layers: Vec<Layer>,
    placed: Vec<PlacedLayer>,
    n_params: usize,
}

impl Architecture {
    /// Checks that every layer fits the one before it.
    ///
    /// # Errors
    ///
    /// If a size is zero, a convolution has no image for input or a kernel larger than its padded input, no layer has
    /// weights, or a layer would hold more than 2^30 values.
    pub fn new(input: InputShape, layers: Vec<Layer>) -> Result<Self, PolicyError> {
        match input.checked_size() {
            Some(0) => return Err(Reason::EmptyInput { shape: input.to_string() }.into()),
            Some(_) => {}
            None => return Err(too_large("the input".to_owned()).into()),
        }
        let mut placed = Vec::with_capacity(layers.len());
        let (mut shape, mut n_params) = (input, 0);
        for (index, &layer) in layers.iter().enumerate() {
            let name = || format!("layer {} ({layer})", index + 1);
            let output = output_shape(layer, shape, &name)?;
            let place = PlacedLayer { layer, input: shape, output, weights_at: n_params };
            n_params = within_limit(n_params + place.n_params()).ok_or_else(|| too_large(name()))?;
            placed.push(place);
            shape = output;
        }
        if n_params == 0 {
            return Err(Reason::NoWeights { layers: layers.len() }.into());
        }
        Ok(Self { input, layers, placed, n_params })
    }

    /// The shape of one observation.
    #[must_use]
    pub fn input(&self) -> InputShape {
        self.input
    }

    /// The layers, first to last.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Length of the flat weight vector.
    #[must_use]
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// Values in one observation.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.input.size()
    }

    /// Values in one row of logits.
    #[must_use]
    pub fn n_outputs(&self) -> usize {
        self.placed.last().map_or(self.n_inputs(), |last| last.output.size())
    }

    /// Multiply-accumulates of one forward pass for one observation, taps in the padding included.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.placed.iter().map(|place| place.output.size() as u64 * place.taps() as u64).sum()
    }

    /// Whether the logits equal PyTorch's in every bit, and if not, why not.
    #[must_use]
    pub fn exactness(&self) -> Exactness {
        exactness::of(&self.placed)
    }

    pub(crate) fn placed(&self) -> &[PlacedLayer] {
        &self.placed
    }
}

fn output_shape(layer: Layer, input: InputShape, name: &dyn Fn() -> String) -> Result<InputShape, Reason> {
    match layer {
        Layer::Tanh | Layer::Relu => Ok(input),
        Layer::Linear { outputs, .. } => {
            require_positive(&[(outputs, "the number of outputs")], name)?;
            product(&[outputs, input.size()]).ok_or_else(|| too_large(name()))?;
            Ok(InputShape::Flat(outputs))
        }
        Layer::Conv2d { out_channels, kernel, stride, padding, .. } => {
            let sizes = [
                (out_channels, "the number of channels"),
                (kernel.0.min(kernel.1), "the kernel size"),
                (stride.0.min(stride.1), "the stride"),
            ];
            require_positive(&sizes, name)?;
            let InputShape::Image { channels, height, width } = input else {
                return Err(Reason::NeedsImage { layer: name(), inputs: input.size() });
            };
            product(&[out_channels, channels, kernel.0, kernel.1]).ok_or_else(|| too_large(name()))?;
            let padded = |size: usize, padding: usize| {
                padding.checked_mul(2).and_then(|both| both.checked_add(size)).and_then(within_limit)
            };
            let (Some(high), Some(wide)) = (padded(height, padding.0), padded(width, padding.1)) else {
                return Err(too_large(name()));
            };
            if high < kernel.0 || wide < kernel.1 {
                return Err(Reason::KernelTooLarge { layer: name(), height: high, width: wide });
            }
            let output = InputShape::Image {
                channels: out_channels,
                height: (high - kernel.0) / stride.0 + 1,
                width: (wide - kernel.1) / stride.1 + 1,
            };
            output.checked_size().map(|_| output).ok_or_else(|| too_large(name()))
        }
    }
}

fn require_positive(sizes: &[(usize, &'static str)], name: &dyn Fn() -> String) -> Result<(), Reason> {
    match sizes.iter().find(|(size, _)| *size == 0) {
        Some(&(_, what)) => Err(Reason::Zero { layer: name(), what }),
        None => Ok(()),
    }
}

fn too_large(layer: String) -> Reason {
    Reason::TooLarge { layer, limit: MAX_VALUES }
}

fn within_limit(size: usize) -> Option<usize> {
    (size <= MAX_VALUES).then_some(size)
}

fn product(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1_usize, |all, &size| all.checked_mul(size)).and_then(within_limit)
}
