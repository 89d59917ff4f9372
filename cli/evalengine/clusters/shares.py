"""A population cut into shares, and the results of shares put together again, to the bit.

    arguments ──► Job ──► (weights, seeds) of a share ──► evaluate_share, anywhere ──► Assembly ──► Evaluation

An individual's result depends on its own weights and seeds alone, so any cut gives the same bits. Statistics are of all
individuals together: shares give back the sums that one call would have paired next, and `Assembly` pairs them.
`distributed` sends shares to executors, `ray_evaluator` to the nodes of a cluster, `evaluate --out` runs one after
the other. Depends on evaluation.call.
"""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import named_values, seed_matrix
from evalengine.environments.observation import ObservationOptions
from evalengine.environments.rules import NoOps, StopRules
from evalengine.errors import NonFiniteError, WorkersLostError
from evalengine.evaluation.call import Part, evaluate_part
from evalengine.evaluation.descriptors import Descriptor
from evalengine.evaluation.equal_bits import differences, requirements
from evalengine.evaluation.options import DEFAULTS, ShareOptions
from evalengine.evaluation.result import Evaluation
from evalengine.evaluation.statistics import PairwiseSum
from evalengine.evaluation.trajectories import Trajectories, Trajectory, checked_individuals
from evalengine.evaluation.variation import parted
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs, bytes_each
from evalengine.policies.individuals import AnyPolicy, Individuals, as_policy, check_finite, individuals_of

if TYPE_CHECKING:
    from evalengine.policies.population import Weights

# A share's weights travel as one message; several of them are on their way at once.
_SHARE_BYTES = 1 << 26


class Share(NamedTuple):
    """The individuals from `start` to `stop`, which is not one of them."""

    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Job:
    """One evaluation, checked and ready to be cut.

    Attributes:
        env_id: the environment.
        policy: canonical spec, which is what travels.
        weights: (P, D) float32, or P graphs.
        seeds: (1, E) or (P, E) uint64.
        options: of every share.
        empty: the result for no individuals, whose arrays have the right shapes and dtypes.
    """

    env_id: str
    policy: str
    weights: Individuals
    seeds: NDArray[np.uint64]
    options: ShareOptions
    empty: Evaluation

    @classmethod
    def of(
        cls,
        env_id: str,
        weights: Weights,
        policy: AnyPolicy | str,
        episodes: int | None,
        seeds: ArrayLike | None,
        options: ShareOptions,
    ) -> Job:
        """Check everything here, so that no worker is bothered with what cannot be run.

        Raises:
            InputError: an argument cannot be used.
            NonFiniteError: a weight is NaN or infinite, and `on_nan` is "raise".
        """
        policy = as_policy(policy)
        matrix = individuals_of(policy, weights)
        if isinstance(policy, GraphPolicy) and isinstance(matrix, Graphs):
            policy.compiled(matrix, "float32")  # here, where individuals have the population's numbers
        episode_seeds = seed_matrix(seeds, episodes, len(matrix))
        # The limit of all trajectories together is checked here, too.
        place = (0, len(matrix)) if len(matrix) else None
        empty = evaluate_part(place, env_id, matrix[:0], policy, seeds=episode_seeds[:0], **options).evaluation
        if {**DEFAULTS, **options}["on_nan"] == "raise":
            check_finite(matrix)
        return cls(env_id, str(policy), matrix, episode_seeds, _own_options(options, len(matrix)), empty)

    @property
    def episodes(self) -> int:
        """Of all individuals together."""
        return len(self.weights) * int(self.seeds.shape[1])

    def shares(self, count: int) -> list[Share]:
        """Cut the population into `count` shares of about equal size, more where one would be too large to travel."""
        population, per_individual = len(self.weights), bytes_each(self.weights)
        count = min(population, max(count, -(-population * per_individual // _SHARE_BYTES)))
        cuts = [population * part // count for part in range(count + 1)] if count else [0]
        return [Share(start, stop) for start, stop in pairwise(cuts)]

    def seeds_of(self, share: Share) -> NDArray[np.uint64]:
        """The seeds of a share's episodes, (1, E) or (its individuals, E)."""
        return self.seeds if len(self.seeds) == 1 else self.seeds[share.start : share.stop]


def evaluate_share(
    env_id: str,
    policy: str,
    weights: Individuals,
    seeds: NDArray[np.uint64],
    place: tuple[int, int],
    threads: int | None,
    options: ShareOptions,
    expected: Mapping[str, str] | None = None,
) -> Part:
    """Evaluate one share, on whatever machine this runs; all arguments are positional, for executors that take options.

    Args:
        env_id: the environment.
        policy: canonical spec.
        weights: (individuals of the share, D) float32, or as many graphs.
        seeds: (1, E) or (individuals of the share, E) uint64.
        place: the number of the share's first individual, and the individuals of the whole population.
        threads: None is all cores that this process may use.
        options: of every share.
        expected: the sender's `equal_bits.requirements`; None if they were compared before.

    Returns:
        The evaluation without its seeds, which the sender has, and partial sums of its statistics.

    Raises:
        WorkersLostError: this machine might give other bits than the sender's.
        EvalEngineError: see `evaluate`.
    """
    if expected is not None and (differing := differences(expected, requirements())):
        raise WorkersLostError(f"worker {platform.node()}: {differing}")
    shared = seeds[0] if len(seeds) == 1 else seeds
    part = evaluate_part(place, env_id, weights, policy, seeds=shared, threads=threads, **options)
    return part._replace(evaluation=replace(part.evaluation, seeds=np.empty((0, 0), np.uint64)))


class Assembly:
    """The evaluation of a whole population, filled share by share.

    Attributes:
        done: episodes in the shares that were placed.
    """

    def __init__(self, job: Job) -> None:
        self.done = 0
        self._job = job
        self._begun = time.perf_counter()
        self._steps = 0
        self._trajectories: dict[int, tuple[Trajectory, ...]] = {}
        self._statistics = PairwiseSum(job.episodes)
        self._arrays: dict[str, NDArray[Any]] = {}
        for name in (*(field.name for field in fields(Evaluation)), *job.empty.on_request):
            array = getattr(job.empty, name)
            if isinstance(array, np.ndarray) and name != "seeds":
                self._arrays[name] = np.empty((len(job.weights), *array.shape[1:]), dtype=array.dtype)

    def place(self, share: Share, part: Part) -> None:
        """Put the result of a share where it belongs."""
        evaluation = part.evaluation
        for name, array in self._arrays.items():
            array[share.start : share.stop] = getattr(evaluation, name)
        self._trajectories.update(evaluation.on_request.get("trajectories", {}))
        for sums in part.sums:
            self._statistics.add(sums)
        self._steps += evaluation.steps
        self.done += (share.stop - share.start) * self._job.seeds.shape[1]

    def evaluation(self) -> Evaluation:
        """Return the whole; `seconds` is the wall time since this object was made."""
        assert self.done == self._job.episodes
        seeds = np.broadcast_to(self._job.seeds, self._arrays["returns"].shape)
        seconds = time.perf_counter() - self._begun
        on_request: dict[str, Any] = dict(self._job.empty.on_request)
        on_request.update((name, self._arrays[name]) for name in on_request if name in self._arrays)
        if "trajectories" in on_request:
            on_request["trajectories"] = Trajectories(sorted(self._trajectories.items()))
        if self._job.options.get("collect_statistics") and self._job.episodes:
            on_request["statistics"] = self._statistics.total()
        found: dict[str, Any] = {name: array for name, array in self._arrays.items() if name not in on_request}
        found |= {"seeds": seeds, "steps": self._steps, "seconds": seconds, "on_request": on_request}
        return replace(self._job.empty, **found)


@contextmanager
def within_population(start: int) -> Iterator[None]:
    """Let a `NonFiniteError` from a share that begins at individual `start` speak of the whole population."""
    try:
        yield
    except NonFiniteError as error:
        if error.individual is None or start == 0:
            raise
        individual = start + error.individual
        message = re.sub(rf"\bindividual {error.individual}\b", f"individual {individual}", str(error), count=1)
        raise NonFiniteError(message, individual=individual, episode=error.episode) from None


def _own_options(options: ShareOptions, population: int) -> ShareOptions:
    """Return options that were checked as copies: the caller may change its own while shares are on their way."""
    own = options.copy()
    given: dict[str, Any] = {**DEFAULTS, **options}
    kwargs, varied = parted(given["env_kwargs"])
    own["env_kwargs"] = {**kwargs, **varied}
    own["reset_options"] = named_values("reset_options", given["reset_options"])
    own["observation"] = ObservationOptions.of(given["observation"])
    own["stop"] = StopRules.of(given["stop"])
    own["no_ops"] = NoOps.of(given["no_ops"])
    own["keep"] = tuple(given["keep"])
    own["descriptors"] = tuple(Descriptor.of(descriptor) for descriptor in given["descriptors"])
    own["trajectories"] = checked_individuals(given["trajectories"], population)
    own["normalize"] = None if given["normalize"] is None else replace(given["normalize"])
    return own
