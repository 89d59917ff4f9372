//! Shapes of observations and activations, and how large they may be.

use std::fmt;

/// No layer may have more weights or activations than this; sizes stay far from overflow everywhere.
pub(crate) const MAX_VALUES: usize = 1 << 30;

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

    pub(crate) fn checked_size(self) -> Option<usize> {
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

/// The size, unless it exceeds the limit.
pub(crate) fn within_limit(size: usize) -> Option<usize> {
    (size <= MAX_VALUES).then_some(size)
}

/// The product of sizes, unless it exceeds the limit.
pub(crate) fn product(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1_usize, |all, &size| all.checked_mul(size)).and_then(within_limit)
}
