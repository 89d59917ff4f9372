//! The revolute joint: a point that two bodies share, a motor that turns one against the other, limits on their angle.

use super::motion::{Pair, Pose, Velocity};
use super::{IslandBody, IslandJoint, LimitState, TimeStep};
use crate::math::{Vec2, abs, clamp};
use crate::settings::{ANGULAR_SLOP, LINEAR_SLOP, MAX_ANGULAR_CORRECTION};

/// The matrix that takes impulses (x, y, angular) at the joint to changes of relative velocity. Symmetric, named by row
/// and column. Its determinants stay the same for the whole step.
#[derive(Clone, Copy, Debug)]
pub(super) struct EffectiveMass {
    pub xx: f32,
    pub xy: f32,
    pub xz: f32,
    pub yy: f32,
    pub yz: f32,
    pub zz: f32,
    /// One over the determinant of the upper left 2 x 2 block, or 0.
    pub inv_determinant_2: f32,
    /// One over the determinant, or 0.
    pub inv_determinant_3: f32,
    /// The cross product of the second and the third column.
    pub cross_yz: [f32; 3],
}

/// A joint, prepared for the velocity iterations of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct JointConstraint {
    pub pair: Pair,
    pub arm_a: Vec2,
    pub arm_b: Vec2,
    pub mass: EffectiveMass,
    /// The motor's effective inertia, kg m².
    pub motor_mass: f32,
    /// Whether the motor takes part: not if the angle is fixed.
    pub motor_runs: bool,
    pub motor_speed: f32,
    /// The most angular impulse that the motor has in this step, newton metre seconds.
    pub max_motor_impulse: f32,
    pub limit_state: LimitState,
    pub impulse: [f32; 3],
    pub motor_impulse: f32,
}

impl JointConstraint {
    /// Prepares a joint and applies the impulses of the step before.
    pub(super) fn warm_started(
        joint: &IslandJoint,
        bodies: &[IslandBody],
        poses: &mut [Pose],
        velocities: &mut [Velocity],
        step: &TimeStep,
    ) -> Self {
        let pair = Pair::new(bodies, joint.body_a, joint.body_b);
        let (arm_a, arm_b) = arms(joint, &pair, bodies, poses);
        let mass = EffectiveMass::new(&pair, arm_a, arm_b);
        let cannot_turn = mass.zz == 0.0;
        let (limit_state, limit_impulse) = limit(joint, poses, cannot_turn);
        let motor_impulse = if !joint.motor_enabled || cannot_turn { 0.0 } else { joint.motor_impulse };
        let constraint = Self {
            pair,
            arm_a,
            arm_b,
            mass,
            motor_mass: motor_mass(mass.zz),
            motor_runs: joint.motor_enabled && limit_state != LimitState::Equal && !cannot_turn,
            motor_speed: joint.motor_speed,
            max_motor_impulse: step.dt * joint.max_motor_torque,
            limit_state,
            impulse: [joint.impulse[0], joint.impulse[1], limit_impulse]
                .map(|impulse| impulse * step.dt_ratio),
            motor_impulse: motor_impulse * step.dt_ratio,
        };
        constraint.apply_impulses(velocities);
        constraint
    }

    fn apply_impulses(&self, velocities: &mut [Velocity]) {
        let [x, y, angular] = self.impulse;
        let impulse = Vec2::new(x, y);
        let turn_a = self.arm_a.cross(impulse) + self.motor_impulse + angular;
        let turn_b = self.arm_b.cross(impulse) + self.motor_impulse + angular;
        self.pair.push(velocities, impulse, turn_a, turn_b);
    }

    /// Writes the impulses and the limit's state back to the joint.
    pub(super) fn store(&self, joint: &mut IslandJoint) {
        joint.impulse = self.impulse;
        joint.motor_impulse = self.motor_impulse;
        joint.limit_state = self.limit_state;
    }

    /// One velocity iteration: the motor, then the point and, if it acts, the limit.
    #[inline]
    pub(super) fn solve_velocity(&mut self, velocities: &mut [Velocity]) {
        if self.motor_runs {
            self.drive(velocities);
        }
        if self.limit_state == LimitState::Inactive {
            self.hold_point(velocities);
        } else {
            self.hold_point_and_limit(velocities);
        }
    }

    #[inline]
    fn drive(&mut self, velocities: &mut [Velocity]) {
        let slip = velocities[self.pair.b].angular - velocities[self.pair.a].angular - self.motor_speed;
        let wanted = self.motor_impulse + -self.motor_mass * slip;
        let total = clamp(wanted, -self.max_motor_impulse, self.max_motor_impulse);
        let impulse = total - self.motor_impulse;
        self.motor_impulse = total;
        velocities[self.pair.a].angular -= self.pair.inv_inertia_a * impulse;
        velocities[self.pair.b].angular += self.pair.inv_inertia_b * impulse;
    }

    #[inline]
    fn hold_point(&mut self, velocities: &mut [Velocity]) {
        let drift = self.pair.relative_velocity(velocities, self.arm_a, self.arm_b);
        let impulse = self.mass.solve_2(-drift);
        self.impulse[0] += impulse.x;
        self.impulse[1] += impulse.y;
        self.pair.push_at(velocities, self.arm_a, self.arm_b, impulse);
    }

    fn hold_point_and_limit(&mut self, velocities: &mut [Velocity]) {
        let drift = self.pair.relative_velocity(velocities, self.arm_a, self.arm_b);
        let turning = velocities[self.pair.b].angular - velocities[self.pair.a].angular;
        let wanted = self.mass.solve_3([drift.x, drift.y, turning]).map(|impulse| -impulse);
        let total = self.impulse[2] + wanted[2];
        let lets_go = match self.limit_state {
            LimitState::AtLower => total < 0.0,
            LimitState::AtUpper => total > 0.0,
            LimitState::Inactive | LimitState::Equal => false,
        };
        let impulse = if lets_go { self.release_limit(drift) } else { self.accumulate(wanted) };
        let linear = Vec2::new(impulse[0], impulse[1]);
        let turn_a = self.arm_a.cross(linear) + impulse[2];
        let turn_b = self.arm_b.cross(linear) + impulse[2];
        self.pair.push(velocities, linear, turn_a, turn_b);
    }

    fn accumulate(&mut self, impulse: [f32; 3]) -> [f32; 3] {
        self.impulse[0] += impulse[0];
        self.impulse[1] += impulse[1];
        self.impulse[2] += impulse[2];
        impulse
    }

    /// A limit can only push. Where it would pull, its total becomes zero, and the point is solved for what remains.
    fn release_limit(&mut self, drift: Vec2) -> [f32; 3] {
        let taken = self.impulse[2];
        let reduced = self.mass.solve_2(-drift + taken * Vec2::new(self.mass.xz, self.mass.yz));
        self.impulse = [self.impulse[0] + reduced.x, self.impulse[1] + reduced.y, 0.0];
        [reduced.x, reduced.y, -taken]
    }
}

impl EffectiveMass {
    fn new(pair: &Pair, arm_a: Vec2, arm_b: Vec2) -> Self {
        let (inertia_a, inertia_b) = (pair.inv_inertia_a, pair.inv_inertia_b);
        let mass = pair.inv_mass_a + pair.inv_mass_b;
        let xx = mass + arm_a.y * arm_a.y * inertia_a + arm_b.y * arm_b.y * inertia_b;
        let xy = -arm_a.y * arm_a.x * inertia_a - arm_b.y * arm_b.x * inertia_b;
        let xz = -arm_a.y * inertia_a - arm_b.y * inertia_b;
        let yy = mass + arm_a.x * arm_a.x * inertia_a + arm_b.x * arm_b.x * inertia_b;
        let yz = arm_a.x * inertia_a + arm_b.x * inertia_b;
        let zz = inertia_a + inertia_b;
        let cross_yz = cross_3([xy, yy, yz], [xz, yz, zz]);
        Self {
            xx,
            xy,
            xz,
            yy,
            yz,
            zz,
            inv_determinant_2: reciprocal(xx * yy - xy * xy),
            inv_determinant_3: reciprocal(dot_3([xx, xy, xz], cross_yz)),
            cross_yz,
        }
    }

    /// The impulse at the point that changes the velocity there by `change`.
    #[inline]
    fn solve_2(&self, change: Vec2) -> Vec2 {
        Vec2::new(
            self.inv_determinant_2 * (self.yy * change.x - self.xy * change.y),
            self.inv_determinant_2 * (self.xx * change.y - self.xy * change.x),
        )
    }

    /// The impulse and angular impulse that change the velocity at the point and the angular velocity by `change`.
    fn solve_3(&self, change: [f32; 3]) -> [f32; 3] {
        let column_x = [self.xx, self.xy, self.xz];
        let column_y = [self.xy, self.yy, self.yz];
        let column_z = [self.xz, self.yz, self.zz];
        [
            self.inv_determinant_3 * dot_3(change, self.cross_yz),
            self.inv_determinant_3 * dot_3(column_x, cross_3(change, column_z)),
            self.inv_determinant_3 * dot_3(column_x, cross_3(column_y, change)),
        ]
    }
}

/// The limit's state in this step, and the impulse it starts with: none if it has only now begun to act.
fn limit(joint: &IslandJoint, poses: &[Pose], cannot_turn: bool) -> (LimitState, f32) {
    if !joint.limit_enabled || cannot_turn {
        return (LimitState::Inactive, joint.impulse[2]);
    }
    let angle = poses[joint.body_b].angle - poses[joint.body_a].angle - joint.reference_angle;
    let state = if abs(joint.upper - joint.lower) < 2.0 * ANGULAR_SLOP {
        LimitState::Equal
    } else if angle <= joint.lower {
        LimitState::AtLower
    } else if angle >= joint.upper {
        LimitState::AtUpper
    } else {
        LimitState::Inactive
    };
    let continues =
        state == LimitState::Equal || (state == joint.limit_state && state != LimitState::Inactive);
    (state, if continues { joint.impulse[2] } else { 0.0 })
}

/// One correction of a joint's position errors. Whether they had fallen below the slop before it.
pub(super) fn solve_position(joint: &IslandJoint, bodies: &[IslandBody], poses: &mut [Pose]) -> bool {
    let pair = Pair::new(bodies, joint.body_a, joint.body_b);
    let angular_error =
        if joint.limit_state == LimitState::Inactive { 0.0 } else { turn_back(joint, &pair, poses) };
    let (arm_a, arm_b) = arms(joint, &pair, bodies, poses);
    let gap = poses[pair.b].center + arm_b - poses[pair.a].center - arm_a;

    let (inertia_a, inertia_b) = (pair.inv_inertia_a, pair.inv_inertia_b);
    let mass = pair.inv_mass_a + pair.inv_mass_b;
    let xx = mass + inertia_a * arm_a.y * arm_a.y + inertia_b * arm_b.y * arm_b.y;
    let xy = -inertia_a * arm_a.x * arm_a.y - inertia_b * arm_b.x * arm_b.y;
    let yy = mass + inertia_a * arm_a.x * arm_a.x + inertia_b * arm_b.x * arm_b.x;
    let inv_determinant = reciprocal(xx * yy - xy * xy);
    let closing =
        Vec2::new(inv_determinant * (yy * gap.x - xy * gap.y), inv_determinant * (xx * gap.y - xy * gap.x));
    pair.displace(poses, arm_a, arm_b, -closing);

    gap.length() <= LINEAR_SLOP && angular_error <= ANGULAR_SLOP
}

/// Turns the bodies back towards the limit that their angle has passed; returns by how much it had, radians.
fn turn_back(joint: &IslandJoint, pair: &Pair, poses: &mut [Pose]) -> f32 {
    let angle = poses[pair.b].angle - poses[pair.a].angle - joint.reference_angle;
    let (correction, error) = match joint.limit_state {
        LimitState::AtLower => {
            let beyond = angle - joint.lower;
            (clamp(beyond + ANGULAR_SLOP, -MAX_ANGULAR_CORRECTION, 0.0), -beyond)
        }
        LimitState::AtUpper => {
            let beyond = angle - joint.upper;
            (clamp(beyond - ANGULAR_SLOP, 0.0, MAX_ANGULAR_CORRECTION), beyond)
        }
        LimitState::Equal | LimitState::Inactive => {
            let beyond = clamp(angle - joint.lower, -MAX_ANGULAR_CORRECTION, MAX_ANGULAR_CORRECTION);
            (beyond, abs(beyond))
        }
    };
    let impulse = -motor_mass(pair.inv_inertia_a + pair.inv_inertia_b) * correction;
    poses[pair.a].angle -= pair.inv_inertia_a * impulse;
    poses[pair.b].angle += pair.inv_inertia_b * impulse;
    error
}

/// The joint's anchors as seen from the centres of mass, in world axes.
fn arms(joint: &IslandJoint, pair: &Pair, bodies: &[IslandBody], poses: &mut [Pose]) -> (Vec2, Vec2) {
    let arm_a = poses[pair.a].rotation().rotate(joint.local_anchor_a - bodies[pair.a].local_center);
    let arm_b = poses[pair.b].rotation().rotate(joint.local_anchor_b - bodies[pair.b].local_center);
    (arm_a, arm_b)
}

/// The inertia that the motor turns, from the sum of inverse inertias.
fn motor_mass(inv_inertia: f32) -> f32 {
    if inv_inertia > 0.0 { 1.0 / inv_inertia } else { inv_inertia }
}

/// One over a determinant, or the zero that it is: a singular matrix solves to zero.
fn reciprocal(determinant: f32) -> f32 {
    if determinant != 0.0 { 1.0 / determinant } else { determinant }
}

fn dot_3(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross_3(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
