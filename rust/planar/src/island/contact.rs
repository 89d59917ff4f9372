//! Contacts in the velocity iterations: they keep bodies from approaching, and rub.

use super::motion::{Pair, Pose, Velocity};
use super::{IslandBody, IslandContact};
use crate::manifold::{Manifold, ManifoldKind};
use crate::math::{Transform, Vec2, clamp, max};
use crate::settings::RESTITUTION_THRESHOLD;

/// The worst condition number of the two-point block's matrix. Where it is worse the points are redundant, and one serves.
const MAX_CONDITION_NUMBER: f32 = 1000.0;

/// A symmetric 2 x 2 matrix, named by row and column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Symmetric {
    pub xx: f32,
    pub xy: f32,
    pub yy: f32,
}

/// A point of a contact, prepared for the velocity iterations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PointConstraint {
    pub arm_a: Vec2,
    pub arm_b: Vec2,
    pub normal_mass: f32,
    pub tangent_mass: f32,
    /// The speed with which the bodies shall part, m/s.
    pub bounce: f32,
    pub normal_impulse: f32,
    pub tangent_impulse: f32,
}

/// A contact, prepared for the velocity iterations of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContactConstraint {
    pub pair: Pair,
    /// From A to B, in world axes.
    pub normal: Vec2,
    pub friction: f32,
    pub points: [PointConstraint; 2],
    pub point_count: usize,
    /// Of a contact with two points: their impulses' effect on their normal velocities, and its inverse.
    pub block: Symmetric,
    pub inv_block: Symmetric,
}

impl ContactConstraint {
    /// Prepares a contact. `impulse_scale` times the impulses of the step before are its first; none are without a scale.
    pub(super) fn new(
        contact: &IslandContact,
        bodies: &[IslandBody],
        poses: &mut [Pose],
        velocities: &[Velocity],
        impulse_scale: Option<f32>,
    ) -> Self {
        let pair = Pair::new(bodies, contact.body_a, contact.body_b);
        let frame_a = frame(bodies, poses, pair.a);
        let frame_b = frame(bodies, poses, pair.b);
        let (normal, positions) = world_points(contact, &frame_a, &frame_b);
        let mut constraint = Self {
            pair,
            normal,
            friction: contact.friction,
            points: [PointConstraint::default(); 2],
            point_count: contact.manifold.point_count,
            block: Symmetric::default(),
            inv_block: Symmetric::default(),
        };
        let positions = &positions[..constraint.point_count];
        for (index, &position) in positions.iter().enumerate() {
            let arm_a = position - poses[pair.a].center;
            let arm_b = position - poses[pair.b].center;
            let mut point = PointConstraint::new(&pair, arm_a, arm_b, normal);
            let approach = normal.dot(pair.relative_velocity(velocities, arm_a, arm_b));
            if approach < -RESTITUTION_THRESHOLD {
                point.bounce = -contact.restitution * approach;
            }
            if let Some(scale) = impulse_scale {
                point.normal_impulse = scale * contact.manifold.points[index].normal_impulse;
                point.tangent_impulse = scale * contact.manifold.points[index].tangent_impulse;
            }
            constraint.points[index] = point;
        }
        if constraint.point_count == 2 {
            constraint.prepare_block();
        }
        constraint
    }

    fn prepare_block(&mut self) {
        let [first, second] = self.points;
        let (inertia_a, inertia_b) = (self.pair.inv_inertia_a, self.pair.inv_inertia_b);
        let mass = self.pair.inv_mass_a + self.pair.inv_mass_b;
        let (turn_1a, turn_1b) = (first.arm_a.cross(self.normal), first.arm_b.cross(self.normal));
        let (turn_2a, turn_2b) = (second.arm_a.cross(self.normal), second.arm_b.cross(self.normal));
        let xx = mass + inertia_a * turn_1a * turn_1a + inertia_b * turn_1b * turn_1b;
        let yy = mass + inertia_a * turn_2a * turn_2a + inertia_b * turn_2b * turn_2b;
        let xy = mass + inertia_a * turn_1a * turn_2a + inertia_b * turn_1b * turn_2b;
        let determinant = xx * yy - xy * xy;
        if xx * xx < MAX_CONDITION_NUMBER * determinant {
            let scale = if determinant != 0.0 { 1.0 / determinant } else { determinant };
            self.block = Symmetric { xx, xy, yy };
            self.inv_block = Symmetric { xx: scale * yy, xy: -scale * xy, yy: scale * xx };
        } else {
            self.point_count = 1;
        }
    }

    /// Applies the impulses of the step before.
    pub(super) fn warm_start(&self, velocities: &mut [Velocity]) {
        let tangent = self.normal.turned_clockwise(1.0);
        for point in &self.points[..self.point_count] {
            let impulse = point.normal_impulse * self.normal + point.tangent_impulse * tangent;
            self.pair.push_at(velocities, point.arm_a, point.arm_b, impulse);
        }
    }

    /// Writes the impulses back, for the points that were solved. A redundant point keeps what it had.
    pub(super) fn store(&self, manifold: &mut Manifold) {
        for (point, solved) in manifold.points.iter_mut().zip(&self.points[..self.point_count]) {
            point.normal_impulse = solved.normal_impulse;
            point.tangent_impulse = solved.tangent_impulse;
        }
    }

    /// One velocity iteration: friction first, because it matters less that it holds in the end than that bodies do not
    /// overlap.
    #[inline]
    pub(super) fn solve_velocity(&mut self, velocities: &mut [Velocity]) {
        for index in 0..self.point_count {
            self.rub(index, velocities);
        }
        if self.point_count == 1 {
            self.stop_approach(velocities);
        } else {
            self.stop_approaches(velocities);
        }
    }

    /// The impulses of the points, by which it is seen whether an iteration changed anything.
    pub(super) fn impulses(&self) -> [f32; 4] {
        let [first, second] = &self.points;
        [first.normal_impulse, first.tangent_impulse, second.normal_impulse, second.tangent_impulse]
    }

    #[inline]
    fn rub(&mut self, index: usize, velocities: &mut [Velocity]) {
        let tangent = self.normal.turned_clockwise(1.0);
        let point = &mut self.points[index];
        let slip = self.pair.relative_velocity(velocities, point.arm_a, point.arm_b).dot(tangent);
        let wanted = point.tangent_impulse + point.tangent_mass * -slip;
        let most = self.friction * point.normal_impulse;
        let total = clamp(wanted, -most, most);
        let impulse = (total - point.tangent_impulse) * tangent;
        point.tangent_impulse = total;
        self.pair.push_at(velocities, point.arm_a, point.arm_b, impulse);
    }

    #[inline]
    fn stop_approach(&mut self, velocities: &mut [Velocity]) {
        let point = &mut self.points[0];
        let approach = self.pair.relative_velocity(velocities, point.arm_a, point.arm_b).dot(self.normal);
        let wanted = point.normal_impulse + -point.normal_mass * (approach - point.bounce);
        let total = max(wanted, 0.0);
        let impulse = (total - point.normal_impulse) * self.normal;
        point.normal_impulse = total;
        self.pair.push_at(velocities, point.arm_a, point.arm_b, impulse);
    }

    /// Both points at once: seeks total impulses x >= 0 that leave normal velocities v >= 0, with x = 0 or v = 0 in each
    /// point. One after the other the two points would disturb each other, and stacks would tremble.
    fn stop_approaches(&mut self, velocities: &mut [Velocity]) {
        let [first, second] = self.points;
        let approach_1 = self.pair.relative_velocity(velocities, first.arm_a, first.arm_b).dot(self.normal);
        let approach_2 = self.pair.relative_velocity(velocities, second.arm_a, second.arm_b).dot(self.normal);
        let old = Vec2::new(first.normal_impulse, second.normal_impulse);
        // The normal velocities that would be left if the old impulses were taken back.
        let free = Vec2::new(approach_1 - first.bounce, approach_2 - second.bounce) - self.block.times(old);
        let Some(total) = self.complementary_impulses(free) else { return };

        let change = total - old;
        let (impulse_1, impulse_2) = (change.x * self.normal, change.y * self.normal);
        let turn_a = first.arm_a.cross(impulse_1) + second.arm_a.cross(impulse_2);
        let turn_b = first.arm_b.cross(impulse_1) + second.arm_b.cross(impulse_2);
        self.pair.push(velocities, impulse_1 + impulse_2, turn_a, turn_b);
        self.points[0].normal_impulse = total.x;
        self.points[1].normal_impulse = total.y;
    }

    /// The first that fits: both points held, only the first, only the second, neither. Rounding can leave none.
    fn complementary_impulses(&self, free: Vec2) -> Option<Vec2> {
        let both = -self.inv_block.times(free);
        if both.x >= 0.0 && both.y >= 0.0 {
            return Some(both);
        }
        let first = -self.points[0].normal_mass * free.x;
        if first >= 0.0 && self.block.xy * first + free.y >= 0.0 {
            return Some(Vec2::new(first, 0.0));
        }
        let second = -self.points[1].normal_mass * free.y;
        if second >= 0.0 && self.block.xy * second + free.x >= 0.0 {
            return Some(Vec2::new(0.0, second));
        }
        (free.x >= 0.0 && free.y >= 0.0).then_some(Vec2::ZERO)
    }
}

impl PointConstraint {
    /// A point without impulses, at which the bodies do not bounce.
    fn new(pair: &Pair, arm_a: Vec2, arm_b: Vec2, normal: Vec2) -> Self {
        let tangent = normal.turned_clockwise(1.0);
        Self {
            arm_a,
            arm_b,
            normal_mass: reciprocal(inverse_mass(pair, arm_a, arm_b, normal)),
            tangent_mass: reciprocal(inverse_mass(pair, arm_a, arm_b, tangent)),
            ..Self::default()
        }
    }
}

impl Symmetric {
    #[inline]
    fn times(&self, vector: Vec2) -> Vec2 {
        Vec2::new(self.xx * vector.x + self.xy * vector.y, self.xy * vector.x + self.yy * vector.y)
    }
}

/// The frame of a body where it is now.
pub(super) fn frame(bodies: &[IslandBody], poses: &mut [Pose], body: usize) -> Transform {
    let rotation = poses[body].rotation();
    Transform::of_center(poses[body].center, rotation, bodies[body].local_center)
}

/// The normal from A to B and the points, midway between the two skins, in world coordinates.
fn world_points(contact: &IslandContact, frame_a: &Transform, frame_b: &Transform) -> (Vec2, [Vec2; 2]) {
    let manifold = &contact.manifold;
    let (face, other, face_radius, other_radius) = match manifold.kind {
        ManifoldKind::FaceA => (frame_a, frame_b, contact.radius_a, contact.radius_b),
        ManifoldKind::FaceB => (frame_b, frame_a, contact.radius_b, contact.radius_a),
    };
    let normal = face.rotation.rotate(manifold.local_normal);
    let plane_point = face.apply(manifold.local_point);
    let positions = manifold.points.map(|point| {
        let clip_point = other.apply(point.local_point);
        let on_face = clip_point + (face_radius - (clip_point - plane_point).dot(normal)) * normal;
        let on_other = clip_point - other_radius * normal;
        0.5 * (on_face + on_other)
    });
    match manifold.kind {
        ManifoldKind::FaceA => (normal, positions),
        ManifoldKind::FaceB => (-normal, positions),
    }
}

/// How much an impulse along a unit vector at the end of the arms changes the relative velocity along it.
pub(super) fn inverse_mass(pair: &Pair, arm_a: Vec2, arm_b: Vec2, direction: Vec2) -> f32 {
    let turn_a = arm_a.cross(direction);
    let turn_b = arm_b.cross(direction);
    pair.inv_mass_a
        + pair.inv_mass_b
        + pair.inv_inertia_a * turn_a * turn_a
        + pair.inv_inertia_b * turn_b * turn_b
}

/// One over a positive value, 0 of any other.
fn reciprocal(value: f32) -> f32 {
    if value > 0.0 { 1.0 / value } else { 0.0 }
}
