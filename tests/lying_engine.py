"""A backend of bench that tells the truth but for one episode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, open_backend


class LyingEngine:
    """The engine, except that one return is changed and all actions are made up.

    Args:
        task: what is played.
        individual, episode: whose return is changed.
        change: makes the wrong return of the right one.
    """

    def __init__(self, task: Task, individual: int, episode: int, change: Callable[[float], float]) -> None:
        self._engine = open_backend("rust", task)
        self._place = individual, episode
        self._change = change

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        honest = self._engine.evaluate(weights, seeds)
        returns = honest.returns.copy()
        returns[self._place] = self._change(returns[self._place])
        actions = [[bytes(int(length)) for length in row] for row in honest.lengths]
        return Evaluated(returns, honest.lengths, actions)
