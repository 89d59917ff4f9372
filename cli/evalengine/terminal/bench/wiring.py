"""The wiring of `evalengine bench` and `evalengine compare`: parse, call, render, exit code; see `app`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalengine import streams
from evalengine.bench.measures import Measure
from evalengine.messages import named
from evalengine.terminal.common_options import BAD_INPUT, INTERRUPTED, MISMATCH, OK, Help, Json, Threads
from evalengine.terminal.completion import complete_backends, complete_environment_or_all, complete_policy
from evalengine.terminal.progress import round_progress

if TYPE_CHECKING:
    from evalengine.bench.savings import Savings


class Workload(StrEnum):
    """The populations that `bench` measures."""

    random = "random"
    trained = "trained"


def bench(
    env: Annotated[
        str,
        typer.Argument(
            metavar="ENV|all", help="Environment to measure, or all.", autocompletion=complete_environment_or_all
        ),
    ],
    measure: Annotated[Measure, typer.Option(help="What to measure.")] = Measure.throughput,
    workload: Annotated[Workload | None, typer.Option(help="Population to measure; both if left out.")] = None,
    population: Annotated[int | None, typer.Option(help="Individuals; the workload's if left out.")] = None,
    episodes: Annotated[int | None, typer.Option(help="Episodes per individual; the workload's if left out.")] = None,
    rounds: Annotated[int, typer.Option(help="Timed rounds per backend.")] = 5,
    threads: Threads = None,
    backends: Annotated[
        str | None,
        typer.Option(help="Such as rust,multiprocessing; all if left out.", autocompletion=complete_backends),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="Such as mlp:4-64-2; the environment's first if left out.", autocompletion=complete_policy),
    ] = None,
    seconds: Annotated[float, typer.Option(help="About how long a round takes.")] = 1.8,
    out: Annotated[Path | None, typer.Option(help="CSV file of all rounds; in bench_results/ if left out.")] = None,
    no_csv: Annotated[bool, typer.Option("--no-csv", help="Write no CSV.")] = False,
    former: Annotated[
        Path | None,
        typer.Option("--compare", metavar="FILE", help="CSV of a former run: exit code 1 if anything got slower."),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            help="Instead: how many steps a rule such as patience=50 saves the engine, played once with it and once "
            "without; 24 individuals if --population is left out."
        ),
    ] = None,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Measure steps per second, ours against what people use instead.

    The fitnesses are compared too: the exit code is 1 if one differs and the margins of its actions do not explain why.
    Ctrl-C keeps the rows of the rounds that were finished.
    """
    from evalengine.errors import InputError
    from evalengine.terminal import option_values as options
    from evalengine.terminal.bench.run import BenchConfig, run, run_savings

    if no_csv and out is not None:
        raise InputError(f"--out: expected either --out or --no-csv, got both ({named(out)})")
    config = BenchConfig(
        env=env,
        measure=measure,
        workloads=None if workload is None else (workload.value,),
        backends=options.parse_names("--backends", backends),
        population=population,
        episodes=episodes,
        rounds=rounds,
        threads=threads,
        policy=policy,
        round_seconds=seconds,
        out=out,
        csv=not no_csv,
        former=former,
    )
    if stop is not None:
        return _show_savings(run_savings(config, stop), as_json)
    with round_progress("starting") as (line, count):
        result = run(config, line, count)
    if as_json:
        streams.write_json(result.to_json())
    else:
        from evalengine.terminal.bench.tables import bench_report

        streams.write_renderables(bench_report(result))
    if result.interrupted:
        kept = f", kept in {named(result.csv_path)}" if result.csv_path is not None else ""
        streams.note(f"interrupted: {len(result.rows):,} of {result.planned:,} rows{kept}")
        return INTERRUPTED
    return OK if result.ok else MISMATCH


def _show_savings(found: list[Savings], as_json: bool) -> int:
    if as_json:
        streams.write_json({"savings": [savings.to_json() for savings in found]})
    else:
        from evalengine.terminal.bench.tables import savings_report

        streams.write_renderables([savings_report(found)])
    return OK


def compare(
    former: Annotated[Path, typer.Argument(help="CSV of a former run of bench.")],
    now: Annotated[Path, typer.Argument(help="CSV of the run to judge.")],
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Compare two benchmark runs: what got slower, beyond the noise of their own rounds.

    The exit code is 1 if anything did, 2 if nothing could be judged. bench_results/README.md has the rule.
    """
    from evalengine.terminal.bench.compare import CompareConfig, run

    found = run(CompareConfig(former, now))
    if as_json:
        streams.write_json(found.to_json())
    else:
        from evalengine.terminal.bench.tables import regressions_report

        streams.write_renderables(regressions_report(found))
    if found.unjudged:
        streams.note(f"error: {found.unjudged}")
        return BAD_INPUT
    return OK if found.ok else MISMATCH
