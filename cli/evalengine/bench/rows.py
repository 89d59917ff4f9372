"""From what was timed to the CSV's line."""

from __future__ import annotations

from collections.abc import Mapping

from evalengine.bench.backends import Task, backend_note, backend_version
from evalengine.bench.fresh import Probed
from evalengine.bench.plan import Series
from evalengine.bench.schema import SCHEMA_VERSION, BenchRow
from evalengine.bench.timing import Round
from evalengine.policies.graph_form import is_spelling
from evalengine.policies.policy import Policy
from evalengine.workloads.graphs import CONNECTIONS


def row_of(
    series: Series, backend: str, task: Task, number: int, finished: Round | Probed, provenance: Mapping[str, str | int]
) -> BenchRow:
    """The CSV's line of one round.

    Args:
        series: what was measured.
        backend: the backend's name.
        task: what it was opened for.
        number: the round, from 1.
        finished: what was timed.
        provenance: the columns of `provenance.provenance`.
    """
    workload = series.workload
    return BenchRow(
        schema_version=SCHEMA_VERSION,
        measure=str(series.measure),
        env=workload.env_id,
        workload=workload.name,
        policy=workload.policy,
        backend=backend,
        backend_version=backend_version(backend),
        note=_note(backend, task),
        round=number,
        population=finished.population,
        episodes=workload.episodes,
        threads=task.threads,
        seed=workload.seed,
        calls=finished.calls,
        steps=finished.steps,
        seconds=finished.seconds,
        macs=CONNECTIONS if is_spelling(workload.policy) else Policy(workload.policy).network.macs,
        peak_rss_bytes=finished.peak_rss_bytes if isinstance(finished, Probed) else None,
        rss_growth_bytes=finished.rss_growth_bytes if isinstance(finished, Probed) else None,
        fitness_checksum=finished.fitness_checksum,
        **provenance,  # type: ignore[arg-type]  # its keys are the remaining fields; a test holds it
    )


def _note(backend: str, task: Task) -> str:
    """What the backend says of its episodes, and where they end if that is not the environment's own limit."""
    limit = task.max_episode_steps
    ending = "" if limit is None else f"episodes end after {limit} step{'' if limit == 1 else 's'}"
    return "; ".join(part for part in (backend_note(backend, task), ending) if part)
