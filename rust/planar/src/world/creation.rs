//! Creating and destroying the parts of a world.

use super::World;
use crate::body::{Body, BodyDef};
use crate::contact::ContactEvent;
use crate::fixture::{Fixture, FixtureDef};
use crate::ids::{BodyId, FixtureId, JointId};
use crate::joint::{RevoluteJoint, RevoluteJointDef};
use crate::math::Vec2;

impl World {
    /// Creates a body without fixtures. A dynamic one weighs 1 kg until it has a fixture with density.
    pub fn create_body(&mut self, def: &BodyDef) -> BodyId {
        let body = Body::new(def);
        let id = self.bodies.insert(body);
        if body.is_dynamic() {
            self.dynamic.push(id);
        }
        id
    }

    /// Fixes a shape to a body. Contacts with it begin in the next step.
    ///
    /// Edges do not collide with edges.
    pub fn create_fixture(&mut self, body: BodyId, def: &FixtureDef) -> FixtureId {
        let older = self.bodies[body].newest_fixture;
        let id = self.fixtures.insert(Fixture { body, def: *def, older });
        let owner = &self.bodies[body];
        self.broad_phase.insert(id, &def.shape.bounds(&owner.transform), owner.is_dynamic());
        self.bodies[body].newest_fixture = Some(id);
        if def.density > 0.0 {
            self.weigh(body);
        }
        self.new_fixtures = true;
        id
    }

    /// Joins two bodies. They do not collide with each other as long as the joint lasts.
    ///
    /// # Panics
    ///
    /// If both bodies are the same.
    pub fn create_revolute_joint(&mut self, def: &RevoluteJointDef) -> JointId {
        assert!(def.body_a != def.body_b, "a joint needs two bodies, got {:?} twice", def.body_a);
        let id = self.joints.insert(RevoluteJoint::new(def));
        self.joint_order.push(id);
        for contact in &mut self.contacts {
            contact.needs_filtering |= contact.other(def.body_a) == Some(def.body_b);
        }
        id
    }

    /// Destroys a body with its joints, contacts and fixtures. Contacts that touched give events, which
    /// [`World::contact_events`] shows until the next step. The next body, fixtures and joints take over the ids.
    pub fn destroy_body(&mut self, body: BodyId) {
        for at in (0..self.joint_order.len()).rev() {
            let joint = self.joint_order[at];
            if let Some(other) = self.joints[joint].other(body) {
                self.joint_order.remove(at);
                self.joints.remove(joint);
                self.bodies[body].wake();
                self.bodies[other].wake();
            }
        }
        for at in (0..self.contacts.len()).rev() {
            if self.contacts[at].other(body).is_some() {
                self.destroy_contact(at);
            }
        }
        let mut next = self.bodies[body].newest_fixture;
        while let Some(fixture) = next {
            next = self.fixtures[fixture].older;
            self.broad_phase.remove(fixture);
            self.fixtures.remove(fixture);
        }
        self.dynamic.retain(|&other| other != body);
        self.bodies.remove(body);
    }

    /// Ends the contact at the index `at`: an event if it touched, and its bodies wake if it had points.
    pub(super) fn destroy_contact(&mut self, at: usize) {
        let contact = self.contacts.remove(at);
        if contact.touching {
            let (fixture_a, fixture_b) = (contact.fixture_a, contact.fixture_b);
            self.events.push(ContactEvent { touching: false, fixture_a, fixture_b });
        }
        if contact.manifold.point_count > 0 && !contact.is_sensor {
            self.bodies[contact.body_a].wake();
            self.bodies[contact.body_b].wake();
        }
    }

    /// Sets mass, centre of mass and inertia of a body from its fixtures, newest first.
    fn weigh(&mut self, id: BodyId) {
        let body = &self.bodies[id];
        if !body.is_dynamic() {
            return;
        }
        let (mut mass, mut center, mut inertia) = (0.0_f32, Vec2::ZERO, 0.0_f32);
        let mut next = body.newest_fixture;
        while let Some(fixture) = next {
            let Fixture { def, older, .. } = &self.fixtures[fixture];
            next = *older;
            if def.density == 0.0 {
                continue;
            }
            let part = def.shape.mass(def.density);
            mass += part.mass;
            center += part.mass * part.center;
            inertia += part.inertia;
        }
        self.bodies[id].set_mass(mass, center, inertia);
    }
}

impl Body {
    /// Sets the mass, from its sum over the fixtures, the sum of the centres times the masses, and that of the inertias about
    /// the origin.
    fn set_mass(&mut self, mass: f32, weighted_center: Vec2, inertia: f32) {
        let mut local_center = weighted_center;
        if mass > 0.0 {
            (self.mass, self.inv_mass) = (mass, 1.0 / mass);
            local_center *= self.inv_mass;
        } else {
            (self.mass, self.inv_mass) = (1.0, 1.0);
        }
        if inertia > 0.0 {
            self.inertia = inertia - self.mass * local_center.dot(local_center);
            assert!(self.inertia > 0.0, "a body's inertia must be positive, got {}", self.inertia);
            self.inv_inertia = 1.0 / self.inertia;
        } else {
            (self.inertia, self.inv_inertia) = (0.0, 0.0);
        }
        let old_center = self.sweep.center;
        let center = self.transform.apply(local_center);
        self.sweep.local_center = local_center;
        self.sweep.start_center = center;
        self.sweep.center = center;
        self.velocity += (center - old_center).turned_anticlockwise(self.angular_velocity);
    }
}
