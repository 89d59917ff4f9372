"""Graphs that act in a call, as the extension takes them. Networks are there already, in settings and weights.

Genomes are not read before: the extension does it while those that have been read are compiled and played.
Depends on settings and policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.evaluation.settings import Settings
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs, Unread, graphs_or_unread
from evalengine.policies.individuals import AnyPolicy, Individuals, individuals_of

if TYPE_CHECKING:
    from evalengine import _engine


RawActing: TypeAlias = "tuple[_engine.RawForm, tuple[NDArray[Any], ...] | list[Any], str, float]"
"""What all graphs have in common, the population, its head and the head's bound."""


def population_of(policy: AnyPolicy, given: Any) -> Individuals | Unread:
    """Return the population that callers pass, checked, unless it consists of genomes.

    Raises:
        InputError: it does not fit the policy; the message says which individual.
    """
    return graphs_or_unread(given) if isinstance(policy, GraphPolicy) else individuals_of(policy, given)


def acting_graphs(settings: Settings, graphs: Graphs | Unread) -> RawActing:
    """Return graphs as the extension's `evaluate` takes them.

    Args:
        settings: of the call.
        graphs: of its policy.

    Raises:
        InputError: statistics of bytes, which graphs see as they are, not divided by 255.
    """
    policy, entry = settings.policy, settings.entry
    assert isinstance(policy, GraphPolicy)
    if settings.are_bytes and settings.collects_statistics:
        raise InputError(f"collect_statistics: expected observations of float32 for graphs, got uint8 in {entry.id}")
    numbers = "python" if policy.inputs == "list" else "uint8" if settings.are_bytes else "float32"
    head, bound = policy.head_for(entry)
    return policy.raw(numbers), graphs.listed if isinstance(graphs, Unread) else graphs.raw(), head, bound
