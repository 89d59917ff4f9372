//! Which networks PyTorch's bits are promised for.

use crate::layer::{InputShape, Layer, PlacedLayer};

/// How the logits compare with those of PyTorch 2.13.0, called with one thread, `MKL_CBWR=AVX2` and
/// `ONEDNN_MAX_CPU_ISA=AVX2`, on a batch that is a multiple of 4 (at least 16 rows for 1x1 convolutions of stride 1; a
/// multiple of 32 for activations other than relu and tanh, whose kernels take whole vectors).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Exactness {
    /// Every bit is equal.
    Exact,
    /// PyTorch sums in an order that is not known here: close, but nothing is claimed.
    Unclaimed {
        /// Which layers are responsible, and why.
        reason: String,
    },
}

/// Collects the layers that PyTorch does not compute in a known order.
pub(crate) fn of(placed: &[PlacedLayer]) -> Exactness {
    let reasons: Vec<String> = placed
        .iter()
        .enumerate()
        .filter_map(|(index, place)| {
            inexact_because(place).map(|why| format!("layer {} ({}): {why}", index + 1, place.layer))
        })
        .collect();
    if reasons.is_empty() { Exactness::Exact } else { Exactness::Unclaimed { reason: reasons.join("; ") } }
}

fn inexact_because(place: &PlacedLayer) -> Option<&'static str> {
    match (place.layer, place.output) {
        (Layer::Conv2d { kernel, stride, padding, .. }, InputShape::Image { width, .. }) => {
            leaves_direct_kernel(kernel, stride, padding, width)
                .then_some("PyTorch leaves its direct convolution for this shape")
        }
        _ => None,
    }
}

/// The shapes that oneDNN 3.12 hands from its AVX2 direct convolution to a matrix product of another order.
///
/// It measures what the windows need of the padding on either side; behind the last row or column that is never more
/// than before the first, so `padding` decides.
fn leaves_direct_kernel(
    kernel: (usize, usize),
    stride: (usize, usize),
    padding: (usize, usize),
    windows_across: usize,
) -> bool {
    let padded = padding != (0, 0);
    let strided = stride != (1, 1);
    let some_window_in_padding = kernel.0 <= padding.0 || kernel.1 <= padding.1;
    some_window_in_padding || padding.1 > windows_across.min(3) || (kernel.1 > 7 && padded && strided)
}

#[cfg(test)]
mod tests {
    use super::leaves_direct_kernel;

    #[test]
    fn shapes_on_both_sides_of_each_rule() {
        // Kernel, stride, padding, windows across; whether PyTorch leaves its direct convolution.
        let cases = [
            ((3, 3), (1, 1), (2, 2), 9, false),
            ((3, 3), (1, 1), (3, 2), 9, true),
            ((3, 3), (1, 1), (2, 3), 9, true),
            ((3, 3), (2, 2), (4, 0), 9, true),
            ((5, 5), (1, 1), (3, 3), 9, false),
            ((5, 5), (1, 1), (4, 3), 9, false),
            ((5, 5), (1, 1), (3, 4), 9, true),
            ((5, 5), (1, 1), (0, 3), 3, false),
            ((5, 5), (1, 1), (0, 3), 2, true),
            ((5, 5), (1, 1), (0, 2), 1, true),
            ((5, 5), (1, 1), (0, 1), 1, false),
            ((5, 8), (2, 1), (1, 0), 9, true),
            ((5, 8), (1, 2), (0, 1), 9, true),
            ((5, 7), (2, 2), (1, 1), 9, false),
            ((8, 7), (2, 2), (1, 1), 9, false),
            ((8, 8), (1, 1), (1, 1), 9, false),
            ((8, 8), (2, 2), (0, 0), 9, false),
        ];
        for (kernel, stride, padding, windows, leaves) in cases {
            let found = leaves_direct_kernel(kernel, stride, padding, windows);
            assert_eq!(
                found, leaves,
                "kernel {kernel:?}, stride {stride:?}, padding {padding:?}, {windows} windows"
            );
        }
    }
}
