"""`dask`: `evaluate_on` a Dask `LocalCluster`, a process per thread, one thread each."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode, no_note, require_packages, versions
from evalengine.bench.backends.process_pool import evaluated_on

note = no_note
same_episodes = every_episode


def version() -> str:
    """Versions of what is measured."""
    return versions("evalengine", "distributed")


def open_backend(task: Task) -> DaskCluster:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: distributed is not installed.
    """
    require_packages("dask", "distributed")
    return DaskCluster(task)


class DaskCluster:
    """A scheduler and workers of this machine, which talk by TCP."""

    def __init__(self, task: Task) -> None:
        """Remember what to start."""
        self._task = task
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start scheduler and workers."""
        from distributed import Client, LocalCluster

        with ExitStack() as starting:
            cluster = starting.enter_context(
                LocalCluster(n_workers=self._task.threads, threads_per_worker=1, processes=True, dashboard_address=None)
            )
            client = starting.enter_context(Client(cluster))
            # pure: Dask answers what it knows without work, and every call of a round is the same.
            self._executor = client.get_executor(pure=False)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """End them."""
        self._running.close()

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        return evaluated_on(self._executor, self._task, weights, seeds)
