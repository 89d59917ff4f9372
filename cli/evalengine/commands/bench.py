"""`evalengine bench`: how many environment steps per second, ours against the multiprocessing loops that people have.

Data flow: `BenchConfig` -> `run` -> `BenchResult`, or -> `run_scaling` -> `ScalingResult` for the engine alone in calls
of several sizes. Nothing is printed here; the caller renders the result and chooses the exit code from its `ok`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from evalengine.bench.backends import MODULES, Backend, Task, available_threads, open_backend
from evalengine.bench.results import SCHEMA_VERSION, BenchComparison, BenchResult, BenchRow, BenchSummary
from evalengine.bench.scaling import SIZES, Scaling, ScalingResult, ScalingRound, thread_counts
from evalengine.bench.session import Progress, Session
from evalengine.bench.workloads import NAMES, Workload, policies, workload
from evalengine.bench.workloads import names as workload_names
from evalengine.errors import InputError, MissingDependencyError, OutputError, UnsupportedError
from evalengine.files import check_writable
from evalengine.policy import Policy
from evalengine.provenance import provenance
from evalengine.registry import EnvironmentEntry, resolve
from evalengine.tables import bench_frame, write_csv

__all__ = [
    "SCHEMA_VERSION",
    "BenchComparison",
    "BenchConfig",
    "BenchResult",
    "BenchRow",
    "BenchSummary",
    "ScalingResult",
    "run",
    "run_scaling",
]


@dataclass(frozen=True)
class BenchConfig:
    """What to measure. Every default is the published workload.

    Attributes:
        env: short name or full id of the environment.
        workloads: any of "random" and "trained"; None means both, or the random one if nothing was trained for
            `policy`.
        backends: names of backends; None means all of them, where those whose packages are missing are skipped. Those
            that have no such environment are skipped in any case.
        population: individuals per workload; None means the workload's own.
        episodes: episodes per individual; None means the workload's own.
        rounds: timed rounds per backend, at least 1.
        threads: threads of the engine and processes of the baselines; None means the cores this process may use.
        policy: spelling of a policy; None means the environment's first (see `bench.workloads.policies`).
        round_seconds: about how long a round shall last.
        out: CSV file to write; None means `bench_results/<environment>[-scaling]-<timestamp>.csv` in the current
            folder.
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
        UnsupportedError: no backend that was asked for has the environment.
        OutputError: the CSV cannot be written.
    """
    report = progress or (lambda line: None)
    started_at = datetime.now(UTC)
    _check_numbers(config)
    entry = resolve(config.env)
    workloads = _chosen_workloads(config, entry)
    threads = config.threads or available_threads()
    backends, skipped = _opened_backends(config, Task(entry.id, workloads[0].policy, threads))
    csv_path = _csv_path(config, entry.short_name, started_at)
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


def run_scaling(config: BenchConfig, progress: Progress | None = None) -> ScalingResult:
    """Measure the engine alone in calls of `SIZES`, with one thread, with two and with `config.threads`.

    `config.population` and `config.episodes` mean one size instead, with the workload's own for one that is None.
    Everything else, also what is raised, is as in `run`; `config.backends` can only be the engine.
    """
    report = progress or (lambda line: None)
    started_at = datetime.now(UTC)
    _check_numbers(config)
    entry = resolve(config.env)
    workloads = _chosen_workloads(config, entry)
    if config.backends not in (None, ("rust",)):
        raise InputError(f"backends: expected rust alone for scaling, got {', '.join(config.backends or ()) or 'none'}")
    csv_path = _csv_path(config, f"{entry.short_name}-scaling", started_at)
    threads = thread_counts(config.threads or available_threads())
    has_size = config.population is not None or config.episodes is not None
    rounds: list[ScalingRound] = []
    for chosen in workloads:
        sizes = ((chosen.population, chosen.episodes),) if has_size else SIZES
        rounds += Scaling(
            chosen, sizes, threads, config.rounds, config.round_seconds, provenance(started_at), report
        ).rounds()
    result = ScalingResult(rounds, csv_path)
    if csv_path is not None:
        write_csv(bench_frame(result.rows), csv_path)
    return result


def _check_numbers(config: BenchConfig) -> None:
    for name in ("population", "episodes", "rounds", "threads"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise InputError(f"{name}: expected at least 1, got {value}")
    if not config.round_seconds > 0:
        raise InputError(f"round_seconds: expected a positive number of seconds, got {config.round_seconds}")


def _chosen_workloads(config: BenchConfig, entry: EnvironmentEntry) -> list[Workload]:
    """The workloads to measure, with the config's sizes in place of their own."""
    policy = None if config.policy is None else str(Policy(config.policy))
    if policy is not None:
        Policy(policy).check_fits(entry)
    names = config.workloads
    if names is None:
        names = workload_names(entry) if policy in (None, *policies(entry)) else ("random",)
    if not names:
        raise InputError(f"workload: expected at least one of {', '.join(NAMES)}, got none")
    standard = [workload(name, entry, policy) for name in dict.fromkeys(names)]
    return [
        replace(
            chosen,
            population=config.population or chosen.population,
            episodes=config.episodes or chosen.episodes,
        )
        for chosen in standard
    ]


def _opened_backends(config: BenchConfig, task: Task) -> tuple[dict[str, Backend], dict[str, str]]:
    """The backends to measure, not yet started, and the reason for each that is left out."""
    if config.backends is not None and not config.backends:
        raise InputError(f"backends: expected some of {', '.join(MODULES)}, got none")
    backends: dict[str, Backend] = {}
    skipped: dict[str, str] = {}
    for name in config.backends or MODULES:
        try:
            backends[name] = open_backend(name, task)
        except UnsupportedError as error:
            skipped[name] = str(error)
        except MissingDependencyError as error:
            if config.backends is not None:
                raise
            skipped[name] = str(error)
    if not backends:
        raise UnsupportedError(f"backends: none can be measured: {'; '.join(skipped.values())}")
    return backends, skipped


def _csv_path(config: BenchConfig, name: str, started_at: datetime) -> Path | None:
    """Where the rows will go; refused now if they could not be written later."""
    if not config.csv:
        return None
    path = config.out
    if path is None:
        path = Path("bench_results") / f"{name}-{started_at:%Y%m%dT%H%M%SZ}.csv"
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"output: cannot make the folder {path.parent}: {error.strerror or error}") from None
    check_writable(path)
    return path
