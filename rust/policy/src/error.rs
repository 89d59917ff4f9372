//! Why an architecture is refused.

use thiserror::Error;

use crate::shape::MAX_VALUES;

/// An architecture that no network can have. The message names the layer, what it needs and what it got.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct PolicyError(#[from] Reason);

/// The reasons, kept private so that new ones can be told apart without breaking callers.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Reason {
    #[error("input shape {shape}: every size must be at least 1")]
    EmptyInput { shape: String },
    #[error("the network needs at least one linear or conv2d layer, got {layers} layer(s) without weights")]
    NoWeights { layers: usize },
    #[error("{layer}: {what} must be at least 1, got 0")]
    Zero { layer: String, what: &'static str },
    #[error(
        "{layer}: needs an image of channels x height x width, but its input is a vector of {inputs} values"
    )]
    NeedsImage { layer: String, inputs: usize },
    #[error("{layer}: needs a vector, but its input is an image of {input}")]
    NeedsVector { layer: String, input: String },
    #[error("{layer}: the padding must be at most half of the kernel, {height}x{width}")]
    PaddingTooLarge { layer: String, height: usize, width: usize },
    #[error("{layer}: {channels} channels are not divisible by {groups} groups")]
    NotDivisible { layer: String, channels: usize, groups: usize },
    #[error("{layer}: nothing to add: no skip is open")]
    NoSkip { layer: String },
    #[error("{layer}: no add_skip follows")]
    OpenSkip { layer: String },
    #[error("{layer}: adds an image or vector of {kept}, but its input is {input}")]
    SkipDiffers { layer: String, kept: String, input: String },
    #[error("{layer}: the kernel does not fit into its padded input of {height}x{width}")]
    KernelTooLarge { layer: String, height: usize, width: usize },
    #[error("{layer}: more than {limit} values in its weights or activations")]
    TooLarge { layer: String, limit: usize },
}

impl Reason {
    /// What has too many values.
    pub(crate) fn too_large(layer: String) -> Self {
        Self::TooLarge { layer, limit: MAX_VALUES }
    }
}
