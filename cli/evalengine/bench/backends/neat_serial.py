"""`neat-python`: the loop of its examples: a network for each genome, then `activate` and `env.step` in turn.

Better than most: the environment is made once. Observations are handed over as Gymnasium returns them.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode, no_note, require_packages, versions
from evalengine.environments.registry import resolve
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.references import reference
from evalengine.references.neat_genomes import Genomes, Kind, chooser, configuration, episode, summing

note = no_note
same_episodes = every_episode


def version() -> str:
    """Versions of what is measured."""
    return versions("neat-python", "gymnasium")


def open_backend(task: Task) -> SerialBackend:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: neat-python or Gymnasium is not installed.
    """
    require_packages("neat", "neat")
    require_packages("gymnasium", "gymnasium")
    return SerialBackend(task)


class SerialBackend:
    """One genome after the other, in this process."""

    def __init__(self, task: Task) -> None:
        """Nothing is made yet."""
        self._task, self._genomes = task, Genomes()

    def __enter__(self) -> Self:
        """Make the environment."""
        self._player = Player(self._task)
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self._player.env.close()

    def evaluate(self, weights: Any, seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`; `weights` are graphs."""
        genomes = self._genomes.of(weights)
        return collect([self._player.play(genome, seeds.tolist()) for genome in genomes])


class Player:
    """An environment, and what plays it.

    Attributes:
        config: neat-python's.
        env: Gymnasium's.
    """

    def __init__(self, task: Task) -> None:
        policy, entry = GraphPolicy(task.policy), resolve(task.env_id)
        self.config = configuration(Kind(policy.net == "recurrent", policy.n_inputs, policy.n_outputs), 2)
        self.env = reference(task.env_id).make()
        name, bound = policy.head_for(entry)
        head = f"above:{bound}" if name == "above" else name
        self._choose = chooser(head, entry.action_low or (), entry.action_high or ())
        self._as_list, self._sum = policy.inputs == "list", policy.sum

    def play(self, genome: Any, seeds: list[int]) -> list[tuple[float, int]]:
        """Return the return and the length of an episode for each seed."""
        with summing(self._sum):
            return [episode(self.env, genome, self.config, seed, self._choose, as_list=self._as_list) for seed in seeds]


def collect(individuals: list[list[tuple[float, int]]]) -> Evaluated:
    """Returns and lengths, by individual and episode, as arrays."""
    return Evaluated(
        returns=np.array([[total for total, _ in episodes] for episodes in individuals], np.float64),
        lengths=np.array([[length for _, length in episodes] for episodes in individuals], np.int64),
    )
