//! Every method of the integer lanes: all instruction sets against the portable ones.

use lane_math::lanes::{I32x8, Simd, U16x16};
use lane_math::{Isa, Kernel};
use proptest::prelude::*;

/// The results of every method of [`U16x16`] for two operands.
struct AllU16([[u16; 16]; 2]);

impl Kernel for AllU16 {
    type Output = Vec<Vec<u16>>;

    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        let [one, other] = self.0;
        let (a, b) = (S::U16::load(&one), S::U16::load(&other));
        let stored = |lanes: S::U16| {
            let mut values = [0; 16];
            lanes.store(&mut values);
            values.to_vec()
        };
        vec![
            stored(S::U16::splat(one[3])),
            stored(a.add(b)),
            stored(a.quadruple()),
            stored(a.mul_low(b)),
            stored(a.mul_high(b)),
            stored(S::U16::widen(&one.map(|value| value as u8))),
            a.narrow().map(u16::from).to_vec(),
            a.sum_pixels(b).to_vec(),
        ]
    }
}

/// The results of every method of [`I32x8`] for two operands.
struct AllI32([[i32; 8]; 2]);

impl Kernel for AllI32 {
    type Output = Vec<Vec<i32>>;

    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        let [one, other] = self.0;
        let (a, b) = (S::I32::load(&one), S::I32::load(&other));
        let stored = |lanes: S::I32| {
            let mut values = [0; 8];
            lanes.store(&mut values);
            values.to_vec()
        };
        vec![
            stored(S::I32::splat(one[3])),
            stored(a.add(b)),
            stored(a.sub(b)),
            stored(a.mul(b)),
            stored(a.min(b)),
            stored(a.max(b)),
            stored(a.times_65536()),
            stored(a.over_65536()),
            stored(a.greater(b)),
            stored(S::I32::select(a.greater(b), a, b)),
            stored(a.scaled(0.37)),
            vec![a.least(), a.greatest()],
        ]
    }
}

proptest! {
    #[test]
    fn all_instruction_sets_compute_the_same(u16s: [[u16; 16]; 2], i32s: [[i32; 8]; 2]) {
        let expected = (Isa::Portable.run(AllU16(u16s)), Isa::Portable.run(AllI32(i32s)));
        for isa in Isa::all_available() {
            prop_assert_eq!(&expected, &(isa.run(AllU16(u16s)), isa.run(AllI32(i32s))));
        }
    }
}

#[test]
fn arithmetic_is_that_of_the_lanes() {
    let products = <[u16; 16]>::splat(0xffff).mul_high([0x8000; 16]);
    assert_eq!(products, [0x7fff; 16]);
    assert_eq!([3_u16; 16].sum_pixels([5; 16]), [12, 12, 12, 12, 20, 20, 20, 20]);
    let halves = [0x8000, -0x8000, 0x7fff, -0x8001, 0, 1, -1, i32::MIN];
    assert_eq!(halves.over_65536(), [1, 0, 0, -1, 0, 0, 0, -0x8000]);
    assert_eq!(I32x8::greater(halves, [0; 8]), [-1, 0, -1, 0, 0, -1, 0, 0]);
}
