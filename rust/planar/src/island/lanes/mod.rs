//! Iterations of many islands at once, side by side in SIMD lanes, with the bits of the scalar solver: those of the
//! velocities here, those of the positions in [`positions`].
//!
//! The velocity iterations take most of the time of a step, and each is one long chain of dependent operations.
//! The islands of a pack, eight or, with AVX-512, sixteen, share every instruction of that chain, and the chains of several
//! packs are independent, so that the processor works on one while the other waits. Every lane does the operations of the
//! scalar solver in its order; where islands take different branches, lanes compute both and select.
//!
//! Islands that are solved together have the same joints between the same bodies; their contacts may differ. Those whose
//! case is rare are left to the scalar solver: see [`signature`].

mod contact;
mod contact_impulses;
mod joint;
mod pack;
mod positions;
mod signature;

use super::Island;
use crate::real::{Eight, Row, Sixteen};
use lane_math::lanes::{F32Lanes, Simd};
use lane_math::{Isa, Kernel};
use pack::{Pack, VelocityLanes};
use positions::PositionSolver;
use signature::{Signature, Topology};

/// The most bodies that move in an island that is solved in lanes: a car has five.
const MAX_BODIES: usize = 5;
/// The most joints.
const MAX_JOINTS: usize = 4;
/// The most contacts.
const MAX_CONTACTS: usize = 8;
/// How many packs are iterated alternately. A pack alone waits for its own results: 0.82 us for each of its islands, of two
/// joints without contacts, on a Zen 5 core at 3.9 GHz. With two packs it is 0.46 us, with three or more 0.37.
const PACKS: usize = 4;

/// Islands that are known by number.
pub(super) trait Islands {
    /// The island of a number.
    fn island(&mut self, number: usize) -> &mut Island;
}

/// How far islands advance, and how hard the solver tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Duration, seconds.
    pub dt: f32,
    /// Sweeps over the velocities.
    pub velocity_iterations: u32,
    /// The most sweeps over the positions.
    pub position_iterations: u32,
}

/// Solves many islands. It is working memory: nothing is kept from one call to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct LaneSolver {
    order: Vec<(Signature, usize)>,
    packs: Vec<Pack<Eight>>,
    wide_packs: Vec<Pack<Sixteen>>,
    positions: PositionSolver,
}

impl LaneSolver {
    /// Solves the islands with the given numbers, all of which have begun their step, to its end.
    pub(super) fn solve(
        &mut self,
        isa: Isa,
        islands: &mut impl Islands,
        numbers: std::ops::Range<usize>,
        effort: &Effort,
    ) {
        let Self { order, packs, wide_packs, positions } = self;
        let (iterations, position_iterations) = (effort.velocity_iterations, effort.position_iterations);
        order.clear();
        for number in numbers {
            let island = islands.island(number);
            match Signature::of(island) {
                Some(signature) => order.push((signature, number)),
                None => {
                    island.iterate_velocities(iterations);
                    island.move_on(effort.dt);
                    island.correct_positions(position_iterations);
                }
            }
        }
        order.sort_unstable();
        for alike in order.chunk_by(|a, b| a.0.topology == b.0.topology) {
            if isa.most_float32_lanes() == Sixteen::LANES && alike.len() > Eight::LANES {
                iterate(isa, wide_packs, alike, islands, iterations);
            } else {
                iterate(isa, packs, alike, islands, iterations);
            }
            for &(_, number) in alike {
                islands.island(number).move_on(effort.dt);
            }
            if position_iterations > 0 {
                positions.correct(isa, islands, alike, position_iterations);
            } else {
                alike.iter().for_each(|&(_, number)| islands.island(number).end(false));
            }
        }
    }
}

/// The velocity iterations of islands of one topology, in packs of one width.
fn iterate<R: Row>(
    isa: Isa,
    packs: &mut Vec<Pack<R>>,
    alike: &[(Signature, usize)],
    islands: &mut impl Islands,
    iterations: u32,
) {
    for batch in alike.chunks(R::LANES * PACKS) {
        fill(packs, batch, islands);
        isa.run(VelocityIterations { packs: &mut *packs, topology: &batch[0].0.topology, iterations });
        write_back(packs, batch, islands, iterations);
    }
}

/// Copies a batch of islands into packs.
fn fill<R: Row>(packs: &mut Vec<Pack<R>>, batch: &[(Signature, usize)], islands: &mut impl Islands) {
    packs.resize_with(batch.len().div_ceil(R::LANES), Pack::default);
    for (pack, chosen) in packs.iter_mut().zip(batch.chunks(R::LANES)) {
        pack.begin(chosen.iter().map(|(signature, _)| signature.contact_count()).max().unwrap_or(0));
        for lane in 0..R::LANES {
            // Lanes without an island of their own repeat the last one.
            let (_, number) = chosen[lane.min(chosen.len() - 1)];
            pack.set(lane, islands.island(number));
        }
        pack.summarise();
    }
}

/// Copies the packs' results to the islands.
fn write_back<R: Row>(
    packs: &[Pack<R>],
    batch: &[(Signature, usize)],
    islands: &mut impl Islands,
    iterations: u32,
) {
    for (pack, chosen) in packs.iter().zip(batch.chunks(R::LANES)) {
        for (lane, &(_, number)) in chosen.iter().enumerate() {
            let island = islands.island(number);
            if pack.is_ordinary(lane) {
                pack.store(lane, island);
            } else {
                // The island still is as it was before the iterations.
                island.iterate_velocities(iterations);
            }
        }
    }
}

/// The kernel: all iterations of some packs of the same topology.
struct VelocityIterations<'a, R> {
    packs: &'a mut [Pack<R>],
    topology: &'a Topology,
    iterations: u32,
}

impl<R: Row> Kernel for VelocityIterations<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        if R::LANES == S::F32::LANES {
            self.in_lanes::<S::F32>();
        } else {
            // Packs are as wide as the instruction set's registers, or narrower.
            assert!(R::LANES == S::Wide::LANES, "no register has a lane for each island of a pack");
            self.in_lanes::<S::Wide>();
        }
    }
}

impl<R: Row> VelocityIterations<'_, R> {
    #[inline(always)]
    fn in_lanes<V: F32Lanes>(self) {
        let slots = self.packs.iter().map(|pack| pack.contact_count).max().unwrap_or(0);
        for _ in 0..self.iterations {
            for (index, &bodies) in self.topology.joints().iter().enumerate() {
                for pack in &mut *self.packs {
                    pack.solve_joint::<V>(index, bodies);
                }
            }
            for slot in 0..slots {
                for pack in &mut *self.packs {
                    pack.solve_contact::<V>(slot);
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod random_islands;
#[cfg(test)]
mod tests;
