"""One call of the extension, with everything checked before: what `evaluate`, and every share of a population, is.

    arguments ──► checked, converted ──► _engine.evaluate, without the GIL ──► Part (an Evaluation, and partial sums)

Depends on settings, policies, arguments and the extension; knows no files. `evaluate` has the public function;
`clusters.shares` cuts populations.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.arguments import seed_matrix
from evalengine.errors import NonFiniteError, engine_errors
from evalengine.evaluation.acting import acting
from evalengine.evaluation.cancellation import cancellable, check_token
from evalengine.evaluation.descriptors import Descriptor, raw_descriptors
from evalengine.evaluation.options import DEFAULTS, EvaluateOptions, check_keywords, check_threads
from evalengine.evaluation.result import Evaluation
from evalengine.evaluation.settings import settled
from evalengine.evaluation.statistics import ObservationStatistics, PartialSum
from evalengine.evaluation.trajectories import MOST_BYTES, by_individual, checked_individuals
from evalengine.evaluation.variation import raw_variation
from evalengine.policies.graphs import Graphs
from evalengine.policies.heads import deviations_of
from evalengine.policies.individuals import AnyPolicy, Individuals, individuals_of, not_finite
from evalengine.policies.policy import Policy
from evalengine.progress import check_progress, reported

if TYPE_CHECKING:
    from evalengine.policies.population import Weights


class Part(NamedTuple):
    """What a share of a population gives.

    Attributes:
        evaluation: of its own individuals, except that `trajectories` has their numbers in the whole population, and
            there are no `statistics`.
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
    settings = settled(env_id, policy, options)
    given: dict[str, Any] = {**DEFAULTS, **options}
    matrix = individuals_of(settings.policy, weights)
    episode_seeds = seed_matrix(given["seeds"], given["episodes"], len(matrix))
    threads = check_threads(given["threads"]) or available_threads()
    progress, cancel = given["progress"], given["cancel"]
    check_progress(progress)
    wanted = raw_descriptors(given["descriptors"], settings.entry, len(matrix) * episode_seeds.shape[1])
    first, population = (0, len(matrix)) if place is None else place
    variation = (
        raw_variation(settings.varied, (first, population), len(matrix), episode_seeds.shape[1])
        if settings.varied
        else ()
    )
    chosen = checked_individuals(given["trajectories"], population)
    check_token(cancel)
    actors = acting(settings, matrix, threads)
    try:
        with engine_errors(), reported(progress) as report:
            raw = _engine.evaluate(
                settings.entry.id,
                settings.kwargs,
                settings.reset_options,
                actors.network,
                actors.head,
                actors.weights,
                episode_seeds,
                threads=threads,
                max_episode_steps=settings.max_episode_steps,
                on_nan=settings.failure_fitness,
                keep_final_observation=settings.keeps_final_observation,
                progress=cancellable(report, cancel),
                observation=settings.observation,
                normalization=settings.normalization,
                descriptors=wanted,
                trajectories=chosen,
                most_trajectory_bytes=MOST_BYTES,
                statistics=settings.collects_statistics,
                share=place,
                rules=settings.rules,
                action_repeat=settings.action_repeat,
                variation=variation,
                exploration=(actors.deviations, settings.epsilon, settings.sticky),
                graphs=actors.graphs,
            )
    except NonFiniteError as error:
        # The engine, which looks first, does not say which weight it is, where it is a weight.
        raise (not_finite(matrix) or _infinite_deviation(settings.policy, matrix) or error) from None
    all_seeds = _for_every_individual(episode_seeds, len(matrix))
    on_request: dict[str, Any] = {}
    if (final_observation := raw["final_observation"]) is not None:
        on_request["final_observation"] = final_observation
    names: tuple[str, ...] = ()
    if wanted:
        names = tuple(str(Descriptor.of(descriptor)) for descriptor in given["descriptors"])
        on_request["descriptors"] = raw["descriptors"]
    if chosen:
        on_request["trajectories"] = by_individual(raw["trajectories"], all_seeds, first)
    if raw["statistics"]:
        on_request["statistics"] = ObservationStatistics(*raw["statistics"])
    evaluation = Evaluation(
        raw["fitness"],
        raw["returns"],
        raw["lengths"],
        raw["terminated"],
        raw["truncated"],
        raw["stopped"],
        raw["failed"],
        all_seeds,
        raw["seconds"],
        raw["steps"],
        names,
        on_request,
    )
    sums = [PartialSum(level, index, ObservationStatistics(*sums)) for level, index, sums in raw["partial_sums"]]
    return Part(evaluation, sums)


def _infinite_deviation(policy: AnyPolicy, weights: Individuals) -> NonFiniteError | None:
    """Return the error that names the first individual with a `log_std` whose exponential float32 does not hold."""
    if not isinstance(policy, Policy) or isinstance(weights, Graphs):
        return None
    log_std, _ = policy.split(weights)
    for individual, row in enumerate(log_std):
        too_large = ~np.isfinite(deviations_of(row))
        if too_large.any():
            position = int(too_large.argmax())
            return NonFiniteError(
                f"weights: expected log_std whose exponentials are finite, got {row[position]} in individual "
                f"{individual} at position {position}",
                individual=individual,
            )
    return None


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
