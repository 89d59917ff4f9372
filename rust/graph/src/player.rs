//! Graphs at work: lanes of one individual side by side.

use crate::activate::Registers;
use crate::number::{Float32, Float64};
use crate::program::{Arithmetic, InputNumbers, Program};
use lane_math::lanes::Simd;
use lane_math::{Isa, Kernel, LibmLanes, memory};

/// Working memory for groups of lanes, the individual of each lane, and what recurrent graphs remember there.
pub struct Player<'a> {
    arithmetic: Arithmetic,
    isa: Isa,
    libm: LibmLanes,
    registers: Registers,
    /// Who plays in each lane; nobody at first.
    programs: Vec<Option<&'a Program>>,
    /// `(lanes, remembered)`: values of the step before.
    memory: Vec<f64>,
    /// Whether they are NumPy scalars.
    memory_kinds: Vec<bool>,
    /// The same of the step that was computed last, until it counts.
    next: Vec<f64>,
    next_kinds: Vec<bool>,
    /// As many as any individual that has played so far remembers.
    remembered: usize,
    /// Lanes, those of an individual together.
    order: Vec<u32>,
    is_ordered: bool,
}

impl<'a> Player<'a> {
    /// A player with `lanes` lanes, in which nobody plays yet.
    #[must_use]
    pub fn new(arithmetic: Arithmetic, lanes: usize) -> Self {
        Self {
            arithmetic,
            isa: Isa::detect(),
            libm: LibmLanes::detect(Isa::detect()),
            registers: Registers::default(),
            programs: memory::filled(None, lanes),
            memory: Vec::new(),
            memory_kinds: Vec::new(),
            next: Vec::new(),
            next_kinds: Vec::new(),
            remembered: 0,
            order: Vec::with_capacity(lanes),
            is_ordered: false,
        }
    }

    /// The same on a given instruction set. The bits are the same on all of them.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { isa, libm: LibmLanes::detect(isa), ..self }
    }

    /// An episode of an individual begins in `lane`: nothing is remembered there.
    pub fn start(&mut self, lane: usize, program: &'a Program) {
        self.registers.make_room_for(program);
        self.remember(program.n_remembered());
        self.set_program(lane, Some(program));
        let own = lane * self.remembered..(lane + 1) * self.remembered;
        self.memory[own.clone()].fill(0.0);
        self.memory_kinds[own].fill(false);
    }

    /// The episode in lane `from` goes on in lane `to`.
    pub fn move_lane(&mut self, from: usize, to: usize) {
        let n = self.remembered;
        self.memory.copy_within(from * n..(from + 1) * n, to * n);
        self.memory_kinds.copy_within(from * n..(from + 1) * n, to * n);
        self.set_program(to, self.programs[from]);
    }

    /// The episode in lane `from` of another player goes on in lane `to` of this one.
    pub fn take_lane(&mut self, to: usize, other: &Self, from: usize) {
        if let Some(program) = other.programs[from] {
            self.start(to, program);
            // The players may have room for different numbers.
            let n = program.n_remembered();
            let (ours, theirs) = (to * self.remembered, from * other.remembered);
            self.memory[ours..ours + n].copy_from_slice(&other.memory[theirs..theirs + n]);
            self.memory_kinds[ours..ours + n].copy_from_slice(&other.memory_kinds[theirs..theirs + n]);
        }
    }

    /// The step that was computed last has been made: the next one remembers it. Without this [`Self::activate`] computes the
    /// same step again.
    pub fn advance(&mut self) {
        std::mem::swap(&mut self.memory, &mut self.next);
        std::mem::swap(&mut self.memory_kinds, &mut self.next_kinds);
    }

    /// What the graphs of the first `lanes` lanes give: `(lanes, outputs)` for observations `(lanes, inputs)`. Where Python
    /// raises an error all outputs of the lane are NaN. Nothing is allocated.
    ///
    /// # Panics
    ///
    /// If a length is not as above, or no episode has begun in a lane.
    pub fn activate(&mut self, lanes: usize, observations: &[f32], outputs: &mut [f64]) {
        if !self.is_ordered || self.order.len() != lanes {
            self.bring_in_order(lanes);
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

    fn set_program(&mut self, lane: usize, program: Option<&'a Program>) {
        let is_same = self.programs[lane].map(address) == program.map(address);
        self.programs[lane] = program;
        self.is_ordered &= is_same;
    }

    /// Room in each lane for so many numbers.
    fn remember(&mut self, n: usize) {
        let had = self.remembered;
        if n <= had {
            return;
        }
        let lanes = self.programs.len();
        for numbers in [&mut self.memory, &mut self.next] {
            *numbers = widened(numbers, lanes, had, n);
        }
        for kinds in [&mut self.memory_kinds, &mut self.next_kinds] {
            *kinds = widened(kinds, lanes, had, n);
        }
        self.remembered = n;
    }

    fn bring_in_order(&mut self, lanes: usize) {
        if self.order.len() != lanes {
            self.order.clear();
            self.order.extend(0..lanes as u32);
        }
        // By insertion: from one step to the next few lanes change.
        for place in 1..lanes {
            let lane = self.order[place];
            let individual = self.programs[lane as usize].map(address);
            let mut to = place;
            while to > 0 && self.programs[self.order[to - 1] as usize].map(address) > individual {
                self.order[to] = self.order[to - 1];
                to -= 1;
            }
            self.order[to] = lane;
        }
        self.is_ordered = true;
    }
}

/// What tells individuals apart, and brings lanes of the same one together.
fn address(program: &Program) -> usize {
    std::ptr::from_ref(program).addr()
}

/// Rows of `had` values as rows of `n`.
fn widened<T: Copy + Default>(rows: &[T], lanes: usize, had: usize, n: usize) -> Vec<T> {
    let mut wide = memory::filled(T::default(), lanes.saturating_mul(n));
    for lane in 0..lanes {
        wide[lane * n..lane * n + had].copy_from_slice(&rows[lane * had..(lane + 1) * had]);
    }
    wide
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
            order,
            ..
        } = self.player;
        let mut rest: &[u32] = order;
        while let Some(&first) = rest.first() {
            let program = programs[first as usize].expect("an episode has begun in each lane");
            let most = rest.len().min(8);
            let mut n = 1;
            while n < most && programs[rest[n] as usize].is_some_and(|other| std::ptr::eq(other, program)) {
                n += 1;
            }
            let (lanes, others) = rest.split_at(n);
            rest = others;
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
