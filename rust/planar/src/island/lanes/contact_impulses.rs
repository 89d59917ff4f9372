//! The impulses of contacts in lanes: friction, one normal, two normals at once.

use super::contact::{ContactLanes, Motion, PointCounts};
use crate::real::{Real, Row, Vector, all};
use lane_math::lanes::{F32Lanes, Mask};

impl<R: Row> ContactLanes<R> {
    #[inline(always)]
    pub(super) fn rub<V: F32Lanes>(&mut self, index: usize, motion: &mut Motion<V>) {
        let normal: Vector<V> = self.normal.load();
        let tangent = Vector { x: normal.y, y: -normal.x };
        let point = &mut self.points[index];
        let slip = point.velocity(motion).dot(tangent);
        let old = point.tangent_impulse.load();
        let most = self.friction.load() * point.normal_impulse.load();
        let total = (old - point.tangent_mass.load() * slip).clamp(-most, most);
        point.tangent_impulse.store(total);
        let impulse = (total - old) * tangent;
        let turn = self.points[index].arm.load().cross(impulse);
        self.push(motion, impulse, turn);
    }

    #[inline(always)]
    pub(super) fn rub_second<V: F32Lanes>(&mut self, motion: &mut Motion<V>) {
        let before = *motion;
        self.rub(1, motion);
        if self.point_counts == PointCounts::Mixed {
            *motion = Motion::select(self.two_mask::<V>(), *motion, before);
        }
    }

    #[inline(always)]
    fn two_mask<V: F32Lanes>(&self) -> V::Mask {
        Real::<V>::zero().is_less(self.has_two.load())
    }

    #[inline(always)]
    pub(super) fn stop_approach<V: F32Lanes>(&mut self, motion: &mut Motion<V>) {
        let (total, impulse) = self.impulse_of_first(motion);
        self.points[0].normal_impulse.store(total);
        let turn = self.points[0].arm.load().cross(impulse);
        self.push(motion, impulse, turn);
    }

    /// The total impulse of the first point as if it were alone, and what is new of it.
    #[inline(always)]
    fn impulse_of_first<V: F32Lanes>(&self, motion: &Motion<V>) -> (Real<V>, Vector<V>) {
        let normal = self.normal.load();
        let point = &self.points[0];
        let approach = point.velocity(motion).dot(normal);
        let old = point.normal_impulse.load();
        let total = (old - point.normal_mass.load() * (approach - point.bounce.load())).max(Real::zero());
        (total, (total - old) * normal)
    }

    #[inline(always)]
    pub(super) fn stop_approaches<V: F32Lanes>(&mut self, motion: &mut Motion<V>) {
        let (total, found) = self.complementary_impulses(motion);
        let before = *motion;
        self.push_both(motion, total);
        if !all::<V>(found) {
            *motion = Motion::select(found, *motion, before);
        }
        self.points[0].normal_impulse.store(total.x);
        self.points[1].normal_impulse.store(total.y);
    }

    /// Lanes with two points by the block, lanes with one as if the first were alone.
    #[inline(always)]
    pub(super) fn stop_one_or_two<V: F32Lanes>(&mut self, motion: &mut Motion<V>) {
        let two = self.two_mask::<V>();
        let (total, found) = self.complementary_impulses(motion);
        let mut by_two = *motion;
        self.push_both(&mut by_two, total);
        by_two = Motion::select(found, by_two, *motion);
        self.stop_approach(motion);
        *motion = Motion::select(two, by_two, *motion);
        let alone = self.points[0].normal_impulse.load();
        self.points[0].normal_impulse.store(Real::select(two, total.x, alone));
        self.points[1].normal_impulse.store(Real::select(two, total.y, Real::zero()));
    }

    #[inline(always)]
    fn push_both<V: F32Lanes>(&self, motion: &mut Motion<V>, total: Vector<V>) {
        let normal: Vector<V> = self.normal.load();
        let [first, second] = &self.points;
        let impulse_1 = (total.x - first.normal_impulse.load()) * normal;
        let impulse_2 = (total.y - second.normal_impulse.load()) * normal;
        let turn = first.arm.load().cross(impulse_1) + second.arm.load().cross(impulse_2);
        self.push(motion, impulse_1 + impulse_2, turn);
    }

    /// The total impulses of both points and where such were found; elsewhere the old ones.
    #[inline(always)]
    fn complementary_impulses<V: F32Lanes>(&self, motion: &Motion<V>) -> (Vector<V>, V::Mask) {
        let [first, second] = &self.points;
        let normal = self.normal.load();
        let old = Vector { x: first.normal_impulse.load(), y: second.normal_impulse.load() };
        let approach = Vector {
            x: first.velocity(motion).dot(normal) - first.bounce.load(),
            y: second.velocity(motion).dot(normal) - second.bounce.load(),
        };
        let free = approach - times(&self.block, old);
        let both = times(&self.inv_block, free);
        let both = Vector { x: -both.x, y: -both.y };
        let both_hold = both.x.is_not_negative().and(both.y.is_not_negative());
        if all::<V>(both_hold) {
            return (both, both_hold);
        }
        self.enumerate(both, both_hold, free, old)
    }

    #[inline(always)]
    fn enumerate<V: F32Lanes>(
        &self,
        both: Vector<V>,
        both_hold: V::Mask,
        free: Vector<V>,
        old: Vector<V>,
    ) -> (Vector<V>, V::Mask) {
        let xy = self.block[1].load();
        let first = -(self.points[0].normal_mass.load() * free.x);
        let first_holds = first.is_not_negative().and((xy * first + free.y).is_not_negative());
        let second = -(self.points[1].normal_mass.load() * free.y);
        let second_holds = second.is_not_negative().and((xy * second + free.x).is_not_negative());
        let none_holds = free.x.is_not_negative().and(free.y.is_not_negative());

        let zero = Real::zero();
        let mut total = Vector::select(none_holds, Vector { x: zero, y: zero }, old);
        total = Vector::select(second_holds, Vector { x: zero, y: second }, total);
        total = Vector::select(first_holds, Vector { x: first, y: zero }, total);
        total = Vector::select(both_hold, both, total);
        (total, both_hold.or(first_holds).or(second_holds).or(none_holds))
    }

    #[inline(always)]
    fn push<V: F32Lanes>(&self, motion: &mut Motion<V>, impulse: Vector<V>, turn: Real<V>) {
        motion.linear = motion.linear + self.inv_mass.load() * impulse;
        motion.spin = motion.spin + self.inv_inertia.load() * turn;
    }
}

/// The product of a symmetric matrix (xx, xy, yy) and a vector.
#[inline(always)]
fn times<R: Row, V: F32Lanes>(matrix: &[R; 3], vector: Vector<V>) -> Vector<V> {
    let [xx, xy, yy] = matrix;
    Vector { x: xx.load() * vector.x + xy.load() * vector.y, y: xy.load() * vector.x + yy.load() * vector.y }
}
