//! A pack: islands, value by value side by side.

use super::contact::ContactLanes;
use super::joint::JointLanes;
use super::{MAX_BODIES, MAX_CONTACTS, MAX_JOINTS};
use crate::island::motion::Velocity;
use crate::island::{Island, MAX_SPEED};
use crate::real::{Row, Vectors};
use lane_math::lanes::F32Lanes;

/// Velocities of a body in the islands of a pack.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct VelocityLanes<R> {
    pub linear: Vectors<R>,
    pub angular: R,
}

/// What the velocity iterations of its islands need.
#[derive(Clone, Debug, Default)]
pub(super) struct Pack<R> {
    /// Of the bodies that move.
    velocities: [VelocityLanes<R>; MAX_BODIES],
    joints: [JointLanes<R>; MAX_JOINTS],
    contacts: [ContactLanes<R>; MAX_CONTACTS],
    body_count: usize,
    joint_count: usize,
    /// The most contacts that an island of the pack has.
    pub(super) contact_count: usize,
}

impl<R: Row> Pack<R> {
    /// Starts anew, for islands with at most `contact_count` contacts.
    pub(super) fn begin(&mut self, contact_count: usize) {
        self.contact_count = contact_count;
    }

    /// Fills a lane with an island.
    pub(super) fn set(&mut self, lane: usize, island: &Island) {
        let workspace = &island.workspace;
        self.body_count = 0;
        for velocity in moving(island, &workspace.velocities) {
            let lanes = &mut self.velocities[self.body_count];
            lanes.linear.set(lane, velocity.linear);
            lanes.angular[lane] = velocity.angular;
            self.body_count += 1;
        }
        self.joint_count = workspace.joints.len();
        for (lanes, joint) in self.joints.iter_mut().zip(&workspace.joints) {
            lanes.set(lane, joint);
        }
        for (index, lanes) in self.contacts[..self.contact_count].iter_mut().enumerate() {
            let contact = workspace.contacts.get(index);
            lanes.set(lane, contact.map(|contact| (contact, moving_index(island, contact.pair.b))));
        }
    }

    /// Notes, once all lanes are set, what holds for all of them.
    pub(super) fn summarise(&mut self) {
        for joint in &mut self.joints[..self.joint_count] {
            joint.summarise();
        }
        for contact in &mut self.contacts[..self.contact_count] {
            contact.summarise();
        }
    }

    /// Whether the velocities of a lane are numbers of ordinary size. An impulse that overflowed, or was not a number, has
    /// left one behind that is not, and lanes do not follow the scalar solver bit by bit through such.
    pub(super) fn is_ordinary(&self, lane: usize) -> bool {
        self.velocities[..self.body_count].iter().all(|velocity| {
            let components = [&velocity.linear.x, &velocity.linear.y, &velocity.angular];
            components.iter().all(|component| component[lane].abs() < MAX_SPEED)
        })
    }

    /// Copies a lane's results to its island.
    pub(super) fn store(&self, lane: usize, island: &mut Island) {
        let workspace = &mut island.workspace;
        let moving = workspace.velocities.iter_mut().zip(&island.bodies).filter(|(_, body)| body.is_dynamic);
        for ((velocity, _), lanes) in moving.zip(&self.velocities) {
            velocity.linear.x = lanes.linear.x[lane];
            velocity.linear.y = lanes.linear.y[lane];
            velocity.angular = lanes.angular[lane];
        }
        for (joint, lanes) in workspace.joints.iter_mut().zip(&self.joints) {
            lanes.store(lane, joint);
        }
        for (contact, lanes) in workspace.contacts.iter_mut().zip(&self.contacts) {
            lanes.store(lane, contact);
        }
    }

    /// One velocity iteration of a joint.
    #[inline(always)]
    pub(super) fn solve_joint<V: F32Lanes>(&mut self, index: usize, bodies: (u8, u8)) {
        let (a, b) = (usize::from(bodies.0), usize::from(bodies.1));
        self.joints[index].solve_velocity::<V>(&mut self.velocities, (a, b));
    }

    /// One velocity iteration of a contact, if some island of the pack has so many.
    #[inline(always)]
    pub(super) fn solve_contact<V: F32Lanes>(&mut self, slot: usize) {
        if slot < self.contact_count {
            self.contacts[slot].solve_velocity::<V>(&mut self.velocities);
        }
    }
}

/// The velocities of the bodies that move.
fn moving<'a>(island: &'a Island, velocities: &'a [Velocity]) -> impl Iterator<Item = &'a Velocity> {
    velocities.iter().zip(&island.bodies).filter(|(_, body)| body.is_dynamic).map(|(velocity, _)| velocity)
}

/// A body's index among those that move, of an island that has begun its step.
pub(super) fn moving_index(island: &Island, body: usize) -> usize {
    island.workspace.moving_indices[body]
}
