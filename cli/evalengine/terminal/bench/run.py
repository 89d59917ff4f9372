"""`evalengine bench`: how many environment steps per second, ours against what people would use instead.

Data flow: `BenchConfig` -> plan (what is timed) -> runner (rows) -> `BenchResult`. Nothing is printed here; the caller
renders the result and chooses the exit code from its `ok` and `interrupted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evalengine.bench.backends import APART, CLUSTERS, MODULES, NAMED, available_threads, plays_kind
from evalengine.bench.measures import ENGINE_ONLY, RANDOM_ONLY, Measure
from evalengine.bench.peak import peak_rows
from evalengine.bench.plan import Block, plan, thread_counts
from evalengine.bench.regressions import compare_runs
from evalengine.bench.results import BenchComparison, BenchResult, BenchSummary
from evalengine.bench.runner import Count, Runner, opened_blocks
from evalengine.bench.saved import read_rows
from evalengine.bench.savings import Savings, savings
from evalengine.bench.schema import SCHEMA_VERSION, BenchRow
from evalengine.bench.session import Progress
from evalengine.environments.registry import EnvironmentEntry, entries, resolve
from evalengine.errors import InputError, OutputError
from evalengine.evaluation.provenance import provenance
from evalengine.files.frames import check_frames, write_csv
from evalengine.files.whole import check_other_file, check_writable
from evalengine.messages import named, shown
from evalengine.policies.individuals import as_policy
from evalengine.policies.policy import Policy
from evalengine.terminal.bench.tables import bench_frame
from evalengine.workloads.catalogue import NAMES, Workload, policies, workload
from evalengine.workloads.catalogue import names as workload_names
from evalengine.workloads.graphs import is_trained

__all__ = [
    "SCHEMA_VERSION",
    "BenchComparison",
    "BenchConfig",
    "BenchResult",
    "BenchRow",
    "BenchSummary",
    "run",
]

ALL = "all"
"""The name that stands for every environment, each with every policy that has workloads."""


@dataclass(frozen=True)
class BenchConfig:
    """What to measure. Every default is the published workload.

    Attributes:
        env: short name or full id of the environment, or "all".
        measure: what is measured (`Measure`).
        workloads: any of "random" and "trained"; None means both, or the random one if nothing was trained for
            `policy` or for what is measured.
        backends: names of backends; None means all of them (for "scaling" and "resident" the engine alone, for
            "machines" the engine and `backends.CLUSTERS`), where those whose packages are missing and those that cannot
            play an environment are skipped.
        population: individuals per workload; None means the workload's own, or the measure's.
        episodes: episodes per individual; None means the workload's own, or the measure's.
        rounds: timed rounds per backend, at least 1.
        threads: threads of the engine and processes of the baselines; None means the cores this process may use.
        policy: spelling of a policy; None means the environment's first (see `workloads.catalogue.policies`), and with
            "all" every one of them.
        round_seconds: about how long a round shall last.
        out: CSV file to write; None means `bench_results/<environment>[-<measure>]-<timestamp>.csv` in the current
            folder.
        csv: False writes no CSV at all.
        former: CSV of a former run to compare the rows with; None compares nothing.
    """

    env: str
    measure: Measure = Measure.throughput
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
    former: Path | None = None


def run(
    config: BenchConfig,
    progress: Progress | None = None,
    count: Count | None = None,
    doing: Progress | None = None,
) -> BenchResult:
    """Measure; `progress` receives one short line whenever a round ends, `count` how far it is.

    `doing` receives a line whenever something is started, warmed up or left out; None is `progress`.

    Writes the CSV (whole or not at all) unless `config.csv` is False; whether it can be written is checked before any
    work. Ctrl-C ends the measuring, not the run: the rounds that were finished are written and returned, `interrupted`.

    Raises:
        InputError: an unknown environment, workload, backend or policy, a number below its least value, an option that
            contradicts what is measured, or a former run that cannot be read.
        MissingDependencyError: a backend that was asked for by name needs a package that is not installed.
        UnsupportedError: no backend that was asked for has any of the environments.
        OutputError: the CSV cannot be written.
    """
    report = progress or (lambda line: None)
    started_at = datetime.now(UTC)
    _check_numbers(config)
    _check_contradictions(config)
    chosen = [entry_policy for entry in _chosen_entries(config) for entry_policy in _chosen_policies(config, entry)]
    former = None if config.former is None else read_rows(config.former)
    threads = config.threads or available_threads()
    blocks, skipped = opened_blocks(_blocks(config, chosen, threads), asked_for=config.backends is not None)
    csv_path = _csv_path(config, started_at)
    for name, reason in skipped.items():
        (doing or report)(f"skipped {name}: {reason}")
    runner = Runner(
        config.rounds, config.round_seconds, provenance(started_at), report, count or (lambda done, planned: None)
    )
    runner.skipped, runner.doing = skipped, doing
    interrupted = False
    try:
        if config.measure == Measure.peak:
            runner.planned = config.rounds * len(thread_counts(threads))
            for row in peak_rows(threads, config.rounds, config.round_seconds, runner.provenance, report):
                runner.keep(row)
        runner.run(blocks)
    except KeyboardInterrupt:
        interrupted = True
    except Exception:
        _write(runner.rows, csv_path)
        raise
    return BenchResult(
        rows=runner.rows,
        comparisons=runner.comparisons,
        skipped=runner.skipped,
        csv_path=_write(runner.rows, csv_path),
        planned=runner.planned,
        interrupted=interrupted,
        regressions=None if former is None else compare_runs(former, runner.rows),
    )


def run_savings(config: BenchConfig, stop: str) -> list[Savings]:
    """Measure what a rule saves; see `bench.savings`.

    Raises:
        InputError: an unknown environment, workload or policy, rules that cannot be used, or an option for rounds.
    """
    _check_numbers(config)
    usual = BenchConfig(config.env, csv=config.csv)
    for name in ("measure", "backends", "rounds", "round_seconds", "out", "former"):
        if getattr(config, name) != getattr(usual, name):
            raise InputError(f"{name}: expected none beside --stop, got {_shown(getattr(config, name))}")
    if config.env == ALL:
        raise InputError("env: expected one environment beside --stop, got all")
    workloads = _chosen_workloads(config, resolve(config.env), config.policy)
    return savings(workloads, stop, config.threads, config.population, config.episodes)


def _write(rows: list[BenchRow], path: Path | None) -> Path | None:
    """Write what there is; where it lies, None if it lies nowhere."""
    if path is None or not rows:
        return None
    write_csv(bench_frame(rows), path)
    return path


def _check_contradictions(config: BenchConfig) -> None:
    """Refuse an option that the measure has values of its own for."""
    fixed = {
        Measure.population: ("population",),
        Measure.episodes: ("episodes",),
        Measure.policy: ("policy",),
        Measure.latency: ("population", "episodes"),
        Measure.startup: ("population", "episodes"),
        Measure.peak: ("population", "episodes", "policy", "workloads"),
    }
    for name in fixed.get(config.measure, ()):
        if getattr(config, name) is not None:
            raise InputError(f"{name}: expected none for {config.measure}, got {_shown(getattr(config, name))}")
    if config.env == ALL and config.policy is not None:
        raise InputError(f"policy: expected none with all environments, got {config.policy}")
    if config.measure == Measure.policy and config.workloads not in (None, ("random",)):
        raise InputError(f"workload: expected random for policy, got {_shown(config.workloads)}")
    engines = ("rust", *APART) if config.measure == Measure.scaling else ("rust",)
    if config.measure in ENGINE_ONLY and config.backends is not None and not _are_some(config.backends, engines):
        expected = "rust alone" if len(engines) == 1 else f"some of {', '.join(engines)}"
        raise InputError(f"backends: expected {expected} for {config.measure}, got {_shown(config.backends)}")
    of_machines = ("rust", *CLUSTERS)
    if config.measure == Measure.machines and not set(config.backends or ()) <= set(of_machines):
        expected = ", ".join(of_machines)
        raise InputError(f"backends: expected some of {expected} for machines, got {_shown(config.backends)}")


def _are_some(names: tuple[str, ...], of: tuple[str, ...]) -> bool:
    return bool(names) and set(names) <= set(of)


def _shown(value: object) -> str:
    return named((", ".join(value) or "none") if isinstance(value, tuple) else value)


def _chosen_entries(config: BenchConfig) -> list[EnvironmentEntry]:
    return entries() if config.env == ALL else [resolve(config.env)]


def _chosen_policies(config: BenchConfig, entry: EnvironmentEntry) -> list[tuple[EnvironmentEntry, list[Workload]]]:
    """The environment once for each policy to measure, with the workloads of that policy."""
    listed: tuple[str | None, ...] = (config.policy,)
    if config.env == ALL:
        listed = policies(entry) if config.measure == Measure.throughput else policies(entry)[:1]
    return [(entry, _chosen_workloads(config, entry, policy)) for policy in listed]


def _blocks(config: BenchConfig, chosen: list[tuple[EnvironmentEntry, list[Workload]]], threads: int) -> list[Block]:
    names = config.backends
    if names is None:
        names = _usual_backends(config.measure)
    unknown = [name for name in names if name not in NAMED]
    if unknown or not names:
        got = shown(unknown[0]) if unknown else "none"
        raise InputError(f"backends: expected some of {', '.join(NAMED)}, got {got}")
    size = (config.population, config.episodes)
    return [
        block
        for entry, workloads in chosen
        for block in plan(config.measure, entry, workloads, _played(config, names, workloads[0].policy), threads, size)
    ]


def _played(config: BenchConfig, names: tuple[str, ...], policy: str) -> tuple[str, ...]:
    """The backends of a policy's kind, networks or graphs, where none were asked for by name."""
    if config.backends is not None:
        return names
    return tuple(name for name in names if plays_kind(name, policy))


def _usual_backends(measure: Measure) -> tuple[str, ...]:
    if measure in ENGINE_ONLY:
        return ("rust",)
    return ("rust", *CLUSTERS) if measure == Measure.machines else tuple(MODULES)


def _check_numbers(config: BenchConfig) -> None:
    for name in ("population", "episodes", "rounds", "threads"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise InputError(f"{name}: expected at least 1, got {value}")
    if not config.round_seconds > 0:
        raise InputError(f"round_seconds: expected a positive number of seconds, got {config.round_seconds}")


def _chosen_workloads(config: BenchConfig, entry: EnvironmentEntry, policy: str | None) -> list[Workload]:
    """The workloads of one policy, with their own sizes."""
    spelling = None if policy is None else str(as_policy(policy))
    if spelling is not None:
        chosen = as_policy(spelling)
        chosen.check_fits(entry)
        # What the baselines play; draws of each backend's own would make other episodes.
        if isinstance(chosen, Policy) and (chosen.head not in ("tanh", "clip", "argmax") or chosen.noise):
            raise InputError(f"policy: expected argmax, head=tanh or head=clip, and no noise, in bench, got {chosen}")
    names = config.workloads
    if names is None and config.measure in RANDOM_ONLY:
        names = ("random",)
    if names is None:
        has_all = spelling in (None, *policies(entry)) or (entry.short_name == "cartpole" and is_trained(spelling))
        names = workload_names(entry) if has_all else ("random",)
    if not names:
        raise InputError(f"workload: expected at least one of {', '.join(NAMES)}, got none")
    return [workload(name, entry, spelling) for name in dict.fromkeys(names)]


def _csv_path(config: BenchConfig, started_at: datetime) -> Path | None:
    """Where the rows will go; refused now if they could not be written later."""
    if not config.csv:
        return None
    check_frames()
    path = config.out
    if path is None:
        name = ALL if config.env == ALL else resolve(config.env).short_name
        if config.measure != Measure.throughput:
            name = f"{name}-{config.measure}"
        path = Path("bench_results") / f"{name}-{started_at:%Y%m%dT%H%M%SZ}.csv"
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"output: cannot make the folder {named(path.parent)}: {reason}") from None
    if config.former is not None:
        check_other_file("out", path, config.former, "the former run")
    check_writable(path)
    return path
