//! Every method of the lane types: the portable ones against plain arithmetic on known values, and all instruction sets
//! against the portable ones on any bits.

use lane_math::lanes::{F32Lanes, F32x8, F64x4, Mask, Portable, PortableF64, Simd};
use lane_math::{Isa, Kernel};
use proptest::prelude::*;

/// Three operands for every method of [`F32Lanes`]: sixteen lanes, in as many vectors as that takes.
type Operands = [[f32; 16]; 3];

/// The results of a family's eight lanes, and of its widest.
struct AllF32(Operands);

/// A name and the bits of sixteen lanes for every method.
type Results = Vec<(&'static str, Vec<u32>)>;

impl Kernel for AllF32 {
    type Output = [Results; 2];

    #[inline(always)]
    fn run<S: Simd>(self) -> [Results; 2] {
        [all_f32::<S::F32>(self.0), all_f32::<S::Wide>(self.0)]
    }
}

#[inline(always)]
fn all_f32<V: F32Lanes>(operands: Operands) -> Results {
    let mut results = f32_lanes::<V>(operands, 0);
    let mut first = V::LANES;
    while first < 16 {
        for (whole, (_, part)) in results.iter_mut().zip(f32_lanes::<V>(operands, first)) {
            whole.1.extend(part);
        }
        first += V::LANES;
    }
    results
}

/// Every method for the lanes of the operands from `first` on.
#[inline(always)]
fn f32_lanes<V: F32Lanes>(operands: Operands, first: usize) -> Results {
    let [a, b, c] = operands.map(|lanes| V::load(&lanes[first..]));
    let mask = a.lt(b);
    let other = b.le(c);
    let truth = |mask: V::Mask| (0..V::LANES).map(|lane| mask.bits() >> lane & 1).collect::<Vec<_>>();
    let values = |lanes: V| {
        let mut stored = vec![0.0; V::LANES + 1]; // not aligned
        lanes.store(&mut stored[1..]);
        stored.split_off(1)
    };
    let bits = |lanes: V| values(lanes).into_iter().map(arithmetic_bits).collect::<Vec<_>>();
    let exact = |lanes: V| values(lanes).into_iter().map(f32::to_bits).collect::<Vec<_>>();
    assert_eq!(mask.any(), mask.bits() != 0);
    assert_eq!(u64::from(mask.bits()) >> V::LANES, 0);
    vec![
        ("load, store", exact(a)),
        ("splat", exact(V::splat(operands[0][3]))),
        ("add", bits(a.add(b))),
        ("sub", bits(a.sub(b))),
        ("mul", bits(a.mul(b))),
        ("div", bits(a.div(b))),
        ("mul_add", bits(a.mul_add(b, c))),
        ("neg_mul_add", bits(a.neg_mul_add(b, c))),
        ("floor", bits(a.floor())),
        ("sqrt", bits(a.sqrt())),
        ("min", exact(a.min(b))),
        ("max", exact(a.max(b))),
        ("lt", truth(mask)),
        ("le", truth(other)),
        ("eq", truth(a.eq(b))),
        ("is_nan", truth(a.is_nan())),
        ("and", truth(mask.and(other))),
        ("or", truth(mask.or(other))),
        ("not", truth(mask.not())),
        ("select", exact(V::select(mask, a, b))),
        ("bit_and", exact(a.bit_and(b))),
        ("bit_or", exact(a.bit_or(b))),
        ("bit_xor", exact(a.bit_xor(b))),
        ("bit_shl", exact(a.bit_shl::<23>())),
        ("bit_shr", exact(a.bit_shr::<23>())),
        ("bit_add", exact(a.bit_add(b))),
        ("bit_sub", exact(a.bit_sub(b))),
        ("pick", exact(V::pick(&[0.5, -1.0, 2.0, -3.0, 5.0, -8.0, 13.0, -21.0], a))),
        ("abs", exact(a.abs())),
        ("neg", exact(a.neg())),
        ("sign", exact(a.sign())),
        ("copysign", exact(a.copysign(b))),
    ]
}

/// The bits of a number, and one pattern for every NaN: which one arithmetic gives is not part of the contract.
fn arithmetic_bits(value: f32) -> u32 {
    if value.is_nan() { u32::MAX } else { value.to_bits() }
}

/// The results of every method of [`F64x4`] for three operands, as bits.
struct AllF64([[f64; 4]; 3]);

impl Kernel for AllF64 {
    type Output = Vec<(&'static str, [u64; 4])>;

    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        let [a, b, c] = self.0.map(S::F64::from_array);
        let mask = a.lt(b);
        let other = b.le(c);
        let truth = |mask: <S::F64 as F64x4>::Mask| [u64::from(mask.bits()); 4];
        let bits = |lanes: S::F64| lanes.to_array().map(arithmetic_bits_f64);
        let exact = |lanes: S::F64| lanes.to_array().map(f64::to_bits);
        let mut stored = [0.0; 5];
        a.store(&mut stored[1..]);
        let table: [[f64; 4]; 256] =
            std::array::from_fn(|row| [0.0, 0.25, 0.5, 0.75].map(|x| x + row as f64));
        let [first, second, third, fourth] = S::F64::lookup(&table, a);
        vec![
            ("load, store", exact(S::F64::load(&stored[1..]))),
            ("splat", exact(S::F64::splat(self.0[0][3]))),
            ("add", bits(a.add(b))),
            ("sub", bits(a.sub(b))),
            ("mul", bits(a.mul(b))),
            ("div", bits(a.div(b))),
            ("mul_add", bits(a.mul_add(b, c))),
            ("neg_mul_add", bits(a.neg_mul_add(b, c))),
            ("floor", bits(a.floor())),
            ("lt", truth(mask)),
            ("le", truth(other)),
            ("eq", truth(a.eq(b))),
            ("sign_bit", truth(a.sign_bit())),
            ("and", truth(mask.and(a.sign_bit()))),
            ("or", truth(other.or(a.sign_bit()))),
            ("not", truth(a.sign_bit().not())),
            ("select", exact(S::F64::select(mask, a, b))),
            ("select by sign", exact(S::F64::select(a.sign_bit().and(mask), a, b))),
            ("bit_and", exact(a.bit_and(b))),
            ("bit_or", exact(a.bit_or(b))),
            ("bit_xor", exact(a.bit_xor(b))),
            ("bit_shl", exact(a.bit_shl::<52>())),
            ("bit_add", exact(a.bit_add(b))),
            ("lookup, column 0", exact(first)),
            ("lookup, column 1", exact(second)),
            ("lookup, column 2", exact(third)),
            ("lookup, column 3", exact(fourth)),
            ("abs", exact(a.abs())),
            ("neg", exact(a.neg())),
            ("sign", exact(a.sign())),
            ("copysign", exact(a.copysign(b))),
        ]
    }
}

fn arithmetic_bits_f64(value: f64) -> u64 {
    if value.is_nan() { u64::MAX } else { value.to_bits() }
}

/// Any bits, but often ones that compare equal or are special.
fn any_f32() -> impl Strategy<Value = f32> {
    let special = [0.0, -0.0, 1.0, -1.0, 1.5, f32::NAN, f32::INFINITY, f32::MAX, f32::from_bits(1)];
    prop_oneof![any::<u32>().prop_map(f32::from_bits), prop::sample::select(special.to_vec())]
}

fn any_f64() -> impl Strategy<Value = f64> {
    let special = [0.0, -0.0, 1.0, -1.0, 1.5, f64::NAN, f64::INFINITY, f64::MAX, f64::from_bits(1)];
    prop_oneof![any::<u64>().prop_map(f64::from_bits), prop::sample::select(special.to_vec())]
}

proptest! {
    #[test]
    fn f32_lanes_agree(operands in prop::array::uniform3(prop::array::uniform16(any_f32()))) {
        let [expected, _] = Isa::Portable.run(AllF32(operands));
        for isa in Isa::all_available() {
            for results in isa.run(AllF32(operands)) {
                prop_assert_eq!(&expected, &results, "{:?}", isa);
            }
        }
    }

    #[test]
    fn f64_lanes_agree(operands in prop::array::uniform3(prop::array::uniform4(any_f64()))) {
        let expected = Isa::Portable.run(AllF64(operands));
        for isa in Isa::all_available() {
            prop_assert_eq!(&expected, &isa.run(AllF64(operands)));
        }
    }
}

#[test]
fn arithmetic_is_that_of_the_lanes() {
    let a = Portable::from_array([1.0, -2.0, 0.0, -0.0, f32::NAN, f32::INFINITY, 0.1, 7.0]);
    let b = Portable::splat(0.5);
    let lanes = a.to_array();
    let nan_as_nine = |lanes: [f32; 8]| lanes.map(|lane| if lane.is_nan() { 9.0 } else { lane });
    assert_eq!(nan_as_nine(a.sub(b).to_array()), nan_as_nine(lanes.map(|x| x - 0.5)));
    assert_eq!(nan_as_nine(b.div(a).to_array()), nan_as_nine(lanes.map(|x| 0.5 / x)));
    assert_eq!(nan_as_nine(a.mul_add(b, a).to_array()), nan_as_nine(lanes.map(|x| x.mul_add(0.5, x))));
    assert_eq!(nan_as_nine(a.neg_mul_add(b, a).to_array()), nan_as_nine(lanes.map(|x| (-x).mul_add(0.5, x))));
    assert_eq!(a.lt(b).bits(), 0b0100_1110);
    assert_eq!(a.is_nan().bits(), 0b0001_0000);
    assert_eq!(Portable::splat(-0.0).abs().to_array()[0].to_bits(), 0);
    assert_eq!(Portable::splat(2.0).copysign(a).to_array(), [2.0, -2.0, 2.0, -2.0, 2.0, 2.0, 2.0, 2.0]);
    assert_eq!(PortableF64::splat(-1.5).floor().to_array(), [-2.0; 4]);
}

#[test]
fn minimum_and_maximum_give_the_second_of_equals_and_beside_nan() {
    for (first, second) in [(0.0, -0.0), (-0.0, 0.0), (f32::NAN, 1.0), (1.0, f32::NAN)] {
        for result in [Portable::min, Portable::max] {
            let lanes = result(Portable::splat(first), Portable::splat(second)).to_array();
            assert_eq!(lanes[0].to_bits(), second.to_bits(), "{first}, {second}");
        }
    }
}

#[test]
#[should_panic(expected = "a load needs a value for each lane")]
fn a_short_load_panics() {
    let _ = Portable::load(&[0.0; 7]);
}

#[test]
#[should_panic(expected = "a store of 4 lanes needs room for 4 values")]
fn a_short_store_panics() {
    PortableF64::zero().store(&mut [0.0; 3]);
}
