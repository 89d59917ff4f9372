"""What the backends of `CLUSTERS` have in common: something is started, and the engine then evaluates on it.

open_backend(task) ──► Cluster(task, start) ──► __enter__: start(task, running) ──► evaluate
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task
from evalengine.clusters.distributed import Executor, evaluate_on
from evalengine.evaluation.evaluate import Evaluation
from evalengine.policies.policy import Policy

Evaluate = Callable[[NDArray[np.float32], NDArray[np.uint64]], Evaluation]
"""Evaluates weights (P, D) on seeds (E,)."""

Start = Callable[[Task, ExitStack], Evaluate]
"""Starts what a task's calls will run on; what ends it again goes onto the stack."""


class Cluster:
    """Processes of this machine, one thread each, that `start` starts and that end with the backend."""

    def __init__(self, task: Task, start: Start) -> None:
        """Remember what to start."""
        self._task, self._start = task, start
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start it; what has begun ends again if the rest cannot be started."""
        with ExitStack() as starting:
            self._evaluate = self._start(self._task, starting)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """End it."""
        self._running.close()

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        result = self._evaluate(weights, seeds)
        return Evaluated(result.returns, result.lengths)


def on_executor(executor: Executor, task: Task) -> Evaluate:
    """`evaluate_on` the executor, one thread for each of its workers."""
    policy, steps = Policy(task.policy), task.max_episode_steps

    def evaluate(weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluation:
        return evaluate_on(executor, task.env_id, weights, policy, seeds=seeds, threads=1, max_episode_steps=steps)

    return evaluate
