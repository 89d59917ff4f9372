//! Manifolds: where two shapes touch, and the impulses that act there.

use crate::math::Vec2;
use crate::settings::MAX_MANIFOLD_POINTS;

/// Which shape's face the points of a manifold lie on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManifoldKind {
    /// A face of shape A; the points are vertices of B, in B's frame.
    #[default]
    FaceA,
    /// A face of shape B; the points are vertices of A, in A's frame.
    FaceB,
}

/// One point of a manifold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ManifoldPoint {
    /// The point, in the frame of the shape that does not own the face, metres.
    pub local_point: Vec2,
    /// The accumulated impulse along the normal, newton seconds. It starts the next step's solver.
    pub normal_impulse: f32,
    /// The accumulated impulse of friction, newton seconds.
    pub tangent_impulse: f32,
    /// Which features of the shapes meet: a point with the same id in the next step is the same point.
    pub id: u32,
}

/// Where two shapes touch: up to two points on a face of one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Manifold {
    /// Which shape's face.
    pub kind: ManifoldKind,
    /// The face's outward normal, in its shape's frame.
    pub local_normal: Vec2,
    /// A point of the face, in its shape's frame, metres.
    pub local_point: Vec2,
    /// The points; the first [`Manifold::point_count`] count.
    pub points: [ManifoldPoint; MAX_MANIFOLD_POINTS],
    /// How many points there are: 0 where the shapes do not touch.
    pub point_count: usize,
}
