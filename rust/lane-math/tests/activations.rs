//! Every activation against PyTorch's results, which `record_activations.py` recorded, and every instruction set against
//! the scalar twin. `examples/sweep_activations.rs` compares the latter for all 2^32 inputs, the Python package PyTorch.

mod activation_list;
mod recording;

use activation_list::ACTIVATIONS;
use lane_math::lanes::{PortableFamily, Simd};
use lane_math::{Activation, Isa, Kernel};
use proptest::prelude::*;
use recording::{Recording, bits, digest};

/// The bits of an activation's results.
fn applied(activation: Activation, isa: Isa, arguments: &[f32]) -> Vec<u32> {
    let mut values = arguments.to_vec();
    activation.apply_in_place(isa, &mut values);
    values.into_iter().map(bits).collect()
}

fn recording() -> Recording {
    Recording::read("LANE_MATH_ACTIVATIONS", include_str!("torch_activations.txt"))
}

/// The arguments whose results the recording writes out: the identity's results.
fn recorded_arguments() -> Vec<f32> {
    recording().results("identity").into_iter().map(f32::from_bits).collect()
}

/// The arguments whose results the recording has a digest of: see `samples` in the script.
fn samples() -> Vec<f32> {
    let everywhere = (0..262_176_u64).map(|k| f32::from_bits((k * 16381) as u32));
    let grid = (0..1 << 18).map(|k| (k as f32 - 131_072.0) / 8192.0);
    everywhere.chain(grid).collect()
}

#[test]
fn the_recording_has_every_activation_and_no_other() {
    let recording = recording();
    let mut names = ACTIVATIONS.map(|(name, _)| name);
    names.sort_unstable();
    assert_eq!(recording.names(), names);
    assert!(recorded_arguments().len() > 300);
}

#[test]
fn the_scalar_twin_has_pytorchs_bits() {
    let recording = recording();
    let arguments = recorded_arguments();
    for (name, activation) in ACTIVATIONS {
        for (&x, expected) in arguments.iter().zip(recording.results(name)) {
            let value = bits(activation.value(x));
            assert_eq!(value, expected, "{name} of {x:e}: {value:08x}, PyTorch has {expected:08x}");
        }
    }
}

#[test]
fn every_instruction_set_has_pytorchs_bits() {
    let recording = recording();
    let arguments = recorded_arguments();
    let samples = samples();
    for (name, activation) in ACTIVATIONS {
        let expected = recording.results(name);
        for isa in Isa::all_available() {
            assert_eq!(applied(activation, isa, &arguments), expected, "{name}, {isa:?}");
            let digest = digest(&applied(activation, isa, &samples));
            assert_eq!(digest, recording.digest(name), "{name}, {isa:?}, of the samples");
        }
    }
}

#[test]
fn the_digest_sees_one_bit_and_an_exchange() {
    let results: Vec<u32> = (0..1000).collect();
    let mut changed = results.clone();
    changed[500] ^= 1;
    let mut exchanged = results.clone();
    exchanged.swap(3, 4);
    assert_ne!(digest(&results), digest(&changed));
    assert_ne!(digest(&results), digest(&exchanged));
}

#[test]
fn every_length_gives_the_same_bits() {
    let arguments: Vec<f32> = (0..100).map(|k| (k as f32 - 50.0) * 0.37).collect();
    for (name, activation) in ACTIVATIONS {
        let expected: Vec<u32> = arguments.iter().map(|&x| bits(activation.value(x))).collect();
        for isa in Isa::all_available() {
            for length in 0..=arguments.len() {
                let results = applied(activation, isa, &arguments[..length]);
                assert_eq!(results, expected[..length], "{name}, {isa:?}, {length} values");
            }
        }
    }
}

#[test]
fn nan_passes_through_and_stays_in_its_lane() {
    let mut arguments = [0.5; 24];
    for (lane, nan) in [(2, f32::NAN), (3, -f32::NAN), (20, f32::from_bits(0x7f80_0001))] {
        arguments[lane] = nan;
    }
    for (name, activation) in ACTIVATIONS {
        let half = bits(activation.value(0.5));
        for isa in Isa::all_available() {
            for (lane, result) in applied(activation, isa, &arguments).into_iter().enumerate() {
                let expected = if arguments[lane].is_nan() { 0x7fc0_0000 } else { half };
                assert_eq!(result, expected, "{name}, {isa:?}, lane {lane}");
            }
        }
    }
}

#[test]
fn parameters_are_rounded_as_pytorch_rounds_them() {
    let third = Activation::celu(1.1);
    let Activation::Elu { alpha, scale, input_scale } = third else { panic!("{third:?}") };
    assert_eq!((alpha, scale, input_scale), (1.1, 1.0, (1.0_f64 / 1.1) as f32));
    assert_ne!(input_scale, 1.0 / 1.1_f32, "the reciprocal is float64's");
    assert_eq!(Activation::elu(0.3), Activation::Elu { alpha: 0.3, scale: 1.0, input_scale: 1.0 });
}

/// The portable lanes, compiled with the instructions of an [`Isa`], as the sweep runs them.
struct PortableLanes<'a>(Activation, &'a mut [f32]);

impl Kernel for PortableLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        self.0.apply_slice::<PortableFamily>(self.1);
    }
}

#[test]
fn portable_lanes_give_the_same_bits_however_they_are_compiled() {
    let samples = samples();
    for (name, activation) in ACTIVATIONS {
        let expected = applied(activation, Isa::Portable, &samples);
        for isa in Isa::all_available() {
            let mut values = samples.clone();
            isa.run(PortableLanes(activation, &mut values));
            let results: Vec<u32> = values.into_iter().map(bits).collect();
            assert_eq!(results, expected, "{name}, {isa:?}");
        }
    }
}

proptest! {
    #[test]
    fn lanes_have_the_twins_bits(
        words in prop::collection::vec(any::<u32>(), 0..40),
        near_zero in prop::collection::vec(-100.0_f32..100.0, 0..40),
        parameters in prop::array::uniform3(-4.0_f32..4.0),
    ) {
        let arguments: Vec<f32> = words.into_iter().map(f32::from_bits).chain(near_zero).collect();
        let [a, b, c] = parameters;
        let with_parameters = [
            Activation::LeakyRelu { negative_slope: a },
            Activation::Elu { alpha: a, scale: b, input_scale: c },
            Activation::Softplus { beta: a, threshold: 10.0 * b },
            Activation::Hardtanh { min: a, max: a + b.abs() },
        ];
        for activation in with_parameters.into_iter().chain(ACTIVATIONS.map(|(_, activation)| activation)) {
            let expected: Vec<u32> = arguments.iter().map(|&x| bits(activation.value(x))).collect();
            for isa in Isa::all_available() {
                prop_assert_eq!(&applied(activation, isa, &arguments), &expected, "{:?}, {:?}", activation, isa);
            }
        }
    }
}
