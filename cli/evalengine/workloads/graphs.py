"""Populations of graphs to be measured: about ten nodes and thirty connections each, as an evolution comes to.

- **random**: weights and structure are drawn; CartPole's episodes last some ten to twenty steps.
- **trained**: in CartPole, the connections from the inputs to the outputs are those of a pilot that balances the pole,
  with noise, and the other nodes add a little: episodes last up to 500 steps, as in a late generation.

Every node is neat-python's default, a sigmoid of a sum. Depends on Graphs and GraphPolicy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.policies.graph_form import is_spelling
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graph, Graphs

NODES = 10
CONNECTIONS = 30
POPULATION = 500
EPISODES = 4

_PILOT = np.array([0.1, 0.4, 3.0, 1.2])
"""What is multiplied with CartPole's observation; a sum above 0 is a push to the right."""


def is_trained(spelling: str | None) -> bool:
    """Say whether a spec is of graphs that have a trained population."""
    if spelling is None or not is_spelling(spelling):
        return False
    policy = GraphPolicy(spelling)
    return (policy.n_inputs, policy.n_outputs) == (4, 2)


def graphs_of(policy: GraphPolicy, population: int, seed: int, *, trained: bool) -> Graphs:
    """Return a population (see the module); a larger one begins with a smaller one.

    Raises:
        InputError: nothing was trained for this policy.
    """
    if trained and not is_trained(str(policy)):
        raise InputError(f"policy: the trained workload's graphs are for neat:4-2, got {policy}")
    return Graphs.of([_graph(policy, np.random.default_rng([seed, index]), trained) for index in range(population)])


def _graph(policy: GraphPolicy, draw: np.random.Generator, trained: bool) -> Graph:
    """Return one individual: hidden nodes see inputs and hidden nodes with larger keys, outputs see all of them."""
    hidden = list(range(policy.n_outputs, max(NODES, policy.n_outputs + 1)))
    inputs = [-1 - index for index in range(policy.n_inputs)]
    direct = [(source, output) for output in range(policy.n_outputs) for source in inputs]
    others = [(source, node) for node in hidden for source in (*inputs, *(other for other in hidden if other > node))]
    others += [(node, output) for node in hidden for output in range(policy.n_outputs)]
    chosen = draw.choice(len(others), max(1, CONNECTIONS - len(direct)), replace=False)
    connections = direct + [others[place] for place in sorted(chosen.tolist())]
    nodes = [*range(policy.n_outputs), *hidden]
    weights, biases = draw.normal(size=len(connections)), draw.normal(size=len(nodes))
    if trained:
        weights, biases = _as_pilot(connections, weights, biases, policy.n_outputs)
    return Graph(nodes, "sigmoid", biases, connections, weights)


def _as_pilot(
    connections: list[tuple[int, int]],
    weights: NDArray[np.float64],
    biases: NDArray[np.float64],
    n_outputs: int,
) -> tuple[NDArray[Any], NDArray[Any]]:
    pilot = {(-1 - index, output): (2 * output - 1) * value for index, value in enumerate(_PILOT) for output in (0, 1)}
    steered = [pilot.get(ends, 0.0) for ends in connections]
    small = np.where([ends[1] < n_outputs for ends in connections], 0.002, 1.0)
    biases = np.where(np.arange(len(biases)) < n_outputs, 0.0, biases)
    return np.array(steered) + small * weights, biases
