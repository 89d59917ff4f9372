//! The sigmoid of rows that lie apart: whole vectors as everywhere, the rest with glibc's expf.

use lane_math::{Activation, Isa, Kernel, expf, lanes::Simd, sigmoid_row};

/// Results of glibc 2.36 on a processor with FMA; the two where it would differ without come first.
const RECORDED: [(u32, u32); 12] = [
    (0x4202_422f, 0x56fc_9f1c),
    (0xc27c_65d9, 0x11fa_2993),
    (0x0000_0000, 0x3f80_0000),
    (0x8000_0001, 0x3f80_0000),
    (0x3f80_0000, 0x402d_f854),
    (0xbf80_0000, 0x3ebc_5ab2),
    (0x42b1_7217, 0x7f7f_ff84),
    (0x42b1_7218, 0x7f80_0000),
    (0xc2cf_f1b4, 0x0000_0001),
    (0xc2cf_f1b5, 0x0000_0000),
    (0x7f80_0000, 0x7f80_0000),
    (0xff80_0000, 0x0000_0000),
];

#[test]
fn expf_is_glibcs() {
    for (x, expected) in RECORDED {
        assert_eq!(expf(f32::from_bits(x)).to_bits(), expected, "{:e}", f32::from_bits(x));
    }
    assert!(expf(f32::NAN).is_nan());
}

/// Where the platform is the one that the bits are from.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
fn expf_is_the_platforms() {
    if !std::arch::is_x86_feature_detected!("fma") {
        return;
    }
    for k in 0..1 << 20 {
        let x = f32::from_bits(4093 * k);
        assert_eq!(bits(expf(x)), bits(lane_math::libm::expf(x)), "{x:e}");
    }
}

/// Any NaN is one.
fn bits(value: f32) -> u32 {
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }
}

struct Row<'a>(&'a mut [f32]);

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        sigmoid_row::<S>(self.0);
    }
}

#[test]
fn only_the_rest_of_a_row_differs_from_a_sigmoid_of_vectors() {
    let arguments: Vec<f32> = (0..100).map(|k| (k as f32 - 50.0) * 0.37).chain([f32::NAN]).collect();
    for isa in Isa::all_available() {
        for length in 0..=arguments.len() {
            let mut row = arguments[..length].to_vec();
            isa.run(Row(&mut row));
            for (k, (&x, &value)) in arguments.iter().zip(&row).enumerate() {
                let is_whole = k < length / 16 * 16;
                let expected = if is_whole { Activation::Sigmoid.value(x) } else { 1.0 / (1.0 + expf(-x)) };
                assert_eq!(bits(value), bits(expected), "{isa:?}, {length} values, value {k}");
            }
        }
    }
    let differ = |x: &f32| bits(Activation::Sigmoid.value(*x)) != bits(1.0 / (1.0 + expf(-x)));
    assert!(arguments.iter().any(differ), "the two are not the same function");
}
