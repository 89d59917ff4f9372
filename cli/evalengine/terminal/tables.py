"""Results as CSV files (by pandas) and as tables on a terminal (by rich); both are imported when a result needs them.

    EvaluateResult ──► evaluation_frame ──► write_csv          Report (parity) ──► parity_frame ──► write_csv
                   └─► evaluation_report ──► rich                              └─► parity_report ──► rich

Those of `bench` are in `bench_tables.py`.

Nothing is computed here but what a reader needs to see numbers well: the statistics belong to the result objects.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from evalengine.files.whole import write_whole
from evalengine.messages import named

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType
    from rich.table import Table

    from evalengine.parity.report import Report, Section
    from evalengine.terminal.evaluate.result import EvaluateResult

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
    table = plain_table(f"{result.env_id}  {result.policy}  {counted(result.episodes, 'episode')} each")
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
    lines = [
        f"{counted(result.steps, 'step')} in {result.seconds:.3f} s: {_rate(result.steps, result.seconds)} steps/s"
    ]
    if population > len(shown):
        lines.insert(0, f"The {len(shown)} best of {population:,} individuals; {_fitness_summary(result)}.")
    if result.config.out is not None:
        lines.append(f"All of them: {named(result.config.out)}")
    return [table, *lines]


def parity_report(report: Report, out: Path | None = None) -> list[RenderableType]:
    """Return a table with a row per section, lines about what they met, the first divergences, and the verdict."""
    table = plain_table("parity")
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
        lines.append(f"Step by step: {named(out)}")
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


def plain_table(title: str) -> Table:
    """Return a table without columns, in the style of all of them."""
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


def counted(number: int, noun: str) -> str:
    """Return a number and its noun: "1 round", "2,000 rounds"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
