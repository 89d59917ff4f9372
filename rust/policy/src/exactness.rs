//! Which networks PyTorch's bits are promised for.

use crate::layer::PlacedLayer;
use crate::order::{ConvOrder, conv_order};

/// How the logits compare with those of PyTorch 2.13.0, called with one thread, `MKL_CBWR=AVX2` and
/// `ONEDNN_MAX_CPU_ISA=AVX2`, on a batch that is a multiple of 4 (at least 16 rows for convolutions; a multiple of 32 for
/// activations other than relu and tanh, whose kernels take whole vectors).
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
    match conv_order(place)? {
        ConvOrder::Direct | ConvOrder::Matrix => None,
        ConvOrder::Unknown => Some("PyTorch cuts this shape's sums by the processor's cache"),
    }
}
