//! Position iterations of a contact in eight islands at once: the twin of `contact_position::separate`.
//!
//! Body A is static in every lane and stays where it is, so what hangs on it alone is computed when a lane is filled.

use super::body::{Place, PoseLanes};
use crate::island::lanes::MAX_BODIES;
use crate::island::motion::Pose;
use crate::island::{Island, IslandContact, contact};
use crate::manifold::ManifoldKind;
use crate::math::Vec2;
use crate::real::{Eight, EightVectors, Real, Row, Vector};
use crate::settings::{LINEAR_SLOP, MAX_LINEAR_CORRECTION, POSITION_CORRECTION};
use lane_math::LibmLanes32;
use lane_math::lanes::{F32x8, Mask, Simd};

/// The contact that is the n-th in its island, of eight islands; lanes may have none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ContactLanes {
    /// 1 in the lanes whose body B is body n, 0 in others and where there is no contact; and the same as bits.
    is_body: [Eight; MAX_BODIES],
    body_bits: [u32; MAX_BODIES],
    /// 1 where the reference face is B's; and the same as bits.
    is_face_b: Eight,
    face_b_bits: u32,
    inv_mass: Eight,
    inv_inertia: Eight,
    /// Of body B, in its frame.
    local_center: EightVectors,
    /// Of the reference face: in the world if it is A's, in B's frame if it is B's.
    normal: EightVectors,
    radius_a: Eight,
    radius_b: Eight,
    points: [PointLanes; 2],
}

/// A point of a contact.
#[derive(Clone, Copy, Debug, Default)]
struct PointLanes {
    /// 1 in the lanes that have it; and the same as bits.
    is_present: Eight,
    present_bits: u32,
    /// Of the point and the face's plane, the one that hangs on B, in B's frame.
    on_b: EightVectors,
    /// The one that hangs on A, in the world.
    on_a: EightVectors,
}

impl ContactLanes {
    /// Fills a lane with a contact and the number of its body B among those that move, or with none.
    pub(super) fn set(&mut self, lane: usize, island: &mut Island, contact: Option<(IslandContact, usize)>) {
        let bit = 1 << lane;
        for (is_body, bits) in self.is_body.iter_mut().zip(&mut self.body_bits) {
            is_body.0[lane] = 0.0;
            *bits &= !bit;
        }
        for point in &mut self.points {
            point.is_present.0[lane] = 0.0;
            point.present_bits &= !bit;
        }
        self.is_face_b.0[lane] = 0.0;
        self.face_b_bits &= !bit;
        let Some((contact, body)) = contact else { return };
        self.is_body[body].0[lane] = 1.0;
        self.body_bits[body] |= bit;
        let record = &island.bodies[contact.body_b];
        self.inv_mass.0[lane] = record.inv_mass;
        self.inv_inertia.0[lane] = record.inv_inertia;
        self.local_center.set(lane, record.local_center);
        self.radius_a.0[lane] = contact.radius_a;
        self.radius_b.0[lane] = contact.radius_b;
        let frame_a = contact::frame(&island.bodies, &mut island.workspace.poses, contact.body_a);
        let manifold = &contact.manifold;
        match manifold.kind {
            ManifoldKind::FaceA => self.normal.set(lane, frame_a.rotation.rotate(manifold.local_normal)),
            ManifoldKind::FaceB => {
                self.is_face_b.0[lane] = 1.0;
                self.face_b_bits |= bit;
                self.normal.set(lane, manifold.local_normal);
            }
        }
        for (lanes, point) in self.points.iter_mut().zip(&manifold.points[..manifold.point_count]) {
            let (on_b, on_a) = match manifold.kind {
                ManifoldKind::FaceA => (point.local_point, manifold.local_point),
                ManifoldKind::FaceB => (manifold.local_point, point.local_point),
            };
            lanes.set(lane, on_b, frame_a.apply(on_a));
        }
    }

    /// One correction; returns the lesser of `deepest` and the contact's separations before.
    #[inline(always)]
    pub(super) fn separate<S: Simd>(
        &self,
        bodies: &mut [PoseLanes],
        libm: LibmLanes32,
        mut deepest: Real<S::F32>,
    ) -> Real<S::F32> {
        for point in &self.points {
            if point.present_bits == 0 {
                break;
            }
            let place = self.place::<S>(bodies, libm);
            let (separation, center, angle) = self.correction(point, &place);
            let is_present = mask::<S::F32>(&point.is_present);
            deepest = Real::select(is_present, deepest.min(separation), deepest);
            for (body, old) in bodies.iter_mut().enumerate() {
                let bits = self.body_bits[body] & point.present_bits;
                if bits == 0xff {
                    old.put(center, angle);
                } else if bits != 0 {
                    let here = mask::<S::F32>(&self.is_body[body]).and(is_present);
                    let center = Vector::select(here, center, old.center.load());
                    let angle = Real::select(here, angle, old.angle.load());
                    old.put(center, angle);
                }
            }
        }
        deepest
    }

    /// Where each lane's body B is.
    #[inline(always)]
    fn place<S: Simd>(&self, bodies: &mut [PoseLanes], libm: LibmLanes32) -> Place<S::F32> {
        let mut first = 0;
        while first + 1 < MAX_BODIES && self.body_bits[first] == 0 {
            first += 1;
        }
        let mut place = bodies[first].place::<S>(libm);
        for (body, pose) in bodies.iter_mut().enumerate().skip(first + 1) {
            if self.body_bits[body] != 0 {
                let here = pose.place::<S>(libm);
                place = Place::select(mask::<S::F32>(&self.is_body[body]), here, place);
            }
        }
        place
    }

    /// The separation at a point, and where its correction leaves body B.
    #[inline(always)]
    fn correction<V: F32x8>(&self, point: &PointLanes, place: &Place<V>) -> (Real<V>, Vector<V>, Real<V>) {
        let origin = place.center - place.rotation.rotate(self.local_center.load());
        let on_b = place.rotation.rotate(point.on_b.load()) + origin;
        let on_a: Vector<V> = point.on_a.load();
        let mut normal: Vector<V> = self.normal.load();
        let (mut position, mut plane_point) = (on_b, on_a);
        let is_face_b = mask::<V>(&self.is_face_b);
        if self.face_b_bits != 0 {
            normal = Vector::select(is_face_b, place.rotation.rotate(normal), normal);
            position = Vector::select(is_face_b, on_a, on_b);
            plane_point = Vector::select(is_face_b, on_b, on_a);
        }
        let separation = (position - plane_point).dot(normal) - self.radius_a.load() - self.radius_b.load();
        if self.face_b_bits != 0 {
            normal = Vector::select(is_face_b, Vector { x: -normal.x, y: -normal.y }, normal);
        }
        let arm = position - place.center;
        let push = (Real::splat(POSITION_CORRECTION) * (separation + Real::splat(LINEAR_SLOP)))
            .clamp(Real::splat(-MAX_LINEAR_CORRECTION), Real::zero());
        let turn = arm.cross(normal);
        let inverse_mass = self.inv_mass.load() + self.inv_inertia.load() * turn * turn;
        let yields = Real::zero().is_less(inverse_mass);
        let impulse = Real::select(yields, -push / inverse_mass, Real::zero()) * normal;
        let center = place.center + self.inv_mass.load() * impulse;
        (separation, center, place.angle + self.inv_inertia.load() * arm.cross(impulse))
    }
}

impl PointLanes {
    fn set(&mut self, lane: usize, on_b: Vec2, on_a: Vec2) {
        self.is_present.0[lane] = 1.0;
        self.present_bits |= 1 << lane;
        self.on_b.set(lane, on_b);
        self.on_a.set(lane, on_a);
    }
}

/// Where a flag is 1.
#[inline(always)]
fn mask<V: F32x8>(flags: &Eight) -> V::Mask {
    Real::<V>::zero().is_less(flags.load())
}

/// Whether lanes leave the static body of a contact where it is, as the scalar solver does: subtracting a zero changes nothing
/// but -0, and no impulse is so great that zero times it is not a number.
pub(super) fn is_ordinary(island: &Island, contact: &IslandContact) -> bool {
    let pose: &Pose = &island.workspace.poses[contact.body_a];
    let components = [pose.center.x, pose.center.y, pose.angle];
    components.iter().all(|value| value.abs() < super::MAX_PLACE && value.to_bits() != (-0.0_f32).to_bits())
        && island.bodies[contact.body_b].inv_mass > super::MIN_INV_MASS
}
