"""What acts in a call, as the extension takes it: one network with many weights, or many graphs.

Depends on policies and the extension.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError, engine_errors
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs
from evalengine.policies.individuals import AnyPolicy, Individuals


class Acting(NamedTuple):
    """Arguments of the extension's `evaluate`.

    Attributes:
        network: the architecture; of graphs only the numbers of inputs and outputs.
        head: of networks.
        weights: (P, D) float32; (P, 0) of graphs.
        graphs: the graphs compiled, their head and its bound; None of networks.
    """

    network: _engine.Network
    head: str
    weights: NDArray[np.float32]
    graphs: tuple[_engine.Graphs, str, float] | None


def acting(
    policy: AnyPolicy, individuals: Individuals, entry: EnvironmentEntry, normalize: Any, *, collects_statistics: bool
) -> Acting:
    """Return what acts for a policy that fits the environment.

    Args:
        policy: of the individuals.
        individuals: as `individuals_of` gives them.
        entry: the environment.
        normalize: what observations are normalised with, or None.
        collects_statistics: whether observations are summed up.

    Raises:
        InputError: a graph that is none; statistics of bytes, which graphs see as they are, not divided by 255.
    """
    if not isinstance(policy, GraphPolicy):
        assert not isinstance(individuals, Graphs)
        return Acting(policy.network, policy.head, individuals, None)
    assert isinstance(individuals, Graphs)
    are_bytes = entry.observation_dtype == "uint8" and normalize is None
    if are_bytes and collects_statistics:
        raise InputError(f"collect_statistics: expected observations of float32 for graphs, got uint8 in {entry.id}")
    numbers = "python" if policy.inputs == "list" else "uint8" if are_bytes else "float32"
    head, bound = policy.head_for(entry)
    compiled = policy.compiled(individuals, numbers)
    weights = np.empty((len(individuals), 0), np.float32)
    return Acting(_sizes(entry.n_inputs, entry.n_outputs), "tanh", weights, (compiled, head, bound))


@lru_cache(maxsize=16)
def _sizes(inputs: int, outputs: int) -> _engine.Network:
    """Return a network of these sizes, which says no more than them."""
    with engine_errors():
        return _engine.Network((inputs,), [("linear", outputs, False)])
