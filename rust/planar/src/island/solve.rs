//! The phases of solving an island, in Box2D's order.

use super::contact::ContactConstraint;
use super::joint::{self, JointConstraint};
use super::motion::{Pose, Velocity};
use super::{Island, IslandBody, TimeStep, contact_position};
use crate::math::{Vec2, abs, clamp};
use crate::settings::{MAX_ROTATION, MAX_TRANSLATION};

/// The longest period that is noticed when iterations repeat themselves.
const LONGEST_PERIOD: u32 = 4;

/// Working memory of the solver: what the velocity and position iterations change, and their prepared constraints.
#[derive(Clone, Debug, Default)]
pub(super) struct Workspace {
    pub velocities: Vec<Velocity>,
    pub poses: Vec<Pose>,
    /// Of each body, how many before it move: its index among those.
    pub moving_indices: Vec<usize>,
    pub contacts: Vec<ContactConstraint>,
    pub joints: Vec<JointConstraint>,
    /// Velocities and contact impulses before some iteration, to see whether they come back.
    velocities_before: Vec<Velocity>,
    impulses_before: Vec<[f32; 4]>,
}

impl Island {
    /// Advances the island by a whole step: forces, impulses, motion, then the correction of position errors.
    pub(crate) fn solve(&mut self, step: &TimeStep) {
        self.begin(step);
        self.iterate_velocities(step.velocity_iterations);
        self.move_on(step.dt);
        self.correct_positions(step.position_iterations);
    }

    /// The first part of [`Island::solve`]: up to the velocity iterations, which may then be done in lanes.
    pub(super) fn begin(&mut self, step: &TimeStep) {
        self.integrate_forces(step);
        self.prepare(step);
    }

    /// The second part: each iteration solves joints first, so that contacts have the last word.
    pub(super) fn iterate_velocities(&mut self, iterations: u32) {
        let Workspace { velocities, joints, contacts, .. } = &mut self.workspace;
        for _ in 0..iterations {
            for joint in &mut *joints {
                joint.solve_velocity(velocities);
            }
            for contact in &mut *contacts {
                contact.solve_velocity(velocities);
            }
        }
    }

    /// The third part: stores the impulses, and moves the bodies by their velocities.
    pub(super) fn move_on(&mut self, dt: f32) {
        self.store_impulses();
        self.integrate_velocities(dt);
    }

    /// The fourth part, which may be done in lanes: takes away the position errors that velocities have left.
    pub(super) fn correct_positions(&mut self, iterations: u32) {
        let solved = self.solve_positions(iterations);
        self.end(solved);
    }

    /// Ends the step, after the position iterations.
    pub(super) fn end(&mut self, positions_solved: bool) {
        self.positions_solved = positions_solved;
        self.store_motion();
    }

    /// Advances the island by the rest of a step after an impact of bodies `toi_a` and `toi_b`. Joints do not take part,
    /// and impulses are neither taken from the contacts nor stored in them: at an impact they can be large.
    pub(crate) fn solve_time_of_impact(&mut self, sub_step: &TimeStep, toi_a: usize, toi_b: usize) {
        self.read_motion();
        let workspace = &mut self.workspace;
        for _ in 0..sub_step.position_iterations {
            let hit = [toi_a, toi_b];
            if contact_position::solve_impact(&self.contacts, &self.bodies, &mut workspace.poses, hit) {
                break;
            }
        }
        for hit in [toi_a, toi_b] {
            self.bodies[hit].start_center = workspace.poses[hit].center;
            self.bodies[hit].start_angle = workspace.poses[hit].angle;
        }
        workspace.joints.clear();
        workspace.contacts.clear();
        for contact in &self.contacts {
            let Workspace { velocities, poses, contacts, .. } = workspace;
            contacts.push(ContactConstraint::new(contact, &self.bodies, poses, velocities, None));
        }
        workspace.solve_contacts(sub_step.velocity_iterations);
        self.integrate_velocities(sub_step.dt);
        self.store_motion();
    }

    /// Fills the workspace with the bodies' motion as it is.
    fn read_motion(&mut self) {
        let Workspace { velocities, poses, moving_indices, .. } = &mut self.workspace;
        velocities.clear();
        poses.clear();
        moving_indices.clear();
        let mut moving = 0;
        moving_indices.extend(self.bodies.iter().map(|body| {
            let index = moving;
            moving += usize::from(body.is_dynamic);
            index
        }));
        velocities.extend(
            self.bodies.iter().map(|body| Velocity { linear: body.velocity, angular: body.angular_velocity }),
        );
        poses.extend(self.bodies.iter().map(Pose::of));
    }

    /// Fills the workspace with the bodies' motion after forces and damping have acted for a step.
    fn integrate_forces(&mut self, step: &TimeStep) {
        for body in &mut self.bodies {
            (body.start_center, body.start_angle) = (body.center, body.angle);
        }
        self.read_motion();
        for (body, velocity) in self.bodies.iter().zip(&mut self.workspace.velocities) {
            if body.is_dynamic {
                accelerate(body, velocity, step);
            }
        }
    }

    /// Prepares the constraints and applies the impulses of the step before: first those of all contacts, then of joints.
    fn prepare(&mut self, step: &TimeStep) {
        let Workspace { velocities, poses, contacts, joints, .. } = &mut self.workspace;
        contacts.clear();
        for contact in &self.contacts {
            contacts.push(ContactConstraint::new(
                contact,
                &self.bodies,
                poses,
                velocities,
                Some(step.dt_ratio),
            ));
        }
        for contact in &*contacts {
            contact.warm_start(velocities);
        }
        joints.clear();
        for joint in &self.joints {
            joints.push(JointConstraint::warm_started(joint, &self.bodies, poses, velocities, step));
        }
    }

    fn store_impulses(&mut self) {
        for (contact, solved) in self.contacts.iter_mut().zip(&self.workspace.contacts) {
            solved.store(&mut contact.manifold);
        }
        for (joint, solved) in self.joints.iter_mut().zip(&self.workspace.joints) {
            solved.store(joint);
        }
    }

    fn integrate_velocities(&mut self, dt: f32) {
        for (velocity, pose) in self.workspace.velocities.iter_mut().zip(&mut self.workspace.poses) {
            limit_speed(velocity, dt);
            pose.center += dt * velocity.linear;
            pose.angle += dt * velocity.angular;
        }
    }

    /// Corrects positions until they are good enough; whether they became so.
    fn solve_positions(&mut self, iterations: u32) -> bool {
        let poses = &mut self.workspace.poses;
        for _ in 0..iterations {
            let mut solved = contact_position::solve(&self.contacts, &self.bodies, poses);
            for joint in &self.joints {
                solved &= joint::solve_position(joint, &self.bodies, poses);
            }
            if solved {
                return true;
            }
        }
        false
    }

    fn store_motion(&mut self) {
        let Workspace { velocities, poses, .. } = &mut self.workspace;
        for ((body, velocity), pose) in self.bodies.iter_mut().zip(velocities).zip(poses) {
            (body.velocity, body.angular_velocity) = (velocity.linear, velocity.angular);
            (body.center, body.angle, body.rotation) = (pose.center, pose.angle, pose.rotation());
        }
    }
}

impl Workspace {
    /// Velocity iterations of contacts alone. They often come to rest long before the last one, or go round in the last bits
    /// of some value (one impact in ten, mostly with a period of two): from a state that was there before they only repeat
    /// what came after it.
    fn solve_contacts(&mut self, iterations: u32) {
        let (mut left, mut since) = (iterations, 0);
        while left > 0 {
            if since == 0 {
                self.remember();
            }
            for contact in &mut self.contacts {
                contact.solve_velocity(&mut self.velocities);
            }
            left -= 1;
            since += 1;
            if self.is_as_remembered() {
                left %= since;
                since = 0;
            } else if since == LONGEST_PERIOD {
                since = 0;
            }
        }
    }

    fn remember(&mut self) {
        self.velocities_before.clone_from(&self.velocities);
        self.impulses_before.clear();
        self.impulses_before.extend(self.contacts.iter().map(ContactConstraint::impulses));
    }

    fn is_as_remembered(&self) -> bool {
        let velocity_bits =
            |velocity: &Velocity| [velocity.linear.x, velocity.linear.y, velocity.angular].map(f32::to_bits);
        self.velocities.iter().map(velocity_bits).eq(self.velocities_before.iter().map(velocity_bits))
            && self
                .contacts
                .iter()
                .map(|contact| contact.impulses().map(f32::to_bits))
                .eq(self.impulses_before.iter().map(|before| before.map(f32::to_bits)))
    }
}

/// Forces, gravity and damping for one step.
fn accelerate(body: &IslandBody, velocity: &mut Velocity, step: &TimeStep) {
    velocity.linear += step.dt * (body.gravity_scale * step.gravity + body.inv_mass * body.force);
    velocity.angular += step.dt * body.inv_inertia * body.torque;
    // The first two terms of exp(-damping dt).
    velocity.linear *= clamp(1.0 - step.dt * body.linear_damping, 0.0, 1.0);
    velocity.angular *= clamp(1.0 - step.dt * body.angular_damping, 0.0, 1.0);
}

/// Scales a velocity down to the most that a body may move or turn in a step.
fn limit_speed(velocity: &mut Velocity, dt: f32) {
    let translation: Vec2 = dt * velocity.linear;
    if translation.length_squared() > MAX_TRANSLATION * MAX_TRANSLATION {
        velocity.linear *= MAX_TRANSLATION / translation.length();
    }
    let rotation = dt * velocity.angular;
    if rotation * rotation > MAX_ROTATION * MAX_ROTATION {
        velocity.angular *= MAX_ROTATION / abs(rotation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::island::lanes::random_islands::{Grain, islands, time_step};
    use proptest::prelude::*;

    fn bits(workspace: &Workspace) -> Vec<u32> {
        let velocities = workspace.velocities.iter();
        let of_bodies =
            velocities.flat_map(|velocity| [velocity.linear.x, velocity.linear.y, velocity.angular]);
        let of_contacts = workspace.contacts.iter().flat_map(ContactConstraint::impulses);
        of_bodies.chain(of_contacts).map(f32::to_bits).collect()
    }

    fn compare(mut islands: Vec<Island>, step: &TimeStep, iterations: u32) -> Result<(), TestCaseError> {
        for island in &mut islands {
            island.begin(step);
            let mut plain = island.workspace.clone();
            for _ in 0..iterations {
                for contact in &mut plain.contacts {
                    contact.solve_velocity(&mut plain.velocities);
                }
            }
            island.workspace.solve_contacts(iterations);
            prop_assert_eq!(bits(&island.workspace), bits(&plain));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn contacts_alone_end_as_after_all_iterations(
            step in time_step(Grain::Fine),
            islands in islands(Grain::Fine),
            iterations in 0_u32..200,
        ) {
            compare(islands, &step, iterations)?;
        }

        #[test]
        fn the_signs_of_zeros_count(
            step in time_step(Grain::Coarse),
            islands in islands(Grain::Coarse),
            iterations in 0_u32..200,
        ) {
            compare(islands, &step, iterations)?;
        }
    }
}
