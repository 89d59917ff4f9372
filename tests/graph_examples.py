"""Graphs for tests: populations of all shapes, and genomes that neat-python would have made of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from evalengine import Graph, Graphs


def random_graph(draw: np.random.Generator, inputs: int, outputs: int, hidden: int = 3) -> Graph:
    """A feed-forward graph in which each connection is there with a chance of two thirds."""
    nodes = [*range(outputs), *(50 + number for number in range(hidden))]
    ends = [(-1 - source, node) for source in range(inputs) for node in nodes]
    ends += [(source, node) for source in nodes[outputs:] for node in nodes if node < outputs or node > source]
    ends = [pair for pair in ends if draw.random() < 2 / 3]
    names = draw.choice(["sigmoid", "tanh", "relu", "identity", "gauss"], len(nodes)).tolist()
    return Graph(nodes, names, draw.normal(size=len(nodes)), ends, draw.normal(size=len(ends)))


def population(size: int, inputs: int = 4, outputs: int = 2, seed: int = 0) -> Graphs:
    """So many random graphs."""
    draw = np.random.default_rng(seed)
    return Graphs.of([random_graph(draw, inputs, outputs, hidden=index % 4) for index in range(size)])


def genome(nodes: dict[int, dict[str, Any]], connections: dict[tuple[int, int], Any]) -> Any:
    """What looks like a genome of neat-python; a connection may be its weight alone."""
    usual = {"activation": "identity", "aggregation": "sum", "bias": 0.0, "response": 1.0}
    links = {
        ends: SimpleNamespace(weight=link, enabled=True) if not isinstance(link, SimpleNamespace) else link
        for ends, link in connections.items()
    }
    return SimpleNamespace(
        nodes={key: SimpleNamespace(**{**usual, **node}) for key, node in nodes.items()}, connections=links
    )
