//! Continuous collision: contacts of a moving and a static body that would pass through each other within a step.
//!
//! After the islands have moved, the earliest time of impact is found, the body is moved back to it, and the rest of the
//! step is solved for that body and what it touches there; and so on until no impact is left. Impacts of two dynamic
//! bodies are not looked for.

use super::World;
use super::islands::Membership;
use crate::ids::BodyId;
use crate::island::TimeStep;
use crate::math::{Rot, min};
use crate::settings::{EPSILON, IMPACT_POSITION_ITERATIONS, MAX_IMPACT_CONTACTS, MAX_SUB_STEPS};
use crate::shapes::Shape;
use crate::time_of_impact::{Way, stay_apart, stays_beside, time_of_impact};

/// Impacts later than this count as not within the step.
const LATEST_IMPACT: f32 = 1.0 - 10.0 * EPSILON;

impl World {
    /// Finds and solves the impacts of this step, earliest first.
    pub(super) fn handle_impacts(&mut self) {
        if self.contacts.is_empty() {
            return;
        }
        for contact in &mut self.contacts {
            contact.in_island = false;
            contact.impact = None;
            contact.impact_count = 0;
        }
        for &id in &self.dynamic {
            self.bodies[id].in_island = false;
        }
        while let Some((at, time)) = self.first_impact() {
            if self.move_to_impact(at, time) {
                self.solve_impact(at, time);
            }
        }
        // Only bodies in contact were advanced, and no contact ends meanwhile: all sweeps start at 0 again.
        for contact in &self.contacts {
            self.bodies[contact.body_a].sweep.start_time = 0.0;
            self.bodies[contact.body_b].sweep.start_time = 0.0;
        }
    }

    /// The contact with the earliest impact, the newest of several, and its time as a part of the step.
    fn first_impact(&mut self) -> Option<(usize, f32)> {
        let (mut first, mut earliest) = (None, 1.0);
        for at in (0..self.contacts.len()).rev() {
            let contact = &self.contacts[at];
            if !contact.enabled || contact.impact_count > MAX_SUB_STEPS {
                continue;
            }
            let known = contact.impact;
            let Some(time) = known.or_else(|| self.find_impact(at)) else { continue };
            self.contacts[at].impact = Some(time);
            if time < earliest {
                (first, earliest) = (Some(at), time);
            }
        }
        first.filter(|_| earliest <= LATEST_IMPACT).map(|at| (at, earliest))
    }

    /// The time of impact of a contact, 1 if there is none; `None` if it is not looked for.
    fn find_impact(&mut self, at: usize) -> Option<f32> {
        let contact = &self.contacts[at];
        let (id_a, id_b) = (contact.body_a, contact.body_b);
        let (fixture_a, fixture_b) = (contact.fixture_a, contact.fixture_b);
        let (body_a, body_b) = (&self.bodies[id_a], &self.bodies[id_b]);
        let active = body_a.is_active() || body_b.is_active();
        let both_dynamic = body_a.is_dynamic() && body_b.is_dynamic();
        if contact.is_sensor || !active || both_dynamic {
            return None;
        }
        let start = self.align_sweeps(id_a, id_b);
        let (shape_a, shape_b) = (&self.fixtures[fixture_a].def.shape, &self.fixtures[fixture_b].def.shape);
        let (body_a, body_b) = (&self.bodies[id_a], &self.bodies[id_b]);
        let (core_a, core_b) = ((shape_a.vertices(), &body_a.sweep), (shape_b.vertices(), &body_b.sweep));
        let way_of = |fixture, sweep| Way::new(self.broad_phase.swept(fixture), sweep);
        let (way_a, way_b) = (way_of(fixture_a, core_a.1), way_of(fixture_b, core_b.1));
        let apart = stay_apart(&way_a, &way_b)
            || match shape_a {
                Shape::Edge(edge) if !body_a.is_dynamic() => {
                    let frames = [body_b.start_frame(), body_b.transform];
                    stays_beside((edge, &body_a.transform), (core_b.0, frames), &way_b)
                }
                _ => false,
            };
        if apart {
            debug_assert_eq!(time_of_impact(core_a, core_b), None);
            return Some(1.0);
        }
        let fraction = time_of_impact(core_a, core_b);
        Some(fraction.map_or(1.0, |fraction| min(start + (1.0 - start) * fraction, 1.0)))
    }

    /// Starts the sweeps of two bodies at the same time, the later of theirs, and returns it.
    fn align_sweeps(&mut self, a: BodyId, b: BodyId) -> f32 {
        let (start_a, start_b) = (self.bodies[a].sweep.start_time, self.bodies[b].sweep.start_time);
        if start_a < start_b {
            self.bodies[a].sweep.advance(start_b);
            start_b
        } else {
            if start_b < start_a {
                self.bodies[b].sweep.advance(start_a);
            }
            start_a
        }
    }

    /// Moves the bodies of a contact to its time of impact. Where they turn out not to touch there, moves them back, and does
    /// not consider the contact again in this step.
    fn move_to_impact(&mut self, at: usize, time: f32) -> bool {
        let ids = [self.contacts[at].body_a, self.contacts[at].body_b];
        let sweeps = ids.map(|id| self.bodies[id].sweep);
        for id in ids {
            self.bodies[id].advance(time);
        }
        self.update_contact(at);
        let contact = &mut self.contacts[at];
        contact.impact = None;
        contact.impact_count += 1;
        if contact.touching {
            return true;
        }
        contact.enabled = false;
        for (id, sweep) in ids.into_iter().zip(sweeps) {
            self.bodies[id].sweep = sweep;
            self.bodies[id].synchronize_transform();
        }
        false
    }

    /// Solves the rest of the step, from `time` on, for the bodies of the contact at the index `at`.
    fn solve_impact(&mut self, at: usize, time: f32) {
        let mut members = std::mem::take(&mut self.scratch.impact_members);
        members.clear();
        let ids = [self.contacts[at].body_a, self.contacts[at].body_b];
        for id in ids {
            self.bodies[id].wake();
            self.add_to_impact(id, &mut members);
        }
        self.contacts[at].in_island = true;
        members.contacts.push(at);
        for id in ids {
            if self.bodies[id].is_dynamic() {
                self.gather_impact(id, time, &mut members);
            }
        }
        self.solve_rest_of_step(&members, time);
        for &id in &members.bodies {
            self.release_from_impact(id);
        }
        self.find_new_contacts();
        self.scratch.impact_members = members;
    }

    fn add_to_impact(&mut self, id: BodyId, members: &mut Membership) {
        let body = &mut self.bodies[id];
        body.in_island = true;
        body.island_index = members.bodies.len();
        members.bodies.push(id);
    }

    /// Adds the contacts of the body `id` with static bodies that touch at `time`, and those bodies.
    fn gather_impact(&mut self, id: BodyId, time: f32, members: &mut Membership) {
        for at in (0..self.contacts.len()).rev() {
            // Box2D also has room for twice as many bodies only, which as few contacts cannot fill.
            let full = members.contacts.len() == MAX_IMPACT_CONTACTS;
            if full {
                return;
            }
            let contact = &self.contacts[at];
            let Some(other) = contact.other(id) else { continue };
            if contact.in_island || contact.is_sensor || self.bodies[other].is_dynamic() {
                continue;
            }
            let sweep = self.bodies[other].sweep;
            if !self.bodies[other].in_island {
                self.bodies[other].advance(time);
            }
            self.update_contact(at);
            let contact = &mut self.contacts[at];
            if !contact.touching {
                self.bodies[other].sweep = sweep;
                self.bodies[other].synchronize_transform();
                continue;
            }
            contact.in_island = true;
            members.contacts.push(at);
            if !self.bodies[other].in_island {
                self.add_to_impact(other, members);
            }
        }
    }

    /// Has the solver advance the members from `time` to the end of the step. Its impulses are not kept: they can be large,
    /// and those of the whole step start the next one.
    fn solve_rest_of_step(&mut self, members: &Membership, time: f32) {
        let step = &self.scratch.step;
        let dt = (1.0 - time) * step.dt;
        let rest = TimeStep {
            dt,
            inv_dt: 1.0 / dt,
            dt_ratio: 1.0,
            position_iterations: IMPACT_POSITION_ITERATIONS,
            ..*step
        };
        let island = &mut self.scratch.impact_island;
        island.clear();
        island.bodies.extend(members.bodies.iter().map(|&id| self.bodies[id].record()));
        island.contacts.extend(members.contacts.iter().map(|&at| {
            let contact = &self.contacts[at];
            contact.record(&self.bodies[contact.body_a], &self.bodies[contact.body_b])
        }));
        // The bodies of the contact that made the impact were added first.
        island.solve_time_of_impact(&rest, 0, 1);
        for (&id, solved) in members.bodies.iter().zip(&island.bodies) {
            self.bodies[id].take_over(solved);
        }
    }

    /// Updates the bounds of a body that was moved, and has its impacts looked for again.
    fn release_from_impact(&mut self, id: BodyId) {
        let body = &mut self.bodies[id];
        body.in_island = false;
        if !body.is_dynamic() {
            return;
        }
        let start_rotation = Rot::from_angle(body.sweep.start_angle);
        self.update_bounds(id, start_rotation, None);
        for contact in &mut self.contacts {
            if contact.other(id).is_some() {
                contact.impact = None;
                contact.in_island = false;
            }
        }
    }
}
