//! Shapes: what collides. They are given in the frame of the body that they are fixed to.

mod bounds;
mod mass;
mod polygon;

pub(crate) use bounds::Bounds;
pub(crate) use mass::Mass;
pub use polygon::Polygon;

use crate::math::{Transform, Vec2};
use crate::settings::POLYGON_RADIUS;

/// A line segment with a rounded skin, solid from both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The two ends in the body's frame, metres.
    pub(crate) ends: [Vec2; 2],
    /// The unit vector to the right of the way from the first to the second, in the body's frame.
    right: Vec2,
}

impl Edge {
    fn new(ends: [Vec2; 2]) -> Self {
        let (direction, _) = (ends[1] - ends[0]).normalized();
        Self { ends, right: Vec2::new(direction.y, -direction.x) }
    }

    /// The two ends in the body's frame, metres.
    #[must_use]
    pub fn ends(&self) -> [Vec2; 2] {
        self.ends
    }

    /// The unit vector to the right of the way from the first end to the second, in the body's frame. Edges are asked for it
    /// in every step.
    #[inline]
    pub(crate) fn right(&self) -> Vec2 {
        self.right
    }
}

/// A shape in its body's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "shapes are copied as plain memory when a world is reset")]
pub enum Shape {
    /// A line segment; it has no mass.
    Edge(Edge),
    /// A convex polygon.
    Polygon(Polygon),
}

impl Shape {
    /// The segment from `a` to `b`, without neighbours: bodies may catch at its ends.
    #[must_use]
    pub fn edge(a: Vec2, b: Vec2) -> Self {
        Self::Edge(Edge::new([a, b]))
    }

    /// The convex hull of 3 to [`MAX_POLYGON_VERTICES`](crate::MAX_POLYGON_VERTICES) points, as Box2D's `b2PolygonShape::Set`:
    /// the vertices start at the rightmost point and go anticlockwise, whatever the order of the points.
    ///
    /// # Panics
    ///
    /// If there are too few or too many points, if one is not finite, or if they enclose no area.
    #[must_use]
    pub fn polygon(points: &[Vec2]) -> Self {
        Self::Polygon(Polygon::hull(points))
    }

    /// The rectangle of twice `half_width` by twice `half_height` around the body's origin, as `b2PolygonShape::SetAsBox`.
    /// Its vertices start at the lower left, so it does not behave to the last bit like [`Shape::polygon`] of the same
    /// corners.
    #[must_use]
    pub fn rectangle(half_width: f32, half_height: f32) -> Self {
        Self::Polygon(Polygon::rectangle(half_width, half_height))
    }

    /// The vertices in the body's frame.
    #[inline]
    #[must_use]
    pub fn vertices(&self) -> &[Vec2] {
        match self {
            Self::Edge(edge) => &edge.ends,
            Self::Polygon(polygon) => polygon.vertices(),
        }
    }

    /// The box around the shape, skin included, of a body at `transform`.
    #[inline]
    pub(crate) fn bounds(&self, transform: &Transform) -> Bounds {
        let vertices = self.vertices();
        let first = transform.apply(vertices[0]);
        let mut bounds = Bounds { lower: first, upper: first };
        for &vertex in &vertices[1..] {
            let vertex = transform.apply(vertex);
            bounds.lower = bounds.lower.min(vertex);
            bounds.upper = bounds.upper.max(vertex);
        }
        bounds.widened(POLYGON_RADIUS)
    }

    /// What the shape adds to its body's mass at `density` kg/m².
    pub(crate) fn mass(&self, density: f32) -> Mass {
        match self {
            Self::Edge(edge) => Mass { mass: 0.0, center: 0.5 * (edge.ends[0] + edge.ends[1]), inertia: 0.0 },
            Self::Polygon(polygon) => polygon.mass(density),
        }
    }
}
