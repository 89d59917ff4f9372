//! Contacts: found by the broad phase, updated in each step, ended where the fattened bounds part.

use super::World;
use crate::collide::{edge_and_polygon, overlap, polygons};
use crate::contact::{Contact, ContactEvent};
use crate::ids::{BodyId, FixtureId};
use crate::manifold::Manifold;
use crate::shapes::Shape;

impl World {
    /// Updates the contacts of bodies that are awake, newest first, and ends those that may no longer exist.
    pub(super) fn update_contacts(&mut self) {
        for at in (0..self.contacts.len()).rev() {
            let contact = &self.contacts[at];
            let (fixture_a, fixture_b) = (contact.fixture_a, contact.fixture_b);
            let (body_a, body_b) = (contact.body_a, contact.body_b);
            if contact.needs_filtering {
                if !self.may_touch(fixture_a, fixture_b) {
                    self.destroy_contact(at);
                    continue;
                }
                self.contacts[at].needs_filtering = false;
            }
            if !self.bodies[body_a].is_active() && !self.bodies[body_b].is_active() {
                continue;
            }
            if !self.broad_phase.overlaps(fixture_a, fixture_b) {
                self.destroy_contact(at);
            } else if self.broad_phase.are_clear(fixture_a, fixture_b) {
                self.contacts[at].enabled = true;
                self.renew_contact(at, false, None);
            } else {
                self.update_contact(at);
            }
        }
    }

    /// Determines where, or whether, the fixtures of the contact at the index `at` touch, and wakes the bodies if that begins
    /// or ends, unless one is a sensor.
    pub(super) fn update_contact(&mut self, at: usize) {
        let contact = &mut self.contacts[at];
        let (shape_a, shape_b) =
            (&self.fixtures[contact.fixture_a].def.shape, &self.fixtures[contact.fixture_b].def.shape);
        let frame_a = &self.bodies[contact.body_a].transform;
        let frame_b = &self.bodies[contact.body_b].transform;

        contact.enabled = true;
        if contact.is_sensor {
            let touching = overlap(shape_a, frame_a, shape_b, frame_b);
            return self.renew_contact(at, touching, None);
        }
        let manifold = match (shape_a, shape_b) {
            (Shape::Edge(edge), Shape::Polygon(polygon)) => edge_and_polygon(edge, frame_a, polygon, frame_b),
            (Shape::Polygon(a), Shape::Polygon(b)) => polygons((a, frame_a), (b, frame_b)),
            // No other pair gets a contact.
            _ => None,
        };
        self.renew_contact(at, manifold.is_some(), manifold);
    }

    /// Notes whether, and where, the fixtures of the contact at the index `at` touch now.
    fn renew_contact(&mut self, at: usize, touching: bool, manifold: Option<Manifold>) {
        let contact = &mut self.contacts[at];
        if !touching && !contact.touching {
            return;
        }
        contact.renew_manifold(manifold.unwrap_or_default());
        if touching != contact.touching {
            contact.touching = touching;
            let (fixture_a, fixture_b) = (contact.fixture_a, contact.fixture_b);
            if !contact.is_sensor {
                self.bodies[contact.body_a].wake();
                self.bodies[contact.body_b].wake();
            }
            self.events.push(ContactEvent { touching, fixture_a, fixture_b });
        }
    }

    /// Creates the contacts of fixtures whose fattened bounds have come to overlap.
    pub(super) fn find_new_contacts(&mut self) {
        for index in 0..self.broad_phase.find_pairs() {
            let (a, b) = self.broad_phase.pair(index);
            let known = self.contacts.iter().any(|contact| contact.joins(a, b));
            if !known && self.may_touch(a, b) {
                self.create_contact(a, b);
            }
        }
    }

    /// Whether two fixtures may touch: not if they are of one body, of static bodies or of joined bodies, and only if the
    /// filters let them.
    fn may_touch(&self, a: FixtureId, b: FixtureId) -> bool {
        let (fixture_a, fixture_b) = (&self.fixtures[a], &self.fixtures[b]);
        fixture_a.body != fixture_b.body
            && self.may_collide(fixture_a.body, fixture_b.body)
            && fixture_a.def.filter.accepts(fixture_b.def.filter)
    }

    fn may_collide(&self, a: BodyId, b: BodyId) -> bool {
        let joined = || self.joint_order.iter().any(|&joint| self.joints[joint].other(a) == Some(b));
        (self.bodies[a].is_dynamic() || self.bodies[b].is_dynamic()) && !joined()
    }

    /// Creates the contact of two fixtures. An edge comes before a polygon; two edges never touch.
    fn create_contact(&mut self, a: FixtureId, b: FixtureId) {
        let is_polygon = |id| matches!(self.fixtures[id].def.shape, Shape::Polygon(_));
        let (a, b) = match (is_polygon(a), is_polygon(b)) {
            (false, false) => return,
            (true, false) => (b, a),
            _ => (a, b),
        };
        let contact = Contact::new((a, &self.fixtures[a]), (b, &self.fixtures[b]));
        if !contact.is_sensor {
            self.bodies[contact.body_a].wake();
            self.bodies[contact.body_b].wake();
        }
        self.contacts.push(contact);
    }
}
