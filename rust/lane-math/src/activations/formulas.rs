//! The activations over eight lanes: PyTorch's formulas, in its order of operations.
//!
//! Where one needs exp, expm1, log1p or tanh, it is SLEEF's. Nothing is fused but what is written as `mul_add`.

use super::exp::{exp, expm1, tanh};
pub(super) use super::gelu::gelu;
use super::log1p::log1p;
use crate::lanes::F32Lanes;

/// +0 where the value is below zero; -0 and NaN are not greater than +0 nor below it, and pass.
///
/// For kernels that apply it before they store; [`Activation::Relu`](crate::Activation::Relu) is the same for slices.
#[inline(always)]
pub fn relu<V: F32Lanes>(x: V) -> V {
    V::zero().max(x)
}

#[inline(always)]
pub(super) fn leaky_relu<V: F32Lanes>(x: V, negative_slope: f32) -> V {
    x.mul(V::select(V::zero().lt(x), V::splat(1.0), V::splat(negative_slope)))
}

#[inline(always)]
pub(super) fn elu<V: F32Lanes>(x: V, alpha: f32, scale: f32, input_scale: f32) -> V {
    let negative = expm1(x.mul(V::splat(input_scale))).mul(V::splat(alpha * scale));
    V::select(V::zero().le(x), x.mul(V::splat(scale)), negative)
}

#[inline(always)]
pub(super) fn sigmoid<V: F32Lanes>(x: V) -> V {
    V::splat(1.0).div(V::splat(1.0).add(exp(x.neg())))
}

#[inline(always)]
pub(super) fn log_sigmoid<V: F32Lanes>(x: V) -> V {
    x.min(V::zero()).sub(log1p(exp(x.abs().neg())))
}

#[inline(always)]
pub(super) fn silu<V: F32Lanes>(x: V) -> V {
    x.div(V::splat(1.0).add(exp(x.neg())))
}

#[inline(always)]
pub(super) fn mish<V: F32Lanes>(x: V) -> V {
    x.mul(tanh(log1p(exp(x))))
}

#[inline(always)]
pub(super) fn softplus<V: F32Lanes>(x: V, beta: f32, threshold: f32) -> V {
    let scaled = x.mul(V::splat(beta));
    let curve = log1p(exp(scaled)).div(V::splat(beta));
    V::select(V::splat(threshold).lt(scaled), x, curve)
}

#[inline(always)]
pub(super) fn softsign<V: F32Lanes>(x: V) -> V {
    x.div(x.abs().add(V::splat(1.0)))
}

#[inline(always)]
pub(super) fn hardtanh<V: F32Lanes>(x: V, min: f32, max: f32) -> V {
    V::splat(max).min(V::splat(min).max(x)) // in this order NaN passes
}

#[inline(always)]
pub(super) fn hardsigmoid<V: F32Lanes>(x: V) -> V {
    hardtanh(x.add(V::splat(3.0)), 0.0, 6.0).div(V::splat(6.0))
}

#[inline(always)]
pub(super) fn hardswish<V: F32Lanes>(x: V) -> V {
    x.mul(hardtanh(x.add(V::splat(3.0)), 0.0, 6.0)).div(V::splat(6.0))
}

#[inline(always)]
pub(super) fn gelu_tanh<V: F32Lanes>(x: V) -> V {
    let cube = x.mul(x).mul(x);
    let inner = V::splat(SQRT_2_OVER_PI).mul(V::splat(0.044_715).mul_add(cube, x));
    V::splat(0.5).mul(x).mul(V::splat(1.0).add(tanh(inner)))
}

const SQRT_2_OVER_PI: f32 = 0.797_884_6;
