//! A step and its phases.

use super::World;
use crate::ids::BodyId;
use crate::island::{Island, TimeStep};
use crate::math::{Rot, Transform, Vec2};

impl World {
    /// Advances the world by `dt` seconds, with `velocity_iterations` sweeps of the solver over the velocities and at most
    /// `position_iterations` over the positions.
    pub fn step(&mut self, dt: f32, velocity_iterations: u32, position_iterations: u32) {
        self.begin_step(dt, velocity_iterations, position_iterations);
        self.solve_islands();
        self.finish_step();
    }

    /// The first phase of [`World::step`]: updates the contacts and gathers the islands that are to be solved. Until
    /// [`World::finish_step`], nothing else may be done to the world.
    pub fn begin_step(&mut self, dt: f32, velocity_iterations: u32, position_iterations: u32) {
        self.events.clear();
        if self.new_fixtures {
            self.find_new_contacts();
            self.new_fixtures = false;
        }
        self.scratch.step = TimeStep {
            dt,
            inv_dt: if dt > 0.0 { 1.0 / dt } else { 0.0 },
            dt_ratio: self.previous_inv_dt * dt,
            velocity_iterations,
            position_iterations,
            gravity: self.gravity,
        };
        self.update_contacts();
        if dt > 0.0 {
            self.gather_islands();
        }
    }

    /// The second phase: solves the islands, one after the other.
    pub fn solve_islands(&mut self) {
        let (step, islands) = self.islands_to_solve();
        for island in islands {
            island.solve(step);
        }
    }

    /// The third phase: moves the bodies, finds the pairs that may touch next, and handles the times of impact.
    pub fn finish_step(&mut self) {
        let TimeStep { dt, inv_dt, .. } = self.scratch.step;
        if dt > 0.0 {
            self.move_bodies();
            self.find_new_contacts();
            self.handle_impacts();
            self.previous_inv_dt = inv_dt;
        }
        for &id in &self.dynamic {
            let body = &mut self.bodies[id];
            body.force = Vec2::ZERO;
            body.torque = 0.0;
        }
    }

    /// The islands that [`World::begin_step`] gathered. They are independent of each other.
    pub(crate) fn islands_to_solve(&mut self) -> (&TimeStep, &mut [Island]) {
        let scratch = &mut self.scratch;
        (&scratch.step, &mut scratch.islands[..scratch.island_count])
    }

    /// Tells the broad phase that a body moved, from the start of its sweep, where its rotation was `start_rotation`. If the
    /// body's frame there was `before`, where its fixtures were is known.
    pub(super) fn update_bounds(&mut self, id: BodyId, start_rotation: Rot, before: Option<&Transform>) {
        let body = &mut self.bodies[id];
        body.remember_start(start_rotation);
        let start = body.start_frame();
        let is_known = before == Some(&start);
        let end = body.transform;
        let displacement = end.position - start.position;
        let mut next = body.newest_fixture;
        while let Some(fixture) = next {
            let shape = &self.fixtures[fixture].def.shape;
            let from = if is_known { *self.broad_phase.here(fixture) } else { shape.bounds(&start) };
            self.broad_phase.update(fixture, [&from, &shape.bounds(&end)], displacement);
            next = self.fixtures[fixture].older;
        }
    }
}
