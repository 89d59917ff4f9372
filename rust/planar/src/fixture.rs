//! Fixtures: shapes fixed to bodies, with what their surface is like.

use crate::ids::BodyId;
pub use crate::ids::FixtureId;
use crate::shapes::Shape;

/// Which fixtures may touch which: each must accept the other's category, unless both are of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The categories that the fixture is of, one bit each.
    pub category: u16,
    /// The categories that it may touch.
    pub mask: u16,
    /// Fixtures of the same group always touch if it is positive, and never if it is negative; 0 is no group.
    pub group: i16,
}

impl Default for Filter {
    /// Category 1, which may touch all.
    fn default() -> Self {
        Self { category: 1, mask: 0xFFFF, group: 0 }
    }
}

impl Filter {
    /// Whether fixtures with these filters may touch.
    pub(crate) fn accepts(self, other: Self) -> bool {
        if self.group == other.group && self.group != 0 {
            return self.group > 0;
        }
        self.mask & other.category != 0 && self.category & other.mask != 0
    }
}

/// What a fixture is created from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixtureDef {
    /// In the body's frame.
    pub shape: Shape,
    /// Mass per area, kg/m².
    pub density: f32,
    /// Coefficient of friction; a contact has the geometric mean of its two.
    pub friction: f32,
    /// The part of the approach speed that is kept after a collision; a contact has the greater of its two.
    pub restitution: f32,
    /// What it may touch.
    pub filter: Filter,
    /// Whether it only tells what overlaps it and does not collide.
    pub is_sensor: bool,
}

impl FixtureDef {
    /// Box2D's defaults: no density, friction 0.2, no restitution, may touch all, no sensor.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            density: 0.0,
            friction: 0.2,
            restitution: 0.0,
            filter: Filter::default(),
            is_sensor: false,
        }
    }
}

/// A shape that is fixed to a body, as [`World::fixture`](crate::World::fixture) shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixture {
    pub(crate) body: BodyId,
    pub(crate) def: FixtureDef,
    /// The next older fixture of the body.
    pub(crate) older: Option<FixtureId>,
}

impl Fixture {
    /// The body that it is fixed to.
    #[must_use]
    pub fn body(&self) -> BodyId {
        self.body
    }

    /// Its shape in the body's frame.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.def.shape
    }

    /// What it may touch, and what it is.
    #[must_use]
    pub fn filter(&self) -> Filter {
        self.def.filter
    }

    /// Whether it only tells what overlaps it.
    #[must_use]
    pub fn is_sensor(&self) -> bool {
        self.def.is_sensor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_masks_must_accept_unless_a_group_decides() {
        let ground = Filter::default();
        let lander = Filter { category: 0x10, mask: 0x01, group: 0 };
        let leg = Filter { category: 0x20, mask: 0x01, group: 0 };
        assert!(lander.accepts(ground) && ground.accepts(leg));
        assert!(!lander.accepts(leg) && !leg.accepts(lander));
        let [together, apart] = [3, -3].map(|group| Filter { group, ..leg });
        assert!(together.accepts(together));
        assert!(!apart.accepts(apart));
        assert!(apart.accepts(ground));
    }
}
