//! NumPy's scalars as the reference mixes them: float32, float64, and Python's own floats, which take the type of what they
//! meet (NEP 50).

use std::cmp::Ordering;

/// A number and its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// `numpy.float32`.
    F32(f32),
    /// `numpy.float64`.
    F64(f64),
    /// Python's `float`.
    Python(f64),
}

impl Number {
    /// The sum, in the wider type of the two; a Python float is rounded to the other's first.
    #[inline]
    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::F32(a), Self::F32(b)) => Self::F32(a + b),
            (Self::F32(a), Self::Python(b)) => Self::F32(a + b as f32),
            (Self::Python(a), Self::F32(b)) => Self::F32(a as f32 + b),
            (Self::Python(a), Self::Python(b)) => Self::Python(a + b),
            (a, b) => Self::F64(a.wide() + b.wide()),
        }
    }

    /// How it compares with a Python float, which is rounded to its type.
    #[inline]
    pub(super) fn order(self, other: f64) -> Option<Ordering> {
        match self {
            Self::F32(value) => value.partial_cmp(&(other as f32)),
            Self::F64(value) | Self::Python(value) => value.partial_cmp(&other),
        }
    }

    /// Whether it is at least `other`; NaN is not.
    #[inline]
    pub(super) fn reaches(self, other: f64) -> bool {
        matches!(self.order(other), Some(Ordering::Greater | Ordering::Equal))
    }

    /// Itself within `low` and `high`, else that Python float; NaN passes.
    #[inline]
    pub(super) fn within(self, low: f64, high: f64) -> Self {
        if self.order(high) == Some(Ordering::Greater) {
            Self::Python(high)
        } else if self.order(low) == Some(Ordering::Less) {
            Self::Python(low)
        } else {
            self
        }
    }

    /// In float64, which holds all of them.
    #[inline]
    pub(super) fn wide(self) -> f64 {
        match self {
            Self::F32(value) => value.into(),
            Self::F64(value) | Self::Python(value) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Number::{F32, F64, Python};

    #[test]
    fn a_python_float_takes_the_other_s_type() {
        assert_eq!(F32(1.0).plus(Python(0.1)), F32(1.0 + 0.1_f32));
        assert_eq!(Python(0.1).plus(F32(1.0)), F32(1.0 + 0.1_f32));
        assert_eq!(F64(1.0).plus(Python(0.1)), F64(1.1));
        assert_eq!(F32(0.1).plus(F64(1.0)), F64(f64::from(0.1_f32) + 1.0));
        assert_eq!(Python(0.5).plus(Python(0.25)), Python(0.75));
    }

    #[test]
    fn comparisons_are_made_in_the_type() {
        assert_eq!(F32(0.07).order(0.07), Some(Ordering::Equal));
        assert_eq!(F64(0.07_f32.into()).order(0.07), Some(Ordering::Greater));
        assert!(F32(0.07).reaches(0.07) && !F32(0.07_f32.next_down()).reaches(0.07));
        assert!(!F32(f32::NAN).reaches(-1.0));
    }

    #[test]
    fn a_number_beyond_a_bound_becomes_python_s() {
        assert_eq!(F32(0.07).within(-0.07, 0.07), F32(0.07));
        assert_eq!(F32(0.07_f32.next_up()).within(-0.07, 0.07), Python(0.07));
        assert_eq!(F64(-1.0).within(-0.07, 0.07), Python(-0.07));
        assert!(F64(f64::NAN).within(-0.07, 0.07).wide().is_nan());
    }
}
