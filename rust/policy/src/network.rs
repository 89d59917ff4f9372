//! A network that is ready to run: pack weights once per individual, then forward group after group of lanes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use lane_math::lanes::Simd;
use lane_math::{Isa, Kernel};

use crate::architecture::Architecture;
use crate::kernels::cells::{GateRows, Memory};
use crate::kernels::linear::LinearPass;
use crate::kernels::{Batch, Rows, sparse};
use crate::pace::Pace;
use crate::packed::{PackedWeights, row_stride};
use crate::plan::{Operation, Plan, Stage};
use crate::scratch::Scratch;

/// What a forward pass is made of: whose weights each lane asks, and what it sees.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Packed individuals.
    pub slots: &'a [PackedWeights],
    /// (n): which of them each lane asks, in any order, any number of times. Lanes of one individual are computed together.
    pub slot_of_lane: &'a [usize],
    /// (n, n_inputs), row-major.
    pub observations: &'a [f32],
    /// Whether images are (height, width, channels), as a screen is stored, which a network that
    /// [reads pixels](Network::reads_pixels) takes; otherwise they are (channels, height, width).
    pub are_pixels: bool,
}

/// What lanes remember from one forward pass to the next: (n, [`n_state`](Architecture::n_state)) each, row-major.
pub struct States<'a> {
    /// As the pass before left it; zeros at the start of an episode.
    pub before: &'a [f32],
    /// As this pass leaves it. It may be made once more with the same `before`.
    pub after: &'a mut [f32],
}

impl States<'_> {
    /// For networks that remember nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { before: &[], after: &mut [] }
    }
}

/// An architecture compiled to kernels for one instruction set; immutable, to be shared between threads.
///
/// ```
/// use policy::{Architecture, InputShape, Layer, Network};
///
/// let linear = |outputs| Layer::Linear { outputs, bias: false };
/// let network = Network::new(&Architecture::new(InputShape::Flat(2), vec![linear(3)])?);
/// let mut individual = network.packed();
/// network.pack(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], &mut individual); // rows of a (3, 2) matrix
/// let mut logits = [0.0; 6];
/// let observations = [0.5, 2.0, -1.0, 4.0]; // two lanes, both of individual 0
/// network.forward(&[individual], &[0, 0], &observations, &mut logits, &mut network.scratch(2));
/// assert_eq!(logits, [0.5, 2.0, 2.5, -1.0, 4.0, 3.0]);
/// # Ok::<(), policy::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Architecture,
    plan: Plan,
    /// Tells packed weights and scratch memory of this architecture from those of others.
    fingerprint: u64,
    isa: Isa,
}

impl Network {
    /// The network on the fastest instruction set of this processor.
    #[must_use]
    pub fn new(architecture: &Architecture) -> Self {
        Self::with_isa(architecture, Isa::detect())
    }

    /// The network on a given instruction set. The logits are the same bits on all of them.
    #[must_use]
    pub fn with_isa(architecture: &Architecture, isa: Isa) -> Self {
        let mut hasher = DefaultHasher::new();
        architecture.hash(&mut hasher);
        Self {
            architecture: architecture.clone(),
            plan: Plan::new(architecture),
            fingerprint: hasher.finish(),
            isa,
        }
    }

    /// What the network computes.
    #[must_use]
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Storage for one individual's packed weights, still all zeros.
    #[must_use]
    pub fn packed(&self) -> PackedWeights {
        PackedWeights::zeros(self.plan.packed_len, self.fingerprint)
    }

    /// Working memory for groups of up to `lanes` lanes.
    #[must_use]
    pub fn scratch(&self, lanes: usize) -> Scratch {
        Scratch::new(lanes, &self.plan, self.fingerprint)
    }

    /// Brings one individual's flat weight vector (`n_params` float32, per layer weight then bias, as
    /// `torch.nn.utils.parameters_to_vector`) into the layout of the kernels.
    ///
    /// # Panics
    ///
    /// If `weights` is not `n_params` long, or `packed` was made for another architecture.
    pub fn pack(&self, weights: &[f32], packed: &mut PackedWeights) {
        assert_eq!(weights.len(), self.architecture.n_params(), "the weights do not fit the network");
        assert_eq!(packed.fingerprint(), self.fingerprint, "the packed weights belong to another network");
        self.isa.run(Pack { plan: &self.plan, weights, packed: packed.values_mut() });
    }

    /// The logits of a group of lanes of a network that remembers nothing.
    ///
    /// - `slots`: packed individuals;
    /// - `slot_of_lane` (n): which of them each lane asks, in any order, any number of times. Lanes of one individual
    ///   are computed together;
    /// - `observations` (n, n_inputs), row-major; an image is (channels, height, width);
    /// - `logits` (n, n_outputs), row-major: the result.
    ///
    /// A lane's logits do not depend on the other lanes. Nothing is allocated.
    ///
    /// # Panics
    ///
    /// If a length is not as above, a slot is out of range, or a slot or `scratch` was made for another architecture, or
    /// `scratch` for fewer lanes; or if the network has recurrent cells.
    pub fn forward(
        &self,
        slots: &[PackedWeights],
        slot_of_lane: &[usize],
        observations: &[f32],
        logits: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let inputs = Inputs { slots, slot_of_lane, observations, are_pixels: false };
        let whole =
            self.forward_while(inputs, States::none(), logits, scratch, &mut || ControlFlow::Continue(()));
        debug_assert!(whole.is_continue(), "nobody has ended the pass");
    }

    /// Whether [`Inputs::are_pixels`] may be set: the network begins with a convolution of images of up to eight channels.
    /// The logits are the same, and come faster for pictures, since convolutions have their input in this order anyway.
    /// Mostly zeros are better off as (channels, height, width): then they are looked for.
    #[must_use]
    pub fn reads_pixels(&self) -> bool {
        self.plan.reads_pixels()
    }

    /// [`forward`](Self::forward) as long as `go_on` says so, which is asked every few million multiply-adds: never by
    /// passes that have fewer. Where it breaks, what is in `logits` and in `states.after` is of no use.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward); and if the inputs are pixels that the network does not [read](Self::reads_pixels).
    pub fn forward_while(
        &self,
        inputs: Inputs<'_>,
        states: States<'_>,
        logits: &mut [f32],
        scratch: &mut Scratch,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Inputs { slots, slot_of_lane, observations, are_pixels } = inputs;
        assert!(
            !are_pixels || self.reads_pixels(),
            "the network does not begin with a convolution that reads pixels"
        );
        let lanes = slot_of_lane.len();
        let (n_inputs, n_outputs) = (self.architecture.n_inputs(), self.architecture.n_outputs());
        assert_eq!(observations.len(), lanes * n_inputs, "observations are not (lanes, n_inputs)");
        assert_eq!(logits.len(), lanes * n_outputs, "logits are not (lanes, n_outputs)");
        let n_state = self.architecture.n_state();
        assert_eq!(states.before.len(), lanes * n_state, "the states before are not (lanes, n_state)");
        assert_eq!(states.after.len(), lanes * n_state, "the states after are not (lanes, n_state)");
        assert_eq!(scratch.fingerprint, self.fingerprint, "the scratch memory belongs to another network");
        assert!(
            lanes <= scratch.lanes,
            "the scratch memory has room for {} lanes, got {lanes}",
            scratch.lanes
        );
        for &slot in slot_of_lane {
            let fingerprint = slots[slot].fingerprint();
            assert_eq!(fingerprint, self.fingerprint, "the packed weights belong to another network");
        }
        let reordered = self.plan.gains_from_sorting && scratch.sort_lanes(slot_of_lane);
        let Scratch { front, back, sums, patches, kept, gates, lists, lane_of_row, slot_of_row, .. } =
            scratch;
        self.isa.run(Forward {
            plan: &self.plan,
            isa: self.isa,
            // Pixels are what the first stage would make of an image.
            first_stage: usize::from(are_pixels),
            batch: Batch::new(slots, if reordered { slot_of_row } else { slot_of_lane }),
            lane_of_row: reordered.then_some(lane_of_row),
            observations,
            n_inputs,
            logits,
            n_outputs,
            front: front.as_mut_slice(),
            back: back.as_mut_slice(),
            sums: sums.as_mut_slice(),
            patches: patches.as_mut_slice(),
            kept: kept.as_mut_slice(),
            gates: gates.as_mut_slice(),
            memory: Memory {
                before: states.before,
                after: states.after,
                stride: n_state,
                lane_of_row: reordered.then_some(lane_of_row),
            },
            lists: &mut lists[..lanes],
            pace: Pace::new(go_on),
        })
    }
}

struct Pack<'a> {
    plan: &'a Plan,
    weights: &'a [f32],
    packed: &'a mut [f32],
}

impl Kernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for stage in &self.plan.stages {
            let weights = &self.weights[stage.weights.0..stage.weights.1];
            match &stage.operation {
                Operation::Linear(linear) => {
                    let (matrix, bias) = weights.split_at(linear.n_weights());
                    linear.pack::<S>(matrix, bias, self.packed);
                }
                Operation::Conv(conv) => conv.pack(weights, conv.packed().of(self.packed)),
                Operation::MatrixConv(conv) => conv.pack(weights, conv.packed().of(self.packed)),
                Operation::Cell(cell) => cell.pack::<S>(weights, self.packed),
                Operation::Depthwise(conv) => conv.pack(weights, conv.packed().of(self.packed)),
                Operation::Groups(groups) => groups.pack(weights, self.packed),
                Operation::Norm(norm) => norm.pack(weights, norm.packed().of(self.packed)),
                Operation::Pool(_)
                | Operation::Mean(_)
                | Operation::Keep { .. }
                | Operation::Add { .. }
                | Operation::Activation(_)
                | Operation::Softmax(..)
                | Operation::ToBlocks(..)
                | Operation::ToGroups(..)
                | Operation::ToRows(_) => {}
            }
        }
    }
}

struct Forward<'a> {
    plan: &'a Plan,
    /// For what is compiled apart from this kernel.
    isa: Isa,
    first_stage: usize,
    batch: Batch<'a>,
    /// Given if rows are in another order than lanes.
    lane_of_row: Option<&'a [usize]>,
    observations: &'a [f32],
    n_inputs: usize,
    logits: &'a mut [f32],
    n_outputs: usize,
    front: &'a mut [f32],
    back: &'a mut [f32],
    sums: &'a mut [f32],
    patches: &'a mut [f32],
    kept: &'a mut [f32],
    gates: &'a mut [f32],
    memory: Memory<'a>,
    lists: &'a mut [Option<usize>],
    pace: Pace<'a>,
}

impl Kernel for Forward<'_> {
    type Output = ControlFlow<()>;

    #[inline(always)]
    fn run<S: Simd>(mut self) -> ControlFlow<()> {
        let (batch, rows) = (&self.batch, self.batch.rows());
        let lane = |row| self.lane_of_row.map_or(row, |lanes| lanes[row]);
        let (mut current, mut other) = (self.front, self.back);
        // The first stage reads the observations where they lie, unless rows are not lanes or it works in place; the
        // last stage likewise writes the logits where they belong.
        let mut reads_observations = self.lane_of_row.is_none() && !self.plan.starts_in_place();
        let mut stride = self.n_inputs;
        if !reads_observations {
            stride = row_stride(self.n_inputs);
            for row in 0..rows {
                let observation = &self.observations[lane(row) * self.n_inputs..][..self.n_inputs];
                current[row * stride..][..self.n_inputs].copy_from_slice(observation);
            }
        }
        for (index, stage) in self.plan.stages.iter().enumerate().skip(self.first_stage) {
            if stage.operation.works_in_place() {
                self.pace.before(rows * stage.stride)?;
                let values = &mut current[..rows * stage.stride];
                apply_in_place(stage, self.isa, values, self.kept, rows);
                continue;
            }
            let writes_logits = index + 1 == self.plan.stages.len()
                && stage.operation.leaves_padding_alone()
                && self.lane_of_row.is_none();
            let mut rows = Rows {
                input: if reads_observations { self.observations } else { current },
                input_stride: stride,
                output: if writes_logits { self.logits } else { other },
                output_stride: if writes_logits { self.n_outputs } else { stage.stride },
            };
            let (rows, units, pace) = (&mut rows, &mut *self.sums, &mut self.pace);
            match &stage.operation {
                Operation::Linear(linear) => self.isa.run(LinearPass { linear, batch, rows, units, pace })?,
                Operation::Cell(cell) => {
                    let room = GateRows { values: self.gates, units };
                    cell.forward(self.isa, batch, rows, &mut self.memory, room, pace)?;
                }
                _ => run_stage::<S>(stage, batch, rows, self.patches, self.lists, pace)?,
            }
            if writes_logits {
                return ControlFlow::Continue(());
            }
            (current, other) = (other, current);
            (stride, reads_observations) = (stage.stride, false);
        }
        for row in 0..rows {
            self.logits[lane(row) * self.n_outputs..][..self.n_outputs]
                .copy_from_slice(&current[row * stride..][..self.n_outputs]);
        }
        ControlFlow::Continue(())
    }
}

/// Runs one stage that changes the rows of a buffer.
fn apply_in_place(stage: &Stage, isa: Isa, rows: &mut [f32], kept: &mut [f32], count: usize) {
    match stage.operation {
        Operation::Activation(activation) => activation.apply_in_place(isa, rows),
        Operation::Softmax(normalize, len) => {
            for row in rows.chunks_exact_mut(stage.stride) {
                normalize(isa, &mut row[..len], len);
            }
        }
        Operation::Keep { at } => kept[at * count..][..rows.len()].copy_from_slice(rows),
        Operation::Add { at } => {
            for (value, kept) in rows.iter_mut().zip(&kept[at * count..]) {
                *value += kept;
            }
        }
        _ => {}
    }
}

/// Runs one stage of images that reads one buffer and writes another.
#[inline(always)]
fn run_stage<S: Simd>(
    stage: &Stage,
    batch: &Batch<'_>,
    rows: &mut Rows<'_>,
    patches: &mut [f32],
    lists: &mut [Option<usize>],
    pace: &mut Pace<'_>,
) -> ControlFlow<()> {
    match &stage.operation {
        Operation::Conv(conv) => {
            conv.forward::<S>(batch, rows, lists, pace)?;
            lists.fill(None);
        }
        Operation::MatrixConv(conv) => conv.forward::<S>(batch, rows, patches, pace)?,
        Operation::Depthwise(conv) => conv.forward::<S>(batch, rows, pace)?,
        Operation::Groups(groups) => groups.forward::<S>(batch, rows, patches, pace)?,
        Operation::Pool(pool) => {
            for row in 0..batch.rows() {
                pace.before(pool.work())?;
                pool.forward::<S>(row, rows);
            }
        }
        Operation::Mean(mean) => {
            pace.before(batch.rows() * mean.work())?;
            for row in 0..batch.rows() {
                mean.forward::<S>(row, rows);
            }
        }
        Operation::Norm(norm) => {
            pace.before(batch.rows() * norm.work())?;
            for row in 0..batch.rows() {
                norm.forward::<S>(batch, row, rows);
            }
        }
        Operation::ToBlocks(image, skips_zeros_at) => {
            pace.before(batch.rows() * image.size())?;
            for (row, &slot) in batch.slot_of_row.iter().enumerate() {
                let may_skip_zeros = skips_zeros_at.is_some_and(|at| batch.slots[slot].values()[at] == 1.0);
                let (input, output) = rows.images(row, image.size());
                lists[row] =
                    if may_skip_zeros { sparse::list_nonzeros::<S>(*image, input, output) } else { None };
                if lists[row].is_none() {
                    image.to_blocks::<S>(input, output);
                }
            }
        }
        Operation::ToGroups(image, groups) => {
            pace.before(batch.rows() * groups * image.size())?;
            for row in 0..batch.rows() {
                let (input, output) = rows.images(row, groups * image.size());
                for (input, output) in
                    input.chunks_exact(image.size()).zip(output.chunks_exact_mut(image.size()))
                {
                    image.to_blocks::<S>(input, output);
                }
            }
        }
        Operation::ToRows(image) => {
            pace.before(batch.rows() * image.size())?;
            for row in 0..batch.rows() {
                let (input, output) = rows.images(row, image.size());
                image.to_rows::<S>(input, output);
            }
        }
        Operation::Linear(_)
        | Operation::Cell(_)
        | Operation::Activation(_)
        | Operation::Softmax(..)
        | Operation::Keep { .. }
        | Operation::Add { .. } => {}
    }
    ControlFlow::Continue(())
}
