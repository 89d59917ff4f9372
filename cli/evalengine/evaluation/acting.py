"""Graphs that act in a call, as the extension takes them. Networks are there already, in settings and weights.

Depends on settings and policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine.errors import InputError
from evalengine.evaluation.settings import Settings
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs

if TYPE_CHECKING:
    from evalengine import _engine


def acting_graphs(settings: Settings, graphs: Graphs, threads: int) -> tuple[_engine.Graphs, str, float]:
    """Return graphs compiled, their head and its bound.

    Args:
        settings: of the call.
        graphs: of its policy, as `individuals_of` gives them.
        threads: how many compile.

    Raises:
        InputError: a graph that is none; statistics of bytes, which graphs see as they are, not divided by 255.
    """
    policy, entry = settings.policy, settings.entry
    assert isinstance(policy, GraphPolicy)
    if settings.are_bytes and settings.collects_statistics:
        raise InputError(f"collect_statistics: expected observations of float32 for graphs, got uint8 in {entry.id}")
    numbers = "python" if policy.inputs == "list" else "uint8" if settings.are_bytes else "float32"
    head, bound = policy.head_for(entry)
    return policy.compiled(graphs, numbers, threads), head, bound
