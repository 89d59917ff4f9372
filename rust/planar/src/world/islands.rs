//! Islands: which bodies act on each other in a step.
//!
//! A depth-first search from each moving body, along contacts that touch and along joints; static bodies end it, and may be
//! in several islands. The order in which bodies, contacts and joints are found is the order in which they are solved.

use super::World;
use crate::body::Body;
use crate::contact::Contact;
use crate::ids::{BodyId, JointId};
use crate::island::{Island, IslandBody, IslandContact, IslandJoint};
use crate::joint::RevoluteJoint;
use crate::math::{Transform, min};
use crate::settings::{POLYGON_RADIUS, SLEEP_ANGULAR_SPEED, SLEEP_SPEED, TIME_TO_SLEEP};

/// What an island is made of, in the order of its records.
#[derive(Clone, Debug, Default)]
pub(super) struct Membership {
    pub(super) bodies: Vec<BodyId>,
    /// Indices of the world's contacts.
    pub(super) contacts: Vec<usize>,
    pub(super) joints: Vec<JointId>,
}

impl Membership {
    pub(super) fn clear(&mut self) {
        self.bodies.clear();
        self.contacts.clear();
        self.joints.clear();
    }
}

impl World {
    /// Gathers the islands of all bodies that are awake. All of them are gathered before the first is solved: no island
    /// changes what another one reads, for they share static bodies only.
    pub(super) fn gather_islands(&mut self) {
        for &id in &self.dynamic {
            self.bodies[id].in_island = false;
        }
        for contact in &mut self.contacts {
            contact.in_island = false;
        }
        for &joint in &self.joint_order {
            self.joints[joint].in_island = false;
        }
        self.scratch.island_count = 0;
        for at in (0..self.dynamic.len()).rev() {
            let seed = self.dynamic[at];
            let body = &self.bodies[seed];
            if body.awake && !body.in_island {
                self.gather_island(seed);
            }
        }
    }

    /// Gathers the island of the body `seed`.
    fn gather_island(&mut self, seed: BodyId) {
        let scratch = &mut self.scratch;
        let index = scratch.island_count;
        if index == scratch.islands.len() {
            scratch.islands.push(Island::default());
            scratch.memberships.push(Membership::default());
        }
        scratch.island_count += 1;
        let mut members = std::mem::take(&mut scratch.memberships[index]);
        members.clear();

        self.bodies[seed].in_island = true;
        self.scratch.stack.clear();
        self.scratch.stack.push(seed);
        while let Some(id) = self.scratch.stack.pop() {
            let body = &mut self.bodies[id];
            body.island_index = members.bodies.len();
            members.bodies.push(id);
            body.wake();
            if body.is_dynamic() {
                self.visit_contacts(id, &mut members);
                self.visit_joints(id, &mut members);
            }
        }
        self.fill_island(index, &members);
        self.scratch.memberships[index] = members;
    }

    /// Adds the contacts of a body that touch, newest first, and puts the bodies they lead to on the stack.
    fn visit_contacts(&mut self, id: BodyId, members: &mut Membership) {
        for (at, contact) in self.contacts.iter_mut().enumerate().rev() {
            let Some(other) = contact.other(id) else { continue };
            if contact.in_island || !contact.enabled || !contact.touching || contact.is_sensor {
                continue;
            }
            contact.in_island = true;
            members.contacts.push(at);
            let other_body = &mut self.bodies[other];
            if !other_body.in_island {
                other_body.in_island = true;
                self.scratch.stack.push(other);
            }
        }
    }

    /// Adds the joints of a body, newest first, and puts the bodies they lead to on the stack.
    fn visit_joints(&mut self, id: BodyId, members: &mut Membership) {
        for &joint_id in self.joint_order.iter().rev() {
            let joint = &mut self.joints[joint_id];
            let Some(other) = joint.other(id) else { continue };
            if joint.in_island {
                continue;
            }
            joint.in_island = true;
            members.joints.push(joint_id);
            let other_body = &mut self.bodies[other];
            if !other_body.in_island {
                other_body.in_island = true;
                self.scratch.stack.push(other);
            }
        }
    }

    /// Copies the members' state into the solver's records, and lets static bodies into other islands.
    fn fill_island(&mut self, index: usize, members: &Membership) {
        let island = &mut self.scratch.islands[index];
        island.clear();
        island.bodies.extend(members.bodies.iter().map(|&id| self.bodies[id].record()));
        island.contacts.extend(members.contacts.iter().map(|&at| {
            let contact = &self.contacts[at];
            contact.record(&self.bodies[contact.body_a], &self.bodies[contact.body_b])
        }));
        island.joints.extend(members.joints.iter().map(|&id| {
            let joint = &self.joints[id];
            joint.record(&self.bodies[joint.def.body_a], &self.bodies[joint.def.body_b])
        }));
        for &id in &members.bodies {
            let body = &mut self.bodies[id];
            body.in_island &= body.is_dynamic();
        }
    }

    /// Copies the solved islands back, puts those to sleep that have been still, and updates the bounds of what moved.
    pub(super) fn move_bodies(&mut self) {
        for index in 0..self.scratch.island_count {
            let island = std::mem::take(&mut self.scratch.islands[index]);
            let members = std::mem::take(&mut self.scratch.memberships[index]);
            self.move_island(&island, &members);
            self.scratch.islands[index] = island;
            self.scratch.memberships[index] = members;
        }
        self.scratch.island_count = 0;
    }

    fn move_island(&mut self, island: &Island, members: &Membership) {
        for (&at, solved) in members.contacts.iter().zip(&island.contacts) {
            self.contacts[at].manifold.points = solved.manifold.points;
        }
        for (&id, solved) in members.joints.iter().zip(&island.joints) {
            self.joints[id].take_over(solved);
        }
        for (&id, solved) in members.bodies.iter().zip(&island.bodies) {
            let body = &mut self.bodies[id];
            let before = body.transform;
            body.take_over(solved);
            if body.is_dynamic() {
                self.update_bounds(id, before.rotation, Some(&before));
            }
        }
        self.rest(&members.bodies, island.positions_solved);
    }

    /// Counts for how long the bodies of an island have been still, and puts all of them to sleep if that is long enough.
    fn rest(&mut self, bodies: &[BodyId], positions_solved: bool) {
        let mut least_time = f32::MAX;
        for &id in bodies {
            let body = &mut self.bodies[id];
            // An island that was solved before may have put a static body to sleep.
            body.wake();
            if !body.is_dynamic() {
                continue;
            }
            let moves = body.angular_velocity * body.angular_velocity
                > SLEEP_ANGULAR_SPEED * SLEEP_ANGULAR_SPEED
                || body.velocity.dot(body.velocity) > SLEEP_SPEED * SLEEP_SPEED;
            if moves {
                body.sleep_time = 0.0;
                least_time = 0.0;
            } else {
                body.sleep_time += self.scratch.step.dt;
                least_time = min(least_time, body.sleep_time);
            }
        }
        if least_time >= TIME_TO_SLEEP && positions_solved {
            for &id in bodies {
                self.bodies[id].sleep();
            }
        }
    }
}

impl Body {
    /// What the solver needs to know.
    #[inline]
    pub(super) fn record(&self) -> IslandBody {
        IslandBody {
            center: self.sweep.center,
            angle: self.sweep.angle,
            rotation: self.transform.rotation,
            start_center: self.sweep.start_center,
            start_angle: self.sweep.start_angle,
            velocity: self.velocity,
            angular_velocity: self.angular_velocity,
            inv_mass: self.inv_mass,
            inv_inertia: self.inv_inertia,
            local_center: self.sweep.local_center,
            force: self.force,
            torque: self.torque,
            linear_damping: self.linear_damping,
            angular_damping: self.angular_damping,
            gravity_scale: self.gravity_scale,
            is_dynamic: self.is_dynamic(),
        }
    }

    /// Moves to where the solver says.
    #[inline]
    pub(super) fn take_over(&mut self, solved: &IslandBody) {
        self.sweep.start_center = solved.start_center;
        self.sweep.start_angle = solved.start_angle;
        self.sweep.center = solved.center;
        self.sweep.angle = solved.angle;
        self.velocity = solved.velocity;
        self.angular_velocity = solved.angular_velocity;
        self.transform = Transform::of_center(self.sweep.center, solved.rotation, self.sweep.local_center);
    }
}

impl Contact {
    /// What the solver needs to know of a contact between bodies of the island.
    pub(super) fn record(&self, body_a: &Body, body_b: &Body) -> IslandContact {
        IslandContact {
            body_a: body_a.island_index,
            body_b: body_b.island_index,
            friction: self.friction,
            restitution: self.restitution,
            radius_a: POLYGON_RADIUS,
            radius_b: POLYGON_RADIUS,
            manifold: self.manifold,
        }
    }
}

impl RevoluteJoint {
    /// What the solver needs to know of a joint between bodies of the island.
    fn record(&self, body_a: &Body, body_b: &Body) -> IslandJoint {
        IslandJoint {
            body_a: body_a.island_index,
            body_b: body_b.island_index,
            local_anchor_a: self.def.local_anchor_a,
            local_anchor_b: self.def.local_anchor_b,
            reference_angle: self.def.reference_angle,
            lower: self.def.lower_angle,
            upper: self.def.upper_angle,
            max_motor_torque: self.def.max_motor_torque,
            motor_speed: self.def.motor_speed,
            limit_enabled: self.def.enable_limit,
            motor_enabled: self.def.enable_motor,
            impulse: self.impulse,
            motor_impulse: self.motor_impulse,
            limit_state: self.limit_state,
        }
    }

    /// Remembers what the solver found, for the next step.
    fn take_over(&mut self, solved: &IslandJoint) {
        self.impulse = solved.impulse;
        self.motor_impulse = solved.motor_impulse;
        self.limit_state = solved.limit_state;
    }
}
