"""`gymnasium-vector`: Gymnasium's own vectorised CartPole (`vector_entry_point`) with a batched PyTorch forward.

`gymnasium.make_vec("CartPole-v1", vectorization_mode="vector_entry_point")` steps all lanes by NumPy arithmetic in one
process; CartPole is the only one of our environments that has it. A process per thread (`Task.threads`), each with
`LANES` lanes and one PyTorch thread.

One random stream serves all lanes and lanes reset by themselves (`AutoresetMode.NEXT_STEP`), so single episodes cannot
be given seeds: it plays other episodes than the engine. Counted are the steps of the episodes asked for, see `lanes`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import (
    Evaluated,
    Task,
    baseline_version,
    check_side_by_side,
    no_episode,
    require_baseline,
)
from evalengine.bench.lanes import NOTE, lane_count, play_on_lanes
from evalengine.bench.sharding import Layout, Shard, ShardedBackend, Size, Steps
from evalengine.errors import UnsupportedError

if TYPE_CHECKING:
    from evalengine.bench.torch_population import PopulationPolicy

version = baseline_version
same_episodes = no_episode

ENV_ID = "CartPole-v1"

LANES = 256
"""Lanes of one process at most: 1,024 spread the cost of a call further, but their weights leave the cache (0.40 M
steps per second of CPU with 256, 0.19 M with 1,024)."""


def note(task: Task) -> str:
    """What a row has to say of its episodes."""
    return NOTE


def open_backend(task: Task) -> ShardedBackend:
    """The backend for `task`, not yet entered.

    Raises:
        UnsupportedError: the environment is not CartPole, or the policy has layers that are not evaluated side by side.
        MissingDependencyError: PyTorch or Gymnasium is not installed.
    """
    if task.env_id != ENV_ID:
        raise UnsupportedError(f"Gymnasium has no vector_entry_point for {task.env_id}")
    require_baseline()
    check_side_by_side(task)
    return ShardedBackend(task, Steps(prepare, build, play), Layout(task.threads, LANES))


class _Worker:
    """What a worker process keeps: its task, and for each number of lanes environment and policies."""

    task: Task
    vectors: dict[int, tuple[Vector, PopulationPolicy]]


class Vector:
    """Gymnasium's vector environment as `play_on_lanes` wants it; it steps all lanes, live or not."""

    def __init__(self, lanes: int, seed: int) -> None:
        """Make it; `seed` is that of its one random stream."""
        import gymnasium

        self._envs = gymnasium.make_vec(ENV_ID, num_envs=lanes, vectorization_mode="vector_entry_point")
        self._seed: int | None = seed

    def reset(self) -> NDArray[Any]:
        """See `Lanes`; only the first reset sets the seed."""
        observations, _ = self._envs.reset(seed=self._seed)
        self._seed = None
        return np.asarray(observations)

    def step(
        self, actions: NDArray[Any], live: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        """See `Lanes`."""
        observations, rewards, terminated, truncated, _ = self._envs.step(actions)
        return observations, rewards, terminated | truncated


def prepare(task: Task) -> None:
    """Fill `_Worker`; called in a worker process."""
    import torch

    torch.set_num_threads(1)
    _Worker.task, _Worker.vectors = task, {}


def build(size: Size) -> tuple[Vector, PopulationPolicy]:
    """The lanes for shards of a size, made when they are first asked for, and their policies."""
    from evalengine.bench.torch_population import PopulationPolicy

    count = lane_count(size, LANES)
    if count not in _Worker.vectors:
        # The process id, so that the workers do not all play the same episodes.
        _Worker.vectors[count] = Vector(count, seed=os.getpid()), PopulationPolicy.of(_Worker.task, count)
    return _Worker.vectors[count]


def play(shard: Shard) -> Evaluated:
    """Evaluate a shard."""
    import torch

    weights, seeds = shard
    vector, policies = build((len(weights), len(seeds)))
    with torch.inference_mode():
        return play_on_lanes(vector, policies, weights, seeds)
