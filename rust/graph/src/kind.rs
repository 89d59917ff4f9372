//! Of which kind a number will be, as far as that is known before the first step.

use crate::functions::{Activation, Aggregation};

/// Python float or NumPy scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Python,
    Numpy,
    /// The one or the other: `relu` returns its argument, or a Python 0.0.
    Either,
}

impl Kind {
    /// A value that is sometimes this and sometimes that.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Either }
    }

    /// What arithmetic makes of two numbers: a NumPy scalar of anything with one.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Numpy, _) | (_, Self::Numpy) => Self::Numpy,
            (Self::Python, Self::Python) => Self::Python,
            _ => Self::Either,
        }
    }
}

/// The aggregate of inputs of these kinds.
pub(crate) fn of_aggregate(aggregation: Aggregation, inputs: impl ExactSizeIterator<Item = Kind>) -> Kind {
    let n = inputs.len();
    match aggregation {
        Aggregation::Mean => Kind::Python,
        Aggregation::Median if n <= 2 => Kind::Python,
        Aggregation::Sum | Aggregation::Product => inputs.fold(Kind::Python, Kind::with),
        Aggregation::Max | Aggregation::Min | Aggregation::Maxabs | Aggregation::Median => {
            inputs.reduce(Kind::or).unwrap_or(Kind::Python)
        }
    }
}

/// The activation of a number of this kind.
pub(crate) fn of_activation(activation: Activation, z: Kind) -> Kind {
    match activation {
        Activation::Sigmoid
        | Activation::Tanh
        | Activation::Sin
        | Activation::Gauss
        | Activation::Softplus
        | Activation::Log
        | Activation::Exp => Kind::Python,
        Activation::Identity
        | Activation::Abs
        | Activation::Lelu
        | Activation::Square
        | Activation::Cube
        | Activation::Inv => z,
        Activation::Relu | Activation::Elu | Activation::Selu | Activation::Clamped | Activation::Hat => {
            z.or(Kind::Python)
        }
    }
}
