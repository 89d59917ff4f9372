//! Normal deviates by the ziggurat method of George Marsaglia and Wai Wan Tsang (2000), with NumPy's 256 layers and its
//! use of a random word.
//!
//! The area under the density is cut into layers of one size, lying on each other: a word chooses a layer (8 bits), a
//! sign (1 bit) and a place in it (52 bits). Nearly all of a layer lies under the density, and places there are taken as
//! they are. At a layer's edge a second draw decides by the density itself; the lowest layer has the tail as its edge.

mod tables;

use crate::Generator;
use tables::{HEIGHTS, LIMITS, WIDTHS};

/// Where the tail begins, and its reciprocal.
const TAIL: f64 = 3.654_152_885_361_009;
const TAIL_RECIPROCAL: f64 = 0.273_661_237_329_758_3;

/// The bits of a word that are a place in a layer.
const PLACE: u64 = (1 << 52) - 1;

/// `Generator.standard_normal()`, consuming what it consumes.
#[inline]
pub(crate) fn standard_normal(rng: &mut Generator) -> f64 {
    loop {
        let word = rng.next_u64();
        let layer = (word & 0xff) as usize;
        let is_negative = word >> 8 & 1 == 1;
        let place = word >> 9 & PLACE;
        let size = place as f64 * WIDTHS[layer];
        let value = if is_negative { -size } else { size };
        if place < LIMITS[layer] {
            return value;
        }
        if layer == 0 {
            let beyond = tail(rng);
            // NumPy takes the sign of another bit here.
            return if place >> 8 & 1 == 1 { -beyond } else { beyond };
        }
        if is_under_density(rng, layer, value) {
            return value;
        }
    }
}

/// Whether a height drawn between a layer's bottom and its top is under the density.
#[cold]
fn is_under_density(rng: &mut Generator, layer: usize, value: f64) -> bool {
    let height = (HEIGHTS[layer - 1] - HEIGHTS[layer]) * rng.random() + HEIGHTS[layer];
    height < (-0.5 * value * value).exp()
}

/// A deviate beyond [`TAIL`].
#[cold]
fn tail(rng: &mut Generator) -> f64 {
    loop {
        let beyond = -TAIL_RECIPROCAL * (-rng.random()).ln_1p();
        let height = -(-rng.random()).ln_1p();
        if height + height > beyond * beyond {
            return TAIL + beyond;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables are what the method says, but for float64's rounding.
    #[test]
    fn layers_have_one_area_and_end_at_the_density() {
        const STEPS: f64 = (1_u64 << 52) as f64;
        let edge = |layer: usize| WIDTHS[layer] * STEPS;
        let area = edge(0) * HEIGHTS[255];
        assert_eq!(edge(255), TAIL);
        assert!((TAIL * TAIL_RECIPROCAL - 1.0).abs() < 1e-15);
        for layer in 1..256 {
            assert!((HEIGHTS[layer] - (-0.5 * edge(layer).powi(2)).exp()).abs() < 1e-14, "{layer}");
            let size = edge(layer) * (HEIGHTS[layer - 1] - HEIGHTS[layer]);
            assert!((size / area - 1.0).abs() < 1e-11, "{layer}: {size}, not {area}");
            if layer > 1 {
                assert!(
                    (LIMITS[layer] as f64 - edge(layer - 1) / edge(layer) * STEPS).abs() < 64.0,
                    "{layer}"
                );
            }
        }
        assert_eq!(LIMITS[1], 0);
        assert!((LIMITS[0] as f64 - TAIL / edge(0) * STEPS).abs() < 64.0);
    }
}
