"""Heads and what is drawn for actions: `evaluate` against a plain loop over Gymnasium, PyTorch and NumPy.

    evaluate(trajectories=...) ──► episodes ──► Section ◄── episodes ◄── env.step, torch, np.random.default_rng

The loop is written from what is documented, and shares nothing with the engine, nor with `policies.heads`: Gymnasium
plays, PyTorch computes outputs, tanh, sigmoid and softmax, NumPy draws. Every action, observation, reward and end is
compared to the bit. Depends on the references and on TorchPolicy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import EnvironmentEntry, describe
from evalengine.evaluation.evaluate import evaluate
from evalengine.evaluation.trajectories import Trajectory
from evalengine.parity.report import Claim, Section
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.parity.trace import make_reference
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.references import Variant, reference
from evalengine.references.divergence import Divergence, differing_bits
from evalengine.references.versions import standing
from evalengine.workloads.individuals import individuals

_INDIVIDUALS = 2


@dataclass(frozen=True)
class Drawn:
    """What is played.

    Attributes:
        env: short name.
        policy: spelling.
        epsilon: the probability of a random action.
        sticky: the probability that the former action is repeated.
        kwargs: keyword arguments of the environment.
        max_episode_steps: so short that many episodes begin.
        side_by_side: episodes of an individual that PyTorch is asked about at once.
    """

    env: str
    policy: str
    epsilon: float = 0.0
    sticky: float = 0.0
    kwargs: Mapping[str, bool | int | float] = field(default_factory=dict)
    max_episode_steps: int = 200
    side_by_side: int = 32

    def __str__(self) -> str:
        """The name of its section."""
        options = [f"{name} {value:g}" for name in ("epsilon", "sticky") if (value := getattr(self, name))]
        settings = [f"{name}={value}" for name, value in self.kwargs.items()]
        return ", ".join([f"{self.env} actions", self.policy, *settings, *options])


_CONTINUOUS = {"continuous": True}

DRAWN: tuple[Drawn, ...] = (
    Drawn("cartpole", "mlp:4-16-2,head=sample"),
    Drawn("cartpole", "mlp:4-16-1,head=threshold", epsilon=0.05),
    Drawn("cartpole", "mlp:4-16-1,out=sigmoid,head=threshold:0.5", sticky=0.25),
    Drawn("cartpole", "mlp:4-16-2", epsilon=0.1, sticky=0.25),
    Drawn("cartpole", "mlp:4-lstm8-2,head=sample", epsilon=0.05, sticky=0.1),
    Drawn("pendulum", "mlp:3-gru8-1,noise=log_std", sticky=0.1),
    Drawn("acrobot", "mlp:6-16-3,head=sample", epsilon=0.1),
    Drawn("mountaincar", "mlp:2-16-3,head=sample", sticky=0.5),
    Drawn("lunarlander", "mlp:8-32-4,act=relu,head=sample", epsilon=0.05, sticky=0.1),
    Drawn("snake", "cnn:5x12x12-8k3-16-4,head=sample", sticky=0.1),
    Drawn("pendulum", "mlp:3-16-1,head=raw"),
    Drawn("pendulum", "mlp:3-16-1,head=sigmoid", epsilon=0.1, sticky=0.25),
    Drawn("pendulum", "mlp:3-16-1,noise=0.3"),
    Drawn("pendulum", "mlp:3-16-1,out=tanh,head=clip,noise=0.1", sticky=0.1),
    Drawn("pendulum", "mlp:3-16-1,head=clip,noise=log_std"),
    Drawn("mountaincarcontinuous", "mlp:2-16-1,head=raw,noise=log_std", epsilon=0.02),
    Drawn("lunarlander", "mlp:8-32-2,head=raw/sigmoid,noise=0.5/0.1", kwargs=_CONTINUOUS),
    Drawn("lunarlander", "mlp:8-32-2,head=sigmoid,noise=log_std", epsilon=0.1, sticky=0.1, kwargs=_CONTINUOUS),
    Drawn("bipedalwalker", "mlp:24-32-4,head=tanh/clip/raw/sigmoid,noise=log_std", epsilon=0.05, sticky=0.1),
    Drawn("carracing", "cnn:3x96x96-4k8s8-16-3,head=tanh/sigmoid/sigmoid,noise=0.1", 0.0, 0.2, {}, 30, 4),
)


def drawn_section(drawn: Drawn, *, seed: int, steps: int, torch_policy: TorchPolicy, unproven: str = "") -> Section:
    """Compare at least `steps` steps, in whole episodes.

    Args:
        drawn: what is played.
        seed: of the first episode of each individual.
        steps: in all.
        torch_policy: who computes outputs and functions.
        unproven: why PyTorch proves nothing here, or "".
    """
    entry = describe(drawn.env, drawn.kwargs)
    policy = Policy(drawn.policy)
    weights = np.stack(individuals(entry, policy, _INDIVIDUALS, seed))
    log_std, _ = policy.split(weights)
    log_std[...] = np.random.default_rng(seed).uniform(-2.0, 0.5, log_std.shape)
    done, episodes, mismatches, first = 0, 0, 0, None
    actions: set[bytes] = set()
    while done < steps:
        seeds = [(seed + episodes // _INDIVIDUALS + number) % 2**64 for number in range(drawn.side_by_side)]
        played = evaluate(
            drawn.env,
            weights,
            policy,
            seeds=seeds,
            env_kwargs=drawn.kwargs,
            max_episode_steps=drawn.max_episode_steps,
            epsilon=drawn.epsilon,
            sticky=drawn.sticky,
            trajectories=range(_INDIVIDUALS),
        )
        loop = _PlainLoop(drawn, policy, entry, torch_policy)
        for individual, vector in enumerate(weights):
            ours = played.trajectories[individual]
            for mine, theirs in zip(ours, loop.play(vector, seeds), strict=True):
                differing, divergence = compared(mine, theirs, f"individual {individual} of {policy}")
                mismatches += differing
                first = first or divergence
                actions |= {action.tobytes() for action in mine.actions}
        done += played.steps
        episodes += played.returns.size
    standings = standing("torch", *reference(entry.id).packages)
    return Section(
        name=str(drawn),
        claim=Claim.EXACT,
        steps=done,
        episodes=episodes,
        mismatches=mismatches,
        first_divergence=first,
        events={"different actions": len(actions)},
        unproven=unproven or standings.unproven or reference(entry.id).documented([first.field] if first else []),
    )


def compared(mine: Trajectory, theirs: Trajectory, case: str) -> tuple[int, Divergence | None]:
    """Return how many steps of an episode differ, and the first difference."""
    if len(mine.actions) != len(theirs.actions):
        length = len(mine.actions), len(theirs.actions)
        return max(length), Divergence.between("length", *length, seed=mine.seed, case=case)
    differing = np.zeros(len(mine.actions) + 1, np.bool_)
    first: tuple[int, Divergence] | None = None
    # In the order in which they come about: an action, and what it leads to.
    for name in ("actions", "observations", "rewards"):
        ours, reference_values = getattr(mine, name), getattr(theirs, name)
        # The reset's observation is step 0.
        offset = 0 if name == "observations" else 1
        rows = differing_bits(ours, reference_values).reshape(len(ours), -1).any(axis=1)
        differing[offset:] |= rows
        if rows.any():
            row = int(rows.argmax())
            if first is None or row + offset < first[0]:
                field_name = name.removesuffix("s")
                values = ours[row], reference_values[row]
                first = (
                    row + offset,
                    Divergence.between(field_name, *values, seed=mine.seed, step=row + offset, case=case),
                )
    ends = [(side.terminated, side.truncated) for side in (mine, theirs)]
    if first is None and ends[0] != ends[1]:
        return 1, Divergence.between("terminated, truncated", *map(np.array, ends), seed=mine.seed, case=case)
    return int(differing.sum()), first and first[1]


class _PlainLoop:
    """Episodes in Gymnasium, side by side, as a user's loop plays them."""

    def __init__(self, drawn: Drawn, policy: Policy, entry: EnvironmentEntry, torch_policy: TorchPolicy) -> None:
        self._drawn, self._policy, self._entry, self._torch = drawn, policy, entry, torch_policy
        variant = Variant(kwargs=dict(drawn.kwargs), max_episode_steps=drawn.max_episode_steps)
        self._envs = [make_reference(reference(entry.id), variant) for _ in range(drawn.side_by_side)]

    def play(self, weights: NDArray[np.float32], seeds: Sequence[int]) -> list[Trajectory]:
        """Return an episode of each seed."""
        rngs = [np.random.default_rng([int.from_bytes(b"actions", "big"), seed]) for seed in seeds]
        observations = [[env.reset(seed=seed)[0]] for env, seed in zip(self._envs, seeds, strict=True)]
        actions: list[list[Any]] = [[] for _ in seeds]
        rewards: list[list[float]] = [[] for _ in seeds]
        ends: list[tuple[bool, bool]] = [(False, False) for _ in seeds]
        deviations = self._deviations(weights)
        states = np.zeros((len(seeds), self._policy.n_state), np.float32)
        running = list(range(len(seeds)))
        while running:
            inputs = policy_inputs(self._policy, np.stack([observations[episode][-1] for episode in running]))
            outputs, states[running] = self._torch.step(self._policy, weights, inputs, states[running])
            chosen = self._chosen([rngs[episode] for episode in running], outputs, deviations)
            for episode, action in zip(list(running), chosen, strict=True):
                former = actions[episode][-1:]
                # Not `sticky > random`: a draw that is not needed is not made.
                if self._drawn.sticky and former and rngs[episode].random() < self._drawn.sticky:
                    action = former[0]
                observation, reward, terminated, truncated, _ = self._envs[episode].step(action)
                observations[episode].append(observation)
                actions[episode].append(action)
                rewards[episode].append(float(reward))
                ends[episode] = bool(terminated), bool(truncated)
                if terminated or truncated:
                    running.remove(episode)
        dtype = np.int64 if self._entry.n_actions else np.float32
        return [
            Trajectory(np.stack(observations[e]), np.array(actions[e], dtype), np.array(rewards[e]), *ends[e], seeds[e])
            for e in range(len(seeds))
        ]

    def _deviations(self, weights: NDArray[np.float32]) -> NDArray[np.float32] | None:
        text, n = self._policy.noise, self._policy.n_outputs
        if text == "log_std":
            return np.array([math.exp(float(value)) for value in weights[:n]], np.float32)
        return (
            np.array([float(part) for part in text.split("/")] * (1 if "/" in text else n), np.float32)
            if text
            else None
        )

    def _chosen(
        self, rngs: Sequence[np.random.Generator], outputs: NDArray[np.float32], deviations: NDArray[np.float32] | None
    ) -> list[Any]:
        """Return an action of each episode, before any is repeated."""
        entry, epsilon, kind = self._entry, self._drawn.epsilon, self._policy.head
        explores = [bool(epsilon) and rng.random() < epsilon for rng in rngs]
        chosen: list[Any] = [None] * len(rngs)
        if entry.n_actions:
            if kind == "sample":
                probabilities = self._torch.softmax(outputs)
            for row, rng in enumerate(rngs):
                if explores[row]:
                    chosen[row] = int(rng.integers(entry.n_actions))
                elif kind == "sample":
                    chosen[row] = int(rng.choice(entry.n_actions, p=probabilities[row]))
                elif kind.startswith("threshold"):
                    chosen[row] = int(outputs[row, 0] > np.float32(kind.partition(":")[2] or 0))
                else:
                    chosen[row] = int(np.argmax(outputs[row]))
            return chosen
        low, high = np.array(entry.action_low, np.float32), np.array(entry.action_high, np.float32)
        noisy = outputs.copy()
        for row, rng in enumerate(rngs):
            if explores[row]:
                chosen[row] = rng.uniform(low, high).astype(np.float32)
            elif deviations is not None:
                noisy[row] = outputs[row] + deviations * rng.standard_normal(len(low)).astype(np.float32)
        tanh, sigmoid = self._torch.tanh(noisy), self._torch.sigmoid(noisy)
        of = {
            "tanh": low + (tanh + np.float32(1)) * np.float32(0.5) * (high - low),
            "sigmoid": low + sigmoid * (high - low),
            "clip": np.clip(noisy, low, high),
            "raw": noisy,
        }
        kinds = kind.split("/") if "/" in kind else [kind] * len(low)
        heads = np.stack([of[name][:, column] for column, name in enumerate(kinds)], axis=1)
        return [heads[row] if action is None else action for row, action in enumerate(chosen)]
