"""The engine, in this process."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode, no_note
from evalengine.evaluation.evaluate import evaluate
from evalengine.evaluation.provenance import evalengine_version
from evalengine.policies.policy import Policy

note = no_note
same_episodes = every_episode


def version() -> str:
    """Name and version of what is measured."""
    return f"evalengine {evalengine_version()}"


def open_backend(task: Task) -> RustBackend:
    """The backend for `task`, not yet entered."""
    return RustBackend(task)


class RustBackend:
    """`evalengine.evaluate` as a user calls it, with all its checks and conversions."""

    def __init__(self, task: Task) -> None:
        """Build the network once, as a user would keep it."""
        self._task = task
        self._policy = Policy(task.policy)

    def __enter__(self) -> Self:
        """There is nothing to start."""
        return self

    def __exit__(self, *exception: object) -> None:
        """There is nothing to stop."""

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        result = evaluate(
            self._task.env_id,
            weights,
            self._policy,
            episodes=len(seeds),
            seeds=seeds,
            threads=self._task.threads,
            max_episode_steps=self._task.max_episode_steps,
            observation=self._task.observation,
        )
        return Evaluated(result.returns, result.lengths)
