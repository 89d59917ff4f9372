"""Trajectories: the episodes that were played, step by step, for the individuals that were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalengine import Policy, evaluate, make
from evalengine.environments.registry import describe
from evalengine.errors import InputError

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "cartpole": ("mlp:4-8-2", {}),
    "pendulum": ("mlp:3-8-1", {"max_episode_steps": 70}),
    "lunarlander": ("mlp:8-8-4", {"env_kwargs": {"enable_wind": True}}),
    "snake": ("cnn:5x12x12-4k3-8-4", {}),
    "carracing": ("cnn:2x20x24-4k8s8-8-3", {"observation": "skip=2,gray,resize=20x24,stack=2", "max_episode_steps": 9}),
}


@pytest.mark.parametrize("env_id", CASES)
def test_trajectories_are_the_episodes_that_make_plays(env_id: str) -> None:
    spelling, options = CASES[env_id]
    policy = Policy(spelling)
    entry = describe(env_id, options.get("env_kwargs"), options.get("observation"))
    population = policy.init(5, seed=4)
    result = evaluate(env_id, population, policy, seeds=[[8, 9]] * 5, trajectories=[3, 1], threads=2, **options)
    assert list(result.trajectories) == [1, 3]
    for individual, episodes in result.trajectories.items():
        assert [episode.seed for episode in episodes] == [8, 9]
        for number, episode in enumerate(episodes):
            env = make(
                env_id,
                max_episode_steps=options.get("max_episode_steps"),
                observation=options.get("observation"),
                **options.get("env_kwargs", {}),
            )
            observation, _ = env.reset(seed=episode.seed)
            total = 0.0
            for step, action in enumerate(episode.actions):
                assert observation.tobytes() == episode.observations[step].tobytes()
                observation, reward, terminated, truncated, _ = env.step(action)
                assert reward == episode.rewards[step]
                total += reward
            assert observation.tobytes() == episode.observations[-1].tobytes()
            assert total == result.returns[individual, number]
            assert (terminated, truncated) == (episode.terminated, episode.truncated)
            length = len(episode.actions)
            assert episode.observations.shape == (length + 1, *entry.observation_shape)
            assert episode.observations.dtype == observation.dtype == entry.observation_dtype
            assert episode.rewards.shape == (length,) and episode.rewards.dtype == np.float64
            assert episode.actions.dtype == (np.int64 if entry.n_actions else np.float32)
            assert episode.actions.shape == ((length,) if entry.n_actions else (length, entry.n_outputs))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_neither_threads_nor_neighbours_change_a_bit(threads: int) -> None:
    policy = Policy("mlp:8-8-4")
    population = policy.init(12, seed=0)
    everybody = evaluate("lunarlander", population, policy, episodes=2, trajectories=range(12), threads=threads)
    alone = evaluate("lunarlander", population[7], policy, episodes=2, trajectories=[0])
    for one, other in zip(everybody.trajectories[7], alone.trajectories[0], strict=True):
        for name in ("observations", "actions", "rewards"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_individuals_are_named_in_any_order_and_once_is_enough() -> None:
    policy = Policy("mlp:4-8-2")
    population = policy.init(6, seed=0)
    fitness = evaluate("cartpole", population, policy).fitness
    best = fitness.argsort()[-2:]
    result = evaluate("cartpole", population, policy, trajectories=[*best[::-1], best[0]])
    assert list(result.trajectories) == sorted(best)
    nothing: list[Any] = [(), [], set(), np.empty(0, dtype=np.int64)]
    for nobody in nothing:
        with pytest.raises(InputError, match=r"^trajectories: not kept by this call; pass "):
            _ = evaluate("cartpole", population, policy, trajectories=nobody).trajectories


def test_an_episode_that_fails_ends_where_it_failed() -> None:
    # Always to the left, until the angular velocity times the weight is infinite.
    policy = Policy("mlp:4-2,bias=0")
    weights = np.zeros((2, 2, 4), dtype=np.float32)
    weights[0, 0, 3] = 3e38
    weights[1] = np.nan
    options: dict[str, Any] = {"on_nan": 0.0, "trajectories": [0, 1], "reset_options": {"low": 0.01, "high": 0.02}}
    result = evaluate("cartpole", weights.reshape(2, 8), policy, **options)
    [failed], [refused] = result.trajectories[0], result.trajectories[1]
    assert result.failed.tolist() == [True, True]
    assert (len(failed.actions), len(failed.observations)) == (result.lengths[0, 0], result.lengths[0, 0] + 1)
    assert failed.observations[-2, 3] * 3e38 < 3.4e38 < abs(float(failed.observations[-1, 3])) * 3e38
    assert not failed.terminated and not failed.truncated
    assert (refused.observations.shape, refused.actions.shape, refused.rewards.shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize(
    ("trajectories", "message"),
    [
        ([3], "expected an integer from 0 to 2, got 3"),
        ([0, -1], "expected an integer from 0 to 2, got -1"),
        ([True], "expected an integer from 0 to 2, got True"),
        ([1.0], "expected an integer from 0 to 2, got 1.0"),
        (1, "expected a list of individuals such as [0, 5], got 1"),
        ("01", "expected a list of individuals such as [0, 5], got '01'"),
        ({0: 1}, "expected a list of individuals such as [0, 5], got {0: 1}"),
        (np.array(1), "expected a list of individuals such as [0, 5], got array(1)"),
    ],
)
def test_individuals_are_checked(trajectories: Any, message: str) -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(3, seed=0), policy, trajectories=trajectories)
    assert str(refused.value) == f"trajectories: {message}"


def test_of_an_empty_population_there_are_none() -> None:
    with pytest.raises(InputError, match=r"^trajectories: expected none of an empty population$"):
        evaluate("cartpole", [], "mlp:4-2", trajectories=[0])


@pytest.mark.parametrize(
    ("env_id", "limit", "steps", "episode"),
    [
        ("carracing", None, 1000, 27648 * 1001 + (12 + 8) * 1000),
        ("snake", None, 4000, 2880 * 4001 + (8 + 8) * 4000),
        ("snake", 3000, 3000, 2880 * 3001 + (8 + 8) * 3000),
    ],
)
def test_what_could_need_too_much_memory_is_refused_before_it_starts(
    env_id: str, limit: int | None, steps: int, episode: int
) -> None:
    policy = Policy(describe(env_id).default_policy)
    episodes = (4 << 30) // episode + 1
    options: dict[str, Any] = {"episodes": episodes, "max_episode_steps": limit, "trajectories": [1]}
    with pytest.raises(InputError) as refused:
        evaluate(env_id, policy.init(2, seed=0), policy, **options)
    assert str(refused.value) == (
        f"trajectories: expected at most {4 << 30} bytes, got up to {episodes * episode} for {episodes} episodes of "
        f"{steps} steps; choose fewer individuals or episodes, or a lower max_episode_steps"
    )
