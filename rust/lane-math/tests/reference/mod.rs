//! How far a float32 is from the truth, known in float64. Shared by the test and the sweep.

/// The distance of two float32 neighbours around `truth`: its unit in the last place.
pub fn ulp_at(truth: f64) -> f64 {
    let exponent = ((truth.abs().to_bits() >> 52) as i32 - 1023).clamp(-126, 127);
    2.0_f64.powi(exponent - 23)
}

/// The error of `value` in units in the last place of `truth`.
pub fn error_in_ulps(value: f32, truth: f64) -> f64 {
    (f64::from(value) - truth).abs() / ulp_at(truth)
}

#[test]
fn the_error_of_a_neighbour_is_one_ulp() {
    for truth in [0.25_f32, 0.7, 1e-38, 1e-44] {
        assert_eq!(error_in_ulps(truth, f64::from(truth)), 0.0);
        assert_eq!(error_in_ulps(f32::from_bits(truth.to_bits() + 1), f64::from(truth)), 1.0);
    }
    // The tie between two neighbours is half a unit from either.
    assert_eq!(error_in_ulps(0.5, 0.5 + f64::from(f32::EPSILON) / 4.0), 0.5);
}
