"""Why a baseline's episode differs from the engine's: is it the rounding of PyTorch's sums, and nothing else?

PyTorch with a batch of one does not always add in the same order (it depends on the alignment of the weights in
memory), so where two logits nearly tie it may choose another action than the engine, and the episodes part ways.
Whether that is what happened can be decided, because the environments are equal bit for bit: the baseline's actions
are played back on the native environment, and at every step the engine's policy is asked what it would have done.

An episode is **explained** if and only if

1. the playback ends where the baseline's episode ended, with the same return to the bit and the same number of steps;
2. at every step where the policies chose differently, both choices can be right: with z the logits in exact
   arithmetic, a the engine's action and b the baseline's, |z[a] - z[b]| <= bound[a] + bound[b], where
   |computed - z| <= bound holds for any order of summation in float32 (`logits_and_bounds`);
3. there is at least one such step.

Anything else is a mismatch. Depends on the native environment and on NumPy, never on PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine import environment
from evalengine.bench.backends import policy_inputs
from evalengine.policy import Policy

Pair = tuple[int, int]
"""height and width"""

UNIT_ROUNDOFF = 2.0**-24
"""Of float32, round to nearest."""

SMALLEST_SUBNORMAL = 2.0**-149
"""Bounds what underflow can take from one float32 product."""

TANH_ULPS = 2.0
"""Error of one float32 tanh, in units in the last place: PyTorch's was measured at most 0.52, ours is below 1.5."""


@dataclass(frozen=True)
class Explanation:
    """The verdict on one episode that differs.

    Attributes:
        explained: whether rounding, and nothing else, made the difference.
        reason: one line with the numbers behind the verdict.
        step: first step (from 0) at which the chosen actions differ; None if they never do.
        margin: |z[a] - z[b]| there.
        bound: the sum of both logits' error bounds there.
    """

    explained: bool
    reason: str
    step: int | None = None
    margin: float | None = None
    bound: float | None = None


def explain_episode(
    env_id: str,
    policy: Policy,
    weights: NDArray[np.float32],
    seed: int,
    actions: bytes,
    episode_return: float,
) -> Explanation:
    """Judge one episode of a baseline that differs from the engine's.

    Args:
        env_id: full id of an environment with discrete actions.
        policy: the architecture.
        weights: float32 (D,), the individual.
        seed: the episode's seed.
        actions: the actions that the baseline took, one byte each.
        episode_return: the return that it reported.
    """
    observations, native_return, ended_at = _play_back(env_id, seed, actions)
    if ended_at is None:
        return Explanation(False, f"after {len(actions)} steps the baseline's episode ends, the native one does not")
    if ended_at != len(actions):
        return Explanation(
            False, f"the native episode ends after {ended_at} steps, the baseline's after {len(actions)}"
        )
    if np.float64(native_return).tobytes() != np.float64(episode_return).tobytes():
        return Explanation(False, f"the same actions return {native_return!r} natively, not {episode_return!r}")
    inputs = policy_inputs(policy, observations)
    baseline = np.frombuffer(actions, np.uint8).astype(np.intp)
    ours = np.argmax(policy.logits(weights, inputs.reshape(len(inputs), -1)), axis=1)
    parted = [int(step) for step in np.flatnonzero(ours != baseline)]
    if not parted:
        return Explanation(False, "every action is the engine's own, but the results differ")
    margins = []
    for step in parted:
        exact, bounds = logits_and_bounds(policy, weights, inputs[step])
        margin = float(abs(exact[ours[step]] - exact[baseline[step]]))
        bound = float(bounds[ours[step]] + bounds[baseline[step]])
        margins.append((step, margin, bound))
        if not margin <= bound:
            text = f"{_choices(step, ours, baseline)}: logit margin {margin:.3g} above the bound {bound:.3g}"
            return Explanation(False, text, step, margin, bound)
    step, margin, bound = margins[0]
    text = f"{_choices(step, ours, baseline)}: logit margin {margin:.3g} within the bound {bound:.3g}"
    if len(margins) > 1:
        text += f" (and {len(margins) - 1} later steps)"
    return Explanation(True, text, step, margin, bound)


def _choices(step: int, ours: NDArray[np.intp], baseline: NDArray[np.intp]) -> str:
    return f"step {step}, action {ours[step]} or {baseline[step]}"


def _play_back(env_id: str, seed: int, actions: bytes) -> tuple[NDArray[np.float32], float, int | None]:
    """Observations before each action, the return (summed first to last), and the step at which the episode ended."""
    env = environment.make(env_id)
    observation, _ = env.reset(seed=seed)
    observations = []
    total = 0.0
    for step, action in enumerate(actions, start=1):
        observations.append(observation)
        observation, reward, terminated, truncated, _ = env.step(action)
        total += reward
        if terminated or truncated:
            return np.stack(observations), total, step
    return np.stack(observations), total, None


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
    """
    vector = weights.astype(np.float64)
    values = policy_input.astype(np.float64)
    errors = np.zeros_like(values)
    position = 0
    for layer in policy.layers:
        if len(layer) != 1:
            taken, values, errors = _affine(layer, vector[position:], values, errors)
            position += taken
        elif layer[0] == "relu":
            values = np.maximum(values, 0.0)
        else:
            values = np.tanh(values)
            errors = errors + TANH_ULPS * 2.0 * UNIT_ROUNDOFF * (np.abs(values) + errors)
        errors = errors * (1.0 + 2.0**-20)
    return values, errors


def _affine(
    layer: tuple[str, int, bool] | tuple[str, int, Pair, Pair, Pair, bool],
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
        _, outputs, kernel, stride, padding, bias = layer
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
