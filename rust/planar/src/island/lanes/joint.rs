//! Velocity iterations of a revolute joint in many islands at once: the twin of [`JointConstraint`].

use super::VelocityLanes;
use crate::island::LimitState;
use crate::island::joint::JointConstraint;
use crate::real::{Real, Row, Vector, Vectors, all};
use lane_math::lanes::{F32Lanes, Mask};

/// A joint of the islands of a pack. The fields are those of [`JointConstraint`], its effective mass among them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JointLanes<R> {
    inv_mass_a: R,
    inv_mass_b: R,
    inv_inertia_a: R,
    inv_inertia_b: R,
    arm_a: Vectors<R>,
    arm_b: Vectors<R>,
    xx: R,
    xy: R,
    xz: R,
    yy: R,
    yz: R,
    zz: R,
    inv_determinant_2: R,
    inv_determinant_3: R,
    cross_yz: [R; 3],
    motor_mass: R,
    motor_speed: R,
    max_motor_impulse: R,
    impulse: [R; 3],
    motor_impulse: R,
    limit: LimitLanes<R>,
}

/// What the limits of the lanes do.
#[derive(Clone, Copy, Debug, Default)]
struct LimitLanes<R> {
    /// Whether some lane's limit acts. If none does, the point alone is solved.
    any_active: bool,
    /// 1 where the limit pushes upwards (at the lower limit), -1 where downwards, 0 where it does not act.
    direction: R,
    /// The limit lets go where the total impulse in its direction is less than this: 0, or infinity where the limit does
    /// not act, so that only the point is held there.
    threshold: R,
    /// The third column of the effective mass in lanes whose limit acts. Elsewhere -0, which a limit impulse of 0
    /// multiplies to -0, and that changes nothing that it is added to.
    released_xz: R,
    released_yz: R,
}

/// The velocities of the two bodies of a joint.
#[derive(Clone, Copy)]
struct Motion<V> {
    a: Vector<V>,
    spin_a: Real<V>,
    b: Vector<V>,
    spin_b: Real<V>,
}

impl<R: Row> JointLanes<R> {
    /// Fills a lane.
    pub(super) fn set(&mut self, lane: usize, joint: &JointConstraint) {
        let mass = &joint.mass;
        let values = [
            (&mut self.inv_mass_a, joint.pair.inv_mass_a),
            (&mut self.inv_mass_b, joint.pair.inv_mass_b),
            (&mut self.inv_inertia_a, joint.pair.inv_inertia_a),
            (&mut self.inv_inertia_b, joint.pair.inv_inertia_b),
            (&mut self.xx, mass.xx),
            (&mut self.xy, mass.xy),
            (&mut self.xz, mass.xz),
            (&mut self.yy, mass.yy),
            (&mut self.yz, mass.yz),
            (&mut self.zz, mass.zz),
            (&mut self.inv_determinant_2, mass.inv_determinant_2),
            (&mut self.inv_determinant_3, mass.inv_determinant_3),
            (&mut self.motor_mass, joint.motor_mass),
            (&mut self.motor_speed, joint.motor_speed),
            (&mut self.max_motor_impulse, joint.max_motor_impulse),
            (&mut self.motor_impulse, joint.motor_impulse),
        ];
        for (lanes, value) in values {
            lanes[lane] = value;
        }
        for axis in 0..3 {
            self.cross_yz[axis][lane] = mass.cross_yz[axis];
            self.impulse[axis][lane] = joint.impulse[axis];
        }
        self.arm_a.set(lane, joint.arm_a);
        self.arm_b.set(lane, joint.arm_b);
        self.limit.set(lane, joint);
    }

    /// Notes, once all lanes are set, what holds for all of them.
    pub(super) fn summarise(&mut self) {
        self.limit.any_active = self.limit.direction.values().iter().any(|&direction| direction != 0.0);
    }

    /// Copies a lane's impulses back.
    pub(super) fn store(&self, lane: usize, joint: &mut JointConstraint) {
        joint.impulse = self.impulse.map(|impulse| impulse[lane]);
        joint.motor_impulse = self.motor_impulse[lane];
    }

    /// One velocity iteration.
    #[inline(always)]
    pub(super) fn solve_velocity<V: F32Lanes>(
        &mut self,
        velocities: &mut [VelocityLanes<R>],
        bodies: (usize, usize),
    ) {
        let (a, b) = bodies;
        let mut motion = Motion {
            a: velocities[a].linear.load(),
            spin_a: velocities[a].angular.load(),
            b: velocities[b].linear.load(),
            spin_b: velocities[b].angular.load(),
        };
        self.drive::<V>(&mut motion);
        if self.limit.any_active {
            self.hold_point_and_limit::<V>(&mut motion);
        } else {
            self.hold_point::<V>(&mut motion);
        }
        velocities[a].linear.store(motion.a);
        velocities[a].angular.store(motion.spin_a);
        velocities[b].linear.store(motion.b);
        velocities[b].angular.store(motion.spin_b);
    }

    #[inline(always)]
    fn drive<V: F32Lanes>(&mut self, motion: &mut Motion<V>) {
        let slip = motion.spin_b - motion.spin_a - self.motor_speed.load();
        let old = self.motor_impulse.load();
        let most = self.max_motor_impulse.load();
        let total = (old - self.motor_mass.load() * slip).clamp(-most, most);
        let impulse = total - old;
        self.motor_impulse.store(total);
        motion.spin_a = motion.spin_a - self.inv_inertia_a.load() * impulse;
        motion.spin_b = motion.spin_b + self.inv_inertia_b.load() * impulse;
    }

    #[inline(always)]
    fn hold_point<V: F32Lanes>(&mut self, motion: &mut Motion<V>) {
        let impulse = self.resist(self.drift(motion));
        self.impulse[0].store(self.impulse[0].load() + impulse.x);
        self.impulse[1].store(self.impulse[1].load() + impulse.y);
        let turn_a = self.arm_a.load().cross(impulse);
        let turn_b = self.arm_b.load().cross(impulse);
        self.push(motion, impulse, turn_a, turn_b);
    }

    #[inline(always)]
    fn hold_point_and_limit<V: F32Lanes>(&mut self, motion: &mut Motion<V>) {
        let drift = self.drift(motion);
        let turning = motion.spin_b - motion.spin_a;
        let old: [Real<V>; 3] = [self.impulse[0].load(), self.impulse[1].load(), self.impulse[2].load()];
        let wanted = -self.solve_3_angular(drift, turning);
        let total = old[2] + wanted;
        let lets_go = (self.limit.direction.load() * total).is_less(self.limit.threshold.load::<V>());

        let mut impulse = Vector { x: Real::zero(), y: Real::zero() };
        let mut angular = wanted;
        let mut total_angular = total;
        if !all::<V>(lets_go) {
            let held = self.solve_3_linear(drift, turning);
            impulse = Vector { x: -held.x, y: -held.y };
        }
        if lets_go.any() {
            let column = Vector { x: self.limit.released_xz.load(), y: self.limit.released_yz.load() };
            let released = self.solve_2(old[2] * column - drift);
            impulse = Vector::select(lets_go, released, impulse);
            angular = Real::select(lets_go, -old[2], angular);
            total_angular = Real::select(lets_go, Real::zero(), total_angular);
        }
        self.impulse[0].store(old[0] + impulse.x);
        self.impulse[1].store(old[1] + impulse.y);
        self.impulse[2].store(total_angular);
        let turn_a = self.arm_a.load().cross(impulse) + angular;
        let turn_b = self.arm_b.load().cross(impulse) + angular;
        self.push(motion, impulse, turn_a, turn_b);
    }

    /// Velocity of B's anchor relative to A's.
    #[inline(always)]
    fn drift<V: F32Lanes>(&self, motion: &Motion<V>) -> Vector<V> {
        let arm_a: Vector<V> = self.arm_a.load();
        let arm_b: Vector<V> = self.arm_b.load();
        Vector {
            x: motion.b.x - motion.spin_b * arm_b.y - motion.a.x + motion.spin_a * arm_a.y,
            y: motion.b.y + motion.spin_b * arm_b.x - motion.a.y - motion.spin_a * arm_a.x,
        }
    }

    #[inline(always)]
    fn push<V: F32Lanes>(
        &self,
        motion: &mut Motion<V>,
        impulse: Vector<V>,
        turn_a: Real<V>,
        turn_b: Real<V>,
    ) {
        motion.a = motion.a - self.inv_mass_a.load() * impulse;
        motion.spin_a = motion.spin_a - self.inv_inertia_a.load() * turn_a;
        motion.b = motion.b + self.inv_mass_b.load() * impulse;
        motion.spin_b = motion.spin_b + self.inv_inertia_b.load() * turn_b;
    }

    /// The impulse that ends a drift: `solve_2(-drift)`, with the signs within the products.
    #[inline(always)]
    fn resist<V: F32Lanes>(&self, drift: Vector<V>) -> Vector<V> {
        let (xx, xy, yy): (Real<V>, Real<V>, Real<V>) = (self.xx.load(), self.xy.load(), self.yy.load());
        let scale = self.inv_determinant_2.load();
        Vector { x: scale * (xy * drift.y - yy * drift.x), y: scale * (xy * drift.x - xx * drift.y) }
    }

    #[inline(always)]
    fn solve_2<V: F32Lanes>(&self, change: Vector<V>) -> Vector<V> {
        let (xx, xy, yy): (Real<V>, Real<V>, Real<V>) = (self.xx.load(), self.xy.load(), self.yy.load());
        let scale = self.inv_determinant_2.load();
        Vector { x: scale * (yy * change.x - xy * change.y), y: scale * (xx * change.y - xy * change.x) }
    }

    /// The angular component of the solution of the whole system for a change of velocity.
    #[inline(always)]
    fn solve_3_angular<V: F32Lanes>(&self, change: Vector<V>, turning: Real<V>) -> Real<V> {
        let (xy, yy, yz): (Real<V>, Real<V>, Real<V>) = (self.xy.load(), self.yy.load(), self.yz.load());
        let cross =
            [yy * turning - yz * change.y, yz * change.x - xy * turning, xy * change.y - yy * change.x];
        self.inv_determinant_3.load()
            * (self.xx.load() * cross[0] + xy * cross[1] + self.xz.load() * cross[2])
    }

    /// Its other two components.
    #[inline(always)]
    fn solve_3_linear<V: F32Lanes>(&self, change: Vector<V>, turning: Real<V>) -> Vector<V> {
        let (xz, yz, zz): (Real<V>, Real<V>, Real<V>) = (self.xz.load(), self.yz.load(), self.zz.load());
        let scale: Real<V> = self.inv_determinant_3.load();
        let [yz_x, yz_y, yz_z] = &self.cross_yz;
        let x = change.x * yz_x.load() + change.y * yz_y.load() + turning * yz_z.load();
        let cross =
            [change.y * zz - turning * yz, turning * xz - change.x * zz, change.x * yz - change.y * xz];
        let y = self.xx.load() * cross[0] + self.xy.load() * cross[1] + xz * cross[2];
        Vector { x: scale * x, y: scale * y }
    }
}

impl<R: Row> LimitLanes<R> {
    fn set(&mut self, lane: usize, joint: &JointConstraint) {
        let (direction, threshold, xz, yz) = match joint.limit_state {
            LimitState::AtLower => (1.0, 0.0, joint.mass.xz, joint.mass.yz),
            LimitState::AtUpper => (-1.0, 0.0, joint.mass.xz, joint.mass.yz),
            LimitState::Inactive | LimitState::Equal => (0.0, f32::INFINITY, -0.0, -0.0),
        };
        self.direction[lane] = direction;
        self.threshold[lane] = threshold;
        self.released_xz[lane] = xz;
        self.released_yz[lane] = yz;
    }
}
