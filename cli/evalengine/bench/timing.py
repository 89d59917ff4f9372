"""Timing a backend: how many individuals make a round, and how long a round takes. Set-up is never inside."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Backend, Evaluated, SizedBackend

_GROWTH = 8
"""Factor between trial prefixes: the trials before the last one cost an eighth of it."""

_ENOUGH = 0.25
"""A trial of this fraction of a round is long enough to extrapolate from."""


@dataclass(frozen=True)
class Round:
    """Timed calls of `Backend.evaluate`, all of them the same; one unless they are too short to be timed alone.

    Attributes:
        evaluated: what the last call returned.
        seconds: wall clock of all calls together.
        calls: how many there were.
    """

    evaluated: Evaluated
    seconds: float
    calls: int = 1

    @property
    def steps(self) -> int:
        """Environment steps that were really executed, in all calls together: each plays the same episodes."""
        return self.calls * self.evaluated.steps

    @property
    def population(self) -> int:
        """Individuals of one call."""
        return len(self.evaluated.returns)

    @property
    def fitness_checksum(self) -> str:
        """See `fitness_checksum`."""
        return fitness_checksum(self.evaluated)


def fitness_checksum(evaluated: Evaluated) -> str:
    """The first 16 hex digits of the SHA-256 of the fitnesses: float32, little-endian, in the population's order."""
    return hashlib.sha256(evaluated.fitness.astype("<f4").tobytes()).hexdigest()[:16]


def timed_round(backend: Backend, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Round:
    """Evaluate and time; conversions that the backend's user would pay for are inside."""
    start = time.perf_counter()
    evaluated = backend.evaluate(weights, seeds)
    return Round(evaluated, time.perf_counter() - start)


def repeated_round(backend: Backend, weights: NDArray[np.float32], seeds: NDArray[np.uint64], seconds: float) -> Round:
    """Repeat the call until `seconds` have passed, at least once: as an algorithm does, generation after generation."""
    calls = 0
    start = time.perf_counter()
    while True:
        evaluated = backend.evaluate(weights, seeds)
        calls += 1
        passed = time.perf_counter() - start
        if passed >= seconds:
            return Round(evaluated, passed, calls)


def prefix_for(
    backend: Backend, weights: NDArray[np.float32], seeds: NDArray[np.uint64], seconds: float, workers: int
) -> int:
    """How many individuals keep `backend` busy for about `seconds`: a multiple of `workers`, or the whole population.

    Growing prefixes are evaluated until one takes long enough to extrapolate from; this is the warm-up, too. A
    `SizedBackend` begins with all its lanes filled, because fewer say nothing of its speed, and is given multiples of
    that, longer than `seconds` though it may take.
    """
    if isinstance(backend, SizedBackend):
        workers = math.lcm(workers, backend.least_individuals(len(seeds)))
    individuals = min(len(weights), workers)
    while True:
        if isinstance(backend, SizedBackend):
            backend.prepare_for(individuals, len(seeds))
        trial = timed_round(backend, weights[:individuals], seeds)
        if individuals == len(weights):
            return individuals
        if trial.seconds >= _ENOUGH * seconds:
            wanted = individuals * seconds / trial.seconds
            prefix = min(len(weights), workers * max(1, math.ceil(wanted / workers)))
            if isinstance(backend, SizedBackend):
                backend.prepare_for(prefix, len(seeds))
            return prefix
        individuals = min(len(weights), individuals * _GROWTH)
