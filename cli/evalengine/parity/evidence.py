"""The tables of evidence in parity/PARITY.md: how often each claim was checked, by which run.

They stand between two comments in the file, one for each part of the proof under a heading that is its name. A run
replaces the tables of the parts that it proved; the others keep theirs, with the commit that they were made at. Depends
on the report's types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalengine.errors import InputError
from evalengine.files.whole import write_whole
from evalengine.parity.report import Report

BEGIN = "<!-- evidence: written by make parity -->"
END = "<!-- end of evidence -->"

_COLUMNS = ("section", "steps", "episodes", "mismatches", "verdict")


@dataclass(frozen=True)
class Evidence:
    """What a run found of one part of the proof.

    Attributes:
        report: the part's sections.
        where: the columns of `provenance`.
        seconds: that its chunks took, one after the other.
    """

    report: Report
    where: Mapping[str, object]
    seconds: float

    def markdown(self) -> str:
        """Return the run in one sentence, a table with a row per section, and the rare things that were reached."""
        where, report = self.where, self.report
        versions = ", ".join(f"{package} {version}" for package, version in report.versions.items())
        dirty = " with changes" if where["dirty"] == "true" else ""
        lines = [
            f"Run of {where['started_at']}: {report.verdict}, on {where['cpu']}, {where['platform']}; commit "
            f"{where['commit']}{dirty}; {versions}; {self.seconds:,.0f} s of one core.",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            f"|---|{'--:|' * 3}---|",
        ]
        for section in report.sections:
            counts = (section.steps, section.episodes, section.mismatches)
            cells = [section.name, *(f"{count:,}" for count in counts), str(section.verdict)]
            lines.append(f"| {' | '.join(cells)} |")
        events = [f"- {section.name}: {_counted(section.events)}." for section in report.sections if section.events]
        return "\n".join([*lines, *(["", "Reached on the way:", "", *events] if events else [])])


def record_evidence(path: Path, found: Mapping[str, Evidence], parts: Sequence[str]) -> None:
    """Replace the tables of some parts in a Markdown file.

    Args:
        path: the file.
        found: of the parts that were proved.
        parts: the names of all parts, in order; what stands in the file under another heading is dropped.

    Raises:
        InputError: the file does not have the two comments.
        OutputError: it cannot be written.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    standing, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{path}: expected the lines {BEGIN} and {END}")
    _, *pieces = re.split(r"^### (.+)\n", standing, flags=re.MULTILINE)
    tables = {name: text.strip() for name, text in zip(pieces[::2], pieces[1::2], strict=True)}
    tables |= {part: evidence.markdown() for part, evidence in found.items()}
    written = [f"### {part}\n\n{tables[part]}\n\n" for part in parts if part in tables]
    with write_whole(path) as stream:
        stream.write(f"{before}{BEGIN}\n\n{''.join(written)}{END}{after}".encode())


def _counted(events: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in events.items())
