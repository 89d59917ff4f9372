//! Four float64 lanes in an array.

use super::{PortableMask, zip};
use crate::lanes::F64x4;

/// Four float64 lanes in an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PortableF64([f64; 4]);

impl F64x4 for PortableF64 {
    shared_methods!(f64, u64, 4);
    array_methods!(f64, 4);

    #[inline(always)]
    fn sign_bit(self) -> PortableMask<4> {
        PortableMask(self.0.map(f64::is_sign_negative))
    }

    #[inline(always)]
    fn round_to_single(self) -> Self {
        Self(self.0.map(|lane| f64::from(lane as f32)))
    }

    #[inline(always)]
    fn lookup(table: &[[f64; 4]; 256], index: Self) -> [Self; 4] {
        let rows = index.0.map(|lane| table[(lane.to_bits() & 0xff) as usize]);
        std::array::from_fn(|column| Self(rows.map(|row| row[column])))
    }
}
