//! The limit that kernels are measured against: multiply-adds in registers, as many as the processor can do.

use crate::lanes::{F32Lanes, MOST_LANES, Simd};
use crate::{Isa, Kernel};
use std::hint::black_box;

/// Chains that run side by side: two multiply-adds start in a cycle and take four to five each, so ten or more keep both
/// units busy; twelve, a factor and an addend fit into sixteen registers.
const CHAINS: usize = 12;

/// float32 multiply-adds in one step of [`multiply_add_chains`]: twelve registers of sixteen lanes, or of eight twice.
pub const MULTIPLY_ADDS_PER_STEP: usize = CHAINS * MOST_LANES;

struct Chains {
    steps: usize,
    factor: f32,
}

impl Kernel for Chains {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self) -> f32 {
        let (factor, addend) = (S::Wide::splat(self.factor), S::Wide::splat(1.0));
        let mut chains = [S::Wide::zero(); CHAINS];
        for _ in 0..self.steps {
            for _ in 0..MOST_LANES / S::Wide::LANES {
                for chain in &mut chains {
                    *chain = factor.mul_add(addend, *chain);
                }
            }
        }
        let mut lanes = [0.0; MOST_LANES];
        chains.into_iter().fold(S::Wide::zero(), S::Wide::add).store(&mut lanes);
        lanes.iter().sum()
    }
}

/// Runs `steps` times [`MULTIPLY_ADDS_PER_STEP`] multiply-adds with this instruction set and returns their sum: each adds
/// 1, so it is their number while that is below 2^24.
///
/// ```
/// use lane_math::{Isa, MULTIPLY_ADDS_PER_STEP, multiply_add_chains};
///
/// assert_eq!(multiply_add_chains(Isa::detect(), 1000), 1000.0 * MULTIPLY_ADDS_PER_STEP as f32);
/// ```
#[must_use]
pub fn multiply_add_chains(isa: Isa, steps: usize) -> f32 {
    // The factor is hidden from the compiler, which would add up a sum of constants itself.
    isa.run(Chains { steps, factor: black_box(1.0) })
}

#[cfg(test)]
mod tests {
    use super::{MULTIPLY_ADDS_PER_STEP, multiply_add_chains};
    use crate::Isa;

    #[test]
    fn every_multiply_add_is_done() {
        for isa in Isa::all_available() {
            for steps in [0, 1, 1000] {
                let expected = (steps * MULTIPLY_ADDS_PER_STEP) as f32;
                assert_eq!(multiply_add_chains(isa, steps).to_bits(), expected.to_bits(), "{}", isa.name());
            }
        }
    }
}
