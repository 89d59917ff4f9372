"""`pytorch`: the forward passes alone, no environment: what any loop around PyTorch on this machine stays below.

The population's networks are evaluated together, as many individuals at a time as make `OBSERVATIONS` observations with
one per episode: linear layers as one batched matrix product (`baddbmm`) over the individuals, convolutions grouped with
a group per individual or one individual after the other, whichever the warm-up finds quicker. A process per thread
(`Task.threads`), each with one PyTorch thread. Heads (argmax, tanh, clip) are included. The observations are recorded
ones: the first steps of as many episodes on the native environment, each played by a random individual.

A "step" is one forward of one individual, and an "episode" is `STEPS` of them; there are no rewards, so returns are NaN
and nothing is compared.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, check_side_by_side, no_episode, require_packages, versions
from evalengine.bench.sharding import Layout, Shard, ShardedBackend, Size, Steps
from evalengine.policies.inputs import policy_inputs

if TYPE_CHECKING:
    import torch

    from evalengine.bench.torch_population import PopulationPolicy

same_episodes = no_episode

OBSERVATIONS = {"mlp": 1024, "cnn": 64}
"""Observations in one forward pass of an mlp, of a cnn: their activations stay in a core's cache."""

STEPS = 32
"""Forwards of an "episode": copying weights into place is paid once for them."""

RECORDED = 4
"""Steps of each episode whose observations are used, in turn."""


def version() -> str:
    """Versions of what is measured."""
    return versions("torch")


def note(task: Task) -> str:
    """What a row has to say of its episodes."""
    return "forward only, no environment: a step is one forward"


def open_backend(task: Task) -> ShardedBackend:
    """The backend for `task`, not yet entered.

    Raises:
        UnsupportedError: the policy has layers that are not evaluated side by side.
        MissingDependencyError: PyTorch is not installed.
    """
    require_packages("bench", "torch")
    check_side_by_side(task)
    return ShardedBackend(task, Steps(prepare, build, play), Layout(task.threads, OBSERVATIONS[_arch(task)]))


class _Worker:
    """What a worker process keeps: networks and `RECORDED` inputs by individuals and episodes of a forward pass."""

    task: Task
    passes: dict[Size, tuple[PopulationPolicy, list[torch.Tensor]]]


def prepare(task: Task) -> None:
    """Fill `_Worker`; called in a worker process."""
    import torch

    torch.set_num_threads(1)
    _Worker.task, _Worker.passes = task, {}


def build(size: Size) -> None:
    """Make what shards of a size need: whole blocks, and a last one that is smaller."""
    individuals, episodes = size
    block = _block(episodes)
    for part in {min(block, individuals), individuals % block} - {0}:
        _pass(part, episodes)


def play(shard: Shard) -> Evaluated:
    """Evaluate a shard: `STEPS` forwards, heads included, for each individual and seed."""
    import torch

    weights, seeds = shard
    block = _block(len(seeds))
    with torch.inference_mode():
        for start in range(0, len(weights), block):
            individuals = weights[start : start + block]
            networks, inputs = _pass(len(individuals), len(seeds))
            networks.load(individuals)
            everyone = np.arange(len(individuals))
            networks.assign(everyone, everyone)
            for step in range(STEPS):
                networks.heads(networks.logits(inputs[step % RECORDED]))
    shape = len(weights), len(seeds)
    return Evaluated(np.full(shape, np.nan), np.full(shape, STEPS))


def _arch(task: Task) -> str:
    return task.policy.partition(":")[0]


def _block(episodes: int) -> int:
    """Individuals of one forward pass."""
    return max(1, OBSERVATIONS[_arch(_Worker.task)] // episodes)


def _pass(individuals: int, episodes: int) -> tuple[PopulationPolicy, list[torch.Tensor]]:
    """The networks of a size, whose convolutions take the quicker way, and inputs (individuals, episodes, ...)."""
    import torch

    from evalengine.bench.torch_population import PopulationPolicy

    size = individuals, episodes
    if size not in _Worker.passes:
        recorded = torch.from_numpy(np.stack([recorded_inputs(_Worker.task, seed) for seed in range(episodes)]))
        inputs = [recorded[:, step].expand(*size, *recorded.shape[2:]).contiguous() for step in range(RECORDED)]
        networks = PopulationPolicy.of(_Worker.task, *size)
        if networks.has_convolutions:
            networks.grouped = _seconds(networks, inputs, grouped=True) <= _seconds(networks, inputs, grouped=False)
        _Worker.passes[size] = networks, inputs
    return _Worker.passes[size]


def _seconds(networks: PopulationPolicy, inputs: list[torch.Tensor], grouped: bool) -> float:
    """The time of the quickest forward pass."""
    import torch

    networks.grouped = grouped
    seconds = []
    with torch.inference_mode():
        for one in inputs:
            start = time.perf_counter()
            networks.logits(one)
            seconds.append(time.perf_counter() - start)
    return min(seconds)


def recorded_inputs(task: Task, seed: int) -> NDArray[np.float32]:
    """The policy's first `RECORDED` inputs of an episode that a random individual plays: (RECORDED, *input_shape)."""
    from evalengine.environments.native import make
    from evalengine.environments.registry import resolve
    from evalengine.policies.heads import Head, plain_action
    from evalengine.policies.policy import Policy

    policy = Policy(task.policy)
    head = Head.of(policy, resolve(task.env_id))
    vector = policy.init(1, seed=seed)[0]
    env = make(task.env_id)
    observation, _ = env.reset(seed=seed)
    inputs: list[NDArray[Any]] = []
    while len(inputs) < RECORDED:
        inputs.append(policy_inputs(policy, observation[np.newaxis])[0])
        (action,) = head.actions(policy.logits(vector, inputs[-1][np.newaxis]))
        observation, _, terminated, truncated, _ = env.step(plain_action(action))
        if terminated or truncated:
            observation, _ = env.reset()
    return np.stack(inputs)
