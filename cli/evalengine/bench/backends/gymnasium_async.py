"""`gymnasium-async`: Gymnasium's `AsyncVectorEnv` with shared memory and a batched PyTorch forward over its lanes.

One process steps `LANES_PER_THREAD` sub-environments per thread (`Task.threads`), each of which is a process of its
own, as `AsyncVectorEnv` has it, and evaluates the policies of all lanes by `baddbmm` in one PyTorch thread: a forward
of so few lanes takes microseconds, less than waking a second thread. Four sub-environments a core: with one a core, the
environments wait while the policy runs and the policy while the slowest environment does; measured on two cores,
CartPole made 3.4 k steps/s on 2 lanes, 5.7 k on 4, 10.2 k on 8 and no more on 16 or 32. (`max_concurrency`, a semaphore
around each step, made it no quicker.) `copy=False`, and `AutoresetMode.SAME_STEP`, which costs no step per episode.

Its episodes are the seeds' own: `Seeded` tells each sub-environment at the reset which seeds it will play. A mode of
its own, `AutoresetMode.DISABLED` with `reset_mask`, could set the seeds as well, but sends a message to every
sub-environment, reset or not, whenever one ends: every second or third step with random CartPole policies. So returns
are compared with the engine's.
"""

from __future__ import annotations

import atexit
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import (
    Evaluated,
    Task,
    baseline_version,
    check_side_by_side,
    every_episode,
    no_note,
    require_baseline,
)
from evalengine.bench.sharding import Layout, Shard, ShardedBackend, Size, Steps

if TYPE_CHECKING:
    import gymnasium
    from gymnasium.vector import AsyncVectorEnv

    from evalengine.bench.torch_population import PopulationPolicy
    from evalengine.policies.heads import Head

version = baseline_version
note = no_note
same_episodes = every_episode

LANES_PER_THREAD = 4
"""Sub-environments, each a process, for each core."""


def open_backend(task: Task) -> ShardedBackend:
    """The backend for `task`, not yet entered.

    Raises:
        UnsupportedError: the policy has layers that are not evaluated side by side.
        MissingDependencyError: PyTorch or Gymnasium is not installed.
    """
    require_baseline()
    check_side_by_side(task)
    return ShardedBackend(task, Steps(prepare, build, play), Layout(1, daemonic=False))


class _Worker:
    """What the worker process keeps."""

    lanes: int
    envs: AsyncVectorEnv[Any, Any]
    policies: PopulationPolicy
    head: Head
    n_params: int
    is_warm = False


def prepare(task: Task) -> None:
    """Start the sub-environments, before PyTorch has threads that a fork would lose."""
    from gymnasium.vector import AsyncVectorEnv, AutoresetMode

    lanes = LANES_PER_THREAD * task.threads
    _Worker.lanes = lanes
    _Worker.envs = AsyncVectorEnv(
        [partial(make_lane, task.env_id, lane, lanes) for lane in range(lanes)],
        shared_memory=True,
        copy=False,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    # The sub-environments end with this process; to close them once more while Python shuts down may print an error.
    atexit.register(setattr, _Worker.envs, "closed", True)

    import torch

    from evalengine.bench.torch_population import PopulationPolicy
    from evalengine.environments.registry import resolve
    from evalengine.policies.heads import Head
    from evalengine.policies.policy import Policy

    torch.set_num_threads(1)
    _Worker.policies = PopulationPolicy.of(task, lanes)
    policy = Policy(task.policy)
    _Worker.head = Head.of(policy, resolve(task.env_id))
    _Worker.n_params = policy.n_params


def make_lane(env_id: str, lane: int, lanes: int) -> gymnasium.Env[Any, Any]:
    """One sub-environment; called in its process, and once more for the spaces."""
    from evalengine.bench.seeded import Seeded
    from evalengine.references import reference

    return Seeded(reference(env_id).make(disable_env_checker=True), lane, lanes)


def build(size: Size) -> None:
    """Nothing depends on the size; play a little, once, so that the first call pays for nothing that others do not."""
    if not _Worker.is_warm:
        play((np.zeros((1, _Worker.n_params), np.float32), np.zeros(1, np.uint64)))
        _Worker.is_warm = True


def play(shard: Shard) -> Evaluated:
    """Evaluate a shard: lane i plays the episodes i, i + lanes, i + 2 lanes, ..., individual by individual."""
    import torch

    with torch.inference_mode():
        return _play(*shard)


def _play(weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
    policies, lanes, episodes = _Worker.policies, _Worker.lanes, len(weights) * len(seeds)
    policies.load(weights)
    playing = np.arange(lanes)  # which episode each lane plays; from `episodes` on: none
    given = playing[:episodes]
    policies.assign(given, playing[given] // len(seeds))
    observations, _ = _Worker.envs.reset(options={"seeds": seeds.tolist(), "episodes": episodes})
    returns, lengths = np.zeros(episodes), np.zeros(episodes, np.int64)
    actions: list[bytes] = [b""] * episodes
    totals, began = np.zeros(lanes), np.zeros(lanes, np.int64)
    history: list[NDArray[Any]] = []  # the lanes' actions at every step: kept to explain differences
    left = episodes
    while left:
        chosen = policies.actions(observations)
        history.append(chosen)
        observations, rewards, terminated, truncated, _ = _Worker.envs.step(chosen)
        totals += rewards
        ended = np.flatnonzero(terminated | truncated)
        for lane in ended.tolist():
            episode, taken = playing[lane], [chosen[lane] for chosen in history[began[lane] :]]
            returns[episode], lengths[episode] = totals[lane], len(taken)
            actions[episode] = _Worker.head.encoded(taken)
        totals[ended], began[ended] = 0.0, len(history)
        left -= len(ended)
        playing[ended] += lanes
        given = ended[playing[ended] < episodes]
        policies.assign(given, playing[given] // len(seeds))
    shape = len(weights), len(seeds)
    by_individual = [actions[start : start + len(seeds)] for start in range(0, episodes, len(seeds))]
    return Evaluated(returns.reshape(shape), lengths.reshape(shape), by_individual)
