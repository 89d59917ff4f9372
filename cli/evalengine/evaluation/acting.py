"""What acts in a call, as the extension takes it: one network with many weights, or many graphs.

Depends on settings, policies and the extension.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.errors import InputError
from evalengine.evaluation.settings import Settings
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs
from evalengine.policies.heads import raw_head
from evalengine.policies.individuals import Individuals
from evalengine.policies.policy import Policy


class Acting(NamedTuple):
    """Arguments of the extension's `evaluate`.

    Attributes:
        network: the architecture; of graphs only the numbers of inputs and outputs.
        head: of networks.
        weights: (P, D) float32; (P, 0) of graphs.
        graphs: the graphs compiled, their head and its bound; None of networks.
        deviations: of the noise on outputs of networks; () is none, None that they are parameters.
    """

    network: _engine.Network
    head: str
    weights: NDArray[np.float32]
    graphs: tuple[_engine.Graphs, str, float] | None = None
    deviations: tuple[float, ...] | None = ()


def acting(settings: Settings, individuals: Individuals, threads: int) -> Acting:
    """Return what acts in a call.

    Args:
        settings: of the call.
        individuals: of its policy, as `individuals_of` gives them.
        threads: how many compile graphs.

    Raises:
        InputError: a graph that is none; statistics of bytes, which graphs see as they are, not divided by 255.
    """
    policy, entry = settings.policy, settings.entry
    if not isinstance(policy, GraphPolicy):
        assert not isinstance(individuals, Graphs)
        return Acting(policy.network, raw_head(policy), individuals, None, policy.deviations)
    assert isinstance(individuals, Graphs)
    are_bytes = entry.observation_dtype == "uint8" and settings.normalization is None
    if are_bytes and settings.collects_statistics:
        raise InputError(f"collect_statistics: expected observations of float32 for graphs, got uint8 in {entry.id}")
    numbers = "python" if policy.inputs == "list" else "uint8" if are_bytes else "float32"
    head, bound = policy.head_for(entry)
    compiled = policy.compiled(individuals, numbers, threads)
    weights = np.empty((len(individuals), 0), np.float32)
    stand_in = _sizes(entry.n_inputs, entry.n_outputs)
    return Acting(stand_in.network, raw_head(stand_in), weights, (compiled, head, bound))


@lru_cache(maxsize=16)
def _sizes(inputs: int, outputs: int) -> Policy:
    """Return a network's policy of these sizes, which says no more than them."""
    return Policy(f"mlp:{inputs}-{outputs}")
