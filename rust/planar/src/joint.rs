//! Revolute joints: two bodies held together at a point, with a motor and limits of the angle.

use crate::ids::BodyId;
use crate::island::LimitState;
use crate::math::Vec2;

/// What a revolute joint is created from. The joined bodies do not collide with each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RevoluteJointDef {
    /// The first body.
    pub body_a: BodyId,
    /// The second body, which the motor turns against the first.
    pub body_b: BodyId,
    /// The point in A's frame, metres.
    pub local_anchor_a: Vec2,
    /// The point in B's frame, metres.
    pub local_anchor_b: Vec2,
    /// B's angle less A's where the joint's angle is zero, radians. Box2D in C++ takes 0 unless told otherwise, but pybox2d
    /// the difference of the bodies' angles at creation.
    pub reference_angle: f32,
    /// Whether the limits are in force.
    pub enable_limit: bool,
    /// The least angle of the joint, radians.
    pub lower_angle: f32,
    /// The greatest angle of the joint, radians.
    pub upper_angle: f32,
    /// Whether the motor runs.
    pub enable_motor: bool,
    /// The speed that the motor tries to reach, rad/s.
    pub motor_speed: f32,
    /// Its strongest torque, newton metres.
    pub max_motor_torque: f32,
}

impl RevoluteJointDef {
    /// A free joint at the origins of both bodies.
    #[must_use]
    pub fn new(body_a: BodyId, body_b: BodyId) -> Self {
        Self {
            body_a,
            body_b,
            local_anchor_a: Vec2::ZERO,
            local_anchor_b: Vec2::ZERO,
            reference_angle: 0.0,
            enable_limit: false,
            lower_angle: 0.0,
            upper_angle: 0.0,
            enable_motor: false,
            motor_speed: 0.0,
            max_motor_torque: 0.0,
        }
    }
}

/// A revolute joint, as [`World::joint`](crate::World::joint) shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RevoluteJoint {
    pub(crate) def: RevoluteJointDef,
    /// Of the point constraint (two) and the limit.
    pub(crate) impulse: [f32; 3],
    pub(crate) motor_impulse: f32,
    pub(crate) limit_state: LimitState,
    /// Whether it was added to an island in this step.
    pub(crate) in_island: bool,
}

impl RevoluteJoint {
    pub(crate) fn new(def: &RevoluteJointDef) -> Self {
        Self {
            def: *def,
            impulse: [0.0; 3],
            motor_impulse: 0.0,
            limit_state: LimitState::default(),
            in_island: false,
        }
    }

    /// What it was created from; the motor's speed and strongest torque are the present ones.
    #[must_use]
    pub fn def(&self) -> &RevoluteJointDef {
        &self.def
    }

    /// The impulses of the last step: two of the point constraint, newton seconds, and that of the limit, newton metre
    /// seconds. They start the next step's solver.
    #[must_use]
    pub fn impulse(&self) -> [f32; 3] {
        self.impulse
    }

    /// The motor's impulse of the last step, newton metre seconds.
    #[must_use]
    pub fn motor_impulse(&self) -> f32 {
        self.motor_impulse
    }

    /// The other body, if `body` is one of the two.
    pub(crate) fn other(&self, body: BodyId) -> Option<BodyId> {
        if self.def.body_a == body {
            Some(self.def.body_b)
        } else if self.def.body_b == body {
            Some(self.def.body_a)
        } else {
            None
        }
    }
}
