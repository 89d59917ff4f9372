//! Ways that need no search for a time of impact, because the shapes stay apart: most of them.
//!
//! The search finds an impact only where cores come within 1.25 slops of each other: at each time that it tries it measures
//! their distance, and along the axis that it follows they are as far apart as that.

use crate::math::{Sweep, Transform, Vec2, abs, max, min};
use crate::settings::LINEAR_SLOP;
use crate::shapes::{Bounds, Edge};

/// Two ways whose boxes are apart need not be searched if turning leads out of the boxes by less than this, metres. Two skins
/// lie between the cores then, less this: more than the gap at which cores count as touching.
const LARGEST_BULGE: f32 = 0.5 * LINEAR_SLOP;

/// Cores that stay this far apart need not be searched, metres: what is more than 1.25 slops is for roundings.
const CLEARANCE: f32 = 1.5 * LINEAR_SLOP;

/// Places and angles below this, metres and radians, are rounded by far less than that.
const FAR: f32 = 1000.0;

/// The way of a fixture in a step.
pub(crate) struct Way<'a> {
    /// The box around both ends of it, skin included.
    swept: &'a Bounds,
    sweep: &'a Sweep,
    /// How far a vertex can come out of the box, or off the straight line between both ends, by turning, metres.
    bulge: f32,
}

impl<'a> Way<'a> {
    /// The bulge: an arc of radius r and angle `a` leaves its chord by `r (1 - cos(a / 2))`, which is at most `r a^2 / 8`.
    /// In the end the vertex is in the box, so r is no longer than the way from the centre to the box's farthest corner.
    #[inline]
    pub(crate) fn new(swept: &'a Bounds, sweep: &'a Sweep) -> Self {
        let reach = (swept.upper - sweep.center).max(sweep.center - swept.lower);
        let turned = sweep.angle - sweep.start_angle;
        Self { swept, sweep, bulge: (reach.x + reach.y) * turned * turned / 8.0 }
    }
}

/// Whether two ways are apart, because their boxes are.
#[inline]
pub(crate) fn stay_apart(a: &Way, b: &Way) -> bool {
    !a.swept.overlaps(b.swept) && a.bulge + b.bulge < LARGEST_BULGE
}

/// Whether the way of a core, with its frames at both ends, stays on one side of an edge that rests. A vertex is as far from
/// the edge's line as on the straight way between its ends, but for the bulge.
#[inline]
pub(crate) fn stays_beside(
    (edge, frame): (&Edge, &Transform),
    (vertices, ends): (&[Vec2], [Transform; 2]),
    way: &Way,
) -> bool {
    let normal = frame.rotation.rotate(edge.right());
    let on_edge = frame.apply(edge.ends()[0]);
    let (mut least, mut greatest) = (f32::MAX, -f32::MAX);
    for end in &ends {
        let (direction, offset) = (end.rotation.unrotate(normal), (end.position - on_edge).dot(normal));
        for vertex in vertices {
            let distance = vertex.dot(direction) + offset;
            (least, greatest) = (min(least, distance), max(greatest, distance));
        }
    }
    let place = way.sweep.center;
    let is_near = abs(place.x) < FAR && abs(place.y) < FAR && abs(way.sweep.start_angle) < FAR;
    is_near && (least - way.bulge > CLEARANCE || greatest + way.bulge < -CLEARANCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Rot;
    use crate::shapes::Shape;
    use crate::time_of_impact::time_of_impact;
    use proptest::prelude::*;

    /// A vertex that turns about the centre, 2 m from it, while the centre moves on.
    #[test]
    fn a_way_leaves_its_box_by_less_than_the_bulge() {
        for start_angle in [0.0_f32, 0.7, 1.5, 3.0, -2.0] {
            for turned in [0.01_f32, -0.1, 0.5, -1.5] {
                let way = Vec2::new(0.1, -0.05);
                let at = |time: f32| {
                    let angle = start_angle + time * turned;
                    time * way + Vec2::new(2.0 * angle.cos(), 2.0 * angle.sin())
                };
                let [start, end] = [0.0, 1.0].map(at);
                let swept = Bounds { lower: start.min(end), upper: start.max(end) };
                let sweep = Sweep {
                    local_center: Vec2::ZERO,
                    start_center: Vec2::ZERO,
                    center: way,
                    start_angle,
                    angle: start_angle + turned,
                    start_time: 0.0,
                };
                let widened = swept.widened(Way::new(&swept, &sweep).bulge + 1e-6);
                for time in 0..=20 {
                    let place = at(time as f32 / 20.0);
                    assert!(
                        widened.contains(&Bounds { lower: place, upper: place }),
                        "{start_angle} {turned} {time}"
                    );
                }
            }
        }
    }

    /// Ways that come close to an edge: both ends of the centre, and of the angle.
    fn ways() -> impl Strategy<Value = [(f32, f32, f32); 2]> {
        let end = || (80.0_f32..81.0, 0.4_f32..0.7, -0.2_f32..0.2);
        [end(), end()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_stays_beside_an_edge_has_no_impact(ways in ways(), turn in -3.0_f32..3.0, side in any::<bool>()) {
            let Shape::Edge(edge) = Shape::edge(Vec2::new(80.0, 0.0), Vec2::new(80.5, 0.1)) else { unreachable!() };
            let shape = Shape::rectangle(0.3, 0.5);
            let rest = Transform { position: Vec2::ZERO, rotation: Rot::from_angle(0.0) };
            let still = Sweep {
                local_center: Vec2::ZERO, start_center: Vec2::ZERO, center: Vec2::ZERO,
                start_angle: 0.0, angle: 0.0, start_time: 0.0,
            };
            let sign = if side { 1.0 } else { -1.0 };
            let [start, end] = ways.map(|(x, y, angle)| (Vec2::new(x, sign * y), turn + angle));
            let sweep = Sweep {
                local_center: Vec2::ZERO, start_center: start.0, center: end.0,
                start_angle: start.1, angle: end.1, start_time: 0.0,
            };
            let frames = [start, end].map(|(position, angle)| Transform { position, rotation: Rot::from_angle(angle) });
            let swept = shape.bounds(&frames[0]).union(&shape.bounds(&frames[1]));
            if stays_beside((&edge, &rest), (shape.vertices(), frames), &Way::new(&swept, &sweep)) {
                prop_assert_eq!(time_of_impact((&edge.ends(), &still), (shape.vertices(), &sweep)), None);
            }
        }
    }
}
