//! Bytes of images as the policies see them: divided by 255.
//!
//! A division takes longer than two products and a sum, and these give the same float32: the reciprocal is split in a
//! part of 16 bits, whose product with a byte is exact, and a rest, whose product is wrong by less than 2^-40 of the
//! quotient. No quotient of a byte by 255 lies so near to the middle between two float32 numbers, since its binary digits
//! repeat after eight. A test compares all 256.

use lane_math::lanes::{F32Lanes, Simd};
use lane_math::{Isa, Kernel};

/// The range of a byte of an image.
const BYTE_RANGE: f64 = 255.0;
/// The first 16 bits of the reciprocal, and the rest.
const RECIPROCAL: f32 = f32::from_bits(((1.0 / BYTE_RANGE) as f32).to_bits() & !0xff);
const REST: f32 = (1.0 / BYTE_RANGE - RECIPROCAL as f64) as f32;

/// Divides whole numbers from 0 to 255 by 255, in place.
pub(crate) fn scale_bytes(isa: Isa, values: &mut [f32]) {
    isa.run(Scale { values });
}

struct Scale<'a> {
    values: &'a mut [f32],
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut eights = self.values.chunks_exact_mut(8);
        for eight in &mut eights {
            let bytes = S::F32::load(eight);
            bytes.mul(S::F32::splat(RECIPROCAL)).add(bytes.mul(S::F32::splat(REST))).store(eight);
        }
        for value in eights.into_remainder() {
            *value = *value * RECIPROCAL + *value * REST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::scale_bytes;
    use lane_math::Isa;

    #[test]
    fn all_bytes_have_the_bits_of_the_quotient() {
        for isa in Isa::all_available() {
            // In whole lanes, and in what is left over.
            for first in [0_u8, 1, 4] {
                let bytes: Vec<u8> = (first..=255).collect();
                let mut values: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
                scale_bytes(isa, &mut values);
                for (byte, value) in bytes.into_iter().zip(values) {
                    assert_eq!(value.to_bits(), (f32::from(byte) / 255.0).to_bits(), "{isa:?}: {byte}");
                }
            }
        }
    }
}
