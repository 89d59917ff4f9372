"""Worker processes for the baselines: fresh (spawned, not forked), warmed up one by one, and gone when the block ends.

Four things that `multiprocessing.Pool` leaves to its user are done here: Ctrl-C belongs to the parent alone (workers
would print tracebacks), SIGTERM to all of them leaves no lock behind that nobody lets go of, a worker that dies is an
error (Pool would wait for its answer forever), and where the parent is killed the workers end at once, not after the
task that they are at. Depends on lifetimes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from typing import Any, Self, TypeVar

from evalengine.errors import EvalEngineError
from evalengine.lifetimes import end_with_parent

Argument = TypeVar("Argument")
Result = TypeVar("Result")

START_TIMEOUT = 120.0
"""Seconds within which all workers must have imported PyTorch."""

LOCK_TIMEOUT = 5.0
"""Seconds after which a worker that holds a lock, while the pool is ended, is taken for dead."""

LIVENESS_INTERVAL = 0.5
"""Seconds between two looks at whether all workers are alive."""


class WorkerPool:
    """A pool of `processes` spawned workers, each of which has run `prepare(*arguments)` when the block is entered.

    `prepare` and every function given to `map` must be importable: top-level functions of a module.
    """

    def __init__(
        self, processes: int, prepare: Callable[..., object], *arguments: object, daemonic: bool = True
    ) -> None:
        """Remember what to start; nothing is started yet.

        Args:
            processes: how many workers.
            prepare: called once in each of them.
            arguments: of `prepare`.
            daemonic: False lets the workers start processes of their own, which end with them.
        """
        self._processes = processes
        self._daemonic = daemonic
        self._prepare = prepare
        self._arguments = arguments

    def __enter__(self) -> Self:
        """Start the workers and wait until each of them is prepared.

        Raises:
            EvalEngineError: a worker did not come up; what `prepare` raises comes through as it is.
        """
        context = multiprocessing.get_context("spawn") if self._daemonic else _ParentsContext()
        barrier = context.Barrier(self._processes)
        with _interrupt_ignored():
            self._pool = _PatientPool(self._processes, _adopt, (barrier,), context=context)
        try:
            # The barrier keeps a quick worker from being prepared twice and a slow one not at all.
            self._pids = set(
                self._pool.map(_call_and_meet, [(self._prepare, self._arguments)] * self._processes, chunksize=1)
            )
            if len(self._pids) != self._processes:
                raise EvalEngineError(f"workers: expected {self._processes} to start, got {len(self._pids)}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the workers at once."""
        self._pool.terminate()
        self._pool.join()

    def call_each(self, function: Callable[[Argument], object], argument: Argument) -> None:
        """Call `function(argument)` once in each worker; errors as in `map`."""
        self.map(_call_and_meet, [(function, (argument,))] * self._processes, chunksize=1)

    def map(
        self, function: Callable[[Argument], Result], arguments: Sequence[Argument], chunksize: int | None = None
    ) -> list[Result]:
        """`multiprocessing.Pool.map`, except that a worker's death is an error.

        Raises:
            EvalEngineError: a worker died; what `function` raises comes through as it is.
        """
        answer = self._pool.map_async(function, arguments, chunksize)
        while not answer.ready():
            answer.wait(LIVENESS_INTERVAL)
            if not answer.ready():
                self._check_liveness()
        return answer.get()

    def map_unordered(self, function: Callable[[Argument], Result], arguments: Iterable[Argument]) -> Iterator[Result]:
        """Yield each result as soon as it is there; errors as in `map`."""
        results = self._pool.imap_unordered(function, arguments)
        while True:
            try:
                yield results.next(timeout=LIVENESS_INTERVAL)
            except StopIteration:
                return
            except multiprocessing.TimeoutError as late:
                if late.__cause__ is not None:  # the function's own: it comes with the worker's traceback
                    raise
                self._check_liveness()

    def _check_liveness(self) -> None:
        alive = {process.pid for process in multiprocessing.active_children()}
        if not self._pids <= alive:
            raise EvalEngineError("workers: a worker process died (out of memory?)")


class _PatientPool(Pool):
    """A pool whose `terminate` ends, even if a worker was killed that held the lock to wait for its next call with.

    SIGTERM to a whole group (`timeout`, systemd) does that, and Pool would wait for the lock for ever.
    """

    @staticmethod
    def _help_stuff_finish(inqueue: Any, task_handler: threading.Thread, size: int) -> None:
        """Take the calls that nobody will run any more out of the queue, so that who puts them there can end."""
        # Whoever holds the lock lets go of it when the last message comes, within milliseconds, or is dead.
        inqueue._rlock.acquire(timeout=LOCK_TIMEOUT)
        while task_handler.is_alive() and inqueue._reader.poll():
            inqueue._reader.recv_bytes()


class _Worker:
    """What `_adopt` leaves in a worker process for the functions that run there."""

    barrier: Barrier


class _ParentProcess(SpawnProcess):
    """A worker that may have children: `Pool` makes its workers daemonic, and those must not."""

    @property
    def daemon(self) -> bool:
        """Never, whatever is assigned."""
        return False

    @daemon.setter
    def daemon(self, value: bool) -> None:
        pass

    def run(self) -> None:
        """Leave by way of Python's exit when terminated, which ends the (daemonic) children."""
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        try:
            super().run()
        finally:
            # A signal now would interrupt the exit, which is about to end the children.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _ParentsContext(SpawnContext):
    """Spawns processes that may have children."""

    Process = _ParentProcess


def _adopt(barrier: Barrier) -> None:
    """Pool's initializer. It must not fail: Pool would start another worker, and another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    _Worker.barrier = barrier


def _call_and_meet(call: tuple[Callable[..., object], tuple[Any, ...]]) -> int:
    """Call (function, arguments) in this worker, wait for the others to have done it, return the process id."""
    function, arguments = call
    try:
        function(*arguments)
    except BaseException:
        _Worker.barrier.abort()
        raise
    # If another worker broke the barrier, its exception is the one to report.
    with suppress(threading.BrokenBarrierError):
        _Worker.barrier.wait(START_TIMEOUT)
    return os.getpid()


@contextmanager
def _interrupt_ignored() -> Iterator[None]:
    """Ignore Ctrl-C meanwhile: an ignored signal stays ignored in the processes that are started here, from their first
    instruction on. (Only the main thread may do this, and only it receives Ctrl-C.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
