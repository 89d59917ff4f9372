"""A population cut into shares, and the results of shares put together again, to the bit.

    arguments ──► Job ──► (weights, seeds) of a share ──► evaluate_share, anywhere ──► Assembly ──► Evaluation

An individual's result depends on its own weights and seeds alone, so any cut gives the same bits. `distributed` sends
shares to executors, `ray_evaluator` to the nodes of a cluster, `commands.journaled` runs one after the other. Depends
on evaluation.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import check_finite, check_integer, population_matrix, seed_matrix
from evalengine.descriptors import DescriptorLike
from evalengine.errors import NonFiniteError
from evalengine.evaluation import Evaluation, evaluate
from evalengine.normalization import Normalization
from evalengine.observation import ObservationLike
from evalengine.policy import Policy
from evalengine.population import flat_weights

if TYPE_CHECKING:
    from evalengine.population import Weights

# A share's weights travel as one message; several of them are on their way at once.
_SHARE_BYTES = 1 << 26


class ShareOptions(TypedDict, total=False):
    """What every share is evaluated with, beside its weights and seeds; see `evalengine.evaluate`."""

    env_kwargs: Mapping[str, bool | int | float] | None
    reset_options: Mapping[str, float] | None
    observation: ObservationLike | None
    max_episode_steps: int | None
    on_nan: Literal["raise"] | float
    keep: Collection[str]
    descriptors: Sequence[DescriptorLike]
    normalize: Normalization | None


class Share(NamedTuple):
    """The individuals from `start` to `stop`, which is not one of them."""

    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Job:
    """One evaluation, checked and ready to be cut.

    Attributes:
        env_id: the environment.
        policy: canonical spelling, which is what travels.
        weights: (P, D) float32.
        seeds: (1, E) or (P, E) uint64.
        options: of every share.
        empty: the result for no individuals, whose arrays have the right shapes and dtypes.
    """

    env_id: str
    policy: str
    weights: NDArray[np.float32]
    seeds: NDArray[np.uint64]
    options: ShareOptions
    empty: Evaluation

    @classmethod
    def of(
        cls,
        env_id: str,
        weights: Weights,
        policy: Policy | str,
        episodes: int | None,
        seeds: ArrayLike | None,
        options: ShareOptions,
    ) -> Job:
        """Check everything here, so that no worker is bothered with what cannot be run.

        Raises:
            InputError: an argument cannot be used.
            NonFiniteError: a weight is NaN or infinite, and `on_nan` is "raise".
        """
        policy = policy if isinstance(policy, Policy) else Policy(policy)
        matrix = population_matrix(flat_weights(policy, weights), policy, policy.n_params, allow_vector=True)
        episode_seeds = seed_matrix(seeds, episodes, len(matrix))
        empty = evaluate(env_id, matrix[:0], policy, seeds=episode_seeds[0], **options)
        if options.get("on_nan", "raise") == "raise":
            check_finite(matrix)
        return cls(env_id, str(policy), matrix, episode_seeds, options, empty)

    @property
    def episodes(self) -> int:
        """Of all individuals together."""
        return len(self.weights) * int(self.seeds.shape[1])

    def shares(self, count: int) -> list[Share]:
        """Cut the population into `count` shares of about equal size, more where one would be too large to travel."""
        population, per_individual = len(self.weights), 4 * self.weights.shape[1]
        count = min(population, max(count, -(-population * per_individual // _SHARE_BYTES)))
        cuts = [population * part // count for part in range(count + 1)] if count else [0]
        return [Share(start, stop) for start, stop in pairwise(cuts)]

    def seeds_of(self, share: Share) -> NDArray[np.uint64]:
        """The seeds of a share's episodes, (1, E) or (its individuals, E)."""
        return self.seeds if len(self.seeds) == 1 else self.seeds[share.start : share.stop]


def evaluate_share(
    env_id: str,
    policy: str,
    weights: NDArray[np.float32],
    seeds: NDArray[np.uint64],
    threads: int | None,
    options: ShareOptions,
) -> Evaluation:
    """Evaluate one share, on whatever machine this runs; all arguments are positional, for executors that take options.

    Returns:
        The evaluation without its seeds, which the sender has.
    """
    shared = seeds[0] if len(seeds) == 1 else seeds
    return replace(
        evaluate(env_id, weights, policy, seeds=shared, threads=threads, **options), seeds=np.empty((0, 0), np.uint64)
    )


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
        self._arrays: dict[str, NDArray[Any]] = {}
        for field in fields(Evaluation):
            array = getattr(job.empty, field.name)
            if isinstance(array, np.ndarray) and field.name != "seeds":
                self._arrays[field.name] = np.empty((len(job.weights), *array.shape[1:]), dtype=array.dtype)

    def place(self, share: Share, part: Evaluation) -> None:
        """Put the result of a share where it belongs."""
        for name, array in self._arrays.items():
            array[share.start : share.stop] = getattr(part, name)
        self._steps += part.steps
        self.done += (share.stop - share.start) * self._job.seeds.shape[1]

    def evaluation(self) -> Evaluation:
        """Return the whole; `seconds` is the wall time since this object was made."""
        assert self.done == self._job.episodes
        seeds = np.broadcast_to(self._job.seeds, self._arrays["returns"].shape)
        seconds = time.perf_counter() - self._begun
        arrays: dict[str, Any] = {**self._arrays, "seeds": seeds}
        return replace(self._job.empty, **arrays, steps=self._steps, seconds=seconds)


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


def check_threads(threads: object) -> None:
    """Refuse a number of threads that is neither None nor a count.

    Raises:
        InputError: see above.
    """
    if threads is not None:
        check_integer("threads", threads, least=1, most=1024)
