"""Progress on stderr while a command works: a bar on a terminal, a line a minute elsewhere.

rich is imported only by what needs it. Depends on streams.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from evalengine.streams import USUAL_WIDTH, note

LINE_SECONDS = 60.0
"""How often a long evaluation writes a line where stderr is no terminal."""


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
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(TextColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    console = Console(stderr=True)
    columns: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TextColumn("episodes"), TimeRemainingColumn())
    if console.width >= USUAL_WIDTH:  # else rich would cut every column short
        columns = (TextColumn("{task.description}"), BarColumn(), *columns[:2], Rate(""), columns[2])
    # It is drawn where there is news, ten times a second: a thread that does so otherwise may not be had.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(label, total=None)
        is_first = True

        def update(done: int, total: int) -> None:
            nonlocal is_first
            if is_first:  # what an earlier process has done says nothing about speed
                bar.reset(task, total=total, completed=done)
                is_first = False
            bar.update(task, completed=done, total=total, refresh=True)

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


@contextmanager
def round_progress(label: str) -> Iterator[tuple[Callable[[str], object], Callable[[int, int], object]]]:
    """Show how far a benchmark is on stderr while the block runs; yields what takes a line and what takes a count.

    On a terminal a bar of rows with the time left, which says the latest line; elsewhere the lines alone, one by one.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield note, lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows, left"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    latest = TextColumn("{task.description}", markup=False)
    # A round lasts for seconds: the speed is that of the last minutes.
    screen = Console(stderr=True)
    with Progress(
        *columns, latest, console=screen, transient=True, speed_estimate_period=300, auto_refresh=False
    ) as bar:
        task = bar.add_task(label, total=None)
        yield (
            lambda line: bar.update(task, description=line, refresh=True),
            lambda done, total: bar.update(task, completed=done, total=total, refresh=True),
        )
