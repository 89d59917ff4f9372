"""`envpool`: EnvPool's C++ environments with a batched PyTorch forward (`baddbmm`) over the individuals on its lanes.

One process with a pool of `LANES` environments and `Task.threads` EnvPool threads, in synchronous mode, as its
documentation begins. What else it teaches, or what its users do, was measured on two cores before this was chosen:

- the asynchronous mode, which it recommends for throughput, gains where environments take unequally long and cores are
  many. CartPole: 0.85 M steps per second of CPU in synchronous mode with 256 lanes, 0.56 M with `num_envs=256,
  batch_size=128`; LunarLander: 58 k against 55 k;
- a process per core, each with a pool of one thread: CartPole 0.36 M steps/s with the policy, one pool 0.49 M;
  LunarLander 35 k against 34 k. CarRacing alone is dealt out so: its policy takes 0.25 ms beside an environment's step
  of 0.85 ms, while the other cores would wait;
- more lanes: 512 and 1,024 made CartPole slower (0.28 M, 0.20 M), as their weights leave the cache;
- more PyTorch threads: they wait for each other after every operation of some microseconds, and EnvPool's threads are
  in their way; the policy of 256 lanes takes less of a step than the environments do.

EnvPool draws its own seeds when a pool is made and resets lanes by itself, so it plays other episodes than the engine,
from the same distribution of starts. Counted are the steps of the episodes asked for, see `lanes`. Its environments are
its own rewrites in C++: all of ours but Snake.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, check_side_by_side, no_episode, require_packages, versions
from evalengine.bench.lanes import NOTE, lane_count, play_on_lanes
from evalengine.bench.sharding import Layout, Shard, ShardedBackend, Size, Steps
from evalengine.errors import UnsupportedError

if TYPE_CHECKING:
    from evalengine.bench.torch_population import PopulationPolicy

same_episodes = no_episode

DEALT = frozenset({"CarRacing-v3"})
"""Environments that are played by a process per thread, each with a pool of one."""

LANES = {
    "CartPole-v0": 256,
    "CartPole-v1": 256,
    "Acrobot-v1": 256,
    "Pendulum-v1": 256,
    "MountainCar-v0": 256,
    "MountainCarContinuous-v0": 256,
    "LunarLander-v3": 64,
    "LunarLanderContinuous-v3": 64,
    "BipedalWalker-v3": 64,
    "BipedalWalkerHardcore-v3": 64,
    "CarRacing-v3": 4,
}
"""Environments of one pool: where one core's throughput stopped growing (CarRacing's is the same with any number, and a
round of 1,000 steps on each lane is long). They are also those that EnvPool has."""


def version() -> str:
    """Versions of what is measured."""
    return versions("envpool", "torch")


def note(task: Task) -> str:
    """What a row has to say of its episodes."""
    return NOTE


def open_backend(task: Task) -> ShardedBackend:
    """The backend for `task`, not yet entered.

    Raises:
        UnsupportedError: EnvPool has no such environment, or the policy has layers that are not evaluated side by side.
        MissingDependencyError: EnvPool or PyTorch is not installed.
    """
    if task.env_id not in LANES:
        raise UnsupportedError(f"EnvPool has no {task.env_id}")
    require_packages("envpool", "envpool")
    require_packages("bench", "torch")
    check_side_by_side(task)
    return ShardedBackend(task, Steps(prepare, build, play), _layout(task))


def _layout(task: Task) -> Layout:
    return Layout(task.threads if task.env_id in DEALT else 1, LANES[task.env_id])


class _Worker:
    """What a worker process keeps: its task, and for each number of lanes a pool and the policies."""

    task: Task
    pools: dict[int, tuple[Pool, PopulationPolicy]]


class Pool:
    """An EnvPool in synchronous mode as `play_on_lanes` wants it."""

    def __init__(self, task: Task, lanes: int, seed: int) -> None:
        """Make it; `seed` is that of all its episodes to come."""
        import envpool

        threads = task.threads // _layout(task).processes
        self._envs = envpool.make_gymnasium(task.env_id, num_envs=lanes, num_threads=threads, seed=seed)
        self._lanes = lanes

    def reset(self) -> NDArray[Any]:
        """See `Lanes`."""
        observations, _ = self._envs.reset()
        self._observations: NDArray[Any] = np.array(observations)
        return self._observations

    def step(
        self, actions: NDArray[Any], live: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        """See `Lanes`; steps the live lanes only, which come back in the order in which they are named."""
        if len(live) == self._lanes:
            observations, rewards, terminated, truncated, _ = self._envs.step(actions)
            return observations, rewards, terminated | truncated
        observations, some_rewards, terminated, truncated, _ = self._envs.step(actions[live], live)
        self._observations[live] = observations
        rewards, ended = np.zeros(self._lanes), np.zeros(self._lanes, np.bool_)
        rewards[live], ended[live] = some_rewards, terminated | truncated
        return self._observations, rewards, ended


def prepare(task: Task) -> None:
    """Fill `_Worker`; called in a worker process."""
    import torch

    torch.set_num_threads(1)
    # Of EnvPool's own spaces, whenever a pool is made.
    warnings.filterwarnings("ignore", ".*precision lowered by casting")
    _Worker.task, _Worker.pools = task, {}


def build(size: Size) -> tuple[Pool, PopulationPolicy]:
    """The pool for shards of a size, made when it is first asked for, and the policies of its lanes."""
    from evalengine.bench.torch_population import PopulationPolicy

    task = _Worker.task
    count = lane_count(size, LANES[task.env_id])
    if count not in _Worker.pools:
        # The process id, so that the workers do not all play the same episodes.
        _Worker.pools[count] = Pool(task, count, seed=os.getpid()), PopulationPolicy.of(task, count)
    return _Worker.pools[count]


def play(shard: Shard) -> Evaluated:
    """Evaluate a shard."""
    import torch

    weights, seeds = shard
    pool, policies = build((len(weights), len(seeds)))
    with torch.inference_mode():
        return play_on_lanes(pool, policies, weights, seeds)
