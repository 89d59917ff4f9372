"""What `evalengine bench` finds: a row per timed round, and what is read from the rows (medians, ranges, ratios)."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path

SCHEMA_VERSION = 1
"""Version of the columns of `BenchRow`; it changes whenever a column is added, removed or redefined."""


@dataclass(frozen=True)
class BenchRow:
    """One timed round: one line of the CSV (its columns are these fields, in this order)."""

    schema_version: int
    started_at: str
    env: str
    workload: str
    policy: str
    backend: str
    backend_version: str
    round: int
    population: int
    episodes: int
    threads: int
    seed: int
    steps: int
    seconds: float
    fitness_checksum: str
    cpu: str
    cores: int
    platform: str
    python: str
    numpy: str
    torch: str
    gymnasium: str
    evalengine: str
    commit: str
    dirty: str


@dataclass(frozen=True)
class BenchSummary:
    """All rounds of one backend on one workload, read together.

    `population` is the prefix of the workload's population that this backend evaluated in each round. `speedup` is
    the median of this backend divided by the median of "multiprocessing" (None where that did not run).
    """

    env: str
    workload: str
    policy: str
    backend: str
    population: int
    episodes: int
    threads: int
    rounds: int
    steps: int
    seconds: float
    steps_per_s: float
    steps_per_s_min: float
    steps_per_s_max: float
    speedup: float | None


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
    """Everything that one `evalengine bench` measured."""

    rows: list[BenchRow]
    comparisons: list[BenchComparison]
    skipped: dict[str, str] = field(default_factory=dict)
    csv_path: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether every shared fitness is equal or explained (exit code 0, else 1)."""
        return all(comparison.ok for comparison in self.comparisons)

    @property
    def summaries(self) -> list[BenchSummary]:
        """One summary per workload and backend, in the order in which they ran."""
        groups: dict[tuple[str, str, str], list[BenchRow]] = {}
        for row in self.rows:
            groups.setdefault((row.env, row.workload, row.backend), []).append(row)
        rates = {key: statistics.median(row.steps / row.seconds for row in rows) for key, rows in groups.items()}
        return [_summary(rows, rates[key], rates.get((*key[:2], "multiprocessing"))) for key, rows in groups.items()]

    def to_json(self) -> dict[str, object]:
        """The document of `--json`: "rows" (summaries), "comparisons", "skipped" and "csv" (a path or None)."""
        return {
            "rows": [asdict(summary) for summary in self.summaries],
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
            "skipped": self.skipped,
            "csv": None if self.csv_path is None else str(self.csv_path),
        }


def _summary(rows: list[BenchRow], rate: float, baseline_rate: float | None) -> BenchSummary:
    first = rows[0]
    rates = [row.steps / row.seconds for row in rows]
    return BenchSummary(
        env=first.env,
        workload=first.workload,
        policy=first.policy,
        backend=first.backend,
        population=first.population,
        episodes=first.episodes,
        threads=first.threads,
        rounds=len(rows),
        steps=sum(row.steps for row in rows),
        seconds=sum(row.seconds for row in rows),
        steps_per_s=rate,
        steps_per_s_min=min(rates),
        steps_per_s_max=max(rates),
        speedup=None if baseline_rate is None else rate / baseline_rate,
    )
