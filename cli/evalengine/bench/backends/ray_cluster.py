"""`ray`: `RayEvaluator` on a Ray cluster of this machine, a node per thread, one CPU each."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode, no_note, require_packages, versions
from evalengine.policy import Policy
from evalengine.ray_evaluator import RayEvaluator

note = no_note
same_episodes = every_episode


def version() -> str:
    """Versions of what is measured."""
    return versions("evalengine", "ray")


def open_backend(task: Task) -> RayCluster:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: ray is not installed.
    """
    require_packages("ray", "ray")
    return RayCluster(task)


class RayCluster:
    """Nodes with an actor each; the population goes through the object store."""

    def __init__(self, task: Task) -> None:
        """Remember what to start."""
        self._task = task
        self._policy = Policy(task.policy)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start the nodes and connect to them."""
        from ray.cluster_utils import Cluster

        with ExitStack() as starting:
            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
            starting.callback(cluster.shutdown)
            for _ in range(self._task.threads - 1):
                cluster.add_node(num_cpus=1)
            self._evaluator = starting.enter_context(
                RayEvaluator(threads=1, address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
            )
            self._running = starting.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """End them."""
        self._running.close()

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        task = self._task
        result = self._evaluator.evaluate(
            task.env_id, weights, self._policy, seeds=seeds, max_episode_steps=task.max_episode_steps
        )
        return Evaluated(result.returns, result.lengths)
