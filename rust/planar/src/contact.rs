//! Contacts: pairs of fixtures whose fattened bounds overlap, touching or not.

use crate::fixture::Fixture;
use crate::ids::{BodyId, FixtureId};
use crate::manifold::Manifold;
use crate::math::max;

/// Two fixtures began or ceased to touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactEvent {
    /// Whether they touch now.
    pub touching: bool,
    /// The first fixture; the edge, where an edge and a polygon meet.
    pub fixture_a: FixtureId,
    /// The second fixture.
    pub fixture_b: FixtureId,
}

/// A pair of fixtures that may touch, as [`World::contacts`](crate::World::contacts) shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    pub(crate) fixture_a: FixtureId,
    pub(crate) fixture_b: FixtureId,
    pub(crate) body_a: BodyId,
    pub(crate) body_b: BodyId,
    pub(crate) is_sensor: bool,
    pub(crate) friction: f32,
    pub(crate) restitution: f32,
    pub(crate) manifold: Manifold,
    pub(crate) touching: bool,
    /// False after a time of impact at which it did not touch after all, until it is updated.
    pub(crate) enabled: bool,
    /// Its bodies were joined: whether it may exist is asked anew in the next step.
    pub(crate) needs_filtering: bool,
    /// Whether it was added to an island in this step or sub-step.
    pub(crate) in_island: bool,
    /// The time of impact, a part of the step, if it is known; 1 if there is none.
    pub(crate) impact: Option<f32>,
    /// Times of impact handled in this step.
    pub(crate) impact_count: u32,
}

impl Contact {
    pub(crate) fn new((id_a, a): (FixtureId, &Fixture), (id_b, b): (FixtureId, &Fixture)) -> Self {
        Self {
            fixture_a: id_a,
            fixture_b: id_b,
            body_a: a.body,
            body_b: b.body,
            is_sensor: a.def.is_sensor || b.def.is_sensor,
            friction: (a.def.friction * b.def.friction).sqrt(),
            restitution: max(a.def.restitution, b.def.restitution),
            manifold: Manifold::default(),
            touching: false,
            enabled: true,
            needs_filtering: false,
            in_island: false,
            impact: None,
            impact_count: 0,
        }
    }

    /// The first fixture; the edge, where an edge and a polygon meet.
    #[must_use]
    pub fn fixture_a(&self) -> FixtureId {
        self.fixture_a
    }

    /// The second fixture.
    #[must_use]
    pub fn fixture_b(&self) -> FixtureId {
        self.fixture_b
    }

    /// Whether they touch.
    #[must_use]
    pub fn is_touching(&self) -> bool {
        self.touching
    }

    /// Where they touch, and the impulses of the last step; without points for a sensor.
    #[must_use]
    pub fn manifold(&self) -> &Manifold {
        &self.manifold
    }

    /// The other body, if `body` is one of the two.
    #[inline]
    pub(crate) fn other(&self, body: BodyId) -> Option<BodyId> {
        if self.body_a == body {
            Some(self.body_b)
        } else if self.body_b == body {
            Some(self.body_a)
        } else {
            None
        }
    }

    /// Whether it joins these fixtures, in either order.
    pub(crate) fn joins(&self, a: FixtureId, b: FixtureId) -> bool {
        (self.fixture_a, self.fixture_b) == (a, b) || (self.fixture_a, self.fixture_b) == (b, a)
    }

    /// Takes over a new manifold, with the impulses of the old one's points that are in both.
    pub(crate) fn renew_manifold(&mut self, mut manifold: Manifold) {
        let old_points = &self.manifold.points[..self.manifold.point_count];
        for point in &mut manifold.points[..manifold.point_count] {
            if let Some(old) = old_points.iter().find(|old| old.id == point.id) {
                point.normal_impulse = old.normal_impulse;
                point.tangent_impulse = old.tangent_impulse;
            }
        }
        self.manifold = manifold;
    }
}
