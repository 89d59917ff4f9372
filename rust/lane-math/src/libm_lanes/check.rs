//! Whether the lanes equal the platform's libm: found out once, by comparing, in the standard floating-point mode.

use std::sync::OnceLock;

use super::LibmLanes;
use crate::StandardFloatMode;
use crate::isa::Isa;
use crate::libm;

/// Arguments whose sine glibc rounds differently without fused operations, and the bits with them.
const SINES: [(u64, u64); 4] = [
    (0x3fb7_e2b9_156e_f04d, 0x3fb7_d9da_da21_3f8f),
    (0x3fcc_bde8_233b_835e, 0x3fcc_803b_0f6b_a21f),
    (0x3ff5_9876_f28e_8ef9, 0x3fef_38a0_cd92_8d13),
    (0x4028_38d7_44ad_ad8a, 0xbfdc_2559_5092_dbfb),
];
/// The same for the cosine.
const COSINES: [(u64, u64); 4] = [
    (0x3fe5_4c8a_3438_934c, 0x3fe9_2b6c_1f10_408d),
    (0x3ffa_d36e_1c12_8b96, 0xbfbb_0a3c_bc8b_ea88),
    (0x3ff2_8e0e_6852_cc8a, 0x3fd9_938f_3df0_8355),
    (0x4030_1e92_a4f0_3247, 0xbfed_5445_b0e3_9c2d),
];

/// The same for the exponential.
const EXPONENTIALS: [(u64, u64); 4] = [
    (0xc013_6c37_9d59_ee98, 0x3f7f_e226_032a_9199),
    (0xbff6_dc7a_29ea_1818, 0x3fce_aadf_fe6f_1905),
    (0xc03f_5dab_ea96_244f, 0x3d1a_e1c6_915d_4c01),
    (0x4040_3853_3a27_9b92, 0x42db_e0e9_fd8b_d9c3),
];
/// The same for the hyperbolic tangent.
const TANGENTS: [(u64, u64); 4] = [
    (0xbfe1_4599_a334_d4b0, 0xbfdf_89f7_38a8_fb0f),
    (0x3fbe_34e1_1361_9000, 0x3fbe_1130_c445_67a3),
    (0x3fe0_7ccc_9cac_ad58, 0x3fde_563c_88c0_3909),
    (0x3fb9_813f_5944_0cc0, 0x3fb9_6bba_ec79_1f62),
];

const RANDOM_ARGUMENTS: usize = 8192;
/// Bounds of angles, of all ranges that the lanes tell apart.
const ANGLES: [f64; 4] = [0.25, 2.5, 25.0, 250.0];

/// The comparison's outcome, remembered.
pub(super) fn verdict() -> LibmLanes {
    static VERDICT: OnceLock<LibmLanes> = OnceLock::new();
    *VERDICT.get_or_init(compared_as_promised)
}

/// The comparison in the mode in which the lanes will be used, whichever the caller's thread is in: with another rounding
/// they part from libm, and that would be remembered.
fn compared_as_promised() -> LibmLanes {
    let _standard = StandardFloatMode::enter();
    compared()
}

fn compared() -> LibmLanes {
    let arguments = random_arguments(ANGLES);
    LibmLanes {
        trig: trig_agrees(&arguments),
        pow: pow_agrees(&arguments),
        exp: exp_agrees(&arguments),
        tanh: tanh_agrees(&arguments),
    }
}

fn trig_agrees(arguments: &[f64]) -> bool {
    let lanes = LibmLanes::LANES;
    let isa = Isa::detect();
    known(&SINES, libm::sin)
        && known(&COSINES, libm::cos)
        && agree(arguments, libm::sin, |values| lanes.sin_in_place(isa, values))
        && agree(arguments, libm::cos, |values| lanes.cos_in_place(isa, values))
}

fn exp_agrees(arguments: &[f64]) -> bool {
    let isa = Isa::detect();
    known(&EXPONENTIALS, libm::exp)
        && agree(arguments, libm::exp, |values| LibmLanes::LANES.exp_in_place(isa, values))
}

fn tanh_agrees(arguments: &[f64]) -> bool {
    let isa = Isa::detect();
    known(&TANGENTS, libm::tanh)
        && agree(arguments, libm::tanh, |values| LibmLanes::LANES.tanh_in_place(isa, values))
}

/// Whether the platform's function has these bits.
fn known(pairs: &[(u64, u64)], function: fn(f64) -> f64) -> bool {
    pairs.iter().all(|&(x, bits)| function(f64::from_bits(x)).to_bits() == bits)
}

fn pow_agrees(arguments: &[f64]) -> bool {
    let isa = Isa::detect();
    agree(arguments, |x| libm::pow(x, 2.0), |values| LibmLanes::LANES.pow_two_in_place(isa, values))
}

/// Whether the lanes, computed in place, have the bits of the platform's function for every argument.
fn agree(arguments: &[f64], platform: impl Fn(f64) -> f64, in_lanes: impl Fn(&mut [f64])) -> bool {
    let mut values = arguments.to_vec();
    in_lanes(&mut values);
    arguments.iter().zip(&values).all(|(&x, &value)| platform(x).to_bits() == value.to_bits())
}

/// Arguments of either sign, a fourth each below each of `bounds`: the same each time.
pub(super) fn random_arguments(bounds: [f64; 4]) -> Vec<f64> {
    // xorshift64: any numbers do that reach every row of the tables.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut arguments = Vec::with_capacity(RANDOM_ARGUMENTS);
    for index in 0..RANDOM_ARGUMENTS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let unit = state as i64 as f64 / (1_u64 << 63) as f64;
        arguments.push(unit * bounds[index % 4]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_in_the_last_place_is_a_disagreement() {
        let arguments = random_arguments(ANGLES);
        let last = *arguments.last().expect("some arguments");
        let off_by_one = |x: f64| {
            let sine = libm::sin(x);
            if x == last { f64::from_bits(sine.to_bits() + 1) } else { sine }
        };
        let in_lanes = |values: &mut [f64]| values.iter_mut().for_each(|x| *x = libm::sin(*x));
        assert!(agree(&arguments, libm::sin, in_lanes));
        assert!(!agree(&arguments, off_by_one, in_lanes));
    }

    #[test]
    fn arguments_reach_every_row_and_every_branch() {
        let arguments = random_arguments(ANGLES);
        for row in 0..110 {
            let near = |x: &f64| (x.abs() * 128.0).round() == f64::from(row);
            assert!(arguments.iter().any(near), "row {row}");
        }
        let middle_or_far =
            |from: f64, to: f64| arguments.iter().filter(|x| (from..to).contains(&x.abs())).count();
        assert!(middle_or_far(0.856, 2.426) > 1000 && middle_or_far(2.427, 250.0) > 1000);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_callers_rounding_has_no_say() {
        use crate::float_mode::{TOWARDS_ZERO, in_mode};

        let usual = compared_as_promised();
        assert_eq!(in_mode(TOWARDS_ZERO, compared_as_promised), usual);
        // The mode matters: where the lanes are used, the same comparison finds them wanting in the caller's.
        if usual.trig {
            assert_ne!(in_mode(TOWARDS_ZERO, compared), usual);
        }
    }

    /// Where libm gives the bits of glibc's FMA variants, the lanes must be found equal; else the check, or a formula,
    /// has a mistake that would only cost time and so go unnoticed.
    #[test]
    fn lanes_are_used_where_libm_has_the_known_bits() {
        let known = |pairs: &[(u64, u64)], function: fn(f64) -> f64| {
            pairs.iter().filter(|&&(x, bits)| function(f64::from_bits(x)).to_bits() == bits).count()
        };
        // Three of four: a wrong digit above must not hide itself.
        let verdict = verdict();
        for (pairs, function, in_lanes) in [
            (&SINES, libm::sin as fn(f64) -> f64, verdict.trig),
            (&COSINES, libm::cos, verdict.trig),
            (&EXPONENTIALS, libm::exp, verdict.exp),
            (&TANGENTS, libm::tanh, verdict.tanh),
        ] {
            assert!(known(pairs, function) < 3 || in_lanes, "{verdict:?}");
        }
    }
}
