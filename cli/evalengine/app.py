"""The command line: parse, call, render, exit code; nothing else.

    evalengine evaluate weights.npy          evalengine bench snake          evalengine parity all

stdout is for results, stderr for progress and errors. Exit codes: 0 ok, 1 mismatch, 2 usage or bad input, 3 missing
dependency, 4 internal or I/O, 130 Ctrl-C; they are chosen in `main` and nowhere else. What a command needs is imported
when it runs, so that `--help` and a misspelt option answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from evalengine import console
from evalengine.completion import (
    complete_backends,
    complete_driver,
    complete_environment,
    complete_environment_or_all,
    complete_policy,
)

PROGRAM = "evalengine"
OK, MISMATCH, BAD_INPUT, MISSING_DEPENDENCY, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130
EXIT_CODES = "Exit codes: 0 ok, 1 mismatch, 2 usage or bad input, 3 missing dependency, 4 internal or I/O, 130 Ctrl-C."

app = typer.Typer(
    help="Evaluate populations of policies in reinforcement learning environments.",
    epilog=EXIT_CODES,
    # Plain help: importing rich would take longer than the help itself may.
    rich_markup_mode=None,
)


class Workload(StrEnum):
    """The populations that `bench` measures."""

    random = "random"
    trained = "trained"


def print_help(context: typer.Context, wanted: bool) -> None:
    """Answer --help as every other result is printed; Typer's own would fail where the reader has seen enough."""
    if wanted:
        console.write_result(context.get_help())
        raise typer.Exit(OK)


Help = Annotated[bool, typer.Option("--help", callback=print_help, is_eager=True, help="Show this message and exit.")]
Threads = Annotated[
    int | None, typer.Option(help="Threads; all cores that this process may use if left out.", show_default=False)
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document (NaN and infinities as null) instead of tables.")
]


@app.callback(invoke_without_command=True, add_help_option=False)
def root(
    context: typer.Context,
    # Only flags that are False by default: to read anything else, Typer imports pydantic (0.3 s).
    version: Annotated[bool, typer.Option("--version", help="Show version and build, and exit.")] = False,
    show_help: Help = False,
) -> None:
    """Answer --version and --help; everything else is a command's."""
    if version:
        from evalengine.provenance import describe_build

        console.write_result(f"{PROGRAM} {describe_build()}")
    elif context.invoked_subcommand is None:
        console.note(context.get_help())
        raise typer.Exit(BAD_INPUT)
    else:
        return
    raise typer.Exit(OK)


@app.command(add_help_option=False)
def evaluate(
    weights: Annotated[Path, typer.Argument(help="A .npy, .npz or .safetensors file: one vector or a population.")],
    env: Annotated[
        str | None,
        typer.Option(help="Environment; what the file says if left out.", autocompletion=complete_environment),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="Such as mlp:4-64-2; what the file says if left out.", autocompletion=complete_policy),
    ] = None,
    episodes: Annotated[int | None, typer.Option(help="Episodes per individual; 10 if left out.")] = None,
    seed: Annotated[int | None, typer.Option(help="First seed; 0 if left out.")] = None,
    seeds: Annotated[str | None, typer.Option(help="One seed for each episode instead, as 3,17,99.")] = None,
    index: Annotated[int | None, typer.Option(help="Evaluate only this individual, counted from 0.")] = None,
    env_kwarg: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Keyword argument of the environment; repeatable.")
    ] = None,
    reset_option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Option of every reset; repeatable.")
    ] = None,
    observation: Annotated[
        str | None,
        typer.Option(help="What is seen of images, such as skip=4,gray,resize=84x84,stack=4 (or padding=zero)."),
    ] = None,
    max_episode_steps: Annotated[
        int | None, typer.Option(help="Time limit in steps; the environment's own if left out.")
    ] = None,
    threads: Threads = None,
    on_nan: Annotated[
        str, typer.Option(metavar="raise|NUMBER", help="Fitness of an individual whose logits become NaN or infinite.")
    ] = "raise",
    out: Annotated[
        Path | None, typer.Option(help="CSV file for all individuals; a killed run is resumed from it.")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Show this many of the best individuals.")] = 10,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Evaluate the individuals of a weights file."""
    from evalengine import options
    from evalengine.commands.evaluate import EvaluateConfig, run

    config = EvaluateConfig(
        weights=weights,
        env=env,
        policy=policy,
        episodes=episodes,
        seeds=options.parse_seeds(seed, seeds),
        index=index,
        env_kwargs=options.parse_settings("--env-kwarg", env_kwarg or []),
        reset_options=options.parse_settings("--reset-option", reset_option or []),
        observation=observation,
        max_episode_steps=max_episode_steps,
        threads=threads,
        on_nan=options.parse_on_nan(on_nan),
        out=out,
    )
    with console.episode_progress("evaluating") as progress:
        result = run(config, progress, console.note)
    if as_json:
        console.write_json(result.to_json())
    else:
        from evalengine.tables import evaluation_report

        console.write_renderables(evaluation_report(result, top))
    return OK


@app.command(add_help_option=False)
def bench(
    env: Annotated[
        str, typer.Argument(metavar="ENV", help="Environment to measure.", autocompletion=complete_environment)
    ],
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
    scaling: Annotated[
        bool,
        typer.Option("--scaling", help="Measure the engine alone, in small and large calls on one thread and on more."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="CSV file of all rounds; in bench_results/ if left out.")] = None,
    no_csv: Annotated[bool, typer.Option("--no-csv", help="Write no CSV.")] = False,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Measure steps per second against multiprocessing loops.

    The fitnesses are compared too: the exit code is 1 if one differs and the margins of its actions do not explain why.
    """
    from evalengine import options
    from evalengine.commands.bench import BenchConfig, ScalingResult, run, run_scaling
    from evalengine.errors import InputError

    if no_csv and out is not None:
        raise InputError(f"--out: expected either --out or --no-csv, got both ({out})")
    config = BenchConfig(
        env=env,
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
    )
    result = run_scaling(config, console.note) if scaling else run(config, console.note)
    if as_json:
        console.write_json(result.to_json())
    else:
        from evalengine.tables import bench_report, scaling_report

        console.write_renderables(scaling_report(result) if isinstance(result, ScalingResult) else bench_report(result))
    return OK if result.ok else MISMATCH


@app.command(add_help_option=False)
def parity(
    env: Annotated[
        str,
        typer.Argument(
            metavar="ENV|all", help="Environment to prove, or all.", autocompletion=complete_environment_or_all
        ),
    ],
    steps: Annotated[int, typer.Option(help="Steps of each section, over as many episodes as it takes.")] = 1000,
    seed: Annotated[int, typer.Option(help="First seed.")] = 0,
    policy: Annotated[
        str | None,
        typer.Option(help="Such as mlp:4-64-2; the environment's if left out.", autocompletion=complete_policy),
    ] = None,
    driver: Annotated[
        str | None,
        typer.Option(
            help="Who chooses the open loop's actions: random, sticky, policy or the environment's own; all of them "
            "if left out.",
            autocompletion=complete_driver,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for the step-by-step difference.")] = None,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Compare environments and policies with Gymnasium and PyTorch, bit by bit.

    The exit code is 1 if a claim is broken, 3 if one cannot be proven because a package is missing or has another
    version than the claim is about.
    """
    from evalengine.commands.parity import ParityConfig, run

    report = run(ParityConfig(env, steps, seed, policy, driver, out), console.note)
    if as_json:
        console.write_json(report.to_json())
    else:
        from evalengine.tables import parity_report

        console.write_renderables(parity_report(report, out))
    return {"holds": OK, "broken": MISMATCH, "unproven": MISSING_DEPENDENCY}[report.verdict]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; the arguments are those of the process if None.

    Whatever goes wrong is one line on stderr: "error: ...".
    """
    try:
        return _invoke(list(sys.argv[1:] if arguments is None else arguments))
    except (KeyboardInterrupt, typer.Abort):
        console.note("interrupted")
        return INTERRUPTED
    except Exception as error:
        code, message = _verdict(error)
        console.report_error(error, message)
        return code


def _invoke(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    for parameter in command.params:
        if parameter.default is None:
            parameter.default = False  # --install-completion and --show-completion; why, see `root`.
    if f"_{PROGRAM.upper()}_COMPLETE" in os.environ:
        command.main(args=arguments, prog_name=PROGRAM)  # Answers the shell and exits.
    try:
        # Not `command.main`: it takes every broken pipe, a dead worker's too, for a reader of stdout that has left.
        with command.make_context(PROGRAM, arguments) as context:
            return int(command.invoke(context))
    except typer.Exit as stop:
        return stop.exit_code


def _verdict(error: Exception) -> tuple[int, str]:
    """Return the exit code and the message of an error."""
    # A usage error: click's own class in older Typers, Typer's in newer ones; both have these two attributes.
    if hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        where = PROGRAM if context is None else context.command_path
        return BAD_INPUT, f"{' '.join(error.format_message().split())} (see {where} --help)"
    if isinstance(error, ImportError):
        return MISSING_DEPENDENCY, str(error)
    from evalengine.errors import EvalEngineError, InputError

    if isinstance(error, InputError):
        return BAD_INPUT, str(error)
    if isinstance(error, EvalEngineError | OSError):
        return INTERNAL, str(error)
    details = " ".join(f"{type(error).__name__}: {error}".split())
    return INTERNAL, f"{details} ({console.TRACEBACK_VARIABLE}=1 shows where)"
