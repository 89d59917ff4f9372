//! The lanes against the platform's libm, bit for bit. `examples/sweep_libm.rs` does the same for a hundred million
//! arguments.
//!
//! Where the check finds that the lanes are not libm's, `detect` gives calls of libm, and the tests still hold.

mod arguments;

use std::f64::consts::TAU;

use arguments::{Arguments, DISTRIBUTIONS};
use lane_math::{Isa, LibmLanes, LibmLanes32, libm};
use proptest::prelude::*;

/// Arguments of each distribution: 14 times as many in all.
const DRAWS: usize = 80_000;

fn draws() -> Vec<f64> {
    let mut arguments = Arguments::new(1);
    (0..DISTRIBUTIONS.len() * DRAWS).map(|index| arguments.draw(index % DISTRIBUTIONS.len())).collect()
}

fn special() -> Vec<f64> {
    let positive = [0.0, f64::from_bits(1), f64::MIN_POSITIVE, 1.0, 1e22, f64::MAX, f64::INFINITY, f64::NAN];
    positive.iter().flat_map(|&x| [x, -x]).collect()
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn assert_equal(name: &str, arguments: &[f64], values: &[f64], platform: impl Fn(f64) -> f64) {
    assert_eq!(arguments.len(), values.len());
    for (&x, &value) in arguments.iter().zip(values) {
        let expected = platform(x);
        assert!(
            same(value, expected),
            "{name}({x:e}) = {value:e}, libm's is {expected:e} ({:#018x})",
            x.to_bits()
        );
    }
}

fn assert_all_equal(isa: Isa, lanes: LibmLanes, arguments: &[f64]) {
    let in_place = |function: fn(LibmLanes, Isa, &mut [f64])| {
        let mut values = arguments.to_vec();
        function(lanes, isa, &mut values);
        values
    };
    assert_equal("sin", arguments, &in_place(LibmLanes::sin_in_place), libm::sin);
    assert_equal("cos", arguments, &in_place(LibmLanes::cos_in_place), libm::cos);
    assert_equal("pow_two", arguments, &in_place(LibmLanes::pow_two_in_place), |x| libm::pow(x, 2.0));
    assert_equal("fmod_two_pi", arguments, &in_place(LibmLanes::fmod_two_pi_in_place), |x| {
        libm::fmod(x, TAU)
    });
    assert_equal("exp", arguments, &in_place(LibmLanes::exp_in_place), libm::exp);
    assert_equal("tanh", arguments, &in_place(LibmLanes::tanh_in_place), libm::tanh);
    let (mut sines, mut cosines) = (arguments.to_vec(), arguments.to_vec());
    lanes.sin_cos_slices(isa, arguments, &mut sines, &mut cosines);
    assert_equal("sin of sin_cos", arguments, &sines, libm::sin);
    assert_equal("cos of sin_cos", arguments, &cosines, libm::cos);
}

#[test]
fn detected_lanes_equal_libm() {
    for isa in Isa::all_available() {
        assert_all_equal(isa, LibmLanes::detect(isa), &draws());
    }
}

#[test]
fn special_values_equal_libm() {
    for isa in Isa::all_available() {
        assert_all_equal(isa, LibmLanes::detect(isa), &special());
        assert_all_equal(isa, LibmLanes::PLATFORM, &special());
    }
}

/// Around whole numbers of periods, where the quotient is hardest to tell: the float64 just below, at and above each.
#[test]
fn remainders_around_whole_periods_equal_libm() {
    const LARGEST: f64 = (1_u64 << 49) as f64;
    let few = (0..100_000_u64).map(|periods| periods as f64);
    // To the end of the range, by factors near 1.
    let many = std::iter::successors(Some(100_000.0), |periods: &f64| Some((periods * 1.0003).round()));
    let many = many.take_while(|periods| periods * TAU < LARGEST * 1.01);
    let around =
        |x: f64| [-2_i64, -1, 0, 1, 2].map(|ulps| f64::from_bits((x.to_bits() as i64 + ulps) as u64));
    let arguments: Vec<f64> =
        few.skip(1).chain(many).flat_map(|periods| around(periods * TAU)).flat_map(|x| [x, -x]).collect();
    assert!(arguments.len() > 1_000_000);
    for isa in Isa::all_available() {
        for lanes in [LibmLanes::LANES, LibmLanes::detect(isa)] {
            let mut values = arguments.clone();
            lanes.fmod_two_pi_in_place(isa, &mut values);
            assert_equal("fmod_two_pi", &arguments, &values, |x| libm::fmod(x, TAU));
        }
    }
}

/// The portable lanes are the twin of the others: the same bits, whatever libm computes.
#[test]
fn instruction_sets_agree_bit_for_bit() {
    let arguments: Vec<f64> = draws().into_iter().take(100_000).chain(special()).collect();
    let run = |isa: Isa, function: fn(LibmLanes, Isa, &mut [f64])| {
        let mut values = arguments.clone();
        function(LibmLanes::LANES, isa, &mut values);
        values
    };
    for function in [
        LibmLanes::sin_in_place,
        LibmLanes::cos_in_place,
        LibmLanes::pow_two_in_place,
        LibmLanes::exp_in_place,
        LibmLanes::tanh_in_place,
        LibmLanes::fmod_two_pi_in_place,
    ] {
        let portable = run(Isa::Portable, function);
        for isa in Isa::all_available() {
            assert!(portable.iter().zip(run(isa, function)).all(|(&a, b)| same(a, b)), "{isa:?}");
        }
    }
}

#[test]
fn every_length_gives_the_same_bits() {
    for isa in Isa::all_available() {
        for length in 0..20 {
            let arguments: Vec<f64> = (0..length).map(|k| f64::from(k) * 0.37 - 3.0).collect();
            assert_all_equal(isa, LibmLanes::detect(isa), &arguments);
        }
    }
}

#[test]
#[should_panic(expected = "expected as many sines and cosines as angles (3), got 3 and 2")]
fn lengths_must_agree() {
    LibmLanes::PLATFORM.sin_cos_slices(Isa::Portable, &[0.0; 3], &mut [0.0; 3], &mut [0.0; 2]);
}

/// The compiler must not replace calls of libm: pow(x, 2) by x * x, sin(x) beside cos(x) by sincos(x), or either by a
/// constant. glibc's results differ for the arguments here, so a replacement shows.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#[test]
fn calls_of_libm_are_real() {
    let differing = draws().into_iter().filter(|&x| libm::pow(x, 2.0).to_bits() != (x * x).to_bits()).count();
    assert!(differing > 100, "pow(x, 2) equals x * x but for {differing} arguments: was the call folded?");

    let x = f64::from_bits(0x3ffa_d1fb_5444_2d18);
    if LibmLanes::detect(Isa::detect()) == LibmLanes::LANES {
        let mut sine = [x];
        LibmLanes::LANES.sin_in_place(Isa::detect(), &mut sine);
        let (called, cosine) = (libm::sin(x), libm::cos(x));
        assert_eq!(called.to_bits(), sine[0].to_bits(), "was sin merged with cos = {cosine} into sincos?");
    }
}

proptest! {
    #[test]
    fn any_bits_equal_libm(bits in prop::collection::vec(any::<u64>(), 0..64)) {
        let arguments: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
        for isa in Isa::all_available() {
            assert_all_equal(isa, LibmLanes::detect(isa), &arguments);
        }
    }
}

/// sinf and cosf: a float32 of every 3,000 there are, with their neighbours in lanes, and those on borders.
#[test]
fn float32_lanes_have_the_platform_s_bits() {
    let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    let mut angles: Vec<f32> = (0..u32::MAX).step_by(3001).map(f32::from_bits).collect();
    let borders = [0.0, f32::MIN_POSITIVE, 1.0 / 4096.0, 0.75, std::f32::consts::FRAC_PI_4, 120.0];
    for border in borders {
        let neighbours = [border.next_down(), border, border.next_up()];
        angles.extend(neighbours.iter().flat_map(|&x| [x, -x]));
    }
    for isa in Isa::all_available() {
        for lanes in [LibmLanes32::detect(isa), LibmLanes32::PLATFORM] {
            let (mut sines, mut cosines) = (angles.clone(), angles.clone());
            lanes.sin_cos_slices(isa, &angles, &mut sines, &mut cosines);
            for (index, &x) in angles.iter().enumerate() {
                assert!(same(sines[index], libm::sinf(x)), "sinf({x:e}) on {}", isa.name());
                assert!(same(cosines[index], libm::cosf(x)), "cosf({x:e}) on {}", isa.name());
            }
        }
    }
}
