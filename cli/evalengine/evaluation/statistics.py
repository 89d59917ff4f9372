"""Statistics of what policies saw, from which the normalisation of the next generation is made.

    >>> statistics = evaluate("LunarLander-v3", population, policy, collect_statistics=True).statistics
    >>> result = evaluate("LunarLander-v3", population, policy, normalize=statistics.normalization(least_std=0.01))

They are of observations before any normalisation, so those of several calls can be added whatever normalisation each
of them had. Images count as they are seen: as float32 byte / 255, in the shape (and the order of axes) of Gymnasium.
Depends on arguments and `environments.normalization`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import plain_array
from evalengine.environments.normalization import Normalization
from evalengine.errors import InputError
from evalengine.messages import html_table, named, shown
from evalengine.scalars import as_number, check_integer


@dataclass(frozen=True, eq=False, repr=False)
class ObservationStatistics:
    """Number, sum and sum of squares of the observations that policies saw, before any normalisation.

    Those are the observations that an action was asked for: the one of `reset`, not the last one of an episode.
    Episodes that failed do not count. Sums are float64: within an episode from 0.0, first step to last; episodes, in
    the order (individual, episode), in pairs: neighbours first, then neighbouring pairs, and so on, an odd one at the
    end going up alone. So they depend on neither threads nor timing.

    Attributes:
        count: the number of observations.
        sum: float64 in the shape of an observation; a copy.
        sum_of_squares: float64 in the same shape; a copy.

    Raises:
        InputError: a count that is none, an array of another type, or shapes that differ.
    """

    count: int
    sum: NDArray[np.float64]
    sum_of_squares: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", check_integer("statistics: count", self.count, least=0, most=2**63 - 1))
        for name in ("sum", "sum_of_squares"):
            array = plain_array(f"statistics: {name}", getattr(self, name))
            if array.dtype != np.float64:
                raise InputError(f"statistics: {name}: expected float64, got {named(array.dtype)}")
            object.__setattr__(self, name, array.copy())
        if self.sum.shape != self.sum_of_squares.shape:
            squares = self.sum_of_squares.shape
            raise InputError(f"statistics: sum_of_squares: expected the sum's shape {self.sum.shape}, got {squares}")

    def __add__(self, other: ObservationStatistics) -> ObservationStatistics:
        """Return the statistics of both: those of the generations so far, and of one more."""
        if not isinstance(other, ObservationStatistics):
            return NotImplemented
        if self.sum.shape != other.sum.shape:
            raise InputError(f"statistics: expected the same shapes, got {self.sum.shape} and {other.sum.shape}")
        squares = self.sum_of_squares + other.sum_of_squares
        return ObservationStatistics(self.count + other.count, self.sum + other.sum, squares)

    def __radd__(self, other: object) -> ObservationStatistics:
        """Return itself where `sum` begins with 0: `sum(statistics of generations)`."""
        return self if type(other) is int and other == 0 else NotImplemented

    def __repr__(self) -> str:
        """One line: of how many observations of which shape."""
        return f"ObservationStatistics({self.count:,} observations of shape {self.sum.shape})"

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks, with the range of means and standard deviations."""
        rows: dict[str, object] = {"observations": f"{self.count:,}", "shape": self.sum.shape}
        if self.count and self.sum.size:
            for name, values in (("mean", self.mean), ("standard deviation", self.std)):
                rows[name] = f"{values.min():.6g} to {values.max():.6g}"
        return html_table("ObservationStatistics", rows)

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean, float64; NaN of no observations."""
        return self.sum / self.count if self.count else np.full_like(self.sum, np.nan)

    @property
    def std(self) -> NDArray[np.float64]:
        """The standard deviation of the population, float64: sqrt(sum_of_squares / count - mean**2), at least 0."""
        if not self.count:
            return np.full_like(self.sum, np.nan)
        # Rounding can leave a variance just below 0 where a component never changes.
        variance: NDArray[np.float64] = np.maximum(self.sum_of_squares / self.count - self.mean**2, 0.0)
        return np.sqrt(variance)

    def normalization(self, *, least_std: float = 0.01, clip: float | None = None) -> Normalization:
        """Return the normalisation to this mean and this standard deviation, both rounded to float32.

        Args:
            least_std: a smaller standard deviation is raised to this, so that a component that (almost) never changed
                is not blown up by the division.
            clip: see `Normalization`.

        Raises:
            InputError: there are no observations, or a number that is none.
        """
        if not self.count:
            raise InputError("statistics: expected at least one observation, got none")
        least = as_number(least_std)
        if least is None or not least > 0:
            raise InputError(f"least_std: expected a number above 0, got {shown(least_std)}")
        with np.errstate(over="ignore"):  # what overflows becomes infinite, and is refused as such
            return Normalization(self.mean.astype(np.float32), np.maximum(self.std, least).astype(np.float32), clip)


@dataclass(frozen=True, eq=False)
class PartialSum:
    """A node of the sum in pairs: the statistics of 2**level neighbouring episodes, of fewer at the population's end.

    Attributes:
        level: how often sums were paired; 0 is an episode's own.
        index: its number among those of its level: episodes from index * 2**level on.
        statistics: the sum.
    """

    level: int
    index: int
    statistics: ObservationStatistics


class PairwiseSum:
    """The sum in pairs of a population's episodes (see `ObservationStatistics`), whose parts come in any order.

    Shares of a population give the nodes of which their own episodes are all; here those are paired as one call would
    have done it. The sums are the same float64 additions: no sum of float32 values, nor of their squares, comes near
    the subnormal numbers, so the caller's floating-point mode does not matter.
    """

    def __init__(self, episodes: int) -> None:
        """Begin with nothing of `episodes` episodes, of which there is at least one."""
        self._episodes = episodes
        self._waiting: dict[tuple[int, int], ObservationStatistics] = {}

    def add(self, part: PartialSum) -> None:
        """Add a node that is not there yet."""
        level, index, statistics = part.level, part.index, part.statistics
        while (neighbour := self._waiting.pop((level, index ^ 1), None)) is not None or self._goes_up_alone(
            level, index
        ):
            if neighbour is not None:
                statistics = statistics + neighbour  # in either order: a sum of two does not depend on it
            level, index = level + 1, index // 2
        self._waiting[level, index] = statistics

    def total(self) -> ObservationStatistics:
        """Return the sum of all episodes, every one of which has come."""
        ((level, _), statistics) = next(iter(self._waiting.items()))
        assert len(self._waiting) == 1 and self._nodes(level) == 1
        return statistics

    def _goes_up_alone(self, level: int, index: int) -> bool:
        """Whether a node is the last one of its level and has no other, below the top."""
        return 1 < self._nodes(level) == (index ^ 1)

    def _nodes(self, level: int) -> int:
        return -(-self._episodes >> level)  # rounded up
