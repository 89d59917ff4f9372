//! The separation of two moving shapes along one axis, as a function of time.

use super::MovingCore;
use crate::distance::support;
use crate::math::{Transform, Vec2};

/// The vertices whose separation is measured: one of each shape, or of the one that does not own the face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Witness {
    a: usize,
    b: usize,
}

/// What the axis is tied to.
#[derive(Clone, Copy, Debug)]
enum Axis {
    /// Two vertices: a direction fixed in the world, from A to B.
    Points(Vec2),
    /// A face of A: its normal in A's frame and its middle.
    FaceOfA { normal: Vec2, middle: Vec2 },
    /// A face of B, likewise.
    FaceOfB { normal: Vec2, middle: Vec2 },
}

/// The separation of two moving shapes along an axis.
pub(super) struct Separation<'a> {
    a: MovingCore<'a>,
    b: MovingCore<'a>,
    axis: Axis,
}

impl<'a> Separation<'a> {
    /// The separation along the axis through the `nearest` vertices, as found where the bodies are at `frames`.
    pub(super) fn new(
        a: MovingCore<'a>,
        b: MovingCore<'a>,
        nearest: &[(usize, usize)],
        (frame_a, frame_b): &(Transform, Transform),
    ) -> Self {
        let (a1, b1) = nearest[0];
        let axis = match nearest.get(1) {
            None => {
                let between = frame_b.apply(b.0[b1]) - frame_a.apply(a.0[a1]);
                Axis::Points(between.normalized().0)
            }
            Some(&(a2, b2)) if a1 == a2 => {
                let (normal, middle) = normal_towards((b.0[b1], b.0[b2]), frame_b, frame_a.apply(a.0[a1]));
                Axis::FaceOfB { normal, middle }
            }
            Some(&(a2, _)) => {
                let (normal, middle) = normal_towards((a.0[a1], a.0[a2]), frame_a, frame_b.apply(b.0[b1]));
                Axis::FaceOfA { normal, middle }
            }
        };
        Self { a, b, axis }
    }

    /// The vertices that are deepest at `time`, and their separation.
    pub(super) fn deepest(&self, time: f32) -> (Witness, f32) {
        let frames = self.frames(time);
        let (rotation_a, rotation_b) = (frames.0.rotation, frames.1.rotation);
        let witness = match self.axis {
            Axis::Points(axis) => Witness {
                a: support(self.a.0, rotation_a.unrotate(axis)),
                b: support(self.b.0, rotation_b.unrotate(-axis)),
            },
            Axis::FaceOfA { normal, .. } => {
                let outward = rotation_a.rotate(normal);
                Witness { a: 0, b: support(self.b.0, rotation_b.unrotate(-outward)) }
            }
            Axis::FaceOfB { normal, .. } => {
                let outward = rotation_b.rotate(normal);
                Witness { a: support(self.a.0, rotation_a.unrotate(-outward)), b: 0 }
            }
        };
        (witness, self.measure(witness, &frames))
    }

    /// The separation of the witness at `time`.
    pub(super) fn of(&self, witness: Witness, time: f32) -> f32 {
        self.measure(witness, &self.frames(time))
    }

    fn frames(&self, time: f32) -> (Transform, Transform) {
        (self.a.1.transform_at(time), self.b.1.transform_at(time))
    }

    fn measure(&self, witness: Witness, (frame_a, frame_b): &(Transform, Transform)) -> f32 {
        let on_a = || frame_a.apply(self.a.0[witness.a]);
        let on_b = || frame_b.apply(self.b.0[witness.b]);
        match self.axis {
            Axis::Points(axis) => (on_b() - on_a()).dot(axis),
            Axis::FaceOfA { normal, middle } => {
                (on_b() - frame_a.apply(middle)).dot(frame_a.rotation.rotate(normal))
            }
            Axis::FaceOfB { normal, middle } => {
                (on_a() - frame_b.apply(middle)).dot(frame_b.rotation.rotate(normal))
            }
        }
    }
}

/// The normal of a face, in its body's frame, on the side of the world point `point`; and the middle of the face.
fn normal_towards(face: (Vec2, Vec2), frame: &Transform, point: Vec2) -> (Vec2, Vec2) {
    let (normal, _) = (face.1 - face.0).turned_clockwise(1.0).normalized();
    let middle = 0.5 * (face.0 + face.1);
    let away = (point - frame.apply(middle)).dot(frame.rotation.rotate(normal)) < 0.0;
    (if away { -normal } else { normal }, middle)
}
