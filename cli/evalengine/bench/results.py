"""What `evalengine bench` finds: a row per timed round, and what is read from the rows (medians, ranges, ratios).

rows (this run's, or a file's: `saved.py`) ──► summaries ──► tables, JSON, plots
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evalengine.bench.measures import Measure
from evalengine.bench.regressions import Regressions
from evalengine.bench.schema import BenchRow, Case


@dataclass(frozen=True)
class BenchSummary:
    """All rounds of one backend on one case, read together.

    Attributes:
        measure: what was measured (`Measure`).
        env: full id of the environment.
        workload: "random" or "trained".
        policy: the policy's spelling.
        backend: its name.
        note: what the backend says of its episodes.
        population: individuals of one call; of a workload's population, the prefix that fills a round.
        episodes: episodes per individual.
        threads: threads of the engine, processes of a baseline.
        rounds: how many there were.
        calls: calls in all rounds together.
        steps: environment steps in all rounds together.
        seconds: wall clock of all rounds together.
        steps_per_s: median over the rounds.
        steps_per_s_min: the slowest round's.
        steps_per_s_max: the fastest round's.
        us_per_call: microseconds of one call, median over the rounds.
        macs_per_s: multiply-adds of the policy per second, median over the rounds.
        peak_rss_bytes: median over the rounds; None where it was not measured.
        rss_growth_bytes: median over the rounds; None where it was not measured.
        speedup: steps_per_s over that of "multiprocessing" in the same case; None where that did not run.
        efficiency: steps per second over `threads` times that of one thread in the same round, median over the rounds:
            they follow each other at once, so that both had the machine as it was; None where one thread was not
            measured.
    """

    measure: str
    env: str
    workload: str
    policy: str
    backend: str
    note: str
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
    macs_per_s: float
    peak_rss_bytes: float | None
    rss_growth_bytes: float | None
    speedup: float | None
    efficiency: float | None


@dataclass(frozen=True)
class BenchComparison:
    """The fitnesses that the engine and one baseline share on one workload.

    Attributes:
        individuals: individuals that both evaluated.
        differing: those whose returns or episode lengths differ in any bit.
        explained: differing individuals of which every differing episode is explained by the margins of its actions.
        notes: one line per differing episode that was examined, with margin and bound.
    """

    env: str
    workload: str
    policy: str
    backend: str
    individuals: int
    differing: int
    explained: int
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing differs without an explanation."""
        return self.explained == self.differing


@dataclass(frozen=True)
class BenchResult:
    """Everything that one `evalengine bench` measured.

    Attributes:
        rows: every finished round, in the order in which they ran.
        comparisons: of each workload that was finished, the fitnesses that the backends share.
        skipped: what was left out, and why.
        csv_path: the file that the rows went to.
        planned: how many rows there would be if nothing had been left out on the way.
        interrupted: whether Ctrl-C ended the run before that.
        regressions: how the rows compare with a former run's, where one was given.
    """

    rows: list[BenchRow]
    comparisons: list[BenchComparison] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    csv_path: Path | None = None
    planned: int = 0
    interrupted: bool = False
    regressions: Regressions | None = None

    @property
    def ok(self) -> bool:
        """Whether every shared fitness is equal or explained, the engine repeats its own, and nothing got slower."""
        slower = self.regressions is not None and not self.regressions.ok
        return self.is_repeatable and not slower and all(comparison.ok for comparison in self.comparisons)

    @property
    def is_repeatable(self) -> bool:
        """Whether a call's fitnesses are the same in every round and with any number of threads, in the engine, and on
        whatever cluster it runs (`Measure.machines`)."""
        checksums: dict[tuple[str, str, str, int, int], set[str]] = {}
        for row in self.rows:
            if row.backend == "rust" or row.measure == Measure.machines:
                key = (row.env, row.workload, row.policy, row.population, row.episodes)
                checksums.setdefault(key, set()).add(row.fitness_checksum)
        return all(len(of_call) == 1 for of_call in checksums.values())

    @property
    def summaries(self) -> list[BenchSummary]:
        """One summary per case and backend, in the order in which they ran."""
        return summarised(self.rows)

    def to_json(self) -> dict[str, object]:
        """The document of `--json`: "rows" (summaries) and what else there is to know; "csv" is a path or None."""
        return {
            "rows": [asdict(summary) for summary in self.summaries],
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
            "skipped": self.skipped,
            "ok": self.ok,
            "interrupted": self.interrupted,
            "regressions": None if self.regressions is None else self.regressions.to_json(),
            "csv": None if self.csv_path is None else str(self.csv_path),
        }


def summarised(rows: Iterable[BenchRow]) -> list[BenchSummary]:
    """One summary per case and backend, in the order of their first rows."""
    groups: dict[tuple[str, Case], list[BenchRow]] = {}
    for row in rows:
        groups.setdefault(row.key, []).append(row)
    rates = {key: _median(of_key, lambda row: row.steps_per_s) for key, of_key in groups.items()}
    found = []
    for (backend, case), of_key in groups.items():
        threads = case[-1]
        is_compared = case[0] in (Measure.threads, Measure.scaling)
        alone = groups.get((backend, (*case[:-1], 1)), []) if is_compared else []
        found.append(
            _summary(
                of_key,
                baseline=rates.get(("multiprocessing", case)),
                efficiency=_efficiency(of_key, alone, threads),
            )
        )
    return found


def _efficiency(rows: Sequence[BenchRow], alone: Sequence[BenchRow], threads: int) -> float | None:
    """The rate of `rows` over that of `threads` threads if each made as many steps as one `alone`, round by round."""
    rate_alone = {row.round: row.steps_per_s for row in alone}
    ratios = [row.steps_per_s / (threads * rate_alone[row.round]) for row in rows if row.round in rate_alone]
    return statistics.median(ratios) if ratios else None


def _summary(rows: Sequence[BenchRow], *, baseline: float | None, efficiency: float | None) -> BenchSummary:
    first = rows[0]
    rates = [row.steps_per_s for row in rows]
    rate = statistics.median(rates)
    return BenchSummary(
        measure=first.measure,
        env=first.env,
        workload=first.workload,
        policy=first.policy,
        backend=first.backend,
        note=first.note,
        population=first.population,
        episodes=first.episodes,
        threads=first.threads,
        rounds=len(rows),
        calls=sum(row.calls for row in rows),
        steps=sum(row.steps for row in rows),
        seconds=sum(row.seconds for row in rows),
        steps_per_s=rate,
        steps_per_s_min=min(rates),
        steps_per_s_max=max(rates),
        us_per_call=_median(rows, lambda row: 1e6 * row.seconds_per_call),
        macs_per_s=_median(rows, lambda row: row.macs_per_s),
        peak_rss_bytes=_median_bytes([row.peak_rss_bytes for row in rows]),
        rss_growth_bytes=_median_bytes([row.rss_growth_bytes for row in rows]),
        speedup=None if baseline is None else rate / baseline,
        efficiency=efficiency,
    )


def _median(rows: Sequence[BenchRow], value: Callable[[BenchRow], float]) -> float:
    return statistics.median(value(row) for row in rows)


def _median_bytes(measured: Sequence[int | None]) -> float | None:
    known = [size for size in measured if size is not None]
    return statistics.median(known) if known else None
