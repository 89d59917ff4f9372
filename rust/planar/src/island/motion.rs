//! What the solver changes: velocities and poses, and how a constraint between two bodies changes them.

use super::IslandBody;
use crate::math::{Rot, Vec2};

/// The velocity of a body while the solver works on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Velocity {
    /// Of the centre of mass, m/s.
    pub linear: Vec2,
    /// Angular, rad/s.
    pub angular: f32,
}

/// Where a body is while the solver works on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    /// World position of the centre of mass, metres.
    pub center: Vec2,
    /// Angle, radians.
    pub angle: f32,
    /// Rotation by `rotated_angle`.
    rotation: Rot,
    /// The angle that `rotation` belongs to.
    rotated_angle: f32,
}

impl Pose {
    /// The pose of a body at the start of the step.
    pub(super) fn of(body: &IslandBody) -> Self {
        Self { center: body.center, angle: body.angle, rotation: body.rotation, rotated_angle: body.angle }
    }

    /// Takes the rotation by the pose's angle from whoever computed it.
    pub(super) fn set_rotation(&mut self, rotation: Rot) {
        (self.rotation, self.rotated_angle) = (rotation, self.angle);
    }

    /// The rotation by the pose's angle. Most calls find the angle unchanged, and a call of libm costs more than all else
    /// that a correction of positions computes.
    pub(super) fn rotation(&mut self) -> Rot {
        if self.angle.to_bits() != self.rotated_angle.to_bits() {
            self.rotation = Rot::from_angle(self.angle);
            self.rotated_angle = self.angle;
        }
        self.rotation
    }
}

/// The two bodies of a contact or joint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    /// Index of body A.
    pub a: usize,
    /// Index of body B.
    pub b: usize,
    /// Of body A, 1/kg.
    pub inv_mass_a: f32,
    /// Of body B, 1/kg.
    pub inv_mass_b: f32,
    /// Of body A, 1/(kg m²).
    pub inv_inertia_a: f32,
    /// Of body B, 1/(kg m²).
    pub inv_inertia_b: f32,
}

impl Pair {
    /// The bodies number `a` and `b`.
    pub(super) fn new(bodies: &[IslandBody], a: usize, b: usize) -> Self {
        Self {
            a,
            b,
            inv_mass_a: bodies[a].inv_mass,
            inv_mass_b: bodies[b].inv_mass,
            inv_inertia_a: bodies[a].inv_inertia,
            inv_inertia_b: bodies[b].inv_inertia,
        }
    }

    /// Velocity of a point of B relative to a point of A; the arms lead from the centres of mass to the points.
    #[inline]
    pub(super) fn relative_velocity(&self, velocities: &[Velocity], arm_a: Vec2, arm_b: Vec2) -> Vec2 {
        let (a, b) = (velocities[self.a], velocities[self.b]);
        b.linear + arm_b.turned_anticlockwise(b.angular) - a.linear - arm_a.turned_anticlockwise(a.angular)
    }

    /// Pushes B by an impulse and an angular impulse about its centre, and A by their opposites.
    #[inline]
    pub(super) fn push(&self, velocities: &mut [Velocity], impulse: Vec2, angular_a: f32, angular_b: f32) {
        let a = &mut velocities[self.a];
        a.linear -= self.inv_mass_a * impulse;
        a.angular -= self.inv_inertia_a * angular_a;
        let b = &mut velocities[self.b];
        b.linear += self.inv_mass_b * impulse;
        b.angular += self.inv_inertia_b * angular_b;
    }

    /// Pushes B by an impulse at the end of its arm, and A by the opposite at the end of its.
    #[inline]
    pub(super) fn push_at(&self, velocities: &mut [Velocity], arm_a: Vec2, arm_b: Vec2, impulse: Vec2) {
        self.push(velocities, impulse, arm_a.cross(impulse), arm_b.cross(impulse));
    }

    /// Moves B as if by an impulse at the end of its arm, and A by the opposite.
    #[inline]
    pub(super) fn displace(&self, poses: &mut [Pose], arm_a: Vec2, arm_b: Vec2, impulse: Vec2) {
        let a = &mut poses[self.a];
        a.center -= self.inv_mass_a * impulse;
        a.angle -= self.inv_inertia_a * arm_a.cross(impulse);
        let b = &mut poses[self.b];
        b.center += self.inv_mass_b * impulse;
        b.angle += self.inv_inertia_b * arm_b.cross(impulse);
    }
}
