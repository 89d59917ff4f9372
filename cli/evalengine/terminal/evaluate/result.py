"""What `evalengine evaluate` is asked for, and what it answers.

    EvaluateConfig ──► run ──► EvaluateResult ──► tables, CSV, JSON

A result has the columns of the CSV: single episodes are not kept, because a large population is evaluated in many
calls, some of them perhaps by an earlier process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalengine.evaluation.evaluate import Evaluation
from evalengine.evaluation.provenance import json_provenance
from evalengine.terminal.weights_file import EpisodesConfig


@dataclass(frozen=True)
class EvaluateConfig(EpisodesConfig):
    """What to evaluate, and how: what `EpisodesConfig` says, and the following.

    Attributes:
        index: evaluate only this individual; None means all.
        on_nan: "raise", or the fitness of an individual whose logits become NaN or infinite.
        out: a CSV file for all individuals; None writes none.
        per_episode: whether the CSV has a row for each episode instead of one for each individual.
    """

    default_episodes = 10

    index: int | None = None
    on_nan: Literal["raise"] | float = "raise"
    out: Path | None = None
    per_episode: bool = False


def columns_of(
    individuals: NDArray[np.int64],
    fitness: NDArray[np.float32],
    failed: NDArray[np.bool_],
    returns: NDArray[np.float64],
    lengths: NDArray[np.int64],
    is_stopped: NDArray[np.bool_],
) -> dict[str, NDArray[np.generic]]:
    """Return `EvaluateResult.columns` of individuals (P,); returns, lengths and what rules have stopped are (P, E)."""
    return {
        "individual": individuals,
        "fitness": fitness,
        "mean_return": returns.mean(axis=1),
        "std_return": returns.std(axis=1),
        "min_return": returns.min(axis=1),
        "max_return": returns.max(axis=1),
        "mean_length": lengths.mean(axis=1),
        "stopped": np.count_nonzero(is_stopped, axis=1).astype(np.int64),
        "failed": failed,
    }


@dataclass(frozen=True, eq=False)
class EvaluateResult:
    """Fitness and statistics of every evaluated individual; arrays are in the order of the file.

    Attributes:
        config: what was asked for.
        env_id: full id of the environment.
        policy: canonical spec.
        columns: one (P,) array per column: individual (int64, its position in the file), fitness (float32), then over
            the individual's episodes in float64: mean_return, std_return (of the population of episodes, so divided by
            E), min_return, max_return and mean_length in steps; stopped (int64, how many of them a rule of `--stop`
            has stopped); failed (bool).
        seeds: the seed of each episode, the same for every individual; empty where there is no individual.
        episodes: E, for each individual.
        steps: environment steps of all episodes.
        seconds: wall time of all episodes.
        provenance: machine, versions and commit; of the process that began it.
    """

    config: EvaluateConfig
    env_id: str
    policy: str
    columns: dict[str, NDArray[np.generic]]
    seeds: list[int]
    episodes: int
    steps: int
    seconds: float
    provenance: dict[str, str | int]

    @classmethod
    def of(
        cls,
        config: EvaluateConfig,
        env_id: str,
        policy: str,
        individuals: NDArray[np.int64],
        evaluation: Evaluation,
        provenance: dict[str, str | int],
    ) -> EvaluateResult:
        """Return the result of one call of `evalengine.evaluate`.

        Args:
            config: see above.
            env_id: see above.
            policy: see above.
            individuals: (P,) int64, the position of each evaluated individual in the file.
            evaluation: what the call returned.
            provenance: see above.
        """
        returns, seeds = evaluation.returns, evaluation.seeds
        columns = columns_of(
            individuals, evaluation.fitness, evaluation.failed, returns, evaluation.lengths, evaluation.stopped > 0
        )
        episode_seeds = [int(seed) for seed in seeds[0]] if len(seeds) else []
        episodes = int(returns.shape[1])
        steps, seconds = evaluation.steps, evaluation.seconds
        return cls(config, env_id, policy, columns, episode_seeds, episodes, steps, seconds, provenance)

    @property
    def individuals(self) -> NDArray[np.int64]:
        """(P,) int64, the position of each evaluated individual in the file."""
        return self.columns["individual"].astype(np.int64, copy=False)

    @property
    def fitness(self) -> NDArray[np.float32]:
        """(P,) float32; see `evalengine.Evaluation`."""
        return self.columns["fitness"].astype(np.float32, copy=False)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """(P,) bool; see `evalengine.Evaluation`."""
        return self.columns["failed"].astype(np.bool_, copy=False)

    @property
    def stopped(self) -> int:
        """How many episodes a rule has stopped."""
        return int(self.columns["stopped"].astype(np.int64, copy=False).sum())

    @cached_property
    def ranking(self) -> NDArray[np.int64]:
        """(P,) int64: rows from the best to the worst fitness; equal ones in the file's order, failed ones last."""
        return np.lexsort((-self.fitness.astype(np.float64), self.failed)).astype(np.int64)

    @property
    def best(self) -> int | None:
        """The row of the best individual, or None if there is none that did not fail."""
        if len(self.ranking) == 0 or self.failed[self.ranking[0]]:
            return None
        return int(self.ranking[0])

    def to_json(self) -> dict[str, object]:
        """Return the document of `--json`.

        env, policy, weights (the file), episodes, seeds (of each episode), best (position in the file, or None), steps,
        seconds, one list per column of `columns`, so also "fitness", and provenance.
        """
        return {
            "env": self.env_id,
            "policy": self.policy,
            "weights": str(self.config.weights),
            "episodes": self.episodes,
            "seeds": self.seeds,
            "best": None if self.best is None else int(self.individuals[self.best]),
            "steps": self.steps,
            "seconds": self.seconds,
            **{name: column.tolist() for name, column in self.columns.items()},
            "provenance": json_provenance(self.provenance),
        }
