"""The command line's two streams: results on stdout, progress and errors on stderr.

Everything that a command prints goes through here, so that a closed pipe, a full disk and a missing stream are dealt
with once. rich is imported only by what needs it. Depends on `errors` only.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

TRACEBACK_VARIABLE = "EVALENGINE_TRACEBACK"
"""Environment variable that, set to 1, prints the traceback before the one line of an error."""

LINE_SECONDS = 60.0
"""How often a long evaluation writes a line where stderr is no terminal."""

# Wider than any table or line.
_UNLIMITED = 10_000


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
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        raise _output_error(error.strerror or str(error)) from None


def write_renderables(renderables: Sequence[RenderableType]) -> None:
    """Write rich tables and lines to stdout: coloured on a terminal, plain in a pipe, never with a number cut short."""
    from rich.console import Console

    # A file's name is text, whatever brackets and colons it holds.
    console = Console(markup=False, highlight=False, emoji=False)
    unlimited = console.options.update(max_width=_UNLIMITED)
    tables = [renderable for renderable in renderables if not isinstance(renderable, str)]
    console.width = max(
        console.width if console.is_terminal else _UNLIMITED,
        *(console.measure(table, options=unlimited).maximum for table in tables),
    )
    with console.capture() as captured:
        for renderable in renderables:
            console.print(renderable)
    write_result("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def write_json(document: dict[str, object]) -> None:
    """Write one JSON document to stdout; numbers that JSON lacks (NaN, infinities) are null."""
    write_result(json.dumps(_without_non_finite(document), allow_nan=False))


def note(line: str) -> None:
    """Write one line of progress to stderr."""
    _to_stderr(line)


def report_error(error: BaseException, message: str) -> None:
    """Write "error: message" to stderr, after the traceback where EVALENGINE_TRACEBACK=1 asks for it."""
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
        _to_stderr("".join(traceback.format_exception(error)).rstrip("\n"))
    _to_stderr(f"error: {message}")


@contextmanager
def episode_progress(label: str) -> Iterator[Callable[[int, int], object] | None]:
    """Show episodes, episodes per second and the time left on stderr while the block runs; yields the callback.

    A terminal gets a bar, a file or a pipe a line a minute, as the log of a long run wants it. Without a stderr, None.
    """
    if sys.stderr is None:
        yield None
        return
    if not sys.stderr.isatty():
        yield _minute_lines(label)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(TextColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("episodes"), Rate(""))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        is_first = True

        def update(done: int, total: int) -> None:
            nonlocal is_first
            if is_first:  # what an earlier process has done says nothing about speed
                bar.reset(task, total=total, completed=done)
                is_first = False
            bar.update(task, completed=done, total=total)

        yield update


def _minute_lines(label: str) -> Callable[[int, int], None]:
    """Return a progress callback that writes a line to stderr every minute, the first one after a minute."""
    begun = last = time.monotonic()
    first: int | None = None

    def update(done: int, total: int) -> None:
        nonlocal first, last
        first = done if first is None else first
        now = time.monotonic()
        if now - last < LINE_SECONDS or done <= first:
            return
        last = now
        rate = (done - first) / (now - begun)
        left = timedelta(seconds=round((total - done) / rate))
        note(f"{label}: {done:,} of {total:,} episodes, {rate:,.1f} episodes/s, {left} left")

    return update


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
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)  # Nowhere left to say so.
