"""Episodes of chosen individuals, step by step, as `evaluate` played them.

    >>> result = evaluate("CartPole-v1", population, policy, episodes=2, trajectories=[0])
    >>> result.trajectories[0][1].observations[0]                                # individual 0, episode 1, after reset

Everything is kept in memory, so what the longest possible episodes would take is checked before the first one starts.
Depends on scalars and the extension.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.errors import InputError
from evalengine.messages import html_table, shown
from evalengine.scalars import check_integer, items_of

MOST_BYTES = 4 << 30
"""What the trajectories of one call may take at most, if every episode lasts until its time limit."""


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """One episode of T actions. With a skip of frames, a row is an action, not a step of the environment.

    Attributes:
        observations: (T + 1, *observation_shape) in the environment's dtype, float32 or uint8: after `reset` and after
            each action, as Gymnasium returns them: neither normalised nor divided by 255.
        actions: (T,) int64 for Discrete actions, (T, dimensions) float32 for a Box, as the environment was given them.
        rewards: (T,) float64.
        terminated: the episode reached an end of the task.
        truncated: the episode reached its time limit, or a rule stopped it; both can be set, and neither is if
            the episode failed.
        seed: what the episode was reset with.

    An individual whose weights are not finite is not run: then there is no observation at all, and T is 0.
    """

    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    terminated: bool
    truncated: bool
    seed: int

    def __repr__(self) -> str:
        """One line: how long, how much, how it ended."""
        observed = f"{self.observations.dtype} {self.observations.shape[1:]}"
        return f"Trajectory({len(self.actions):,} actions, observations {observed}, {self._ending}, seed {self.seed})"

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks, with the sum of the rewards, first to last."""
        rows = {
            "seed": self.seed,
            "actions": f"{len(self.actions):,} of {self.actions.dtype} {self.actions.shape[1:]}",
            "observations": f"{len(self.observations):,} of {self.observations.dtype} {self.observations.shape[1:]}",
            "return": f"{np.cumsum(self.rewards)[-1] if self.rewards.size else 0.0:.6g}",
            "ending": self._ending,
        }
        return html_table("Trajectory", rows)

    @property
    def _ending(self) -> str:
        ends = [name for name in ("terminated", "truncated") if getattr(self, name)]
        return " and ".join(ends) or "not ended"


class Trajectories(dict[int, tuple[Trajectory, ...]]):
    """The episodes of each individual that was asked for, by its number; a dictionary that prints as one line."""

    def __repr__(self) -> str:
        """One line: of how many individuals, and how many episodes and actions they have together."""
        episodes = [trajectory for own in self.values() for trajectory in own]
        actions = sum(len(trajectory.actions) for trajectory in episodes)
        individuals = f"{len(self):,} individual{'s' * (len(self) != 1)}"
        return (
            f"Trajectories({individuals}, {len(episodes):,} episode{'s' * (len(episodes) != 1)}, {actions:,} actions)"
        )


def checked_individuals(individuals: Collection[int], population: int) -> list[int]:
    """Return the individuals whose trajectories are kept, each once, in ascending order.

    Raises:
        InputError: no collection of integers from 0 to `population` - 1.
    """
    if isinstance(individuals, tuple) and not individuals:
        return []
    listed = None if isinstance(individuals, Mapping) else items_of(individuals, Collection)
    if listed is None:
        raise InputError(f"trajectories: expected a list of individuals such as [0, 5], got {shown(individuals)}")
    if listed and population == 0:
        raise InputError("trajectories: expected none of an empty population")
    return sorted({check_integer("trajectories", item, least=0, most=population - 1) for item in listed})


def by_individual(raw: Sequence[_engine.RawTrajectory], seeds: NDArray[np.uint64], first: int = 0) -> Trajectories:
    """Return the trajectories of each individual, in the order of the episodes.

    Args:
        raw: of the extension, in the order of individuals and episodes.
        seeds: (P, E), of the call's individuals.
        first: the number of the first of them in the population.
    """
    grouped: dict[int, list[Trajectory]] = {}
    for row in raw:
        individual, episode = row["individual"], row["episode"]
        trajectory = Trajectory(
            observations=row["observations"],
            actions=row["actions"],
            rewards=row["rewards"],
            terminated=row["terminated"],
            truncated=row["truncated"],
            seed=int(seeds[individual, episode]),
        )
        grouped.setdefault(first + individual, []).append(trajectory)
    return Trajectories({individual: tuple(episodes) for individual, episodes in grouped.items()})
