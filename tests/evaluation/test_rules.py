"""`stop` and `no_ops` of `evaluate`: as loops over Gymnasium with the wrappers that people write for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from graph_examples import population as graph_population
from gymnasium.wrappers import MaxAndSkipObservation

from evalengine import (
    Evaluation,
    GraphPolicy,
    InputError,
    NoOps,
    Policy,
    StopRules,
    batch_evaluate,
    evaluate,
    evaluate_on,
)
from evalengine.policies.inputs import policy_inputs

Wrapper = gymnasium.Wrapper[Any, Any, Any, Any]


Meets = Callable[[Any, Any, float, Any], bool]
"""The wrapper, the observation, the reward and the action of a step to whether a rule's condition holds of it."""


class Counted(Wrapper):
    """Counts the environment's own steps."""

    steps = 0

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self.env.step(action)


class FirstSteps(Wrapper):
    """Plays an action of its own at first."""

    def __init__(self, env: Any, count: int, action: Any) -> None:
        super().__init__(env)
        self.left, self.action = count, action

    def step(self, action: Any) -> Any:
        self.left -= 1
        return self.env.step(self.action if self.left >= 0 else action)


class StopsEarly(Wrapper):
    """Truncates an episode by a rule; `stopped` says by which. `meets` looks at what a step led to."""

    def __init__(self, env: Any, rules: StopRules, meets: Meets) -> None:
        super().__init__(env)
        self.rules, self.total, self.idle, self.stopped = rules, 0.0, 0, 0
        self.meets = meets

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.total += float(reward)
        self.idle = 0 if float(reward) > self.rules.reward_above else self.idle + 1
        if not (terminated or truncated):
            if self.rules.patience is not None and self.idle == self.rules.patience:
                self.stopped = 1
            elif self.rules.return_below is not None and self.total < self.rules.return_below:
                self.stopped = 2
            elif self.rules.condition is not None and self.meets(self, observation, float(reward), action):
                self.stopped = 3
        return observation, reward, terminated, truncated or self.stopped > 0, info


@dataclass(frozen=True)
class Case:
    """What is played, and how episodes end in it."""

    env_id: str
    policy: Policy
    stop: dict[str, Any]
    endings: set[str]
    no_ops: NoOps = field(default_factory=lambda: NoOps(0))
    action: Any = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    skip: int | None = None
    limit: int = 200
    population: int = 4
    episodes: int = 3
    meets: Meets = field(default=lambda env, observation, reward, action: False)

    @property
    def options(self) -> dict[str, Any]:
        return {
            "stop": self.stop,
            "no_ops": self.no_ops,
            "env_kwargs": self.kwargs,
            "observation": None if self.skip is None else {"skip": self.skip},
            "max_episode_steps": self.limit,
            "seeds": [5 + episode for episode in range(self.episodes)],
        }

    @property
    def weights(self) -> Any:
        return self.policy.init(self.population, seed=3)


CASES = {
    "cartpole": Case(
        "CartPole-v1",
        Policy("mlp:4-8-2"),
        {"patience": 11, "reward_above": 1.0},
        {"terminated", "patience"},
        NoOps(3, 1),
        1,
        population=12,
    ),
    "lunarlander": Case(
        "LunarLander-v3",
        Policy("mlp:8-16-4"),
        {"patience": 25, "reward_above": 0.5, "return_below": -90},
        {"patience", "return_below"},
        NoOps(10, 2),
        2,
        population=12,
    ),
    "continuous": Case(
        "LunarLander-v3",
        Policy("mlp:8-16-2,head=clip"),
        {"return_below": -500.5},
        {"terminated", "return_below"},
        NoOps(15, [0.75, -1]),
        np.array([0.75, -1], np.float32),
        {"continuous": True},
        population=8,
    ),
    "limit": Case(
        "Pendulum-v1", Policy("mlp:3-8-1,head=clip"), {"return_below": -400}, {"truncated", "return_below"}, limit=60
    ),
    "carracing": Case(
        "CarRacing-v3",
        Policy("mlp:27648-3,head=clip"),
        {"patience": 20},
        {"patience"},
        NoOps(5),
        np.zeros(3, np.float32),
        limit=90,
        population=2,
        episodes=2,
    ),
    "skip": Case(
        "CarRacing-v3",
        Policy("mlp:27648-3,head=clip"),
        {"patience": 6, "return_below": 5},
        {"patience", "return_below"},
        NoOps(2, [0, 1, 0]),
        np.array([0, 1, 0], np.float32),
        skip=3,
        limit=90,
        population=2,
        episodes=2,
    ),
}
CASES["condition"] = replace(
    CASES["cartpole"],
    stop={"condition": "theta > .08 and step >= 12 and action == 1"},
    meets=lambda env, observation, reward, action: observation[2] > 0.08 and steps_of(env) >= 12 and action == 1,
    endings={"terminated", "condition"},
)
CASES["events"] = replace(
    CASES["skip"],
    stop={"condition": "new_tiles > 0 and step > 10"},
    meets=lambda env, observation, reward, action: new_tiles(env) > 0 and steps_of(env) > 10,
    endings={"condition"},
)
CASES["legs"] = replace(
    CASES["lunarlander"],
    stop={"return_below": -150, "condition": "(y < 0.3 or abs(x) - y > 0.5) and not (reward == -100 or return > 50)"},
    meets=lambda env, observation, reward, action: (
        (observation[1] < np.float32(0.3) or abs(float(observation[0])) - float(observation[1]) > 0.5)
        and reward != -100
        and env.total <= 50
    ),
    endings={"condition", "return_below"},
)
Episode = tuple[float, int, bool, bool, int]


def steps_of(env: Any) -> int:
    """The environment's own steps."""
    while not isinstance(env, Counted):
        env = env.env
    return env.steps


def new_tiles(env: Any) -> int:
    """How many tiles have been visited since this was last asked."""
    before, env.tiles = getattr(env, "tiles", 0), env.unwrapped.tile_visited_count
    return int(env.tiles - before)


def played_in_gymnasium(case: Case, weights: Any, seed: int) -> Episode:
    """Return, length, terminated, truncated and the rule of one episode."""
    counted: Any = Counted(gymnasium.make(case.env_id, max_episode_steps=case.limit, **case.kwargs))
    env: Any = counted if case.skip is None else MaxAndSkipObservation(counted, case.skip)
    env = StopsEarly(FirstSteps(env, case.no_ops.count, case.action), StopRules(**case.stop), case.meets)
    observation, _ = env.reset(seed=seed)
    total, terminated, truncated = 0.0, False, False
    while not (terminated or truncated):
        outputs = case.policy.logits(weights, policy_inputs(case.policy, observation[np.newaxis]))[0]
        discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
        action = int(outputs.argmax()) if discrete else np.clip(outputs, env.action_space.low, env.action_space.high)
        observation, reward, terminated, truncated, _ = env.step(action)
        total += float(reward)
    env.close()
    return total, counted.steps, bool(terminated), bool(truncated), env.stopped


def episodes_of(found: Evaluation) -> list[Episode]:
    arrays = (found.returns, found.lengths, found.terminated, found.truncated, found.stopped)
    return list(zip(*(array.reshape(-1).tolist() for array in arrays), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_episodes_are_those_of_gymnasium_behind_wrappers(name: str) -> None:
    case = CASES[name]
    found = evaluate(case.env_id, case.weights, case.policy, **case.options)
    seeds = case.options["seeds"]
    expected = [played_in_gymnasium(case, weights, seed) for weights in case.weights for seed in seeds]
    assert episodes_of(found) == expected
    assert set(found.endings.reshape(-1).tolist()) == case.endings
    assert found.steps == found.lengths.sum()


@pytest.mark.parametrize("name", CASES)
def test_the_comparison_has_teeth(name: str) -> None:
    """Rules and no-ops that are off by a little give other episodes."""
    case = CASES[name]
    expected = episodes_of(evaluate(case.env_id, case.weights, case.policy, **case.options))
    others: list[dict[str, Any]] = [{"stop": None}]
    if "patience" in case.stop:
        others.append({"stop": {**case.stop, "patience": case.stop["patience"] + 1}})
    if "return_below" in case.stop:
        others.append({"stop": {**case.stop, "return_below": case.stop["return_below"] * 1.5}})
    if "condition" in case.stop:
        others.append({"stop": {**case.stop, "condition": f"{case.stop['condition']} and step > 900"}})
    if case.no_ops.count:
        others += [{"no_ops": case.no_ops.count - 1}, {"no_ops": 0}]
    for other in others:
        changed = evaluate(case.env_id, case.weights, case.policy, **case.options | other)
        assert episodes_of(changed) != expected, other


def test_bounds_are_strict() -> None:
    def ending(**stop: float) -> tuple[int, str]:
        found = evaluate("cartpole", np.zeros(10), "mlp:4-2", seeds=[0], stop=stop)
        return int(found.lengths[0, 0]), str(found.endings[0, 0])

    whole = ending(patience=5, reward_above=np.nextafter(1.0, 0.0))
    assert whole[1] == "terminated"
    assert whole[0] > 6
    assert ending(patience=5, reward_above=1) == (5, "patience")
    assert ending(return_below=1) == whole
    assert ending(return_below=1.5) == (1, "return_below")
    # The first rule that holds; and none where the step has ended the episode anyway.
    assert ending(patience=1, reward_above=1, return_below=1.5) == (1, "patience")
    assert ending(patience=whole[0], reward_above=1) == whole
    assert ending(patience=whole[0] - 1, reward_above=1) == (whole[0] - 1, "patience")


def test_everything_that_is_recorded_stops_there() -> None:
    case = CASES["lunarlander"]
    options = case.options | {"keep": ("final_observation",), "trajectories": range(12), "collect_statistics": True}
    found = evaluate(
        case.env_id, case.weights, case.policy, descriptors=["last(step)", "sum(reward)", "max(action)"], **options
    )
    for individual, trajectories in found.trajectories.items():
        for episode, trajectory in enumerate(trajectories):
            place = individual, episode
            assert len(trajectory.actions) == len(trajectory.rewards) == found.lengths[place]
            assert (trajectory.terminated, trajectory.truncated) == (found.terminated[place], found.truncated[place])
            assert (trajectory.actions[:10] == 2).all()
            assert trajectory.observations[-1].tobytes() == found.final_observation[place].tobytes()
            steps, total, _ = found.descriptors[place]
            assert (steps, total) == (found.lengths[place], found.returns[place])
    assert found.statistics.count == found.lengths.sum()
    frame = found.to_frame()
    assert frame["ending"].tolist() == found.endings.reshape(-1).tolist()
    assert f"; {np.count_nonzero(found.stopped)} stopped; with " in repr(found)


def test_threads_and_places_change_nothing() -> None:
    case = CASES["lunarlander"]
    population = case.policy.init(40, seed=8)
    expected = evaluate(case.env_id, population, case.policy, threads=1, **case.options)
    for threads in (2, 5):
        found = evaluate(case.env_id, population, case.policy, threads=threads, **case.options)
        assert episodes_of(found) == episodes_of(expected)
    turned = evaluate(case.env_id, population[::-1], case.policy, **case.options)
    assert turned.returns[::-1].tobytes() == expected.returns.tobytes()
    assert turned.stopped[::-1].tobytes() == expected.stopped.tobytes()


def test_the_other_ways_to_evaluate_take_them_too() -> None:
    case = CASES["cartpole"]
    whole = evaluate(case.env_id, case.weights, case.policy, **case.options)
    with ThreadPoolExecutor(2) as executor:
        apart = evaluate_on(executor, case.env_id, case.weights, case.policy, shares=3, **case.options)
    assert episodes_of(apart) == episodes_of(whole)
    fitness = batch_evaluate(case.env_id, case.weights, 3, "mlp", (4, 8, 2), **case.options)
    assert fitness.tobytes() == whole.fitness.tobytes()


def test_no_ops_are_the_former_action_of_a_sticky_one() -> None:
    found = evaluate(
        "mountaincar", np.zeros(9), "mlp:2-3", sticky=1.0, no_ops={"count": 4, "action": 2}, trajectories=[0]
    )
    assert (found.trajectories[0][0].actions == 2).all()


def test_graphs_are_stopped_and_begun_like_other_policies() -> None:
    policy = GraphPolicy("neat:4-2")
    graphs = graph_population(6, 4, 2, seed=3)
    rules: dict[str, Any] = {"stop": {"patience": 9, "reward_above": 1}, "no_ops": {"count": 5, "action": 1}}
    plain = evaluate("cartpole", graphs, policy, episodes=2)
    ruled = evaluate("cartpole", graphs, policy, episodes=2, trajectories=range(6), **rules)
    for individual, trajectories in ruled.trajectories.items():
        for episode, trajectory in enumerate(trajectories):
            assert (trajectory.actions[:5] == 1).all()
            is_stopped = ruled.endings[individual, episode] == "patience"
            assert len(trajectory.actions) == 9 if is_stopped else len(trajectory.actions) <= 9
    assert plain.returns.tobytes() != ruled.returns.tobytes()


def test_the_default_of_a_box_is_what_is_nearest_to_0() -> None:
    found = evaluate("carracing", np.ones(82947), "mlp:27648-3", no_ops=2, max_episode_steps=4, trajectories=[0])
    actions = found.trajectories[0][0].actions
    assert not actions[:2].any()
    assert actions[2:].any()


@pytest.mark.parametrize(
    ("spelling", "same"),
    [
        ("patience=50", {"patience": 50}),
        (" return_below = -5 , patience=7", StopRules(7, 0.0, -5.0)),
        ("patience=1,reward_above=-1e-1,return_below=.5", StopRules(1, -0.1, 0.5)),
        ("condition = x<3 and  leg_contact, patience=4", StopRules(4, condition="x < 3.0 and leg_contact")),
        ("condition=not(x==3 or y)", {"condition": "not (x == 3.0 or y)"}),
        ("", None),
        ({}, StopRules()),
    ],
)
def test_stop_rules_are_spelled_or_named(spelling: Any, same: Any) -> None:
    assert StopRules.of(spelling) == StopRules.of(same)
    assert StopRules.of(str(StopRules.of(spelling) or "")) == StopRules.of(spelling)


@pytest.mark.parametrize(
    ("spelling", "same"),
    [("10", 10), ("9:3", NoOps(9, 3)), ("4:0/.5/-1", {"count": 4, "action": (0, 0.5, -1)}), ("2:.5", NoOps(2, [0.5]))],
)
def test_no_ops_are_spelled_or_named(spelling: str, same: Any) -> None:
    assert NoOps.of(spelling) == NoOps.of(same)
    assert NoOps.of(str(NoOps.of(spelling))) == NoOps.of(spelling)


STOP = r"expected a mapping or a spec such as 'patience=50,reward_above=0,return_below=-5' or 'condition=x > 3', got"
SPELLING = r"expected a spec such as 'patience=50,reward_above=0,return_below=-5' or 'condition=x > 3', got"


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        (5, f"{STOP} 5"),
        ("100 steps", f"{SPELLING} '100 steps'"),
        ("patience=x", f"{SPELLING} 'patience=x'"),
        ("patience=1,patience=2", "expected each rule once, got 'patience' twice in 'patience=1,patience=2'"),
        ({"steps": 5}, "expected some of patience, reward_above, return_below, condition, got 'steps'"),
        ({"patience": 0}, "patience: expected an integer from 1 to 2147483647, got 0"),
        ({"patience": 1.5}, r"patience: expected an integer from 1 to 2147483647, got 1\.5"),
        ({"return_below": "x"}, "return_below: expected a finite number, got 'x'"),
        ({"return_below": float("-inf")}, "return_below: expected a finite number, got -inf"),
        ({"patience": 1, "reward_above": float("nan")}, "reward_above: expected a finite number, got nan"),
        ({"condition": 3}, "condition: expected a spec such as 'x > 3', got 3"),
        (
            "condition=x =< 3",
            r"condition: expected a name, a number, a parenthesis, a sign or a comparison \(< <= > >= == !=\), "
            "got '=' at character 3 of 'x =< 3'",
        ),
        (
            {"condition": "not(thetta > 0)"},
            r"condition: expected a field of CartPole-v1, got 'thetta' at character 5 of 'not\(thetta > 0\)'; "
            r"did you mean 'theta'\? \(x, x_dot, theta, theta_dot, reward, return, action, step\)",
        ),
        ({"reward_above": 1}, "reward_above: expected patience beside it, got none"),
    ],
)
def test_what_is_no_stop_rule_is_refused(stop: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:  # whose notes `match` would look at
        evaluate("cartpole", np.zeros(10), "mlp:4-2", stop=stop)
    assert re.fullmatch(f"stop: {message}", str(refused.value))


@pytest.mark.parametrize(
    ("env_id", "no_ops", "message"),
    [
        ("cartpole", -1, ": expected an integer from 0 to 2147483647, got -1"),
        ("cartpole", "ten", ": expected a spec such as '10', '10:3' or '10:0/1/0', got 'ten'"),
        ("cartpole", "10:a", ": expected a spec such as '10', '10:3' or '10:0/1/0', got '10:a'"),
        ("cartpole", {"action": 1}, r": expected a count, got \{'action': 1\}"),
        ("cartpole", {"steps": 1}, ": expected some of count, action, got 'steps'"),
        ("cartpole", {"count": 2**31}, ": count: expected an integer from 0 to 2147483647, got 2147483648"),
        ("cartpole", {"count": 1, "action": 2}, ": action: expected an integer from 0 to 1, got 2"),
        ("cartpole", {"count": 1, "action": [0.0]}, r": action: expected an integer from 0 to 1, got \(0\.0,\)"),
        ("cartpole", {"count": 1, "action": "x"}, ": action: expected an integer or finite numbers, got 'x'"),
        ("pendulum", {"count": 1, "action": [1e39]}, r": action: expected an integer or finite numbers, got \[1e.39\]"),
        ("pendulum", {"count": 1, "action": [0, 1]}, r": action: expected 1 number, got \(0\.0, 1\.0\)"),
        ("carracing", {"count": 1, "action": 1}, ": action: expected 3 numbers, got 1"),
    ],
)
def test_what_cannot_be_played_first_is_refused(env_id: str, no_ops: Any, message: str) -> None:
    policy = {"cartpole": "mlp:4-2", "pendulum": "mlp:3-1", "carracing": "mlp:27648-3"}[env_id]
    with pytest.raises(InputError, match=f"^no_ops{message}$"):
        evaluate(env_id, np.zeros((0, Policy(policy).n_params)), policy, no_ops=no_ops)
