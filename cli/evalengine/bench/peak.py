"""The physical limit: float32 multiply-adds per second that the cores do when nothing else is asked of them.

The extension runs chains of multiply-adds in registers (`rust/lane-math/src/peak.rs`), enough of them to keep every
unit busy; here they run on as many threads as the engine would have, and the time is taken.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping

from evalengine import _engine
from evalengine.bench.backends import backend_version
from evalengine.bench.measures import Measure
from evalengine.bench.plan import thread_counts
from evalengine.bench.schema import SCHEMA_VERSION, BenchRow
from evalengine.bench.session import Progress
from evalengine.errors import EvalEngineError

STEPS = 1_000_000
"""Steps of one call of the extension: about 2 ms, so that a call costs nothing."""


def peak_rows(
    most: int, round_count: int, round_seconds: float, provenance: Mapping[str, str | int], report: Progress
) -> Iterator[BenchRow]:
    """The peak with one thread, two, four, ... and `most`, by turns; each round as soon as it has ended.

    Steps of such a row are steps of the chains, and `macs` the multiply-adds of one: multiplied as for a policy.
    """
    macs = _engine.multiply_adds(1)
    _multiply_adds(most, 0.1)
    for number in range(1, round_count + 1):
        for threads in thread_counts(most):
            done, seconds = _multiply_adds(threads, round_seconds)
            row = BenchRow(
                schema_version=SCHEMA_VERSION,
                measure=str(Measure.peak),
                env="",
                workload="",
                policy="",
                backend="rust",
                backend_version=backend_version("rust"),
                note="multiply-adds in registers, no environment",
                round=number,
                population=0,
                episodes=0,
                threads=threads,
                seed=0,
                calls=1,
                steps=done // macs,
                seconds=seconds,
                macs=macs,
                peak_rss_bytes=None,
                rss_growth_bytes=None,
                fitness_checksum="",
                **provenance,  # type: ignore[arg-type]  # its keys are the remaining fields; a test holds it
            )
            yield row  # first: what is reported has been kept
            report(f"peak: round {number}/{round_count}: threads {threads}: {row.macs_per_s / 1e9:,.1f} GMAC/s")


def _multiply_adds(threads: int, seconds: float) -> tuple[int, float]:
    """Multiply-adds that `threads` threads did together, and in how many seconds."""
    done = [0] * threads
    starts, ends = [0.0] * threads, [0.0] * threads
    gate = threading.Barrier(threads)

    def work(index: int) -> None:
        try:
            gate.wait()
        except threading.BrokenBarrierError:
            return  # another thread could not be started
        starts[index] = time.perf_counter()
        while (now := time.perf_counter()) < starts[index] + seconds:
            done[index] += _engine.multiply_adds(STEPS)
        ends[index] = now

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    started = 0
    try:
        for worker in workers:
            worker.start()
            started += 1
    except RuntimeError:
        gate.abort()  # the others would wait for it for ever
        raise EvalEngineError(f"peak: expected {threads} threads to start, got {started}") from None
    finally:
        for worker in workers[:started]:
            worker.join()
    return sum(done), max(ends) - min(starts)
