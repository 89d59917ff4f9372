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
from evalengine.errors import ENGINE_ERRORS, InputError, NonFiniteError, translated
from evalengine.evaluation.acting import acting_graphs, population_of
from evalengine.evaluation.cancellation import cancellable, check_token
from evalengine.evaluation.descriptors import Descriptor, raw_descriptors
from evalengine.evaluation.options import EvaluateOptions, check_keywords, check_threads
from evalengine.evaluation.result import Evaluation, evaluation_of
from evalengine.evaluation.settings import Settings, settled
from evalengine.evaluation.statistics import ObservationStatistics, PartialSum
from evalengine.evaluation.trajectories import MOST_BYTES, by_individual, checked_individuals
from evalengine.evaluation.variation import raw_variation
from evalengine.policies.graphs import Graphs, Unread
from evalengine.policies.heads import deviations_of
from evalengine.policies.individuals import AnyPolicy, Individuals, not_finite
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
    return evaluated(place, env_id, weights, policy, options)


def evaluated(
    place: tuple[int, int] | None,
    env_id: str,
    weights: Weights,
    policy: AnyPolicy | str,
    options: EvaluateOptions,
) -> Part:
    """Return what `evaluate_part` does, of options whose names are known ones."""
    settings = settled(env_id, policy, options)
    individuals = population_of(settings.policy, weights)
    seeds = seed_matrix(options.get("seeds"), options.get("episodes"), len(individuals))
    asked = _asked(place, settings, individuals, seeds, options)
    matrix = np.empty((len(individuals), 0), np.float32) if isinstance(individuals, Graphs | Unread) else individuals
    cancel = options.get("cancel")
    try:
        with reported(options.get("progress")) as report:
            if report is not None or cancel is not None:
                asked["progress"] = cancellable(report, cancel)
            raw = _engine.evaluate(
                settings.entry.id,
                settings.kwargs,
                settings.reset_options,
                settings.network,
                settings.head,
                matrix,
                seeds,
                **settings.keywords,
                **asked,
            )
    except ENGINE_ERRORS as error:
        found = translated(error)
        if isinstance(found, InputError):
            # Where genomes are none at all, to read them says more.
            looked_at = individuals.read() if isinstance(individuals, Unread) else individuals
            if isinstance(found, NonFiniteError):
                # The engine, which looks first, does not say which weight it is, where it is a weight.
                found = not_finite(looked_at) or _infinite_deviation(settings.policy, looked_at) or found
        raise found from None
    first = 0 if place is None else place[0]
    return _part(raw, _for_every_individual(seeds, len(individuals)), first, options)


def _asked(
    place: tuple[int, int] | None,
    settings: Settings,
    individuals: Individuals | Unread,
    seeds: NDArray[np.uint64],
    options: EvaluateOptions,
) -> dict[str, Any]:
    """Return keywords of the extension's `evaluate` that hang on the individuals, all options checked.

    What is not asked for is not named: each name takes as long as a step or two.
    """
    population, episodes = len(individuals), seeds.shape[1]
    threads = check_threads(options.get("threads"))
    check_progress(options.get("progress"))
    asked: dict[str, Any] = {}
    if wanted := raw_descriptors(options.get("descriptors", ()), settings.entry, population * episodes):
        asked["descriptors"] = wanted
    first, whole = (0, population) if place is None else place
    if settings.varied:
        asked["variation"] = raw_variation(settings.varied, (first, whole), population, episodes)
    if chosen := checked_individuals(options.get("trajectories", ()), whole):
        asked["trajectories"], asked["most_trajectory_bytes"] = chosen, MOST_BYTES
    check_token(options.get("cancel"))
    if threads is None:
        # A single episode is the calling thread's, however many others there are.
        threads = 1 if population * episodes == 1 else available_threads()
    asked["threads"] = threads
    if isinstance(individuals, Graphs | Unread):
        asked["graphs"] = acting_graphs(settings, individuals)
    if place is not None:
        asked["share"] = place
    return asked


def _part(raw: _engine.RawEvaluation, seeds: NDArray[np.uint64], first: int, options: EvaluateOptions) -> Part:
    """Return what the extension has found, which becomes the evaluation's own."""
    names: tuple[str, ...] = ()
    on_request: dict[str, Any] = {}
    if "final_observation" in raw:
        on_request["final_observation"] = raw.pop("final_observation")
    if "descriptors" in raw:
        names = tuple(str(Descriptor.of(descriptor)) for descriptor in options["descriptors"])
        on_request["descriptors"] = raw.pop("descriptors")
    if "trajectories" in raw:
        on_request["trajectories"] = by_individual(raw.pop("trajectories"), seeds, first)
    if "statistics" in raw:
        on_request["statistics"] = ObservationStatistics(*raw.pop("statistics"))
    partial_sums = raw.pop("partial_sums", ())
    sums = [PartialSum(level, index, ObservationStatistics(*sums)) for level, index, sums in partial_sums]
    fields: dict[str, Any] = {**raw, "seeds": seeds, "descriptor_names": names, "on_request": on_request}
    return Part(evaluation_of(fields), sums)


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
    # Views, because what is a view of a read-only array cannot be made writeable.
    if len(seeds) == population:
        return seeds[:]
    return np.ndarray((population, seeds.shape[1]), np.uint64, seeds, strides=(0, seeds.strides[1]))
