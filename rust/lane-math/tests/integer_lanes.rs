//! Every method of the integer lanes: all instruction sets against the portable ones.

use lane_math::lanes::{I32x8, Simd, U16x16, Window};
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
            stored(a.sub_to_zero(b)),
            stored(a.min(b)),
            stored(a.bit_xor(b)),
            stored(a.over_256()),
            stored(a.mul_low(b)),
            stored(a.mul_high(b)),
            stored(S::U16::widen(&one.map(|value| value as u8))),
            a.narrow_colours().map(u16::from).to_vec(),
            a.first_pixel().to_vec(),
            a.sum_pixels().to_vec(),
        ]
    }
}

/// Four rows in a window with two shares and each of both lengths.
struct Weighed([[u8; 48]; 4], [u16; 2]);

impl Kernel for Weighed {
    type Output = [[u16; 16]; 2];

    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        let Self([a, b, c, d], [first, last]) = self;
        [10, 11].map(|end| {
            let mut pixels = [0; 16];
            S::U16::weigh([&a, &b, &c, &d], &Window::new(first, end, last)).store(&mut pixels);
            pixels
        })
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
            stored(a.bit_and(b)),
            stored(a.min(b)),
            stored(a.max(b)),
            stored(a.times_65536()),
            stored(a.over_65536()),
            stored(a.greater(b)),
            stored(S::I32::select(a.greater(b), a, b)),
            stored(a.scaled(0.37)),
            // Quotients of 16 bits at most, as pictures have them.
            stored(a.over_65536().quotient(other[5] | 1, a.greater(b))),
            vec![
                a.least(),
                a.greatest(),
                a.any_negative().into(),
                a.max(S::I32::splat(0)).any_negative().into(),
            ],
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

    #[test]
    fn all_instruction_sets_weigh_windows_alike(
        rows in [(); 4].map(|()| proptest::collection::vec(any::<u8>(), 48)),
        shares: [u16; 2],
    ) {
        let rows = rows.map(|row| <[u8; 48]>::try_from(row).unwrap());
        let expected = Isa::Portable.run(Weighed(rows, shares));
        for isa in Isa::all_available() {
            prop_assert_eq!(expected, isa.run(Weighed(rows, shares)));
        }
    }
}

#[test]
fn arithmetic_is_that_of_the_lanes() {
    let products = <[u16; 16]>::splat(0xffff).mul_high([0x8000; 16]);
    assert_eq!(products, [0x7fff; 16]);
    assert_eq!([3_u16; 16].sum_pixels(), [12; 4]);
    assert_eq!(
        std::array::from_fn::<u16, 16, _>(|lane| lane as u16).narrow_colours()[..6],
        [0, 1, 2, 4, 5, 6]
    );
    let halves = [0x8000, -0x8000, 0x7fff, -0x8001, 0, 1, -1, i32::MIN];
    assert_eq!(halves.over_65536(), [1, 0, 0, -1, 0, 0, 0, -0x8000]);
    assert_eq!(I32x8::greater(halves, [0; 8]), [-1, 0, -1, 0, 0, -1, 0, 0]);
}

#[test]
fn a_window_counts_its_ends_by_shares_and_nothing_after_them() {
    let row: [u8; 48] = std::array::from_fn(|byte| if byte < 4 { 200 } else { byte as u8 / 4 });
    // Half of 200, 1 to 9, and a quarter of 10; then 10 wholly, and a quarter of 11.
    let weighed = |last| <[u16; 16]>::weigh([&row; 4], &Window::new(0x8000, last, 0x4000));
    assert_eq!([weighed(10), weighed(11)], [[100 + 45 + 2; 16], [100 + 55 + 2; 16]]);
}
