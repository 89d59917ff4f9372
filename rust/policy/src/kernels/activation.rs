//! Relu and tanh, value by value.

use lane_math::lanes::{F32x8, Simd};

/// An activation that is applied to rows in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Relu,
    Tanh,
}

impl Activation {
    /// Applies the function to every value; rows are padded to whole vectors, and so is `values`.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, values: &mut [f32]) {
        match self {
            Self::Relu => {
                for eight in values.chunks_exact_mut(8) {
                    relu(S::F32::load(eight)).store(eight);
                }
            }
            Self::Tanh => lane_math::tanh_slice::<S>(values),
        }
    }
}

/// +0 where the value is below zero; -0 and NaN are not greater than +0 nor below it, and pass.
#[inline(always)]
pub(crate) fn relu<V: F32x8>(value: V) -> V {
    V::zero().max(value)
}
