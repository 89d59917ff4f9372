//! The world: bodies, fixtures, joints and contacts, and the step that advances them.

mod contacts;
mod copy;
mod creation;
mod forces;
mod impacts;
mod islands;
mod rays;
mod step;

use crate::body::Body;
use crate::broad_phase::BroadPhase;
use crate::contact::{Contact, ContactEvent};
use crate::fixture::Fixture;
use crate::ids::{BodyId, FixtureId, JointId, Table};
use crate::island::{Island, TimeStep};
use crate::joint::RevoluteJoint;
use crate::math::Vec2;
use islands::Membership;

/// A world of rigid bodies.
///
/// Its parts are created, pushed about and read between steps; [`World::step`] advances it. Order is part of its state:
/// where Box2D goes through a linked list, newest first, the world goes backwards through a vector, oldest first.
#[derive(Debug)]
pub struct World {
    gravity: Vec2,
    bodies: Table<BodyId, Body>,
    /// Dynamic bodies, oldest first. Static ones are never gone through: nothing moves them.
    dynamic: Vec<BodyId>,
    fixtures: Table<FixtureId, Fixture>,
    joints: Table<JointId, RevoluteJoint>,
    /// Joints, oldest first.
    joint_order: Vec<JointId>,
    /// Oldest first. The contacts of a body come in the same order as in a list of its own.
    contacts: Vec<Contact>,
    broad_phase: BroadPhase,
    /// A fixture was created since the last search for pairs.
    new_fixtures: bool,
    /// One over the duration of the last step, 0 before the first.
    previous_inv_dt: f32,
    events: Vec<ContactEvent>,
    scratch: Scratch,
}

/// What a step needs and the next one does not: kept for its memory.
#[derive(Clone, Debug)]
struct Scratch {
    step: TimeStep,
    /// Islands of this step; those from `island_count` on are spare.
    islands: Vec<Island>,
    /// What is in which island.
    memberships: Vec<Membership>,
    island_count: usize,
    /// Bodies whose neighbours are still to be visited.
    stack: Vec<BodyId>,
    impact_island: Island,
    impact_members: Membership,
}

impl World {
    /// An empty world in which dynamic bodies accelerate by `gravity`, m/s².
    #[must_use]
    pub fn new(gravity: Vec2) -> Self {
        Self {
            gravity,
            bodies: Table::new(),
            dynamic: Vec::new(),
            fixtures: Table::new(),
            joints: Table::new(),
            joint_order: Vec::new(),
            contacts: Vec::new(),
            broad_phase: BroadPhase::default(),
            new_fixtures: false,
            previous_inv_dt: 0.0,
            events: Vec::new(),
            scratch: Scratch::new(gravity),
        }
    }

    /// A body.
    ///
    /// # Panics
    ///
    /// If no body has ever had this id.
    #[inline]
    #[must_use]
    pub fn body(&self, id: BodyId) -> &Body {
        &self.bodies[id]
    }

    /// A fixture.
    ///
    /// # Panics
    ///
    /// If no fixture has ever had this id.
    #[inline]
    #[must_use]
    pub fn fixture(&self, id: FixtureId) -> &Fixture {
        &self.fixtures[id]
    }

    /// A joint.
    ///
    /// # Panics
    ///
    /// If no joint has ever had this id.
    #[inline]
    #[must_use]
    pub fn joint(&self, id: JointId) -> &RevoluteJoint {
        &self.joints[id]
    }

    /// The angle of a joint: B's less A's less the reference angle, radians.
    #[must_use]
    pub fn joint_angle(&self, id: JointId) -> f32 {
        let def = &self.joints[id].def;
        self.bodies[def.body_b].angle() - self.bodies[def.body_a].angle() - def.reference_angle
    }

    /// The angular velocity of a joint: B's less A's, rad/s.
    #[must_use]
    pub fn joint_speed(&self, id: JointId) -> f32 {
        let def = &self.joints[id].def;
        self.bodies[def.body_b].angular_velocity() - self.bodies[def.body_a].angular_velocity()
    }

    /// The contacts, touching or not, newest first.
    pub fn contacts(&self) -> impl ExactSizeIterator<Item = &Contact> {
        self.contacts.iter().rev()
    }

    /// Which fixtures began and ceased to touch in the last step and since, in the order in which Box2D would have called its
    /// listener, times of impact included.
    #[must_use]
    pub fn contact_events(&self) -> &[ContactEvent] {
        &self.events
    }
}

impl Scratch {
    fn new(gravity: Vec2) -> Self {
        let step = TimeStep {
            dt: 0.0,
            inv_dt: 0.0,
            dt_ratio: 0.0,
            velocity_iterations: 0,
            position_iterations: 0,
            gravity,
        };
        Self {
            step,
            islands: Vec::new(),
            memberships: Vec::new(),
            island_count: 0,
            stack: Vec::new(),
            impact_island: Island::default(),
            impact_members: Membership::default(),
        }
    }
}
