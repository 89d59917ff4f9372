//! Lanes as arrays: the twin that defines what the others must compute.

/// The methods that float32 and float64 lanes have in common, for a struct of one array.
macro_rules! shared_methods {
    ($value:ident, $bits:ident, $lanes:literal) => {
        type Mask = PortableMask<$lanes>;

        const LANES: usize = $lanes;

        #[inline(always)]
        fn splat(value: $value) -> Self {
            Self([value; $lanes])
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| a + b))
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| a - b))
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| a * b))
        }

        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| a / b))
        }

        #[inline(always)]
        fn mul_add(self, factor: Self, addend: Self) -> Self {
            Self(std::array::from_fn(|lane| self.0[lane].mul_add(factor.0[lane], addend.0[lane])))
        }

        #[inline(always)]
        fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
            Self(std::array::from_fn(|lane| (-self.0[lane]).mul_add(factor.0[lane], addend.0[lane])))
        }

        #[inline(always)]
        fn floor(self) -> Self {
            Self(self.0.map($value::floor))
        }

        #[inline(always)]
        fn lt(self, other: Self) -> Self::Mask {
            PortableMask(zip(self.0, other.0, |a, b| a < b))
        }

        #[inline(always)]
        fn le(self, other: Self) -> Self::Mask {
            PortableMask(zip(self.0, other.0, |a, b| a <= b))
        }

        #[inline(always)]
        fn eq(self, other: Self) -> Self::Mask {
            PortableMask(zip(self.0, other.0, |a, b| a == b))
        }

        #[inline(always)]
        fn select(mask: Self::Mask, if_true: Self, if_false: Self) -> Self {
            Self(std::array::from_fn(|lane| if mask.0[lane] { if_true.0[lane] } else { if_false.0[lane] }))
        }

        #[inline(always)]
        fn bit_and(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| $value::from_bits(a.to_bits() & b.to_bits())))
        }

        #[inline(always)]
        fn bit_or(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| $value::from_bits(a.to_bits() | b.to_bits())))
        }

        #[inline(always)]
        fn bit_xor(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| $value::from_bits(a.to_bits() ^ b.to_bits())))
        }

        #[inline(always)]
        fn bit_shl<const COUNT: i32>(self) -> Self {
            Self(self.0.map(|a| $value::from_bits(a.to_bits() << COUNT)))
        }

        #[inline(always)]
        fn bit_add(self, other: Self) -> Self {
            Self(zip(self.0, other.0, |a, b| $value::from_bits(a.to_bits().wrapping_add(b.to_bits()))))
        }
    };
}

/// Lanes from an array and back, for a struct of one array.
macro_rules! array_methods {
    ($value:ident, $lanes:literal) => {
        #[inline(always)]
        fn from_array(lanes: [$value; $lanes]) -> Self {
            Self(lanes)
        }

        #[inline(always)]
        fn to_array(self) -> [$value; $lanes] {
            self.0
        }
    };
}

mod f32x8;
mod f64x4;
mod integers;

pub use f32x8::Portable;
pub use f64x4::PortableF64;

use super::{Mask, Simd};

/// The lane types that run everywhere.
#[derive(Clone, Copy, Debug)]
pub struct PortableFamily;

impl Simd for PortableFamily {
    type F32 = Portable;
    type Wide = Portable;
    type F64 = PortableF64;
    type U16 = [u16; 16];
    type I32 = [i32; 8];

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
