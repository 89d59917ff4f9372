//! What a network computes: its input and its layers, each checked against the one before it.

use crate::error::{PolicyError, Reason};
use crate::exactness::{self, Exactness};
use crate::layer::{Layer, PlacedLayer};
use crate::shape::{InputShape, product, within_limit};

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
    /// If a size is zero, a softmax has an image for input, a convolution or a pool has none, or a kernel larger than its
    /// padded input, groups do not divide channels, a skip and what is added to it have two shapes or one stands alone, no
    /// layer has weights, or a layer would hold more than 2^30 values.
    pub fn new(input: InputShape, layers: Vec<Layer>) -> Result<Self, PolicyError> {
        match input.checked_size() {
            Some(0) => return Err(Reason::EmptyInput { shape: input.to_string() }.into()),
            Some(_) => {}
            None => return Err(too_large("the input".to_owned()).into()),
        }
        let mut placed = Vec::with_capacity(layers.len());
        let (mut shape, mut n_params, mut n_state) = (input, 0, 0);
        let mut skips = Skips::default();
        for (index, &layer) in layers.iter().enumerate() {
            let name = || format!("layer {} ({layer})", index + 1);
            let output = output_shape(layer, shape, &name)?;
            skips.follow(layer, shape, &name)?;
            let place = PlacedLayer { layer, input: shape, output, weights_at: n_params, state_at: n_state };
            n_params = within_limit(n_params + place.n_params()).ok_or_else(|| too_large(name()))?;
            n_state = within_limit(n_state + place.n_state()).ok_or_else(|| too_large(name()))?;
            placed.push(place);
            shape = output;
        }
        skips.check_closed()?;
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
        Layer::Activation(_) | Layer::LayerNorm(_) | Layer::Skip | Layer::AddSkip => Ok(input),
        Layer::Pool2d(pool) => pool.output(input, name),
        Layer::GlobalAvgPool2d => match input {
            InputShape::Image { channels, .. } => Ok(InputShape::Image { channels, height: 1, width: 1 }),
            InputShape::Flat(inputs) => Err(Reason::NeedsImage { layer: name(), inputs }),
        },
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
        Layer::Conv2d { out_channels, kernel, stride, padding, dilation, groups, .. } => {
            let sizes = [
                (out_channels, "the number of channels"),
                (kernel.0.min(kernel.1), "the kernel size"),
                (stride.0.min(stride.1), "the stride"),
                (dilation.0.min(dilation.1), "the dilation"),
                (groups, "the number of groups"),
            ];
            require_positive(&sizes, name)?;
            let InputShape::Image { channels, height, width } = input else {
                return Err(Reason::NeedsImage { layer: name(), inputs: input.size() });
            };
            if let Some(channels) = [channels, out_channels].into_iter().find(|count| count % groups != 0) {
                return Err(Reason::NotDivisible { layer: name(), channels, groups });
            }
            product(&[out_channels, channels, kernel.0, kernel.1]).ok_or_else(|| too_large(name()))?;
            let extent = |kernel: usize, dilation: usize| (kernel - 1).checked_mul(dilation)?.checked_add(1);
            let (Some(tall), Some(broad)) = (extent(kernel.0, dilation.0), extent(kernel.1, dilation.1))
            else {
                return Err(too_large(name()));
            };
            let padded = |size: usize, padding: usize| {
                padding.checked_mul(2).and_then(|both| both.checked_add(size)).and_then(within_limit)
            };
            let (Some(high), Some(wide)) = (padded(height, padding.0), padded(width, padding.1)) else {
                return Err(too_large(name()));
            };
            if high < tall || wide < broad {
                return Err(Reason::KernelTooLarge { layer: name(), height: high, width: wide });
            }
            let output = InputShape::Image {
                channels: out_channels,
                height: (high - tall) / stride.0 + 1,
                width: (wide - broad) / stride.1 + 1,
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
    Reason::too_large(layer)
}

/// The skips that are open while layers are gone through.
#[derive(Default)]
struct Skips(Vec<(InputShape, String)>);

impl Skips {
    fn follow(&mut self, layer: Layer, shape: InputShape, name: &dyn Fn() -> String) -> Result<(), Reason> {
        match layer {
            Layer::Skip => self.0.push((shape, name())),
            Layer::AddSkip => {
                let (kept, _) = self.0.pop().ok_or_else(|| Reason::NoSkip { layer: name() })?;
                if kept != shape {
                    let (kept, input) = (kept.to_string(), shape.to_string());
                    return Err(Reason::SkipDiffers { layer: name(), kept, input });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_closed(mut self) -> Result<(), Reason> {
        self.0.pop().map_or(Ok(()), |(_, layer)| Err(Reason::OpenSkip { layer }))
    }
}
