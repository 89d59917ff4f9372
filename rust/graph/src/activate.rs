//! One step of one individual in up to `W` lanes.

use crate::aggregations::{PythonSum, PythonSums, Summation, aggregated};
use crate::functions::{self, Activation, activated};
use crate::kind::Kind;
use crate::number::{Number, Precision};
use crate::program::{Link, Node, Program};
use lane_math::lanes::{F64x4, Simd};
use lane_math::{LibmLanes, libm};

/// Of the arguments of most functions.
const BOUND: f64 = 60.0;
/// The most lanes that are computed together.
const MOST: usize = 8;

/// The values of a program's slots in some lanes, and one node's inputs in one lane.
#[derive(Default)]
pub(crate) struct Registers {
    /// `(slots, W)`, and room for more.
    values: Vec<f64>,
    /// Whether they are NumPy scalars; of slots that may be either.
    kinds: Vec<bool>,
    inputs: Vec<Number>,
}

impl Registers {
    /// Nothing in them outlives a step.
    pub(crate) fn make_room_for(&mut self, program: &Program) {
        let values = program.slots() * MOST;
        if self.values.len() < values {
            self.values.resize(values, 0.0);
            self.kinds.resize(values, false);
        }
        if self.inputs.len() < program.most_links {
            self.inputs.resize(program.most_links, Number::python(0.0));
        }
    }
}

/// [`Registers`] for batches of `W` lanes, a row for each slot.
struct Rows<'a, const W: usize> {
    values: &'a mut [[f64; W]],
    kinds: &'a mut [[bool; W]],
    inputs: &'a mut [Number],
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
        let mut rows = Rows {
            values: registers.values.as_chunks_mut().0,
            kinds: registers.kinds.as_chunks_mut().0,
            inputs: &mut registers.inputs,
        };
        self.load::<W>(&mut rows, state);
        let mut raised = [false; W];
        for (slot, node) in self.program.nodes.iter().enumerate() {
            let (from, to) = node.links;
            let links = &self.program.links[from as usize..to as usize];
            if node.is_plain_sum {
                self.sum_node::<S, P, W>(node, links, slot, &mut rows, &mut raised);
            } else {
                self.any_node::<P, W>(node, links, slot, &mut rows, &mut raised);
            }
        }
        self.store::<W>(&rows, state, &raised, outputs);
    }

    /// Brings observations and what is remembered into the slots.
    #[inline(always)]
    fn load<const W: usize>(&self, rows: &mut Rows<'_, W>, state: &State<'_>) {
        let program = self.program;
        let n_inputs = program.shape.inputs;
        for (place, &lane) in self.lanes.iter().enumerate() {
            let lane = lane as usize;
            let observation = &self.observations[lane * n_inputs..(lane + 1) * n_inputs];
            for (row, &input) in rows.values[program.first_input..].iter_mut().zip(&program.inputs) {
                row[place] = f64::from(observation[input as usize]);
            }
            let first = program.first_remembered();
            for index in 0..program.n_remembered() {
                rows.values[first + index][place] = state.memory[lane * state.stride + index];
                rows.kinds[first + index][place] = state.kinds[lane * state.stride + index];
            }
        }
        rows.values[program.zero()] = [0.0; W];
    }

    /// Writes outputs, and what is to be remembered.
    #[inline(always)]
    fn store<const W: usize>(
        &self,
        rows: &Rows<'_, W>,
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
                let value = rows.values[slot as usize][place];
                *output = if raised[place] { f64::NAN } else { value };
            }
            for index in 0..program.n_remembered() {
                let kind = program.nodes[index].kind;
                state.next[lane * state.stride + index] = rows.values[index][place];
                state.next_kinds[lane * state.stride + index] =
                    kind == Kind::Numpy || (kind == Kind::Either && rows.kinds[index][place]);
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
        rows: &mut Rows<'_, W>,
        raised: &mut [bool; W],
    ) {
        let (python, others) = links.split_at(node.python_links as usize);
        let mut z = [0.0; W];
        if W < 4 {
            for (lane, z) in z.iter_mut().enumerate() {
                *z = self.sum_of_one::<P, W>(node, python, others, rows.values, lane);
            }
        } else {
            for four in 0..W / 4 {
                let sum = self.sum_of_four::<S::F64, P, W>(node, python, others, rows.values, 4 * four);
                sum.store(&mut z[4 * four..]);
            }
        }
        let is_numpy = !others.is_empty();
        self.apply::<S, P, W>(node, &z, is_numpy, slot, rows, raised);
    }

    /// Bias plus response times the sum of Python floats and, after the first that is none, of NumPy scalars: of the lane
    /// `place`. What NumPy's arithmetic takes is rounded in the program already, so that a product is rounded once, whether
    /// NumPy's or a Python float that is added to NumPy's.
    #[inline(always)]
    fn sum_of_one<P: Precision, const W: usize>(
        &self,
        node: &Node,
        python: &[Link],
        others: &[Link],
        values: &[[f64; W]],
        place: usize,
    ) -> f64 {
        let mut sum = PythonSum::ZERO;
        for link in python {
            sum.add(values[link.slot as usize][place] * link.weight, self.summation);
        }
        if others.is_empty() {
            return node.bias + node.response * sum.value();
        }
        let mut sum = P::round(sum.value());
        for link in others {
            sum = P::add_rounded(sum, P::round(values[link.slot as usize][place] * link.weight));
        }
        P::add_rounded(node.bias, P::mul_rounded(node.response, sum))
    }

    /// The same of four lanes from `place` on.
    #[inline(always)]
    fn sum_of_four<V: F64x4, P: Precision, const W: usize>(
        &self,
        node: &Node,
        python: &[Link],
        others: &[Link],
        values: &[[f64; W]],
        place: usize,
    ) -> V {
        let mut sums = PythonSums::<V>::zero();
        for link in python {
            let values = V::load(&values[link.slot as usize][place..]);
            sums.add(values.mul(V::splat(link.weight)), self.summation);
        }
        let sum = sums.value();
        if others.is_empty() {
            return V::splat(node.bias).add(V::splat(node.response).mul(sum));
        }
        let mut sum = P::round_lanes(sum);
        for link in others {
            let values = V::load(&values[link.slot as usize][place..]);
            sum = P::round_lanes(sum.add(P::round_lanes(values.mul(V::splat(link.weight)))));
        }
        P::round_lanes(V::splat(node.bias).add(P::round_lanes(V::splat(node.response).mul(sum))))
    }

    /// The activation of a node, of numbers of one kind.
    #[inline(always)]
    fn apply<S: Simd, P: Precision, const W: usize>(
        &self,
        node: &Node,
        z: &[f64; W],
        is_numpy: bool,
        slot: usize,
        rows: &mut Rows<'_, W>,
        raised: &mut [bool; W],
    ) {
        let values = &mut rows.values[slot];
        match node.activation {
            Activation::Sigmoid => self.each::<S, P, Sigmoid, W>(5.0, z, is_numpy, values),
            Activation::Tanh => self.each::<S, P, Tanh, W>(2.5, z, is_numpy, values),
            Activation::Sin => self.each::<S, P, Sin, W>(5.0, z, is_numpy, values),
            Activation::Exp => self.each::<S, P, Exp, W>(1.0, z, is_numpy, values),
            Activation::Identity => values.copy_from_slice(z),
            activation => {
                for place in 0..self.lanes.len() {
                    let result = activated::<P>(activation, Number { value: z[place], is_numpy });
                    raised[place] |= result.is_none();
                    let result = result.unwrap_or(Number::python(0.0));
                    values[place] = result.value;
                    rows.kinds[slot][place] = result.is_numpy;
                }
            }
        }
    }

    /// A function of each `factor * z` within the bounds of 60 that neat-python has: in lanes where there are several. One alone
    /// is quicker by a call.
    #[inline(always)]
    fn each<S: Simd, P: Precision, F: Function, const W: usize>(
        &self,
        factor: f64,
        z: &[f64; W],
        is_numpy: bool,
        results: &mut [f64; W],
    ) {
        if W < 4 {
            for lane in 0..W {
                let product =
                    if is_numpy { P::mul_rounded(P::round(factor), z[lane]) } else { factor * z[lane] };
                results[lane] = F::of_one(functions::within(product, BOUND));
            }
            return;
        }
        let (bound, least) = (S::F64::splat(BOUND), S::F64::splat(-BOUND));
        for four in 0..W / 4 {
            let product = S::F64::splat(factor).mul(S::F64::load(&z[4 * four..]));
            let product = if is_numpy { P::round_lanes(product) } else { product };
            let lowered = S::F64::select(product.lt(bound), product, bound);
            let within = S::F64::select(least.lt(lowered), lowered, least);
            F::in_lanes(self.libm, within).store(&mut results[4 * four..]);
        }
    }

    /// Any node, lane by lane, as Python would.
    #[inline(always)]
    fn any_node<P: Precision, const W: usize>(
        &self,
        node: &Node,
        links: &[Link],
        slot: usize,
        rows: &mut Rows<'_, W>,
        raised: &mut [bool; W],
    ) {
        let (bias, response) = (Number::python(node.bias), Number::python(node.response));
        for (place, raised) in raised.iter_mut().enumerate().take(self.lanes.len()) {
            let inputs = &mut rows.inputs[..links.len()];
            for (input, link) in inputs.iter_mut().zip(links) {
                let from = link.slot as usize;
                let is_numpy = match link.kind {
                    Kind::Python => false,
                    Kind::Numpy => true,
                    Kind::Either => rows.kinds[from][place],
                };
                let value = Number { value: rows.values[from][place], is_numpy };
                *input = P::mul(value, Number::python(link.weight));
            }
            let aggregate = aggregated::<P>(node.aggregation, inputs, self.summation);
            let result = activated::<P>(node.activation, P::add(bias, P::mul(response, aggregate)));
            *raised |= result.is_none();
            let result = result.unwrap_or(Number::python(0.0));
            rows.values[slot][place] = result.value;
            rows.kinds[slot][place] = result.is_numpy;
        }
    }
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
