//! Velocity iterations of a contact in many islands at once: the twin of [`ContactConstraint`].
//!
//! In every lane body A is static: it stays at rest, so only body B, which may be another one in each lane, is moved.

use super::VelocityLanes;
use crate::island::contact::{ContactConstraint, PointConstraint};
use crate::math::Vec2;
use crate::real::{Real, Row, Vector, Vectors};
use lane_math::lanes::F32Lanes;

/// How many points the contacts of a slot have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PointCounts {
    /// One, in every lane that has a contact.
    #[default]
    One,
    /// Two, likewise.
    Two,
    /// One in some lanes, two in others.
    Mixed,
}

/// The contact that is the n-th in its island, of the islands of a pack; lanes may have none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ContactLanes<R> {
    /// Bit n: body n is body B in some lane.
    bodies: u32,
    /// 1 in the lanes whose body B is body n, 0 in others and where there is no contact.
    is_body: [R; super::MAX_BODIES],
    /// Whether all lanes have a contact of the same body.
    is_one_body: bool,
    pub(super) point_counts: PointCounts,
    /// 1 where the contact has two points.
    pub(super) has_two: R,
    pub(super) inv_mass: R,
    pub(super) inv_inertia: R,
    pub(super) normal: Vectors<R>,
    pub(super) friction: R,
    pub(super) points: [PointLanes<R>; 2],
    /// The two-point block's matrix and its inverse: xx, xy, yy.
    pub(super) block: [R; 3],
    pub(super) inv_block: [R; 3],
}

/// A point of a contact; zeros where the lane has none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PointLanes<R> {
    pub arm: Vectors<R>,
    /// The velocity of body A at the point: zeros, whose signs decide those of others.
    pub rest: Vectors<R>,
    pub normal_mass: R,
    pub tangent_mass: R,
    pub bounce: R,
    pub normal_impulse: R,
    pub tangent_impulse: R,
}

/// The velocity of body B.
#[derive(Clone, Copy)]
pub(super) struct Motion<V> {
    pub linear: Vector<V>,
    pub spin: Real<V>,
}

impl<R: Row> ContactLanes<R> {
    /// Fills a lane; `None` if the lane has no contact in this slot.
    pub(super) fn set(&mut self, lane: usize, contact: Option<(&ContactConstraint, usize)>) {
        for is_body in &mut self.is_body {
            is_body[lane] = 0.0;
        }
        self.has_two[lane] = 0.0;
        let Some((contact, body)) = contact else { return self.clear(lane) };
        self.is_body[body][lane] = 1.0;
        self.inv_mass[lane] = contact.pair.inv_mass_b;
        self.inv_inertia[lane] = contact.pair.inv_inertia_b;
        self.normal.set(lane, contact.normal);
        self.friction[lane] = contact.friction;
        self.points[0].set(lane, &contact.points[0]);
        if contact.point_count == 2 {
            self.has_two[lane] = 1.0;
            self.points[1].set(lane, &contact.points[1]);
        } else {
            self.points[1].set(lane, &PointConstraint::default());
        }
        let (block, inverse) = (&contact.block, &contact.inv_block);
        for (lanes, value) in self.block.iter_mut().zip([block.xx, block.xy, block.yy]) {
            lanes[lane] = value;
        }
        for (lanes, value) in self.inv_block.iter_mut().zip([inverse.xx, inverse.xy, inverse.yy]) {
            lanes[lane] = value;
        }
    }

    /// Zeros, with which nothing overflows.
    fn clear(&mut self, lane: usize) {
        self.inv_mass[lane] = 0.0;
        self.inv_inertia[lane] = 0.0;
        self.normal.set(lane, Vec2::ZERO);
        self.friction[lane] = 0.0;
        for point in &mut self.points {
            point.set(lane, &PointConstraint::default());
        }
        for lanes in self.block.iter_mut().chain(&mut self.inv_block) {
            lanes[lane] = 0.0;
        }
    }

    /// Notes, once all lanes are set, what holds for all of them.
    pub(super) fn summarise(&mut self) {
        self.bodies = 0;
        self.is_one_body = false;
        let mut present = 0;
        for (body, is_body) in self.is_body.iter().enumerate() {
            let lanes = is_body.values().iter().filter(|&&is| is != 0.0).count();
            self.bodies |= u32::from(lanes > 0) << body;
            self.is_one_body |= lanes == R::LANES;
            present += lanes;
        }
        let with_two = self.has_two.values().iter().filter(|&&has| has != 0.0).count();
        self.point_counts = match with_two {
            0 => PointCounts::One,
            _ if with_two == present => PointCounts::Two,
            _ => PointCounts::Mixed,
        };
    }

    /// Copies a lane's impulses back.
    pub(super) fn store(&self, lane: usize, contact: &mut ContactConstraint) {
        for (point, lanes) in contact.points[..contact.point_count].iter_mut().zip(&self.points) {
            point.normal_impulse = lanes.normal_impulse[lane];
            point.tangent_impulse = lanes.tangent_impulse[lane];
        }
    }

    /// One velocity iteration.
    #[inline(always)]
    pub(super) fn solve_velocity<V: F32Lanes>(&mut self, velocities: &mut [VelocityLanes<R>]) {
        let mut motion: Motion<V> = self.motion_of_bodies(velocities);
        self.rub::<V>(0, &mut motion);
        if self.point_counts != PointCounts::One {
            self.rub_second(&mut motion);
        }
        match self.point_counts {
            PointCounts::One => self.stop_approach(&mut motion),
            PointCounts::Two => self.stop_approaches(&mut motion),
            PointCounts::Mixed => self.stop_one_or_two(&mut motion),
        }
        self.write_back(velocities, motion);
    }

    /// Picks the velocity of each lane's body B.
    #[inline(always)]
    fn motion_of_bodies<V: F32Lanes>(&self, velocities: &[VelocityLanes<R>]) -> Motion<V> {
        let first = &velocities[self.bodies.trailing_zeros() as usize];
        let mut motion = Motion { linear: first.linear.load(), spin: first.angular.load() };
        let mut others = self.bodies & (self.bodies - 1);
        while others != 0 {
            let body = others.trailing_zeros() as usize;
            others &= others - 1;
            let other =
                Motion { linear: velocities[body].linear.load(), spin: velocities[body].angular.load() };
            motion = Motion::select(self.mask_of::<V>(body), other, motion);
        }
        motion
    }

    /// Gives each lane's body B its new velocity.
    #[inline(always)]
    fn write_back<V: F32Lanes>(&self, velocities: &mut [VelocityLanes<R>], motion: Motion<V>) {
        let mut bodies = self.bodies;
        while bodies != 0 {
            let body = bodies.trailing_zeros() as usize;
            bodies &= bodies - 1;
            let velocity = &mut velocities[body];
            let mut new = motion;
            if !self.is_one_body {
                let old = Motion { linear: velocity.linear.load(), spin: velocity.angular.load() };
                new = Motion::select(self.mask_of::<V>(body), motion, old);
            }
            velocity.linear.store(new.linear);
            velocity.angular.store(new.spin);
        }
    }

    #[inline(always)]
    fn mask_of<V: F32Lanes>(&self, body: usize) -> V::Mask {
        Real::<V>::zero().is_less(self.is_body[body].load())
    }
}

impl<R: Row> PointLanes<R> {
    fn set(&mut self, lane: usize, point: &PointConstraint) {
        self.arm.set(lane, point.arm_b);
        self.rest.set(lane, point.arm_a.turned_anticlockwise(0.0));
        self.normal_mass[lane] = point.normal_mass;
        self.tangent_mass[lane] = point.tangent_mass;
        self.bounce[lane] = point.bounce;
        self.normal_impulse[lane] = point.normal_impulse;
        self.tangent_impulse[lane] = point.tangent_impulse;
    }

    /// Velocity of body B relative to A at the point.
    #[inline(always)]
    pub(super) fn velocity<V: F32Lanes>(&self, motion: &Motion<V>) -> Vector<V> {
        let arm: Vector<V> = self.arm.load();
        Vector { x: motion.linear.x - motion.spin * arm.y, y: motion.linear.y + motion.spin * arm.x }
            - self.rest.load()
    }
}

impl<V: F32Lanes> Motion<V> {
    #[inline(always)]
    pub(super) fn select(mask: V::Mask, if_true: Self, if_false: Self) -> Self {
        Self {
            linear: Vector::select(mask, if_true.linear, if_false.linear),
            spin: Real::select(mask, if_true.spin, if_false.spin),
        }
    }
}
