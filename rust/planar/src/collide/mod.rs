//! Narrow phase: where, or whether, two shapes touch.

mod clip;
mod edge_polygon;
mod polygons;
mod rays;

pub(crate) use edge_polygon::edge_and_polygon;
pub(crate) use polygons::polygons;
pub(crate) use rays::{Beam, LANES, MeetEdges, SeenEdge};

use crate::distance::{SimplexCache, distance};
use crate::math::Transform;
use crate::settings::{EPSILON, POLYGON_RADIUS};
use crate::shapes::Shape;

/// Shapes closer than this touch, metres: both skins.
pub(crate) const REACH: f32 = 2.0 * POLYGON_RADIUS;

/// How much better a face of the second shape must separate than the first's to be the reference: the choice would flicker
/// from step to step otherwise.
const FACE_PREFERENCE_RELATIVE: f32 = 0.98;
/// The same, absolute part, metres.
const FACE_PREFERENCE_ABSOLUTE: f32 = 0.001;

/// Whether two shapes overlap, skins included: the answer for sensors, which have no manifold.
pub(crate) fn overlap(shape_a: &Shape, frame_a: &Transform, shape_b: &Shape, frame_b: &Transform) -> bool {
    let mut cache = SimplexCache::EMPTY;
    let between_cores = distance(&mut cache, (shape_a.vertices(), frame_a), (shape_b.vertices(), frame_b));
    let skins = POLYGON_RADIUS + POLYGON_RADIUS;
    // Box2D sets the distance to zero where the skins meet, then compares it with a few roundings. A distance that is NaN
    // is such a zero, hence the order of the comparisons.
    let apart = between_cores > skins && between_cores > EPSILON;
    let between_skins = if apart { between_cores - skins } else { 0.0 };
    between_skins < 10.0 * EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Rot, Vec2};
    use proptest::prelude::*;

    fn frame() -> impl Strategy<Value = Transform> {
        (-1.0_f32..1.0, -1.0_f32..1.0, -4.0_f32..4.0).prop_map(|(x, y, angle)| Transform {
            position: Vec2::new(80.0 + x, y),
            rotation: Rot::from_angle(angle),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn shapes_whose_boxes_are_clear_of_each_other_do_not_touch(frames in [frame(), frame()], tilt in -0.5_f32..0.5) {
            let [frame_a, frame_b] = frames;
            let (edge, a, b) = (
                Shape::edge(Vec2::new(-0.3, 0.0), Vec2::new(0.3, tilt)),
                Shape::rectangle(0.4, 0.1),
                Shape::rectangle(0.1, 0.5),
            );
            let box_b = b.bounds(&frame_b);
            let Shape::Polygon(polygon_b) = &b else { unreachable!() };
            for shape in [edge, a] {
                if shape.bounds(&frame_a).widened(REACH).overlaps(&box_b) {
                    continue;
                }
                let manifold = match &shape {
                    Shape::Edge(edge) => edge_and_polygon(edge, &frame_a, polygon_b, &frame_b),
                    Shape::Polygon(polygon) => polygons((polygon, &frame_a), (polygon_b, &frame_b)),
                };
                prop_assert_eq!(manifold, None);
                prop_assert!(!overlap(&shape, &frame_a, &b, &frame_b));
            }
        }
    }
}
