"""Rows of `evalengine bench` that tests make up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evalengine.bench.results import BenchComparison
from evalengine.bench.schema import SCHEMA_VERSION, BenchRow

ROW = BenchRow(
    schema_version=SCHEMA_VERSION,
    started_at="2026-01-02T12:00:00+00:00",
    measure="throughput",
    env="CartPole-v1",
    workload="random",
    policy="mlp:4-64-2",
    backend="rust",
    backend_version="evalengine 0.1.0",
    note="",
    round=1,
    population=4096,
    episodes=16,
    threads=2,
    seed=1,
    calls=1,
    steps=12_000_000,
    seconds=1.0,
    macs=384,
    peak_rss_bytes=None,
    rss_growth_bytes=None,
    fitness_checksum="0123",
    cpu="cpu",
    cores=2,
    platform="Linux",
    python="3.11.7",
    numpy="2.4.6",
    torch="2.13.0",
    gymnasium="1.4.0",
    evalengine="0.1.0",
    commit="abc",
    dirty="false",
)
EQUAL = BenchComparison(
    "CartPole-v1", "random", "mlp:4-64-2", "multiprocessing", individuals=64, differing=0, explained=0
)


def rounds_of(seconds: tuple[float, ...], **changes: Any) -> list[BenchRow]:
    """A round for each of the times, of one case."""
    return [replace(ROW, round=number, seconds=passed, **changes) for number, passed in enumerate(seconds, start=1)]
