"""How near the engine comes to the physical limit: multiply-adds of the policy per second, over those of the peak.

A share is of whole steps (environment, observation, resets and all), so it is a lower bound of what the forward pass
alone reaches. Multiply-adds of zeros that the kernels skip count as done.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from evalengine.bench.measures import Measure
from evalengine.bench.results import summarised
from evalengine.bench.schema import BenchRow


@dataclass(frozen=True)
class Share:
    """One workload of the engine.

    Attributes:
        env: full id.
        policy: its spec.
        workload: "random" or "trained".
        steps_per_s: median over the rounds.
        macs_per_s: multiply-adds per second, median over the rounds.
        share: `macs_per_s` over the peak of as many threads.
    """

    env: str
    policy: str
    workload: str
    steps_per_s: float
    macs_per_s: float
    share: float


def peaks(rows: Sequence[BenchRow]) -> dict[str, dict[int, float]]:
    """Multiply-adds per second of each processor by the number of threads: medians of the measured rounds."""
    rates: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        if row.measure == Measure.peak:
            rates.setdefault(row.cpu, {}).setdefault(row.threads, []).append(row.macs_per_s)
    return {
        cpu: {threads: statistics.median(of_threads) for threads, of_threads in by_threads.items()}
        for cpu, by_threads in rates.items()
    }


def shares(rows: Sequence[BenchRow]) -> list[Share]:
    """The share of every throughput workload of the engine, in their order; none where the peak was not measured."""
    rows = [row for row in rows if row.measure in (Measure.peak, Measure.throughput)]
    measured = peaks(rows)
    if len({row.cpu for row in rows}) != 1:
        return []  # Rows of several machines: a summary's rate would belong to none of them.
    of_threads = next(iter(measured.values()), {})
    return [
        Share(
            summary.env,
            summary.policy,
            summary.workload,
            summary.steps_per_s,
            summary.macs_per_s,
            summary.macs_per_s / of_threads[summary.threads],
        )
        for summary in summarised(rows)
        if summary.measure == Measure.throughput and summary.backend == "rust" and summary.threads in of_threads
    ]
