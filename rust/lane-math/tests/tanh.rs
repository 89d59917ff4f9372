//! Every way to call tanh against the table of polynomials, where the two could part, and the table against float64.
//! `examples/sweep_tanh.rs` compares all 2^32 inputs; `activations.rs` has PyTorch's own results.

mod reference;

use lane_math::{Isa, tanh, tanh_in_place};
use proptest::prelude::*;
use reference::{error_in_ulps, ulp_at};

fn assert_same_bits(isa: Isa, inputs: &[f32]) {
    let mut lanes = inputs.to_vec();
    tanh_in_place(isa, &mut lanes);
    for (&x, &value) in inputs.iter().zip(&lanes) {
        let expected = tanh(x);
        assert!(
            expected.to_bits() == value.to_bits() || x.is_nan() && expected.is_nan() && value.is_nan(),
            "tanh({x:e}): {value:e} with {isa:?}, {expected:e} from the table"
        );
    }
}

/// Every `step`-th float32 (a prime, so that all low bits occur), both signs, NaN and infinity included.
fn sample(step: usize) -> impl Iterator<Item = f32> {
    (0..=u32::MAX).step_by(step).map(f32::from_bits)
}

/// Neighbourhoods of the arguments where the lanes' reduction changes step, where one polynomial gives way to the next,
/// where the result saturates, and where the format ends.
fn edges() -> Vec<f32> {
    let steps = (0..211).map(|k| (f64::from(k) + 0.5) * std::f64::consts::LN_2 / 16.0);
    let quarters = (-4..7).flat_map(|exponent| (4..8).map(move |k| 2.0_f64.powi(exponent) * f64::from(k)));
    let binades = (-149..128).map(|exponent| 2.0_f64.powi(exponent));
    let others = [9.010_913_3, 9.1, f64::from(f32::MAX), f64::INFINITY];
    let mut edges = Vec::new();
    for edge in steps.chain(quarters).chain(binades).chain(others) {
        let bits = (edge as f32).to_bits();
        for neighbour in bits.saturating_sub(200)..=bits.saturating_add(200) {
            edges.extend([f32::from_bits(neighbour), -f32::from_bits(neighbour)]);
        }
    }
    edges
}

fn is_near_a_tie(x: f32, margin: f64) -> bool {
    let truth = f64::from(x).tanh();
    let rounded = f64::from(truth as f32);
    ((truth - rounded).abs() / ulp_at(truth) - 0.5).abs() < margin
}

#[test]
fn the_table_is_the_nearest_float_but_for_few() {
    let (mut nearest, mut finite) = (0_u64, 0_u64);
    for x in sample(997).chain(edges()).filter(|x| !x.is_nan()) {
        let value = tanh(x);
        let truth = f64::from(x).tanh();
        let error = error_in_ulps(value, truth);
        assert!(error <= 0.5132, "tanh({x:e}) = {value:e} is {error:.4} ulp off");
        nearest += u64::from(value == truth as f32);
        finite += 1;
    }
    assert!(nearest as f64 >= 0.9998 * finite as f64, "{nearest} of {finite} are the nearest float32");
}

#[test]
fn every_instruction_set_has_the_tables_bits() {
    let ends: Vec<f32> = edges();
    let everywhere: Vec<f32> = sample(997).collect();
    let staircase: Vec<f32> = (8.0_f32.to_bits()..=9.1_f32.to_bits()).map(f32::from_bits).collect();
    for isa in Isa::all_available() {
        assert_same_bits(isa, &ends);
        assert_same_bits(isa, &everywhere);
        assert_same_bits(isa, &staircase);
    }
}

/// The arguments that decide, out of 13 million: those whose tanh lies within 0.02 units of a rounding boundary.
#[test]
fn every_instruction_set_has_the_tables_bits_near_rounding_boundaries() {
    let range = 1e-4_f32.to_bits()..8.0_f32.to_bits();
    let near: Vec<f32> = range
        .step_by(11)
        .map(f32::from_bits)
        .filter(|&x| is_near_a_tie(x, 0.02))
        .flat_map(|x| [x, -x])
        .collect();
    assert!(near.len() > 500_000, "{} arguments", near.len());
    for isa in Isa::all_available() {
        assert_same_bits(isa, &near);
    }
}

#[test]
fn every_length_gives_the_same_bits() {
    for isa in Isa::all_available() {
        for length in 0..200 {
            let inputs: Vec<f32> = (0..length).map(|k| (k as f32 - 90.0) * 0.137).collect();
            assert_same_bits(isa, &inputs);
        }
    }
}

#[test]
fn far_arguments_do_not_disturb_their_neighbours() {
    for isa in Isa::all_available() {
        for far in [8.0, 8.5, 100.0, f32::INFINITY, f32::NAN] {
            for lane in 0..64 {
                let mut inputs: Vec<f32> = (0..64).map(|k| (k as f32 - 32.0) * 0.05).collect();
                inputs[lane] = far;
                inputs[63 - lane] = -far;
                assert_same_bits(isa, &inputs);
            }
        }
    }
}

#[test]
fn tanh_is_odd_bit_for_bit() {
    for x in sample(6983).chain(edges()).filter(|x| !x.is_nan()) {
        assert_eq!(tanh(-x).to_bits(), (-tanh(x)).to_bits(), "tanh({x:e})");
    }
}

proptest! {
    #[test]
    fn lanes_have_the_tables_bits(bits in prop::collection::vec(any::<u32>(), 0..150)) {
        let inputs: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        for isa in Isa::all_available() {
            assert_same_bits(isa, &inputs);
        }
    }
}
