"""Programs that are told to end, or are killed: no process stays, and nothing half-written but what can be resumed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from marked_processes import MarkedProgram

from evalengine import Policy
from evalengine.clusters.workers import WorkerPool
from evalengine.lifetimes import Terminated, ending_in_order, own_handlers
from evalengine.terminal import app

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "weights"
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no Linux /proc here")
SIGNALS = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def default_handlers() -> Iterator[None]:
    """As a program starts, whatever runs the tests."""
    former = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


# In this process


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_unwinds_the_stack_as_an_interrupt_does(number: int) -> None:
    cleaned = []
    with pytest.raises(KeyboardInterrupt) as stopped, ending_in_order() as ending:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            cleaned.append(ending.exit_code)
    assert stopped.type is Terminated
    assert cleaned == [128 + number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_without_a_signal_nothing_changes() -> None:
    with ending_in_order() as ending:
        assert callable(signal.getsignal(signal.SIGTERM))
    assert ending.exit_code is None
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_DFL] * 2


def test_what_is_ignored_or_handled_stays_so() -> None:
    def handler(number: int, frame: object) -> None:
        pass

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    signal.signal(signal.SIGTERM, handler)
    with ending_in_order():
        assert [signal.getsignal(number) for number in SIGNALS] == [handler, signal.SIG_IGN]
    assert [signal.getsignal(number) for number in SIGNALS] == [handler, signal.SIG_IGN]


def test_other_threads_have_no_handlers() -> None:
    seen = []

    def run() -> None:
        with own_handlers(), ending_in_order() as ending:
            seen.append((ending.exit_code, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(None, signal.SIG_DFL)]


def test_a_librarys_handler_is_taken_back() -> None:
    with pytest.raises(OSError, match="no node"), own_handlers():
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        raise OSError("no node")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_command_line_exits_with_the_signals_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told_to_end(arguments: list[str]) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
        return app.OK

    monkeypatch.setattr(app, "_invoke", told_to_end)
    assert app.main(["envs"]) == 143
    assert capsys.readouterr().err == "terminated\n"

    def finished_what_it_could(arguments: list[str]) -> int:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        return app.INTERRUPTED

    monkeypatch.setattr(app, "_invoke", finished_what_it_could)
    assert app.main(["bench"]) == 143


# Workers


def raise_timeout(number: int) -> int:
    if number == 1:
        raise multiprocessing.TimeoutError("the function's")
    return number


def test_a_workers_own_timeout_is_not_taken_for_that_of_a_wait() -> None:
    with WorkerPool(1, int) as pool, pytest.raises(multiprocessing.TimeoutError, match="the function's"):
        list(pool.map_unordered(raise_timeout, [0, 1, 2]))


@needs_proc
def test_sigterm_to_a_program_and_its_idle_workers_ends_them_all() -> None:
    """As `timeout` and systemd send it. One of idle workers waits with the pool's lock in its hand."""
    code = (
        "import os, sys, time\n"
        "from evalengine.clusters.workers import WorkerPool\n"
        "from evalengine.lifetimes import ending_in_order\n"
        "if __name__ == '__main__':\n"
        "    with ending_in_order() as ending:\n"
        "        try:\n"
        "            with WorkerPool(2, time.sleep, 0.1) as pool:\n"
        "                print('idle', flush=True)\n"
        "                time.sleep(600)\n"
        "        except KeyboardInterrupt:\n"
        "            pass\n"
        "    sys.exit(ending.exit_code)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert program.stdout is not None and program.stdout.readline() == "idle\n"
        os.killpg(program.pid, signal.SIGTERM)
        assert program.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    ("measure", "backend", "processes"),
    [
        ("machines", "process-pool", 3),  # with the resource tracker of multiprocessing
        ("throughput", "multiprocessing", 4),
        ("throughput", "gymnasium-async", 9),  # a worker and eight sub-environments of its own
        ("memory", "multiprocessing", 5),  # within a process of its own
    ],
)
def test_no_process_of_bench_stays(measure: str, backend: str, processes: int, number: int) -> None:
    arguments = ("--measure", measure, "--backends", f"rust,{backend}", "--threads=2", "--rounds=1000", "--no-csv")
    with MarkedProgram("bench", "cartpole", *arguments) as program:
        program.wait_until(lambda: len(program.alive()) >= processes)
        status, _ = program.end(number)
    assert status == (143 if number == signal.SIGTERM else -signal.SIGKILL)


# Files


def test_a_video_that_was_begun_is_removed(tmp_path: Path) -> None:
    weights, video = str(EXAMPLES / "lunarlander.npy"), tmp_path / "out.mp4"
    with MarkedProgram("replay", weights, "--episodes", "1000", "--video", str(video)) as program:
        program.wait_until(lambda: any(path.stat().st_size for path in tmp_path.iterdir()))
        status, errors = program.end(signal.SIGTERM)
    assert status == 143 and errors.endswith("\nterminated\n") and "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", SIGNALS)
def test_rows_that_were_written_are_kept_and_resumed(number: int, tmp_path: Path) -> None:
    policy = Policy("mlp:4-8-2")
    policy.save(tmp_path / "w.npy", policy.init(20_000, seed=4), "cartpole")
    arguments = ("evaluate", str(tmp_path / "w.npy"), "--episodes", "100", "--threads", "1", "--out")
    out, part, journal = (tmp_path / f"out.csv{ending}" for ending in ("", ".part", ".part.journal"))
    with MarkedProgram(*arguments, str(out)) as program:
        program.wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 3)  # a block and another
        status, errors = program.end(number)
    assert status == 128 + number
    assert errors.splitlines()[-2].startswith("kept: ") and errors.endswith("\nterminated\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.csv.part",
        "out.csv.part.journal",
        "w.npy",
        "w.npy.json",
    ]
    kept = part.read_bytes()
    assert kept.endswith(b"\n") and kept.count(b"\n") > 1


def test_rounds_that_were_measured_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = ("--backends", "rust", "--rounds", "100000", "--seconds", "0.01", "--out", str(out))
    with MarkedProgram("bench", "cartpole", *arguments) as program:
        assert program.process.stderr is not None
        while "round" not in program.process.stderr.readline():
            assert program.process.poll() is None
        status, errors = program.end(signal.SIGTERM)
    assert status == 143
    assert "rows, kept in" in errors.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert np.genfromtxt(out, delimiter=",", names=True, dtype=None, encoding=None)["round"].max() >= 1
