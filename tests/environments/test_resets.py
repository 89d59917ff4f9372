"""Resets as Gymnasium has them, seeded or not, with options or without: the stream goes on, and every bit is equal.

An environment lives on through all resets of a test, on both sides; the reference is what `gymnasium.make` returns.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from side_by_side import difference, replay

from evalengine import make
from evalengine.environments.observation import ObservationOptions
from evalengine.environments.registry import describe
from evalengine.errors import InputError
from evalengine.parity.drivers import player
from evalengine.references import reference
from evalengine.references.wrappers import wrapped

Options = dict[str, Any] | None

# Environment, keyword arguments, time limit, resets, reset options that take turns with none.
CASES: list[tuple[str, dict[str, Any], int | None, int, list[Options]]] = [
    ("evalengine/Snake-v0", {"rows": 5, "cols": 6}, None, 120, [{}]),
    ("CartPole-v1", {}, None, 400, [{}, {"low": -0.2, "high": 0.1}, {"high": 0.0}, {"low": 0.01, "high": 0.01}]),
    ("Acrobot-v1", {}, 40, 200, [{}, {"low": -1.5, "high": 1.5}, {"high": 3.0}, {"low": -7}]),
    ("Pendulum-v1", {"g": 9.81}, 30, 200, [{}, {"x_init": 0.5}, {"y_init": 9.0, "x_init": 70.0}, {"y_init": 0}]),
    ("LunarLander-v3", {"enable_wind": True}, None, 60, [{}]),
    ("LunarLander-v3", {"continuous": True}, 70, 60, [{}]),
    ("MountainCar-v0", {}, 50, 200, [{}, {"low": -1.2, "high": 0.5}, {"high": 0.6}, {"low": -0.5, "high": -0.5}]),
    ("MountainCarContinuous-v0", {"goal_velocity": 0.01}, 50, 200, [{}, {"low": -7.0, "high": 7.0}, {"high": 0.6}]),
    ("BipedalWalker-v3", {}, 150, 30, [{}]),
    ("BipedalWalkerHardcore-v3", {}, 150, 30, [{}]),
    ("CarRacing-v3", {}, 8, 14, [{"randomize": False}, {"randomize": True}]),
    ("CarRacing-v3", {"domain_randomize": True}, 8, 24, [{"randomize": False}, {"randomize": True}, {}]),
]


@pytest.mark.parametrize(("env_id", "kwargs", "limit", "resets", "options"), CASES)
def test_resets_in_any_order_are_gymnasiums(
    env_id: str, kwargs: dict[str, Any], limit: int | None, resets: int, options: list[Options]
) -> None:
    limits = {} if limit is None else {"max_episode_steps": limit}
    # BipedalWalker's keeps its world, which PARITY.md names as a difference.
    if env_id.startswith(("evalengine", "Bipedal")):
        theirs = reference(env_id).make(disable_env_checker=True, **limits, **kwargs)
    else:
        theirs = gymnasium.make(env_id, disable_env_checker=True, **limits, **kwargs)
    native = make(env_id, observation=None, max_episode_steps=limit, **kwargs)
    rng = np.random.default_rng(7)
    choose = player("random", describe(env_id, kwargs), {})(theirs.unwrapped, rng)
    # The first one draws colours from the stream where there are any to draw.
    replay(native, theirs, choose, 1)
    seen = set()
    for number in range(resets):
        chosen = None if number % 3 == 1 else options[number // 3 % len(options)]
        seed = int(rng.integers(2**63)) if number % 7 == 6 else None
        replay(native, theirs, choose, seed, chosen)
        seen.add((seed is None, str(chosen)))
    assert {(True, str(chosen)) for chosen in [None, *options]} <= seen
    assert any(not goes_on for goes_on, _ in seen)


def test_the_call_of_gymnasiums_documentation() -> None:
    """`reset(options={"randomize": False})` after a seeded reset: another track in the same colours."""
    theirs = gymnasium.make("CarRacing-v3", disable_env_checker=True, domain_randomize=True)
    ours = make("CarRacing-v3", domain_randomize=True)
    for arguments in ({"seed": 1}, {"options": {"randomize": False}}, {}, {"options": {"randomize": False}}):
        expected, found = theirs.reset(**arguments)[0], ours.reset(**arguments)[0]
        assert difference((found, 0.0, False, False), (expected, 0.0, False, False)) is None


def test_behind_wrappers_options_reach_the_environment() -> None:
    options = ObservationOptions(grayscale=True, stack=2)
    theirs = wrapped(gymnasium.make("CarRacing-v3", disable_env_checker=True, domain_randomize=True), options)
    ours = make("CarRacing-v3", observation=options, domain_randomize=True)
    for arguments in ({"seed": 1}, {"options": {"randomize": False}}, {}):
        expected, found = theirs.reset(**arguments)[0], ours.reset(**arguments)[0]
        assert difference((found, 0.0, False, False), (np.asarray(expected), 0.0, False, False)) is None


def test_options_are_of_one_reset_only() -> None:
    env, plain = make("cartpole"), make("cartpole")
    env.reset(seed=3, options={"low": 0.0, "high": 0.0})
    plain.reset(seed=3)
    assert np.array_equal(env.reset()[0], plain.reset()[0])


def test_the_first_reset_needs_no_seed_whatever_its_options() -> None:
    first, second = (make("cartpole").reset(options={"low": -0.2})[0] for _ in range(2))
    assert not np.array_equal(first, second)
    assert make("carracing", domain_randomize=True).reset(options={"randomize": False})[0].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 9.0}, "CartPole-v1: reset options: expected low <= high, got low = 9.0, high = 0.05"),
        ({"lo": 0.0}, 'CartPole-v1: unknown reset option "lo"; did you mean "low"? (known: low, high)'),
        ({"low": "0"}, "options: low: expected a bool, an int or a number, got '0'"),
        ({"low": True}, "CartPole-v1: reset option low: expected a number, got a bool (true)"),
        ([0.0], "options: expected a mapping of names to numbers, got [0.0]"),
    ],
)
def test_refused_options_leave_the_environment_as_it_was(options: Any, message: str) -> None:
    env, other = make("cartpole"), make("cartpole")
    env.reset(seed=3, options={"high": 0.1})
    other.reset(seed=3, options={"high": 0.1})
    with pytest.raises(InputError) as refused:
        env.reset(seed=9, options=options)
    assert str(refused.value) == message
    assert np.array_equal(env.step(1)[0], other.step(1)[0])
    assert np.array_equal(env.reset()[0], other.reset()[0])
