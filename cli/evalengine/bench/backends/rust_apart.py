"""The engine as often as there are threads, at once and each on one of them: what the cores give to programs that have
nothing to do with each other. What one call on all threads falls short of that by is the engine's; the rest is the
machine's, whose cores may slow each other down or belong to others too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode
from evalengine.bench.backends.rust import RustBackend, version

__all__ = ["RustApartBackend", "note", "open_backend", "same_episodes", "version"]

same_episodes = every_episode


def note(task: Task) -> str:
    """That it plays every episode several times."""
    return f"each episode {task.threads} times, in calls that have nothing to do with each other"


def open_backend(task: Task) -> RustApartBackend:
    """The backend for `task`, not yet entered."""
    return RustApartBackend(task)


class RustApartBackend:
    """As many equal calls at once as the task has threads, each on one thread, from threads of this process."""

    def __init__(self, task: Task) -> None:
        """Prepare one call for each thread."""
        self._calls = [RustBackend(replace(task, threads=1)) for _ in range(task.threads)]
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start the threads."""
        self._pool = self._running.enter_context(ThreadPoolExecutor(len(self._calls)))
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the threads."""
        self._running.close()

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`: the episodes of the first call, then those of the second, ..."""
        parts = list(self._pool.map(lambda call: call.evaluate(weights, seeds), self._calls))
        return Evaluated(
            np.concatenate([part.returns for part in parts]), np.concatenate([part.lengths for part in parts])
        )
