//! The manifold of an edge and a polygon, by separating axes.
//!
//! An edge stands alone here: it has no neighbours (Box2D's ghost vertices) whose directions would limit the normals, so
//! every normal of the polygon may separate.

use super::clip::{ClipPoint, Feature, clip, point_id};
use super::{FACE_PREFERENCE_ABSOLUTE, FACE_PREFERENCE_RELATIVE, REACH};
use crate::manifold::{Manifold, ManifoldKind, ManifoldPoint};
use crate::math::{Transform, Vec2, min};
use crate::settings::MAX_POLYGON_VERTICES;
use crate::shapes::{Edge, Polygon};

/// Where `edge` (shape A) and `polygon` (shape B) touch, if they do. The impulses are zero.
pub(crate) fn edge_and_polygon(
    edge: &Edge,
    frame_a: &Transform,
    polygon: &Polygon,
    frame_b: &Transform,
) -> Option<Manifold> {
    let mut pair = Pair::new(edge, polygon, frame_a.relative(frame_b));
    let reference = pair.reference()?;
    pair.manifold(reference).filter(|manifold| manifold.point_count > 0)
}

/// The face on which the points of contact lie.
#[derive(Clone, Copy)]
enum Reference {
    Edge,
    /// The polygon's, by index.
    Polygon(usize),
}

/// An edge and a polygon in the edge's frame.
struct Pair<'a> {
    edge: &'a Edge,
    polygon: &'a Polygon,
    /// From the polygon's frame to the edge's.
    transform: Transform,
    /// The edge's normal on the side where the polygon's centre is.
    normal: Vec2,
    /// Whether that is the right-hand side, seen along the edge.
    front: bool,
    /// The polygon's vertices; as many as it has count.
    vertices: [Vec2; MAX_POLYGON_VERTICES],
    /// The polygon's normals, likewise, once the edge does not separate.
    normals: [Vec2; MAX_POLYGON_VERTICES],
}

impl<'a> Pair<'a> {
    #[inline]
    fn new(edge: &'a Edge, polygon: &'a Polygon, transform: Transform) -> Self {
        let (start, right) = (edge.ends[0], edge.right());
        let front = right.dot(transform.apply(polygon.centroid()) - start) >= 0.0;
        let mut pair = Self {
            edge,
            polygon,
            transform,
            normal: if front { right } else { -right },
            front,
            vertices: [Vec2::ZERO; MAX_POLYGON_VERTICES],
            normals: [Vec2::ZERO; MAX_POLYGON_VERTICES],
        };
        for (seen, &vertex) in pair.vertices.iter_mut().zip(polygon.vertices()) {
            *seen = transform.apply(vertex);
        }
        pair
    }

    fn count(&self) -> usize {
        self.polygon.vertices().len()
    }

    /// The face that separates best, `None` if one separates enough.
    fn reference(&mut self) -> Option<Reference> {
        let by_edge = self.edge_separation();
        if by_edge > REACH {
            return None;
        }
        for (seen, &normal) in self.normals.iter_mut().zip(self.polygon.normals()) {
            *seen = self.transform.rotation.rotate(normal);
        }
        let (face, by_polygon) = self.polygon_separation()?;
        let by_far = by_polygon > FACE_PREFERENCE_RELATIVE * by_edge + FACE_PREFERENCE_ABSOLUTE;
        Some(if by_far { Reference::Polygon(face) } else { Reference::Edge })
    }

    /// How far in front of the edge the polygon's deepest vertex is.
    fn edge_separation(&self) -> f32 {
        let start = self.edge.ends[0];
        self.vertices[..self.count()]
            .iter()
            .map(|&vertex| self.normal.dot(vertex - start))
            .fold(f32::MAX, |least, separation| if separation < least { separation } else { least })
    }

    /// The polygon's face that the edge is farthest in front of, and how far; `None` if that is far enough.
    fn polygon_separation(&self) -> Option<(usize, f32)> {
        let [start, end] = self.edge.ends;
        let (mut best, mut greatest) = (0, -f32::MAX);
        for (face, (&vertex, &outward)) in
            self.vertices.iter().zip(&self.normals).take(self.count()).enumerate()
        {
            let inward = -outward;
            let separation = min(inward.dot(vertex - start), inward.dot(vertex - end));
            if separation > REACH {
                return None;
            }
            if separation > greatest {
                (best, greatest) = (face, separation);
            }
        }
        Some((best, greatest))
    }

    /// The points where the other shape reaches the reference face, `None` if it passes beside it.
    fn manifold(&self, reference: Reference) -> Option<Manifold> {
        let face = self.face(reference);
        let side = Vec2::new(face.normal.y, -face.normal.x);
        let clipped = clip(self.incident(reference), side, side.dot(face.start), face.start_index)?;
        let clipped = clip(clipped, -side, (-side).dot(face.end), face.end_index)?;

        let mut manifold = match reference {
            Reference::Edge => Manifold {
                kind: ManifoldKind::FaceA,
                local_normal: face.normal,
                local_point: face.start,
                ..Manifold::default()
            },
            Reference::Polygon(index) => Manifold {
                kind: ManifoldKind::FaceB,
                local_normal: self.polygon.normals()[index],
                local_point: self.polygon.vertices()[index],
                ..Manifold::default()
            },
        };
        for point in clipped {
            if face.normal.dot(point.position - face.start) <= REACH {
                manifold.points[manifold.point_count] = self.manifold_point(reference, &point);
                manifold.point_count += 1;
            }
        }
        Some(manifold)
    }

    /// A point in the frame of the shape that does not own the face.
    fn manifold_point(&self, reference: Reference, point: &ClipPoint) -> ManifoldPoint {
        let (local_point, id) = match reference {
            Reference::Edge => {
                (self.transform.apply_inverse(point.position), point_id(point.first, point.second))
            }
            Reference::Polygon(_) => (point.position, point_id(point.second, point.first)),
        };
        ManifoldPoint { local_point, id, ..ManifoldPoint::default() }
    }

    fn face(&self, reference: Reference) -> Face {
        let [start, end] = self.edge.ends;
        match reference {
            Reference::Edge if self.front => {
                Face { start, end, start_index: 0, end_index: 1, normal: self.normal }
            }
            Reference::Edge => {
                Face { start: end, end: start, start_index: 1, end_index: 0, normal: self.normal }
            }
            Reference::Polygon(index) => {
                let next = self.polygon.index_after(index);
                Face {
                    start: self.vertices[index],
                    end: self.vertices[next],
                    start_index: index,
                    end_index: next,
                    normal: self.normals[index],
                }
            }
        }
    }

    /// The segment of the other shape that faces the reference face.
    fn incident(&self, reference: Reference) -> [ClipPoint; 2] {
        match reference {
            Reference::Edge => {
                let first = self.most_opposite_face();
                [first, self.polygon.index_after(first)].map(|index| ClipPoint {
                    position: self.vertices[index],
                    first: Feature::face(0),
                    second: Feature::vertex(index),
                })
            }
            // Both ends are vertex 0, as in Box2D: the ids of the two points differ only where one is clipped.
            Reference::Polygon(face) => self.edge.ends.map(|position| ClipPoint {
                position,
                first: Feature::vertex(0),
                second: Feature::face(face),
            }),
        }
    }

    /// The polygon's face that looks most against the edge's normal.
    fn most_opposite_face(&self) -> usize {
        let (mut best, mut least) = (0, self.normal.dot(self.normals[0]));
        for index in 1..self.count() {
            let along = self.normal.dot(self.normals[index]);
            if along < least {
                (best, least) = (index, along);
            }
        }
        best
    }
}

/// A reference face, in the edge's frame.
struct Face {
    start: Vec2,
    end: Vec2,
    start_index: usize,
    end_index: usize,
    normal: Vec2,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Rot;
    use crate::shapes::Shape;

    /// The manifold of an edge from (-1, 0) to (1, 0) and a box of 2 `half_width` by 1 at (x, y).
    fn manifold(half_width: f32, x: f32, y: f32, angle: f32) -> Manifold {
        let (Shape::Edge(edge), Shape::Polygon(polygon)) =
            (Shape::edge(Vec2::new(-1.0, 0.0), Vec2::new(1.0, 0.0)), Shape::rectangle(half_width, 0.5))
        else {
            unreachable!("an edge is an edge and a rectangle a polygon")
        };
        let origin = Transform { position: Vec2::ZERO, rotation: Rot::from_angle(0.0) };
        let frame = Transform { position: Vec2::new(x, y), rotation: Rot::from_angle(angle) };
        edge_and_polygon(&edge, &origin, &polygon, &frame).unwrap_or_default()
    }

    fn points(manifold: &Manifold) -> Vec<Vec2> {
        manifold.points[..manifold.point_count].iter().map(|point| point.local_point).collect()
    }

    #[test]
    fn a_box_on_an_edge_stands_on_two_corners() {
        let above = manifold(0.25, 0.5, 0.51, 0.0);
        assert_eq!((above.kind, above.local_normal), (ManifoldKind::FaceA, Vec2::new(0.0, 1.0)));
        assert_eq!(points(&above), [Vec2::new(-0.25, -0.5), Vec2::new(0.25, -0.5)]);
        assert_ne!(above.points[0].id, above.points[1].id);
        let below = manifold(0.25, 0.5, -0.51, 0.0);
        assert_eq!((below.kind, below.local_normal), (ManifoldKind::FaceA, Vec2::new(0.0, -1.0)));
    }

    #[test]
    fn a_tilted_box_stands_on_one_corner() {
        let manifold = manifold(0.25, 0.5, 0.56, 0.3);
        assert_eq!(points(&manifold), [Vec2::new(-0.25, -0.5)]);
    }

    #[test]
    fn a_box_over_the_end_is_clipped() {
        let manifold = manifold(0.25, 1.0, 0.51, 0.0);
        let mut xs: Vec<_> = points(&manifold).iter().map(|point| point.x).collect();
        xs.sort_by(f32::total_cmp);
        assert_eq!(xs, [-0.25, 0.0]);
    }

    #[test]
    fn a_box_apart_does_not_touch() {
        assert_eq!(manifold(0.25, 0.0, 0.521, 0.0).point_count, 0);
        assert_eq!(manifold(0.25, 1.4, 0.3, 0.0).point_count, 0);
    }

    #[test]
    fn the_end_of_an_edge_pokes_into_a_face_of_the_box() {
        // The box leans against the edge's right end with its long side.
        let manifold = manifold(2.0, 1.45, 0.1, std::f32::consts::FRAC_PI_2 + 0.01);
        assert_eq!((manifold.kind, manifold.local_normal), (ManifoldKind::FaceB, Vec2::new(0.0, 1.0)));
        assert_eq!(points(&manifold), [Vec2::new(1.0, 0.0)]);
    }
}
