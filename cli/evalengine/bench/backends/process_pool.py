"""`process-pool`: `evaluate_on` a `concurrent.futures.ProcessPoolExecutor`, a process per thread, one thread each."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from evalengine.bench.backends import Task, every_episode, no_note
from evalengine.bench.backends.cluster import Cluster, Evaluate, on_executor
from evalengine.bench.backends.rust import version
from evalengine.lifetimes import end_with_parent

__all__ = ["note", "open_backend", "same_episodes", "version"]

note = no_note
same_episodes = every_episode


def open_backend(task: Task) -> Cluster:
    """The backend for `task`, not yet entered."""
    return Cluster(task, _start)


def _start(task: Task, running: ExitStack) -> Evaluate:
    """Make the pool; it spawns its processes with the first call, which warms up, and sends them weights by pipes."""
    # Without the initializer its workers would wait for ever for one that was killed.
    executor = ProcessPoolExecutor(task.threads, multiprocessing.get_context("spawn"), end_with_parent)
    running.callback(executor.shutdown, cancel_futures=True)
    return on_executor(executor, task)
