"""The table of evidence in parity/PARITY.md: how often each claim was checked, by which run.

It stands between two comments in the file and is replaced as a whole. Depends on the report's types.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evalengine.errors import InputError
from evalengine.files.whole import write_whole
from evalengine.parity.report import Report

BEGIN = "<!-- evidence: written by make parity -->"
END = "<!-- end of evidence -->"

_HEADINGS = ("section", "claim", "steps", "episodes", "mismatches", "worst error", "verdict")


def record_evidence(path: Path, report: Report, where: Mapping[str, object]) -> None:
    """Replace the table of evidence in a Markdown file.

    Args:
        path: the file.
        report: of the run.
        where: the columns of `provenance`, and "seconds".

    Raises:
        InputError: the file does not have the two comments.
        OutputError: it cannot be written.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{path}: expected the lines {BEGIN} and {END}")
    with write_whole(path) as stream:
        stream.write(f"{before}{BEGIN}\n\n{evidence(report, where)}\n\n{END}{after}".encode())


def evidence(report: Report, where: Mapping[str, object]) -> str:
    """Return the run in one sentence, and a table with a row per section."""
    versions = ", ".join(f"{package} {version}" for package, version in report.versions.items())
    dirty = " with changes" if where["dirty"] == "true" else ""
    lines = [
        f"Run of {where['started_at']}: {report.verdict}, on {where['cpu']} ({where['cores']} cores), "
        f"{where['platform']}; commit {where['commit']}{dirty}; {versions}; {where['seconds']} s.",
        "",
        f"| {' | '.join(_HEADINGS)} |",
        f"|---|---|{'--:|' * 4}---|",
    ]
    for section in report.sections:
        error = "" if section.worst_error is None else f"{section.worst_error:.3g}"
        counts = (section.steps, section.episodes, section.mismatches)
        cells = [section.name, section.claim, *(f"{count:,}" for count in counts), error, section.verdict]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    events = (f"{section.name}: {_counted(section.events)}." for section in report.sections if section.events)
    return "\n".join([*lines, "", "Reached on the way:", "", *(f"- {line}" for line in events)])


def _counted(events: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in events.items())
