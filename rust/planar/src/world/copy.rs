//! Copying worlds, into memory that is already there.

use super::{Scratch, World};

impl Clone for World {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.gravity);
        copy.clone_from(self);
        copy
    }

    /// Makes this world equal to `source` without allocating, once it has held as much: the way to begin an episode anew
    /// from a prototype.
    fn clone_from(&mut self, source: &Self) {
        let Self {
            gravity,
            bodies,
            dynamic,
            fixtures,
            joints,
            joint_order,
            contacts,
            broad_phase,
            new_fixtures,
            previous_inv_dt,
            events,
            scratch,
        } = self;
        *gravity = source.gravity;
        bodies.clone_from(&source.bodies);
        dynamic.clone_from(&source.dynamic);
        fixtures.clone_from(&source.fixtures);
        joints.clone_from(&source.joints);
        joint_order.clone_from(&source.joint_order);
        contacts.clone_from(&source.contacts);
        broad_phase.clone_from(&source.broad_phase);
        *new_fixtures = source.new_fixtures;
        *previous_inv_dt = source.previous_inv_dt;
        events.clone_from(&source.events);
        scratch.clone_from(&source.scratch);
    }
}

impl Scratch {
    /// Copies what a step that has begun needs to be finished: nothing, between steps.
    fn clone_from(&mut self, source: &Self) {
        let count = source.island_count;
        self.step = source.step;
        self.island_count = count;
        if count > 0 {
            self.islands.splice(..count.min(self.islands.len()), source.islands[..count].iter().cloned());
            self.memberships
                .splice(..count.min(self.memberships.len()), source.memberships[..count].iter().cloned());
        }
    }
}
