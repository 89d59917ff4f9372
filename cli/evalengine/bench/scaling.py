"""What the engine makes of small calls and of more threads: the sizes that algorithms really call it with.

A call of 256 individuals with one episode each lasts less than a millisecond, so whatever is paid per call (checks in
Python, the start of threads) and at its end (threads and lanes that have nothing left to do) shows here, and nowhere
else in the benchmark. Each size is measured with one thread and with more, by turns, so that both meet the same
machine; the same call is repeated until a round is over.

    Scaling(workload, ...).rounds() ──► ScalingResult ──► rows (as of every bench), summaries
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Task, open_backend
from evalengine.bench.results import BenchRow
from evalengine.bench.session import Progress, Session
from evalengine.bench.timing import repeated_round
from evalengine.bench.workloads import Workload

SIZES = ((256, 1), (64, 8), (1, 100), (10_000, 1))
"""(population, episodes) of the published rows: a generation of a small evolution, with one episode each and with
several; an individual that is tested; a population that is large."""

_BACKEND = "rust"


@dataclass(frozen=True)
class ScalingRound:
    """One timed round: its line of the CSV, and into how many calls its steps and its seconds are divided."""

    row: BenchRow
    calls: int


@dataclass(frozen=True)
class ScalingSummary:
    """All rounds of one size with one number of threads, read together.

    Attributes:
        env: full id of the environment.
        workload: "random" or "trained".
        policy: the policy's spelling.
        population: individuals of one call.
        episodes: episodes per individual.
        threads: threads of the engine.
        rounds: how many there were.
        calls: calls in all rounds together.
        steps: environment steps in all rounds together.
        seconds: wall clock of all rounds together.
        steps_per_s: median over the rounds.
        steps_per_s_min: the slowest round's.
        steps_per_s_max: the fastest round's.
        us_per_call: microseconds of one call, median over the rounds.
        efficiency: steps_per_s over `threads` times that of one thread.
    """

    env: str
    workload: str
    policy: str
    population: int
    episodes: int
    threads: int
    rounds: int
    calls: int
    steps: int
    seconds: float
    steps_per_s: float
    steps_per_s_min: float
    steps_per_s_max: float
    us_per_call: float
    efficiency: float


@dataclass(frozen=True)
class ScalingResult:
    """Everything that one `evalengine bench --scaling` measured."""

    rounds: list[ScalingRound]
    csv_path: Path | None = None

    @property
    def rows(self) -> list[BenchRow]:
        """The CSV's lines, in the order in which the rounds ran."""
        return [finished.row for finished in self.rounds]

    @property
    def ok(self) -> bool:
        """Whether a call's fitnesses are the same in every round with any number of threads (exit code 0, else 1)."""
        return all(len({finished.row.fitness_checksum for finished in of_size}) == 1 for of_size in self._sizes())

    @property
    def summaries(self) -> list[ScalingSummary]:
        """One summary per workload, size and number of threads, in the order in which they ran."""
        found = []
        for of_size in self._sizes():
            by_threads: dict[int, list[ScalingRound]] = {}
            for finished in of_size:
                by_threads.setdefault(finished.row.threads, []).append(finished)
            alone = statistics.median(_rates(by_threads[1]))
            found += [_summary(rounds, alone) for rounds in by_threads.values()]
        return found

    def to_json(self) -> dict[str, object]:
        """The document of `--json`: "rows" (summaries), "ok" and "csv" (a path or None)."""
        return {
            "rows": [asdict(summary) for summary in self.summaries],
            "ok": self.ok,
            "csv": None if self.csv_path is None else str(self.csv_path),
        }

    def _sizes(self) -> list[list[ScalingRound]]:
        """The rounds by workload and size."""
        groups: dict[tuple[str, str, str, int, int], list[ScalingRound]] = {}
        for finished in self.rounds:
            row = finished.row
            key = (row.env, row.workload, row.policy, row.population, row.episodes)
            groups.setdefault(key, []).append(finished)
        return list(groups.values())


@dataclass(frozen=True)
class Scaling:
    """One workload, measured at each of `sizes` with each of `threads`, of which one must be 1."""

    workload: Workload
    sizes: Sequence[tuple[int, int]]
    threads: Sequence[int]
    round_count: int
    round_seconds: float
    provenance: Mapping[str, str | int]
    report: Progress

    def rounds(self) -> list[ScalingRound]:
        """Every round of every size."""
        largest = max(population for population, _ in self.sizes)
        weights = replace(self.workload, population=largest).weights()  # it begins with every smaller population
        found = []
        for population, episodes in self.sizes:
            sized = replace(self.workload, population=population, episodes=episodes)
            found += self._rounds_of_size(sized, weights[:population])
        return found

    def _rounds_of_size(self, sized: Workload, weights: NDArray[np.float32]) -> list[ScalingRound]:
        """Warm up, then let the numbers of threads take turns."""
        seeds = sized.seeds()
        found = []
        with ExitStack() as running:
            measured = []
            for threads in self.threads:
                session = Session(sized, threads, self.round_count, self.round_seconds, self.provenance, self.report)
                engine = running.enter_context(open_backend(_BACKEND, Task(sized.env_id, sized.policy, threads)))
                engine.evaluate(weights, seeds)
                measured.append((session, engine))
            for number in range(1, self.round_count + 1):
                for session, engine in measured:
                    finished = repeated_round(engine, weights, seeds, self.round_seconds)
                    found.append(ScalingRound(session.row(_BACKEND, number, finished), finished.calls))
                    self._report(found[-1].row)
        return found

    def _report(self, row: BenchRow) -> None:
        self.report(
            f"{row.env}, {row.workload}, {row.population:,} x {row.episodes:,}: round {row.round}/{self.round_count}: "
            f"threads {row.threads}: {row.steps / row.seconds:,.0f} steps/s"
        )


def thread_counts(most: int) -> tuple[int, ...]:
    """The numbers of threads to measure: one, two, and `most`."""
    return tuple(sorted({1, min(2, most), most}))


def _rates(rounds: Sequence[ScalingRound]) -> list[float]:
    return [finished.row.steps / finished.row.seconds for finished in rounds]


def _summary(rounds: Sequence[ScalingRound], alone: float) -> ScalingSummary:
    first = rounds[0].row
    rates = _rates(rounds)
    rate = statistics.median(rates)
    return ScalingSummary(
        env=first.env,
        workload=first.workload,
        policy=first.policy,
        population=first.population,
        episodes=first.episodes,
        threads=first.threads,
        rounds=len(rounds),
        calls=sum(finished.calls for finished in rounds),
        steps=sum(finished.row.steps for finished in rounds),
        seconds=sum(finished.row.seconds for finished in rounds),
        steps_per_s=rate,
        steps_per_s_min=min(rates),
        steps_per_s_max=max(rates),
        us_per_call=statistics.median(1e6 * finished.row.seconds / finished.calls for finished in rounds),
        efficiency=rate / (first.threads * alone),
    )
