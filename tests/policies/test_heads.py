"""Heads: the engine's own actions, and the same by NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalengine import Policy, _engine
from evalengine.environments.registry import resolve
from evalengine.policies.heads import Head, plain_action

BOX = Head("tanh", (-2.0, 0.0), (2.0, 5.0))


def our_tanh(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return _engine.activation("tanh", [], values)


def test_the_head_follows_from_policy_and_environment() -> None:
    assert Head.of(Policy("mlp:4-64-2"), resolve("cartpole")) == Head()
    assert Head.of(Policy("mlp:3-64-1"), resolve("pendulum")) == Head("tanh", (-2.0,), (2.0,))
    assert Head.of(Policy("mlp:3-64-1,head=clip"), resolve("pendulum")) == Head("clip", (-2.0,), (2.0,))
    assert Head().is_discrete and not BOX.is_discrete


def test_discrete_actions_are_the_first_nan_or_the_first_largest_logit() -> None:
    logits = np.array([[0, 1, 1], [2, np.nan, np.nan], [0, -1, -0.0]], np.float32)
    assert Head().actions(logits).tolist() == [1, 1, 0]
    assert Head().actions_with(our_tanh, logits).tolist() == [1, 1, 0]
    assert type(plain_action(Head().actions(logits)[0])) is int


def test_box_actions_are_scaled_or_clipped_to_their_bounds() -> None:
    logits = np.array([[0.0, 0.0], [-50.0, 50.0], [1.0, 3.0]], np.float32)
    scaled = BOX.actions(logits)
    assert scaled.dtype == np.float32 and scaled.shape == (3, 2)
    assert scaled[:2].tolist() == [[0.0, 2.5], [-2.0, 5.0]]
    clipped = Head("clip", BOX.low, BOX.high)
    assert clipped.actions(logits).tolist() == [[0.0, 0.0], [-2.0, 5.0], [1.0, 3.0]]
    assert clipped.actions_with(our_tanh, logits).tobytes() == clipped.actions(logits).tobytes()


def test_box_actions_have_every_bit_of_the_formula_in_float32() -> None:
    logits = np.random.default_rng(0).normal(0.0, 1.5, (20_000, 2)).astype(np.float32)
    assert BOX.actions_with(our_tanh, logits).tobytes() == BOX.actions(logits).tobytes()


def test_actions_survive_their_encoding() -> None:
    assert Head().decoded(Head().encoded([0, 3, 1])).tolist() == [0, 3, 1]
    actions = BOX.actions(np.array([[0.1, -0.3], [2.0, 1e-9]], np.float32))
    assert np.array_equal(BOX.decoded(BOX.encoded(list(actions))), actions)
    assert BOX.decoded(BOX.encoded([])).shape == (0, 2)
