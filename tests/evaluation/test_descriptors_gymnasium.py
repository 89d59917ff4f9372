"""Descriptors are the same reductions over Gymnasium's steps, bit for bit, and what they are beside other results."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import Descriptor, InputError, Policy, Trajectory, evaluate, load_weights
from evalengine.environments.registry import EnvironmentEntry, describe
from evalengine.references import reference

EXAMPLES = Path(__file__).parents[2] / "examples" / "weights"
Row = dict[str, float]


def python_value(spelling: str, row: Row) -> Any:
    """What Python makes of a spelling: the language is a part of Python's own, but for one name."""
    names: dict[str, Any] = {"total" if name == "return" else name: value for name, value in row.items()}
    return eval(re.sub(r"\breturn\b", "total", spelling), {"__builtins__": {"abs": abs}, "inf": math.inf}, names)


def standard_deviation(values: list[float]) -> float:
    """Welford's recurrence."""
    mean = squares = 0.0
    for number, value in enumerate(values, start=1):
        delta = value - mean
        mean += delta / number
        squares += delta * (value - mean)
    return math.sqrt(squares / len(values))


def reduced(descriptor: Descriptor, rows: list[Row]) -> float:
    """The descriptor of an episode's steps, by its definition."""
    holding = [row for row in rows if descriptor.where is None or python_value(str(descriptor.where), row)]
    values = [python_value(descriptor.value, row) for row in holding]
    if descriptor.reducer in ("count", "share"):
        values = [float(bool(value)) for value in values]
    if not values:
        if isinstance(descriptor.otherwise, Descriptor):
            return reduced(descriptor.otherwise, rows)
        if descriptor.otherwise is None:
            return 0.0 if descriptor.reducer in ("sum", "count") else math.nan
        return descriptor.otherwise
    total = 0.0
    for value in values:  # the builtin sum compensates for rounding
        total += value
    results: dict[str, float] = {
        "first": values[0],
        "last": values[-1],
        "min": min(values),
        "max": max(values),
        "extreme": max(values, key=abs),
        "sum": total,
        "count": total,
        "mean": total / len(values),
        "share": total / len(values),
        "std": standard_deviation(values),
    }
    return results[descriptor.reducer]


def lunar_lander_events(env: Any) -> Row:
    return {
        "leg_contact": float(any(leg.ground_contact for leg in env.legs)),
        "crashed": float(env.game_over),
        "landed": float(not env.lander.awake),
    }


class CarRacingEvents:
    """What a step did to the counters of the reference; `info` has whether the lap was finished."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.visited = env.tile_visited_count

    def __call__(self, info: Mapping[str, Any]) -> Row:
        before, self.visited = self.visited, self.env.tile_visited_count
        return {
            "new_tiles": float(self.visited - before),
            "lap_finished": float(info.get("lap_finished", False)),
        }


def gymnasium_rows(entry: EnvironmentEntry, env: gymnasium.Env[Any, Any], episode: Trajectory) -> list[Row]:
    """Play a trajectory's actions in Gymnasium: the fields of each step, by their names."""
    observation, _ = env.reset(seed=episode.seed)
    assert np.asarray(observation).tobytes() == episode.observations[0].tobytes()
    car_racing = CarRacingEvents(env.unwrapped) if entry.short_name == "carracing" else None
    rows: list[Row] = []
    total = 0.0
    for number, action in enumerate(episode.actions):
        observation, reward, terminated, truncated, info = env.step(int(action) if entry.n_actions else action)
        assert np.asarray(observation).tobytes() == episode.observations[number + 1].tobytes()
        assert (float(reward), np.asarray(observation).dtype) == (
            episode.rewards[number],
            episode.observations.dtype,
        )
        total += float(reward)
        row = {"reward": float(reward), "return": total, "step": float(number + 1)}
        row |= dict(zip(entry.action_fields, np.atleast_1d(action).astype(np.float64).tolist(), strict=True))
        if entry.observation_fields:
            row |= dict(zip(entry.observation_fields, observation.astype(np.float64).tolist(), strict=True))
        if entry.short_name == "lunarlander":
            row |= lunar_lander_events(env.unwrapped)
        elif car_racing is not None:
            row |= car_racing(info)
        elif entry.short_name == "snake":
            row["fruit"] = float(float(reward) == 1.0)
        rows.append(row)
    assert (terminated, truncated) == (episode.terminated, episode.truncated)
    return rows


def some_descriptors(entry: EnvironmentEntry) -> list[Descriptor]:
    """Every reducer of every field, over all steps and over some; chains; values and conditions of several fields."""
    reducers = ("first", "last", "min", "max", "mean", "sum", "std", "extreme", "count", "share")
    conditions = [None, "step > 5", "reward < 0.5 and step <= 40", *entry.event_fields]
    every = [
        Descriptor(reducer, field, where) for field in entry.fields for reducer in reducers for where in conditions
    ]
    fallback = "first(reward) where step > 1e6 else last(step) where step > 1e6 else max(reward)"
    a, b = entry.action_fields[0], (entry.observation_fields or ("reward",))[0]
    composed = [
        f"std(abs({b} - reward) + return)",
        f"extreme(-({b} - (reward - {a})))",
        f"share({a} == 1 or {b} > 0 and not step < 4) where return > -100 or not {b}",
        f"count(not ({b} > 0 and {a}) and 0 < {a} + {b} - reward)",
        f"sum(reward) where (step < 4 or step > 7) and {a} != 1 else -0.5",
        f"max(abs(reward) - {b}) where {a} == 2 else mean(-reward) where not not {b} else inf",
    ]
    spelled = [fallback, "first(reward) where step > 1e6 else -7.5", *composed]
    return [*every, *map(Descriptor.of, spelled)]


CASES: dict[str, tuple[str, str | None, dict[str, Any], int | None]] = {
    "cartpole": ("mlp:4-16-2", None, {}, None),
    "acrobot": ("mlp:6-16-3", None, {}, 120),
    "pendulum": ("mlp:3-16-1", None, {}, None),
    "lunarlander": ("mlp:8-64-4", "lunarlander.npy", {}, None),
    "lunarlander continuous": ("mlp:8-16-2,head=clip", None, {"continuous": True}, 250),
    "snake": ("cnn:5x12x12-16k3-32k3-64-4", "snake.npy", {}, 300),
    "carracing": ("cnn:3x96x96-16k8s4-32k4s2-64-3", "carracing.npy", {}, 40),
    "carracing lap": ("cnn:3x96x96-16k8s4-32k4s2-64-3", "carracing.npy", {"lap_complete_percent": 0.0}, 5),
}

# Events that the other cases of the environment have.
DOES_NOT_HAPPEN = {
    "lunarlander continuous": {"landed"},
    "carracing": {"lap_finished"},
    "carracing lap": {"new_tiles"},
}


def population_of(policy: Policy, file: str | None, size: int) -> NDArray[np.float32]:
    """Random individuals, after the trained one if there is a file."""
    random = policy.init(size, seed=3)
    if file is None:
        return random
    trained = np.atleast_2d(load_weights(EXAMPLES / file).weights)[:1]
    return np.concatenate([trained, random[: size - 1]])


@pytest.mark.parametrize("case", CASES)
def test_descriptors_are_those_of_gymnasiums_steps(case: str) -> None:
    spelling, file, kwargs, limit = CASES[case]
    entry, policy = describe(case.split()[0], kwargs), Policy(spelling)
    descriptors = some_descriptors(entry)
    size = {"carracing": 2, "snake": 2, "acrobot": 3, "pendulum": 3}.get(entry.short_name, 5)
    result = evaluate(
        entry.id,
        population_of(policy, file, size),
        policy,
        episodes=2,
        seeds=21,
        env_kwargs=kwargs,
        max_episode_steps=limit,
        descriptors=[str(descriptor) if index % 2 else descriptor for index, descriptor in enumerate(descriptors)],
        trajectories=range(size),
    )
    assert result.descriptors.dtype == np.float64
    assert result.descriptors.shape == (size, 2, len(descriptors))
    events = dict.fromkeys(entry.event_fields, 0.0)
    for individual, episodes in result.trajectories.items():
        for episode, trajectory in enumerate(episodes):
            env = made(entry, kwargs, limit)
            rows = gymnasium_rows(entry, env, trajectory)
            env.close()
            expected = np.array([reduced(descriptor, rows) for descriptor in descriptors])
            assert result.descriptors[individual, episode].tobytes() == expected.tobytes()
            assert len(rows) == result.lengths[individual, episode]
            events = {name: number + sum(row[name] for row in rows) for name, number in events.items()}
    assert {name for name, number in events.items() if number == 0} == DOES_NOT_HAPPEN.get(case, set())


def made(entry: EnvironmentEntry, kwargs: dict[str, Any], limit: int | None) -> gymnasium.Env[Any, Any]:
    if entry.short_name == "snake":
        return gymnasium.wrappers.TimeLimit(reference("snake").make(**kwargs), limit or 4000)
    return gymnasium.make(entry.id, max_episode_steps=limit, **kwargs)


def test_the_comparison_sees_one_unit_in_the_last_place() -> None:
    rows = [{"x": 1.0}, {"x": 4.0}, {"x": 1.5}, {"x": 0.5}]
    for reducer in ("first", "last", "max", "mean", "sum"):
        descriptor = Descriptor(reducer, "x")
        place = {"first": 0, "last": 3}.get(reducer, 1)
        changed = [dict(row) for row in rows]
        changed[place]["x"] = math.nextafter(changed[place]["x"], math.inf)
        assert reduced(descriptor, changed) != reduced(descriptor, rows)


def test_names_mean_what_they_say() -> None:
    """The order of the names is Gymnasium's: positions that velocities change, angles with their sine and cosine."""
    policy = Policy("mlp:4-8-2")
    [[episode]] = evaluate("cartpole", policy.init(1, seed=0), policy, trajectories=[0]).trajectories.values()
    before, after = (
        dict(zip(describe("cartpole").observation_fields, row, strict=True)) for row in episode.observations[:2]
    )
    assert after["x"] == pytest.approx(before["x"] + 0.02 * before["x_dot"], abs=1e-6)
    assert after["theta"] == pytest.approx(before["theta"] + 0.02 * before["theta_dot"], abs=1e-6)
    assert describe("pendulum").observation_fields == ("cos_theta", "sin_theta", "theta_dot")
    assert describe("acrobot").observation_fields == (
        "cos_theta1",
        "sin_theta1",
        "cos_theta2",
        "sin_theta2",
        "theta1_dot",
        "theta2_dot",
    )
    assert describe("lunarlander").observation_fields == (
        "x",
        "y",
        "x_velocity",
        "y_velocity",
        "angle",
        "angular_velocity",
        "leg1_contact",
        "leg2_contact",
    )
    assert describe("lunarlander").event_fields == ("leg_contact", "crashed", "landed")
    assert describe("snake").fields == ("reward", "return", "action", "fruit", "step")
    assert describe("carracing", None, "skip=2").event_fields == ("new_tiles", "lap_finished")


def test_pyribs_measures_of_lunar_lander() -> None:
    """pyribs' example: x and y velocity at the first leg contact, else the last x and the least y velocity."""
    policy = Policy("mlp:8-64-4")
    result = evaluate(
        "lunarlander",
        population_of(policy, "lunarlander.npy", 6),
        policy,
        episodes=3,
        descriptors=[
            "first(x) where leg_contact else last(x)",
            "first(y_velocity) where leg_contact else min(y_velocity)",
        ],
        trajectories=range(6),
    )
    landed = 0
    for individual, episodes in result.trajectories.items():
        for episode, trajectory in enumerate(episodes):
            impact = None
            for observation in trajectory.observations[1:]:
                if impact is None and (observation[6] or observation[7]):
                    impact = (observation[0], observation[3])
            landed += impact is not None
            steps = trajectory.observations[1:]
            expected = impact or (steps[-1, 0], steps[:, 3].min())
            assert tuple(result.descriptors[individual, episode]) == tuple(map(float, expected))
    assert 0 < landed < 18


def test_a_skip_sums_events_and_counts_steps_of_the_environment() -> None:
    policy = Policy("cnn:6x96x96-4k8s8-8-3")
    descriptors = ["sum(new_tiles)", "last(step)", "sum(reward)", "first(step)"]
    options: dict[str, Any] = {"max_episode_steps": 11, "observation": "skip=3,stack=2", "seeds": [4]}
    weights = policy.init(1, seed=2)
    result = evaluate("carracing", weights, policy, descriptors=descriptors, trajectories=[0], **options)
    [episode] = result.trajectories[0]
    assert episode.actions.shape == (4, 3)
    assert episode.observations.shape == (5, 2, 96, 96, 3)
    env = gymnasium.make("CarRacing-v3", max_episode_steps=11)
    env.reset(seed=4)
    at_start = env.unwrapped.tile_visited_count  # type: ignore[attr-defined]
    for action in np.repeat(episode.actions, 3, axis=0)[:11]:
        env.step(action)
    tiles = env.unwrapped.tile_visited_count - at_start  # type: ignore[attr-defined]
    env.close()
    assert result.descriptors[0, 0].tolist() == [tiles, 11.0, result.returns[0, 0], 3.0]


# --- beside


def test_without_descriptors_there_are_none_and_with_them_nothing_else_changes() -> None:
    policy = Policy("mlp:4-8-2")
    population = policy.init(7, seed=0)
    plain = evaluate("cartpole", population, policy, episodes=3)
    with pytest.raises(InputError, match=r"^descriptors: not kept by this call; pass "):
        _ = plain.descriptors
    described = evaluate("cartpole", population, policy, episodes=3, descriptors=["sum(reward)", "last(step)"])
    assert described.returns.tobytes() == plain.returns.tobytes()
    assert described.descriptors[..., 0].tobytes() == plain.returns.tobytes()
    assert (described.descriptors[..., 1] == plain.lengths).all()
    nobody = evaluate("cartpole", population[:0], policy, episodes=3, descriptors=["sum(reward)"])
    assert nobody.descriptors.shape == (0, 3, 1)


def test_a_failed_episode_has_no_descriptors() -> None:
    policy = Policy("mlp:4-2")
    population = policy.init(3, seed=0)
    population[1, 0] = np.nan
    descriptors = ["sum(reward)", "last(x) else 3"]
    result = evaluate("cartpole", population, policy, episodes=2, on_nan=-1.0, descriptors=descriptors)
    assert np.isnan(result.descriptors[1]).all()
    assert np.isfinite(result.descriptors[[0, 2]]).all()


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_change_no_bit(threads: int) -> None:
    policy = Policy("mlp:8-8-4")
    options: dict[str, Any] = {
        "episodes": 3,
        "descriptors": ["mean(y_velocity)", "sum(angle)", "first(step) where crashed"],
    }
    one = evaluate("lunarlander", policy.init(9, seed=0), policy, threads=1, **options).descriptors
    several = evaluate("lunarlander", policy.init(9, seed=0), policy, threads=threads, **options).descriptors
    assert one is not None and several is not None
    assert one.tobytes() == several.tobytes()
