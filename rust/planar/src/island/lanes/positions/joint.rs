//! Position iterations of a revolute joint in eight islands at once: the twin of [`solve_position`].
//!
//! [`solve_position`]: crate::island::joint::solve_position

use super::body::PoseLanes;
use crate::island::{Island, IslandJoint, LimitState};
use crate::real::{Eight, EightVectors, Real, Row, Vector};
use crate::settings::{ANGULAR_SLOP, LINEAR_SLOP, MAX_ANGULAR_CORRECTION};
use lane_math::LibmLanes32;
use lane_math::lanes::{F32x8, Mask, Simd};

/// A joint of eight islands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JointLanes {
    inv_mass_a: Eight,
    inv_mass_b: Eight,
    inv_inertia_a: Eight,
    inv_inertia_b: Eight,
    /// From the centres of mass to the anchors, in the bodies' frames.
    anchor_a: EightVectors,
    anchor_b: EightVectors,
    reference_angle: Eight,
    motor_mass: Eight,
    /// 1 at the lower limit, -1 at the upper one, 0 where none acts.
    direction: Eight,
    /// The limit that acts.
    limit: Eight,
    /// What is added to the angle beyond it, and between which bounds the angle is corrected.
    slop: Eight,
    least: Eight,
    most: Eight,
    /// Bit n: the limit acts in lane n.
    limited: u32,
}

impl JointLanes {
    /// Fills a lane. Both bodies move.
    pub(super) fn set(&mut self, lane: usize, island: &Island, joint: &IslandJoint) {
        let (a, b) = (&island.bodies[joint.body_a], &island.bodies[joint.body_b]);
        let (direction, limit, slop, least, most) = match joint.limit_state {
            LimitState::AtLower => (1.0, joint.lower, ANGULAR_SLOP, -MAX_ANGULAR_CORRECTION, 0.0),
            LimitState::AtUpper => (-1.0, joint.upper, -ANGULAR_SLOP, 0.0, MAX_ANGULAR_CORRECTION),
            LimitState::Inactive | LimitState::Equal => (0.0, 0.0, 0.0, 0.0, 0.0),
        };
        let inv_inertia = a.inv_inertia + b.inv_inertia;
        let values = [
            (&mut self.inv_mass_a, a.inv_mass),
            (&mut self.inv_mass_b, b.inv_mass),
            (&mut self.inv_inertia_a, a.inv_inertia),
            (&mut self.inv_inertia_b, b.inv_inertia),
            (&mut self.reference_angle, joint.reference_angle),
            (&mut self.motor_mass, if inv_inertia > 0.0 { 1.0 / inv_inertia } else { inv_inertia }),
            (&mut self.direction, direction),
            (&mut self.limit, limit),
            (&mut self.slop, slop),
            (&mut self.least, least),
            (&mut self.most, most),
        ];
        for (lanes, value) in values {
            lanes.0[lane] = value;
        }
        self.anchor_a.set(lane, joint.local_anchor_a - a.local_center);
        self.anchor_b.set(lane, joint.local_anchor_b - b.local_center);
        self.limited = self.limited & !(1 << lane) | u32::from(direction != 0.0) << lane;
    }

    /// One correction; in which lanes (a bit for each) the errors had fallen below the slop before it.
    #[inline(always)]
    pub(super) fn solve_position<S: Simd>(
        &self,
        bodies: &mut [PoseLanes],
        (a, b): (usize, usize),
        libm: LibmLanes32,
    ) -> u32 {
        let mut solved = 0xff;
        if self.limited != 0 {
            solved &= self.turn_back::<S::F32>(bodies, (a, b));
        }
        let (place_a, place_b) = (bodies[a].place::<S>(libm), bodies[b].place::<S>(libm));
        let arm_a: Vector<S::F32> = place_a.rotation.rotate(self.anchor_a.load());
        let arm_b: Vector<S::F32> = place_b.rotation.rotate(self.anchor_b.load());
        let gap = place_b.center + arm_b - place_a.center - arm_a;
        let closing = self.closing(gap, arm_a, arm_b);
        let impulse = Vector { x: -closing.x, y: -closing.y };

        let center_a = place_a.center - self.inv_mass_a.load() * impulse;
        let angle_a = place_a.angle - self.inv_inertia_a.load() * arm_a.cross(impulse);
        let center_b = place_b.center + self.inv_mass_b.load() * impulse;
        let angle_b = place_b.angle + self.inv_inertia_b.load() * arm_b.cross(impulse);
        bodies[a].put(center_a, angle_a);
        bodies[b].put(center_b, angle_b);
        solved & gap.length().is_at_most(Real::splat(LINEAR_SLOP)).bits()
    }

    /// The opposite of the impulse that closes a gap.
    #[inline(always)]
    fn closing<V: F32x8>(&self, gap: Vector<V>, arm_a: Vector<V>, arm_b: Vector<V>) -> Vector<V> {
        let inertia_a: Real<V> = self.inv_inertia_a.load();
        let inertia_b: Real<V> = self.inv_inertia_b.load();
        let mass: Real<V> = self.inv_mass_a.load() + self.inv_mass_b.load();
        let xx = mass + inertia_a * arm_a.y * arm_a.y + inertia_b * arm_b.y * arm_b.y;
        let xy = -inertia_a * arm_a.x * arm_a.y - inertia_b * arm_b.x * arm_b.y;
        let yy = mass + inertia_a * arm_a.x * arm_a.x + inertia_b * arm_b.x * arm_b.x;
        let determinant = xx * yy - xy * xy;
        let is_zero = determinant.is_equal(Real::zero());
        let inverse = Real::select(is_zero, determinant, Real::splat(1.0) / determinant);
        Vector { x: inverse * (yy * gap.x - xy * gap.y), y: inverse * (xx * gap.y - xy * gap.x) }
    }

    /// Turns the bodies back towards the limits that their angles have passed; where (a bit for each lane) by no more than
    /// the slop.
    #[inline(always)]
    fn turn_back<V: F32x8>(&self, bodies: &mut [PoseLanes], (a, b): (usize, usize)) -> u32 {
        let (old_a, old_b): (Real<V>, Real<V>) = (bodies[a].angle.load(), bodies[b].angle.load());
        let beyond = old_b - old_a - self.reference_angle.load() - self.limit.load();
        let correction = (beyond + self.slop.load()).clamp(self.least.load(), self.most.load());
        let impulse = -self.motor_mass.load() * correction;
        let direction: Real<V> = self.direction.load();
        let error = -(direction * beyond);
        let is_free = direction.is_equal(Real::zero());
        let angle_a = Real::select(is_free, old_a, old_a - self.inv_inertia_a.load() * impulse);
        let angle_b = Real::select(is_free, old_b, old_b + self.inv_inertia_b.load() * impulse);
        bodies[a].turn(angle_a);
        bodies[b].turn(angle_b);
        is_free.or(error.is_at_most(Real::splat(ANGULAR_SLOP))).bits()
    }
}
