//! Normalisation of a row of values.

use std::fmt;
use std::hash::{Hash, Hasher};

/// `torch.nn.LayerNorm` over all values of a row: weight, then bias, where it has them, one of each for every value.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    /// Added to the variance before its square root is taken.
    pub eps: f32,
    /// Whether values are multiplied by weights at last.
    pub weight: bool,
    /// Whether a bias is added then; only beside a weight.
    pub bias: bool,
}

impl LayerNorm {
    /// Parameters for each value.
    pub(crate) fn params_per_value(self) -> usize {
        usize::from(self.weight) + usize::from(self.weight && self.bias)
    }

    /// A NaN equals itself here, as a shape does.
    fn key(self) -> (u32, bool, bool) {
        (self.eps.to_bits(), self.weight, self.bias)
    }
}

impl PartialEq for LayerNorm {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for LayerNorm {}

impl Hash for LayerNorm {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for LayerNorm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "layer_norm, eps {:e}", self.eps)
    }
}
