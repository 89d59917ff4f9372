"""The tables of versions in parity/PARITY.md: rows to Markdown, and back to rows, so that one can be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalengine.environments.registry import entries

FORWARD_HEADINGS = ("order of sums", "tanh", "logits and layers of networks")
_BEGIN, _END = "<!-- versions: begin -->", "<!-- versions: end -->"


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: which version it is about: "gymnasium 1.2.3".
        installed: everything that was compared with.
        cells: one for each column.
        notes: of cells that say more than equal: "carracing: ...".
    """

    label: str
    installed: str
    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def line(self) -> str:
        """The row in Markdown."""
        return f"| {' | '.join([self.label, *self.cells, self.installed])} |"


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
    lines += [row.line() for row in rows]
    notes = [f"- {row.label}, {note}" for row in rows for note in row.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def rows_of(text: str) -> Iterator[Row]:
    """The rows that a document has between the marks."""
    section = text.partition(_BEGIN)[2].partition(_END)[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if line.startswith("| ") and re.search(r"\d", cells[0]):
            label, *middle, installed = cells
            notes = re.findall(rf"^- {re.escape(label)}, (.*)$", section, flags=re.MULTILINE)
            yield Row(label, installed, tuple(middle), tuple(notes))
