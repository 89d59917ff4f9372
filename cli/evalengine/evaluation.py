"""One call from weights to fitness.

    >>> fitness = batch_evaluate("CartPole-v1", population, 8, "mlp", (4, 64, 2))          # (P, 450) -> (P,) float32

Everything is checked here, before any work starts; the extension then runs all episodes of all individuals on all cores
without the GIL. The return of an episode is the float64 sum of its rewards, first to last; the fitness of an individual
is the float64 sum of its returns, first to last, divided by their number, cast to float32. Depends on registry, policy,
arguments and the extension; knows no files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine import _engine
from evalengine.arguments import (
    MOST_EPISODES,
    check_finite,
    check_integer,
    named_values,
    population_matrix,
    seed_matrix,
)
from evalengine.cancellation import CancelToken, cancellable, check_token
from evalengine.descriptors import DescriptorLike, raw_descriptors
from evalengine.errors import InputError, NonFiniteError, engine_errors
from evalengine.normalization import Normalization, ObservationStatistics, check_normalization
from evalengine.observation import ObservationLike, ObservationOptions, raw_options
from evalengine.policy import Policy
from evalengine.population import flat_weights
from evalengine.registry import describe
from evalengine.trajectories import MOST_BYTES, Trajectory, by_individual, checked_individuals

if TYPE_CHECKING:
    from evalengine.population import Weights

# More threads than any machine has only cost memory.
_MOST_THREADS = 1024


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


class EvaluationOptions(TypedDict, total=False):
    """What `batch_evaluate` passes on to `evaluate`."""

    env_kwargs: Mapping[str, bool | int | float] | None
    reset_options: Mapping[str, float] | None
    observation: ObservationLike | None
    max_episode_steps: int | None
    threads: int | None
    on_nan: Literal["raise"] | float
    progress: Callable[[int, int], object] | None
    normalize: Normalization | None
    cancel: CancelToken | None


def batch_evaluate(
    env_id: str,
    weights: Weights,
    n_episodes: int,
    policy_arch: str,
    policy_shape: tuple[int | tuple[int | tuple[int, int], ...], ...],
    seeds: ArrayLike | None = None,
    *,
    activation: str | None = None,
    bias: bool = True,
    head: str = "tanh",
    **options: Unpack[EvaluationOptions],
) -> NDArray[np.float32]:
    """Return the fitness (P,) float32 of a population: the mean return of each individual over its episodes.

    Args:
        env_id: the environment, by full id or short name.
        weights: (P, D), or a list of P vectors; see `evaluate`. One vector alone is refused: reshape it to (1, D).
        n_episodes: E, for each individual.
        policy_arch: "mlp" or "cnn".
        policy_shape: (4, 64, 2) or (5, 12, 12, (16, 3), (32, 3), 64, 4); see `Policy.from_shape`.
        seeds: see `evaluate`.
        activation: see `Policy.from_shape`.
        bias: see `Policy.from_shape`.
        head: see `Policy.from_shape`.
        options: env_kwargs, reset_options, observation, max_episode_steps, threads, on_nan, progress, cancel,
            normalize; see `evaluate`.

    Raises:
        InputError: an argument cannot be used; nothing has been run.
        NonFiniteError: a weight or a logit is NaN or infinite, and `on_nan` is "raise".
    """
    check_integer("n_episodes", n_episodes, least=1, most=MOST_EPISODES)  # None is a choice of `evaluate` only
    policy = Policy.from_shape(policy_arch, policy_shape, activation=activation, bias=bias, head=head)
    matrix = population_matrix(flat_weights(policy, weights), policy, policy.n_params, allow_vector=False)
    return evaluate(env_id, matrix, policy, episodes=n_episodes, seeds=seeds, **options).fitness


def evaluate(
    env_id: str,
    weights: Weights,
    policy: Policy | str,
    *,
    episodes: int | None = None,
    seeds: ArrayLike | None = None,
    env_kwargs: Mapping[str, bool | int | float] | None = None,
    reset_options: Mapping[str, float] | None = None,
    observation: ObservationLike | None = None,
    max_episode_steps: int | None = None,
    threads: int | None = None,
    on_nan: Literal["raise"] | float = "raise",
    progress: Callable[[int, int], object] | None = None,
    cancel: CancelToken | None = None,
    keep: Collection[str] = (),
    descriptors: Sequence[DescriptorLike] = (),
    trajectories: Collection[int] = (),
    normalize: Normalization | None = None,
    collect_statistics: bool = False,
) -> Evaluation:
    """Run E episodes of each of P individuals and return everything that is known of them.

    The result depends on these arguments alone, to the bit: not on the number of threads, nor on the place of an
    individual in the population. `KeyboardInterrupt` ends the call within a fraction of a second.

    Args:
        env_id: the environment, by full id or short name.
        weights: (P, D), a list of P vectors, or one vector (D,) as P = 1; arrays or PyTorch tensors. float32 in C order
            is used in place, also as a memory map that is larger than the memory; other layouts and floating dtypes are
            cast. P may be 0. Or PyTorch modules or state dicts: one, or a list of them.
        policy: a Policy or its spelling, such as "mlp:4-64-2".
        episodes: E for each individual; None is as many as `seeds` has, or 1.
        seeds: None for 0..E-1, the same for every individual; an integer s for s..s+E-1; unsigned 64-bit integers of
            shape (E,) for every individual or (P, E). Equal seeds are equal episodes as in Gymnasium's `reset(seed)`.
        env_kwargs: keyword arguments of the environment, as for `gymnasium.make`.
        reset_options: the options of `reset`.
        observation: frame skip, gray scale, size and stack of images, such as {"skip": 4, "grayscale": True, "resize":
            (84, 84), "stack": 4} or "skip=4,gray,resize=84x84,stack=4"; see `ObservationOptions`.
        max_episode_steps: the time limit in steps of the environment; None is the registered one.
        threads: None is all cores that this process may use.
        on_nan: "raise", or the fitness of individuals with a weight that is not finite (they are not run) or that come
            to a logit that is not.
        progress: called with (episodes done, episodes in all) about ten times a second, from the calling thread.
        cancel: anything with `is_set()`, such as a `threading.Event`: once another thread has set it, the call ends
            within a fraction of a second.
        keep: ("final_observation",) keeps the last observation of every episode.
        descriptors: K numbers that every episode is reduced to, such as ["last(x)", "first(y_velocity) where
            leg_contact else min(y_velocity)"]; see `Descriptor`. `make(env_id).entry.fields` has the names.
        trajectories: the individuals whose episodes are kept step by step; see `Trajectory`. What they can take is
            checked beforehand, and is 4 GiB at most.
        normalize: the mean and standard deviation that observations are normalised with before the policy sees them.
        collect_statistics: sum up the observations that the policies see, before they are normalised; see
            `ObservationStatistics`.

    Raises:
        InputError: an argument cannot be used; nothing has been run.
        CancelledError: `cancel` was set before all episodes were done.
        NonFiniteError: a weight or a logit is NaN or infinite, and `on_nan` is "raise".
    """
    seen = ObservationOptions.of(observation)
    entry = describe(env_id, env_kwargs, seen)
    policy = policy if isinstance(policy, Policy) else Policy(policy)
    policy.check_fits(entry)
    matrix = population_matrix(flat_weights(policy, weights), policy, policy.n_params, allow_vector=True)
    episode_seeds = seed_matrix(seeds, episodes, len(matrix))
    failure_fitness = _failure_fitness(on_nan)
    _check_options(max_episode_steps, threads, progress, keep, collect_statistics)
    check_normalization(normalize)
    wanted = raw_descriptors(descriptors, entry, len(matrix) * episode_seeds.shape[1])
    chosen = checked_individuals(trajectories, len(matrix))
    check_token(cancel)
    with _named_weights(matrix), engine_errors():
        raw = _engine.evaluate(
            entry.id,
            named_values("env_kwargs", env_kwargs),
            named_values("reset_options", reset_options),
            policy.network,
            policy.head,
            matrix,
            episode_seeds,
            threads=available_threads() if threads is None else threads,
            group_width=None,
            max_episode_steps=max_episode_steps,
            on_nan=failure_fitness,
            keep_final_observation="final_observation" in keep,
            progress=cancellable(progress, cancel),
            observation=raw_options(seen),
            normalization=None if normalize is None else normalize.raw(entry),
            descriptors=wanted,
            trajectories=chosen,
            most_trajectory_bytes=MOST_BYTES,
            statistics=collect_statistics,
        )
    all_seeds = np.broadcast_to(episode_seeds, raw["returns"].shape)
    return Evaluation(
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
        trajectories=by_individual(raw["trajectories"], all_seeds) if chosen else None,
        statistics=ObservationStatistics(*raw["statistics"]) if raw["statistics"] else None,
    )


def available_threads() -> int:
    """The cores that this process may use, by affinity and by its share of the machine (cgroups)."""
    # The share is read from files, which takes as long as hundreds of steps; so only where the affinity is a new one.
    return _threads_of(frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)


@lru_cache(maxsize=1)
def _threads_of(cores: frozenset[int] | None) -> int:
    return _engine.available_threads()


@contextmanager
def _named_weights(weights: NDArray[np.float32]) -> Iterator[None]:
    """Say which weight it is that is not finite, where it is a weight: the engine, which looks first, does not."""
    try:
        yield
    except NonFiniteError as error:
        failure = error
    else:
        return
    check_finite(weights)
    raise failure


def _failure_fitness(on_nan: object) -> float | None:
    """Return the fitness of individuals that fail, or None if the evaluation shall fail with them."""
    if isinstance(on_nan, str) and on_nan == "raise":
        return None
    if isinstance(on_nan, int | float | np.integer | np.floating) and not isinstance(on_nan, bool):
        return float(on_nan)
    raise InputError(f"on_nan: expected 'raise' or a number, got {on_nan!r}")


def _check_options(
    max_episode_steps: object, threads: object, progress: object, keep: object, collect_statistics: object
) -> None:
    if max_episode_steps is not None:
        check_integer("max_episode_steps", max_episode_steps, least=1, most=2**31 - 1)
    if threads is not None:
        check_integer("threads", threads, least=1, most=_MOST_THREADS)
    if progress is not None and not callable(progress):
        raise InputError(f"progress: expected a function of (done, total), got {progress!r}")
    # A string is a collection too, of letters: keep="final_observation" must not be taken for its letters.
    if not isinstance(keep, tuple | list | set | frozenset) or not set(keep) <= {"final_observation"}:
        raise InputError(f"keep: expected () or ('final_observation',), got {keep!r}")
    if not isinstance(collect_statistics, bool):
        raise InputError(f"collect_statistics: expected True or False, got {collect_statistics!r}")
