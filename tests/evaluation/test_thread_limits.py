"""A system that starts no threads, or few (ulimit -u, pids.max): the same results, with those that there are."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

import pytest

from evalengine import EvalEngineError
from evalengine.bench import peak
from evalengine.progress import progress_bar
from evalengine.terminal.progress import round_progress

SCRIPT = """
import os
import resource
import sys
import threading

import evalengine

ALLOWED, UID = int(sys.argv[1]), int(sys.argv[2])
policy = evalengine.Policy("mlp:4-8-2")
population = policy.init(64, seed=0)


def returns(threads):
    return evalengine.evaluate("cartpole", population, policy, episodes=4, threads=threads).returns.tobytes()


expected = returns(1)
go, meeting, found = threading.Event(), threading.Barrier(2), []


def call_at_once():
    meeting.wait()
    found.extend(returns(8) for _ in range(20))


def wait_and_call():
    go.wait()
    call_at_once()


# Before there is a limit: this one is a thread, too.
other = threading.Thread(target=wait_and_call)
other.start()
if os.geteuid() == 0:  # for whom there is no limit
    os.setgroups([])
    os.setuid(UID)
running = len(os.listdir("/proc/self/task"))
resource.setrlimit(resource.RLIMIT_NPROC, (running + ALLOWED,) * 2)
probes = [threading.Thread(target=go.wait) for _ in range(ALLOWED + 1)]
started = 0
try:
    for probe in probes:
        probe.start()
        started += 1
except RuntimeError:
    pass
alone = returns(8)  # where not one more can be started
go.set()
for probe in probes[:started]:
    probe.join()
call_at_once()
other.join()
assert started == ALLOWED or started > ALLOWED, started
assert alone == expected and found == [expected] * 40
print("unlimited" if started > ALLOWED else "limited")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_calls_go_on_with_the_threads_that_start(allowed: int) -> None:
    # A user that no other process has, since the limit counts all of them.
    uid = 910_000 + allowed
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(allowed), str(uid)], capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    if finished.stdout == "unlimited\n":
        pytest.skip("this system does not keep the limit")
    assert (finished.stdout, finished.stderr) == ("limited\n", "")


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that starts one of Python's threads, and then none."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def start_once(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_once)


@pytest.mark.usefixtures("one_thread")
def test_the_peak_of_threads_that_do_not_start_is_not_waited_for() -> None:
    with pytest.raises(EvalEngineError, match=r"^peak: expected 3 threads to start, got 1$"):
        peak._multiply_adds(3, 0.01)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_progress_bar_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    terminal = Terminal()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("evaluating") as progress:
        assert progress is not None
        progress(3, 8)
    with round_progress("starting") as (line, _, count):
        line("round 1")
        count(1, 9)
    assert "3/8" in terminal.getvalue() and "1/9" in terminal.getvalue() and "round 1" in terminal.getvalue()
