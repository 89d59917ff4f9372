"""Heads: the engine's own actions, the same by NumPy, and how far two of them can be apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import Policy
from evalengine.environments.registry import resolve
from evalengine.policies.heads import Head, plain_action
from evalengine.policies.rounding import UNIT_ROUNDOFF

BOX = Head("tanh", (-2.0, 0.0), (2.0, 5.0))


def exact_tanh(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.tanh(values.astype(np.float64)).astype(np.float32)


def test_the_head_follows_from_policy_and_environment() -> None:
    assert Head.of(Policy("mlp:4-64-2"), resolve("cartpole")) == Head()
    assert Head.of(Policy("mlp:3-64-1"), resolve("pendulum")) == Head("tanh", (-2.0,), (2.0,))
    assert Head.of(Policy("mlp:3-64-1,head=clip"), resolve("pendulum")) == Head("clip", (-2.0,), (2.0,))
    assert Head().is_discrete and not BOX.is_discrete


def test_discrete_actions_are_the_first_nan_or_the_first_largest_logit() -> None:
    logits = np.array([[0, 1, 1], [2, np.nan, np.nan], [0, -1, -0.0]], np.float32)
    assert Head().actions(logits).tolist() == [1, 1, 0]
    assert Head().actions_with(exact_tanh, logits).tolist() == [1, 1, 0]
    assert type(plain_action(Head().actions(logits)[0])) is int


def test_box_actions_are_scaled_or_clipped_to_their_bounds() -> None:
    logits = np.array([[0.0, 0.0], [-50.0, 50.0], [1.0, 3.0]], np.float32)
    scaled = BOX.actions(logits)
    assert scaled.dtype == np.float32 and scaled.shape == (3, 2)
    assert scaled[:2].tolist() == [[0.0, 2.5], [-2.0, 5.0]]
    clipped = Head("clip", BOX.low, BOX.high)
    assert clipped.actions(logits).tolist() == [[0.0, 0.0], [-2.0, 5.0], [1.0, 3.0]]
    assert clipped.actions_with(exact_tanh, logits).tobytes() == clipped.actions(logits).tobytes()


def test_actions_with_another_tanh_are_within_the_bound_and_not_far_below_it() -> None:
    logits = np.random.default_rng(0).normal(0.0, 1.5, (20_000, 2)).astype(np.float32)
    ours, others = BOX.actions(logits), BOX.actions_with(exact_tanh, logits)
    largest = np.abs(ours.astype(np.float64) - others).max(axis=0)
    bound = BOX.difference_bound(np.zeros(2))
    assert (largest <= bound).all() and (largest > bound / 30).all()


def test_the_bounds_are_the_formulas() -> None:
    errors = np.array([1e-6, 2e-6])
    assert Head("clip", BOX.low, BOX.high).difference_bound(errors).tolist() == [2e-6, 4e-6]
    u = UNIT_ROUNDOFF
    expected = [2 * (2.0 * (1e-6 + 4 * u) + u * (8 + 2)), 2 * (2.5 * (2e-6 + 4 * u) + u * (10 + 5))]
    assert BOX.difference_bound(errors) == pytest.approx(expected, rel=2e-6)


def test_actions_survive_their_encoding() -> None:
    assert Head().decoded(Head().encoded([0, 3, 1])).tolist() == [0, 3, 1]
    actions = BOX.actions(np.array([[0.1, -0.3], [2.0, 1e-9]], np.float32))
    assert np.array_equal(BOX.decoded(BOX.encoded(list(actions))), actions)
    assert BOX.decoded(BOX.encoded([])).shape == (0, 2)
