"""The native environments against their references: every bit of every step, both sides free-running from a seed.

Nothing is resynchronised: the reference and the native environment get the same seed and the same actions, and
everything that either returns must be equal, bit for bit, up to and including the terminal observation. At least
200,000 steps of each environment are compared, fewer of CarRacing, whose reference draws a picture in every step; and
what they are meant to reach is counted. Snake, whose player is longer, is in test_env_parity_snake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from side_by_side import MIN_STEPS, Observation, Step, difference, replay

from evalengine import make
from evalengine.environments.registry import describe, entries, resolve
from evalengine.parity.drivers import player
from evalengine.parity.trace import make_reference
from evalengine.references import Reference, Variant, reference

# --- the comparer has teeth


def example_step() -> Step:
    return np.array([0.1, -0.2, 0.0], np.float32), 1.0, False, True


def test_equal_steps_are_equal() -> None:
    assert difference(example_step(), example_step()) is None


@pytest.mark.parametrize("index", range(3))
def test_one_ulp_in_one_number_of_an_observation_is_a_difference(index: int) -> None:
    observation, *rest = example_step()
    observation[index] = np.nextafter(observation[index], np.float32(2), dtype=np.float32)
    assert difference((observation, *rest), example_step()) == "observation"


def test_the_sign_of_zero_is_a_difference() -> None:
    observation, *rest = example_step()
    observation[2] = -0.0
    assert difference((observation, *rest), example_step()) == "observation"


def test_one_ulp_of_reward_a_flag_a_dtype_and_a_shape_are_differences() -> None:
    observation, reward, terminated, truncated = example_step()
    assert difference((observation, np.nextafter(reward, 2.0), terminated, truncated), example_step()) == "reward"
    assert difference((observation, reward, True, truncated), example_step()) == "terminated"
    assert difference((observation, reward, terminated, False), example_step()) == "truncated"
    wide = (observation.astype(np.float64), reward, terminated, truncated)
    assert difference(wide, example_step()) == "observation's dtype or shape"
    column = (observation.reshape(3, 1), reward, terminated, truncated)
    assert difference(column, example_step()) == "observation's dtype or shape"


def next_value(number: Any) -> Any:
    """One ulp more, or another byte."""
    return number ^ 1 if number.dtype == np.uint8 else np.nextafter(number, np.float32(9), dtype=np.float32)


class OneUlpLater:
    """The native environment, except that one number of one observation is the next one."""

    def __init__(self, env: Any, at: int) -> None:
        self.env, self.at, self.steps = env, at, 0

    def reset(self, **kwargs: Any) -> Any:
        return self.env.reset(**kwargs)

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        self.steps += 1
        if self.steps == self.at:
            observation = observation.copy()
            observation.flat[0] = next_value(observation.flat[0])
        return observation, *rest


ENV_IDS = [entry.id for entry in entries()]


@pytest.mark.parametrize("env_id", ENV_IDS)
def test_a_replay_notices_one_ulp_in_one_step(env_id: str) -> None:
    native = OneUlpLater(make(env_id), at=3)
    theirs = reference(env_id).make(disable_env_checker=True)
    choose = random_actions(env_id, np.random.default_rng(0))
    with pytest.raises(AssertionError, match="observation"):
        for seed in range(3):  # the first episode may be shorter than three steps
            replay(native, theirs, choose, seed)


def random_actions(env_id: str, rng: np.random.Generator) -> Callable[[Observation], Any]:
    """Chooses uniformly from the action space."""
    return player("random", resolve(env_id), {})(None, rng)


# --- CartPole


def balance(rng: np.random.Generator, noise: float) -> Callable[[Observation], int]:
    """Pushes towards where the pole falls; at random now and then."""

    def choose(observation: Observation) -> int:
        if rng.random() < noise:
            return int(rng.integers(2))
        position, speed, angle, angular_speed = (float(number) for number in observation)
        return int(angle + 0.3 * angular_speed + 0.02 * position + 0.05 * speed > 0.0)

    return choose


CARTPOLE_VARIANTS: list[tuple[dict[str, Any], dict[str, float] | None, int]] = [
    ({}, None, 130_000),
    ({"sutton_barto_reward": True}, None, 30_000),
    ({"sutton_barto_reward": False}, {"low": -0.15, "high": 0.15}, 20_000),
    ({}, {"low": -0.2}, 10_000),
    ({}, {"high": 0.01}, 10_000),
    ({"sutton_barto_reward": True}, {"low": 0.0, "high": 0.2}, 10_000),
]
assert sum(steps for *_, steps in CARTPOLE_VARIANTS) >= MIN_STEPS


@pytest.mark.parametrize(("kwargs", "options", "steps"), CARTPOLE_VARIANTS)
def test_cartpole_equals_gymnasium(kwargs: dict[str, Any], options: dict[str, float] | None, steps: int) -> None:
    theirs = gymnasium.make("CartPole-v1", disable_env_checker=True, **kwargs)
    native = make("CartPole-v1", **kwargs)
    rng = np.random.default_rng(steps)
    players = [lambda _: int(rng.integers(2)), balance(rng, 0.5), balance(rng, 0.1), balance(rng, 0.0)]
    seen = Counter[str]()
    seed = 0
    while seen["steps"] < steps:
        length, terminated, truncated = replay(native, theirs, players[seed % 4], seed, options)
        seen.update(steps=length, terminated=terminated, truncated=truncated, short=length < 30)
        seed += 1
    assert seen["terminated"] > 10 and seen["short"] > 3
    assert seen["truncated"] > 5 or options is not None


@pytest.mark.parametrize("seed", [2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
def test_large_seeds_are_gymnasiums(seed: int) -> None:
    for env_id in ENV_IDS:
        limit: dict[str, Any] = {"max_episode_steps": 20} if env_id == "CarRacing-v3" else {}
        choose = random_actions(env_id, np.random.default_rng(0))
        theirs = reference(env_id).make(disable_env_checker=True, **limit)
        replay(make(env_id, observation=None, **limit), theirs, choose, seed)


@pytest.mark.parametrize("env_id", ENV_IDS)
def test_a_reset_without_a_seed_goes_on_with_the_random_stream(env_id: str) -> None:
    """So the reference's stream has been consumed to the same point by the episode before."""
    is_long = env_id in ("Acrobot-v1", "Pendulum-v1", "CarRacing-v3", "BipedalWalker-v3", "BipedalWalkerHardcore-v3")
    limit: dict[str, Any] = {"max_episode_steps": 20} if is_long else {}
    theirs, native = reference(env_id).make(disable_env_checker=True, **limit), make(env_id, observation=None, **limit)
    choose = random_actions(env_id, np.random.default_rng(1))
    for episode in range(reference(env_id).share_of(200)):
        replay(native, theirs, choose, 5 if episode == 0 else None)


@pytest.mark.parametrize("limit", [1, 2, 77, 1000])
def test_another_time_limit_is_gymnasiums(limit: int) -> None:
    theirs = gymnasium.make("CartPole-v1", disable_env_checker=True, max_episode_steps=limit)
    native = make("CartPole-v1", max_episode_steps=limit)
    steady = balance(np.random.default_rng(0), 0.0)
    lengths = {replay(native, theirs, steady, seed)[0] for seed in range(5)}
    assert limit in lengths


# --- Acrobot, Pendulum, MountainCar, LunarLander and BipedalWalker, with the drivers and the variants of their adapters


PARTS = 4
"""Each part is a test of its own, with other seeds."""

PART_STEPS = {"default": 26_000, "variants": 24_000}
"""Of each part."""

assert PARTS * sum(PART_STEPS.values()) >= MIN_STEPS


def play_part(env_id: str, part: int) -> Counter[str]:
    found = reference(env_id)
    seen = Counter[str]()
    for variants, steps in (((Variant(),), PART_STEPS["default"]), (found.variants, PART_STEPS["variants"])):
        for number, variant in enumerate(variants):
            seen.update(play_variant(found, variant, 10_000 * (100 * part + number), steps // len(variants)))
    assert seen["steps"] >= sum(PART_STEPS.values())
    return seen


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("env_id", ["Acrobot-v1", "Pendulum-v1", "MountainCar-v0", "MountainCarContinuous-v0"])
def test_classic_control_equals_gymnasium(env_id: str, part: int) -> None:
    seen = play_part(env_id, part)
    assert seen["truncated"] > 100
    assert (seen["terminated"] > 100) == (env_id != "Pendulum-v1")


@pytest.mark.parametrize("part", range(PARTS))
def test_lunarlander_equals_gymnasium(part: int) -> None:
    seen = play_part("LunarLander-v3", part)
    assert seen["terminated"] > 100 and seen["truncated"] > 10


@pytest.mark.parametrize("part", range(PARTS // 2))
@pytest.mark.parametrize("env_id", ["BipedalWalker-v3", "BipedalWalkerHardcore-v3"])
def test_bipedalwalker_equals_gymnasium(env_id: str, part: int) -> None:
    seen = play_part(env_id, part)
    assert seen["terminated"] > 50 and seen["truncated"] > 10


def play_variant(found: Reference, variant: Variant, first_seed: int, steps: int) -> Counter[str]:
    """Episodes of at least so many steps in all, the drivers taking turns, every bit of each compared."""
    theirs = make_reference(found, variant)
    native = make(found.env_id, observation=None, max_episode_steps=variant.max_episode_steps, **variant.kwargs)
    entry = describe(found.env_id, variant.kwargs)
    rng = np.random.default_rng(first_seed)
    players = [player(driver, entry, found.drivers) for driver in ("random", "sticky", *found.drivers)]
    seen = Counter[str]()
    while seen["steps"] < steps:
        begin = players[seen["episodes"] % len(players)]
        choose = begin(theirs.unwrapped, rng)
        length, terminated, truncated = replay(native, theirs, choose, first_seed + seen["episodes"], variant.options)
        seen.update(episodes=1, steps=length, terminated=terminated, truncated=truncated)
    return seen
