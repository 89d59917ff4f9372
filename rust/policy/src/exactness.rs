//! Which networks PyTorch's bits are promised for.

use crate::layer::{InputShape, Layer, PlacedLayer};

/// How the logits compare with those of PyTorch 2.13.0, called with one thread, `MKL_CBWR=AVX2` and
/// `ONEDNN_MAX_CPU_ISA=AVX2`, on a batch that is a multiple of 4 (at least 16 rows for 1x1 convolutions of stride 1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Exactness {
    /// Every bit is equal.
    Exact,
    /// Close, but not equal to the bit.
    Bounded {
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
    if reasons.is_empty() { Exactness::Exact } else { Exactness::Bounded { reason: reasons.join("; ") } }
}

fn inexact_because(place: &PlacedLayer) -> Option<&'static str> {
    match (place.layer, place.input, place.output) {
        (Layer::Tanh, ..) => Some("PyTorch's tanh is Intel's closed library"),
        (
            Layer::Conv2d { kernel, stride, padding, .. },
            InputShape::Image { height, width, .. },
            InputShape::Image { height: out_height, width: out_width, .. },
        ) => {
            let down = Extent {
                size: height,
                kernel: kernel.0,
                stride: stride.0,
                padding: padding.0,
                windows: out_height,
            };
            let across = Extent {
                size: width,
                kernel: kernel.1,
                stride: stride.1,
                padding: padding.1,
                windows: out_width,
            };
            leaves_direct_kernel(&down, &across)
                .then_some("PyTorch leaves its direct convolution for this shape")
        }
        _ => None,
    }
}

/// One direction of a convolution.
struct Extent {
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    windows: usize,
}

impl Extent {
    /// Whether some window could lie in the padding altogether, by oneDNN's measure.
    fn kernel_within_padding(&self) -> bool {
        let last_window_ends = (self.windows - 1) * self.stride + self.kernel;
        let overhang = last_window_ends.saturating_sub(self.size + self.padding);
        self.kernel <= self.padding.max(overhang)
    }
}

/// The shapes that oneDNN 3.12 hands from its AVX2 direct convolution to a matrix product of another order.
fn leaves_direct_kernel(down: &Extent, across: &Extent) -> bool {
    let padded = down.padding > 0 || across.padding > 0;
    let strided = down.stride > 1 || across.stride > 1;
    down.kernel_within_padding()
        || across.kernel_within_padding()
        || across.padding > across.windows.min(3)
        || (across.kernel > 7 && padded && strided)
}
