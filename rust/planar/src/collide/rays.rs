//! Where a ray meets a shape. Rays meet the cores of shapes: the skin is no part of it.

use crate::math::{Transform, Vec2};
use crate::shapes::{Edge, Polygon, Shape};

/// A shape as all rays from one point see it: what does not depend on a ray's direction is computed once.
pub(crate) struct Target<'a> {
    frame: &'a Transform,
    /// Where the rays start, in the shape's frame.
    from: Vec2,
    seen: Seen<'a>,
}

enum Seen<'a> {
    Edge(SeenEdge),
    Polygon(&'a Polygon),
}

/// An edge from a point in its frame.
struct SeenEdge {
    start: Vec2,
    along: Vec2,
    normal: Vec2,
    /// How far the edge's line is from the point, in the normal's direction.
    distance: f32,
}

impl<'a> Target<'a> {
    /// A shape from a point of the world.
    #[inline]
    pub(crate) fn new(shape: &'a Shape, frame: &'a Transform, from: Vec2) -> Self {
        let from = frame.apply_inverse(from);
        let seen = match shape {
            Shape::Edge(edge) => Seen::Edge(SeenEdge::new(edge, from)),
            Shape::Polygon(polygon) => Seen::Polygon(polygon),
        };
        Self { frame, from, seen }
    }

    /// The part of the way to `to` at which a ray meets the shape, if it does within `most` of the way.
    #[inline]
    pub(crate) fn ray(&self, to: Vec2, most: f32) -> Option<f32> {
        let way = self.frame.apply_inverse(to) - self.from;
        match &self.seen {
            Seen::Edge(edge) => edge.ray(self.from, way, most),
            Seen::Polygon(polygon) => ray_and_polygon(polygon, self.from, way, most),
        }
    }
}

impl SeenEdge {
    #[inline]
    fn new(edge: &Edge, from: Vec2) -> Self {
        let [start, end] = edge.ends;
        let along = end - start;
        let (normal, _) = Vec2::new(along.y, -along.x).normalized();
        Self { start, along, normal, distance: normal.dot(start - from) }
    }

    /// Both sides of an edge stop a ray.
    #[inline]
    fn ray(&self, from: Vec2, way: Vec2, most: f32) -> Option<f32> {
        let approach = self.normal.dot(way);
        if approach == 0.0 {
            return None;
        }
        let fraction = self.distance / approach;
        if fraction < 0.0 || most < fraction {
            return None;
        }
        let meeting = from + fraction * way;
        let squared = self.along.dot(self.along);
        if squared == 0.0 {
            return None;
        }
        let place = (meeting - self.start).dot(self.along) / squared;
        (0.0..=1.0).contains(&place).then_some(fraction)
    }
}

/// Where a ray enters a polygon: a ray that starts inside meets nothing.
fn ray_and_polygon(polygon: &Polygon, from: Vec2, way: Vec2, most: f32) -> Option<f32> {
    let (mut entry, mut exit) = (0.0, most);
    let mut enters = false;
    for (&normal, &vertex) in polygon.normals().iter().zip(polygon.vertices()) {
        let (distance, approach) = (normal.dot(vertex - from), normal.dot(way));
        if approach == 0.0 {
            if distance < 0.0 {
                return None;
            }
        } else if approach < 0.0 && distance < entry * approach {
            entry = distance / approach;
            enters = true;
        } else if approach > 0.0 && distance < exit * approach {
            exit = distance / approach;
        }
        if exit < entry {
            return None;
        }
    }
    enters.then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Rot;

    fn cast(shape: &Shape, from: (f32, f32), to: (f32, f32), most: f32) -> Option<f32> {
        let frame = Transform { position: Vec2::new(1.0, 0.0), rotation: Rot::from_angle(0.0) };
        Target::new(shape, &frame, Vec2::new(from.0, from.1)).ray(Vec2::new(to.0, to.1), most)
    }

    #[test]
    fn an_edge_stops_rays_from_both_sides_between_its_ends() {
        let edge = Shape::edge(Vec2::new(-1.0, 0.0), Vec2::new(1.0, 0.0));
        assert_eq!(cast(&edge, (0.5, 1.0), (0.5, -3.0), 1.0), Some(0.25));
        assert_eq!(cast(&edge, (0.5, -1.0), (0.5, 3.0), 1.0), Some(0.25));
        assert_eq!(cast(&edge, (0.5, 1.0), (0.5, -3.0), 0.2), None);
        assert_eq!(cast(&edge, (2.1, 1.0), (2.1, -3.0), 1.0), None);
        assert_eq!(cast(&edge, (0.5, 1.0), (0.5, 0.5), 1.0), None);
        assert_eq!(cast(&edge, (0.5, 1.0), (1.5, 1.0), 1.0), None);
    }

    #[test]
    fn a_polygon_stops_rays_that_enter_it() {
        let square = Shape::rectangle(1.0, 1.0);
        assert_eq!(cast(&square, (-2.0, 0.5), (6.0, 0.5), 1.0), Some(0.25));
        assert_eq!(cast(&square, (-2.0, 0.5), (6.0, 0.5), 0.2), None);
        assert_eq!(cast(&square, (0.5, 0.5), (6.0, 0.5), 1.0), None, "it starts inside");
        assert_eq!(cast(&square, (-2.0, 1.5), (6.0, 1.5), 1.0), None, "it passes by");
        assert_eq!(cast(&square, (-2.0, 4.0), (2.0, 0.0), 1.0), Some(0.75));
    }
}
