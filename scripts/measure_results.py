"""Measures what is published: bench_results/*.csv, each file written when all of its runs are done. Renders nothing.

    python scripts/measure_results.py                          what `make results` runs: some 25 minutes on 2 cores
    python scripts/measure_results.py --only latency.csv       one file
    python scripts/measure_results.py --shorten 10             rounds of a tenth: a rehearsal, not for publishing

Backends whose packages are missing are left out with a line (requirements/peers.txt has them all). Ctrl-C keeps the
files that were finished. Close other programs first: what else runs is measured, too.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from evalengine import streams
from evalengine.bench.backends import CLUSTERS, MODULES, Task, open_backend
from evalengine.bench.measures import Measure
from evalengine.bench.schema import BenchRow
from evalengine.environments.registry import resolve
from evalengine.errors import MissingDependencyError, UnsupportedError
from evalengine.files.frames import write_csv
from evalengine.files.whole import check_writable
from evalengine.lifetimes import ending_in_order
from evalengine.terminal.bench.run import BenchConfig, run
from evalengine.terminal.bench.tables import bench_frame
from evalengine.terminal.progress import round_progress

ROOT = Path(__file__).resolve().parent.parent

ALL = tuple(MODULES)
OURS_AND_LOOP = ("rust", "multiprocessing")
BEST = tuple(name for name in ALL if name in ("rust", "multiprocessing-tuned", "envpool", "gymnax"))
"""The engine and the quickest peers, where a curve of each would be too much."""

LOOP_AND_BEST = tuple(name for name in ALL if name in ("multiprocessing", *BEST))
"""The same and the plain loop."""

_CNN = "cnn:3x96x96-16k8s4-32k4s2-64-3"
_LINEAR = "mlp:27648-3"


def _throughput(env: str, **changes: object) -> BenchConfig:
    return replace(BenchConfig(env, backends=ALL, round_seconds=0.5), **changes)  # type: ignore[arg-type]


def _growth(env: str, measure: Measure, backends: tuple[str, ...], workload: str = "random") -> BenchConfig:
    return BenchConfig(env, measure, workloads=(workload,), backends=backends, round_seconds=0.3)


# A CarRacing episode lasts seconds in Gymnasium, so its rounds are few and only one workload meets every backend.
FILES: dict[str, tuple[BenchConfig, ...]] = {
    "throughput.csv": (
        BenchConfig("all", Measure.peak, backends=("rust",), round_seconds=0.3),
        _throughput("cartpole"),
        _throughput("cartpole", policy="mlp:4-16-2"),
        _throughput("acrobot"),
        _throughput("pendulum"),
        _throughput("mountaincar"),
        _throughput("mountaincarcontinuous"),
        _throughput("lunarlander"),
        _throughput("bipedalwalker"),
        _throughput("bipedalwalkerhardcore"),
        _throughput("carracing", policy=_CNN, workloads=("trained",), rounds=3),
        _throughput("carracing", policy=_CNN, workloads=("random",), backends=OURS_AND_LOOP, rounds=3),
        _throughput("carracing", policy=_LINEAR, workloads=("trained",), backends=OURS_AND_LOOP, rounds=3),
        _throughput("snake"),
    ),
    "growth.csv": (
        _growth("cartpole", Measure.population, LOOP_AND_BEST),
        _growth("cartpole", Measure.episodes, BEST),
        _growth("cartpole", Measure.threads, BEST, "trained"),
        _growth("cartpole", Measure.policy, ("rust", "multiprocessing-tuned")),
        _growth("snake", Measure.threads, ("rust",)),
        _growth("snake", Measure.policy, ("rust",)),
        _growth("carracing", Measure.policy, ("rust",)),
        _growth("cartpole", Measure.scaling, ("rust", "rust-apart"), "trained"),
    ),
    "latency.csv": (
        _growth("cartpole", Measure.latency, ALL),
        *(
            _growth(env, Measure.latency, ("rust",))
            for env in ("acrobot", "pendulum", "lunarlander", "carracing", "snake")
        ),
    ),
    "startup.csv": (replace(_growth("cartpole", Measure.startup, LOOP_AND_BEST), rounds=3),),
    "memory.csv": (
        replace(_growth("cartpole", Measure.memory, LOOP_AND_BEST), rounds=3),
        *(
            replace(_growth(env, Measure.resident, ("rust",)), rounds=3)
            for env in ("cartpole", "acrobot", "pendulum", "lunarlander", "snake")
        ),
        # A CarRacing reset lays out a track: a tenth of the resets takes as long as all of the others' together.
        replace(_growth("carracing", Measure.resident, ("rust",)), rounds=3, episodes=10),
    ),
    "machines.csv": (replace(_growth("cartpole", Measure.machines, ("rust", *CLUSTERS)), threads=2),),
}
"""The published files, and the runs that make up each."""


def available(config: BenchConfig) -> tuple[BenchConfig, dict[str, str]]:
    """The run with those of its backends that are installed and can play it, and why the others cannot."""
    entry = resolve("cartpole" if config.env == "all" else config.env)
    kept, reasons = [], {}
    for name in config.backends or ALL:
        try:
            open_backend(name, Task(entry.id, config.policy or entry.default_policy, 1))
            kept.append(name)
        except (MissingDependencyError, UnsupportedError) as error:
            reasons[name] = str(error)
    return replace(config, backends=tuple(kept)), reasons


class Stopped(Exception):
    """A file that cannot be written: its runs were interrupted, or found fitnesses that differ without explanation."""


def measure(name: str, shorten: float) -> list[BenchRow]:
    """The rows of one file.

    Raises:
        KeyboardInterrupt: Ctrl-C ended a run.
        Stopped: a run is not to be published.
    """
    rows: list[BenchRow] = []
    for number, config in enumerate(FILES[name], start=1):
        able, reasons = available(replace(config, csv=False, round_seconds=config.round_seconds / shorten))
        what = f"{name}, run {number} of {len(FILES[name])}: {config.env} {config.measure}"
        streams.note(what)
        for backend, reason in reasons.items():
            streams.note(f"skipped {backend}: {reason}")
        with round_progress(what) as (line, doing, count):
            result = run(able, line, count, doing)
        if result.interrupted:
            raise KeyboardInterrupt
        if not result.ok:
            wrong = [note for comparison in result.comparisons if not comparison.ok for note in comparison.notes]
            raise Stopped(f"MISMATCH: {'; '.join(wrong) or 'rounds of one call gave different fitnesses'}")
        rows += result.rows
    return rows


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Measure the files that the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure what bench_results/ publishes.")
    parser.add_argument("--only", nargs="+", choices=FILES, default=list(FILES), help="files to measure")
    parser.add_argument("--shorten", type=float, default=1.0, help="divide the rounds' time by this")
    asked = parser.parse_args(arguments)
    if not asked.shorten > 0:
        parser.error(f"--shorten: expected a positive number, got {asked.shorten}")
    paths = {name: root / "bench_results" / name for name in asked.only}
    for path in paths.values():
        check_writable(path)
    for name, path in paths.items():
        start = time.monotonic()
        try:
            rows = measure(name, asked.shorten)
        except (KeyboardInterrupt, Stopped) as stop:
            streams.note(f"{str(stop) or 'interrupted'}: {name} was not written")
            return 1 if isinstance(stop, Stopped) else 130
        write_csv(bench_frame(rows), path)
        streams.note(f"{name}: {len(rows)} rows in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    with ending_in_order():
        sys.exit(main())
