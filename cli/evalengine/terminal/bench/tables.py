"""What `bench` found, as a data frame (pandas) and as tables and lines (rich); both are imported when they are needed.

[BenchRow] ──► bench_frame ──► files.frames.write_csv    BenchResult ──► bench_report ──► rich
                                                         Regressions ──► regressions_report ──► rich
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from evalengine.bench.measures import FRESH, PREFIX, Measure
from evalengine.bench.regressions import Verdict
from evalengine.streams import counted, plain_table

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType
    from rich.table import Table

    from evalengine.bench.regressions import Change, Regressions
    from evalengine.bench.results import BenchComparison, BenchResult, BenchSummary
    from evalengine.bench.savings import Savings
    from evalengine.bench.schema import BenchRow

_SHOWN_NOTES = 5


def bench_frame(rows: Sequence[BenchRow]) -> pd.DataFrame:
    """Return one row per timed round; the columns are the fields of `BenchRow`, in their order."""
    import pandas as pd

    from evalengine.bench.schema import BenchRow

    frame = pd.DataFrame(index=range(len(rows)))
    for column in fields(BenchRow):
        values = [getattr(row, column.name) for row in rows]
        # Whole numbers of which some are missing would become floats.
        frame[column.name] = pd.array(values, dtype="Int64") if str(column.type) == "int | None" else values
    return frame


def bench_report(result: BenchResult) -> list[RenderableType]:
    """Return a table for each workload, lines about the comparison of its fitnesses, and where the CSV lies."""
    groups: dict[tuple[str, ...], list[BenchSummary]] = defaultdict(list)
    for summary in result.summaries:
        policy = "" if summary.measure == Measure.policy else summary.policy
        groups[summary.measure, summary.env, policy, summary.workload].append(summary)
    report: list[RenderableType] = []
    for (measure, env, policy, workload), summaries in groups.items():
        report.append(_summary_table(Measure(measure), _title(measure, env, policy, workload), summaries))
        for comparison in result.comparisons:
            if (comparison.env, comparison.policy, comparison.workload) == (env, policy, workload):
                report.extend(_comparison_lines(comparison))
    if any(summary.measure == Measure.scaling for summary in result.summaries) and result.is_repeatable:
        report.append("Every round gave the same fitnesses, with any number of threads.")
    if not result.is_repeatable:
        report.append("MISMATCH: rounds of one size gave different fitnesses.")
    report += _notes(result)
    report += [f"skipped {backend}: {reason}" for backend, reason in result.skipped.items()]
    if result.csv_path is not None:
        report.append(f"Every round: {result.csv_path}")
    if result.interrupted:
        report.append(f"Interrupted: {len(result.rows):,} of {result.planned:,} rows.")
    if result.regressions is not None:
        report += regressions_report(result.regressions)
    return report


def savings_report(found: Sequence[Savings]) -> Table:
    """Return a row for each workload: the steps of its episodes, and what a rule leaves of them."""
    table = plain_table(f"{found[0].env}, stopped by {found[0].stop}")
    table.add_column("workload", no_wrap=True)
    table.add_column("policy")
    for heading in ("episodes", "steps", "stopped", "times fewer", "seconds", "then"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            one.workload,
            one.policy,
            f"{one.population * one.episodes:,}",
            f"{one.steps:,}",
            f"{one.stopped_steps:,}",
            f"{one.factor:.1f}",
            f"{one.seconds:.2f}",
            f"{one.stopped_seconds:.2f}",
        )
    return table


def regressions_report(found: Regressions) -> list[RenderableType]:
    """Return a table of what got slower or faster, and lines about everything else."""
    lines = [f"Another machine: {line}. A change may be the machine's." for line in found.machines]
    changes = [change for verdict in (Verdict.slower, Verdict.faster) for change in found.of(verdict)]
    report: list[RenderableType] = []
    if changes:
        table = plain_table("against the former run")
        for heading in ("", "measure", "environment", "workload", "policy", "backend", "call", "threads"):
            table.add_column(heading, no_wrap=True)
        for heading in ("former", "now", "change", "noise"):
            table.add_column(heading, justify="right", no_wrap=True)
        for change in changes:
            table.add_row(*_change_cells(change), style="bold red" if change.verdict == Verdict.slower else "green")
        report.append(table)
    counts = {verdict: len(found.of(verdict)) for verdict in Verdict}
    lines.append(", ".join(f"{number:,} {verdict}" for verdict, number in counts.items()) + ".")
    if found.only_former or found.only_now:
        lines.append(
            f"Not compared: {found.only_former:,} only in the former run, {found.only_now:,} only in this one."
        )
    if not found.changes:
        lines.append("The two runs have nothing in common.")
    return [*report, *lines]


def _title(measure: str, env: str, policy: str, workload: str) -> str:
    if measure == Measure.peak:
        return "multiply-add peak"
    title = "  ".join(part for part in (env, policy, f"{workload} population") if part)
    return title if measure == Measure.throughput else f"{measure}: {title}"


_Column = tuple[str, "Callable[[BenchSummary], str]"]

_BACKEND: _Column = ("backend", lambda summary: summary.backend)
_INDIVIDUALS: _Column = ("individuals", lambda summary: f"{summary.population:,}")
_EPISODES: _Column = ("episodes", lambda summary: f"{summary.episodes:,}")
_THREADS: _Column = ("threads", lambda summary: f"{summary.threads:,}")
_POLICY: _Column = ("policy", lambda summary: summary.policy)
_CALL: _Column = ("us a call", lambda summary: f"{summary.us_per_call:,.0f}")
_CALLS: _Column = ("calls", lambda summary: f"{summary.calls // summary.rounds:,}")
_RATE: _Column = ("steps/s", lambda summary: f"{summary.steps_per_s:,.0f}")
_GMACS: _Column = ("GMAC/s", lambda summary: f"{summary.macs_per_s / 1e9:,.1f}")
_SECONDS: _Column = ("seconds", lambda summary: f"{summary.us_per_call / 1e6:,.3f}")
_GROWTH: _Column = ("MB more", lambda summary: _megabytes(summary.rss_growth_bytes))
_LEFT: _Column = (
    "kB more",
    lambda summary: "-" if summary.rss_growth_bytes is None else f"{summary.rss_growth_bytes / 1e3:,.0f}",
)
_PEAK: _Column = ("MB in all", lambda summary: _megabytes(summary.peak_rss_bytes))
_RANGE: _Column = (
    "range",
    lambda summary: " to ".join(
        f"{rate / summary.steps_per_s:.0%}" for rate in (summary.steps_per_s_min, summary.steps_per_s_max)
    ),
)
_SPEEDUP: _Column = ("speedup", lambda summary: "-" if summary.speedup is None else f"{summary.speedup:,.1f}x")
_EFFICIENCY: _Column = (
    "efficiency",
    lambda summary: "-" if summary.efficiency is None else f"{summary.efficiency:.1%}",
)

_COLUMNS: dict[Measure, tuple[_Column, ...]] = {
    Measure.throughput: (_BACKEND, _INDIVIDUALS, _RATE, _RANGE, _SPEEDUP),
    Measure.population: (_BACKEND, _INDIVIDUALS, _CALL, _RATE, _RANGE, _SPEEDUP),
    Measure.episodes: (_BACKEND, _INDIVIDUALS, _EPISODES, _CALL, _RATE, _RANGE, _SPEEDUP),
    Measure.threads: (_BACKEND, _THREADS, _RATE, _RANGE, _EFFICIENCY),
    Measure.policy: (_BACKEND, _POLICY, _INDIVIDUALS, _RATE, _RANGE, _GMACS, _SPEEDUP),
    Measure.scaling: (_BACKEND, _INDIVIDUALS, _EPISODES, _THREADS, _CALL, _RATE, _RANGE, _EFFICIENCY),
    Measure.latency: (_BACKEND, _CALL, _RATE, _RANGE, _SPEEDUP),
    Measure.memory: (_BACKEND, _INDIVIDUALS, _EPISODES, _GROWTH, _PEAK, _SECONDS),
    Measure.resident: (_INDIVIDUALS, _EPISODES, _CALLS, _LEFT, _PEAK),
    Measure.machines: (_BACKEND, _INDIVIDUALS, _CALL, _RANGE),
    Measure.startup: (_BACKEND, _SECONDS, _RANGE),
    Measure.peak: (_THREADS, _GMACS, _RANGE),
}


def _summary_table(measure: Measure, title: str, summaries: Sequence[BenchSummary]) -> Table:
    first = summaries[0]
    table = plain_table(title)
    table.caption = caption = _caption(measure, first)
    table.caption_justify = "left"
    table.min_width = max(len(title), len(caption))  # else they would be broken into lines
    for heading, _ in _COLUMNS[measure]:
        table.add_column(heading, justify="left" if heading in ("backend", "policy") else "right", no_wrap=True)
    for summary in summaries:
        table.add_row(*(cell(summary) for _, cell in _COLUMNS[measure]))
    return table


def _caption(measure: Measure, first: BenchSummary) -> str:
    rounds = counted(first.rounds, "round")
    if measure == Measure.scaling:
        return f"efficiency: against one thread in the same round; medians and range of {rounds}"
    if measure == Measure.threads:
        episodes = counted(first.episodes, "episode")
        return f"{episodes} each; efficiency: against one thread in the same round; medians of {rounds}"
    if measure in PREFIX:
        return (
            f"{counted(first.episodes, 'episode')} each, {counted(first.threads, 'thread')}; "
            f"median and range of {rounds}"
        )
    if measure == Measure.peak:
        return f"median and range of {rounds}"
    kind = "median" if measure not in FRESH else "each round a fresh process; median"
    return f"{counted(first.threads, 'thread')}; {kind} of {rounds}"


def _megabytes(size: float | None) -> str:
    return "-" if size is None else f"{size / 1e6:,.1f}"


def _notes(result: BenchResult) -> list[str]:
    """What backends say of their episodes, each said once."""
    said = dict.fromkeys(
        (summary.backend, summary.note) for summary in result.summaries if summary.note and summary.measure != "peak"
    )
    return [f"{backend}: {note}" for backend, note in said]


def _comparison_lines(comparison: BenchComparison) -> list[str]:
    """Say whether the fitnesses are equal, and show the first differing episodes."""
    compared = f"{comparison.backend}: {counted(comparison.individuals, 'individual')} in all rounds"
    if comparison.differing == 0:
        return [f"{compared}: every return and length equals the engine's."]
    unexplained = comparison.differing - comparison.explained
    verdict = f"MISMATCH: {unexplained} not explained" if unexplained else "all explained by their margins"
    lines = [f"{compared}: {comparison.differing} differ from the engine's, {verdict}."]
    lines += [f"  {line}" for line in comparison.notes[:_SHOWN_NOTES]]
    hidden = len(comparison.notes) - _SHOWN_NOTES
    return [*lines, f"  ... and {hidden} more (see --json)"] if hidden > 0 else lines


def _change_cells(change: Change) -> list[str]:
    measure, env, workload, policy, population, episodes, threads = change.case
    return [
        str(change.verdict),
        measure,
        env,
        workload,
        policy,
        change.backend,
        f"{population:,} x {episodes:,}" if population else f"{episodes:,} each",
        f"{threads:,}",
        _cost(change.former, change.unit),
        _cost(change.now, change.unit),
        f"{change.ratio - 1:+.1%}",
        f"{change.noise:.1%}",
    ]


def _cost(cost: float, unit: str) -> str:
    if unit == "bytes":
        return f"{cost / 1e6:,.1f} MB"
    return f"{1e6 * cost:,.3g} us/{unit.removeprefix('s/')}"
