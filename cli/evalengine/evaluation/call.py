"""One call of the extension, with everything checked before: what `evaluate`, and every share of a population, is.

    arguments ──► checked, converted ──► _engine.evaluate, without the GIL ──► Part (an Evaluation, and partial sums)

Depends on registry, policy, arguments and the extension; knows no files. `evaluate` has the public function;
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
from evalengine.arguments import named_values, seed_matrix
from evalengine.environments.normalization import check_normalization
from evalengine.environments.observation import ObservationOptions, raw_options
from evalengine.environments.registry import describe
from evalengine.environments.rules import raw_rules
from evalengine.errors import InputError, NonFiniteError, engine_errors
from evalengine.evaluation.acting import acting
from evalengine.evaluation.cancellation import cancellable, check_token
from evalengine.evaluation.descriptors import Descriptor, raw_descriptors
from evalengine.evaluation.options import DEFAULTS, EvaluateOptions, check_keywords, check_threads
from evalengine.evaluation.result import Evaluation
from evalengine.evaluation.statistics import ObservationStatistics, PartialSum
from evalengine.evaluation.trajectories import MOST_BYTES, by_individual, checked_individuals
from evalengine.messages import shown
from evalengine.policies.graphs import Graphs
from evalengine.policies.heads import deviations_of
from evalengine.policies.individuals import AnyPolicy, Individuals, as_policy, individuals_of, not_finite
from evalengine.policies.policy import Policy
from evalengine.progress import check_progress, reported
from evalengine.scalars import as_number, check_flag, check_integer, check_probability, is_one_of, items_of

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
    epsilon, sticky = (check_probability(name, given[name]) for name in ("epsilon", "sticky"))
    rules = raw_rules(given["stop"], given["no_ops"], entry)
    threads = check_threads(given["threads"]) or available_threads()
    progress, cancel, normalize = given["progress"], given["cancel"], given["normalize"]
    check_progress(progress)
    check_flag("collect_statistics", given["collect_statistics"])
    keeps_final_observation = bool(_checked_keep(given["keep"]))
    check_normalization(normalize)
    wanted = raw_descriptors(given["descriptors"], entry, len(matrix) * episode_seeds.shape[1])
    first, population = (0, len(matrix)) if place is None else place
    chosen = checked_individuals(given["trajectories"], population)
    check_token(cancel)
    actors = acting(policy, matrix, entry, given, threads)
    try:
        with engine_errors(), reported(progress) as report:
            raw = _engine.evaluate(
                entry.id,
                kwargs,
                reset_values,
                actors.network,
                actors.head,
                actors.weights,
                episode_seeds,
                threads=threads,
                max_episode_steps=limit,
                on_nan=failure_fitness,
                keep_final_observation=keeps_final_observation,
                progress=cancellable(report, cancel),
                observation=raw_options(seen),
                normalization=None if normalize is None else normalize.raw(entry),
                descriptors=wanted,
                trajectories=chosen,
                most_trajectory_bytes=MOST_BYTES,
                statistics=given["collect_statistics"],
                share=place,
                rules=rules,
                exploration=(actors.deviations, epsilon, sticky),
                graphs=actors.graphs,
            )
    except NonFiniteError as error:
        # The engine, which looks first, does not say which weight it is, where it is a weight.
        raise (not_finite(matrix) or _infinite_deviation(policy, matrix) or error) from None
    all_seeds = _for_every_individual(episode_seeds, len(matrix))
    on_request = {
        "final_observation": raw["final_observation"],
        "descriptors": raw["descriptors"] if wanted else None,
        "trajectories": by_individual(raw["trajectories"], all_seeds, first) if chosen else None,
        "statistics": ObservationStatistics(*raw["statistics"]) if raw["statistics"] else None,
    }
    evaluation = Evaluation(
        fitness=raw["fitness"],
        returns=raw["returns"],
        lengths=raw["lengths"],
        terminated=raw["terminated"],
        truncated=raw["truncated"],
        stopped=raw["stopped"],
        failed=raw["failed"],
        seeds=all_seeds,
        seconds=raw["seconds"],
        steps=raw["steps"],
        descriptor_names=tuple(str(Descriptor.of(descriptor)) for descriptor in given["descriptors"]) if wanted else (),
        on_request={name: value for name, value in on_request.items() if value is not None},
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
