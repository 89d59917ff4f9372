//! The functions of nodes by neat-python's names, and what neat-python computes when it calls one.

use crate::number::{Number, Precision};
use lane_math::libm;

/// What a node makes of the sum, or other aggregate, of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // the names say it; the formulas are in `activated`
pub enum Activation {
    Abs,
    Clamped,
    Cube,
    Elu,
    Exp,
    Gauss,
    Hat,
    Identity,
    Inv,
    Lelu,
    Log,
    Relu,
    Selu,
    Sigmoid,
    Sin,
    Softplus,
    Square,
    Tanh,
}

impl Activation {
    /// Every activation by its name, in the order of their numbers, which files contain.
    pub const ALL: [(&'static str, Self); 18] = [
        ("abs", Self::Abs),
        ("clamped", Self::Clamped),
        ("cube", Self::Cube),
        ("elu", Self::Elu),
        ("exp", Self::Exp),
        ("gauss", Self::Gauss),
        ("hat", Self::Hat),
        ("identity", Self::Identity),
        ("inv", Self::Inv),
        ("lelu", Self::Lelu),
        ("log", Self::Log),
        ("relu", Self::Relu),
        ("selu", Self::Selu),
        ("sigmoid", Self::Sigmoid),
        ("sin", Self::Sin),
        ("softplus", Self::Softplus),
        ("square", Self::Square),
        ("tanh", Self::Tanh),
    ];

    /// Whether Python raises an `OverflowError` for some Python floats.
    pub(crate) fn may_raise(self) -> bool {
        matches!(self, Self::Square | Self::Cube)
    }
}

/// How a node makes one number of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Aggregation {
    Max,
    Maxabs,
    Mean,
    Median,
    Min,
    Product,
    Sum,
}

impl Aggregation {
    /// Every aggregation by its name, in the order of their numbers, which files contain.
    pub const ALL: [(&'static str, Self); 7] = [
        ("max", Self::Max),
        ("maxabs", Self::Maxabs),
        ("mean", Self::Mean),
        ("median", Self::Median),
        ("min", Self::Min),
        ("product", Self::Product),
        ("sum", Self::Sum),
    ];
}

/// The sigmoid of `5 z`, which the caller has multiplied and brought [`within`] 60.
#[inline(always)]
pub(crate) fn sigmoid_within(five_z: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-five_z))
}

/// `max(-bound, min(bound, z))` as Python has it: NaN becomes the bound.
#[inline(always)]
pub(crate) fn within(z: f64, bound: f64) -> f64 {
    let lowered = if z < bound { z } else { bound };
    if lowered > -bound { lowered } else { -bound }
}

const LEAK: f64 = 0.005;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
/// `gauss` looks no further from 0.
const GAUSS_BOUND: f64 = 3.4;
/// `log` takes nothing below it.
const LEAST_LOGARITHM: f64 = 1e-7;

/// The activation of `z`; `None` where Python raises an `OverflowError`.
///
/// Functions of `math` return Python floats whatever they are given, arithmetic with a NumPy scalar stays a NumPy scalar, and
/// `min`, `max` and conditional expressions return one of their arguments as it is: so is the kind of each result.
#[inline(always)]
pub(crate) fn activated<P: Precision>(activation: Activation, z: Number) -> Option<Number> {
    use Number as N;
    let scaled = |factor: f64| within(P::mul(N::python(factor), z).value, 60.0);
    Some(match activation {
        Activation::Sigmoid => N::python(sigmoid_within(scaled(5.0))),
        Activation::Tanh => N::python(libm::tanh(scaled(2.5))),
        Activation::Sin => N::python(libm::sin(scaled(5.0))),
        Activation::Gauss => N::python(gauss::<P>(z)),
        Activation::Relu => {
            if z.value > 0.0 {
                z
            } else {
                N::python(0.0)
            }
        }
        Activation::Elu => {
            if z.value > 0.0 {
                z
            } else {
                N::python(libm::exp(z.value) - 1.0)
            }
        }
        Activation::Lelu => {
            if z.value > 0.0 {
                z
            } else {
                P::mul(N::python(LEAK), z)
            }
        }
        Activation::Selu => {
            if z.value > 0.0 {
                P::mul(N::python(SELU_SCALE), z)
            } else {
                N::python(SELU_SCALE * SELU_ALPHA * (libm::exp(z.value) - 1.0))
            }
        }
        Activation::Softplus => N::python(0.2 * libm::log(1.0 + libm::exp(scaled(5.0)))),
        Activation::Identity => z,
        Activation::Clamped => {
            let lowered = if z.value < 1.0 { z } else { N::python(1.0) };
            if lowered.value > -1.0 { lowered } else { N::python(-1.0) }
        }
        Activation::Inv => {
            // Of a Python float Python raises, and neat-python catches it; a NumPy scalar gives an infinity.
            if z.value == 0.0 && !z.is_numpy { N::python(0.0) } else { P::div(N::python(1.0), z) }
        }
        Activation::Log => {
            let is_above = P::less(N::python(LEAST_LOGARITHM), z);
            N::python(libm::log(if is_above { z.value } else { LEAST_LOGARITHM }))
        }
        Activation::Exp => N::python(libm::exp(within(z.value, 60.0))),
        Activation::Abs => Number { value: z.value.abs(), ..z },
        Activation::Hat => {
            let height = P::sub(N::python(1.0), Number { value: z.value.abs(), ..z });
            if height.value > 0.0 { height } else { N::python(0.0) }
        }
        Activation::Square => return power::<P>(z, 2.0),
        Activation::Cube => return power::<P>(z, 3.0),
    })
}

/// `math.exp(-5.0 * max(-3.4, min(3.4, z)) ** 2)`: the bounds are compared in the precision of `z`, and are Python floats.
#[inline(always)]
fn gauss<P: Precision>(z: Number) -> f64 {
    let bound = Number::python(GAUSS_BOUND);
    let lowered = if P::less(z, bound) { z } else { bound };
    let lowest = Number::python(-GAUSS_BOUND);
    let z = if P::less(lowest, lowered) { lowered } else { lowest };
    // Of numbers this small no square overflows.
    let square = power::<P>(z, 2.0).unwrap_or(z);
    libm::exp(P::mul(Number::python(-5.0), square).value)
}

/// `z ** exponent`; Python raises where a finite Python float gives an infinite one.
#[inline(always)]
fn power<P: Precision>(z: Number, exponent: f64) -> Option<Number> {
    if z.is_numpy {
        return Some(Number { value: P::pow(z.value, exponent), is_numpy: true });
    }
    let value = libm::pow(z.value, exponent);
    (!value.is_infinite() || z.value.is_infinite()).then_some(Number::python(value))
}
