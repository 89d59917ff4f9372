//! The manifold of two polygons, by separating axes.
//!
//! The side of one polygon that the other is farthest in front of is the reference; the other polygon's side that looks most
//! against it is clipped to its width, skins included.

use super::clip::{ClipPoint, Feature, clip, point_id};
use super::{FACE_PREFERENCE_ABSOLUTE, FACE_PREFERENCE_RELATIVE, REACH};
use crate::manifold::{Manifold, ManifoldKind, ManifoldPoint};
use crate::math::{Transform, Vec2};
use crate::shapes::Polygon;

/// A polygon and the frame of its body.
type Placed<'a> = (&'a Polygon, &'a Transform);

/// Where `a` and `b` touch, if they do. The impulses are zero.
pub(crate) fn polygons(a: Placed, b: Placed) -> Option<Manifold> {
    let (side_a, by_a) = best_side(a, b);
    if by_a > REACH {
        return None;
    }
    let (side_b, by_b) = best_side(b, a);
    if by_b > REACH {
        return None;
    }
    let by_far = by_b > FACE_PREFERENCE_RELATIVE * by_a + FACE_PREFERENCE_ABSOLUTE;
    let manifold = if by_far {
        manifold(ManifoldKind::FaceB, side_b, b, a)
    } else {
        manifold(ManifoldKind::FaceA, side_a, a, b)
    };
    manifold.filter(|manifold| manifold.point_count > 0)
}

/// How far in front of a side of `one` the deepest vertex of `other` is.
fn separation(one: Placed, side: usize, other: Placed) -> f32 {
    let normal = one.1.rotation.rotate(one.0.normals()[side]);
    let in_other = other.1.rotation.unrotate(normal);
    let (deepest, _) = least(other.0.vertices().iter().map(|vertex| vertex.dot(in_other)));
    let on_side = one.1.apply(one.0.vertices()[side]);
    let vertex = other.1.apply(other.0.vertices()[deepest]);
    (vertex - on_side).dot(normal)
}

/// The side of `one` that `other` is farthest in front of, and how far. The search starts from the side that looks most
/// towards the other's centre and goes on in one direction while that is better: it may end before the best.
fn best_side(one: Placed, other: Placed) -> (usize, f32) {
    let between = other.1.apply(other.0.centroid()) - one.1.apply(one.0.centroid());
    let towards = one.1.rotation.unrotate(between);
    let start = facing(one.0, towards);
    let measured = |side| (side, separation(one, side, other));
    let here = measured(start);
    let before = measured(one.0.index_before(start));
    let after = measured(one.0.index_after(start));
    let climb = |from: (usize, f32), next: &dyn Fn(usize) -> usize| {
        let mut best = from;
        loop {
            let candidate = measured(next(best.0));
            if candidate.1 > best.1 {
                best = candidate;
            } else {
                return best;
            }
        }
    };
    if before.1 > here.1 && before.1 > after.1 {
        climb(before, &|side| one.0.index_before(side))
    } else if after.1 > here.1 {
        climb(after, &|side| one.0.index_after(side))
    } else {
        here
    }
}

/// The side whose normal is longest along `direction`; the first of several.
fn facing(polygon: &Polygon, direction: Vec2) -> usize {
    let (mut best, mut greatest) = (0, -f32::MAX);
    for (side, normal) in polygon.normals().iter().enumerate() {
        let along = normal.dot(direction);
        if along > greatest {
            (best, greatest) = (side, along);
        }
    }
    best
}

/// The index of the least value, the first of several, and the value.
fn least(values: impl Iterator<Item = f32>) -> (usize, f32) {
    let (mut best, mut least) = (0, f32::MAX);
    for (index, value) in values.enumerate() {
        if value < least {
            (best, least) = (index, value);
        }
    }
    (best, least)
}

/// The points where `incident` reaches the reference side, `None` if it passes beside it.
fn manifold(kind: ManifoldKind, side: usize, reference: Placed, incident: Placed) -> Option<Manifold> {
    let (polygon, frame) = reference;
    let next = polygon.index_after(side);
    let [start, end] = [polygon.vertices()[side], polygon.vertices()[next]];
    let (along, _) = (end - start).normalized();
    let tangent = frame.rotation.rotate(along);
    let normal = tangent.turned_clockwise(1.0);
    let [world_start, world_end] = [start, end].map(|vertex| frame.apply(vertex));

    let segment = incident_side(side, reference, incident);
    let start_offset = -tangent.dot(world_start) + REACH;
    let segment = clip(segment, -tangent, start_offset, side)?;
    let end_offset = tangent.dot(world_end) + REACH;
    let segment = clip(segment, tangent, end_offset, next)?;

    let mut manifold = Manifold {
        kind,
        local_normal: along.turned_clockwise(1.0),
        local_point: 0.5 * (start + end),
        ..Manifold::default()
    };
    let front = normal.dot(world_start);
    for point in segment {
        if normal.dot(point.position) - front <= REACH {
            let id = match kind {
                ManifoldKind::FaceA => point_id(point.first, point.second),
                ManifoldKind::FaceB => point_id(point.second, point.first),
            };
            let local_point = incident.1.apply_inverse(point.position);
            manifold.points[manifold.point_count] =
                ManifoldPoint { local_point, id, ..ManifoldPoint::default() };
            manifold.point_count += 1;
        }
    }
    Some(manifold)
}

/// The side of `incident` that looks most against the reference side.
fn incident_side(side: usize, reference: Placed, incident: Placed) -> [ClipPoint; 2] {
    let normal = incident.1.rotation.unrotate(reference.1.rotation.rotate(reference.0.normals()[side]));
    let (first, _) = least(incident.0.normals().iter().map(|other| normal.dot(*other)));
    [first, incident.0.index_after(first)].map(|vertex| ClipPoint {
        position: incident.1.apply(incident.0.vertices()[vertex]),
        first: Feature::face(side),
        second: Feature::vertex(vertex),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Rot;
    use crate::shapes::Shape;

    /// The manifold of a box of 2 by 1 at the origin and one of 1 by 1 at (x, y).
    fn of_boxes(x: f32, y: f32, angle: f32) -> Manifold {
        let (Shape::Polygon(a), Shape::Polygon(b)) = (Shape::rectangle(1.0, 0.5), Shape::rectangle(0.5, 0.5))
        else {
            unreachable!("a rectangle is a polygon")
        };
        let origin = Transform { position: Vec2::ZERO, rotation: Rot::from_angle(0.0) };
        let frame = Transform { position: Vec2::new(x, y), rotation: Rot::from_angle(angle) };
        polygons((&a, &origin), (&b, &frame)).unwrap_or_default()
    }

    fn points(manifold: &Manifold) -> Vec<Vec2> {
        manifold.points[..manifold.point_count].iter().map(|point| point.local_point).collect()
    }

    #[test]
    fn a_box_on_a_box_stands_on_two_corners() {
        let above = of_boxes(0.25, 1.01, 0.0);
        assert_eq!((above.kind, above.local_normal), (ManifoldKind::FaceA, Vec2::new(0.0, 1.0)));
        assert_eq!(above.local_point, Vec2::new(0.0, 0.5));
        assert_eq!(points(&above), [Vec2::new(-0.5, -0.5), Vec2::new(0.5, -0.5)]);
        assert_ne!(above.points[0].id, above.points[1].id);
    }

    #[test]
    fn a_corner_of_the_first_pokes_into_a_side_of_the_second() {
        let beside = of_boxes(1.357, 0.857, std::f32::consts::FRAC_PI_4);
        assert_eq!(beside.kind, ManifoldKind::FaceB);
        assert_eq!(points(&beside), [Vec2::new(1.0, 0.5)]);
    }

    #[test]
    fn a_box_over_the_end_is_clipped_to_the_skin() {
        let mut xs: Vec<_> = points(&of_boxes(1.25, 1.01, 0.0)).iter().map(|point| point.x).collect();
        xs.sort_by(f32::total_cmp);
        let (left, right) = (xs[0], xs[1]);
        assert!(left == -0.5 && (right - (-0.25 + REACH)).abs() < 1e-6, "{xs:?}");
    }

    #[test]
    fn boxes_apart_do_not_touch() {
        assert_eq!(of_boxes(0.0, 1.021, 0.0).point_count, 0);
        assert_eq!(of_boxes(0.0, -1.021, 0.0).point_count, 0);
        assert_eq!(of_boxes(1.53, 0.0, 0.0).point_count, 0);
    }
}
