"""Results as CSV files (by pandas) and as tables on a terminal (by rich); both are imported when a result needs them.

    EvaluateResult ──► evaluation_frame ──► write_csv          BenchRow ... ──► bench_frame ──► write_csv
                   └─► evaluation_report ──► rich              BenchResult  ──► bench_report ──► rich
    Report (parity) ──► parity_frame ──► write_csv           ScalingResult ──► scaling_report ──► rich
                    └─► parity_report ──► rich

Nothing is computed here but what a reader needs to see numbers well: the statistics belong to the result objects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from evalengine.files import write_whole

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType
    from rich.table import Table

    from evalengine.bench.results import BenchComparison, BenchResult, BenchRow, BenchSummary
    from evalengine.bench.scaling import ScalingResult, ScalingSummary
    from evalengine.commands.evaluate_result import EvaluateResult
    from evalengine.parity.report import Report, Section

EVALUATE_SCHEMA_VERSION = 1
"""Version of the columns of `evaluation_frame`; it changes whenever a column is added, removed or redefined."""

PARITY_SCHEMA_VERSION = 1
"""Version of the columns of `parity_frame`; it changes whenever a column is added, removed or redefined."""

_SHOWN_NOTES = 5
_VERDICT_STYLES = {"broken": "bold red", "unproven": "yellow"}


def evaluation_frame(result: EvaluateResult) -> pd.DataFrame:
    """Return one row per evaluated individual, in the order of the file.

    Columns: schema_version, env, policy, weights (the file), episodes, seeds (space-separated), those of
    `EvaluateResult.columns`, and those of `provenance`. So rows of several files can be appended to each other.
    """
    import pandas as pd

    frame = pd.DataFrame(result.columns)
    frame.insert(0, "schema_version", EVALUATE_SCHEMA_VERSION)
    frame.insert(1, "env", result.env_id)
    frame.insert(2, "policy", result.policy)
    frame.insert(3, "weights", str(result.config.weights))
    frame.insert(4, "episodes", result.episodes)
    frame.insert(5, "seeds", " ".join(str(seed) for seed in result.seeds))
    return frame.assign(**result.provenance)


def bench_frame(rows: Sequence[BenchRow]) -> pd.DataFrame:
    """Return one row per timed round; the columns are the fields of `BenchRow`, in their order."""
    import pandas as pd

    from evalengine.bench.results import BenchRow

    return pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(BenchRow)])


def parity_frame(report: Report) -> pd.DataFrame:
    """Return one row per compared step of every section that has any, in order.

    Columns: schema_version, section, then those of `Section.columns`; empty where a section lacks one.
    """
    import pandas as pd

    frames = [
        pd.DataFrame(section.columns).assign(section=section.name) for section in report.sections if section.columns
    ]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"section": []})
    first = {"schema_version": PARITY_SCHEMA_VERSION, "section": frame.pop("section")}
    for position, (name, values) in enumerate(first.items()):
        frame.insert(position, name, values)
    return frame


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, whole or not at all; floats in the fewest digits that read back to the same bits.

    Raises:
        OutputError: the file cannot be written (also when the disk is full).
    """
    with write_whole(path) as stream:
        frame_csv(frame, stream)


def frame_csv(frame: pd.DataFrame, stream: BinaryIO, *, with_header: bool = True) -> None:
    """Write the lines of a frame as `write_csv` does."""
    # A file's name can be any bytes: surrogates stand for those that are no UTF-8.
    frame.to_csv(
        stream, header=with_header, index=False, lineterminator="\n", encoding="utf-8", errors="surrogateescape"
    )


def evaluation_report(result: EvaluateResult, top: int) -> list[RenderableType]:
    """Return the table of the `top` best individuals, best first, and a line about all of them."""
    columns = result.columns
    population = len(result.individuals)
    shown = result.ranking[:top]
    table = _table(f"{result.env_id}  {result.policy}  {_count(result.episodes, 'episode')} each")
    for heading in ("individual", "mean", "std", "min", "max", "mean length", ""):
        table.add_column(heading, justify="left" if heading == "" else "right", no_wrap=True)
    for row in shown.tolist():
        statistics = [columns[name][row] for name in ("mean_return", "std_return", "min_return", "max_return")]
        remark = "best" if row == result.best else _failed_remark(result, row)
        table.add_row(
            str(result.individuals[row]),
            *(_number(float(value)) for value in statistics),
            f"{float(columns['mean_length'][row]):,.1f}",
            remark,
            style="bold green" if row == result.best else None,
        )
    lines = [f"{_count(result.steps, 'step')} in {result.seconds:.3f} s: {_rate(result.steps, result.seconds)} steps/s"]
    if population > len(shown):
        lines.insert(0, f"The {len(shown)} best of {population:,} individuals; {_fitness_summary(result)}.")
    if result.config.out is not None:
        lines.append(f"All of them: {result.config.out}")
    return [table, *lines]


def bench_report(result: BenchResult) -> list[RenderableType]:
    """Return one table per workload, lines about the comparison of its fitnesses, and where the CSV lies."""
    by_workload: dict[tuple[str, str, str], list[BenchSummary]] = defaultdict(list)
    for summary in result.summaries:
        by_workload[summary.env, summary.workload, summary.policy].append(summary)
    report: list[RenderableType] = []
    for (env, workload, policy), summaries in by_workload.items():
        report.append(_bench_table(f"{env}  {policy}  {workload} population", summaries))
        for comparison in result.comparisons:
            if (comparison.env, comparison.workload) == (env, workload):
                report.extend(_comparison_lines(comparison))
    report.extend(f"skipped {backend}: {reason}" for backend, reason in result.skipped.items())
    if result.csv_path is not None:
        report.append(f"Every round: {result.csv_path}")
    return report


def scaling_report(result: ScalingResult) -> list[RenderableType]:
    """Return one table per workload, whether all rounds gave the same fitnesses, and where the CSV lies."""
    by_workload: dict[tuple[str, str, str], list[ScalingSummary]] = defaultdict(list)
    for summary in result.summaries:
        by_workload[summary.env, summary.policy, summary.workload].append(summary)
    report: list[RenderableType] = []
    for (env, policy, workload), summaries in by_workload.items():
        report.append(_scaling_table(f"{env}  {policy}  {workload} population", summaries))
    if result.ok:
        report.append("Every round gave the same fitnesses, with any number of threads.")
    else:
        report.append("MISMATCH: rounds of one size gave different fitnesses.")
    if result.csv_path is not None:
        report.append(f"Every round: {result.csv_path}")
    return report


def parity_report(report: Report, out: Path | None = None) -> list[RenderableType]:
    """Return a table with a row per section, lines about what they met, the first divergences, and the verdict."""
    table = _table("parity")
    table.add_column("section", no_wrap=True)
    table.add_column("claim", no_wrap=True)
    for heading in ("steps", "episodes", "mismatches", "worst error", "PyTorch's worst"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for section in report.sections:
        table.add_row(*_parity_cells(section), style=_VERDICT_STYLES.get(section.verdict))
    lines = [line for section in report.sections for line in _section_lines(section)]
    for reason in dict.fromkeys(section.unproven for section in report.sections if section.unproven):
        lines.append(f"unproven: {reason}")
    for section in report.sections:
        if section.first_divergence is not None:
            lines += ["", f"First divergence in {section.name}:", *section.first_divergence.message().split("\n")]
    versions = ", ".join(f"{package} {version}" for package, version in report.versions.items())
    if out is not None:
        lines.append(f"Step by step: {out}")
    return [table, *lines, "", f"Verdict: {report.verdict}, in {report.seconds:.1f} s ({versions})"]


def _parity_cells(section: Section) -> list[str]:
    errors = (section.worst_error, section.torch_worst_error)
    return [
        section.name,
        str(section.claim),
        f"{section.steps:,}",
        f"{section.episodes:,}" if section.episodes else "-",
        f"{section.mismatches:,}",
        *("-" if error is None else f"{error:.3g}" for error in errors),
        str(section.verdict),
    ]


def _section_lines(section: Section) -> list[str]:
    """What a section met and noted, each line with the section's name."""
    lines = list(section.notes[:_SHOWN_NOTES])
    if len(section.notes) > _SHOWN_NOTES:
        lines.append(f"... and {len(section.notes) - _SHOWN_NOTES} more notes (see --json)")
    events = ", ".join(f"{name} {count:,}" for name, count in section.events.items() if count)
    return [f"{section.name}: {line}" for line in ([events] if events else []) + lines]


def _bench_table(title: str, summaries: Sequence[BenchSummary]) -> Table:
    first = summaries[0]
    table = _table(title)
    table.caption = (
        f"{_count(first.episodes, 'episode')} each, {_count(first.threads, 'thread')}; "
        f"median and range of {_count(first.rounds, 'round')}"
    )
    table.caption_justify = "left"
    table.add_column("backend", no_wrap=True)
    for heading in ("individuals", "steps/s", "range", "speedup"):
        table.add_column(heading, justify="right", no_wrap=True)
    for summary in summaries:
        slowest, fastest = (rate / summary.steps_per_s for rate in (summary.steps_per_s_min, summary.steps_per_s_max))
        table.add_row(
            summary.backend,
            f"{summary.population:,}",
            f"{summary.steps_per_s:,.0f}",
            f"{slowest:.0%} to {fastest:.0%}",
            "-" if summary.speedup is None else f"{summary.speedup:,.1f}x",
        )
    return table


def _scaling_table(title: str, summaries: Sequence[ScalingSummary]) -> Table:
    table = _table(title)
    table.caption = f"efficiency: against one thread; medians and range of {_count(summaries[0].rounds, 'round')}"
    table.caption_justify = "left"
    for heading in ("individuals", "episodes", "threads", "us a call", "steps/s", "range", "efficiency"):
        table.add_column(heading, justify="right", no_wrap=True)
    for summary in summaries:
        slowest, fastest = (rate / summary.steps_per_s for rate in (summary.steps_per_s_min, summary.steps_per_s_max))
        table.add_row(
            f"{summary.population:,}",
            f"{summary.episodes:,}",
            f"{summary.threads:,}",
            f"{summary.us_per_call:,.0f}",
            f"{summary.steps_per_s:,.0f}",
            f"{slowest:.0%} to {fastest:.0%}",
            f"{summary.efficiency:.1%}",
        )
    return table


def _comparison_lines(comparison: BenchComparison) -> list[str]:
    """Say whether the fitnesses are equal, and show the first differing episodes."""
    compared = f"{comparison.backend}: {_count(comparison.individuals, 'individual')} in all rounds"
    if comparison.differing == 0:
        return [f"{compared}: every return and length equals the engine's."]
    unexplained = comparison.differing - comparison.explained
    verdict = f"MISMATCH: {unexplained} not explained" if unexplained else "all explained by their margins"
    lines = [f"{compared}: {comparison.differing} differ from the engine's, {verdict}."]
    lines += [f"  {line}" for line in comparison.notes[:_SHOWN_NOTES]]
    hidden = len(comparison.notes) - _SHOWN_NOTES
    return [*lines, f"  ... and {hidden} more (see --json)"] if hidden > 0 else lines


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _failed_remark(result: EvaluateResult, row: int) -> str:
    if not result.failed[row]:
        return ""
    return f"failed: NaN or infinite logits, fitness {_number(float(result.fitness[row]))}"


def _fitness_summary(result: EvaluateResult) -> str:
    """Return the range and the mean of the fitness of all individuals that did not fail."""
    finished = result.fitness[~result.failed].astype(float)
    failed = int(result.failed.sum())
    if len(finished) == 0:
        return "all failed"
    summary = f"fitness {_number(finished.min())} to {_number(finished.max())}, mean {_number(finished.mean())}"
    return f"{summary}; {failed} failed" if failed else summary


def _number(value: float) -> str:
    """Return a number with two digits after the point, more where it is small."""
    return f"{value:,.2f}" if value == 0 or abs(value) >= 0.1 else f"{value:.3g}"


def _rate(steps: int, seconds: float) -> str:
    return f"{steps / seconds:,.0f}" if seconds > 0 else "-"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
