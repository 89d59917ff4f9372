"""One workload, measured on all backends in turn, and the backends' answers compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import (
    Backend,
    Evaluated,
    Task,
    backend_version,
    open_backend,
    plays_same_episodes,
)
from evalengine.bench.compare import compare
from evalengine.bench.results import SCHEMA_VERSION, BenchComparison, BenchRow
from evalengine.bench.timing import Round, prefix_for, timed_round
from evalengine.bench.workloads import Workload
from evalengine.policy import Policy

Progress = Callable[[str], object]
"""Receives one short line whenever something begins or ends."""


@dataclass(frozen=True)
class Session:
    """One workload, measured on all backends."""

    workload: Workload
    threads: int
    round_count: int
    round_seconds: float
    provenance: Mapping[str, str | int]
    report: Progress

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """The workload's population, made once."""
        return self.workload.weights()

    def measure(self, backends: Mapping[str, Backend]) -> dict[str, list[Round]]:
        """Warm up, then let the backends take turns; the rounds of each."""
        seeds = self.workload.seeds()
        prefixes = {}
        for name, backend in backends.items():
            self.report(f"{self.workload.env_id}, {self.workload.name}: warming up {name}")
            prefixes[name] = prefix_for(backend, self.weights, seeds, self.round_seconds, self.threads)
        rounds: dict[str, list[Round]] = {name: [] for name in backends}
        for number in range(1, self.round_count + 1):
            for name, backend in backends.items():
                finished = timed_round(backend, self.weights[: prefixes[name]], seeds)
                rounds[name].append(finished)
                rate = finished.steps / finished.seconds
                self.report(
                    f"{self.workload.env_id}, {self.workload.name}: round {number}/{self.round_count}: "
                    f"{name}: {rate:,.0f} steps/s"
                )
        return rounds

    def rows(self, rounds: Mapping[str, list[Round]]) -> list[BenchRow]:
        """The CSV's lines in the order in which the rounds ran."""
        return [
            self.row(name, number, rounds[name][number - 1])
            for number in range(1, self.round_count + 1)
            for name in rounds
        ]

    def row(self, name: str, number: int, finished: Round) -> BenchRow:
        """The CSV's line of one round."""
        fitness = finished.evaluated.fitness
        return BenchRow(
            schema_version=SCHEMA_VERSION,
            env=self.workload.env_id,
            workload=self.workload.name,
            policy=self.workload.policy,
            backend=name,
            backend_version=backend_version(name),
            round=number,
            population=len(fitness),
            episodes=self.workload.episodes,
            threads=self.threads,
            seed=self.workload.seed,
            steps=finished.steps,
            seconds=finished.seconds,
            fitness_checksum=hashlib.sha256(fitness.astype("<f4").tobytes()).hexdigest()[:16],
            **self.provenance,  # type: ignore[arg-type]  # its keys are the remaining fields; a test holds it
        )

    def comparisons(self, rounds: Mapping[str, list[Round]]) -> list[BenchComparison]:
        """Every round of every backend that plays the seeds' own episodes against one evaluation by the engine."""
        task = Task(self.workload.env_id, self.workload.policy, self.threads)
        evaluated = {
            name: [finished.evaluated for finished in of_backend]
            for name, of_backend in rounds.items()
            if plays_same_episodes(name, task)
        }
        if not evaluated:
            return []
        engine = self._engine_evaluation(evaluated)
        policy = Policy(self.workload.policy)
        found = []
        for name, of_backend in evaluated.items():
            shared = compare(self.workload.env_id, policy, self.weights, self.workload.seeds(), engine, of_backend)
            found.append(
                BenchComparison(
                    self.workload.env_id,
                    self.workload.name,
                    name,
                    shared.individuals,
                    len(shared.differing),
                    len(shared.explained),
                    shared.notes,
                )
            )
        return found

    def _engine_evaluation(self, evaluated: Mapping[str, list[Evaluated]]) -> Evaluated:
        """The engine's first round, or where it was not measured, what it says of the baselines' longest prefix."""
        if "rust" in evaluated:
            return evaluated["rust"][0]
        longest = max(len(of_backend[0].returns) for of_backend in evaluated.values())
        with open_backend("rust", Task(self.workload.env_id, self.workload.policy, self.threads)) as engine:
            return engine.evaluate(self.weights[:longest], self.workload.seeds())
