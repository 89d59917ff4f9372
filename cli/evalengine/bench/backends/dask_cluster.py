"""`dask`: `evaluate_on` a Dask `LocalCluster`, a process per thread, one thread each."""

from __future__ import annotations

from contextlib import ExitStack

from evalengine.bench.backends import Task, every_episode, no_note, require_packages, versions
from evalengine.bench.backends.cluster import Cluster, Evaluate, on_executor

note = no_note
same_episodes = every_episode


def version() -> str:
    """Versions of what is measured."""
    return versions("evalengine", "distributed")


def open_backend(task: Task) -> Cluster:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: distributed is not installed.
    """
    require_packages("dask", "distributed")
    return Cluster(task, _start)


def _start(task: Task, running: ExitStack) -> Evaluate:
    """Start a scheduler and workers of this machine, which talk by TCP."""
    from distributed import Client, LocalCluster

    cluster = running.enter_context(
        LocalCluster(n_workers=task.threads, threads_per_worker=1, processes=True, dashboard_address=None)
    )
    client = running.enter_context(Client(cluster))
    # pure: Dask answers what it knows without work, and every call of a round is the same.
    return on_executor(client.get_executor(pure=False), task)
