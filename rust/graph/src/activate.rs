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
        match node.activation {
            Activation::Sigmoid => {
                each::<S, Sigmoid, W>(self.libm, &scaled::<P, W>(5.0, z, is_numpy), values);
            }
            Activation::Tanh => each::<S, Tanh, W>(self.libm, &scaled::<P, W>(2.5, z, is_numpy), values),
            Activation::Sin => each::<S, Sin, W>(self.libm, &scaled::<P, W>(5.0, z, is_numpy), values),
            Activation::Exp => each::<S, Exp, W>(self.libm, &scaled::<P, W>(1.0, z, is_numpy), values),
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

/// `factor * z` within the bounds of 60 that neat-python has.
#[inline(always)]
fn scaled<P: Precision, const W: usize>(factor: f64, z: &[f64; W], is_numpy: bool) -> [f64; W] {
    let mut scaled = [0.0; W];
    if is_numpy {
        let factor = P::round(factor);
        for lane in 0..W {
            scaled[lane] = functions::within(P::mul_rounded(factor, z[lane]), 60.0);
        }
    } else {
        for lane in 0..W {
            scaled[lane] = functions::within(factor * z[lane], 60.0);
        }
    }
    scaled
}

/// A function made of libm's, of one value and in lanes. (Closures would be compiled without the instruction set's instructions,
/// and take ten times as long.)
trait Function {
    fn of_one(x: f64) -> f64;
    fn in_lanes<V: F64x4>(libm: LibmLanes, x: V) -> V;
}

struct Sigmoid;
struct Tanh;
struct Sin;
struct Exp;

impl Function for Sigmoid {
    #[inline(always)]
    fn of_one(x: f64) -> f64 {
        functions::sigmoid_within(x)
    }

    #[inline(always)]
    fn in_lanes<V: F64x4>(libm: LibmLanes, x: V) -> V {
        let one = V::splat(1.0);
        one.div(one.add(libm.exp(x.neg())))
    }
}

/// Defines how a node's function is one of libm's.
macro_rules! of_libm {
    ($name:ident, $function:ident) => {
        impl Function for $name {
            #[inline(always)]
            fn of_one(x: f64) -> f64 {
                libm::$function(x)
            }

            #[inline(always)]
            fn in_lanes<V: F64x4>(libm: LibmLanes, x: V) -> V {
                libm.$function(x)
            }
        }
    };
}

of_libm!(Tanh, tanh);
of_libm!(Sin, sin);
of_libm!(Exp, exp);

/// A function of each value: in lanes where there are several. One alone is quicker by a call.
#[inline(always)]
fn each<S: Simd, F: Function, const W: usize>(own: LibmLanes, arguments: &[f64; W], results: &mut [f64]) {
    if W < 4 {
        for lane in 0..W {
            results[lane] = F::of_one(arguments[lane]);
        }
        return;
    }
    for four in 0..W / 4 {
        let lanes = F::in_lanes(own, S::F64::load(&arguments[4 * four..]));
        lanes.store(&mut results[4 * four..]);
    }
}
