//! Convex polygons.

use crate::math::Vec2;
use crate::settings::{EPSILON, MAX_POLYGON_VERTICES};

/// A convex polygon with a rounded skin, its vertices anticlockwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polygon {
    count: usize,
    vertices: [Vec2; MAX_POLYGON_VERTICES],
    normals: [Vec2; MAX_POLYGON_VERTICES],
    centroid: Vec2,
}

impl Polygon {
    /// The convex hull of `points`.
    pub(super) fn hull(points: &[Vec2]) -> Self {
        let hull = HullOrder::around(points);
        let mut vertices = [Vec2::ZERO; MAX_POLYGON_VERTICES];
        for (vertex, &index) in vertices.iter_mut().zip(hull.indices()) {
            *vertex = points[index];
        }
        let count = hull.count;
        let mut normals = [Vec2::ZERO; MAX_POLYGON_VERTICES];
        for index in 0..count {
            let side = vertices[if index + 1 < count { index + 1 } else { 0 }] - vertices[index];
            assert!(
                side.length_squared() > EPSILON * EPSILON,
                "a polygon's vertices must lie apart, got {:?} twice",
                vertices[index]
            );
            normals[index] = side.turned_clockwise(1.0).normalized().0;
        }
        Self { count, vertices, normals, centroid: Self::centroid_of(&vertices[..count]) }
    }

    /// The rectangle of twice these sizes around the origin, its first vertex at the lower left.
    pub(super) fn rectangle(half_width: f32, half_height: f32) -> Self {
        let mut vertices = [Vec2::ZERO; MAX_POLYGON_VERTICES];
        vertices[..4].copy_from_slice(&[
            Vec2::new(-half_width, -half_height),
            Vec2::new(half_width, -half_height),
            Vec2::new(half_width, half_height),
            Vec2::new(-half_width, half_height),
        ]);
        let mut normals = [Vec2::ZERO; MAX_POLYGON_VERTICES];
        normals[..4].copy_from_slice(&[
            Vec2::new(0.0, -1.0),
            Vec2::new(1.0, 0.0),
            Vec2::new(0.0, 1.0),
            Vec2::new(-1.0, 0.0),
        ]);
        Self { count: 4, vertices, normals, centroid: Vec2::ZERO }
    }

    /// The vertices in the body's frame, anticlockwise, metres.
    #[inline]
    #[must_use]
    pub fn vertices(&self) -> &[Vec2] {
        &self.vertices[..self.count]
    }

    /// The outward unit normals in the body's frame; the first is that of the side from the first vertex to the second.
    #[inline]
    #[must_use]
    pub fn normals(&self) -> &[Vec2] {
        &self.normals[..self.count]
    }

    /// The centre of area in the body's frame, metres.
    #[inline]
    #[must_use]
    pub fn centroid(&self) -> Vec2 {
        self.centroid
    }

    /// The vertex that follows the one at `index`.
    #[inline]
    pub(crate) fn vertex_after(&self, index: usize) -> Vec2 {
        self.vertices[self.index_after(index)]
    }

    /// The index that follows `index` around the polygon.
    #[inline]
    pub(crate) fn index_after(&self, index: usize) -> usize {
        if index + 1 < self.count { index + 1 } else { 0 }
    }

    /// The index that precedes `index` around the polygon.
    #[inline]
    pub(crate) fn index_before(&self, index: usize) -> usize {
        if index > 0 { index - 1 } else { self.count - 1 }
    }
}

/// The indices of the points on a convex hull, anticlockwise from the rightmost (of several, the lowest).
struct HullOrder {
    count: usize,
    indices: [usize; MAX_POLYGON_VERTICES],
}

impl HullOrder {
    /// Wraps the hull around `points`: from each point on, the next is the one that has all others to its left.
    fn around(points: &[Vec2]) -> Self {
        assert!(
            (3..=MAX_POLYGON_VERTICES).contains(&points.len()),
            "a polygon needs 3 to {MAX_POLYGON_VERTICES} points, got {}",
            points.len()
        );
        assert!(
            points.iter().all(|point| point.x.is_finite() && point.y.is_finite()),
            "a polygon's points must be finite, got {points:?}"
        );
        let first = Self::rightmost(points);
        let mut hull = Self { count: 0, indices: [0; MAX_POLYGON_VERTICES] };
        let mut current = first;
        loop {
            assert!(hull.count < points.len(), "no convex hull goes around the points {points:?}");
            hull.indices[hull.count] = current;
            hull.count += 1;
            current = Self::next(points, current);
            if current == first {
                return hull;
            }
        }
    }

    fn indices(&self) -> &[usize] {
        &self.indices[..self.count]
    }

    fn rightmost(points: &[Vec2]) -> usize {
        let mut best = 0;
        for (index, point) in points.iter().enumerate().skip(1) {
            let leader = points[best];
            if point.x > leader.x || (point.x == leader.x && point.y < leader.y) {
                best = index;
            }
        }
        best
    }

    /// The point that follows `current` on the hull; of several in one line, the farthest.
    fn next(points: &[Vec2], current: usize) -> usize {
        let mut best = 0;
        for index in 1..points.len() {
            if best == current {
                best = index;
                continue;
            }
            let to_best = points[best] - points[current];
            let to_index = points[index] - points[current];
            let turn = to_best.cross(to_index);
            let farther = to_index.length_squared() > to_best.length_squared();
            if turn < 0.0 || (turn == 0.0 && farther) {
                best = index;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_goes_anticlockwise_from_the_rightmost_point_and_skips_what_is_not_a_corner() {
        let [a, b, c, d] = [(2.0, -1.0), (2.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(x, y)| Vec2::new(x, y));
        let inside = Vec2::new(0.5, 0.2);
        let on_a_side = Vec2::new(0.0, -1.0);
        let polygon = Polygon::hull(&[on_a_side, c, inside, b, d, a]);
        assert_eq!(polygon.vertices(), [a, b, c, d]);
        let normals = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)].map(|(x, y)| Vec2::new(x, y));
        assert_eq!(polygon.normals(), normals);
        assert_eq!(polygon.centroid(), Vec2::new(0.5, 0.0));
    }

    #[test]
    fn a_rectangle_starts_at_the_lower_left() {
        let polygon = Polygon::rectangle(2.0, 1.0);
        assert_eq!(polygon.vertices()[0], Vec2::new(-2.0, -1.0));
        let hull = Polygon::hull(polygon.vertices());
        assert_eq!(hull.vertices()[0], Vec2::new(2.0, -1.0));
        assert_eq!(hull.normals()[3], polygon.normals()[0]);
    }
}
