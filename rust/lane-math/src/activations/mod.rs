//! The activations of policies in float32, PyTorch's to the bit.
//!
//! **Contract.** An [`Activation`] returns what PyTorch's function of that name returns for whole vectors: contiguous
//! float32 tensors of a multiple of 32 values (16 where PyTorch uses its AVX2 kernels), MKL and oneDNN told to use AVX2
//! (`MKL_CBWR=AVX2`, `ONEDNN_MAX_CPU_ISA=AVX2`; without the latter `gelu` is another function on processors with
//! AVX-512). What is left over of other tensors PyTorch computes with the platform's libm, a few units in the last place
//! off; but not of tanh and sin. NaN gives a quiet NaN; -0, infinities and subnormals give what PyTorch gives.
//!
//! **Method.** PyTorch's kernels are short formulas ([`formulas`]) over the functions of SLEEF, a public library: its
//! exp, expm1 and tanh ([`exp`]), and log1p ([`log1p`]), stated here anew, operation for operation. GELU is
//! oneDNN's ([`gelu`]), and tanh and sin are Intel's ([`tanh`](crate::tanh()), [`sin`]). Lanes and portable lanes share one definition, in which
//! every fused multiply-add is written as one. `tests/record_activations.py` records PyTorch's results for the tests.

mod exp;
mod formulas;
mod gelu;
mod log;
mod log1p;
mod names;
mod pairs;
mod rest;
mod sin;
mod softmax;

pub use formulas::relu;

use crate::isa::{Isa, Kernel};
use crate::lanes::{F32Lanes, MOST_LANES, Portable, Simd};
use crate::tanh::{tanh, tanh_slice};

pub use rest::{expf, sigmoid_row};
pub use softmax::{log_softmax, log_softmax_in_place, softmax, softmax_in_place};

/// An activation function, with its parameters as PyTorch's kernels hold them.
///
/// Two are equal if their parameters are, bit by bit.
#[derive(Clone, Copy, Debug)]
pub enum Activation {
    /// x.
    Identity,
    /// `F.relu`: max(0, x).
    Relu,
    /// `F.leaky_relu`: x, or negative_slope * x where x is not positive.
    LeakyRelu {
        /// The slope where x is not positive.
        negative_slope: f32,
    },
    /// `F.elu`, `F.selu` and `F.celu`: scale * x, or alpha * scale * (exp(input_scale * x) - 1) where x is negative.
    /// [`Activation::elu`], [`Activation::SELU`] and [`Activation::celu`] make it.
    Elu {
        /// What the curve tends to, before it is scaled, is -alpha.
        alpha: f32,
        /// The factor of both branches.
        scale: f32,
        /// The factor of x under the exponential.
        input_scale: f32,
    },
    /// `F.gelu`: x / 2 * (1 + erf(x / sqrt 2)).
    Gelu,
    /// `F.gelu(approximate="tanh")`: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
    GeluTanh,
    /// `F.silu`: x * sigmoid x.
    Silu,
    /// `F.mish`: x * tanh(log(1 + exp x)).
    Mish,
    /// `F.softplus`: log(1 + exp(beta x)) / beta, or x where beta x is above the threshold.
    Softplus {
        /// The steepness.
        beta: f32,
        /// Where the curve becomes the straight line.
        threshold: f32,
    },
    /// `F.softsign`: x / (1 + |x|).
    Softsign,
    /// `F.hardtanh` and `F.relu6`: x between bounds. [`Activation::RELU6`] is one.
    Hardtanh {
        /// The lower bound.
        min: f32,
        /// The upper bound.
        max: f32,
    },
    /// `F.hardsigmoid`: x / 6 + 1 / 2 between 0 and 1.
    Hardsigmoid,
    /// `F.hardswish`: x * hardsigmoid x.
    Hardswish,
    /// `torch.sigmoid`: 1 / (1 + exp(-x)).
    Sigmoid,
    /// `F.logsigmoid`: log(sigmoid x).
    LogSigmoid,
    /// `torch.tanh`: see [`tanh`].
    Tanh,
    /// `torch.sin`: the sine, also of what is far from zero.
    Sin,
}

impl Activation {
    /// `F.relu6`.
    pub const RELU6: Self = Self::Hardtanh { min: 0.0, max: 6.0 };

    /// `F.selu`.
    pub const SELU: Self = Self::Elu { alpha: 1.673_263_2, scale: 1.050_701, input_scale: 1.0 };

    /// `F.elu` with an alpha.
    #[must_use]
    pub const fn elu(alpha: f64) -> Self {
        Self::Elu { alpha: alpha as f32, scale: 1.0, input_scale: 1.0 }
    }

    /// `F.celu` with an alpha, whose reciprocal is taken before it is rounded to float32.
    #[must_use]
    pub const fn celu(alpha: f64) -> Self {
        Self::Elu { alpha: alpha as f32, scale: 1.0, input_scale: (1.0 / alpha) as f32 }
    }

    /// The activation of one value: the definition of the lanes.
    #[must_use]
    pub fn value(self, x: f32) -> f32 {
        if self == Self::Tanh {
            return tanh(x);
        }
        let mut lanes = [x; Portable::LANES];
        self.apply_slice::<crate::lanes::PortableFamily>(&mut lanes);
        lanes[0]
    }

    /// Replaces every value by its activation.
    pub fn apply_in_place(self, isa: Isa, values: &mut [f32]) {
        struct InPlace<'a>(Activation, &'a mut [f32]);

        impl Kernel for InPlace<'_> {
            type Output = ();

            #[inline(always)]
            fn run<S: Simd>(self) {
                self.0.apply_slice::<S>(self.1);
            }
        }

        isa.run(InPlace(self, values));
    }

    /// [`Activation::apply_in_place`] for use inside a [`Kernel`].
    #[inline(always)]
    pub fn apply_slice<S: Simd>(self, values: &mut [f32]) {
        /// As many values at a time as `$lanes` has. No function that takes a closure: that would be compiled without
        /// AVX2 (see [`Kernel`]).
        macro_rules! by_lanes {
            ($lanes:ty, |$x:ident| $value:expr) => {{
                let mut vectors = values.chunks_exact_mut(<$lanes>::LANES);
                for vector in &mut vectors {
                    let $x = <$lanes>::load(vector);
                    $value.store(vector);
                }
                let rest = vectors.into_remainder();
                if !rest.is_empty() {
                    let mut padded = [0.0; MOST_LANES];
                    padded[..rest.len()].copy_from_slice(rest);
                    let $x = <$lanes>::load(&padded);
                    $value.store(&mut padded);
                    rest.copy_from_slice(&padded[..rest.len()]);
                }
            }};
        }
        match self {
            Self::Identity => {}
            Self::Relu => by_lanes!(S::Wide, |x| formulas::relu(x)),
            Self::LeakyRelu { negative_slope } => {
                by_lanes!(S::Wide, |x| formulas::leaky_relu(x, negative_slope))
            }
            Self::Elu { alpha, scale, input_scale } => {
                by_lanes!(S::Wide, |x| formulas::elu(x, alpha, scale, input_scale));
            }
            Self::Gelu => by_lanes!(S::Wide, |x| formulas::gelu(x)),
            Self::GeluTanh => by_lanes!(S::Wide, |x| formulas::gelu_tanh(x)),
            Self::Silu => by_lanes!(S::Wide, |x| formulas::silu(x)),
            Self::Mish => by_lanes!(S::Wide, |x| formulas::mish(x)),
            Self::Softplus { beta, threshold } => {
                by_lanes!(S::Wide, |x| formulas::softplus(x, beta, threshold))
            }
            Self::Softsign => by_lanes!(S::Wide, |x| formulas::softsign(x)),
            Self::Hardtanh { min, max } => by_lanes!(S::Wide, |x| formulas::hardtanh(x, min, max)),
            Self::Hardsigmoid => by_lanes!(S::Wide, |x| formulas::hardsigmoid(x)),
            Self::Hardswish => by_lanes!(S::Wide, |x| formulas::hardswish(x)),
            Self::Sigmoid => by_lanes!(S::Wide, |x| formulas::sigmoid(x)),
            Self::LogSigmoid => by_lanes!(S::Wide, |x| formulas::log_sigmoid(x)),
            Self::Tanh => tanh_slice::<S>(values),
            Self::Sin => by_lanes!(S::F32, |x| sin::sin::<S>(x)),
        }
    }
}
