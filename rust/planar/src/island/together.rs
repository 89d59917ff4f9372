//! Stepping many worlds together.

use super::lanes::{Effort, Islands, LaneSolver};
use super::{Island, TimeStep};
use crate::world::World;
use lane_math::Isa;
use std::cell::RefCell;

thread_local! {
    // Between steps nothing is kept in it but its memory, which all groups of worlds of a thread share: so it is allocated
    // once, and stays in the processor's cache.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    solver: LaneSolver,
    /// Where each island is: the index of its world, and its own among the world's.
    places: Vec<(usize, usize)>,
}

impl AsMut<World> for World {
    fn as_mut(&mut self) -> &mut World {
        self
    }
}

/// Advances all worlds by `dt` seconds: the same as [`World::step`] of each, to the last bit, in a fraction of the time.
///
/// Most of a step goes into the iterations over velocities and positions, and those of up to sixteen islands (of the same or of
/// different worlds) run side by side in SIMD lanes. The islands should be alike, as those of copies of one world are: the same bodies that
/// move, joined in the same way. Contacts with static bodies may differ. More worlds are better; from 32 on the gain is
/// small.
pub fn step_together<W: AsMut<World>>(
    isa: Isa,
    worlds: &mut [W],
    dt: f32,
    velocity_iterations: u32,
    position_iterations: u32,
) {
    MEMORY.with_borrow_mut(|memory| {
        memory.places.clear();
        for (index, world) in worlds.iter_mut().enumerate() {
            let world = world.as_mut();
            world.begin_step(dt, velocity_iterations, position_iterations);
            let (step, islands) = world.islands_to_solve();
            for (number, island) in islands.iter_mut().enumerate() {
                island.begin(step);
                memory.places.push((index, number));
            }
        }
        let Memory { solver, places } = memory;
        let effort = Effort { dt, velocity_iterations, position_iterations };
        solver.solve(isa, &mut IslandsOfWorlds { worlds, places }, 0..places.len(), &effort);
        for world in worlds {
            world.as_mut().finish_step();
        }
    });
}

/// The islands that the worlds have to solve, numbered through.
struct IslandsOfWorlds<'a, W> {
    worlds: &'a mut [W],
    places: &'a [(usize, usize)],
}

impl<W: AsMut<World>> Islands for IslandsOfWorlds<'_, W> {
    fn island(&mut self, number: usize) -> &mut Island {
        let (world, island) = self.places[number];
        let (_, islands): (&TimeStep, _) = self.worlds[world].as_mut().islands_to_solve();
        &mut islands[island]
    }
}
