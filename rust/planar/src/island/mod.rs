//! Islands: the bodies, contacts and joints that act on each other within one step, solved apart from the world.
//!
//! The world copies what the solver needs into an [`Island`], has it solved, and copies the results back. An island knows
//! no world and no shape, so islands of many worlds can be solved side by side (see [`lanes`] and [`together`]).

mod contact;
mod contact_position;
mod joint;
mod lanes;
mod motion;
mod solve;
mod together;

pub use together::step_together;

use crate::manifold::Manifold;
use crate::math::{Rot, Vec2};

/// Speeds below this, m/s and rad/s, are far from overflowing in anything that the solver computes from them.
const MAX_SPEED: f32 = 1e9;

/// How far an island advances, and how hard the solver tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeStep {
    /// Duration, seconds.
    pub dt: f32,
    /// `1 / dt`, or 0 if `dt` is 0.
    pub inv_dt: f32,
    /// `dt` over the `dt` of the step before; 0 on a world's first step. Scales the impulses of the step before.
    pub dt_ratio: f32,
    /// Sweeps of the velocity solver.
    pub velocity_iterations: u32,
    /// The most sweeps of the position solver.
    pub position_iterations: u32,
    /// Acceleration of every dynamic body, m/s².
    pub gravity: Vec2,
}

/// A body: what it is, and its motion before and after solving.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct IslandBody {
    /// World position of the centre of mass at the end of the step, metres (in: at its start).
    pub center: Vec2,
    /// Angle at the end of the step, radians (in: at its start).
    pub angle: f32,
    /// The rotation by `angle`, at the end of the step as at its start: two calls of libm that whoever has the body has made
    /// already, or will need.
    pub rotation: Rot,
    /// Out: the centre of mass where the body's sweep begins (for continuous collision). [`Island::solve`] sets it for
    /// every body, [`Island::solve_time_of_impact`] for the two bodies that hit.
    pub start_center: Vec2,
    /// Out: the angle where the body's sweep begins.
    pub start_angle: f32,
    /// Velocity of the centre of mass, m/s.
    pub velocity: Vec2,
    /// Angular velocity, rad/s.
    pub angular_velocity: f32,
    /// One over the mass, 0 for static bodies, 1/kg.
    pub inv_mass: f32,
    /// One over the moment of inertia about the centre of mass, 0 for static bodies, 1/(kg m²).
    pub inv_inertia: f32,
    /// Centre of mass in the body's frame, metres.
    pub local_center: Vec2,
    /// Accumulated force, newtons.
    pub force: Vec2,
    /// Accumulated torque, newton metres.
    pub torque: f32,
    /// Damping of the velocity, 1/s.
    pub linear_damping: f32,
    /// Damping of the angular velocity, 1/s.
    pub angular_damping: f32,
    /// Factor on gravity.
    pub gravity_scale: f32,
    /// Whether the body is moved by forces; static bodies are not.
    pub is_dynamic: bool,
}

/// A touching contact between two bodies of the island.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct IslandContact {
    /// Index of the body of fixture A in [`Island::bodies`].
    pub body_a: usize,
    /// Index of the body of fixture B.
    pub body_b: usize,
    /// Coefficient of friction.
    pub friction: f32,
    /// Coefficient of restitution.
    pub restitution: f32,
    /// Skin radius of shape A, metres.
    pub radius_a: f32,
    /// Skin radius of shape B, metres.
    pub radius_b: f32,
    /// Where they touch, one or two points. Its impulses, newton seconds, are those of the step before on entry; the
    /// solver stores the new ones.
    pub manifold: Manifold,
}

/// What the limit of a revolute joint does at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LimitState {
    /// No limit, or the angle is between its bounds.
    #[default]
    Inactive,
    /// The angle is at or below the lower bound.
    AtLower,
    /// The angle is at or above the upper bound.
    AtUpper,
    /// The bounds are so close that the angle is fixed.
    Equal,
}

/// A revolute joint between two bodies of the island.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct IslandJoint {
    /// Index of body A in [`Island::bodies`].
    pub body_a: usize,
    /// Index of body B.
    pub body_b: usize,
    /// Anchor in A's frame, metres.
    pub local_anchor_a: Vec2,
    /// Anchor in B's frame, metres.
    pub local_anchor_b: Vec2,
    /// Angle of B less that of A where the joint's angle is zero, radians.
    pub reference_angle: f32,
    /// Lower limit of the joint's angle, radians.
    pub lower: f32,
    /// Upper limit of the joint's angle, radians.
    pub upper: f32,
    /// The strongest torque of the motor, newton metres.
    pub max_motor_torque: f32,
    /// The speed that the motor wants, rad/s.
    pub motor_speed: f32,
    /// Whether the limits are in force.
    pub limit_enabled: bool,
    /// Whether the motor runs.
    pub motor_enabled: bool,
    /// In: impulses of the step before; out: of this one. Two of the point constraint, newton seconds, one of the limit,
    /// newton metre seconds.
    pub impulse: [f32; 3],
    /// The motor's, likewise.
    pub motor_impulse: f32,
    /// In: the state of the step before; out: of this one.
    pub limit_state: LimitState,
}

/// The bodies, contacts and joints of one island, and the working memory to solve it.
///
/// Made once, then cleared and filled again in each step: nothing is allocated once the vectors have grown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Island {
    /// In the order in which the world found them.
    pub bodies: Vec<IslandBody>,
    /// In the order in which the world found them.
    pub contacts: Vec<IslandContact>,
    /// In the order in which the world found them.
    pub joints: Vec<IslandJoint>,
    /// Out: whether the position errors fell below the slop. A body may sleep only then.
    pub positions_solved: bool,
    workspace: solve::Workspace,
}

impl Island {
    /// Empties the island and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.bodies.clear();
        self.contacts.clear();
        self.joints.clear();
        self.positions_solved = false;
    }
}
