//! One step of one individual in up to `W` lanes.

use crate::aggregations::{PythonSums, Summation, aggregated};
use crate::functions::{self, Activation, activated};
use crate::kind::Kind;
use crate::number::{Number, Precision};
use crate::program::{Link, Node, Program};
use lane_math::lanes::{F64x4, Simd};
use lane_math::{LibmLanes, libm};

/// The most lanes that are computed together.
const MOST: usize = 8;

/// The values of a program's slots in some lanes, and one node's inputs in one lane.
pub(crate) struct Registers {
    /// `(slots, W)`.
    values: Vec<f64>,
    /// Whether they are NumPy scalars; of slots that may be either.
    kinds: Vec<bool>,
    inputs: Vec<Number>,
}

impl Registers {
    pub(crate) fn new(slots: usize, most_links: usize) -> Self {
        Self {
            values: vec![0.0; slots * MOST],
            kinds: vec![false; slots * MOST],
            inputs: vec![Number::python(0.0); most_links],
        }
    }
}

/// What recurrent graphs remember, lane by lane.
pub(crate) struct State<'a> {
    pub(crate) memory: &'a [f64],
    pub(crate) kinds: &'a [bool],
    pub(crate) next: &'a mut [f64],
    pub(crate) next_kinds: &'a mut [bool],
    pub(crate) stride: usize,
}

/// Lanes of one individual.
pub(crate) struct Batch<'a> {
    pub(crate) program: &'a Program,
    pub(crate) summation: Summation,
    /// Which functions of libm have lanes here.
    pub(crate) libm: LibmLanes,
    pub(crate) lanes: &'a [u32],
    /// Of all lanes.
    pub(crate) observations: &'a [f32],
}

impl Batch<'_> {
    #[inline(always)]
    pub(crate) fn run<S: Simd, P: Precision, const W: usize>(
        &self,
        registers: &mut Registers,
        state: &mut State<'_>,
        outputs: &mut [f64],
    ) {
        self.load::<W>(registers, state);
        let mut raised = [false; W];
        for (place, node) in self.program.nodes.iter().enumerate() {
            let slot = self.program.inputs.len() + place;
            let (from, to) = node.links;
            let links = &self.program.links[from as usize..to as usize];
            if node.is_plain_sum {
                self.sum_node::<S, P, W>(node, links, slot, registers, &mut raised);
            } else {
                self.any_node::<P, W>(node, links, slot, registers, &mut raised);
            }
        }
        self.store::<W>(registers, state, &raised, outputs);
    }

    /// Brings observations and what is remembered into the slots.
    #[inline(always)]
    fn load<const W: usize>(&self, registers: &mut Registers, state: &State<'_>) {
        let program = self.program;
        let n_inputs = program.shape.inputs;
        for (place, &lane) in self.lanes.iter().enumerate() {
            let lane = lane as usize;
            let observation = &self.observations[lane * n_inputs..(lane + 1) * n_inputs];
            for (slot, &input) in program.inputs.iter().enumerate() {
                registers.values[slot * W + place] = f64::from(observation[input as usize]);
            }
            let first = program.first_remembered;
            for index in 0..program.n_remembered() {
                let slot = (first + index) * W + place;
                registers.values[slot] = state.memory[lane * state.stride + index];
                registers.kinds[slot] = state.kinds[lane * state.stride + index];
            }
        }
        let zero = (program.slots - 1) * W;
        registers.values[zero..zero + W].fill(0.0);
    }

    /// Writes outputs, and what is to be remembered.
    #[inline(always)]
    fn store<const W: usize>(
        &self,
        registers: &Registers,
        state: &mut State<'_>,
        raised: &[bool; W],
        outputs: &mut [f64],
    ) {
        let program = self.program;
        let n_outputs = program.outputs.len();
        for (place, &lane) in self.lanes.iter().enumerate() {
            let lane = lane as usize;
            let row = &mut outputs[lane * n_outputs..(lane + 1) * n_outputs];
            for (output, &slot) in row.iter_mut().zip(&program.outputs) {
                let value = registers.values[slot as usize * W + place];
                *output = if raised[place] { f64::NAN } else { value };
            }
            for index in 0..program.n_remembered() {
                let slot = program.inputs.len() + index;
                let kind = program.nodes[index].kind;
                state.next[lane * state.stride + index] = registers.values[slot * W + place];
                state.next_kinds[lane * state.stride + index] =
                    kind == Kind::Numpy || (kind == Kind::Either && registers.kinds[slot * W + place]);
            }
        }
    }

    /// A sum whose kinds are known: all lanes add the same link at the same time.
    #[inline(always)]
    fn sum_node<S: Simd, P: Precision, const W: usize>(
        &self,
        node: &Node,
        links: &[Link],
        slot: usize,
        registers: &mut Registers,
        raised: &mut [bool; W],
    ) {
        let (python, others) = links.split_at(node.python_links as usize);
        let mut z = PythonSums::<W>::ZERO;
        for link in python {
            z.add(&products(&registers.values, link), self.summation);
        }
        let mut z = z.values(self.summation);
        let is_numpy = !others.is_empty();
        if is_numpy {
            for sum in &mut z {
                *sum = P::round(*sum);
            }
            for link in others {
                let values = lanes_of::<W>(&registers.values, link.slot);
                if link.kind == Kind::Numpy {
                    let weight = P::round(link.weight);
                    for lane in 0..W {
                        z[lane] = P::add_rounded(z[lane], P::mul_rounded(values[lane], weight));
                    }
                } else {
                    for lane in 0..W {
                        z[lane] = P::add_rounded(z[lane], P::round(values[lane] * link.weight));
                    }
                }
            }
            let (bias, response) = (P::round(node.bias), P::round(node.response));
            for sum in &mut z {
                *sum = P::add_rounded(bias, P::mul_rounded(response, *sum));
            }
        } else {
            for sum in &mut z {
                *sum = node.bias + node.response * *sum;
            }
        }
        self.apply::<S, P, W>(node, &z, is_numpy, slot, registers, raised);
    }

    /// The activation of a node, of numbers of one kind.
    #[inline(always)]
    fn apply<S: Simd, P: Precision, const W: usize>(
        &self,
        node: &Node,
        z: &[f64; W],
        is_numpy: bool,
        slot: usize,
        registers: &mut Registers,
        raised: &mut [bool; W],
    ) {
        let values = &mut registers.values[slot * W..(slot + 1) * W];
        // `factor * z` within the bounds that neat-python has.
        let scaled = |factor: f64| {
            let numpy_factor = P::round(factor);
            let mut scaled = [0.0; W];
            for lane in 0..W {
                let product = if is_numpy { P::mul_rounded(numpy_factor, z[lane]) } else { factor * z[lane] };
                scaled[lane] = functions::within(product, 60.0);
            }
            scaled
        };
        let own = self.libm;
        match node.activation {
            Activation::Sigmoid => {
                let one = S::F64::splat(1.0);
                let sigmoid = |x: S::F64| one.div(one.add(own.exp(x.neg())));
                each::<S, W>(&scaled(5.0), values, functions::sigmoid_within, sigmoid);
            }
            Activation::Tanh => each::<S, W>(&scaled(2.5), values, libm::tanh, |x| own.tanh(x)),
            Activation::Sin => each::<S, W>(&scaled(5.0), values, libm::sin, |x| own.sin(x)),
            Activation::Exp => each::<S, W>(&scaled(1.0), values, libm::exp, |x| own.exp(x)),
            Activation::Identity => values.copy_from_slice(z),
            activation => {
                for place in 0..self.lanes.len() {
                    let result = activated::<P>(activation, Number { value: z[place], is_numpy });
                    raised[place] |= result.is_none();
                    let result = result.unwrap_or(Number::python(0.0));
                    values[place] = result.value;
                    registers.kinds[slot * W + place] = result.is_numpy;
                }
            }
        }
    }

    /// Any node, lane by lane, as Python would.
    #[inline(always)]
    fn any_node<P: Precision, const W: usize>(
        &self,
        node: &Node,
        links: &[Link],
        slot: usize,
        registers: &mut Registers,
        raised: &mut [bool; W],
    ) {
        let (bias, response) = (Number::python(node.bias), Number::python(node.response));
        for (place, raised) in raised.iter_mut().enumerate().take(self.lanes.len()) {
            let inputs = &mut registers.inputs[..links.len()];
            for (input, link) in inputs.iter_mut().zip(links) {
                let from = link.slot as usize * W + place;
                let is_numpy = match link.kind {
                    Kind::Python => false,
                    Kind::Numpy => true,
                    Kind::Either => registers.kinds[from],
                };
                let value = Number { value: registers.values[from], is_numpy };
                *input = P::mul(value, Number::python(link.weight));
            }
            let aggregate = aggregated::<P>(node.aggregation, inputs, self.summation);
            let result = activated::<P>(node.activation, P::add(bias, P::mul(response, aggregate)));
            *raised |= result.is_none();
            let result = result.unwrap_or(Number::python(0.0));
            registers.values[slot * W + place] = result.value;
            registers.kinds[slot * W + place] = result.is_numpy;
        }
    }
}

/// A slot's values in all lanes.
#[inline(always)]
fn lanes_of<const W: usize>(values: &[f64], slot: u32) -> [f64; W] {
    let start = slot as usize * W;
    let mut lanes = [0.0; W];
    lanes.copy_from_slice(&values[start..start + W]);
    lanes
}

/// A link's values times its weight, as Python floats.
#[inline(always)]
fn products<const W: usize>(values: &[f64], link: &Link) -> [f64; W] {
    let mut products = lanes_of::<W>(values, link.slot);
    for product in &mut products {
        *product *= link.weight;
    }
    products
}

/// A function of libm's of each value: by `in_lanes` where there are several. One alone is quicker by a call.
#[inline(always)]
fn each<S: Simd, const W: usize>(
    arguments: &[f64; W],
    results: &mut [f64],
    of_one: fn(f64) -> f64,
    in_lanes: impl Fn(S::F64) -> S::F64,
) {
    if W < 4 {
        for (result, &argument) in results.iter_mut().zip(arguments) {
            *result = of_one(argument);
        }
        return;
    }
    for (results, arguments) in results.chunks_exact_mut(4).zip(arguments.chunks_exact(4)) {
        in_lanes(S::F64::load(arguments)).store(results);
    }
}
