"""Native episodes behind Gymnasium's signatures. That they equal the references is tested with the references."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalengine import _engine
from evalengine.environments.native import Environment, make
from evalengine.environments.registry import EnvironmentEntry, entries, resolve
from evalengine.errors import InputError


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_every_environment_resets_and_steps(entry: EnvironmentEntry) -> None:
    env = make(entry.short_name)
    assert env.entry == entry
    assert entry.id in repr(env)
    observation, info = env.reset(seed=3)
    assert observation.shape == entry.observation_shape
    assert observation.dtype == entry.observation_dtype
    assert info == {}
    observation, reward, terminated, truncated, info = env.step(
        np.zeros(entry.n_outputs, np.float32) if entry.n_actions is None else 0
    )
    assert observation.shape == entry.observation_shape
    assert observation.dtype == entry.observation_dtype
    assert info == {}
    assert isinstance(reward, float)
    assert (type(terminated), type(truncated)) == (bool, bool)
    assert env.state()


def test_equal_seeds_are_equal_episodes() -> None:
    env, other = make("cartpole"), make("cartpole")
    integer: Any = np.int64(3)
    first = env.reset(seed=3)[0]
    assert np.array_equal(first, other.reset(seed=integer)[0])
    assert not np.array_equal(first, env.reset(seed=4)[0])
    assert np.array_equal(first, env.reset(seed=3)[0])


def test_without_a_seed_the_random_stream_goes_on() -> None:
    env, other = make("cartpole"), make("cartpole")
    env.reset(seed=3)
    other.reset(seed=3)
    second = env.reset()[0]
    assert np.array_equal(second, other.reset()[0])
    assert not np.array_equal(second, make("cartpole").reset(seed=3)[0])


def test_the_first_seed_is_the_operating_systems() -> None:
    assert not np.array_equal(make("cartpole").reset()[0], make("cartpole").reset()[0])


def test_keyword_arguments_options_and_limits() -> None:
    env = make("snake", rows=6, cols=7)
    assert env.reset(seed=0)[0].shape == (6, 7, 5)
    assert env.entry.observation_shape == (6, 7, 5)
    cartpole = make("cartpole", max_episode_steps=2)
    observation, _ = cartpole.reset(seed=0, options={"low": 0.01, "high": 0.01})
    assert np.array_equal(observation, np.full(4, 0.01, dtype=np.float32))
    assert [cartpole.step(action)[3] for action in (0, 1)] == [False, True]


@pytest.mark.parametrize("action", [1, np.int64(1), np.uint8(1), np.array(1)])
def test_integers_of_every_type_are_actions(action: Any) -> None:
    env = make("cartpole")
    env.reset(seed=0)
    expected = make("cartpole")
    expected.reset(seed=0)
    assert np.array_equal(env.step(action)[0], expected.step(1)[0])


@pytest.mark.parametrize("action", [2, -1, 1.0, True, None, "1", np.array([1])])
def test_other_actions_are_refused(action: Any) -> None:
    env = make("cartpole")
    env.reset(seed=0)
    with pytest.raises(InputError) as refused:
        env.step(action)
    assert str(refused.value) == f"action: expected an integer from 0 to 1, got {action!r}"


class RecordingNative:
    """Stands for the extension's environment with Box actions."""

    observation_shape = (3,)

    def __init__(self) -> None:
        self.actions: list[Any] = []

    def reset(self, seed: int | None, options: Any) -> Any:
        return np.zeros(3, dtype=np.float32)

    def step(self, action: Any, is_float16: bool) -> Any:
        self.actions.append((action, is_float16))
        return np.zeros(3, dtype=np.float32), 0.0, False, False, 0

    def state(self) -> dict[str, Any]:
        return {}


def test_box_actions_keep_their_type() -> None:
    entry = EnvironmentEntry(
        **{**vars(resolve("cartpole")), "n_actions": None, "action_low": (-1.0, -1.0), "action_high": (1.0, 1.0)}
    )
    native: Any = RecordingNative()
    env = Environment(entry, native)
    env.reset(seed=0)
    halves = [0.5, -0.25]
    given: list[Any] = [halves, np.array(halves), np.array(halves, np.float32), np.array(halves, np.float16), (1, 0)]
    for action in given:
        env.step(action)
    seen = [(action.dtype, action.tolist(), is_float16) for action, is_float16 in native.actions]
    assert seen == [
        (np.float64, halves, False),
        (np.float64, halves, False),
        (np.float32, halves, False),
        (np.float64, halves, True),
        (np.float64, [1.0, 0.0], False),
    ]
    # What policies give goes as it is.
    assert native.actions[2][0] is given[2]
    with pytest.raises(InputError) as refused:
        env.step((0.5,))
    assert str(refused.value) == "action: expected shape (2,) for CartPole-v1, got (1,)"


def test_a_step_needs_a_reset() -> None:
    with pytest.raises(InputError) as refused:
        make("cartpole").step(0)
    assert str(refused.value) == "step: expected reset() first, got no episode of CartPole-v1"


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, "1"])
def test_seeds_are_checked(seed: Any) -> None:
    with pytest.raises(InputError) as refused:
        make("cartpole").reset(seed=seed)
    assert str(refused.value) == f"seed: expected an integer from 0 to 18446744073709551615, got {seed!r}"


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: make("cartpol"), "cartpole"),
        (lambda: make("snake", row=3), "rows"),
        (lambda: make("snake", max_episode_steps=0), "max_episode_steps: expected an integer from 1"),
        (lambda: make("cartpole").reset(seed=0, options={"lo": 0.0}), "low"),
    ],
)
def test_what_cannot_be_made_is_refused(call: Any, part: str) -> None:
    with pytest.raises(InputError, match=part) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_an_environment_is_the_extensions() -> None:
    assert isinstance(make("cartpole")._native, _engine.Environment)
