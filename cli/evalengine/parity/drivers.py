"""Who chooses the actions of an open loop: the drivers that every environment has, and those of its own adapter.

    random      uniform over the action space
    sticky      repeats its last action most of the time, so it goes far
    policy      as a policy does, on the reference's observation
    ...         what the adapter in `references/` adds, to reach rare branches

A driver is a `Player`: called after each reset with the reference's unwrapped environment and a source of randomness,
it returns what chooses the actions of the episode. It never sees our side. Depends on the registry and on Policy.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.policies.heads import ActionStream, Head
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.references import Choose, Player

COMMON_DRIVERS = ("random", "sticky", "policy")
"""The drivers of every environment."""

_REPEAT = 0.85
"""How often a sticky driver repeats its action: runs of some seven steps."""


def check_driver(name: str, entry: EnvironmentEntry, own: Iterable[str]) -> None:
    """Refuse a driver that the environment does not have.

    Args:
        name: what was asked for.
        entry: the environment, for the message.
        own: the adapter's drivers.

    Raises:
        InputError: no such driver; the message gives the nearest name and all of them.
    """
    known = [*COMMON_DRIVERS, *own]
    if name in known:
        return
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    advice = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    raise InputError(f"driver: expected one of {', '.join(known)} for {entry.id}, got {shown(name)}{advice}")


def player(name: str, entry: EnvironmentEntry, own: Mapping[str, Player]) -> Player:
    """Return the driver called `name`, which needs no policy; it is taken on trust that there is one.

    Args:
        name: a common driver or one of `own`.
        entry: the environment, with its keyword arguments applied.
        own: the adapter's drivers.
    """
    if name in own:
        return own[name]
    return _sticky_player(entry) if name == "sticky" else _random_player(entry)


def policy_player(policy: Policy, head: Head, individuals: Sequence[NDArray[np.float32]]) -> Player:
    """Return the driver that plays as a policy does: one of the weight vectors (D,) for each episode, in turn."""
    episodes = 0

    def begin(env: Any, rng: np.random.Generator) -> Choose:
        nonlocal episodes
        weights = individuals[episodes % len(individuals)]
        # Whatever it draws is the driver's choice: both sides are given the action.
        actions = ActionStream(head, episodes, log_std=policy.split(weights)[0])
        episodes += 1
        state: NDArray[np.float32] | None = None

        def choose(observation: NDArray[Any]) -> Any:
            nonlocal state
            logits, state = policy.step(weights, policy_inputs(policy, observation[np.newaxis]), state)
            return actions.action(logits[0])

        return choose

    return begin


def _random_action(entry: EnvironmentEntry, rng: np.random.Generator) -> Any:
    if entry.n_actions is not None:
        return int(rng.integers(entry.n_actions))
    return rng.uniform(entry.action_low or (), entry.action_high or ()).astype(np.float32)


def _random_player(entry: EnvironmentEntry) -> Player:
    def begin(env: Any, rng: np.random.Generator) -> Choose:
        return lambda observation: _random_action(entry, rng)

    return begin


def _sticky_player(entry: EnvironmentEntry) -> Player:
    def begin(env: Any, rng: np.random.Generator) -> Choose:
        action = _random_action(entry, rng)

        def choose(observation: NDArray[Any]) -> Any:
            nonlocal action
            if rng.random() >= _REPEAT:
                action = _random_action(entry, rng)
            return action

        return choose

    return begin
