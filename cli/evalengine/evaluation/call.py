"""One call of the extension, with everything checked before: what `evaluate`, and every share of a population, is.

    arguments ──► checked, converted ──► _engine.evaluate, without the GIL ──► Part (an Evaluation, and partial sums)

Depends on registry, policy, arguments and the extension; knows no files. `evaluate` has the public function;
`clusters.shares` cuts populations.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.arguments import named_values, seed_matrix
from evalengine.environments.normalization import check_normalization
from evalengine.environments.observation import ObservationOptions, raw_options
from evalengine.environments.registry import describe
from evalengine.errors import InputError, NonFiniteError, engine_errors
from evalengine.evaluation.acting import acting
from evalengine.evaluation.cancellation import cancellable, check_progress, check_token
from evalengine.evaluation.descriptors import raw_descriptors
from evalengine.evaluation.options import DEFAULTS, EvaluateOptions, check_keywords, check_threads
from evalengine.evaluation.statistics import ObservationStatistics, PartialSum
from evalengine.evaluation.trajectories import MOST_BYTES, Trajectory, by_individual, checked_individuals
from evalengine.messages import shown
from evalengine.policies.individuals import AnyPolicy, as_policy, individuals_of, not_finite
from evalengine.scalars import as_number, check_flag, check_integer, is_one_of, items_of

if TYPE_CHECKING:
    from evalengine.policies.population import Weights


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of `evaluate`; P individuals, E episodes each, in the order in which they were given.

    Attributes:
        fitness: (P,) float32; a failed individual has the number given as `on_nan`.
        returns: (P, E) float64, the sum of rewards of each episode; NaN where it failed or was not run.
        lengths: (P, E) int64, in steps of the environment, of which a skip takes several per action.
        terminated: (P, E) bool: the episode reached an end of the task.
        truncated: (P, E) bool: the episode reached its time limit; both can be set.
        failed: (P,) bool: a weight or a logit was not finite (only with a number as `on_nan`).
        seeds: (P, E) uint64, read-only.
        seconds: the wall time of the episodes.
        steps: how many steps of the environment were run, all individuals and episodes together.
        final_observation: (P, E, *observation_shape) float32 if asked for by `keep`, else None.
        descriptors: (P, E, K) float64, the K descriptors of each episode, all of them NaN where it failed or was not
            run; None if none were asked for.
        trajectories: for each individual that was asked for, its E episodes step by step; None if none was.
        statistics: count, sum and sum of squares of the observations that the policies saw, if asked for, else None.
    """

    fitness: NDArray[np.float32]
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    seeds: NDArray[np.uint64]
    seconds: float
    steps: int
    final_observation: NDArray[np.float32] | None = None
    descriptors: NDArray[np.float64] | None = None
    trajectories: Mapping[int, tuple[Trajectory, ...]] | None = None
    statistics: ObservationStatistics | None = None


class Part(NamedTuple):
    """What a share of a population gives.

    Attributes:
        evaluation: of its own individuals, except that `trajectories` has their numbers in the whole population, and
            `statistics` is None.
        sums: what the population's statistics are made of (`statistics.PairwiseSum`), if they were asked for.
    """

    evaluation: Evaluation
    sums: Sequence[PartialSum]


def evaluate_part(
    place: tuple[int, int] | None,
    env_id: str,
    weights: Weights,
    policy: AnyPolicy | str,
    **options: Unpack[EvaluateOptions],
) -> Part:
    """Evaluate a share of a population: as `evaluate`, whose work this is.

    Args:
        place: the number of the first individual in the whole population, and the individuals of that; None is a call
            that is no share, whose statistics are whole.
        env_id: see `evaluate`.
        weights: see `evaluate`; of the share's individuals.
        policy: see `evaluate`.
        options: see `evaluate`; seeds are of the share's individuals, trajectories of individuals of the whole
            population: what those of all shares together can take is checked.

    Raises:
        As `evaluate`.
    """
    check_keywords("evaluate_part", options, EvaluateOptions.__optional_keys__)
    given: dict[str, Any] = {**DEFAULTS, **options}
    seen = ObservationOptions.of(given["observation"])
    kwargs = named_values("env_kwargs", given["env_kwargs"])
    reset_values = named_values("reset_options", given["reset_options"])
    entry = describe(env_id, kwargs, seen)
    policy = as_policy(policy)
    policy.check_fits(entry)
    matrix = individuals_of(policy, weights)
    episode_seeds = seed_matrix(given["seeds"], given["episodes"], len(matrix))
    failure_fitness = _failure_fitness(given["on_nan"])
    if (limit := given["max_episode_steps"]) is not None:
        limit = check_integer("max_episode_steps", limit, least=1, most=2**31 - 1)
    threads = check_threads(given["threads"])
    progress, cancel, normalize = given["progress"], given["cancel"], given["normalize"]
    check_progress(progress)
    check_flag("collect_statistics", given["collect_statistics"])
    keeps_final_observation = bool(_checked_keep(given["keep"]))
    check_normalization(normalize)
    wanted = raw_descriptors(given["descriptors"], entry, len(matrix) * episode_seeds.shape[1])
    first, population = (0, len(matrix)) if place is None else place
    chosen = checked_individuals(given["trajectories"], population)
    check_token(cancel)
    actors = acting(policy, matrix, entry, normalize, collects_statistics=given["collect_statistics"])
    try:
        with engine_errors():
            raw = _engine.evaluate(
                entry.id,
                kwargs,
                reset_values,
                actors.network,
                actors.head,
                actors.weights,
                episode_seeds,
                threads=available_threads() if threads is None else threads,
                max_episode_steps=limit,
                on_nan=failure_fitness,
                keep_final_observation=keeps_final_observation,
                progress=cancellable(progress, cancel),
                observation=raw_options(seen),
                normalization=None if normalize is None else normalize.raw(entry),
                descriptors=wanted,
                trajectories=chosen,
                most_trajectory_bytes=MOST_BYTES,
                statistics=given["collect_statistics"],
                share=place,
                graphs=actors.graphs,
            )
    except NonFiniteError as error:
        # The engine, which looks first, does not say which weight it is, where it is a weight.
        raise (not_finite(matrix) or error) from None
    all_seeds = _for_every_individual(episode_seeds, len(matrix))
    evaluation = Evaluation(
        fitness=raw["fitness"],
        returns=raw["returns"],
        lengths=raw["lengths"],
        terminated=raw["terminated"],
        truncated=raw["truncated"],
        failed=raw["failed"],
        seeds=all_seeds,
        seconds=raw["seconds"],
        steps=raw["steps"],
        final_observation=raw["final_observation"],
        descriptors=raw["descriptors"] if wanted else None,
        trajectories=by_individual(raw["trajectories"], all_seeds, first) if chosen else None,
        statistics=ObservationStatistics(*raw["statistics"]) if raw["statistics"] else None,
    )
    sums = [PartialSum(level, index, ObservationStatistics(*sums)) for level, index, sums in raw["partial_sums"]]
    return Part(evaluation, sums)


def available_threads() -> int:
    """The cores that this process may use, by affinity and by its share of the machine (cgroups)."""
    # The share is read from files, which takes as long as hundreds of steps; so only where the affinity is a new one.
    return _threads_of(frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)


@lru_cache(maxsize=1)
def _threads_of(cores: frozenset[int] | None) -> int:
    return _engine.available_threads()


def _for_every_individual(seeds: NDArray[np.uint64], population: int) -> NDArray[np.uint64]:
    """Return seeds (1, E) or (P, E) as (P, E), read-only: as `np.broadcast_to`, which takes as long as 100 steps."""
    row = 0 if len(seeds) == 1 else seeds.strides[0]
    view = np.ndarray((population, seeds.shape[1]), np.uint64, seeds, strides=(row, seeds.strides[1]))
    view.flags.writeable = False
    return view


def _failure_fitness(on_nan: object) -> float | None:
    """Return the fitness of individuals that fail, or None if the evaluation shall fail with them."""
    if isinstance(on_nan, str) and on_nan == "raise":
        return None
    number = as_number(on_nan)
    if number is None:
        raise InputError(f"on_nan: expected 'raise' or a number, got {shown(on_nan)}")
    return number


def _checked_keep(keep: object) -> tuple[str, ...]:
    # A string is a collection too, of letters: keep="final_observation" must not be taken for its letters.
    names = items_of(keep, (tuple, list, set, frozenset))
    if names is None or not all(is_one_of(name, ("final_observation",)) for name in names):
        raise InputError(f"keep: expected () or ('final_observation',), got {shown(keep)}")
    return tuple(names)
