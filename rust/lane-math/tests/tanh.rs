//! tanh against float64, and every way to call it against the scalar twin. `examples/sweep_tanh.rs` does the same for
//! all 2^32 inputs.

mod reference;

use lane_math::{Isa, tanh, tanh_in_place};
use proptest::prelude::*;
use reference::error_in_ulps;

fn assert_same_bits(isa: Isa, inputs: &[f32]) {
    let mut lanes = inputs.to_vec();
    tanh_in_place(isa, &mut lanes);
    for (&x, &value) in inputs.iter().zip(&lanes) {
        let twin = tanh(x);
        assert!(
            twin.to_bits() == value.to_bits() || x.is_nan() && twin.is_nan() && value.is_nan(),
            "tanh({x:e}): {value:e} with {isa:?}, {twin:e} from the scalar twin"
        );
    }
}

/// Every 997-th float32 (a prime, so that all low bits occur), both signs, NaN and infinity included.
fn sample() -> Vec<f32> {
    (0..=u32::MAX).step_by(997).map(f32::from_bits).collect()
}

/// Neighbourhoods of the arguments where the reduction changes step, the result saturates, or the format ends.
fn edges() -> Vec<f32> {
    let steps = (0..30).map(|n| (f64::from(n) + 0.5) * std::f64::consts::LN_2 / 2.0);
    let binades = (-149..128).map(|exponent| 2.0_f64.powi(exponent));
    let others = [9.010_913_3, 9.1, f64::from(f32::MAX), f64::INFINITY];
    let mut edges = Vec::new();
    for edge in steps.chain(binades).chain(others) {
        let bits = (edge as f32).to_bits();
        for neighbour in bits.saturating_sub(200)..=bits.saturating_add(200) {
            edges.extend([f32::from_bits(neighbour), -f32::from_bits(neighbour)]);
        }
    }
    edges
}

#[test]
fn errors_stay_below_one_ulp() {
    let inputs: Vec<f32> = sample().into_iter().chain(edges()).collect();
    let mut values = inputs.clone();
    tanh_in_place(Isa::detect(), &mut values);
    let (mut nearest, mut finite) = (0_u64, 0_u64);
    for (&x, &value) in inputs.iter().zip(&values) {
        if x.is_nan() {
            assert!(value.is_nan(), "tanh(NaN) = {value:e}");
            continue;
        }
        let truth = f64::from(x).tanh();
        let error = error_in_ulps(value, truth);
        assert!(error <= 0.8, "tanh({x:e}) = {value:e} is {error:.4} ulp off");
        assert!(
            value.abs() <= 1.0 && value.is_sign_negative() == x.is_sign_negative(),
            "tanh({x:e}) = {value:e}"
        );
        nearest += u64::from(value == truth as f32);
        finite += 1;
    }
    assert!(nearest as f64 >= 0.99 * finite as f64, "{nearest} of {finite} are the nearest float32");
}

#[test]
fn instruction_sets_agree_bit_for_bit() {
    for isa in Isa::all_available() {
        assert_same_bits(isa, &edges());
        assert_same_bits(isa, &sample()[..100_000]);
    }
}

#[test]
fn every_length_gives_the_same_bits() {
    for isa in Isa::all_available() {
        for length in 0..200 {
            let inputs: Vec<f32> = (0..length).map(|k| (k as f32 - 90.0) * 0.037).collect();
            assert_same_bits(isa, &inputs);
        }
    }
}

#[test]
fn tanh_is_odd_bit_for_bit() {
    for x in sample().into_iter().step_by(7).chain(edges()).filter(|x| !x.is_nan()) {
        assert_eq!(tanh(-x).to_bits(), (-tanh(x)).to_bits(), "tanh({x:e})");
    }
}

proptest! {
    #[test]
    fn lanes_equal_the_scalar_twin(bits in prop::collection::vec(any::<u32>(), 0..150)) {
        let inputs: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        for isa in Isa::all_available() {
            assert_same_bits(isa, &inputs);
        }
    }

    #[test]
    fn ordinary_arguments_are_accurate(x in -10.0_f32..10.0) {
        prop_assert!(error_in_ulps(tanh(x), f64::from(x).tanh()) <= 0.8);
    }
}
