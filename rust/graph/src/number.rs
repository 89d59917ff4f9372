//! The numbers of a Python program: Python floats, and NumPy scalars, which an observation consists of.

use lane_math::lanes::F64x4;
use lane_math::libm;
use std::fmt::Debug;

/// A Python float or a NumPy scalar, by value: a float32 is held as the float64 that equals it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) value: f64,
    pub(crate) is_numpy: bool,
}

impl Number {
    #[inline(always)]
    pub(crate) const fn python(value: f64) -> Self {
        Self { value, is_numpy: false }
    }
}

/// The precision of NumPy's scalars in a graph; with NumPy 2 a Python float takes part in it, and no more.
pub(crate) trait Precision: Copy + Debug {
    /// A Python float that takes part in NumPy's arithmetic.
    fn round(value: f64) -> f64;
    fn add_rounded(a: f64, b: f64) -> f64;
    fn sub_rounded(a: f64, b: f64) -> f64;
    fn mul_rounded(a: f64, b: f64) -> f64;
    fn div_rounded(a: f64, b: f64) -> f64;
    fn pow(base: f64, exponent: f64) -> f64;
    /// [`Self::round`] in lanes. The sum or product of two rounded numbers, rounded once more, is what NumPy's arithmetic gives:
    /// float64 has more than twice the digits of float32, so rounding twice changes nothing.
    fn round_lanes<V: F64x4>(values: V) -> V;

    #[inline(always)]
    fn binary(a: Number, b: Number, python: fn(f64, f64) -> f64, numpy: fn(f64, f64) -> f64) -> Number {
        if a.is_numpy || b.is_numpy {
            Number { value: numpy(Self::of(a), Self::of(b)), is_numpy: true }
        } else {
            Number::python(python(a.value, b.value))
        }
    }

    /// A number as NumPy's arithmetic takes it.
    #[inline(always)]
    fn of(number: Number) -> f64 {
        if number.is_numpy { number.value } else { Self::round(number.value) }
    }

    #[inline(always)]
    fn add(a: Number, b: Number) -> Number {
        Self::binary(a, b, |a, b| a + b, Self::add_rounded)
    }

    #[inline(always)]
    fn sub(a: Number, b: Number) -> Number {
        Self::binary(a, b, |a, b| a - b, Self::sub_rounded)
    }

    #[inline(always)]
    fn mul(a: Number, b: Number) -> Number {
        Self::binary(a, b, |a, b| a * b, Self::mul_rounded)
    }

    #[inline(always)]
    fn div(a: Number, b: Number) -> Number {
        Self::binary(a, b, |a, b| a / b, Self::div_rounded)
    }

    /// `a < b`: of a NumPy scalar and a Python float in NumPy's precision.
    #[inline(always)]
    fn less(a: Number, b: Number) -> bool {
        if a.is_numpy == b.is_numpy { a.value < b.value } else { Self::of(a) < Self::of(b) }
    }
}

/// NumPy's float32.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Float32;

impl Precision for Float32 {
    #[inline(always)]
    fn round(value: f64) -> f64 {
        f64::from(value as f32)
    }

    #[inline(always)]
    fn add_rounded(a: f64, b: f64) -> f64 {
        f64::from(a as f32 + b as f32)
    }

    #[inline(always)]
    fn sub_rounded(a: f64, b: f64) -> f64 {
        f64::from(a as f32 - b as f32)
    }

    #[inline(always)]
    fn mul_rounded(a: f64, b: f64) -> f64 {
        f64::from(a as f32 * b as f32)
    }

    #[inline(always)]
    fn div_rounded(a: f64, b: f64) -> f64 {
        f64::from(a as f32 / b as f32)
    }

    #[inline(always)]
    fn pow(base: f64, exponent: f64) -> f64 {
        f64::from(libm::powf(base as f32, exponent as f32))
    }

    #[inline(always)]
    fn round_lanes<V: F64x4>(values: V) -> V {
        values.round_to_single()
    }
}

/// NumPy's float64, which a uint8 times a Python float is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Float64;

impl Precision for Float64 {
    #[inline(always)]
    fn round(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn add_rounded(a: f64, b: f64) -> f64 {
        a + b
    }

    #[inline(always)]
    fn sub_rounded(a: f64, b: f64) -> f64 {
        a - b
    }

    #[inline(always)]
    fn mul_rounded(a: f64, b: f64) -> f64 {
        a * b
    }

    #[inline(always)]
    fn div_rounded(a: f64, b: f64) -> f64 {
        a / b
    }

    #[inline(always)]
    fn pow(base: f64, exponent: f64) -> f64 {
        libm::pow(base, exponent)
    }

    #[inline(always)]
    fn round_lanes<V: F64x4>(values: V) -> V {
        values
    }
}
