"""The engine, in this process."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode, no_note
from evalengine.evaluation.evaluate import evaluate
from evalengine.evaluation.provenance import evalengine_version, package_version
from evalengine.policies.graphs import Graphs
from evalengine.policies.individuals import Individuals, as_policy
from evalengine.references.neat_genomes import Genomes

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
        self._policy = as_policy(task.policy)
        # What an evolution has are genomes: it does not come with arrays.
        self._genomes = Genomes() if package_version("neat-python") else None

    def __enter__(self) -> Self:
        """There is nothing to start."""
        return self

    def __exit__(self, *exception: object) -> None:
        """There is nothing to stop."""

    def evaluate(self, weights: Individuals, seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        given: Any = weights
        if isinstance(weights, Graphs) and self._genomes is not None:
            given = self._genomes.of(weights)
        result = evaluate(
            self._task.env_id,
            given,
            self._policy,
            episodes=len(seeds),
            seeds=seeds,
            threads=self._task.threads,
            max_episode_steps=self._task.max_episode_steps,
            observation=self._task.observation,
        )
        return Evaluated(result.returns, result.lengths)
