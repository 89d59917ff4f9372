//! Vectors, rotations, transforms and sweeps in float32, each operation rounded where Box2D rounds it.
//!
//! The order of operations is part of the contract: no fused multiply-add, no reassociated sum, and `min`, `max`, `clamp`
//! and `abs` as comparison and selection, because Rust's own treat signed zeros and NaN otherwise.

use crate::settings::EPSILON;
use lane_math::libm;
use std::f32::consts::PI;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A whole turn, radians.
const TWO_PI: f32 = 2.0 * PI;

/// The lesser of two values: `b` unless `a < b`.
#[inline]
pub(crate) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The greater of two values: `b` unless `a > b`.
#[inline]
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// `a` within `low` and `high`; `high` where `a` is NaN.
#[inline]
pub(crate) fn clamp(a: f32, low: f32, high: f32) -> f32 {
    max(low, min(a, high))
}

/// The magnitude of `a`, as a selection: -0 for +0, unlike `f32::abs`.
#[inline]
pub(crate) fn abs(a: f32) -> f32 {
    if a > 0.0 { a } else { -a }
}

/// A vector or a point in the plane, metres unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec2 {
    /// To the right.
    pub x: f32,
    /// Upwards.
    pub y: f32,
}

impl Vec2 {
    /// The null vector.
    pub const ZERO: Self = Self { x: 0.0, y: 0.0 };

    /// The vector (x, y).
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The scalar product.
    #[inline]
    #[must_use]
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// The third component of the vector product.
    #[inline]
    #[must_use]
    pub fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    /// The vector product with `scale` times the axis out of the plane: a quarter turn clockwise, times `scale`.
    #[inline]
    pub(crate) fn turned_clockwise(self, scale: f32) -> Self {
        Self::new(scale * self.y, -scale * self.x)
    }

    /// The vector product of `scale` times the axis out of the plane with this vector: a quarter turn anticlockwise, times
    /// `scale`. It is the velocity of the point at `self` in a body that turns with `scale` rad/s.
    #[inline]
    pub(crate) fn turned_anticlockwise(self, scale: f32) -> Self {
        Self::new(-scale * self.y, scale * self.x)
    }

    /// The squared length.
    #[inline]
    #[must_use]
    pub fn length_squared(self) -> f32 {
        self.x * self.x + self.y * self.y
    }

    /// The length.
    #[inline]
    #[must_use]
    pub fn length(self) -> f32 {
        self.length_squared().sqrt()
    }

    /// The unit vector in this direction and the length; a vector shorter than [`EPSILON`] stays as it is, with length 0.
    #[inline]
    pub(crate) fn normalized(self) -> (Self, f32) {
        let length = self.length();
        if length < EPSILON {
            return (self, 0.0);
        }
        let inverse = 1.0 / length;
        (Self::new(self.x * inverse, self.y * inverse), length)
    }

    /// The lesser of each component.
    #[inline]
    pub(crate) fn min(self, other: Self) -> Self {
        Self::new(min(self.x, other.x), min(self.y, other.y))
    }

    /// The greater of each component.
    #[inline]
    pub(crate) fn max(self, other: Self) -> Self {
        Self::new(max(self.x, other.x), max(self.y, other.y))
    }
}

impl Add for Vec2 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vec2 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Neg for Vec2 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self::new(-self.x, -self.y)
    }
}

impl Mul<Vec2> for f32 {
    type Output = Vec2;
    #[inline]
    fn mul(self, vector: Vec2) -> Vec2 {
        Vec2::new(self * vector.x, self * vector.y)
    }
}

impl AddAssign for Vec2 {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Vec2 {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl MulAssign<f32> for Vec2 {
    #[inline]
    fn mul_assign(&mut self, factor: f32) {
        *self = factor * *self;
    }
}

/// A rotation, as the sine and cosine of its angle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rot {
    /// The sine.
    pub sin: f32,
    /// The cosine.
    pub cos: f32,
}

impl Default for Rot {
    /// No turn.
    fn default() -> Self {
        Self { sin: 0.0, cos: 1.0 }
    }
}

impl Rot {
    /// The rotation by `angle` radians, by the platform's `sinf` and `cosf`: Box2D calls them, and they are not correctly
    /// rounded (about 1% differ from a rounded float64 result).
    ///
    /// Zero, the angle of the ground, is answered here: the search for times of impact asks for it again and again.
    #[must_use]
    pub fn from_angle(angle: f32) -> Self {
        if angle == 0.0 {
            return Self { sin: angle, cos: 1.0 };
        }
        Self { sin: libm::sinf(angle), cos: libm::cosf(angle) }
    }

    /// Turns a vector.
    #[inline]
    #[must_use]
    pub fn rotate(self, v: Vec2) -> Vec2 {
        Vec2::new(self.cos * v.x - self.sin * v.y, self.sin * v.x + self.cos * v.y)
    }

    /// Turns a vector back.
    #[inline]
    #[must_use]
    pub fn unrotate(self, v: Vec2) -> Vec2 {
        Vec2::new(self.cos * v.x + self.sin * v.y, -self.sin * v.x + self.cos * v.y)
    }
}

/// A body's frame in the world: where its origin is and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// World position of the origin.
    pub position: Vec2,
    /// Turn of the axes.
    pub rotation: Rot,
}

impl Transform {
    /// The frame of a body whose centre of mass, `local_center` in its own frame, is at `center`.
    #[inline]
    pub(crate) fn of_center(center: Vec2, rotation: Rot, local_center: Vec2) -> Self {
        Self { position: center - rotation.rotate(local_center), rotation }
    }

    /// From the body's frame to the world's.
    #[inline]
    #[must_use]
    pub fn apply(&self, v: Vec2) -> Vec2 {
        self.rotation.rotate(v) + self.position
    }

    /// From the world's frame to the body's.
    #[inline]
    #[must_use]
    pub fn apply_inverse(&self, v: Vec2) -> Vec2 {
        self.rotation.unrotate(v - self.position)
    }

    /// `other`, seen from this frame.
    #[inline]
    pub(crate) fn relative(&self, other: &Self) -> Self {
        let (p, q) = (self.rotation, other.rotation);
        let rotation = Rot { sin: p.cos * q.sin - p.sin * q.cos, cos: p.cos * q.cos + p.sin * q.sin };
        Self { position: p.unrotate(other.position - self.position), rotation }
    }
}

/// The motion of a body's centre of mass within a step, from `start` to `end`, for continuous collision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sweep {
    /// Centre of mass in the body's frame.
    pub local_center: Vec2,
    /// World position of the centre of mass at [`Sweep::start_time`].
    pub start_center: Vec2,
    /// World position of the centre of mass at the end of the step.
    pub center: Vec2,
    /// Angle at [`Sweep::start_time`], radians.
    pub start_angle: f32,
    /// Angle at the end of the step, radians.
    pub angle: f32,
    /// The part of the step that is already behind, within 0 and 1.
    pub start_time: f32,
}

impl Sweep {
    /// The frame at the fraction `time` between start and end.
    #[inline]
    pub(crate) fn transform_at(&self, time: f32) -> Transform {
        let center = (1.0 - time) * self.start_center + time * self.center;
        let angle = (1.0 - time) * self.start_angle + time * self.angle;
        Transform::of_center(center, Rot::from_angle(angle), self.local_center)
    }

    /// Moves the start of the sweep to `time`, a part of the step.
    pub(crate) fn advance(&mut self, time: f32) {
        let fraction = (time - self.start_time) / (1.0 - self.start_time);
        self.start_center = (1.0 - fraction) * self.start_center + fraction * self.center;
        self.start_angle = (1.0 - fraction) * self.start_angle + fraction * self.angle;
        self.start_time = time;
    }

    /// The same sweep with whole turns taken off its angles, so that it starts within 0 and 2 pi.
    pub(crate) fn normalized(mut self) -> Self {
        let whole_turns = TWO_PI * (self.start_angle / TWO_PI).floor();
        self.start_angle -= whole_turns;
        self.angle -= whole_turns;
        self
    }
}
