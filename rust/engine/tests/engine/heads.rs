//! Continuous actions at the bounds of their space, bit for bit.

use engine::{Head, continuous_actions};
use lane_math::Isa;

fn clipped(value: f32, low: f32, high: f32) -> u32 {
    let mut values = [value];
    continuous_actions(Head::Clip, Isa::detect(), &mut values, &[low], &[high]);
    values[0].to_bits()
}

/// As `numpy.clip` and `torch.clamp`: a value that is equal to a bound is not taken to it, so its sign stays.
#[test]
fn zeros_keep_their_sign_at_bounds_of_zero() {
    for value in [0.0_f32, -0.0] {
        for bound in [0.0, -0.0] {
            assert_eq!(clipped(value, bound, 1.0), value.to_bits(), "{value} from {bound} on");
            assert_eq!(clipped(value, -1.0, bound), value.to_bits(), "{value} up to {bound}");
        }
    }
}

#[test]
fn values_beyond_a_bound_are_the_bound() {
    assert_eq!(clipped(-1.0, -0.0, 1.0), (-0.0_f32).to_bits());
    assert_eq!(clipped(1.0, -1.0, -0.0), (-0.0_f32).to_bits());
    assert_eq!(clipped(-1e-45, 0.0, 1.0), 0.0_f32.to_bits());
}
