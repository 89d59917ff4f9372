//! A pack: poses, joints and contacts of eight islands, each in a lane, which come and go by themselves.

use super::body::PoseLanes;
use super::contact::{self, ContactLanes};
use super::joint::JointLanes;
use super::{LANES, MAX_PLACE};
use crate::island::Island;
use crate::island::lanes::pack::moving_index;
use crate::island::lanes::{MAX_BODIES, MAX_CONTACTS, MAX_JOINTS};
use crate::real::Real;
use crate::settings::LINEAR_SLOP;
use lane_math::LibmLanes32;
use lane_math::lanes::{Mask, Simd};

/// What the position iterations of eight islands need.
#[derive(Clone, Debug, Default)]
pub(super) struct Pack {
    /// Of the bodies that move.
    bodies: [PoseLanes; MAX_BODIES],
    joints: [JointLanes; MAX_JOINTS],
    contacts: [ContactLanes; MAX_CONTACTS],
    body_count: usize,
    /// Of the island that each lane had last.
    contact_counts: [usize; LANES],
    /// The number of each lane's island.
    pub(super) numbers: [usize; LANES],
    /// Iterations that each lane may still have, and with how many it was set.
    left: [u32; LANES],
    granted: [u32; LANES],
    /// Bits of the lanes that have an island; of those whose errors are below the slop; of those that are done.
    pub(super) busy: u32,
    pub(super) solved: u32,
    pub(super) done: u32,
}

impl Pack {
    /// Starts anew, with empty lanes.
    pub(super) fn clear(&mut self) {
        (self.busy, self.solved, self.done) = (0, 0, 0);
    }

    /// Whether an island can be solved in lanes: see [`contact::is_ordinary`].
    pub(super) fn takes(island: &Island) -> bool {
        island.contacts.iter().all(|contact| contact::is_ordinary(island, contact))
    }

    /// Fills a lane with an island, for so many iterations.
    pub(super) fn set(&mut self, lane: usize, number: usize, island: &mut Island, iterations: u32) {
        let bit = 1 << lane;
        self.busy |= bit;
        (self.solved, self.done) = (self.solved & !bit, self.done & !bit);
        self.numbers[lane] = number;
        (self.left[lane], self.granted[lane]) = (iterations, iterations);
        self.body_count = 0;
        for (body, pose) in island.bodies.iter().zip(&island.workspace.poses) {
            if body.is_dynamic {
                self.bodies[self.body_count].set(lane, pose);
                self.body_count += 1;
            }
        }
        for (lanes, joint) in self.joints.iter_mut().zip(&island.joints) {
            lanes.set(lane, island, joint);
        }
        let count = island.contacts.len();
        for (index, lanes) in self.contacts.iter_mut().enumerate().take(count.max(self.contact_counts[lane]))
        {
            let contact = island.contacts.get(index).copied();
            let contact = contact.map(|contact| (contact, moving_index(island, contact.body_b)));
            lanes.set(lane, island, contact);
        }
        self.contact_counts[lane] = count;
    }

    /// Empties a lane.
    pub(super) fn release(&mut self, lane: usize) {
        self.busy &= !(1 << lane);
    }

    /// Copies a lane's poses to its island. If they have grown too great for lanes to follow the scalar solver bit by bit, the
    /// island stays as it was when the lane was set; then the iterations that it was set with are returned.
    pub(super) fn store(&self, lane: usize, island: &mut Island) -> Result<(), u32> {
        let components =
            |body: &PoseLanes| [body.center.x.0[lane], body.center.y.0[lane], body.angle.0[lane]];
        let bodies = &self.bodies[..self.body_count];
        if !bodies.iter().flat_map(components).all(|value| value.abs() < MAX_PLACE) {
            return Err(self.granted[lane]);
        }
        let moving =
            island.bodies.iter().zip(&mut island.workspace.poses).filter(|(body, _)| body.is_dynamic);
        for ((_, pose), lanes) in moving.zip(bodies) {
            lanes.store(lane, pose);
        }
        Ok(())
    }

    /// Iterations that a lane may still have.
    pub(super) fn left(&self, lane: usize) -> u32 {
        self.left[lane]
    }

    /// The most contacts that an island of the pack has.
    #[inline(always)]
    pub(super) fn slots(&self) -> usize {
        let mut slots = 0;
        for lane in 0..LANES {
            if self.busy >> lane & 1 != 0 {
                slots = slots.max(self.contact_counts[lane]);
            }
        }
        slots
    }

    /// One iteration of a contact.
    #[inline(always)]
    pub(super) fn solve_contact<S: Simd>(
        &mut self,
        slot: usize,
        libm: LibmLanes32,
        deepest: Real<S::F32>,
    ) -> Real<S::F32> {
        self.contacts[slot].separate::<S>(&mut self.bodies, libm, deepest)
    }

    /// After the contacts of an iteration: which lanes they leave as they should be.
    #[inline(always)]
    pub(super) fn judge_contacts<S: Simd>(&mut self, deepest: Real<S::F32>) {
        self.solved = Real::splat(-3.0 * LINEAR_SLOP).is_at_most(deepest).bits();
    }

    /// One iteration of a joint.
    #[inline(always)]
    pub(super) fn solve_joint<S: Simd>(&mut self, index: usize, bodies: (u8, u8), libm: LibmLanes32) {
        let bodies = (usize::from(bodies.0), usize::from(bodies.1));
        self.solved &= self.joints[index].solve_position::<S>(&mut self.bodies, bodies, libm);
    }

    /// Counts an iteration; whether some lane is done. Then all rotations are up to date.
    #[inline(always)]
    pub(super) fn end_iteration<S: Simd>(&mut self, libm: LibmLanes32) -> bool {
        let mut over = 0;
        for lane in 0..LANES {
            self.left[lane] = self.left[lane].saturating_sub(1);
            over |= u32::from(self.left[lane] == 0) << lane;
        }
        self.done = self.busy & (self.solved | over);
        if self.done != 0 {
            for body in &mut self.bodies[..self.body_count] {
                body.refresh::<S>(libm);
            }
        }
        self.done != 0
    }
}
