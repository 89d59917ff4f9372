"""A program's two streams: results on stdout, progress and errors on stderr.

Everything that a command prints goes through here, so that a closed pipe, a full disk and a missing stream are dealt
with once. Whatever a file is called, its name does not speak to the terminal. rich is imported only by what needs it.
Depends on `errors` and `messages`.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from evalengine.messages import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

TRACEBACK_VARIABLE = "EVALENGINE_TRACEBACK"
"""Environment variable that, set to 1, prints the traceback before the one line of an error."""

# Wider than any table or line.
_UNLIMITED = 10_000
USUAL_WIDTH = 80


def write_result(text: str) -> None:
    """Write `text` and a newline to stdout, all of it, now.

    A reader that has seen enough (`| head -1`) is no error: what is left is dropped.

    Raises:
        OutputError: stdout is closed, or the disk behind it is full.
    """
    if sys.stdout is None:
        raise _output_error("it is closed")
    encoding = sys.stdout.encoding or "utf-8"
    printable = text.encode(encoding, "backslashreplace").decode(encoding)  # a file's name can be any bytes
    try:
        sys.stdout.write(printable + "\n")
        sys.stdout.flush()
    except OSError as error:
        _refused(error)


def write_renderables(renderables: Sequence[RenderableType]) -> None:
    """Write rich tables and lines to stdout: coloured on a terminal, plain in a pipe, never with a number cut short.

    A table that is wider than the terminal is written as records, a line for each cell; a pipe has no width.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A file's name is text, whatever brackets and colons it holds.
    console = Console(markup=False, highlight=False, emoji=False)
    console.width = output_width()
    try:
        with console.capture() as captured:
            for renderable in renderables:
                if isinstance(renderable, Table) and _least_width(renderable, console) > console.width:
                    for line in _records(renderable):
                        console.print(line, soft_wrap=True)
                elif isinstance(renderable, Table) and renderable.title is not None:
                    # rich would break a title within a word where the table below it is narrower.
                    console.print(Text(str(renderable.title), style=renderable.title_style or ""))
                    renderable.title, title = None, renderable.title
                    console.print(renderable)
                    renderable.title = title
                else:
                    # rich writes its own escape sequences; a text has none.
                    console.print(printable(renderable, keep="\n") if isinstance(renderable, str) else renderable)
    except OSError as error:  # rich writes an empty text to stdout when it has captured the others
        _refused(error)
        return
    write_result("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def output_width() -> int:
    """Return how many columns stdout has: a terminal's, or more than any table needs."""
    if sys.stdout is None or not sys.stdout.isatty():  # not Console.is_terminal: FORCE_COLOR makes no terminal
        return _UNLIMITED
    from rich.console import Console

    return Console().width or USUAL_WIDTH  # a terminal that does not know its width says 0


def _least_width(table: Table, console: Console) -> int:
    """Return how wide a table is at least: columns that do not wrap are not cut short either, as rich would."""
    from rich.cells import cell_len

    for column in table.columns:
        if column.no_wrap:
            column.min_width = max(cell_len(str(text)) for text in (column.header, *column.cells))
    return console.measure(table, options=console.options.update(max_width=_UNLIMITED)).minimum


def _records(table: Table) -> Iterator[Text]:
    """Yield the lines of a table that is too wide: its title, each row as "heading  cell" lines, its caption."""
    from rich.text import Text

    headings = [str(column.header) for column in table.columns]
    width = max(len(heading) for heading in headings)
    if table.title is not None:
        yield Text(str(table.title), style=table.title_style or "")
        yield Text("")
    for row, cells in zip(table.rows, zip(*(column.cells for column in table.columns), strict=True), strict=True):
        lines = [f"{heading:<{width}}  {cell}" for heading, cell in zip(headings, cells, strict=True) if str(cell)]
        if width:
            yield from (Text(line, style=row.style or "") for line in (*lines, ""))
        else:  # a table without headings: its first column holds them
            yield Text(": ".join(str(cell) for cell in cells), style=row.style or "")
    if table.caption is not None:
        yield Text(str(table.caption))


def plain_table(title: str) -> Table:
    """Return a table without columns, in the style of all of them."""
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def write_json(document: Mapping[str, object] | Sequence[Mapping[str, object]]) -> None:
    """Write one JSON document to stdout, an object or a list of them; NaN and infinities, which it lacks, are null."""
    write_result(json.dumps(_without_non_finite(document), allow_nan=False))


def note(line: str) -> None:
    """Write one line of progress to stderr."""
    _to_stderr(line)


def report_error(error: BaseException, message: str) -> None:
    """Write "error: message" to stderr, after the traceback where EVALENGINE_TRACEBACK=1 asks for it.

    Notes follow, lines that point at a character of a spec.
    """
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
        _to_stderr("".join(traceback.format_exception(error)).rstrip("\n"))
    _to_stderr("\n".join([f"error: {message}", *_pointing_notes(error)]))


def _pointing_notes(error: BaseException) -> list[str]:
    """Return the notes of an error about an argument, which are this package's own."""
    return list(getattr(error, "__notes__", [])) if type(error).__name__ == "InputError" else []


def _refused(error: OSError) -> None:
    """Drop what is left for stdout: in silence where its reader has left, else with an error."""
    _discard(sys.stdout)
    if not isinstance(error, BrokenPipeError):
        raise _output_error(error.strerror or str(error)) from None


def _discard(stream: TextIO) -> None:
    """Point a stream that cannot be written to at the null device, so that the flush at exit cannot fail again."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return  # No file behind it (a test's buffer): nothing is flushed at exit.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def _without_non_finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_non_finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_non_finite(item) for item in value]
    return value


def _output_error(reason: str) -> Exception:
    from evalengine.errors import OutputError  # loads the extension, which a --help has no need of

    return OutputError(f"output: cannot write the result to stdout: {reason}")


def _to_stderr(text: str) -> None:
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(printable(text, keep="\n\t") + "\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)  # Nowhere left to say so.


def counted(number: int, noun: str) -> str:
    """Return a number and its noun: "1 round", "2,000 rounds"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
