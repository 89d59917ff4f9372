"""How far the logits of a float32 forward pass can be from the exact ones, whatever the order of its sums.

    >>> exact, bounds = logits_and_bounds(policy, weights, observation)      # float64 logits, a bound for each

So two implementations that choose different actions can both be right: where their logits nearly tie. Depends on
`Policy` and NumPy, never on the implementations that it judges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalengine.policies.policy import Policy
from evalengine.policies.tokens import Convolution

Pair = tuple[int, int]
"""height and width"""

UNIT_ROUNDOFF = 2.0**-24
"""Of float32, round to nearest."""

SMALLEST_SUBNORMAL = 2.0**-149
"""Bounds what underflow can take from one float32 product."""

_BOUNDED_LAYERS = {"linear", "conv2d", "relu", "tanh"}

TANH_ULPS = 2.0
"""Error of one float32 tanh, in units in the last place: PyTorch's own is at most 0.52, others' are larger."""


def unbounded_layers(policy: Policy) -> list[str]:
    """Return the names of a policy's layers whose rounding no formula here bounds."""
    found = {layer[0] for layer in policy.layers} - _BOUNDED_LAYERS
    plain = Convolution(1, (1, 1))
    if any((conv.dilation, conv.groups) != (plain.dilation, plain.groups) for conv in policy.convolutions):
        found.add("dilation or groups")
    return sorted(found)


def logits_and_bounds(
    policy: Policy, weights: NDArray[np.float32], policy_input: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The logits in float64 and, for each, a bound on the error of any float32 evaluation of the same network.

    Running error analysis, layer by layer. With x the exact inputs of a layer, e >= |computed input - x| and
    gamma_n = n u / (1 - n u), a linear or convolutional output that adds K products and a bias, in any order and
    with or without fused multiply-adds, passes each term through at most K + 1 roundings, so

        e' = |W| e + gamma_(K+1) (|W| (|x| + e) + |b|) + (K + 1) s        s: the smallest subnormal

    ReLU cannot widen e. tanh has slope at most 1 and adds its own error: e' = e + TANH_ULPS 2 u (|tanh x| + e). The
    float64 arithmetic here is charged at 2^-20 of the bound, thousands of times what it can lose.

    Args:
        policy: the architecture.
        weights: float32 (D,).
        policy_input: one observation as the policy sees it, float32 (n,) or (C, H, W).

    Raises:
        ValueError: the policy has one of `unbounded_layers`.
    """
    vector = weights.astype(np.float64)
    values = policy_input.astype(np.float64)
    errors = np.zeros_like(values)
    position = 0
    for layer in policy.layers:
        if layer[0] in ("linear", "conv2d"):
            taken, values, errors = _affine(layer, vector[position:], values, errors)  # type: ignore[arg-type]
            position += taken
        elif layer[0] == "relu":
            values = np.maximum(values, 0.0)
        elif layer[0] == "tanh":
            values = np.tanh(values)
            errors = errors + TANH_ULPS * 2.0 * UNIT_ROUNDOFF * (np.abs(values) + errors)
        else:
            raise ValueError(f"expected one of {', '.join(sorted(_BOUNDED_LAYERS))}, got {layer[0]}")
        errors = errors * (1.0 + 2.0**-20)
    return values, errors


def _affine(
    layer: tuple[str, int, bool] | tuple[str, int, Pair, Pair, Pair, Pair, int, bool],
    vector: NDArray[np.float64],
    values: NDArray[np.float64],
    errors: NDArray[np.float64],
) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """A linear or convolutional layer: parameters taken from `vector`, exact outputs, bounds of their errors."""
    output_shape: tuple[int, ...]
    if len(layer) == 3:
        _, outputs, bias = layer
        columns = values.reshape(-1, 1)
        error_columns = errors.reshape(-1, 1)
        output_shape = (outputs,)
    else:
        _, outputs, kernel, stride, padding, _, _, bias = layer
        columns, output_size = _patches(values, kernel, stride, padding)
        error_columns, _ = _patches(errors, kernel, stride, padding)
        output_shape = (outputs, *output_size)
    products = len(columns)
    matrix = vector[: outputs * products].reshape(outputs, products)
    taken = outputs * products
    offsets = np.zeros((outputs, 1))
    if bias:
        offsets = vector[taken : taken + outputs].reshape(outputs, 1)
        taken += outputs
    roundings = (products + 1) * UNIT_ROUNDOFF
    gamma = roundings / (1.0 - roundings)
    magnitudes = np.abs(matrix)
    result = matrix @ columns + offsets
    bounds = (
        magnitudes @ error_columns
        + gamma * (magnitudes @ (np.abs(columns) + error_columns) + np.abs(offsets))
        + (products + 1) * SMALLEST_SUBNORMAL
    )
    return taken, result.reshape(output_shape), bounds.reshape(output_shape)


def _patches(image: NDArray[np.float64], kernel: Pair, stride: Pair, padding: Pair) -> tuple[NDArray[np.float64], Pair]:
    """The inputs of each output pixel of a convolution as a column: (C * KH * KW, OH * OW), and (OH, OW)."""
    padded = np.pad(image, ((0, 0), (padding[0], padding[0]), (padding[1], padding[1])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))[:, :: stride[0], :: stride[1]]
    channels, height, width = windows.shape[:3]
    columns = windows.transpose(0, 3, 4, 1, 2).reshape(channels * kernel[0] * kernel[1], height * width)
    return columns, (height, width)
