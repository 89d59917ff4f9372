"""What `evaluate` returns: fitnesses, and everything that is known of the episodes behind them.

    >>> result = evaluate("CartPole-v1", population, policy, episodes=4)
    >>> result
    Evaluation(256 individuals, 4 episodes each: fitness 8.5 to 136, mean 23.4; 23,962 steps in 0.00197 s)
    >>> population[result.best]                                                  # the weights of the fittest
    >>> result.to_frame()                                                        # a row for each episode, for pandas

What a call does not ask for is not there: reading it says which argument to pass. Depends on errors, statistics and
trajectories; pandas is imported by `to_frame` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.rules import STOP_RULES
from evalengine.errors import InputError
from evalengine.evaluation.statistics import ObservationStatistics
from evalengine.evaluation.trajectories import Trajectory
from evalengine.messages import html_table

if TYPE_CHECKING:
    import pandas as pd

_ASKED_BY = {
    "final_observation": "keep=('final_observation',)",
    "descriptors": "descriptors=[...]",
    "trajectories": "trajectories=[...]",
    "statistics": "collect_statistics=True",
}
"""What is there on request, and the argument that asks for it."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The result of `evaluate`; P individuals, E episodes each, in the order in which they were given.

    Attributes:
        fitness: (P,) float32; a failed individual has the number given as `on_nan`.
        returns: (P, E) float64, the sum of rewards of each episode; NaN where it failed or was not run.
        lengths: (P, E) int64, in steps of the environment, of which a skip takes several per action.
        terminated: (P, E) bool: the episode reached an end of the task.
        truncated: (P, E) bool: the episode reached its time limit, or was stopped; terminated can be set, too.
        stopped: (P, E) int8: 1 where "patience", 2 where "return_below" and 3 where "condition" of `stop` has stopped
            the episode, else 0.
        failed: (P,) bool: a weight or a logit was not finite (only with a number as `on_nan`).
        seeds: (P, E) uint64, read-only.
        seconds: the wall time of the episodes; of graphs also that of reading and compiling them meanwhile.
        steps: how many steps of the environment were run, all individuals and episodes together.
        descriptor_names: K names, those of `descriptors`; none if none were asked for.
        on_request: those of final_observation, descriptors, trajectories and statistics that were asked for, by name.
    """

    fitness: NDArray[np.float32]
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    stopped: NDArray[np.int8]
    failed: NDArray[np.bool_]
    seeds: NDArray[np.uint64]
    seconds: float
    steps: int
    descriptor_names: tuple[str, ...] = ()
    on_request: Mapping[str, Any] = field(default_factory=dict)

    @property
    def final_observation(self) -> NDArray[np.float32]:
        """The last observation of each episode, (P, E, *observation_shape) float32.

        Raises:
            InputError: it was not asked for: pass keep=('final_observation',).
        """
        return cast("NDArray[np.float32]", self._requested("final_observation"))

    @property
    def descriptors(self) -> NDArray[np.float64]:
        """(P, E, K) float64, the K descriptors of each episode, all of them NaN where it failed or was not run.

        Raises:
            InputError: none were asked for: pass descriptors=[...].
        """
        return cast("NDArray[np.float64]", self._requested("descriptors"))

    @property
    def trajectories(self) -> Mapping[int, tuple[Trajectory, ...]]:
        """For each individual that was asked for, its E episodes step by step.

        Raises:
            InputError: none were asked for: pass trajectories=[...].
        """
        return cast("Mapping[int, tuple[Trajectory, ...]]", self._requested("trajectories"))

    @property
    def statistics(self) -> ObservationStatistics:
        """Count, sum and sum of squares of the observations that the policies saw.

        Raises:
            InputError: they were not asked for: pass collect_statistics=True.
        """
        return cast("ObservationStatistics", self._requested("statistics"))

    @property
    def endings(self) -> NDArray[np.str_]:
        """(P, E): how each episode ended, in a word.

        "terminated", also where the time limit was reached in that very step; "truncated" by the time limit; the
        rule that stopped it, "patience", "return_below" or "condition"; "failed" where a weight or a logit was not
        finite.
        """
        ways = [self.terminated, *(self.stopped == rule for rule in range(1, len(STOP_RULES))), self.truncated]
        return np.select(ways, ["terminated", *STOP_RULES[1:], "truncated"], "failed")

    @property
    def best(self) -> int:
        """The number of the fittest individual, the first of several: `population[result.best]` are its weights.

        Raises:
            InputError: there is no individual, or the fitness of each is NaN.
        """
        if np.isnan(self.fitness).all():
            raise InputError("best: expected an individual with a fitness, got " + self._shape())
        return int(np.nanargmax(self.fitness))

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each individual and episode, in that order.

        Columns: individual, episode, seed, fitness (of the individual), return, length, terminated, truncated, failed
        (of the individual), ending (see `endings`), and one for each descriptor, named like it.
        """
        import pandas as pd

        population, episodes = self.returns.shape
        columns: dict[str, NDArray[Any]] = {
            "individual": np.repeat(np.arange(population), episodes),
            "episode": np.tile(np.arange(episodes), population),
            "seed": self.seeds.reshape(-1),
            "fitness": np.repeat(self.fitness, episodes),
            "return": self.returns.reshape(-1),
            "length": self.lengths.reshape(-1),
            "terminated": self.terminated.reshape(-1),
            "truncated": self.truncated.reshape(-1),
            "failed": np.repeat(self.failed, episodes),
            "ending": self.endings.reshape(-1),
        }
        frame = pd.DataFrame(columns)
        if self.descriptor_names:
            rows = self.descriptors.reshape(population * episodes, len(self.descriptor_names))
            # Beside each other, not by name: two descriptors may be the same.
            frame = pd.concat([frame, pd.DataFrame(rows, columns=list(self.descriptor_names))], axis=1)
        return frame

    def __repr__(self) -> str:
        """One line, however large the population is."""
        details = [f"fitness {self._fitness_range()}", f"{self.steps:,} steps in {self.seconds:.3g} s"]
        failed = int(np.count_nonzero(self.failed))
        stopped = int(np.count_nonzero(self.stopped))
        details += [f"{stopped:,} stopped"] if stopped else []
        details += [f"{failed} failed"] if failed else []
        details += [f"with {', '.join(self.on_request)}"] if self.on_request else []
        return f"Evaluation({self._shape()}: {'; '.join(details)})"

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks."""
        rows = {
            "individuals x episodes": " x ".join(f"{size:,}" for size in self.returns.shape),
            "fitness": self._fitness_range(),
            "steps": f"{self.steps:,} in {self.seconds:.3g} s",
            "mean length": f"{self.lengths.mean():,.1f}" if self.lengths.size else "-",
            "terminated, truncated": f"{np.count_nonzero(self.terminated):,}, {np.count_nonzero(self.truncated):,}",
            "stopped": f"{np.count_nonzero(self.stopped):,}",
            "failed": f"{np.count_nonzero(self.failed):,}",
            "on request": ", ".join(self.on_request) or "-",
        }
        return html_table("Evaluation", rows)

    def _shape(self) -> str:
        population, episodes = self.returns.shape
        return f"{population:,} individual{'s' * (population != 1)}, {episodes:,} episode{'s' * (episodes != 1)} each"

    def _fitness_range(self) -> str:
        finite = self.fitness[~np.isnan(self.fitness)].astype(np.float64)
        if not finite.size:
            return "of nobody"
        return f"{finite.min():.6g} to {finite.max():.6g}, mean {finite.mean():.6g}"

    def _requested(self, name: str) -> object:
        try:
            return self.on_request[name]
        except KeyError:
            raise InputError(f"{name}: not kept by this call; pass {_ASKED_BY[name]}") from None


def evaluation_of(fields: Mapping[str, Any]) -> Evaluation:
    """Return what the constructor does, which takes as long as 30 steps to assign them to a frozen object."""
    evaluation = object.__new__(Evaluation)
    evaluation.__dict__.update(fields)
    return evaluation
