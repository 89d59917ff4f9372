"""One individual that chooses actions, step by step, as the engine's forward pass does.

    individual ──► actor ──► start, then act(observation) ──► action

Depends on policies and heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.normalization import Normalization
from evalengine.environments.registry import EnvironmentEntry
from evalengine.environments.rules import NoOps
from evalengine.policies.graph_form import actions_of
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs
from evalengine.policies.heads import ActionStream, Head
from evalengine.policies.individuals import AnyPolicy
from evalengine.policies.inputs import BYTE_RANGE, policy_inputs

Individual: TypeAlias = NDArray[np.float32] | Graphs
"""Weights (D,), or a population of one graph."""

NO_OPS = NoOps(0)
"""None at all."""

Act: TypeAlias = Callable[[NDArray[Any]], Any]
"""Takes Gymnasium's observation and returns an action that Gymnasium takes."""


def actor(
    policy: AnyPolicy,
    individual: Individual,
    entry: EnvironmentEntry,
    seed: int,
    *,
    normalize: Normalization | None = None,
    channels_last: bool = True,
    epsilon: float = 0.0,
    sticky: float = 0.0,
    no_ops: NoOps = NO_OPS,
) -> Act:
    """Return what acts for one episode, from its first observation on.

    Args:
        policy: of the individual.
        individual: its weights, or its graph.
        entry: the environment.
        seed: the episode's, which seeds what is drawn; the draws are NumPy's own.
        normalize: what observations are normalised with, or None.
        channels_last: whether images have an axis of channels, behind the others.
        epsilon: the probability of a random action.
        sticky: the probability that an action is the former one again.
        no_ops: what the first steps play, whatever the policy says, which is asked nevertheless.
    """
    if isinstance(policy, GraphPolicy):
        # Of the head only the kind of its actions matters here: what graphs choose is chosen before.
        name = "clip" if entry.n_actions is None else "argmax"
        head = Head(name, entry.action_low or (), entry.action_high or (), entry.n_actions or 0)
        stream = ActionStream(head, seed, epsilon=epsilon, sticky=sticky)
        act_graph = _graph_actor(policy, individual, entry, normalize, stream)
        return _beginning(no_ops, entry, act_graph, stream.play_instead)
    assert not isinstance(individual, Graphs)
    network, weights = policy, individual
    log_std, _ = network.split(weights)
    actions = ActionStream(Head.of(network, entry), seed, log_std=log_std, epsilon=epsilon, sticky=sticky)
    # What recurrent cells remember of the episode.
    state: NDArray[np.float32] | None = None

    def act(observation: NDArray[Any]) -> Any:
        nonlocal state
        inputs = policy_inputs(network, observation[np.newaxis], channels_last=channels_last, normalize=normalize)
        logits, state = network.step(weights, inputs, state)
        return actions.action(np.asarray(logits[0]))

    return _beginning(no_ops, entry, act, actions.play_instead)


def _beginning(no_ops: NoOps, entry: EnvironmentEntry, act: Act, told: Callable[[Any], object]) -> Act:
    """Return what acts, but for the first steps, whose action is `told`."""
    left = no_ops.count
    if left == 0:
        return act
    raw = no_ops.raw_action(entry)
    first: Any = int(raw[0]) if entry.n_actions else np.array(raw, np.float32)

    def begin(observation: NDArray[Any]) -> Any:
        nonlocal left
        action = act(observation)
        if left == 0:
            return action
        left -= 1
        told(first)
        return first

    return begin


def _graph_actor(
    policy: GraphPolicy,
    individual: Any,
    entry: EnvironmentEntry,
    normalize: Normalization | None,
    actions: ActionStream,
) -> Act:
    head = policy.head_for(entry)
    seen: list[NDArray[Any]] = []

    def act(observation: NDArray[Any]) -> Any:
        if normalize is not None:
            scaled = observation.astype(np.float32) / BYTE_RANGE if observation.dtype == np.uint8 else observation
            observation = normalize.applied(scaled)
        if policy.net == "feedforward":
            seen.clear()
        # What a recurrent graph remembers follows from all that it has seen.
        seen.append(np.ascontiguousarray(observation).reshape(-1))
        outputs = policy.outputs(individual, np.stack(seen))[0, -1:]
        return actions.played(actions_of(head, outputs, entry)[0])

    return act
