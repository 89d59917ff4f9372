"""Two more published tables: what a call costs on machines, and what many calls leave in memory.

    rows ──► machines_section ──► docs/many-machines.md      rows ──► resident_section ──► bench_results/README.md

Pure functions from rows to Markdown, as in `results_text.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from evalengine.bench.measures import Measure
from evalengine.bench.results import BenchSummary, summarised
from evalengine.bench.schema import BenchRow
from evalengine.policies.policy import Policy
from results_text import NOTHING, origin, short_name, table_line

MACHINES = {"rust": "`evaluate`", "process-pool": "process pool", "dask": "Dask", "ray": "Ray"}
"""Columns of the table of calls on machines, with their headings."""


def machines_section(rows: Sequence[BenchRow]) -> str:
    """What a call costs on executors and clusters of one machine: a line for each size of the population."""
    measured = [row for row in rows if row.measure == Measure.machines]
    if not measured:
        return NOTHING
    by_size: dict[int, dict[str, BenchSummary]] = {}
    for summary in summarised(measured):
        by_size.setdefault(summary.population, {})[summary.backend] = summary
    backends = [name for name in MACHINES if any(name in of_size for of_size in by_size.values())]
    workers = ", ".join(str(count) for count in sorted({row.threads for row in measured}))
    lines = [
        f"Milliseconds of one call with {workers} workers (threads of `evaluate`), all of them on the same machine. "
        + origin(measured, Measure.machines),
        "",
        table_line(["population", *(MACHINES[name] for name in backends)]),
        "|---|" + "--:|" * len(backends),
    ]
    for population, of_size in by_size.items():
        size = 4 * Policy(measured[0].policy).n_params * population
        costs = [_milliseconds(of_size[name].us_per_call) if name in of_size else "-" for name in backends]
        lines.append(table_line([f"{population:,} individual{'' if population == 1 else 's'}, {_bytes(size)}", *costs]))
    return "\n".join(lines) + "\n"


def resident_section(rows: Sequence[BenchRow]) -> str:
    """What many resets and many calls leave in memory: a line for each environment and kind."""
    measured = [row for row in rows if row.measure == Measure.resident]
    if not measured:
        return NOTHING
    lines = [
        origin(measured, Measure.resident),
        "",
        "| environment, policy | calls | resets in each | larger by, in the second half | largest |",
        "|---|--:|--:|--:|--:|",
    ]
    for summary in summarised(measured):
        lines.append(
            table_line(
                [
                    f"{short_name(summary.env)}, `{summary.policy}`",
                    f"{summary.calls // summary.rounds:,}",
                    f"{summary.population * summary.episodes:,}",
                    f"{(summary.rss_growth_bytes or 0) / 1e3:,.0f} kB",
                    f"{(summary.peak_rss_bytes or 0) / 1e6:,.0f} MB",
                ]
            )
        )
    return "\n".join(lines) + "\n"


def _milliseconds(microseconds: float) -> str:
    milliseconds = microseconds / 1e3
    return f"{milliseconds:,.2f}" if milliseconds < 1 else f"{milliseconds:,.1f}"


def _bytes(size: int) -> str:
    return f"{size / 1e3:,.1f} kB" if size < 1e5 else f"{size / 1e6:,.1f} MB"
