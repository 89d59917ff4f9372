"""The nodes of a Ray cluster: an actor on each, which has nothing but the engine.

    ray.nodes() ──► met_nodes ──► [Node] ──► Node.actor.evaluate.remote(weights, share, job) ──► Part or an error

Nodes with another build, machine type or math library are refused: their results might have other bits. Depends on
shares and equal_bits; `ray` itself is passed in by `ray_evaluator`, which imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.clusters.shares import Share, evaluate_share
from evalengine.errors import EvalEngineError, WorkersLostError
from evalengine.evaluation.call import Part
from evalengine.evaluation.equal_bits import differences, requirements
from evalengine.evaluation.options import ShareOptions
from evalengine.policies.individuals import Individuals

# How soon a new node's actor must have answered, in seconds.
_START_SECONDS = 120.0


class Worker:
    """The actor of a node."""

    def build(self) -> dict[str, str]:
        """Return what must be equal on all nodes for their results to be."""
        return requirements()

    def evaluate(
        self,
        weights: Individuals,
        share: Share,
        job: tuple[str, str, NDArray[np.uint64], int | None, ShareOptions],
    ) -> Part | EvalEngineError:
        """Evaluate one share; an error that the engine raises on purpose is a value, so that it arrives as it is."""
        env_id, policy, seeds, threads, options = job
        own, place = weights[share.start : share.stop], (share.start, len(weights))
        try:
            return evaluate_share(env_id, policy, own, seeds, place, threads, options)
        except EvalEngineError as error:
            return error


@dataclass(frozen=True)
class Node:
    """An actor and where it runs."""

    node_id: str
    address: str
    threads: int
    actor: Any


def met_nodes(ray: Any, met: Sequence[Node], threads: int | None) -> list[Node]:
    """Start actors on nodes that have none, and forget those of nodes that are gone.

    Args:
        ray: the module, initialised.
        met: the nodes that were there before.
        threads: of each actor; None is all CPUs that its node has told Ray of.

    Raises:
        WorkersLostError: no node answered, or one has another build, machine type or math library.
    """
    alive = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
    found = [node for node in met if node.node_id in alive]
    known = {node.node_id for node in found}
    new = [_started(ray, node, threads) for node_id, node in alive.items() if node_id not in known and _cpus(node) >= 1]
    here = requirements()
    for node in new:
        try:
            there = ray.get(node.actor.build.remote(), timeout=_START_SECONDS)
        except ray.exceptions.RayTaskError as error:
            raise WorkersLostError(
                f"node {node.address}: expected evalengine there, got {first_line(error.cause)}"
            ) from None
        except ray.exceptions.RayError:
            continue  # gone before it was met, or its CPUs are another's
        if differing := differences(here, there):
            raise WorkersLostError(f"node {node.address}: {differing}")
        found.append(node)
    if not found:
        raise WorkersLostError(f"nodes: expected one that answers, got none of {len(alive)}")
    return found


def first_line(error: object) -> str:
    """Return what an error of Ray says first; most of them go on with a traceback."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _started(ray: Any, node: dict[str, Any], threads: int | None) -> Node:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    count = _cpus(node) if threads is None else min(threads, _cpus(node))
    here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    actor = ray.remote(Worker).options(num_cpus=count, scheduling_strategy=here).remote()
    return Node(node["NodeID"], node["NodeManagerAddress"], count, actor)


def _cpus(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("CPU", 0))
