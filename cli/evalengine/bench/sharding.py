"""A population dealt out to worker processes, each of which evaluates its individuals in one thread, side by side.

What the backends share that vectorise inside a process (EnvPool, gymnax, PyTorch's batched forward, Gymnasium's vector
environments): individuals do not know of each other, so a process per core needs no barrier between threads at every
step and keeps environment and policy of every core busy. PyTorch's own threads would meet at a barrier after each
operation of a few microseconds, and while one half of the loop (environment or policy) runs, the other's would wait.

The processes are fresh ones, so what a backend sets for a whole process (threads of PyTorch and XLA, environment
variables) reaches neither the engine nor another backend.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task
from evalengine.clusters.workers import WorkerPool

Shard = tuple[NDArray[np.float32], NDArray[np.uint64]]
"""Weights (I, D) of some individuals, the seeds (E,) of their episodes."""

Size = tuple[int, int]
"""Individuals of a shard, episodes of each."""


@dataclass(frozen=True)
class Steps:
    """What happens in a worker process; top-level functions of a module.

    Attributes:
        prepare: called once, with the task.
        build: makes or compiles what shards of a size need, unless that is done.
        play: evaluates a shard.
    """

    prepare: Callable[[Task], object]
    build: Callable[[Size], object]
    play: Callable[[Shard], Evaluated]


@dataclass(frozen=True)
class Layout:
    """How a population is dealt out.

    Attributes:
        processes: worker processes.
        lanes: episodes that a process plays side by side, about; 1 where that makes no difference.
        daemonic: False if the workers have processes of their own.
    """

    processes: int
    lanes: int = 1
    daemonic: bool = True


class ShardedBackend:
    """A pool of workers that evaluate shards of a population."""

    def __init__(self, task: Task, steps: Steps, layout: Layout) -> None:
        """Nothing is started yet."""
        self._steps, self._layout = steps, layout
        self._pool = WorkerPool(layout.processes, steps.prepare, task, daemonic=layout.daemonic)

    def __enter__(self) -> Self:
        """See `Backend`."""
        self._pool.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        """See `Backend`."""
        self._pool.__exit__(*exception)

    def least_individuals(self, episodes: int) -> int:
        """See `SizedBackend`."""
        return self._layout.processes * math.ceil(self._layout.lanes / episodes)

    def prepare_for(self, individuals: int, episodes: int) -> None:
        """See `SizedBackend`."""
        shards = min(individuals, self._layout.processes)
        for size in {individuals // shards, -(-individuals // shards)}:
            self._pool.call_each(self._steps.build, (size, episodes))

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        shards = deal(weights, seeds, self._layout.processes)
        return joined(self._pool.map(self._steps.play, shards, chunksize=1))


def deal(weights: NDArray[np.float32], seeds: NDArray[np.uint64], count: int) -> list[Shard]:
    """At most `count` shards, none of them empty, whose sizes differ by one at most."""
    ends = np.linspace(0, len(weights), min(count, len(weights)) + 1).astype(int).tolist()
    return [(weights[start:end], seeds) for start, end in itertools.pairwise(ends)]


def joined(parts: list[Evaluated]) -> Evaluated:
    """The shards' results as the population's."""
    actions: list[list[bytes]] | None = []
    for part in parts:
        actions = None if actions is None or part.actions is None else actions + part.actions
    return Evaluated(
        np.concatenate([part.returns for part in parts]), np.concatenate([part.lengths for part in parts]), actions
    )
