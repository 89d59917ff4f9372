//! Position iterations of many islands at once, in lanes that islands leave as soon as their errors are small.
//!
//! Most islands need one or two iterations, some need all that they may have. So a lane does not wait for its neighbours: an
//! island that is done is copied back, and the next one takes its lane. While there are enough islands two packs of lanes are
//! iterated alternately, each during the other's waits.

mod body;
mod contact;
mod joint;
mod pack;

use super::Islands;
use super::signature::{Signature, Topology};
use crate::real::{Eight, Real, Row};
use lane_math::lanes::Simd;
use lane_math::{Isa, Kernel, LibmLanes32};
use pack::Pack;

/// Coordinates and angles below this are far from overflowing in anything that the solver computes from them.
const MAX_PLACE: f32 = 1e9;
/// The least one over a mass, 1/kg, with which impulses are far from it: a correction moves a body by 0.2 m at most.
const MIN_INV_MASS: f32 = 1e-9;
/// Islands in a pack: one in each lane.
const LANES: usize = Eight::LANES;
/// Packs that are iterated alternately.
const PACKS: usize = 2;

/// Corrects the positions of many islands. It is working memory: nothing is kept from one call to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct PositionSolver {
    packs: Vec<Pack>,
}

impl PositionSolver {
    /// Corrects islands of one topology, which have moved on, by at least one iteration. Those with most contacts, the last
    /// ones, begin.
    pub(super) fn correct(
        &mut self,
        isa: Isa,
        islands: &mut impl Islands,
        alike: &[(Signature, usize)],
        iterations: u32,
    ) {
        let libm = LibmLanes32::detect(isa);
        let topology = &alike[0].0.topology;
        let mut waiting = alike.iter().rev().map(|&(_, number)| number);
        self.packs.resize_with(PACKS, Pack::default);
        let packs = &mut self.packs[..alike.len().div_ceil(LANES).min(PACKS)];
        for pack in &mut *packs {
            pack.clear();
            (0..LANES).for_each(|lane| fill(pack, lane, islands, &mut waiting, iterations));
        }
        loop {
            draw_together(packs, islands);
            if packs.iter().all(|pack| pack.busy == 0) {
                return;
            }
            isa.run(PositionIterations { packs: &mut *packs, topology, libm });
            for pack in &mut *packs {
                let (done, solved) = (pack.done, pack.solved);
                for lane in (0..LANES).filter(|lane| done >> lane & 1 != 0) {
                    let island = islands.island(pack.numbers[lane]);
                    match pack.store(lane, island) {
                        Ok(()) => island.end(solved >> lane & 1 != 0),
                        Err(granted) => island.correct_positions(granted),
                    }
                    fill(pack, lane, islands, &mut waiting, iterations);
                }
            }
        }
    }
}

/// Fills a lane with the next island that can be solved in lanes; those before it are solved alone.
fn fill(
    pack: &mut Pack,
    lane: usize,
    islands: &mut impl Islands,
    waiting: &mut impl Iterator<Item = usize>,
    iterations: u32,
) {
    pack.release(lane);
    for number in waiting {
        let island = islands.island(number);
        if Pack::takes(island) {
            return pack.set(lane, number, island, iterations);
        }
        island.correct_positions(iterations);
    }
}

/// Moves the islands of the last pack to free lanes of the first, if there are enough of them.
fn draw_together(packs: &mut [Pack], islands: &mut impl Islands) {
    let [first, last] = packs else { return };
    if last.busy == 0 || (first.busy.count_ones() + last.busy.count_ones()) as usize > LANES {
        return;
    }
    let busy = std::mem::take(&mut last.busy);
    for from in (0..LANES).filter(|lane| busy >> lane & 1 != 0) {
        let (number, left) = (last.numbers[from], last.left(from));
        let island = islands.island(number);
        match last.store(from, island) {
            Ok(()) => first.set(first.busy.trailing_ones() as usize, number, island, left),
            Err(granted) => island.correct_positions(granted),
        }
    }
}

/// The kernel: iterations of packs of one topology, until an island is done.
struct PositionIterations<'a> {
    packs: &'a mut [Pack],
    topology: &'a Topology,
    libm: LibmLanes32,
}

impl Kernel for PositionIterations<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { packs, topology, libm } = self;
        let mut slots = 0;
        for pack in &*packs {
            slots = slots.max(pack.slots());
        }
        let mut is_done = false;
        while !is_done {
            let mut deepest = [Real::<S::F32>::zero(); PACKS];
            for slot in 0..slots {
                for (pack, deepest) in packs.iter_mut().zip(&mut deepest) {
                    if pack.busy != 0 && slot < pack.slots() {
                        *deepest = pack.solve_contact::<S>(slot, libm, *deepest);
                    }
                }
            }
            for (pack, deepest) in packs.iter_mut().zip(&deepest) {
                pack.judge_contacts::<S>(*deepest);
            }
            for (index, &bodies) in topology.joints().iter().enumerate() {
                for pack in &mut *packs {
                    if pack.busy != 0 {
                        pack.solve_joint::<S>(index, bodies, libm);
                    }
                }
            }
            for pack in &mut *packs {
                is_done |= pack.end_iteration::<S>(libm);
            }
        }
    }
}
