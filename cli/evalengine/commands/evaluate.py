"""`evalengine evaluate`: how good are the individuals in a weights file?

Data flow: `EvaluateConfig` -> `run` -> `EvaluateResult`. Nothing is printed here; the caller renders the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalengine.commands.fitting import choose
from evalengine.errors import InputError
from evalengine.evaluation import Evaluation, evaluate
from evalengine.files import check_writable
from evalengine.observation import ObservationLike
from evalengine.provenance import provenance
from evalengine.weights import LoadedWeights, load_weights

DEFAULT_EPISODES = 10
"""Episodes per individual where neither their number nor their seeds are given."""


@dataclass(frozen=True)
class EvaluateConfig:
    """What to evaluate, and how.

    Attributes:
        weights: a .npy, .npz or .safetensors file with one vector or a population.
        env: short name or full id; None takes what the file says, or the only environment that fits.
        policy: spelling; None takes what the file says, or the environment's default.
        episodes: episodes per individual; None means as many as `seeds`, or `DEFAULT_EPISODES`.
        seeds: the first seed of consecutive ones, or one seed for each episode; every individual plays the same.
        index: evaluate only this individual; None means all.
        env_kwargs: keyword arguments of the environment.
        reset_options: options of every reset.
        observation: frame skip, gray scale, size and stack of images; see `evalengine.ObservationOptions`.
        max_episode_steps: time limit in steps of the environment; None means the environment's own.
        threads: None means the cores that this process may use.
        on_nan: "raise", or the fitness of an individual whose logits become NaN or infinite.
        out: a CSV file for all individuals; None writes none.
    """

    weights: Path
    env: str | None = None
    policy: str | None = None
    episodes: int | None = None
    seeds: int | tuple[int, ...] = 0
    index: int | None = None
    env_kwargs: Mapping[str, bool | int | float] = field(default_factory=dict)
    reset_options: Mapping[str, float] = field(default_factory=dict)
    observation: ObservationLike | None = None
    max_episode_steps: int | None = None
    threads: int | None = None
    on_nan: Literal["raise"] | float = "raise"
    out: Path | None = None


@dataclass(frozen=True)
class EvaluateResult:
    """Fitness and statistics of every evaluated individual; arrays are in the order of the file.

    Attributes:
        config: what was asked for.
        env_id: full id of the environment.
        policy: canonical spelling.
        individuals: (P,) int64, the position of each evaluated individual in the file.
        evaluation: what `evalengine.evaluate` returned.
        provenance: machine, versions and commit.
    """

    config: EvaluateConfig
    env_id: str
    policy: str
    individuals: NDArray[np.int64]
    evaluation: Evaluation
    provenance: dict[str, str | int]

    @property
    def episodes(self) -> int:
        """Episodes per individual."""
        return int(self.evaluation.returns.shape[1])

    @cached_property
    def columns(self) -> dict[str, NDArray[np.generic]]:
        """One (P,) array per column.

        individual, fitness (float32), then over the individual's episodes in float64: mean_return, std_return (of the
        population of episodes, so divided by E), min_return, max_return and mean_length in steps; failed.
        """
        returns, lengths = self.evaluation.returns, self.evaluation.lengths
        return {
            "individual": self.individuals,
            "fitness": self.evaluation.fitness,
            "mean_return": returns.mean(axis=1),
            "std_return": returns.std(axis=1),
            "min_return": returns.min(axis=1),
            "max_return": returns.max(axis=1),
            "mean_length": lengths.mean(axis=1),
            "failed": self.evaluation.failed,
        }

    @cached_property
    def ranking(self) -> NDArray[np.int64]:
        """(P,) int64: rows from the best to the worst fitness; equal ones in the file's order, failed ones last."""
        return np.lexsort((-self.evaluation.fitness.astype(np.float64), self.evaluation.failed)).astype(np.int64)

    @property
    def best(self) -> int | None:
        """The row of the best individual, or None if there is none that did not fail."""
        if len(self.ranking) == 0 or self.evaluation.failed[self.ranking[0]]:
            return None
        return int(self.ranking[0])

    def to_json(self) -> dict[str, object]:
        """Return the document of `--json`.

        env, policy, weights (the file), episodes, seeds (of each episode), best (position in the file, or None), steps,
        seconds, one list per column of `columns`, so also "fitness", and provenance.
        """
        seeds = self.evaluation.seeds
        return {
            "env": self.env_id,
            "policy": self.policy,
            "weights": str(self.config.weights),
            "episodes": self.episodes,
            "seeds": [int(seed) for seed in seeds[0]] if len(seeds) else [],
            "best": None if self.best is None else int(self.individuals[self.best]),
            "steps": self.evaluation.steps,
            "seconds": self.evaluation.seconds,
            **{name: column.tolist() for name, column in self.columns.items()},
            "provenance": self.provenance,
        }


def run(config: EvaluateConfig, progress: Callable[[int, int], object] | None = None) -> EvaluateResult:
    """Load, evaluate, write the CSV if one is asked for.

    Args:
        config: what to evaluate.
        progress: called with (episodes done, episodes in all) about ten times a second.

    Raises:
        InputError: a file, a name or a number that cannot be used; raised before any episode starts.
        NonFiniteError: logits became NaN or infinite and `on_nan` is "raise".
        OutputError: the CSV cannot be written; whether it can is checked before any work.
    """
    started_at = datetime.now(UTC)
    if config.out is not None:
        _check_output(config.out, config.weights)
    loaded = load_weights(config.weights, config.policy)
    entry, policy = choose(loaded, config.env, config.env_kwargs, config.observation)
    weights, individuals = _selected(loaded, config.index)
    evaluation = evaluate(
        entry.id,
        weights,
        policy,
        episodes=_episodes(config),
        seeds=config.seeds if isinstance(config.seeds, int) else list(config.seeds),
        env_kwargs=config.env_kwargs,
        reset_options=config.reset_options,
        observation=config.observation,
        max_episode_steps=config.max_episode_steps,
        threads=config.threads,
        on_nan=config.on_nan,
        progress=progress,
    )
    result = EvaluateResult(config, entry.id, str(policy), individuals, evaluation, provenance(started_at))
    if config.out is not None:
        from evalengine.tables import evaluation_frame, write_csv

        write_csv(evaluation_frame(result), config.out)
    return result


def _check_output(out: Path, weights: Path) -> None:
    """Refuse an output that cannot be written, or that would replace the weights."""
    if out.exists() and weights.exists() and out.samefile(weights):
        raise InputError(f"out: expected another file than the weights, got {out}")
    check_writable(out)


def _selected(loaded: LoadedWeights, index: int | None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the weights of the individuals to evaluate, and their positions in the file."""
    population = len(loaded.weights)
    if index is None:
        return loaded.weights, np.arange(population, dtype=np.int64)
    if not 0 <= index < population:
        raise InputError(
            f"index: expected a position from 0 among the {population} individuals in {loaded.path}, got {index}"
        )
    return loaded.weights[index : index + 1], np.array([index], dtype=np.int64)


def _episodes(config: EvaluateConfig) -> int | None:
    """Return the number of episodes; None leaves it to the listed seeds."""
    return DEFAULT_EPISODES if config.episodes is None and isinstance(config.seeds, int) else config.episodes
