"""Rules of an episode: `evaluate` against a loop over Gymnasium behind the wrappers that people write for them.

    evaluate(stop=..., no_ops=..., env_kwargs=lists) ──► episodes ──► Section ◄── wrappers ◄── env.step

The wrappers are written from what is documented, and Python itself says whether a condition holds: its spelling is an
expression of Python. Outputs are the engine's, which other sections hold against PyTorch's. Every action, observation,
reward and end is compared to the bit. Depends on the references.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import EnvironmentEntry, describe
from evalengine.evaluation.evaluate import evaluate
from evalengine.evaluation.trajectories import Trajectory
from evalengine.parity.drawn_actions import compared
from evalengine.parity.report import Claim, Section
from evalengine.policies.heads import ActionStream, Head
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.references import reference
from evalengine.references.versions import standing
from evalengine.workloads.individuals import individuals

_INDIVIDUALS = 3


@dataclass(frozen=True)
class Ruled:
    """What is played.

    Attributes:
        env: short name.
        policy: spelling.
        stop: rules, as `evaluate` takes them.
        first: how many first steps play an action, and which; none is that of the policy.
        action_repeat: how many times each action is played.
        kwargs: keyword arguments of the environment.
        varied: values of others, which episodes have in turn.
        max_episode_steps: so short that many episodes begin.
        episodes: of each individual in one call.
    """

    env: str
    policy: str
    stop: Mapping[str, Any] = field(default_factory=dict)
    first: tuple[int, Any] = (0, None)
    action_repeat: int = 1
    kwargs: Mapping[str, bool | int | float] = field(default_factory=dict)
    varied: Mapping[str, tuple[bool | int | float, ...]] = field(default_factory=dict)
    max_episode_steps: int = 200
    episodes: int = 8

    def __str__(self) -> str:
        """The name of its section."""
        rules = [f"{name}={value}" for name, value in {**self.stop, **self.kwargs, **self.varied}.items()]
        rules += [f"no_ops {self.first[0]}"] if self.first[0] else []
        rules += [f"action_repeat {self.action_repeat}"] if self.action_repeat > 1 else []
        return ", ".join([f"{self.env} rules", *rules])

    def values_of(self, individual: int, episode: int) -> dict[str, bool | int | float]:
        """The varied keyword arguments of an episode."""
        place = individual * self.episodes + episode
        return {name: values[place % len(values)] for name, values in self.varied.items()}


RULED: tuple[Ruled, ...] = (
    Ruled(
        "cartpole",
        "mlp:4-16-2",
        {"patience": 30, "reward_above": 1},
        (3, 1),
        varied={"sutton_barto_reward": (True, False, False)},
    ),
    Ruled("cartpole", "mlp:4-16-2", {"condition": "theta > 0.1 and step >= 12 and action == 1"}, action_repeat=3),
    Ruled("acrobot", "mlp:6-16-3", {"condition": "cos_theta1 < 0.3 and step > 20"}, (7, 2), action_repeat=4),
    Ruled("pendulum", "mlp:3-16-1", {"return_below": -700}, (4, [1.5]), 5, varied={"g": (10.0, 9.81, 3.5, -2.0, 0.0)}),
    Ruled(
        "mountaincar",
        "mlp:2-16-3",
        {"condition": "velocity > 0.002 and step > 60"},
        (40, 0),
        2,
        varied={"goal_velocity": (0.0, 0.03)},
    ),
    Ruled(
        "mountaincarcontinuous",
        "mlp:2-16-1",
        {"patience": 20},
        action_repeat=3,
        varied={"goal_velocity": (0.0, 0.01, 0.07)},
    ),
    Ruled(
        "lunarlander",
        "mlp:8-32-4",
        {"patience": 25, "reward_above": 0.5, "return_below": -250},
        (10, 2),
        varied={"gravity": (-10.0, -2.0, -11.9, -7.25), "enable_wind": (False, True, True), "wind_power": (15.0, 4.0)},
    ),
    Ruled(
        "lunarlander",
        "mlp:8-32-2,head=clip",
        {"condition": "y < 0.5 and reward > -50 or not abs(angle) <= 1.5"},
        (6, [0.5, -1]),
        4,
        {"continuous": True},
        {"turbulence_power": (0.5, 1.9), "enable_wind": (True,)},
    ),
    Ruled(
        "bipedalwalker",
        "mlp:24-32-4",
        {"patience": 20},
        (5, [0.5, -0.5, 0.25, 1]),
        2,
        varied={"hardcore": (False, True)},
    ),
    Ruled("snake", "cnn:5x12x12-8k3-16-4", {"patience": 5}, (2, 1), 2, varied={"time_limit": (9, 60, 4000)}),
    Ruled(
        "carracing",
        "mlp:27648-3,head=clip",
        {"patience": 9, "reward_above": 50, "return_below": -8},
        (6, [0, 1, 0]),
        3,
        varied={"domain_randomize": (True, False)},
        max_episode_steps=36,
        episodes=1,
    ),
)


def ruled_section(ruled: Ruled, *, seed: int, steps: int) -> Section:
    """Compare at least `steps` steps of the environment, in whole episodes, beginning with those of `seed`."""
    first_kwargs = {**ruled.kwargs, **ruled.values_of(0, 0)}
    entry = describe(ruled.env, first_kwargs)
    policy = Policy(ruled.policy)
    weights = np.stack(individuals(entry, policy, _INDIVIDUALS, seed))
    done, episodes, mismatches, first = 0, 0, 0, None
    events: dict[str, int] = {}
    while done < steps:
        seeds = [(seed + episodes // _INDIVIDUALS + number) % 2**64 for number in range(ruled.episodes)]
        played = evaluate(ruled.env, weights, policy, seeds=seeds, trajectories=range(_INDIVIDUALS), **_options(ruled))
        for individual, vector in enumerate(weights):
            for episode, mine in enumerate(played.trajectories[individual]):
                loop = _Loop(ruled, entry, ruled.values_of(individual, episode))
                theirs, stopped = loop.play(policy, vector, seeds[episode])
                differing, divergence = compared(mine, theirs, f"individual {individual} of {policy}")
                place = individual, episode
                if (stopped, loop.steps) != (played.stopped[place], played.lengths[place]):
                    differing += 1
                mismatches += differing
                first = first or divergence
                ending = str(played.endings[place])
                events[ending] = events.get(ending, 0) + 1
        done += played.steps
        episodes += played.returns.size
    source = reference(entry.id)
    unproven = standing(*source.packages).unproven or source.documented([first.field] if first else [])
    return Section(str(ruled), Claim.EXACT, done, episodes, mismatches, first, events=events, unproven=unproven)


def _options(ruled: Ruled) -> dict[str, Any]:
    places = [(individual, episode) for individual in range(_INDIVIDUALS) for episode in range(ruled.episodes)]
    varied = {
        name: np.array([ruled.values_of(*place)[name] for place in places]).reshape(_INDIVIDUALS, ruled.episodes)
        for name in ruled.varied
    }
    count, action = ruled.first
    return {
        "stop": ruled.stop,
        "no_ops": {"count": count, "action": action} if count else 0,
        "action_repeat": ruled.action_repeat,
        "env_kwargs": {**ruled.kwargs, **varied},
        "max_episode_steps": ruled.max_episode_steps,
    }


Wrapper = gymnasium.Wrapper[Any, Any, Any, Any]


class Repeated(Wrapper):
    """Plays each action several times, and adds up the rewards."""

    def __init__(self, env: Any, times: int) -> None:
        """Wrap `env`."""
        super().__init__(env)
        self.times, self.steps = times, 0

    def step(self, action: Any) -> Any:
        """Play it, until the episode ends."""
        total = 0.0
        for _ in range(self.times):
            observation, reward, terminated, truncated, info = self.env.step(action)
            self.steps += 1
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


class StopsEarly(Wrapper):
    """Truncates an episode by rules; `stopped` is the number of the one that has."""

    def __init__(self, env: Any, rules: Mapping[str, Any], entry: EnvironmentEntry, repeated: Repeated) -> None:
        """Wrap `env`, whose own steps `repeated` counts."""
        super().__init__(env)
        self.rules, self.entry, self.repeated = rules, entry, repeated
        self.total, self.idle, self.stopped = 0.0, 0, 0

    def step(self, action: Any) -> Any:
        """Take a step, and look at what it led to."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        reward = float(reward)
        self.total += reward
        self.idle = 0 if reward > self.rules.get("reward_above", 0) else self.idle + 1
        if not (terminated or truncated):
            holds = [
                self.idle >= self.rules.get("patience", np.inf),
                self.total < self.rules.get("return_below", -np.inf),
                "condition" in self.rules and self._meets(observation, reward, action),
            ]
            self.stopped = holds.index(True) + 1 if True in holds else 0
        return observation, reward, terminated, truncated or self.stopped > 0, info

    def _meets(self, observation: Any, reward: float, action: Any) -> bool:
        values = dict(zip(self.entry.observation_fields, map(float, observation), strict=True))
        values |= dict(zip(self.entry.action_fields, map(float, np.atleast_1d(action)), strict=True))
        values |= {"reward": reward, "step": self.repeated.steps}
        return bool(
            eval(self.rules["condition"], {"__builtins__": {"abs": abs}}, values)
        )  # a spelling that stands above


class _Loop:
    """One episode in Gymnasium, as a user's loop plays it."""

    def __init__(self, ruled: Ruled, entry: EnvironmentEntry, values: Mapping[str, bool | int | float]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of settings that Gymnasium advises against
            env = reference(entry.id).make(
                disable_env_checker=True, max_episode_steps=ruled.max_episode_steps, **ruled.kwargs, **values
            )
        self._ruled, self._entry = ruled, entry
        self._repeated = Repeated(env, ruled.action_repeat)
        self._env = StopsEarly(self._repeated, ruled.stop, entry, self._repeated)

    @property
    def steps(self) -> int:
        """Steps of the environment."""
        return self._repeated.steps

    def play(self, policy: Policy, weights: NDArray[np.float32], seed: int) -> tuple[Trajectory, int]:
        """Return the episode, and the number of the rule that stopped it."""
        dtype = np.int64 if self._entry.n_actions else np.float32
        stream = ActionStream(Head.of(policy, self._entry), seed)
        observations: list[Any] = [self._env.reset(seed=seed)[0]]
        actions: list[Any] = []
        rewards: list[float] = []
        ends = False, False
        count, first = self._ruled.first
        while not any(ends):
            outputs, _ = policy.step(weights, policy_inputs(policy, observations[-1][np.newaxis]), None)
            action = stream.action(np.asarray(outputs[0]))
            if len(actions) < count:
                action = first if self._entry.n_actions else np.array(first, np.float32)
            observation, reward, terminated, truncated, _ = self._env.step(action)
            observations.append(observation)
            actions.append(action)
            rewards.append(float(reward))
            ends = bool(terminated), bool(truncated)
        self._env.close()
        arrays = np.stack(observations), np.array(actions, dtype), np.array(rewards)
        return Trajectory(*arrays, *ends, seed), self._env.stopped
