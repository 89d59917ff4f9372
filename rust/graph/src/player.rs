//! Graphs at work: lanes of one individual side by side.

use crate::activate::Registers;
use crate::number::{Float32, Float64};
use crate::program::{Arithmetic, InputNumbers, Program};
use lane_math::lanes::Simd;
use lane_math::{Isa, Kernel, LibmLanes, memory};

/// Working memory for groups of lanes, and what recurrent graphs remember in each lane.
pub struct Player<'a> {
    programs: &'a [Program],
    arithmetic: Arithmetic,
    isa: Isa,
    libm: LibmLanes,
    registers: Registers,
    /// `(lanes, remembered)`: values of the step before.
    memory: Vec<f64>,
    /// Whether they are NumPy scalars.
    memory_kinds: Vec<bool>,
    /// The same of the step that was computed last, until it counts.
    next: Vec<f64>,
    next_kinds: Vec<bool>,
    remembered: usize,
    /// The individuals of the lanes when they were last ordered.
    individuals: Vec<usize>,
    /// Lanes, those of an individual together.
    order: Vec<u32>,
}

impl<'a> Player<'a> {
    /// A player of these individuals, in at most `lanes` lanes.
    #[must_use]
    pub fn new(programs: &'a [Program], arithmetic: Arithmetic, lanes: usize) -> Self {
        let slots = programs.iter().map(|program| program.slots).max().unwrap_or(0);
        let remembered = programs.iter().map(Program::n_remembered).max().unwrap_or(0);
        let links =
            programs.iter().flat_map(|program| &program.nodes).map(|node| node.links.1 - node.links.0);
        Self {
            programs,
            arithmetic,
            isa: Isa::detect(),
            libm: LibmLanes::detect(Isa::detect()),
            registers: Registers::new(slots, links.max().unwrap_or(0) as usize),
            memory: memory::filled(0.0, lanes.saturating_mul(remembered)),
            memory_kinds: memory::filled(false, lanes.saturating_mul(remembered)),
            next: memory::filled(0.0, lanes.saturating_mul(remembered)),
            next_kinds: memory::filled(false, lanes.saturating_mul(remembered)),
            remembered,
            individuals: Vec::with_capacity(lanes),
            order: Vec::with_capacity(lanes),
        }
    }

    /// The same on a given instruction set. The bits are the same on all of them.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { isa, libm: LibmLanes::detect(isa), ..self }
    }

    /// An episode begins in `lane`: nothing is remembered there.
    pub fn reset(&mut self, lane: usize) {
        let own = lane * self.remembered..(lane + 1) * self.remembered;
        self.memory[own.clone()].fill(0.0);
        self.memory_kinds[own].fill(false);
    }

    /// What is remembered in lane `from` goes on in lane `to`.
    pub fn move_lane(&mut self, from: usize, to: usize) {
        let n = self.remembered;
        self.memory.copy_within(from * n..(from + 1) * n, to * n);
        self.memory_kinds.copy_within(from * n..(from + 1) * n, to * n);
    }

    /// What is remembered in lane `from` of another player of the same individuals goes on in lane `to` of this one.
    pub fn take_lane(&mut self, to: usize, other: &Self, from: usize) {
        let n = self.remembered;
        let (ours, theirs) = (to * n..(to + 1) * n, from * n..(from + 1) * n);
        self.memory[ours.clone()].copy_from_slice(&other.memory[theirs.clone()]);
        self.memory_kinds[ours].copy_from_slice(&other.memory_kinds[theirs]);
    }

    /// The step that was computed last has been made: the next one remembers it. Without this [`Self::activate`] computes the
    /// same step again.
    pub fn advance(&mut self) {
        std::mem::swap(&mut self.memory, &mut self.next);
        std::mem::swap(&mut self.memory_kinds, &mut self.next_kinds);
    }

    /// What the graphs give: `(lanes, outputs)` for observations `(lanes, inputs)`, where lane i plays the individual
    /// `individuals[i]`. Where Python raises an error all outputs of the lane are NaN. Nothing is allocated.
    ///
    /// # Panics
    ///
    /// If a length is not as above, or there is no such individual.
    pub fn activate(&mut self, individuals: &[usize], observations: &[f32], outputs: &mut [f64]) {
        if self.individuals != individuals {
            self.bring_in_order(individuals);
        }
        match self.arithmetic.inputs {
            InputNumbers::Uint8 => self.run::<Float64>(observations, outputs),
            InputNumbers::Float32 | InputNumbers::Python => self.run::<Float32>(observations, outputs),
        }
    }

    fn run<P: crate::number::Precision>(&mut self, observations: &[f32], outputs: &mut [f64]) {
        let isa = self.isa;
        isa.run(Activate::<P> { player: self, observations, outputs, precision: std::marker::PhantomData });
    }

    fn bring_in_order(&mut self, individuals: &[usize]) {
        self.individuals.clear();
        self.individuals.extend_from_slice(individuals);
        if self.order.len() != individuals.len() {
            self.order.clear();
            self.order.extend(0..individuals.len() as u32);
        }
        // By insertion: from one step to the next few lanes change.
        for place in 1..self.order.len() {
            let lane = self.order[place];
            let individual = individuals[lane as usize];
            let mut to = place;
            while to > 0 && individuals[self.order[to - 1] as usize] > individual {
                self.order[to] = self.order[to - 1];
                to -= 1;
            }
            self.order[to] = lane;
        }
    }
}

struct Activate<'p, 'a, P> {
    player: &'p mut Player<'a>,
    observations: &'p [f32],
    outputs: &'p mut [f64],
    precision: std::marker::PhantomData<P>,
}

impl<P: crate::number::Precision> Kernel for Activate<'_, '_, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Player {
            programs,
            arithmetic,
            libm,
            registers,
            memory,
            memory_kinds,
            next,
            next_kinds,
            remembered,
            individuals,
            order,
            ..
        } = self.player;
        let mut rest: &[u32] = order;
        while let Some(&first) = rest.first() {
            let individual = individuals[first as usize];
            let most = rest.len().min(8);
            let mut n = 1;
            while n < most && individuals[rest[n] as usize] == individual {
                n += 1;
            }
            let (lanes, others) = rest.split_at(n);
            rest = others;
            let program = &programs[individual];
            let mut state = crate::activate::State {
                memory: &memory[..],
                kinds: &memory_kinds[..],
                next: &mut next[..],
                next_kinds: &mut next_kinds[..],
                stride: *remembered,
            };
            let batch = crate::activate::Batch {
                program,
                summation: arithmetic.summation,
                libm: *libm,
                lanes,
                observations: self.observations,
            };
            match n {
                1 => batch.run::<S, P, 1>(registers, &mut state, self.outputs),
                2..=4 => batch.run::<S, P, 4>(registers, &mut state, self.outputs),
                _ => batch.run::<S, P, 8>(registers, &mut state, self.outputs),
            }
        }
    }
}
