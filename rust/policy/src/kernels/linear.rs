//! Linear layers of either rule, compiled apart from the kernels that run them: a copy of all their loops in each place, of
//! which recurrent cells have two, would take minutes to compile.

use std::ops::ControlFlow;

use lane_math::Kernel;
use lane_math::lanes::Simd;

use super::chain::Chain;
use super::dots::Dots;
use super::{Batch, LinearShape, Rows};
use crate::order::{LinearOrder, linear_order};
use crate::pace::Pace;

/// A linear layer in PyTorch's order.
#[derive(Clone, Debug)]
pub(crate) enum Linear {
    Chain(Chain),
    Dots(Dots),
}

impl Linear {
    /// `relu`: whether one follows, which only [some](Self::takes_relu) take along.
    pub(crate) fn new(shape: LinearShape, relu: bool, packed_at: usize) -> Self {
        match linear_order(shape.inputs, shape.outputs) {
            LinearOrder::Chain { block } => Self::Chain(Chain::new(shape, block, 0.0, relu, packed_at)),
            LinearOrder::Product => Self::Chain(Chain::new(shape, 1, -0.0, relu, packed_at)),
            LinearOrder::Dots | LinearOrder::SingleDot => Self::Dots(Dots::new(shape, packed_at)),
        }
    }

    /// Whether a relu that follows is taken along.
    pub(crate) fn takes_relu(&self) -> bool {
        matches!(self, Self::Chain(_))
    }

    /// Values of the weight matrix.
    pub(crate) fn n_weights(&self) -> usize {
        match self {
            Self::Chain(chain) => chain.n_weights(),
            Self::Dots(dots) => dots.n_weights(),
        }
    }

    /// The width of an output row.
    pub(crate) fn columns(&self) -> usize {
        match self {
            Self::Chain(chain) => chain.columns(),
            Self::Dots(dots) => dots.columns(),
        }
    }

    /// Where the next layer's packed values start.
    pub(crate) fn end(&self) -> usize {
        match self {
            Self::Chain(chain) => chain.packed().end(),
            Self::Dots(dots) => dots.packed().end(),
        }
    }

    /// Units of dot products in a row, see [`Dots`].
    pub(crate) fn units(&self) -> usize {
        match self {
            Self::Chain(_) => 0,
            Self::Dots(dots) => dots.units(),
        }
    }

    /// Packs a matrix (outputs, inputs) and a bias into the individual's packed values.
    #[inline(always)]
    pub(crate) fn pack<S: Simd>(&self, matrix: &[f32], bias: &[f32], packed: &mut [f32]) {
        match self {
            Self::Chain(chain) => chain.pack::<S>(matrix, bias, chain.packed().of(packed)),
            Self::Dots(dots) => dots.pack(matrix, bias, dots.packed().of(packed)),
        }
    }
}

/// The layer's outputs for every row of the batch.
pub(crate) struct LinearPass<'a, 'b, 'r, 'p> {
    pub(crate) linear: &'a Linear,
    pub(crate) batch: &'a Batch<'b>,
    pub(crate) rows: &'a mut Rows<'r>,
    /// Room for the units of dot products of every row.
    pub(crate) units: &'a mut [f32],
    pub(crate) pace: &'a mut Pace<'p>,
}

impl Kernel for LinearPass<'_, '_, '_, '_> {
    type Output = ControlFlow<()>;

    #[inline(always)]
    fn run<S: Simd>(self) -> ControlFlow<()> {
        let Self { linear, batch, rows, units, pace } = self;
        match linear {
            Linear::Chain(chain) => chain.forward::<S>(batch, rows, pace),
            Linear::Dots(dots) => {
                pace.before(batch.rows() * dots.macs())?;
                dots.forward::<S>(batch, rows, units);
                ControlFlow::Continue(())
            }
        }
    }
}
