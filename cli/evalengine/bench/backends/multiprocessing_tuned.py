"""`multiprocessing-tuned`: the same loop, as good as a competent user would write it.

Persistent workers that keep their environment, their module and the tensor that observations are copied into; weights
are copied into the module by `vector_to_parameters`; `inference_mode`; several individuals per message; one PyTorch
thread a process.
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
from evalengine.policies.inputs import BYTE_RANGE

if TYPE_CHECKING:
    from collections.abc import Callable

    import gymnasium
    import torch

    from evalengine.policies.heads import Head

version = baseline_version
note = no_note
same_episodes = every_episode

MESSAGES_PER_WORKER = 16
"""Few enough that messages cost nothing, many enough that workers end together though episodes differ in length."""


def open_backend(task: Task) -> TunedBackend:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: PyTorch or Gymnasium is not installed.
    """
    require_baseline()
    return TunedBackend(task)


class TunedBackend:
    """A pool whose workers keep everything that can be kept."""

    def __init__(self, task: Task) -> None:
        """Nothing is started yet."""
        self._task = task
        self._pool = WorkerPool(task.threads, _build_worker, task.env_id, task.policy)

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
        chunksize = max(1, len(weights) // (MESSAGES_PER_WORKER * self._task.threads))
        arguments = [(vector, episode_seeds) for vector in weights]
        return collect(self._pool.map(_evaluate_individual, arguments, chunksize))


class _Worker:
    """What a worker process keeps between individuals."""

    env: gymnasium.Env[Any, Any]
    module: torch.nn.Module
    policy_input: torch.Tensor
    observation: NDArray[np.float32]
    head: Head
    choose: Callable[[torch.Tensor], Any]
    remembers: bool


def _build_worker(env_id: str, spelling: str) -> None:
    """Fill `_Worker` and run each code path once."""
    import torch

    from evalengine.bench.backends.torch_actions import box_actions
    from evalengine.environments.registry import resolve
    from evalengine.policies.heads import Head
    from evalengine.policies.policy import Policy
    from evalengine.references import reference

    torch.set_num_threads(1)
    policy = Policy(spelling)
    vector = policy.init(1, seed=0)[0]
    _Worker.env = reference(env_id).make(disable_env_checker=True)
    _Worker.module = policy.to_torch(vector)
    _Worker.remembers = policy.n_state > 0
    _Worker.head = Head.of(policy, resolve(env_id))
    _Worker.choose = staticmethod(_first_largest if _Worker.head.is_discrete else box_actions(_Worker.head))
    _Worker.policy_input = torch.zeros((1, *policy.input_shape))
    # The same memory in the shape of the environment's observations: channels last for images.
    memory = _Worker.policy_input.numpy()[0]
    shape = _Worker.env.observation_space.shape or ()
    _Worker.observation = np.moveaxis(memory, 0, -1) if memory.ndim == 3 else memory.reshape(shape)
    _evaluate_individual((vector, [0]))


def _evaluate_individual(argument: tuple[NDArray[np.float32], list[int]]) -> list[Episode]:
    """Each episode of one individual."""
    import torch

    vector, seeds = argument
    env, module, policy_input, shown = _Worker.env, _Worker.module, _Worker.policy_input, _Worker.observation
    choose, remembers = _Worker.choose, _Worker.remembers
    is_bytes = env.observation_space.dtype == np.uint8
    episodes = []
    with torch.inference_mode():
        torch.nn.utils.vector_to_parameters(torch.from_numpy(vector), module.parameters())
        for seed in seeds:
            observation, _ = env.reset(seed=seed)
            total = 0.0
            actions: list[Any] = []
            ended, state = False, None
            while not ended:
                shown[...] = observation
                if is_bytes:
                    np.divide(shown, BYTE_RANGE, out=shown)
                if remembers:
                    logits, state = module(policy_input, state)
                else:
                    logits = module(policy_input)
                action = choose(logits)
                # Kept to explain differences; an append costs 0.03 us of a step's 20 us or more.
                actions.append(action)
                observation, reward, terminated, truncated, _ = env.step(action)
                total += float(reward)
                ended = terminated or truncated
            episodes.append(Episode(total, len(actions), _Worker.head.encoded(actions)))
    return episodes


def _first_largest(logits: torch.Tensor) -> int:
    """The discrete action that logits (1, n) choose."""
    return int(logits.numpy().argmax())
