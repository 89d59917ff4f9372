"""`evalengine bench`: how many environment steps per second, ours against the multiprocessing loops that people have.

Data flow: `BenchConfig` -> `run` -> `BenchResult`. Nothing is printed here; the caller renders the result and chooses
the exit code from `BenchResult.ok`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from evalengine.bench.backends import MODULES, Backend, Task, available_threads, open_backend
from evalengine.bench.results import SCHEMA_VERSION, BenchComparison, BenchResult, BenchRow, BenchSummary
from evalengine.bench.session import Progress, Session
from evalengine.bench.workloads import NAMES, Workload, workload
from evalengine.errors import InputError, MissingDependencyError, OutputError
from evalengine.files import check_writable
from evalengine.policy import Policy
from evalengine.provenance import provenance
from evalengine.registry import EnvironmentEntry, resolve
from evalengine.tables import bench_frame, write_csv

__all__ = ["SCHEMA_VERSION", "BenchComparison", "BenchConfig", "BenchResult", "BenchRow", "BenchSummary", "run"]


@dataclass(frozen=True)
class BenchConfig:
    """What to measure. Every default is the published workload.

    Attributes:
        env: short name or full id of the environment.
        workloads: any of "random" and "trained"; None means both, or with a `policy` of one's own, the random one.
        backends: names of backends; None means all of them, where those whose packages are missing are skipped.
        population: individuals per workload; None means the workload's own.
        episodes: episodes per individual; None means the workload's own.
        rounds: timed rounds per backend, at least 1.
        threads: threads of the engine and processes of the baselines; None means the cores this process may use.
        policy: spelling of a policy instead of the workload's; the trained workload has weights for its own only.
        round_seconds: about how long a round shall last.
        out: CSV file to write; None means `bench_results/<environment>-<timestamp>.csv` in the current folder.
        csv: False writes no CSV at all.
    """

    env: str
    workloads: tuple[str, ...] | None = None
    backends: tuple[str, ...] | None = None
    population: int | None = None
    episodes: int | None = None
    rounds: int = 5
    threads: int | None = None
    policy: str | None = None
    round_seconds: float = 1.8
    out: Path | None = None
    csv: bool = True


def run(config: BenchConfig, progress: Progress | None = None) -> BenchResult:
    """Measure; `progress` receives one short line whenever a round ends or something is skipped.

    Writes the CSV (whole or not at all) unless `config.csv` is False; whether it can be written is checked before any
    work.

    Raises:
        InputError: an unknown environment, workload, backend or policy, or a number below its least value.
        MissingDependencyError: a backend that was asked for by name needs a package that is not installed.
        OutputError: the CSV cannot be written.
    """
    report = progress or (lambda line: None)
    started_at = datetime.now(UTC)
    _check_numbers(config)
    entry = resolve(config.env)
    workloads = _chosen_workloads(config, entry)
    threads = config.threads or available_threads()
    backends, skipped = _opened_backends(config, Task(entry.id, workloads[0].policy, threads))
    csv_path = _csv_path(config, entry, started_at)
    for name, reason in skipped.items():
        report(f"skipped {name}: {reason}")
    rows: list[BenchRow] = []
    comparisons: list[BenchComparison] = []
    with ExitStack() as running:
        for name, backend in backends.items():
            report(f"{entry.id}: starting {name}")
            running.enter_context(backend)
        for chosen in workloads:
            session = Session(chosen, threads, config.rounds, config.round_seconds, provenance(started_at), report)
            rounds = session.measure(backends)
            rows += session.rows(rounds)
            comparisons += session.comparisons(rounds)
    result = BenchResult(rows, comparisons, skipped, csv_path)
    if csv_path is not None:
        write_csv(bench_frame(rows), csv_path)
    return result


def _check_numbers(config: BenchConfig) -> None:
    for name in ("population", "episodes", "rounds", "threads"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise InputError(f"{name}: expected at least 1, got {value}")
    if not config.round_seconds > 0:
        raise InputError(f"round_seconds: expected a positive number of seconds, got {config.round_seconds}")


def _chosen_workloads(config: BenchConfig, entry: EnvironmentEntry) -> list[Workload]:
    """The workloads to measure, with the config's sizes and policy in place of their own."""
    names = config.workloads
    policy = None if config.policy is None else str(Policy(config.policy))
    if names is None:
        names = NAMES
        if policy not in (None, workload("trained", entry).policy):
            names = ("random",)
    if not names:
        raise InputError(f"workload: expected at least one of {', '.join(NAMES)}, got none")
    chosen = []
    for name in dict.fromkeys(names):
        standard = workload(name, entry)
        if policy is not None:
            Policy(policy).check_fits(entry)
        if name == "trained" and policy not in (None, standard.policy):
            raise InputError(f"policy: the trained workload's weights are for {standard.policy}, got {policy}")
        chosen.append(
            replace(
                standard,
                policy=policy or standard.policy,
                population=config.population or standard.population,
                episodes=config.episodes or standard.episodes,
            )
        )
    return chosen


def _opened_backends(config: BenchConfig, task: Task) -> tuple[dict[str, Backend], dict[str, str]]:
    """The backends to measure, not yet started, and the reason for each that is left out."""
    if config.backends is not None:
        if not config.backends:
            raise InputError(f"backends: expected some of {', '.join(MODULES)}, got none")
        return {name: open_backend(name, task) for name in config.backends}, {}
    backends: dict[str, Backend] = {}
    skipped: dict[str, str] = {}
    for name in MODULES:
        try:
            backends[name] = open_backend(name, task)
        except MissingDependencyError as error:
            skipped[name] = str(error)
    return backends, skipped


def _csv_path(config: BenchConfig, entry: EnvironmentEntry, started_at: datetime) -> Path | None:
    """Where the rows will go; refused now if they could not be written later."""
    if not config.csv:
        return None
    path = config.out
    if path is None:
        path = Path("bench_results") / f"{entry.short_name}-{started_at:%Y%m%dT%H%M%SZ}.csv"
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"output: cannot make the folder {path.parent}: {error.strerror or error}") from None
    check_writable(path)
    return path
