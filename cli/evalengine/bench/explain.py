"""Why a baseline's episode differs from the engine's: is it the rounding of PyTorch's sums, and nothing else?

PyTorch with a batch of one does not always add in the same order (it depends on the alignment of the weights in
memory), so where two logits nearly tie it may choose another action than the engine, and the episodes part ways.
Whether that is what happened can be decided, because the environments are equal bit for bit: the baseline's actions
are played back on the native environment, and at every step the engine's policy is asked what it would have done.

An episode is **explained** if and only if

1. the playback ends where the baseline's episode ended, with the same return to the bit and the same number of steps;
2. at every step where the policies chose differently, both choices can be right: with z the logits in exact
   arithmetic, a the engine's action and b the baseline's, |z[a] - z[b]| <= bound[a] + bound[b], where
   |computed - z| <= bound holds for any order of summation in float32 (`logits_and_bounds`); or, for the actions of a
   Box, |a - b| <= `difference_bound` in each dimension;
3. there is at least one such step.

Anything else is a mismatch, and so are other choices of a policy with layers of which no bound is known. Depends on the
native environment and on NumPy, never on PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.rounding import TANH_ULPS, UNIT_ROUNDOFF, logits_and_bounds, unbounded_layers
from evalengine.environments.native import make
from evalengine.environments.registry import resolve
from evalengine.policies.heads import Head, plain_action
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy


@dataclass(frozen=True)
class Explanation:
    """The verdict on one episode that differs.

    Attributes:
        explained: whether rounding, and nothing else, made the difference.
        reason: one line with the numbers behind the verdict.
        step: first step (from 0) at which the chosen actions differ; None if they never do.
        margin: |z[a] - z[b]| there, or |a - b| of a Box.
        bound: what rounding can do to it there.
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
        env_id: full id.
        policy: the architecture.
        weights: float32 (D,), the individual.
        seed: the episode's seed.
        actions: the actions that the baseline took, as `Head.encoded` gives them.
        episode_return: the return that it reported.
    """
    head = Head.of(policy, resolve(env_id))
    baseline = head.decoded(actions)
    observations, native_return, ended_at = _play_back(env_id, seed, baseline)
    if ended_at is None:
        return Explanation(False, f"after {len(baseline)} steps the baseline's episode ends, the native one does not")
    if ended_at != len(baseline):
        return Explanation(
            False, f"the native episode ends after {ended_at} steps, the baseline's after {len(baseline)}"
        )
    if np.float64(native_return).tobytes() != np.float64(episode_return).tobytes():
        return Explanation(False, f"the same actions return {native_return!r} natively, not {episode_return!r}")
    inputs = policy_inputs(policy, observations)
    ours = head.actions(_logits_of_an_episode(policy, weights, inputs.reshape(len(inputs), -1)))
    parted = np.flatnonzero((ours != baseline).reshape(len(ours), -1).any(axis=1)).tolist()
    if not parted:
        return Explanation(False, "every action is the engine's own, but the results differ")
    unbounded = unbounded_layers(policy)
    if unbounded:
        step = parted[0]
        text = f"step {step}, action {ours[step]} or {baseline[step]}: no bound is known of {', '.join(unbounded)}"
        return Explanation(False, text, step)
    margins = []
    for step in parted:
        margin, bound = _margin_and_bound(head, policy, weights, inputs[step], ours[step], baseline[step])
        margins.append((step, margin, bound))
        if not margin <= bound:
            text = f"{_choices(head, step, ours, baseline)} {margin:.3g} above the bound {bound:.3g}"
            return Explanation(False, text, step, margin, bound)
    step, margin, bound = margins[0]
    text = f"{_choices(head, step, ours, baseline)} {margin:.3g} within the bound {bound:.3g}"
    if len(margins) > 1:
        text += f" (and {len(margins) - 1} later steps)"
    return Explanation(True, text, step, margin, bound)


def _margin_and_bound(
    head: Head, policy: Policy, weights: NDArray[np.float32], policy_input: NDArray[np.float32], ours: Any, theirs: Any
) -> tuple[float, float]:
    """How far two choices on the same observation are apart, and how far rounding can have taken them."""
    exact, bounds = logits_and_bounds(policy, weights, policy_input)
    if head.is_discrete:
        return float(abs(exact[ours] - exact[theirs])), float(bounds[ours] + bounds[theirs])
    differences, bounds = np.abs(ours.astype(np.float64) - theirs), difference_bound(head, bounds)
    worst = int(np.argmax(differences - bounds))
    return float(differences[worst]), float(bounds[worst])


def difference_bound(head: Head, logit_bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far two float32 evaluations of a Box action can be apart, (n,).

    Both see logits within e of the exact ones. Clipping moves nothing further apart: 2 e. With r = high - low, tanh has
    slope at most 1, errs by TANH_ULPS 2 u, and is scaled by r / 2; the sum with 1, the product with r and the sum with
    `low` round once each, by at most r u, r u and max(|low|, |high|) u.

    Args:
        head: of a Box.
        logit_bounds: float64 (n,), e, as `logits_and_bounds` gives them.
    """
    if head.kind == "clip":
        return 2.0 * logit_bounds
    low, high = np.array(head.low), np.array(head.high)
    squashed = (high - low) / 2.0 * (logit_bounds + TANH_ULPS * 2.0 * UNIT_ROUNDOFF)
    rounded = UNIT_ROUNDOFF * (2.0 * (high - low) + np.maximum(np.abs(low), np.abs(high)))
    return np.asarray(2.0 * (squashed + rounded) * (1.0 + 2.0**-20))


def _logits_of_an_episode(
    policy: Policy, weights: NDArray[np.float32], inputs: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The logits (steps, n) of the steps of an episode, whose inputs (steps, n_inputs) follow each other."""
    if policy.n_state == 0:
        return policy.logits(weights, inputs)
    logits, state = [], None
    for row in inputs:
        step, state = policy.step(weights, row[np.newaxis], state)
        logits.append(step)
    return np.concatenate(logits)


def _choices(head: Head, step: int, ours: NDArray[Any], baseline: NDArray[Any]) -> str:
    what = "logit margin" if head.is_discrete else "difference"
    return f"step {step}, action {ours[step]} or {baseline[step]}: {what}"


def _play_back(env_id: str, seed: int, actions: NDArray[Any]) -> tuple[NDArray[np.float32], float, int | None]:
    """Observations before each action, the return (summed first to last), and the step at which the episode ended."""
    env = make(env_id)
    observation, _ = env.reset(seed=seed)
    observations = []
    total = 0.0
    for step, action in enumerate(actions, start=1):
        observations.append(observation)
        observation, reward, terminated, truncated, _ = env.step(plain_action(action))
        total += reward
        if terminated or truncated:
            return np.stack(observations), total, step
    return np.stack(observations), total, None
