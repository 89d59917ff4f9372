//! Where a body is in eight islands at once.

use crate::island::motion::Pose;
use crate::math::Rot;
use crate::real::{Eight, EightVectors, Real, Row, Vector};
use lane_math::LibmLanes32;
use lane_math::lanes::{F32x8, Mask, Simd};

/// The pose of a body in eight islands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PoseLanes {
    pub center: EightVectors,
    pub angle: Eight,
    rotation: RotationLanes,
    /// Whether the angle has changed in some lane since the rotation was computed.
    is_turned: bool,
}

/// Sines and cosines in memory.
#[derive(Clone, Copy, Debug, Default)]
struct RotationLanes {
    sin: Eight,
    cos: Eight,
}

/// Eight rotations in registers.
#[derive(Clone, Copy)]
pub(super) struct Rotation<V> {
    sin: Real<V>,
    cos: Real<V>,
}

/// Eight poses in registers.
#[derive(Clone, Copy)]
pub(super) struct Place<V> {
    pub center: Vector<V>,
    pub angle: Real<V>,
    pub rotation: Rotation<V>,
}

impl PoseLanes {
    /// Fills a lane.
    pub(super) fn set(&mut self, lane: usize, pose: &Pose) {
        self.center.set(lane, pose.center);
        self.angle.0[lane] = pose.angle;
        self.is_turned = true;
    }

    /// Copies a lane's pose back. Its rotation is the angle's after [`PoseLanes::refresh`].
    pub(super) fn store(&self, lane: usize, pose: &mut Pose) {
        pose.center.x = self.center.x.0[lane];
        pose.center.y = self.center.y.0[lane];
        pose.angle = self.angle.0[lane];
        if !self.is_turned {
            pose.set_rotation(Rot { sin: self.rotation.sin.0[lane], cos: self.rotation.cos.0[lane] });
        }
    }

    /// Computes the rotation, if the angle has changed since.
    #[inline(always)]
    pub(super) fn refresh<S: Simd>(&mut self, libm: LibmLanes32) {
        if self.is_turned {
            self.is_turned = false;
            let (sin, cos) = libm.sin_cos::<S>(self.angle.load::<S::F32>().lanes());
            self.rotation.sin.store(Real::of(sin));
            self.rotation.cos.store(Real::of(cos));
        }
    }

    /// The pose, with the rotation by its angle.
    #[inline(always)]
    pub(super) fn place<S: Simd>(&mut self, libm: LibmLanes32) -> Place<S::F32> {
        self.refresh::<S>(libm);
        Place {
            center: self.center.load(),
            angle: self.angle.load(),
            rotation: Rotation { sin: self.rotation.sin.load(), cos: self.rotation.cos.load() },
        }
    }

    /// Moves the body. The rotation is left as it is until it is asked for.
    #[inline(always)]
    pub(super) fn put<V: F32x8>(&mut self, center: Vector<V>, angle: Real<V>) {
        self.center.store(center);
        self.turn(angle);
    }

    /// Turns the body, likewise.
    #[inline(always)]
    pub(super) fn turn<V: F32x8>(&mut self, angle: Real<V>) {
        let before: Real<V> = self.angle.load();
        // Zeros of both signs are equal, and have sines of both signs.
        let same = angle.is_equal(before).and(angle.is_equal(Real::zero()).not());
        self.is_turned |= same.bits() != 0xff;
        self.angle.store(angle);
    }
}

impl<V: F32x8> Rotation<V> {
    #[inline(always)]
    pub(super) fn rotate(self, v: Vector<V>) -> Vector<V> {
        Vector { x: self.cos * v.x - self.sin * v.y, y: self.sin * v.x + self.cos * v.y }
    }
}

impl<V: F32x8> Place<V> {
    #[inline(always)]
    pub(super) fn select(mask: V::Mask, if_true: Self, if_false: Self) -> Self {
        Self {
            center: Vector::select(mask, if_true.center, if_false.center),
            angle: Real::select(mask, if_true.angle, if_false.angle),
            rotation: Rotation {
                sin: Real::select(mask, if_true.rotation.sin, if_false.rotation.sin),
                cos: Real::select(mask, if_true.rotation.cos, if_false.rotation.cos),
            },
        }
    }
}
