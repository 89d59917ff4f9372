"""`ray`: `RayEvaluator` on a Ray cluster of this machine, a node per thread, one CPU each."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Task, every_episode, no_note, require_packages, versions
from evalengine.bench.backends.cluster import Cluster, Evaluate
from evalengine.clusters.ray_evaluator import RayEvaluator
from evalengine.evaluation.evaluate import Evaluation
from evalengine.lifetimes import own_handlers
from evalengine.policies.policy import Policy

note = no_note
same_episodes = every_episode


def version() -> str:
    """Versions of what is measured."""
    return versions("evalengine", "ray")


def open_backend(task: Task) -> Cluster:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: ray is not installed.
    """
    require_packages("ray", "ray")
    return Cluster(task, _start)


@own_handlers()
def _start(task: Task, running: ExitStack) -> Evaluate:
    """Start nodes with an actor each, and connect to them; the population goes through the object store."""
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    running.callback(nodes.shutdown)
    for _ in range(task.threads - 1):
        nodes.add_node(num_cpus=1)
    evaluator = running.enter_context(
        RayEvaluator(threads=1, address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
    )
    policy, steps = Policy(task.policy), task.max_episode_steps

    def evaluate(weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluation:
        return evaluator.evaluate(task.env_id, weights, policy, seeds=seeds, max_episode_steps=steps)

    return evaluate
