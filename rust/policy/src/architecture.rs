//! What a network computes: its input and its layers, each checked against the one before it.

use crate::error::{PolicyError, Reason};
use crate::exactness::{self, Exactness};
use crate::layer::{InputShape, Layer, MAX_VALUES, PlacedLayer, product, within_limit};

/// A validated list of layers: what [`Network`](crate::Network) runs.
///
/// ```
/// use policy::{Architecture, InputShape, Layer};
///
/// let linear = |outputs| Layer::Linear { outputs, bias: true };
/// let architecture = Architecture::new(InputShape::Flat(4), vec![linear(64), Layer::TANH, linear(2)])?;
/// assert_eq!((architecture.n_params(), architecture.macs()), (450, 384));
/// # Ok::<(), policy::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Architecture {
    input: InputShape,
    layers: Vec<Layer>,
    placed: Vec<PlacedLayer>,
    n_params: usize,
    n_state: usize,
}

impl Architecture {
    /// Checks that every layer fits the one before it.
    ///
    /// # Errors
    ///
    /// If a size is zero, a softmax has an image for input, a convolution has none or a kernel larger than its padded input, no layer has
    /// weights, or a layer would hold more than 2^30 values.
    pub fn new(input: InputShape, layers: Vec<Layer>) -> Result<Self, PolicyError> {
        match input.checked_size() {
            Some(0) => return Err(Reason::EmptyInput { shape: input.to_string() }.into()),
            Some(_) => {}
            None => return Err(too_large("the input".to_owned()).into()),
        }
        let mut placed = Vec::with_capacity(layers.len());
        let (mut shape, mut n_params, mut n_state) = (input, 0, 0);
        for (index, &layer) in layers.iter().enumerate() {
            let name = || format!("layer {} ({layer})", index + 1);
            let output = output_shape(layer, shape, &name)?;
            let place = PlacedLayer { layer, input: shape, output, weights_at: n_params, state_at: n_state };
            n_params = within_limit(n_params + place.n_params()).ok_or_else(|| too_large(name()))?;
            n_state = within_limit(n_state + place.n_state()).ok_or_else(|| too_large(name()))?;
            placed.push(place);
            shape = output;
        }
        if n_params == 0 {
            return Err(Reason::NoWeights { layers: layers.len() }.into());
        }
        Ok(Self { input, layers, placed, n_params, n_state })
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

    /// Values that a lane remembers from one step to the next: the states of all recurrent cells, first to last, of each
    /// its output, then the cell state of an LSTM. Zeros before the first step; 0 values if there are no cells.
    #[must_use]
    pub fn n_state(&self) -> usize {
        self.n_state
    }

    /// Multiply-accumulates of one forward pass for one observation, taps in the padding included.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.placed.iter().map(PlacedLayer::macs).sum()
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
        Layer::Activation(_) => Ok(input),
        Layer::Softmax | Layer::LogSoftmax => match input {
            InputShape::Flat(_) => Ok(input),
            InputShape::Image { .. } => Err(Reason::NeedsVector { layer: name(), input: input.to_string() }),
        },
        Layer::Linear { outputs, .. } => {
            require_positive(&[(outputs, "the number of outputs")], name)?;
            product(&[outputs, input.size()]).ok_or_else(|| too_large(name()))?;
            Ok(InputShape::Flat(outputs))
        }
        Layer::Cell { kind, hidden, .. } => {
            require_positive(&[(hidden, "the hidden size")], name)?;
            let rows = product(&[kind.gates(), hidden]).ok_or_else(|| too_large(name()))?;
            let taps = within_limit(input.size() + hidden).ok_or_else(|| too_large(name()))?;
            product(&[rows, taps]).ok_or_else(|| too_large(name()))?;
            Ok(InputShape::Flat(hidden))
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
