//! tanh in float32, PyTorch's to the bit: the activation of most policies, and with small networks most of their time.
//!
//! **Contract.** Every function here returns what `torch.tanh` returns on a processor with AVX2 (2.13.0 and 2.15.0 were
//! compared over all 2^32 arguments), on every instruction set, in debug and release. That is the correctly rounded
//! value for all but 82,383 of the positive floats. Odd: `tanh(-x)` has the bits of `-tanh(x)`; `tanh(-0) = -0`,
//! `tanh(+-inf) = +-1`, NaN gives a quiet NaN.
//!
//! **Method.** [`tanh`] *is* the function: a table of polynomials ([`table`]), evaluated in float64 and rounded once.
//! The lanes ([`lanes`]) are a faster way to the same bits: they compute the true tanh to a few thousandths of a unit in
//! the last place, know how far PyTorch's may lie from that, and ask the table where the two could round differently,
//! which is so for one argument in 200.

mod lanes;
mod table;

use crate::isa::{Isa, Kernel};
use crate::lanes::{F32Lanes, Simd};
use lanes::tanh_block;
use table::POLYNOMIALS;

/// From here on tanh |x| rounds to 1, so a larger |x| may be replaced by this.
const SATURATED: f32 = 9.1;

/// Where the first polynomial ends; from here to 8 each quarter of a binade has its own.
const FIRST_END: f32 = 0.125;

/// How far the bits of a float32 are shifted to count quarters of binades: the exponent and two bits stay.
const QUARTER_SHIFT: u32 = 21;

/// The hyperbolic tangent of one value, as PyTorch computes it.
///
/// The definition of the lanes, some 5 ns; use [`tanh_in_place`] for more than a few values.
#[inline]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    if x.is_nan() {
        return x + x;
    }
    let magnitude = x.abs().min(SATURATED);
    let bits = magnitude.to_bits();
    let (row, middle) = if magnitude < FIRST_END {
        (0, 0.0)
    } else {
        let quarter = bits >> QUARTER_SHIFT;
        // The quarter's first argument, with the highest bit of the rest set: its middle.
        let middle = quarter << QUARTER_SHIFT | 1 << (QUARTER_SHIFT - 1);
        (quarter - (FIRST_END.to_bits() >> QUARTER_SHIFT) + 1, f32::from_bits(middle))
    };
    let [c0, c1, c2, c3, c4, c5, c6, _] = POLYNOMIALS[row as usize].map(f64::from_bits);
    // Exact: both have the same exponent. What follows rounds far below the table's margins, in any order.
    let y = f64::from(magnitude - middle);
    let square = y * y;
    let value = c0 + y * c1 + square * (c2 + y * c3 + square * (c4 + y * c5 + square * c6));
    (value as f32).copysign(x)
}

/// The hyperbolic tangent of every value, in place.
///
/// Any length; multiples of 128 are fastest.
pub fn tanh_in_place(isa: Isa, values: &mut [f32]) {
    struct InPlace<'a>(&'a mut [f32]);

    impl Kernel for InPlace<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self) {
            tanh_slice::<S>(self.0);
        }
    }

    isa.run(InPlace(values));
}

/// [`tanh_in_place`] for use inside a [`Kernel`].
#[inline(always)]
pub(crate) fn tanh_slice<S: Simd>(values: &mut [f32]) {
    if !S::FUSES {
        for value in values {
            *value = tanh(*value);
        }
        return;
    }
    let rest = if S::Wide::LANES == 16 {
        let rest = blocks::<S::Wide, 8, 128>(values);
        let rest = blocks::<S::Wide, 4, 64>(rest);
        blocks::<S::Wide, 1, 16>(rest)
    } else {
        let rest = blocks::<S::F32, 8, 64>(values);
        blocks::<S::F32, 2, 16>(rest)
    };
    let rest = blocks::<S::F32, 1, 8>(rest);
    if !rest.is_empty() {
        let mut padded = [0.0; 8];
        padded[..rest.len()].copy_from_slice(rest);
        tanh_block::<S::F32, 1, 8>(&mut padded);
        rest.copy_from_slice(&padded[..rest.len()]);
    }
}

/// tanh in place as far as whole blocks of `SIZE` values go, which are `N` vectors each; returns the values that are left.
#[inline(always)]
fn blocks<V: F32Lanes, const N: usize, const SIZE: usize>(values: &mut [f32]) -> &mut [f32] {
    let mut blocks = values.chunks_exact_mut(SIZE);
    for block in &mut blocks {
        tanh_block::<V, N, SIZE>(block);
    }
    blocks.into_remainder()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (x, expected) in [
            (0.0, 0.0),
            (-0.0, -0.0),
            (f32::INFINITY, 1.0),
            (f32::NEG_INFINITY, -1.0),
            (9.02, 1.0),
            (9.0, 1.0 - f32::EPSILON / 2.0),
            (f32::MIN_POSITIVE, f32::MIN_POSITIVE),
            (f32::from_bits(1), f32::from_bits(1)),
            (-1e-5, -1e-5),
            (0.5, 0.462_117_16),
            (-1.0, -0.761_594_2),
        ] {
            assert_eq!(tanh(x).to_bits(), f32::to_bits(expected), "tanh({x:e})");
        }
    }

    #[test]
    fn the_staircase_from_eight_on_has_pytorchs_steps() {
        for (steps_below_one, last) in
            [(4, 0x4100_9b88), (3, 0x4103_4c91), (2, 0x4107_628e), (1, 0x4110_2c66)]
        {
            let below = |steps: i32| 1.0 - steps as f32 * f32::EPSILON / 2.0;
            assert_eq!(tanh(f32::from_bits(last)), below(steps_below_one));
            assert_eq!(tanh(f32::from_bits(last + 1)), below(steps_below_one - 1));
        }
    }

    #[test]
    fn nan_passes_through_and_stays_in_its_lane() {
        let mut values = [0.5; 8];
        values[2] = f32::NAN;
        values[3] = -f32::NAN;
        values[4] = f32::from_bits(0x7f80_0001); // signalling
        for isa in Isa::all_available() {
            let mut lanes = values;
            tanh_in_place(isa, &mut lanes);
            for (index, value) in lanes.into_iter().enumerate() {
                assert_eq!(value.is_nan(), (2..5).contains(&index), "{isa:?} lane {index}");
                assert!(!value.is_nan() || value.to_bits() & 0x0040_0000 != 0, "quiet");
            }
        }
        assert!(tanh(f32::NAN).is_nan());
    }
}
