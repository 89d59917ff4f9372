"""Progress of a benchmark on stderr: a bar on a terminal, its lines elsewhere.

rich is imported only by what needs it. Depends on streams.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from evalengine.streams import note


@contextmanager
def round_progress(
    label: str,
) -> Iterator[tuple[Callable[[str], object], Callable[[str], object], Callable[[int, int], object]]]:
    """Show how far a benchmark is on stderr while the block runs.

    Yields what takes the line of a round, what takes one on what is under way, and what takes a count. On a terminal
    there is a bar of rows with the time left, which says the latest line; elsewhere the lines of rounds alone.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield note, lambda line: None, lambda done, total: None
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
            lambda line: bar.update(task, description=line, refresh=True),
            lambda done, total: bar.update(task, completed=done, total=total, refresh=True),
        )
