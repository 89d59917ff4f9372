//! A layer, and the shapes that it takes and gives.

use std::fmt;

use lane_math::Activation;

use crate::cell::CellKind;
use crate::norm::LayerNorm;
use crate::pool::Pool2d;
use crate::shape::InputShape;

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
    /// `torch.nn.Conv2d` (zero padding): weight (out_channels, channels / groups, kernel height, kernel width), then bias
    /// (out_channels).
    Conv2d {
        /// Number of output channels.
        out_channels: usize,
        /// Height and width of the kernel.
        kernel: (usize, usize),
        /// Step between windows, down and across.
        stride: (usize, usize),
        /// Rows above and below, columns left and right that count as zeros.
        padding: (usize, usize),
        /// Distance between neighbouring taps of the kernel, down and across.
        dilation: (usize, usize),
        /// Into how many parts the channels are cut; each part of the output sees its part of the input.
        groups: usize,
        /// Whether a bias vector follows the weights.
        bias: bool,
    },
    /// Pooling of an image in windows.
    Pool2d(Pool2d),
    /// `torch.nn.AdaptiveAvgPool2d(1)`: the mean of every channel.
    GlobalAvgPool2d,
    /// Normalisation of all values of a row; an image stays one.
    LayerNorm(LayerNorm),
    /// Keeps the values for the [`AddSkip`](Self::AddSkip) that belongs to it, as brackets do. They go on unchanged.
    Skip,
    /// Adds what its [`Skip`](Self::Skip) has kept, which has the same shape.
    AddSkip,
    /// `torch.nn.RNNCell`, `GRUCell` or `LSTMCell`: weight_ih (gates * hidden, inputs), weight_hh (gates * hidden, hidden),
    /// then bias_ih and bias_hh (gates * hidden). An image is flattened row-major first. It remembers its output, and an
    /// LSTM its cell state, from one call to the next.
    Cell {
        /// Which of them.
        kind: CellKind,
        /// Number of output values.
        hidden: usize,
        /// Whether there are bias vectors.
        bias: bool,
    },
    /// A function of every value.
    Activation(Activation),
    /// `torch.nn.Softmax(dim=-1)` of a vector.
    Softmax,
    /// `torch.nn.LogSoftmax(dim=-1)` of a vector.
    LogSoftmax,
}

impl Layer {
    /// The hyperbolic tangent of every value.
    pub const TANH: Self = Self::Activation(Activation::Tanh);
    /// Zero for every value below zero; -0.0 and NaN pass.
    pub const RELU: Self = Self::Activation(Activation::Relu);
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear { outputs, .. } => write!(formatter, "linear, {outputs} outputs"),
            Self::Conv2d { out_channels, kernel, .. } => {
                write!(formatter, "conv2d, {out_channels} channels, kernel {}x{}", kernel.0, kernel.1)
            }
            Self::Pool2d(pool) => write!(formatter, "{pool}"),
            Self::GlobalAvgPool2d => formatter.write_str("adaptive_avg_pool2d, 1x1"),
            Self::LayerNorm(norm) => write!(formatter, "{norm}"),
            Self::Skip => formatter.write_str("skip"),
            Self::AddSkip => formatter.write_str("add_skip"),
            Self::Cell { kind, hidden, .. } => write!(formatter, "{kind} cell, {hidden} outputs"),
            Self::Activation(activation) => write!(formatter, "{activation}"),
            Self::Softmax => formatter.write_str("softmax"),
            Self::LogSoftmax => formatter.write_str("log_softmax"),
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
    /// Where what it remembers starts in a lane's state.
    pub(crate) state_at: usize,
}

impl PlacedLayer {
    /// Weights and biases together.
    pub(crate) fn n_params(&self) -> usize {
        match self.layer {
            Layer::Linear { outputs, bias } => outputs * self.input.size() + if bias { outputs } else { 0 },
            Layer::Conv2d { out_channels, bias, .. } => {
                out_channels * self.taps() + if bias { out_channels } else { 0 }
            }
            Layer::Cell { kind, hidden, bias } => {
                kind.gates() * hidden * (self.input.size() + hidden + if bias { 2 } else { 0 })
            }
            Layer::LayerNorm(norm) => norm.params_per_value() * self.input.size(),
            Layer::Pool2d(_)
            | Layer::GlobalAvgPool2d
            | Layer::Skip
            | Layer::AddSkip
            | Layer::Activation(_)
            | Layer::Softmax
            | Layer::LogSoftmax => 0,
        }
    }

    /// Values that it remembers from one call to the next.
    pub(crate) fn n_state(&self) -> usize {
        match self.layer {
            Layer::Cell { kind, hidden, .. } => kind.states() * hidden,
            _ => 0,
        }
    }

    /// Multiply-accumulates for one row, taps in the padding included.
    pub(crate) fn macs(&self) -> u64 {
        match self.layer {
            Layer::Cell { kind, hidden, .. } => {
                (kind.gates() * hidden) as u64 * (self.input.size() + hidden) as u64
            }
            _ => self.output.size() as u64 * self.taps() as u64,
        }
    }

    /// Products that are summed into one output value.
    pub(crate) fn taps(&self) -> usize {
        match (self.layer, self.input) {
            (Layer::Conv2d { kernel, groups, .. }, InputShape::Image { channels, .. }) => {
                channels / groups * kernel.0 * kernel.1
            }
            (Layer::Linear { .. }, input) => input.size(),
            _ => 0,
        }
    }
}
