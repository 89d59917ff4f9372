"""A parity report as a data frame (pandas) and as a table and lines (rich); both are imported when they are needed.

Report ──► parity_frame ──► files.frames.write_csv          Report ──► parity_report ──► rich
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalengine.messages import named
from evalengine.references.versions import untabled
from evalengine.streams import plain_table

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from evalengine.parity.report import Report, Section

PARITY_SCHEMA_VERSION = 2
"""Version of the columns of `parity_frame`; it changes whenever a column is added, removed or redefined."""

_SHOWN_NOTES = 5
_VERDICT_STYLES = {"broken": "bold red", "unproven": "yellow"}


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


def parity_report(report: Report, out: Path | None = None) -> list[RenderableType]:
    """Return a table with a row per section, lines about what they met, the first divergences, and the verdict."""
    table = plain_table("parity")
    table.add_column("section", no_wrap=True)
    table.add_column("claim", no_wrap=True)
    for heading in ("steps", "episodes", "mismatches", "worst error"):
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
    others = untabled(report.versions)
    if others:
        lines += ["", others]
    return [table, *lines, "", f"Verdict: {report.verdict} with {versions}, in {report.seconds:.1f} s"]


def _parity_cells(section: Section) -> list[str]:
    return [
        section.name,
        str(section.claim),
        f"{section.steps:,}",
        f"{section.episodes:,}" if section.episodes else "-",
        f"{section.mismatches:,}",
        "-" if section.worst_error is None else f"{section.worst_error:.3g}",
        str(section.verdict),
    ]


def _section_lines(section: Section) -> list[str]:
    """What a section met and noted, each line with the section's name."""
    lines = list(section.notes[:_SHOWN_NOTES])
    if len(section.notes) > _SHOWN_NOTES:
        lines.append(f"... and {len(section.notes) - _SHOWN_NOTES} more notes (see --json)")
    events = ", ".join(f"{name} {count:,}" for name, count in section.events.items() if count)
    return [f"{section.name}: {line}" for line in ([events] if events else []) + lines]
