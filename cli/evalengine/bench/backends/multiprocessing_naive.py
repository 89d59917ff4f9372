"""`multiprocessing`: the loop that people have.

`Pool.map` over the individuals; for each of them a new Gymnasium environment and a new PyTorch module; one
observation at a time through the module. What even this loop has: the pool is created once, and PyTorch is held to
one thread a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import (
    Episode,
    Evaluated,
    Task,
    baseline_version,
    collect,
    every_episode,
    no_note,
    require_baseline,
)
from evalengine.clusters.workers import WorkerPool
from evalengine.policies.inputs import policy_inputs

if TYPE_CHECKING:
    import torch

version = baseline_version
note = no_note
same_episodes = every_episode


def open_backend(task: Task) -> NaiveBackend:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: PyTorch or Gymnasium is not installed.
    """
    require_baseline()
    return NaiveBackend(task)


class NaiveBackend:
    """A pool that is handed one individual after the other."""

    def __init__(self, task: Task) -> None:
        """Nothing is started yet."""
        self._task = task
        self._pool = WorkerPool(task.threads, _warm_up, task.env_id, task.policy)

    def __enter__(self) -> Self:
        """See `Backend`."""
        self._pool.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        """See `Backend`."""
        self._pool.__exit__(*exception)

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`."""
        episode_seeds = [int(seed) for seed in seeds]
        arguments = [(self._task.env_id, self._task.policy, vector, episode_seeds) for vector in weights]
        return collect(self._pool.map(_evaluate_individual, arguments))


def _warm_up(env_id: str, policy: str) -> None:
    """Import everything and run each code path once."""
    import torch

    from evalengine.policies.policy import Policy

    torch.set_num_threads(1)
    _evaluate_individual((env_id, policy, Policy(policy).init(1, seed=0)[0], [0]))


def _evaluate_individual(argument: tuple[str, str, NDArray[np.float32], list[int]]) -> list[Episode]:
    """Each episode of one individual."""
    import torch

    from evalengine.bench.backends.torch_actions import box_actions
    from evalengine.environments.registry import resolve
    from evalengine.policies.heads import Head
    from evalengine.policies.policy import Policy
    from evalengine.references import reference

    env_id, spelling, vector, seeds = argument
    env = reference(env_id).make()
    policy = Policy(spelling)
    module = policy.to_torch(vector)
    head = Head.of(policy, resolve(env_id))
    choose = _first_largest if head.is_discrete else box_actions(head)
    episodes = []
    for seed in seeds:
        observation, _ = env.reset(seed=seed)
        total = 0.0
        actions: list[Any] = []
        ended, state = False, None
        while not ended:
            with torch.no_grad():
                inputs = torch.from_numpy(policy_inputs(policy, observation[np.newaxis]))
                if policy.n_state:
                    logits, state = module(inputs, state)
                else:
                    logits = module(inputs)
                action = choose(logits)
            # Kept to explain differences; an append costs 0.03 us of a step's 40 us or more.
            actions.append(action)
            observation, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            ended = terminated or truncated
        episodes.append(Episode(total, len(actions), head.encoded(actions)))
    return episodes


def _first_largest(logits: torch.Tensor) -> int:
    """The discrete action that logits (1, n) choose."""
    import torch

    return int(torch.argmax(logits, dim=1).item())
