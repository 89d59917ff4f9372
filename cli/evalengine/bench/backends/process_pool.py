"""`process-pool`: `evaluate_on` a `concurrent.futures.ProcessPoolExecutor`, a process per thread, one thread each."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode, no_note
from evalengine.bench.backends.rust import version
from evalengine.distributed import Executor, evaluate_on
from evalengine.policy import Policy

__all__ = ["ProcessPool", "evaluated_on", "note", "open_backend", "same_episodes", "version"]

note = no_note
same_episodes = every_episode


def open_backend(task: Task) -> ProcessPool:
    """The backend for `task`, not yet entered."""
    return ProcessPool(task)


def evaluated_on(executor: Executor, task: Task, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
    """What `evaluate_on` gives: weights (P, D), seeds (E,)."""
    result = evaluate_on(
        executor,
        task.env_id,
        weights,
        Policy(task.policy),
        seeds=seeds,
        threads=1,
        max_episode_steps=task.max_episode_steps,
    )
    return Evaluated(result.returns, result.lengths)


class ProcessPool:
    """Spawned processes, which get their shares of the weights by pipes."""

    def __init__(self, task: Task) -> None:
        """Remember what to start."""
        self._task = task

    def __enter__(self) -> Self:
        """Make the pool; it starts its processes with the first call, which warms up."""
        self._executor = ProcessPoolExecutor(self._task.threads, multiprocessing.get_context("spawn"))
        return self

    def __exit__(self, *exception: object) -> None:
        """End the processes."""
        self._executor.shutdown(cancel_futures=True)

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        return evaluated_on(self._executor, self._task, weights, seeds)
