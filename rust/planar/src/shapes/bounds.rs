//! Bounds: the axis-aligned box around a shape.

use crate::math::Vec2;
use crate::settings::{BOUNDS_LOOKAHEAD, BOUNDS_MARGIN};

/// An axis-aligned box in the world, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// The left and lower ends.
    pub lower: Vec2,
    /// The right and upper ends.
    pub upper: Vec2,
}

impl Bounds {
    /// A box that overlaps none.
    pub(crate) const NOWHERE: Self = Self {
        lower: Vec2::new(f32::INFINITY, f32::INFINITY),
        upper: Vec2::new(f32::NEG_INFINITY, f32::NEG_INFINITY),
    };

    /// Whether two boxes meet; touching counts.
    #[inline]
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        // Box2D asks whether differences are positive, which with subnormals is the same.
        let beside = self.lower.x > other.upper.x || other.lower.x > self.upper.x;
        let above = self.lower.y > other.upper.y || other.lower.y > self.upper.y;
        !(beside || above)
    }

    /// Whether `other` lies within this box.
    #[inline]
    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.lower.x <= other.lower.x
            && self.lower.y <= other.lower.y
            && other.upper.x <= self.upper.x
            && other.upper.y <= self.upper.y
    }

    /// The box around both.
    #[inline]
    pub(crate) fn union(&self, other: &Self) -> Self {
        Self { lower: self.lower.min(other.lower), upper: self.upper.max(other.upper) }
    }

    /// The box, larger by `margin` on each side.
    #[inline]
    pub(crate) fn widened(&self, margin: f32) -> Self {
        let margin = Vec2::new(margin, margin);
        Self { lower: self.lower - margin, upper: self.upper + margin }
    }

    /// The box to keep in the broad phase for a shape with these bounds: wide enough that small motion does not leave it.
    pub(crate) fn fattened(&self) -> Self {
        self.widened(BOUNDS_MARGIN)
    }

    /// The box to keep for a shape that was displaced in this step, and will likely go on the same way.
    pub(crate) fn fattened_along(&self, displacement: Vec2) -> Self {
        let mut fat = self.fattened();
        let ahead = BOUNDS_LOOKAHEAD * displacement;
        if ahead.x < 0.0 {
            fat.lower.x += ahead.x;
        } else {
            fat.upper.x += ahead.x;
        }
        if ahead.y < 0.0 {
            fat.lower.y += ahead.y;
        } else {
            fat.upper.y += ahead.y;
        }
        fat
    }
}
