"""Runs `evalengine evaluate --out` again and again in processes that die with SIGKILL at chosen moments.

    python killed_runs.py WEIGHTS FOLDER SEED RUNS ──► one line of JSON per run, for test_journaled.py

A moment is counted in what a run has done, not in time: the n-th byte that it writes to its two files, so that a line
can be torn anywhere, or the n-th time that it syncs, cuts, opens, renames or removes a file. Every process is forked
from this one, which has imported everything and evaluated nothing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import rich.table

from evalengine import streams
from evalengine.evaluation.provenance import provenance
from evalengine.files import journal
from evalengine.terminal import app
from evalengine.terminal.evaluate import journaled
from evalengine.terminal.evaluate import run as evaluate

EPISODES = 3

# Every process needs them, and would import them itself.
PRELOADED = (pd, rich.table)


class Fate:
    """Counts bytes and operations, and kills the process once one of them has run out; None never does."""

    def __init__(self, most_bytes: int | None, most_operations: int | None) -> None:
        self.bytes_left = most_bytes
        self.operations_left = most_operations

    def operation(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            if self.operations_left is not None:
                if self.operations_left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.operations_left -= 1
            return function(*arguments, **options)

        return counted

    def write(self, stream: Any, content: bytes) -> None:
        if self.bytes_left is not None and len(content) > self.bytes_left:
            stream.write(content[: self.bytes_left])
            stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        stream.write(content)
        if self.bytes_left is not None:
            self.bytes_left -= len(content)


class Mortal:
    """A file that kills the process in the middle of a write."""

    def __init__(self, stream: Any, fate: Fate) -> None:
        self._stream = stream
        self._fate = fate
        self.truncate = fate.operation(stream.truncate)

    def write(self, content: bytes) -> None:
        self._fate.write(self._stream, content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def run(weights: Path, out: Path, started_at: str, fate: Fate, piece_seconds: float) -> int | None:
    """Evaluate in a process of its own; the exit code, or None if it was killed."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    vars(evaluate)["provenance"] = lambda now: provenance(now) | {"started_at": started_at}
    journaled.FIRST_EPISODES = 2 * EPISODES
    journaled._PIECE_SECONDS = piece_seconds
    opened = journal._open_for_update
    journal._open_for_update = lambda path: Mortal(opened(path), fate)  # type: ignore[assignment, return-value]
    # Only a power cut needs the disk to be told, and thousands of times would take minutes; the moments stay.
    os.fsync = lambda descriptor: None  # type: ignore[assignment]
    for name in ("fsync", "replace", "unlink", "open"):
        setattr(os, name, fate.operation(getattr(os, name)))
    streams.write_result = lambda text: None
    os._exit(app.main(["evaluate", str(weights), "--episodes", str(EPISODES), "--out", str(out), "--on-nan", "-1"]))


def main(weights: Path, folder: Path, seed: int, runs: int) -> None:
    """Print, for each run, the exit codes of its processes and when the process began whose rows are in the CSV."""
    chance = random.Random(seed)
    provenance(datetime.now(UTC))  # asks git, once for all processes
    assert run(weights, folder / "whole.csv", "whole", Fate(None, None), 0.0) == 0
    size = (folder / "whole.csv").stat().st_size
    for number in range(runs):
        out = folder / f"{number}.csv"
        codes: list[int | None] = []
        while codes[-1:] != [0]:
            fate = Fate(None, None)
            if len(codes) < 4:
                is_torn = chance.random() < 0.5
                fate = Fate(chance.randrange(size // 2), None) if is_torn else Fate(None, chance.randrange(36))
            code = run(weights, out, f"process {len(codes)}", fate, chance.choice([0.0, 0.0, 0.0, 1e-3, 1.0]))
            codes.append(code)
            if code not in (0, None):
                break
        print(json.dumps({"out": str(out), "codes": codes}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
