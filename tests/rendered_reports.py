"""Reports as plain text, whole, as a wide terminal shows them; for tests."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def rendered(report: list[RenderableType]) -> str:
    """The text of all tables and lines, without colours."""
    stream = io.StringIO()
    console = Console(file=stream, width=1000, markup=False)
    for renderable in report:
        console.print(renderable)
    return stream.getvalue()


def lines_of(report: list[RenderableType]) -> list[list[str]]:
    """The words of each line that is not blank."""
    return [line.split() for line in rendered(report).splitlines() if line.strip()]
