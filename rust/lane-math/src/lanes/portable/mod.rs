//! Lanes as arrays: the twin that defines what the others must compute.

mod f32x8;
mod f64x4;

pub use f32x8::Portable;
pub use f64x4::PortableF64;

use super::{Mask, Simd};

/// The lane types that run everywhere.
#[derive(Clone, Copy, Debug)]
pub struct PortableFamily;

impl Simd for PortableFamily {
    type F32 = Portable;
    type F64 = PortableF64;

    const FUSES: bool = false;
}

/// One truth value per lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortableMask<const N: usize>([bool; N]);

impl<const N: usize> Mask for PortableMask<N> {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| a & b))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| a | b))
    }

    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.map(|a| !a))
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        let mut bits = 0;
        for (lane, &truth) in self.0.iter().enumerate() {
            bits |= u32::from(truth) << lane;
        }
        bits
    }
}

#[inline(always)]
fn zip<A: Copy, B: Copy, C, const N: usize>(a: [A; N], b: [B; N], combine: impl Fn(A, B) -> C) -> [C; N] {
    std::array::from_fn(|lane| combine(a[lane], b[lane]))
}
