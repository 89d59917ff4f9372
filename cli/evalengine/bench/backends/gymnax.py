"""`gymnax`: environments and policies in JAX, one compiled program for whole episodes of a part of the population.

As gymnax's `RolloutWrapper` has it, policy and environment are fused and mapped over individuals and episodes
(`jax.vmap` twice) with the same keys for every individual. Better than it in three ways: `lax.while_loop` ends when the
last of its episodes has ended, not at the time limit (random CartPole, one core: 1.8 M steps/s against 0.4 M with
`lax.scan`; trained ones play to the limit and are no slower); `step_env` does not reset every lane at every step; the
key of a step is a constant, because none of the environments draws anything that counts after its reset.

`LANES` episodes at a time: a short program's lanes wait less for the longest episode, a long one's use the core better
(random CartPole: 1.8 M steps/s with 128 lanes, 0.8 M with 2,048; trained: 8.5 M and 9.9 M with 512). Lanes with no
individual left start as done. A process per thread (`Task.threads`), each held to one thread of XLA (`NPROC`).

Compilation is apart: `build`, before the time is taken. Its random streams are JAX's, so it plays other episodes
than the engine. Counted are steps up to each episode's end, not those that a finished lane idles through. Returns are
sums in float32. gymnax has CartPole, Acrobot, Pendulum and both MountainCars of our environments; its physics is
float32.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, check_side_by_side, no_episode, require_packages, versions
from evalengine.bench.lanes import lane_count
from evalengine.bench.sharding import Layout, Shard, ShardedBackend, Size, Steps
from evalengine.errors import UnsupportedError
from evalengine.policies.policy import Policy

same_episodes = no_episode

ENV_IDS = ("CartPole-v1", "Acrobot-v1", "Pendulum-v1", "MountainCar-v0", "MountainCarContinuous-v0")

ACTIVATIONS = {"identity", "relu", "tanh"}
"""Those that `jax_rollout` has."""

LANES = 128
"""Episodes that one call of the program plays, about."""

Program = Callable[[NDArray[np.float32], NDArray[np.uint32], NDArray[np.bool_]], Any]
"""(weights (I, D), seeds (E,), which individuals are none (I,)) -> returns (I, E) float32, lengths (I, E) int32."""


def version() -> str:
    """Versions of what is measured."""
    return versions("gymnax", "jax")


def note(task: Task) -> str:
    """What a row has to say of its episodes."""
    return "own seeds, compiled before: steps up to each episode's end"


def open_backend(task: Task) -> ShardedBackend:
    """The backend for `task`, not yet entered.

    Raises:
        UnsupportedError: gymnax has no such environment, or the policy's activations are not written for JAX here.
        MissingDependencyError: gymnax, JAX or what gymnax needs and does not ask for is not installed.
    """
    if task.env_id not in ENV_IDS:
        raise UnsupportedError(f"gymnax has no {task.env_id}")
    policy = Policy(task.policy)
    if not {*policy.activations, policy.output_activation} <= ACTIVATIONS:
        raise UnsupportedError(f"gymnax is measured with {', '.join(sorted(ACTIVATIONS))}, not with {policy}")
    check_side_by_side(task)
    require_packages("gymnax", "jax", "gymnax", "six")
    return ShardedBackend(task, Steps(prepare, build, play), Layout(task.threads, LANES))


class _Worker:
    """What a worker process keeps: the jitted program, and what it is compiled for (XLA keeps the compiled ones)."""

    program: Program
    n_params: int
    compiled: set[tuple[int, int]]


def prepare(task: Task) -> None:
    """Fill `_Worker`; called in a worker process, whose variables JAX reads when it is imported."""
    os.environ |= {"NPROC": "1", "JAX_PLATFORMS": "cpu"}
    from evalengine.bench.jax_rollout import rollout_program

    _Worker.program = rollout_program(task)
    _Worker.n_params = Policy(task.policy).n_params
    _Worker.compiled = set()


def block_size(size: Size) -> int:
    """How many individuals one call of the program takes, of a shard of a size."""
    return max(1, lane_count(size, LANES) // size[1])


def build(size: Size) -> None:
    """Compile what shards of a size need, unless that is done."""
    shape = block_size(size), size[1]
    if shape not in _Worker.compiled:
        block = np.zeros((shape[0], _Worker.n_params), np.float32)
        np.asarray(_Worker.program(block, np.zeros(shape[1], np.uint32), np.ones(shape[0], np.bool_))[1])
        _Worker.compiled.add(shape)


def play(shard: Shard) -> Evaluated:
    """Evaluate a shard, block by block; the last one is filled up with individuals that are done at once."""
    weights, seeds = shard
    block = block_size((len(weights), len(seeds)))
    missing = -len(weights) % block
    filled = np.concatenate([weights, np.zeros((missing, weights.shape[1]), np.float32)]) if missing else weights
    absent = np.arange(len(filled)) >= len(weights)
    words = seeds.astype(np.uint32)
    # JAX returns before it has computed: all calls are on their way before the first result is waited for.
    parts = [
        _Worker.program(filled[start : start + block], words, absent[start : start + block])
        for start in range(0, len(filled), block)
    ]
    returns, lengths = (np.concatenate([np.asarray(part[i]) for part in parts])[: len(weights)] for i in (0, 1))
    return Evaluated(returns.astype(np.float64), lengths.astype(np.int64))
