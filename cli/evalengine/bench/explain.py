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
from evalengine.rounding import logits_and_bounds


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
