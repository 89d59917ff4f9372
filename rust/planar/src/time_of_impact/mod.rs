//! Time of impact: when within a step two moving shapes first touch, by conservative advancement.
//!
//! At each time tried, the distance of the shapes names an axis along which they are separated. The separation along that
//! axis is a function of time alone; its root is the next time to try. The search ends where the shapes are apart by the
//! skins less some slop, within a tolerance, so that they still have a gap for the solver to close.

mod apart;
mod separation;

pub(crate) use apart::{Way, stay_apart, stays_beside};

use crate::distance::{SimplexCache, distance};
use crate::math::{Sweep, Vec2, abs, max};
use crate::settings::{LINEAR_SLOP, MAX_POLYGON_VERTICES, POLYGON_RADIUS};
use separation::{Separation, Witness};

/// Axes that are tried at most.
const MAX_AXES: usize = 20;

/// Evaluations of the separation per root at most.
const MAX_ROOT_ITERATIONS: u32 = 50;

/// How close the separation must come to its target, metres.
const TOLERANCE: f32 = 0.25 * LINEAR_SLOP;

/// A shape's core and its motion.
pub(crate) type MovingCore<'a> = (&'a [Vec2], &'a Sweep);

/// The first time, as a fraction of the sweeps, at which two shapes touch. `None` if they stay apart, if they overlap from
/// the start, or if the search fails.
pub(crate) fn time_of_impact(a: MovingCore, b: MovingCore) -> Option<f32> {
    // Large angles would make the root finder fail.
    let (sweep_a, sweep_b) = (a.1.normalized(), b.1.normalized());
    let target = max(LINEAR_SLOP, (POLYGON_RADIUS + POLYGON_RADIUS) - 3.0 * LINEAR_SLOP);
    let mut cache = SimplexCache::EMPTY;
    let mut time = 0.0;
    for _ in 0..MAX_AXES {
        let frames = (sweep_a.transform_at(time), sweep_b.transform_at(time));
        let gap = distance(&mut cache, (a.0, &frames.0), (b.0, &frames.1));
        if gap <= 0.0 {
            return None;
        }
        if gap < target + TOLERANCE {
            return Some(time);
        }
        let separation = Separation::new((a.0, &sweep_a), (b.0, &sweep_b), cache.nearest(), &frames);
        match next_time(&separation, target, time) {
            Progress::Apart => return None,
            Progress::Touching => return Some(time),
            Progress::To(later) => time = later,
        }
    }
    None
}

/// What one axis tells.
enum Progress {
    /// The shapes do not meet within the step, or the axis is of no use.
    Apart,
    /// They touch at the time reached so far.
    Touching,
    /// Up to this time they do not meet.
    To(f32),
}

/// Advances from `time` along one axis: while some vertex is too deep at the later end, the end moves back to where that
/// vertex is at the target.
fn next_time(separation: &Separation, target: f32, time: f32) -> Progress {
    let mut end = 1.0;
    for _ in 0..MAX_POLYGON_VERTICES {
        let (witness, at_end) = separation.deepest(end);
        if at_end > target + TOLERANCE {
            return Progress::Apart;
        }
        if at_end > target - TOLERANCE {
            return Progress::To(end);
        }
        let at_time = separation.of(witness, time);
        if at_time < target - TOLERANCE {
            return Progress::Apart;
        }
        if at_time <= target + TOLERANCE {
            return Progress::Touching;
        }
        if let Some(root) = root(separation, witness, target, (time, at_time), (end, at_end)) {
            end = root;
        }
    }
    Progress::To(time)
}

/// The time between `low` and `high`, each with its separation, at which the witness is at the target: bisection and the
/// secant rule in turns. `None` if it is not found.
fn root(
    separation: &Separation,
    witness: Witness,
    target: f32,
    mut low: (f32, f32),
    mut high: (f32, f32),
) -> Option<f32> {
    for iteration in 0..MAX_ROOT_ITERATIONS {
        let time = if iteration % 2 == 1 {
            low.0 + (target - low.1) * (high.0 - low.0) / (high.1 - low.1)
        } else {
            0.5 * (low.0 + high.0)
        };
        let here = separation.of(witness, time);
        if abs(here - target) < TOLERANCE {
            return Some(time);
        }
        if here > target {
            low = (time, here);
        } else {
            high = (time, here);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: [Vec2; 2] = [Vec2::new(-5.0, 0.0), Vec2::new(5.0, 0.0)];
    const SQUARE: [Vec2; 4] =
        [Vec2::new(-0.5, -0.5), Vec2::new(0.5, -0.5), Vec2::new(0.5, 0.5), Vec2::new(-0.5, 0.5)];

    fn sweep(from: Vec2, to: Vec2, angle: f32) -> Sweep {
        Sweep {
            local_center: Vec2::ZERO,
            start_center: from,
            center: to,
            start_angle: 0.0,
            angle,
            start_time: 0.0,
        }
    }

    fn impact(from: (f32, f32), to: (f32, f32), angle: f32) -> Option<f32> {
        let moving = sweep(Vec2::new(from.0, from.1), Vec2::new(to.0, to.1), angle);
        time_of_impact((&FLOOR, &sweep(Vec2::ZERO, Vec2::ZERO, 0.0)), (&SQUARE, &moving))
    }

    #[test]
    fn a_falling_square_stops_a_slop_above_the_floor() {
        // The skins may overlap by three slops of four: 2 - 4 t - 0.5 = 0.005.
        let time = impact((0.0, 2.0), (0.0, -2.0), 0.0).expect("it hits the floor");
        assert!((time - 1.495 / 4.0).abs() < TOLERANCE / 4.0, "{time}");
    }

    #[test]
    fn a_corner_hits_before_the_middle_would() {
        let turning = impact((0.0, 2.0), (0.0, -2.0), 1.0).expect("it hits the floor");
        let falling = impact((0.0, 2.0), (0.0, -2.0), 0.0).expect("it hits the floor");
        assert!(turning < falling);
    }

    #[test]
    fn there_is_no_impact_beside_the_floor_nor_above_it_nor_within() {
        assert_eq!(impact((7.0, 2.0), (7.0, -2.0), 0.0), None);
        assert_eq!(impact((0.0, 2.0), (0.0, 1.0), 3.0), None);
        assert_eq!(impact((0.0, 0.1), (0.0, -2.0), 0.0), None);
    }
}
