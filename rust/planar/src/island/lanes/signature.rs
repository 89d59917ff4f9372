//! Which islands can be solved side by side, and which do so best.

use super::pack::moving_index;
use super::{MAX_BODIES, MAX_CONTACTS, MAX_JOINTS};
use crate::island::contact::ContactConstraint;
use crate::island::joint::JointConstraint;
use crate::island::{Island, LimitState, MAX_SPEED};

/// What islands must share to be solved in the lanes of one pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Topology {
    joint_count: u8,
    /// The bodies of each joint, counted among those that move.
    joints: [(u8, u8); MAX_JOINTS],
    body_count: u8,
}

impl Topology {
    /// The bodies of each joint.
    #[inline(always)]
    pub(super) fn joints(&self) -> &[(u8, u8)] {
        &self.joints[..usize::from(self.joint_count)]
    }
}

/// An island's topology and what else makes it like others: islands that are neighbours when sorted take the same branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Signature {
    pub(super) topology: Topology,
    contact_count: u8,
    /// A bit for each joint whose limit acts.
    limits: u8,
    /// A bit for each contact with two points.
    two_points: u8,
    /// Three bits for each contact: the body that it moves.
    contact_bodies: u32,
}

impl Signature {
    /// The signature of an island that has begun its step; `None` if it must be solved alone.
    pub(super) fn of(island: &Island) -> Option<Self> {
        let workspace = &island.workspace;
        let (joints, contacts) = (&workspace.joints, &workspace.contacts);
        let body_count = island.bodies.iter().filter(|body| body.is_dynamic).count();
        let fits = body_count <= MAX_BODIES && joints.len() <= MAX_JOINTS && contacts.len() <= MAX_CONTACTS;
        let fits = fits
            && has_ordinary_velocities(island)
            && joints.iter().all(|joint| is_ordinary_joint(island, joint))
            && contacts.iter().all(|contact| is_ordinary_contact(island, contact));
        if !fits {
            return None;
        }
        let mut topology =
            Topology { joint_count: joints.len() as u8, body_count: body_count as u8, ..Topology::default() };
        let mut limits = 0;
        for (index, joint) in joints.iter().enumerate() {
            topology.joints[index] =
                (moving_index(island, joint.pair.a) as u8, moving_index(island, joint.pair.b) as u8);
            limits |= u8::from(joint.limit_state != LimitState::Inactive) << index;
        }
        let (mut two_points, mut contact_bodies) = (0, 0);
        for (index, contact) in contacts.iter().enumerate() {
            two_points |= u8::from(contact.point_count == 2) << index;
            contact_bodies |= (moving_index(island, contact.pair.b) as u32) << (3 * index);
        }
        Some(Self { topology, contact_count: contacts.len() as u8, limits, two_points, contact_bodies })
    }

    /// How many contacts the island has.
    pub(super) fn contact_count(&self) -> usize {
        usize::from(self.contact_count)
    }
}

/// Velocities of ordinary size, and +0 of static bodies: lanes leave those alone, as all finite impulses do.
fn has_ordinary_velocities(island: &Island) -> bool {
    island.bodies.iter().zip(&island.workspace.velocities).all(|(body, velocity)| {
        let components = [velocity.linear.x, velocity.linear.y, velocity.angular];
        components.iter().all(|component| {
            if body.is_dynamic { component.abs() < MAX_SPEED } else { component.to_bits() == 0 }
        })
    })
}

/// A motor that runs, between two bodies that move, with a limit that leaves some freedom.
fn is_ordinary_joint(island: &Island, joint: &JointConstraint) -> bool {
    let has_limit_impulse = joint.impulse[2].to_bits() != 0;
    island.bodies[joint.pair.a].is_dynamic
        && island.bodies[joint.pair.b].is_dynamic
        && joint.motor_runs
        && match joint.limit_state {
            LimitState::AtLower | LimitState::AtUpper => true,
            LimitState::Inactive => !has_limit_impulse,
            LimitState::Equal => false,
        }
}

/// A static body A and a body B that moves.
fn is_ordinary_contact(island: &Island, contact: &ContactConstraint) -> bool {
    !island.bodies[contact.pair.a].is_dynamic && island.bodies[contact.pair.b].is_dynamic
}
