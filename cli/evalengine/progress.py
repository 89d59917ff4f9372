"""Progress of an evaluation on stderr: a bar on a terminal and in a notebook, a line a minute elsewhere.

    >>> evaluate("CartPole-v1", population, policy, progress=True)

rich is imported only by what needs it. Depends on errors, messages and streams.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import TypeAlias

from evalengine.messages import shown
from evalengine.streams import USUAL_WIDTH, note

LINE_SECONDS = 60.0
"""How often a long evaluation writes a line where stderr is no terminal."""

Progress: TypeAlias = Callable[[int, int], object]
"""Called with (done, in all), of episodes unless it is said otherwise."""


def check_progress(progress: object) -> None:
    """Refuse what is neither None, True, False nor a function.

    Raises:
        InputError: it cannot be called.
    """
    if progress is not None and not isinstance(progress, bool) and not callable(progress):
        # Here: a command's --help loads this module, and shall not load the extension.
        from evalengine.errors import InputError

        raise InputError(f"progress: expected True or a function of (done, total), got {shown(progress)}")


_UNREPORTED: AbstractContextManager[None] = nullcontext()


def reported(
    progress: Progress | bool | None, label: str = "evaluating", unit: str = "episodes"
) -> AbstractContextManager[Progress | None]:
    """Return what yields the function that a call reports to: a bar's for True, none for False and None."""
    if progress is None or progress is False:
        return _UNREPORTED  # one for all calls: a generator would take as long as 50 steps
    return progress_bar(label, unit) if progress is True else nullcontext(progress)


def is_drawn() -> bool:
    """Whether stderr can show a bar: it is a terminal's, or a notebook's."""
    return sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)


@contextmanager
def progress_bar(label: str, unit: str = "episodes") -> Iterator[Progress | None]:
    """Show how many are done, how many a second, and the time left on stderr while the block runs; yields the callback.

    A terminal or a notebook gets a bar, a file or a pipe a line a minute, as the log of a long run wants it. Without a
    stderr, None.

    Args:
        label: what is being done, such as "evaluating".
        unit: what is counted, in the plural.
    """
    if sys.stderr is None:
        yield None
        return
    if not is_drawn():
        yield _minute_lines(label, unit)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Rate(TextColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    console = Console(stderr=True)
    columns: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    if console.width >= USUAL_WIDTH:  # else rich would cut every column short
        columns = (TextColumn("{task.description}"), BarColumn(), *columns[:2], Rate(""), columns[2])
    # It is drawn where there is news, ten times a second: a thread that does so otherwise may not be had.
    with Bar(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(label, total=None)
        is_first = True

        def update(done: int, total: int) -> None:
            nonlocal is_first
            if is_first:  # what an earlier process has done says nothing about speed
                bar.reset(task, total=total, completed=done)
                is_first = False
            bar.update(task, completed=done, total=total, refresh=True)

        yield update


def _minute_lines(label: str, unit: str) -> Progress:
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
        note(f"{label}: {done:,} of {total:,} {unit}, {rate:,.1f} {unit}/s, {left} left")

    return update
