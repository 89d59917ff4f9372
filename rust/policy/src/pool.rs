//! Pooling: which windows there are, and what becomes of the values in one.

use std::fmt;

use crate::error::Reason;
use crate::shape::{InputShape, within_limit};

/// What becomes of the values in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// The largest, the first of equals; NaN if there is one.
    Max,
    /// Their sum, row by row, divided by their number.
    Average {
        /// Whether the number is that of the window, padding included, or only of the values on the image.
        count_include_pad: bool,
    },
}

/// `torch.nn.MaxPool2d` or `AvgPool2d` (no dilation, rounding down): every channel by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool2d {
    /// What becomes of the values in a window.
    pub kind: PoolKind,
    /// Height and width of a window.
    pub kernel: (usize, usize),
    /// Step between windows, down and across.
    pub stride: (usize, usize),
    /// Rows above and below, columns left and right that a window may lie over, at most half of it.
    pub padding: (usize, usize),
}

impl fmt::Display for Pool2d {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.kind == PoolKind::Max { "max_pool2d" } else { "avg_pool2d" };
        write!(formatter, "{name}, kernel {}x{}", self.kernel.0, self.kernel.1)
    }
}

impl Pool2d {
    /// The image that comes out.
    pub(crate) fn output(&self, input: InputShape, name: &dyn Fn() -> String) -> Result<InputShape, Reason> {
        let InputShape::Image { channels, height, width } = input else {
            return Err(Reason::NeedsImage { layer: name(), inputs: input.size() });
        };
        let zero = |what| Reason::Zero { layer: name(), what };
        let Self { kernel, stride, padding, .. } = *self;
        match (kernel.0.min(kernel.1), stride.0.min(stride.1)) {
            (0, _) => return Err(zero("the kernel size")),
            (_, 0) => return Err(zero("the stride")),
            _ => {}
        }
        if padding.0 > kernel.0 / 2 || padding.1 > kernel.1 / 2 {
            return Err(Reason::PaddingTooLarge { layer: name(), height: kernel.0 / 2, width: kernel.1 / 2 });
        }
        // Half of a kernel that fits is at most half of the limit, so this is the only size that could be too large.
        let padded =
            |size: usize, padding: usize| padding.checked_mul(2)?.checked_add(size).and_then(within_limit);
        let (Some(high), Some(wide)) = (padded(height, padding.0), padded(width, padding.1)) else {
            return Err(Reason::too_large(name()));
        };
        if high < kernel.0 || wide < kernel.1 {
            return Err(Reason::KernelTooLarge { layer: name(), height: high, width: wide });
        }
        let output = InputShape::Image {
            channels,
            height: (high - kernel.0) / stride.0 + 1,
            width: (wide - kernel.1) / stride.1 + 1,
        };
        output.checked_size().map(|_| output).ok_or_else(|| Reason::too_large(name()))
    }

    /// The windows along the rows, and along the columns, of an image.
    pub(crate) fn extents(&self, (height, width): (usize, usize)) -> (Vec<Extent>, Vec<Extent>) {
        let along = |size: usize, kernel: usize, stride: usize, padding: usize| {
            let count = (size + 2 * padding - kernel) / stride + 1;
            (0..count).map(|window| Extent::new(window * stride, size, kernel, padding)).collect()
        };
        (
            along(height, self.kernel.0, self.stride.0, self.padding.0),
            along(width, self.kernel.1, self.stride.1, self.padding.1),
        )
    }

    /// What the sum over a window is divided by.
    pub(crate) fn divisor(&self, rows: Extent, columns: Extent) -> f32 {
        let number = match self.kind {
            PoolKind::Average { count_include_pad: true } => rows.covered * columns.covered,
            _ => rows.len() * columns.len(),
        };
        number as f32
    }
}

/// A window along one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Positions on the image, from and to.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Positions on the image and its padding.
    pub(crate) covered: usize,
}

impl Extent {
    /// `start` counts from the beginning of the padding.
    fn new(start: usize, size: usize, kernel: usize, padding: usize) -> Self {
        let end = (start + kernel).min(size + 2 * padding);
        Self {
            from: start.saturating_sub(padding),
            to: end.saturating_sub(padding).min(size),
            covered: end - start,
        }
    }

    pub(crate) fn len(self) -> usize {
        self.to - self.from
    }
}

#[cfg(test)]
mod tests {
    use super::Extent;

    #[test]
    fn windows_reach_into_the_padding_on_both_sides() {
        let extent = |from, to, covered| Extent { from, to, covered };
        assert_eq!(Extent::new(0, 5, 3, 1), extent(0, 2, 3));
        assert_eq!(Extent::new(2, 5, 3, 1), extent(1, 4, 3));
        assert_eq!(Extent::new(4, 5, 3, 1), extent(3, 5, 3));
        assert_eq!(Extent::new(3, 5, 4, 0), extent(3, 5, 2));
    }
}
