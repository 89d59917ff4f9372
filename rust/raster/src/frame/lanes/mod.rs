//! Lanes: small fixed numbers of integers that are computed on side by side. On arrays, and in AVX2.
//!
//! The compiler vectorises such loops by itself when they stand alone, but not in the midst of a renderer that is
//! inlined into one function: there it takes the arrays apart first.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;
pub(super) use portable::Portable;

/// The lanes of one instruction set.
pub(super) trait Simd {
    type U16: U16x16;
    type I32: I32x8;
}

/// Four pixels of four channels: unsigned 16-bit numbers. Sums and products wrap around.
pub(super) trait U16x16: Copy {
    fn splat(value: u16) -> Self;
    fn load(values: &[u16; 16]) -> Self;
    fn store(self, values: &mut [u16; 16]);
    /// Bytes as 16-bit numbers.
    fn widen(bytes: &[u8; 16]) -> Self;
    /// The lower bytes.
    fn narrow(self) -> [u8; 16];
    fn add(self, other: Self) -> Self;
    /// Times four.
    fn quadruple(self) -> Self;
    /// The lower half of each product.
    fn mul_low(self, other: Self) -> Self;
    /// The upper half of each product.
    fn mul_high(self, other: Self) -> Self;
    /// The sums of four pixels: those of `self`, then those of `other`.
    fn sum_pixels(self, other: Self) -> [u16; 8];
}

/// Eight rows: signed 32-bit numbers. Sums and products wrap around.
pub(super) trait I32x8: Copy {
    fn splat(value: i32) -> Self;
    fn load(values: &[i32; 8]) -> Self;
    fn store(self, values: &mut [i32; 8]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    /// Times 2^16.
    fn times_65536(self) -> Self;
    /// By 2^16, rounded to the nearest; halves go up.
    fn over_65536(self) -> Self;
    /// -1 where this is greater, 0 elsewhere.
    fn greater(self, other: Self) -> Self;
    /// `this` where the mask is -1, `other` where it is 0.
    fn select(mask: Self, this: Self, other: Self) -> Self;
    /// As float32, times a factor, truncated. Anything where that exceeds 32 bits.
    fn scaled(self, factor: f32) -> Self;
    /// The least of all lanes.
    fn least(self) -> i32;
    /// The greatest of all lanes.
    fn greatest(self) -> i32;
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use lane_math::Isa;
    use proptest::prelude::*;

    fn u16_results<V: U16x16>(one: [u16; 16], other: [u16; 16]) -> Vec<Vec<u16>> {
        let (a, b) = (V::load(&one), V::load(&other));
        let stored = |lanes: V| {
            let mut values = [0; 16];
            lanes.store(&mut values);
            values.to_vec()
        };
        vec![
            stored(V::splat(one[3])),
            stored(a.add(b)),
            stored(a.quadruple()),
            stored(a.mul_low(b)),
            stored(a.mul_high(b)),
            stored(V::widen(&one.map(|value| value as u8))),
            a.narrow().map(u16::from).to_vec(),
            a.sum_pixels(b).to_vec(),
        ]
    }

    fn i32_results<V: I32x8>(one: [i32; 8], other: [i32; 8]) -> Vec<Vec<i32>> {
        let (a, b) = (V::load(&one), V::load(&other));
        let stored = |lanes: V| {
            let mut values = [0; 8];
            lanes.store(&mut values);
            values.to_vec()
        };
        vec![
            stored(V::splat(one[3])),
            stored(a.add(b)),
            stored(a.sub(b)),
            stored(a.mul(b)),
            stored(a.min(b)),
            stored(a.max(b)),
            stored(a.times_65536()),
            stored(a.over_65536()),
            stored(a.greater(b)),
            stored(V::select(a.greater(b), a, b)),
            stored(a.scaled(0.37)),
            vec![a.least(), a.greatest()],
        ]
    }

    proptest! {
        #[test]
        fn both_instruction_sets_compute_the_same(
            u16s: [[u16; 16]; 2],
            i32s: [[i32; 8]; 2],
        ) {
            if Isa::all_available().len() == 2 {
                let [one, other] = u16s;
                type Wide<S> = <S as Simd>::U16;
                prop_assert_eq!(u16_results::<Wide<Portable>>(one, other), u16_results::<Wide<Avx2>>(one, other));
                let [one, other] = i32s;
                type Long<S> = <S as Simd>::I32;
                prop_assert_eq!(i32_results::<Long<Portable>>(one, other), i32_results::<Long<Avx2>>(one, other));
            }
        }
    }
}
