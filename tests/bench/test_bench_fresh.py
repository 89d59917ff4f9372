"""Memory and start-up: fresh processes, what they report, and what is watched meanwhile."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import evaluate
from evalengine.bench import probe as probing
from evalengine.bench import resident
from evalengine.bench.backends import Evaluated, Task
from evalengine.bench.fresh import probe
from evalengine.bench.measures import Measure
from evalengine.bench.resident import Resident, descendants
from evalengine.bench.timing import fitness_checksum
from evalengine.environments.registry import resolve
from evalengine.errors import EvalEngineError, UnsupportedError
from evalengine.terminal.bench.run import BenchConfig, run
from evalengine.workloads import catalogue as workloads

CALL = replace(workloads.workload("random", resolve("cartpole")), population=40, episodes=2)
TASK = Task(CALL.env_id, CALL.policy, threads=2)
MEGABYTE = 1_000_000
needs_proc = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="no Linux /proc here")


def test_a_first_call_in_a_fresh_process_is_the_engines() -> None:
    direct = evaluate(CALL.env_id, CALL.weights(), CALL.policy, seeds=CALL.seeds())
    probed = probe(Measure.startup, "rust", CALL, TASK)
    assert (probed.population, probed.steps, probed.calls) == (40, direct.steps, 1)
    assert probed.fitness_checksum == fitness_checksum(Evaluated(direct.returns, direct.lengths))
    assert (probed.peak_rss_bytes, probed.rss_growth_bytes) == (None, None)


def test_start_up_lasts_from_before_python_is_started_until_its_answer_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that counts: the process is started between its two readings, and awaited after the second."""
    happened: list[str] = []
    popen = subprocess.Popen

    class Watched(popen):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: object, **options: object) -> None:
            happened.append("started")
            super().__init__(*arguments, **options)

        def wait(self, timeout: float | None = None) -> int:
            happened.append("waited")
            return int(super().wait(timeout))

    def clock() -> float:
        happened.append("clock")
        return 100.0 * happened.count("clock")

    monkeypatch.setattr(subprocess, "Popen", Watched)
    monkeypatch.setattr(time, "perf_counter", clock)
    probed = probe(Measure.startup, "rust", CALL, TASK)
    assert happened[:4] == ["clock", "started", "clock", "waited"]
    assert probed.seconds == 100.0


@needs_proc
@pytest.mark.parametrize(("backend", "processes"), [("rust", 1), ("multiprocessing", 3)])
def test_memory_is_of_all_processes(backend: str, processes: int) -> None:
    probed = probe(Measure.memory, backend, CALL, TASK)
    direct = evaluate(CALL.env_id, CALL.weights(), CALL.policy, seeds=CALL.seeds())
    assert probed.steps == direct.steps
    assert probed.peak_rss_bytes is not None and probed.rss_growth_bytes is not None
    # No process that has imported numpy is smaller than this.
    assert probed.peak_rss_bytes > processes * 15 * MEGABYTE
    assert 0 <= probed.rss_growth_bytes < probed.peak_rss_bytes


def test_a_process_that_fails_is_one_line() -> None:
    with pytest.raises(EvalEngineError, match=r"^startup: the process of envpol failed: .*got 'envpol'$"):
        probe(Measure.startup, "envpol", CALL, TASK)


def test_an_interrupt_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []
    popen = subprocess.Popen

    def interrupted_clock() -> float:
        if started:
            raise KeyboardInterrupt
        return 0.0

    def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
        started.append(popen(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(time, "perf_counter", interrupted_clock)
    with pytest.raises(KeyboardInterrupt):
        probe(Measure.startup, "rust", CALL, TASK)
    assert started[0].poll() is not None


@needs_proc
@pytest.mark.parametrize("measure", ["memory", "startup"])
def test_rows_of_fresh_processes(measure: str) -> None:
    config = BenchConfig("cartpole", Measure(measure), backends=("rust",), rounds=2, threads=1, csv=False)
    result = run(replace(config, population=50 if measure == "memory" else None))
    assert [(row.measure, row.workload, row.round, row.calls) for row in result.rows] == [
        (measure, "random", 1, 1),
        (measure, "random", 2, 1),
    ]
    assert result.ok and result.planned == 2
    assert {row.population for row in result.rows} == {50 if measure == "memory" else 1}
    assert all((row.peak_rss_bytes is not None) == (measure == "memory") for row in result.rows)


@needs_proc
def test_many_calls_in_a_fresh_process_play_other_seeds_each_time() -> None:
    probed = probe(Measure.resident, "rust", CALL, replace(TASK, max_episode_steps=7), calls=5)
    direct = [
        evaluate(CALL.env_id, CALL.weights(), CALL.policy, seeds=[2 * call, 2 * call + 1], max_episode_steps=7)
        for call in range(5)
    ]
    assert (probed.population, probed.calls) == (40, 5)
    assert probed.steps == sum(evaluation.steps for evaluation in direct)
    assert probed.fitness_checksum == fitness_checksum(Evaluated(direct[-1].returns, direct[-1].lengths))
    assert probed.peak_rss_bytes is not None and probed.peak_rss_bytes > 15 * MEGABYTE
    assert probed.rss_growth_bytes is not None and 0 <= probed.rss_growth_bytes < probed.peak_rss_bytes


class Leaking:
    """The engine's answer, and bytes that stay."""

    def __init__(self, leaks: list[int]) -> None:
        self.leaks, self.kept = leaks, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        self.kept += self.leaks.pop(0)
        return Evaluated(np.ones((len(weights), len(seeds))), np.ones((len(weights), len(seeds)), np.int64))


@pytest.mark.parametrize(
    ("leaks", "grown"),
    [
        ([5, 0, 0, 0, 0, 0], 0),
        ([5, 7, -3, 3, -3, 3], 0),  # up and down
        ([1, 1, 1, 1, 1, 1], 3),  # what half of the calls leak
        ([9, 0, -4, 0, 0, 0], 0),
        ([9], 0),
    ],
)
def test_growth_is_what_the_second_half_of_the_calls_adds(
    leaks: list[int], grown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Leaking(list(leaks))
    monkeypatch.setattr(probing, "resident_bytes", lambda: 1000 + backend.kept)
    answer = probing._many_calls(backend, CALL, len(leaks))
    assert (answer["rss_growth_bytes"], answer["calls"], answer["steps"]) == (grown, len(leaks), 80 * len(leaks))
    assert answer["peak_rss_bytes"] == 1000 + max(sum(leaks[: end + 1]) for end in range(len(leaks)))


@needs_proc
def test_rows_of_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalengine.bench.plan.RESETS", (3, 4, 5))
    monkeypatch.setattr("evalengine.bench.plan.MANY_CALLS", (1, 1, 6))
    result = run(BenchConfig("cartpole", Measure.resident, rounds=2, threads=1, csv=False))
    assert [(row.backend, row.population, row.episodes, row.calls, row.steps) for row in result.rows] == [
        ("rust", 3, 4, 5, 60),
        ("rust", 3, 4, 5, 60),
        ("rust", 1, 1, 6, 6),
        ("rust", 1, 1, 6, 6),
    ]
    assert {row.note for row in result.rows} == {"episodes end after 1 step"}
    assert result.ok and all(row.rss_growth_bytes is not None for row in result.rows)


# --- /proc


def test_a_system_that_does_not_tell_the_resident_memory_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resident, "_PROC", tmp_path)
    with pytest.raises(UnsupportedError, match=r"^resident: expected Linux with /proc/PID/status, got none$"):
        resident.resident_bytes()


@needs_proc
def test_a_peak_counts_from_the_beginning_and_outlives_what_made_it() -> None:
    held_for_a_moment(40 * MEGABYTE)  # a peak that is over when the watch begins
    watch = Resident.of_this_process_and_its_children()
    quiet = watch.peak_bytes() - watch.bytes_before
    held_for_a_moment(100 * MEGABYTE)
    grown = watch.peak_bytes() - watch.bytes_before
    assert quiet < 20 * MEGABYTE
    # Linux counts resident pages per thread and adds them up in batches (proc(5): VmHWM is not precise).
    assert 98 * MEGABYTE <= grown < 130 * MEGABYTE


def held_for_a_moment(size: int) -> None:
    """Pages of their own, from the system and back to it: an array may get memory that this process holds already."""
    with mmap.mmap(-1, size) as pages:
        for first in range(0, size, mmap.PAGESIZE):
            pages[first] = 1


@needs_proc
def test_children_and_theirs_are_found() -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "input()\n"
        "child.communicate(b'\\n')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    grandchild = int(parent.stdout.readline())
    assert {parent.pid, grandchild} <= set(descendants(os.getpid()))
    parent.communicate("\n")
    assert not {parent.pid, grandchild} & set(descendants(os.getpid()))


def test_a_system_without_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / str(os.getpid()) / "task").mkdir(parents=True)
    monkeypatch.setattr(resident, "_PROC", tmp_path / "nothing")
    monkeypatch.setattr(resident, "descendants", lambda process: [])
    with pytest.raises(UnsupportedError, match=r"^memory: expected Linux with /proc/PID/clear_refs, got No such file"):
        Resident.of_this_process_and_its_children()
