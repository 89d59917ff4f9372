//! Engines: an action to throttles, and throttles to impulses on the hull.

use super::SCALE;
use crate::environment::Action;
use lane_math::libm;
use planar::{BodyId, Vec2, World};

/// Impulse of the main engine per metre of its offset from the hull's origin, N s/m.
const MAIN_ENGINE_POWER: f64 = 13.0;
/// The same of a side engine.
const SIDE_ENGINE_POWER: f64 = 0.6;
/// From the hull's origin to the main engine, m.
const MAIN_ENGINE_OFFSET: f64 = 4.0 / SCALE;
/// From the hull's axis to a side engine, px.
const SIDE_ENGINE_AWAY: f64 = 12.0;
/// From the hull's origin up to the side engines, px: in the reference's formula for y.
const SIDE_ENGINE_HEIGHT: f64 = 14.0;
/// The same in its formula for x. That they differ makes the torque depend on the hull's angle.
const SIDE_ENGINE_HEIGHT_OF_X: f64 = 17.0;

/// What the engines do in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Throttle {
    /// Of the main engine: 0, or 0.5 to 1.
    pub(super) main: f64,
    /// Of the side engine that fires: 0, or 0.5 to 1.
    pub(super) side: f64,
    /// Which one: -1 left, 1 right.
    direction: f64,
}

impl Throttle {
    /// No engine fires.
    pub(super) const OFF: Self = Self { main: 0.0, side: 0.0, direction: 0.0 };

    pub(super) fn of(action: Action<'_>) -> Self {
        match action {
            Action::Discrete(index) => Self::of_index(index),
            action => Self::of_values(action.value(0), action.value(1)),
        }
    }

    /// Nothing, the left engine, the main engine, the right engine.
    fn of_index(index: u32) -> Self {
        match index {
            1 => Self { side: 1.0, direction: -1.0, ..Self::OFF },
            2 => Self { main: 1.0, ..Self::OFF },
            3 => Self { side: 1.0, direction: 1.0, ..Self::OFF },
            _ => Self::OFF,
        }
    }

    /// The main engine fires above 0, at 50% and more; a side engine beyond 0.5, by its distance from 0.
    fn of_values(main: f64, side: f64) -> Self {
        let (main, side) = (clipped(main), clipped(side));
        let mut throttle = Self::OFF;
        if main > 0.0 {
            throttle.main = (main + 1.0) * 0.5;
        }
        if side.abs() > 0.5 {
            throttle.side = side.abs();
            throttle.direction = 1.0_f64.copysign(side);
        }
        throttle
    }
}

/// `numpy.clip(value, -1, 1)`: NaN passes, and exceeds no threshold.
fn clipped(value: f64) -> f64 {
    let raised = if value < -1.0 { -1.0 } else { value };
    if raised > 1.0 { 1.0 } else { raised }
}

/// Applies the impulses of the engines that fire. `dispersion` (m) moves their nozzles a little.
pub(super) fn fire(world: &mut World, hull: BodyId, throttle: Throttle, dispersion: [f64; 2]) {
    if throttle.main == 0.0 && throttle.side == 0.0 {
        return;
    }
    let angle = f64::from(world.body(hull).angle());
    // The components of the hull's upward axis, and of the one to its left.
    let tip = [libm::sin(angle), libm::cos(angle)];
    let side = [-tip[1], tip[0]];
    let position = world.body(hull).position();
    let position = [f64::from(position.x), f64::from(position.y)];
    if throttle.main > 0.0 {
        let (along, across) = (MAIN_ENGINE_OFFSET + 2.0 * dispersion[0], dispersion[1]);
        let offset = [tip[0] * along + side[0] * across, -tip[1] * along - side[1] * across];
        let nozzle = [position[0] + offset[0], position[1] + offset[1]];
        push(world, hull, offset.map(|length| -length * MAIN_ENGINE_POWER * throttle.main), nozzle);
    }
    if throttle.side > 0.0 {
        let across = 3.0 * dispersion[1] + throttle.direction * SIDE_ENGINE_AWAY / SCALE;
        let offset = [tip[0] * dispersion[0] + side[0] * across, -tip[1] * dispersion[0] - side[1] * across];
        let nozzle = [
            position[0] + offset[0] - tip[0] * SIDE_ENGINE_HEIGHT_OF_X / SCALE,
            position[1] + offset[1] + tip[1] * SIDE_ENGINE_HEIGHT / SCALE,
        ];
        push(world, hull, offset.map(|length| -length * SIDE_ENGINE_POWER * throttle.side), nozzle);
    }
}

/// Hands an impulse (N s) at a point of the world (m) to Box2D, in its float32.
fn push(world: &mut World, hull: BodyId, impulse: [f64; 2], point: [f64; 2]) {
    let [impulse, point] = [impulse, point].map(|[x, y]| Vec2::new(x as f32, y as f32));
    world.apply_linear_impulse(hull, impulse, point, true);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::FloatType;

    fn of(values: [f32; 2]) -> (f64, f64, f64) {
        let throttle = Throttle::of(Action::Continuous(&values));
        (throttle.main, throttle.side, throttle.direction)
    }

    #[test]
    fn engines_fire_above_their_thresholds() {
        assert_eq!(of([0.0, 0.5]), (0.0, 0.0, 0.0));
        assert_eq!(of([f32::MIN_POSITIVE, -0.75]), (0.5 + f64::from(f32::MIN_POSITIVE) * 0.5, 0.75, -1.0));
        assert_eq!(of([0.5, 0.875]), (0.75, 0.875, 1.0));
        assert_eq!(of([7.0, -7.0]), (1.0, 1.0, -1.0));
    }

    #[test]
    fn float64_actions_are_not_rounded() {
        let just_above = 0.5_f64.next_up();
        let throttle = Throttle::of(Action::Typed(&[1e-300, just_above], FloatType::F64));
        assert_eq!((throttle.main, throttle.side, throttle.direction), (0.5, just_above, 1.0));
        let throttle = Throttle::of(Action::Typed(&[0.1, 0.5], FloatType::F64));
        assert_eq!((throttle.main, throttle.side), ((0.1 + 1.0) * 0.5, 0.0));
    }

    #[test]
    fn infinities_are_full_throttle_and_nan_is_none() {
        assert_eq!(of([f32::INFINITY, f32::NEG_INFINITY]), (1.0, 1.0, -1.0));
        assert_eq!(of([f32::NEG_INFINITY, f32::INFINITY]), (0.0, 1.0, 1.0));
        assert_eq!(of([f32::NAN, f32::NAN]), (0.0, 0.0, 0.0));
    }
}
