"""The tables of versions in parity/PARITY.md: rows to Markdown, and back to rows, so that one can be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evalengine.environments.registry import entries

NOT_MEASURED = "-"
FORWARD_HEADINGS = ("order of sums", "tanh", "logits and layers of networks")
_BEGIN, _END = "<!-- versions: begin -->", "<!-- versions: end -->"


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: which version it is about: "gymnasium 1.2.3".
        installed: everything that was compared with.
        cells: heading of a column -> what it says; columns that were never measured are missing.
        notes: of cells that say more than equal: "carracing: ...".
    """

    label: str
    installed: str
    cells: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def line(self, headings: Sequence[str]) -> str:
        """The row in Markdown."""
        cells = [self.cells.get(heading, NOT_MEASURED) for heading in headings]
        return f"| {' | '.join([self.label, *cells, self.installed])} |"

    def with_cells_of(self, other: Row) -> Row:
        """This row, and what an earlier one has of columns that this one lacks, if both were compared with the same."""
        if other.installed != self.installed:
            return self
        notes = [note for note in other.notes if note.partition(":")[0] not in self.cells]
        return replace(self, cells={**other.cells, **self.cells}, notes=(*self.notes, *notes))


def section_text(rows: Sequence[Row]) -> str:
    """Both tables, each with the notes of its rows."""
    environments = [row for row in rows if not row.label.startswith("torch ")]
    forward = [row for row in rows if row.label.startswith("torch ")]
    names = [entry.short_name for entry in entries()]
    tables = [_table(names, environments), _table(FORWARD_HEADINGS, forward)]
    return "\n" + "\n\n".join(table for table in tables if table) + "\n\n"


def _table(headings: Sequence[str], rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(['version', *headings, 'compared with'])} |", f"|{'---|' * (len(headings) + 2)}"]
    lines += [row.line(headings) for row in rows]
    notes = [f"- {row.label}, {note}" for row in rows for note in row.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def rows_of(text: str) -> Iterator[Row]:
    """The rows that a document has between the marks."""
    section = text.partition(_BEGIN)[2].partition(_END)[0]
    headings: list[str] = []
    for line in section.splitlines():
        if not line.startswith("| "):
            continue
        label, *middle, installed = (cell.strip() for cell in line.strip("| ").split(" | "))
        if label == "version":
            headings = middle
            continue
        notes = re.findall(rf"^- {re.escape(label)}, (.*)$", section, flags=re.MULTILINE)
        cells = {name: cell for name, cell in zip(headings, middle, strict=True) if cell != NOT_MEASURED}
        yield Row(label, installed, cells, tuple(notes))
