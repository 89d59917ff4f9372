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
    measure: Annotated[
        Measure, typer.Option(metavar="MEASURE", help=f"What to measure: {', '.join(Measure)}.")
    ] = Measure.throughput,
    workload: Annotated[
        Workload | None,
        typer.Option(metavar="random|trained", help="Population to measure with (default: both, one after the other)."),
    ] = None,
    population: Annotated[
        int | None, typer.Option(metavar="N", help="Number of individuals (default: the workload's).")
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(metavar="N", help="Episodes per individual (default: the workload's).")
    ] = None,
    rounds: Annotated[int, typer.Option(metavar="N", help="Timed rounds per backend.")] = 5,
    threads: Threads = None,
    backends: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Backends to compare, such as rust,multiprocessing (default: all).",
            autocompletion=complete_backends,
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Policy spec, such as mlp:4-64-2 (default: the environment's).",
            autocompletion=complete_policy,
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="Approximate length of a round in seconds.")] = 1.8,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every round to this CSV file (default: a new one in bench_results/)."),
    ] = None,
    no_csv: Annotated[bool, typer.Option("--no-csv", help="Do not write a CSV file.")] = False,
    former: Annotated[
        Path | None,
        typer.Option(
            "--compare", metavar="FILE", help="CSV file of an earlier run; exit with 1 if anything got slower."
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            metavar="RULES",
            help="Show instead how many steps a rule such as patience=30 saves, by playing with it and without it "
            "(24 individuals, unless --population says otherwise).",
        ),
    ] = None,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Measure the engine's speed against the alternatives.

    Fitnesses are compared, too: the exit code is 1 if one differs and rounding does not explain it. Ctrl-C keeps the
    rounds that are finished.
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
    with round_progress("starting") as (line, doing, count):
        result = run(config, line, count, doing)
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
    former: Annotated[Path, typer.Argument(metavar="FORMER", help="CSV file of an earlier bench run.")],
    now: Annotated[Path, typer.Argument(metavar="NOW", help="CSV file of the run to judge.")],
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Compare two benchmark runs.

    Shows what got slower by more than the noise between rounds. The exit code is 1 if anything did, and 2 if nothing
    could be judged. The rule is in bench_results/README.md.
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
