"""Measures that need a process of their own for every round: memory, what stays of it, and start-up.

a series' call ──► python -m evalengine.bench.probe ──► one line of JSON ──► Probed
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from evalengine.bench.backends import Task
from evalengine.bench.measures import Measure
from evalengine.errors import EvalEngineError
from evalengine.workloads.catalogue import Workload

_PATIENCE = 10.0
"""Seconds that a process is given to end its workers when it is interrupted."""


@dataclass(frozen=True)
class Probed:
    """What one fresh process found.

    Attributes:
        population: individuals of the call.
        steps: environment steps of all calls.
        seconds: of all calls; for start-up, from starting Python to its first fitness.
        fitness_checksum: as in a row.
        peak_rss_bytes: as in a row; None for start-up.
        rss_growth_bytes: as in a row; None for start-up.
        calls: how many there were.
    """

    population: int
    steps: int
    seconds: float
    fitness_checksum: str
    peak_rss_bytes: int | None = None
    rss_growth_bytes: int | None = None
    calls: int = 1


def probe(measure: Measure, backend: str, workload: Workload, task: Task, calls: int = 1) -> Probed:
    """Start a fresh Python, let it open `backend` for `task` and make one call of `workload`.

    Args:
        measure: one of `measures.FRESH`.
        backend: its name.
        workload: the call.
        task: what the backend is opened for.
        calls: how many calls `Measure.resident` makes, each with the next seeds.

    Raises:
        EvalEngineError: the process failed; the message is its last line.
    """
    asked = {
        "measure": str(measure),
        "backend": backend,
        "workload": asdict(workload),
        "task": asdict(task),
        "calls": calls,
    }
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "evalengine.bench.probe", json.dumps(asked)],
            stdin=subprocess.PIPE,  # Nothing is written: its end tells that process that this one is gone.
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which then ends that one.
        )
        assert process.stdin is not None and process.stdout is not None
        with process.stdin, process.stdout:
            try:
                line = process.stdout.readline()
                seconds = time.perf_counter() - start
                process.wait()
            except BaseException:
                _end(process)
                raise
        if process.returncode != 0 or not line:
            errors.seek(0)
            reason = next((text.strip() for text in reversed(errors.readlines()) if text.strip()), "it said nothing")
            raise EvalEngineError(f"{measure}: the process of {backend} failed: {reason}")
    return Probed(population=workload.population, **{"seconds": seconds, **json.loads(line)})


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt it, as Ctrl-C would, so that it ends its workers; kill it if it does not."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
