"""BipedalWalker beyond what all environments share: grounds, odd actions, what comes after the end, kept worlds."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import evaluate, make
from evalengine.environments.registry import describe
from evalengine.parity.open_loop import state_names
from evalengine.parity.trace import make_reference
from evalengine.policies.policy import Policy
from evalengine.references import Variant, bipedalwalker, reference

IDS = ["BipedalWalker-v3", "BipedalWalkerHardcore-v3"]


def bits(value: Any) -> bytes:
    """The bits of a number or an array."""
    return np.asarray(value).tobytes()


def fresh(env_id: str, **kwargs: Any) -> Any:
    """Gymnasium's environment, with a new world for each reset."""
    return make_reference(reference(env_id), Variant(kwargs)).unwrapped


@pytest.mark.parametrize("env_id", IDS)
def test_the_state_has_the_parts_that_are_compared(env_id: str) -> None:
    env = make(env_id)
    env.reset(seed=0)
    assert set(state_names(reference(env_id), Variant())) == set(env.state())


@pytest.mark.parametrize("env_id", IDS)
def test_hundreds_of_grounds_are_gymnasiums(env_id: str) -> None:
    theirs, ours = fresh(env_id), make(env_id)
    for seed in range(150):
        observation, _ = theirs.reset(seed=seed)
        assert bits(ours.reset(seed=seed)[0]) == bits(observation)
        assert bits(ours.state()["terrain"]) == bits(np.array(theirs.terrain_y, np.float64))


def test_hardcore_is_an_argument_of_both_ids() -> None:
    limits = []
    for env_id in IDS:
        for hardcore in (False, True):
            env, expected = make(env_id, hardcore=hardcore), make(IDS[hardcore])
            assert bits(env.reset(seed=3)[0]) == bits(expected.reset(seed=3)[0])
            assert bits(env.state()["terrain"]) == bits(expected.state()["terrain"])
        limits.append(describe(env_id).max_episode_steps)
    assert limits == [gymnasium.spec(env_id).max_episode_steps for env_id in IDS] == [1600, 2000]


def test_the_spaces_are_gymnasiums() -> None:
    for env_id in IDS:
        entry, theirs = describe(env_id), gymnasium.make(env_id)
        assert entry.observation_shape == theirs.observation_space.shape == (len(entry.observation_fields),)
        space: Any = theirs.action_space
        assert (entry.action_low, entry.action_high) == (tuple(space.low.tolist()), tuple(space.high.tolist()))
        theirs.close()


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("seed", range(3))
def test_past_the_end_everything_goes_on(env_id: str, seed: int) -> None:
    """A fallen walker lies there, sleeps, and its motors wake it."""
    theirs, ours = fresh(env_id), make(env_id, max_episode_steps=5000)
    assert bits(ours.reset(seed=seed)[0]) == bits(theirs.reset(seed=seed)[0])
    rng = np.random.default_rng(seed)
    terminated = []
    for step in range(1200):
        moves = rng.uniform(0.2, 1.0, 4) if step < 200 else rng.uniform(-1.0, 1.0, 4)
        action = moves.astype(np.float32) if step % 400 < 250 else np.zeros(4, np.float32)
        observation, reward, ended, _, _ = theirs.step(action)
        found = ours.step(action)
        assert (bits(found[0]), bits(np.float64(found[1])), found[2]) == (
            bits(observation),
            bits(np.float64(reward)),
            ended,
        )
        terminated.append(ended)
    assert True in terminated[:600] and terminated[-1]


def test_gymnasiums_kept_world_is_not_that_of_a_fresh_environment() -> None:
    """What PARITY.md names as the difference: there the same seed is another episode after some others."""
    kept: Any = gymnasium.make("BipedalWalker-v3", disable_env_checker=True).unwrapped
    action = np.array([0.9, -0.3, -0.5, 0.6], np.float32)

    def play(env: Any, seed: int) -> list[bytes]:
        seen = [bits(env.reset(seed=seed)[0])]
        seen += [bits(env.step(action if step % 20 < 10 else -action)[0]) for step in range(150)]
        return seen

    of_kept = [play(kept, seed) for seed in range(12)]
    of_fresh = [play(fresh("BipedalWalker-v3"), seed) for seed in range(12)]
    assert of_kept[0] == of_fresh[0]
    assert of_kept != of_fresh
    ours = make("BipedalWalker-v3")
    assert [play(ours, seed) for seed in range(12)] == of_fresh


def test_nan_stops_gymnasium_and_is_carried_on_here() -> None:
    theirs, ours = fresh("BipedalWalker-v3"), make("BipedalWalker-v3")
    nan = np.array([np.nan, 0.1, 0.2, 0.3], np.float32)
    theirs.reset(seed=0)
    ours.reset(seed=0)
    with pytest.raises(AssertionError):
        for _ in range(3):
            theirs.step(nan)
    for _ in range(3):
        observation, reward, *_ = ours.step(nan)
    assert np.isnan(observation[:4]).all() and np.isnan(reward)


def test_events_tell_falls() -> None:
    policy = Policy("mlp:24-64-4")
    result = evaluate(
        "BipedalWalker-v3",
        policy.init(32, 0),
        policy,
        max_episode_steps=300,
        descriptors=["last(fallen)", "last(finished)"],
    )
    fallen: NDArray[np.float64] = result.descriptors[..., 0]
    assert (fallen.astype(bool).ravel() == result.terminated.ravel()).all()
    assert fallen.sum() > 0 and not result.descriptors[..., 1].any()


def test_the_adapter_names_what_gymnasium_registers() -> None:
    assert IDS[0] == bipedalwalker.ENV_ID
    assert gymnasium.spec(IDS[1]).kwargs == {"hardcore": True}
