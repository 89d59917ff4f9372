"""Heads: the engine's own actions, the same by NumPy, and what is drawn, as NumPy draws it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import Policy
from evalengine.environments.registry import describe, resolve
from evalengine.errors import InputError
from evalengine.policies.heads import (
    ACTION_STREAM,
    ENGINE,
    ActionStream,
    Head,
    chosen_actions,
    deviations_of,
    plain_action,
    raw_head,
)

BOX = Head("tanh", (-2.0, 0.0), (2.0, 5.0))
TWO = Head("argmax", n_actions=2)
EACH = ("tanh", "clip", "raw", "sigmoid", "sigmoid/raw", "clip/tanh")


def boxed(kind: str, noise: tuple[float, ...] | None = ()) -> Head:
    return Head(kind, BOX.low, BOX.high, 0, noise)


def test_the_head_follows_from_policy_and_environment() -> None:
    assert Head.of(Policy("mlp:4-64-2"), resolve("cartpole")) == TWO
    assert Head.of(Policy("mlp:4-64-2,head=sample"), resolve("cartpole")) == Head("sample", n_actions=2)
    assert Head.of(Policy("mlp:4-64-1,head=threshold:0.5"), resolve("cartpole")).kind == "threshold:0.5"
    assert Head.of(Policy("mlp:3-64-1"), resolve("pendulum")) == Head("tanh", (-2.0,), (2.0,))
    assert Head.of(Policy("mlp:3-64-1,head=clip"), resolve("pendulum")) == Head("clip", (-2.0,), (2.0,))
    noisy = Head.of(Policy("mlp:3-64-1,noise=0.5"), resolve("pendulum"))
    assert noisy == Head("tanh", (-2.0,), (2.0,), 0, (0.5,)) and noisy.draws
    assert Head.of(Policy("mlp:3-64-1,noise=log_std"), resolve("pendulum")).noise is None
    assert TWO.is_discrete and not BOX.is_discrete and not TWO.draws and Head("sample").draws
    assert boxed("tanh/sigmoid").uses == {"tanh", "sigmoid"} and Head("sample").uses == {"softmax"}
    heads = ("tanh", "sample", "threshold", "threshold:-1e-05")
    assert [raw_head(Policy(f"mlp:4-1,head={head}")) for head in heads] == [
        "tanh",
        "sample",
        "threshold:0.0",
        "threshold:-1e-05",
    ]


def test_discrete_actions_are_the_first_nan_or_the_first_largest_logit() -> None:
    logits = np.array([[0, 1, 1], [2, np.nan, np.nan], [0, -1, -0.0]], np.float32)
    assert TWO.actions(logits).tolist() == [1, 1, 0]
    assert TWO.actions_with(ENGINE, logits).tolist() == [1, 1, 0]
    assert type(plain_action(TWO.actions(logits)[0])) is int


def test_a_threshold_is_passed_by_what_is_greater() -> None:
    outputs = np.array([[0.0], [-0.0], [1e-45], [0.1], [np.nextafter(np.float32(0.1), np.float32(1))]], np.float32)
    assert Head("threshold").actions(outputs).tolist() == [0, 0, 1, 1, 1]
    # In float32, as torch compares a tensor with a number: its 0.1 is above that of float64.
    assert Head("threshold:0.1").actions(outputs).tolist() == [0, 0, 0, 0, 1]


def test_box_actions_are_scaled_or_clipped_to_their_bounds_or_neither() -> None:
    logits = np.array([[0.0, 0.0], [-50.0, 50.0], [1.0, 3.0]], np.float32)
    scaled = BOX.actions(logits)
    assert scaled.dtype == np.float32 and scaled.shape == (3, 2)
    assert scaled[:2].tolist() == [[0.0, 2.5], [-2.0, 5.0]]
    assert boxed("sigmoid").actions(logits)[:2].tolist() == [[0.0, 2.5], [-2.0, 5.0]]
    assert boxed("clip").actions(logits).tolist() == [[0.0, 0.0], [-2.0, 5.0], [1.0, 3.0]]
    assert boxed("raw").actions(logits).tolist() == logits.tolist()
    assert boxed("raw/clip").actions(logits).tolist() == [[0.0, 0.0], [-50.0, 5.0], [1.0, 3.0]]


@pytest.mark.parametrize("kind", EACH)
def test_box_actions_have_every_bit_of_the_formula_in_float32(kind: str) -> None:
    logits = np.random.default_rng(0).normal(0.0, 1.5, (20_000, 2)).astype(np.float32)
    head = boxed(kind)
    assert head.actions_with(ENGINE, logits).tobytes() == head.actions(logits).tobytes()
    if "/" in kind:
        first, second = (boxed(part).actions(logits) for part in kind.split("/"))
        assert head.actions(logits).tobytes() == np.stack([first[:, 0], second[:, 1]], axis=1).tobytes()


def test_actions_survive_their_encoding() -> None:
    assert TWO.decoded(TWO.encoded([0, 3, 1])).tolist() == [0, 3, 1]
    actions = BOX.actions(np.array([[0.1, -0.3], [2.0, 1e-9]], np.float32))
    assert np.array_equal(BOX.decoded(BOX.encoded(list(actions))), actions)
    assert BOX.decoded(BOX.encoded([])).shape == (0, 2)


# --- what is drawn


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng([0x616374696F6E73, seed])


def outputs_of(steps: int, n: int) -> NDArray[np.float32]:
    return np.random.default_rng(9).normal(0.0, 1.0, (steps, n)).astype(np.float32)


def test_the_stream_is_seeded_by_a_constant_and_the_seed() -> None:
    assert ACTION_STREAM == 0x616374696F6E73 == int.from_bytes(b"actions", "big")


def test_samples_are_numpys_choice_by_the_softmax_of_outputs() -> None:
    stream, rng = ActionStream(Head("sample", n_actions=3), 2**64 - 1), rng_of(2**64 - 1)
    for outputs in outputs_of(200, 3):
        (probabilities,) = ENGINE.softmax(outputs[np.newaxis])
        assert abs(float(probabilities.sum()) - 1) < 1e-6
        assert stream.action(outputs) == rng.choice(3, p=probabilities)


def test_noise_is_added_to_outputs_before_the_head() -> None:
    stream, rng = ActionStream(boxed("clip/tanh", (0.5, 0.1)), 7), rng_of(7)
    for outputs in outputs_of(200, 2):
        noisy = outputs + np.array([0.5, 0.1], np.float32) * rng.standard_normal(2).astype(np.float32)
        assert stream.action(outputs).tobytes() == boxed("clip/tanh").actions(noisy[np.newaxis])[0].tobytes()


def test_deviations_are_the_float32_next_to_the_exponential() -> None:
    log_std = np.array([0.0, -1.0, 2.5, 88.0, 89.0, 1e30, -1e30], np.float32)
    expected = [np.float32(math.exp(value)) for value in (0.0, -1.0, 2.5, 88.0)]
    assert deviations_of(log_std).tolist() == [*expected, np.inf, np.inf, 0.0]
    learned = ActionStream(boxed("raw", None), 3, log_std=np.zeros(2, np.float32))
    fixed = ActionStream(boxed("raw", (1.0, 1.0)), 3)
    assert learned.action(outputs_of(1, 2)[0]).tobytes() == fixed.action(outputs_of(1, 2)[0]).tobytes()


@pytest.mark.parametrize("kind", ["argmax", "sample", "threshold"])
def test_epsilon_and_sticky_draw_in_the_order_that_is_said(kind: str) -> None:
    head, n = Head(kind, n_actions=2), 1 if kind == "threshold" else 2
    stream, rng, former = ActionStream(head, 4, epsilon=0.3, sticky=0.4), rng_of(4), None
    for outputs in outputs_of(300, n):
        if rng.random() < 0.3:
            action = int(rng.integers(2))
        elif kind == "sample":
            action = int(rng.choice(2, p=ENGINE.softmax(outputs[np.newaxis])[0]))
        else:
            action = int(outputs[0] > 0) if kind == "threshold" else int(np.argmax(outputs))
        if former is not None and rng.random() < 0.4:
            action = former
        former = action
        assert stream.action(outputs) == action


def test_random_actions_of_a_box_are_within_its_bounds_as_float32() -> None:
    stream, rng = ActionStream(boxed("raw"), 4, epsilon=1.0), rng_of(4)
    for outputs in outputs_of(50, 2):
        assert rng.random() < 1.0
        expected = rng.uniform(BOX.low, BOX.high).astype(np.float32)
        action = stream.action(outputs)
        assert action.dtype == np.float32 and action.tobytes() == expected.tobytes()


def test_episodes_side_by_side_draw_as_if_each_were_alone() -> None:
    head = boxed("sigmoid", (0.2, 0.0))
    streams = [ActionStream(head, seed, epsilon=0.2, sticky=0.2) for seed in range(5)]
    alone = [ActionStream(head, seed, epsilon=0.2, sticky=0.2) for seed in range(5)]
    for outputs in outputs_of(50, 10):
        rows = outputs.reshape(5, 2)
        for action, stream, row in zip(chosen_actions(streams, rows), alone, rows, strict=True):
            assert action.tobytes() == stream.action(row).tobytes()


# --- heads and environments


@pytest.mark.parametrize(
    ("env", "kwargs", "spelling", "message"),
    [
        ("cartpole", {}, "mlp:4-2,head=raw", "policy: CartPole-v1 has discrete actions, expected no head=raw, got"),
        ("cartpole", {}, "mlp:4-2,head=tanh/clip", "discrete actions, expected no head=tanh/clip, got"),
        ("cartpole", {}, "mlp:4-2,noise=0.1", "policy: CartPole-v1 has discrete actions, expected no noise=0.1, got"),
        ("cartpole", {}, "mlp:4-2,head=threshold", "CartPole-v1 needs 4 inputs and 1 outputs, got mlp:4-2,head=thre"),
        ("cartpole", {}, "mlp:4-1,head=sample", "CartPole-v1 needs 4 inputs and 2 outputs, got mlp:4-1,head=sample"),
        ("acrobot", {}, "mlp:6-1,head=threshold", "Acrobot-v1 has 3 actions, head=threshold tells two apart: expected"),
        (
            "pendulum",
            {},
            "mlp:3-1,head=sample",
            "Pendulum-v1 has Box actions, expected head=tanh, clip, raw or sigmoid",
        ),
        ("pendulum", {}, "mlp:3-1,head=threshold", "Pendulum-v1 has Box actions, expected head=tanh, clip, raw or"),
        ("pendulum", {}, "mlp:3-1,out=sigmoid,head=sigmoid", "out=sigmoid and head=sigmoid would apply sigmoid twice"),
        (
            "lunarlander",
            {"continuous": True},
            "mlp:8-2,out=tanh,head=clip/tanh",
            "out=tanh and head=tanh would apply tanh twice",
        ),
    ],
)
def test_heads_that_do_not_fit_are_refused(env: str, kwargs: dict[str, bool], spelling: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(spelling).check_fits(describe(env, kwargs))
    assert message in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("env", "kwargs", "spelling"),
    [
        ("cartpole", {}, "mlp:4-2,head=argmax"),
        ("cartpole", {}, "mlp:4-1,out=sigmoid,head=threshold:0.5"),
        ("acrobot", {}, "mlp:6-3,head=sample"),
        ("pendulum", {}, "mlp:3-1,out=tanh,head=clip,noise=log_std"),
        ("lunarlander", {"continuous": True}, "mlp:8-2,head=raw/sigmoid,noise=0.1/0.2"),
    ],
)
def test_heads_that_fit_are_taken(env: str, kwargs: dict[str, bool], spelling: str) -> None:
    Policy(spelling).check_fits(describe(env, kwargs))
