//! Motors: an action to speeds, torques and costs, computed in the action's own type, as NumPy does.

use crate::environment::{Action, FloatType};
use crate::float16::float16;
use crate::sign::sign;

/// Motors: a hip and a knee of each leg.
pub(super) const MOTORS: usize = 4;
/// The strongest torque of a motor, N m.
const TORQUE: f32 = 80.0;
/// The speed that each motor tries to reach, rad/s.
const SPEEDS: [f32; MOTORS] = [4.0, 6.0, 4.0, 6.0];
/// What a step of a motor at its strongest costs.
const COST: f64 = 0.00035 * TORQUE as f64;

/// What the motors do in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drive {
    /// Rad/s.
    pub(super) speeds: [f32; MOTORS],
    /// N m.
    pub(super) torques: [f32; MOTORS],
    costs: Costs,
}

/// What the motors' strengths cost, in the type in which they are taken from a reward.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Costs {
    F16([f64; MOTORS]),
    F32([f32; MOTORS]),
    F64([f64; MOTORS]),
}

impl Drive {
    /// The motors are off.
    pub(super) const OFF: Self =
        Self { speeds: [0.0; MOTORS], torques: [0.0; MOTORS], costs: Costs::F64([0.0; MOTORS]) };

    pub(super) fn of(action: Action<'_>) -> Self {
        let values: [f64; MOTORS] = std::array::from_fn(|motor| action.value(motor));
        // A float64 holds the other types' numbers, and their signs and clipped magnitudes are such numbers again.
        let speeds = std::array::from_fn(|motor| SPEEDS[motor] * sign(values[motor]) as f32);
        let strengths = values.map(strength);
        match action {
            Action::Typed(_, FloatType::F64) => Self {
                speeds,
                torques: strengths.map(|strength| (f64::from(TORQUE) * strength) as f32),
                costs: Costs::F64(strengths.map(|strength| COST * strength)),
            },
            Action::Typed(_, FloatType::F16) => Self {
                speeds,
                torques: strengths.map(|strength| float16(f64::from(TORQUE) * strength) as f32),
                costs: Costs::F16(strengths.map(|strength| float16(float16(COST) * strength))),
            },
            _ => Self {
                speeds,
                torques: strengths.map(|strength| TORQUE * strength as f32),
                costs: Costs::F32(strengths.map(|strength| COST as f32 * strength as f32)),
            },
        }
    }

    /// What is left of a reward: the first subtraction makes it a number of the costs' type.
    pub(super) fn taken_from(&self, reward: f64) -> f64 {
        match self.costs {
            Costs::F16(costs) => costs.iter().fold(float16(reward), |left, cost| float16(left - cost)),
            Costs::F32(costs) => f64::from(costs.iter().fold(reward as f32, |left, cost| left - cost)),
            Costs::F64(costs) => costs.iter().fold(reward, |left, cost| left - cost),
        }
    }
}

/// `numpy.clip(numpy.abs(value), 0, 1)`: NaN passes.
fn strength(value: f64) -> f64 {
    let magnitude = value.abs();
    if magnitude > 1.0 { 1.0 } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_choose_the_speed_and_magnitudes_the_torque() {
        let drive = Drive::of(Action::Continuous(&[0.5, -0.25, -0.0, -7.0]));
        assert_eq!(drive.speeds, [4.0, -6.0, 0.0, -6.0]);
        assert_eq!(drive.torques, [40.0, 20.0, 0.0, 80.0]);
        assert!(drive.speeds[2].is_sign_positive());
        let limits = Drive::of(Action::Continuous(&[f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0]));
        assert_eq!((limits.torques[0], limits.torques[1], limits.speeds[1]), (80.0, 80.0, -6.0));
        assert!(limits.torques[2].is_nan() && limits.speeds[2].is_nan());
    }

    /// numpy 2.4.6: `reward = 0.25`, then `reward -= 0.00035 * 80 * np.clip(np.abs(a), 0, 1)` for each a of
    /// (0.7, -0.3, 0.1, 5), in each type.
    #[test]
    fn costs_are_taken_off_in_the_action_s_type() {
        let values = [0.7, -0.3, 0.1, 5.0];
        let narrow = values.map(|value| value as f32);
        let half = values.map(float16);
        let left = |action| Drive::of(action).taken_from(0.25).to_bits();
        assert_eq!(left(Action::Continuous(&narrow)), RECORDED[0]);
        assert_eq!(left(Action::Typed(&values, FloatType::F64)), RECORDED[1]);
        assert_eq!(left(Action::Typed(&half, FloatType::F16)), RECORDED[2]);
    }

    const RECORDED: [u64; 3] = [0x3fc8_793d_e000_0000, 0x3fc8_793d_d97f_62b7, 0x3fc8_7800_0000_0000];
}
