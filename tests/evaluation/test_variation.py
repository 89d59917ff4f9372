"""Keyword arguments that are lists: each episode is that of a call with its values, to the bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from evalengine import Evaluation, InputError, Policy, evaluate, evaluate_on

POLICY = Policy("mlp:8-16-4")
P, E = 5, 3
SEEDS = list(range(11, 11 + E))
GRAVITY = [-10, -2.5, -11.9, -7.0, -0.5]
WIND = [0.0, 5.0, 20.0]
OPTIONS: dict[str, Any] = {"max_episode_steps": 150, "descriptors": ["last(x)", "sum(reward)"]}
CASES: dict[str, dict[str, Any]] = {
    "individuals": {"gravity": GRAVITY},
    "episodes": {"enable_wind": True, "wind_power": WIND},
    "both": {"gravity": np.linspace(-11, -1, P * E).reshape(P, E)},
    "flags": {"enable_wind": [True, False, True], "gravity": tuple(GRAVITY)},
    "columns": {"gravity": np.array(GRAVITY)[:, np.newaxis], "enable_wind": [[True] * E], "wind_power": [[7, 8.5, 0]]},
}


def value_at(value: Any, individual: int, episode: int) -> Any:
    array = np.asarray(value)
    if array.ndim == 0:
        return value
    if array.ndim == 1:
        array = array.reshape(-1, 1) if len(array) == P else array.reshape(1, -1)
    return array[individual % len(array), episode % array.shape[1]].item()


def bits(found: Evaluation) -> tuple[bytes, ...]:
    return tuple(array.tobytes() for array in (found.returns, found.lengths, found.terminated, found.descriptors))


@pytest.mark.parametrize("name", CASES)
def test_episodes_are_those_of_separate_calls(name: str) -> None:
    weights, kwargs = POLICY.init(P, seed=1), CASES[name]
    found = evaluate("LunarLander-v3", weights, POLICY, seeds=SEEDS, env_kwargs=kwargs, trajectories=[2], **OPTIONS)
    for individual in range(P):
        for episode in range(E):
            own = {name: value_at(value, individual, episode) for name, value in kwargs.items()}
            alone = evaluate(
                "LunarLander-v3",
                weights[individual],
                POLICY,
                seeds=SEEDS[episode : episode + 1],
                env_kwargs=own,
                trajectories=[0],
                **OPTIONS,
            )
            place = individual, episode
            assert found.returns[place].tobytes() == alone.returns[0, 0].tobytes(), place
            assert found.lengths[place] == alone.lengths[0, 0]
            assert found.descriptors[place].tobytes() == alone.descriptors[0, 0].tobytes()
            if individual == 2:
                ours, theirs = found.trajectories[2][episode], alone.trajectories[0][0]
                assert ours.observations.tobytes() == theirs.observations.tobytes()


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_and_shares_change_nothing(threads: int) -> None:
    weights, kwargs = POLICY.init(P, seed=1), CASES["flags"]
    expected = bits(evaluate("lunarlander", weights, POLICY, seeds=SEEDS, env_kwargs=kwargs, **OPTIONS))
    found = evaluate("lunarlander", weights, POLICY, seeds=SEEDS, env_kwargs=kwargs, threads=threads, **OPTIONS)
    assert bits(found) == expected
    for given in (kwargs, CASES["both"]):
        whole = evaluate("lunarlander", weights, POLICY, seeds=SEEDS, env_kwargs=given, **OPTIONS)
        with ThreadPoolExecutor(2) as executor:
            apart = evaluate_on(
                executor, "lunarlander", weights, POLICY, seeds=SEEDS, env_kwargs=given, shares=3, **OPTIONS
            )
        assert bits(apart) == bits(whole)


@pytest.mark.parametrize(
    ("env_id", "policy", "kwargs"),
    [
        ("pendulum", "mlp:3-8-1", {"g": np.linspace(-3, 12, 40)}),
        ("cartpole", "mlp:4-8-2", {"sutton_barto_reward": [False, True] * 20}),
        ("mountaincar", "mlp:2-8-3", {"goal_velocity": np.linspace(-0.05, 0.07, 40)}),
        ("mountaincarcontinuous", "mlp:2-8-1", {"goal_velocity": np.linspace(-0.05, 0.07, 40)}),
        ("snake", "cnn:5x12x12-4k3-8-4", {"time_limit": np.arange(1, 41)}),
        ("bipedalwalker", "mlp:24-8-4", {"hardcore": [False, True, True, False] * 10}),
    ],
)
def test_lanes_of_every_environment_keep_their_values(env_id: str, policy: str, kwargs: dict[str, Any]) -> None:
    """More episodes than lanes, of very different lengths, moved to other lanes and threads."""
    weights = Policy(policy).init(40, seed=2)
    options: dict[str, Any] = {"seeds": [1, 2], "max_episode_steps": 60}
    found = evaluate(env_id, weights, policy, env_kwargs=kwargs, **options)
    ((name, values),) = kwargs.items()
    for individual in range(0, 40, 3):
        own = {name: np.asarray(values)[individual].item()}
        alone = evaluate(env_id, weights[individual], policy, env_kwargs=own, **options)
        assert found.returns[individual].tobytes() == alone.returns[0].tobytes(), individual
        assert found.lengths[individual].tolist() == alone.lengths[0].tolist()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"gravity": [-9.0] * 4},
            r"env_kwargs: gravity: expected values of shape \(5,\), one for each individual, \(3,\), one for each "
            r"episode, or \(5, 3\), got \(4,\)",
        ),
        ({"gravity": []}, r"env_kwargs: gravity: expected one value, or values of shape .*, got \[\]"),
        ({"gravity": ["a"] * 5}, r"env_kwargs: gravity: expected one value, or values of shape .*"),
        ({"gravity": [[[1.0]]]}, r"env_kwargs: gravity: expected one value, or values of shape .*"),
        ({"gravity": [[-9.0, -8.0], [-7.0]]}, r"env_kwargs: gravity: expected an array of numbers: .*"),
        ({"gravity": [-9, -9, -13]}, r"LunarLander-v3: gravity \(current value: -13\.0\) must be between -12 and 0"),
        ({"gravty": [-9, -9, -9]}, r"LunarLander-v3: unknown keyword argument .gravty.; did you mean .gravity..*"),
        (
            {"continuous": [False, True, False]},
            "LunarLander-v3: keyword argument continuous: expected one value for all episodes, since observations or "
            "actions differ with it, got false and true",
        ),
        (
            {"enable_wind": [0, 1, 0]},
            r"LunarLander-v3: keyword argument enable_wind: expected a bool, got an int \(0\)",
        ),
    ],
)
def test_what_cannot_be_varied_is_refused(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        evaluate("lunarlander", POLICY.init(P, seed=1), POLICY, seeds=SEEDS, env_kwargs=kwargs)


def test_a_row_that_may_be_for_individuals_or_for_episodes_is_refused() -> None:
    weights = Policy("mlp:3-1").init(2, seed=0)
    with pytest.raises(InputError) as refused:
        evaluate("pendulum", weights, "mlp:3-1", episodes=2, env_kwargs={"g": [9, 10]})
    assert str(refused.value) == (
        "env_kwargs: g: expected values of shape (2, 1), one for each individual, or (1, 2), one for each episode, "
        "since they are as many, got (2,)"
    )
    for values in ([[9], [10]], [[9, 10]], [[9, 9], [10, 10]]):
        evaluate("pendulum", weights, "mlp:3-1", episodes=2, env_kwargs={"g": values})
    one = evaluate("pendulum", weights[:1], "mlp:3-1", env_kwargs={"g": [9]})
    assert one.returns == evaluate("pendulum", weights[:1], "mlp:3-1", env_kwargs={"g": 9}).returns


def test_the_caller_may_change_its_arrays_while_shares_are_on_their_way() -> None:
    gravity = np.array(GRAVITY)
    weights = POLICY.init(P, seed=1)
    whole = evaluate("lunarlander", weights, POLICY, seeds=SEEDS, env_kwargs={"gravity": gravity}, **OPTIONS)
    from evalengine.clusters.shares import Job

    job = Job.of("lunarlander", weights, POLICY, None, SEEDS, {"env_kwargs": {"gravity": gravity}})
    gravity[:] = -1
    assert job.options["env_kwargs"] is not None
    assert job.options["env_kwargs"]["gravity"].tolist() == GRAVITY
    assert whole.returns.shape == (P, E)
