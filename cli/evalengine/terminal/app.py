"""The command line: parse, call, render, exit code; nothing else.

    evalengine evaluate weights.npy          evalengine bench snake          evalengine parity all
    evalengine replay weights.npy            evalengine envs

stdout is for results, stderr for progress and errors. Exit codes: 0 ok, 1 mismatch, 2 usage or bad input, 3 missing
dependency, 4 internal or I/O, 130 Ctrl-C, 143 SIGTERM (129 SIGHUP), which cleans up as Ctrl-C does. What a command
needs is imported when it runs, so that `--help` and a misspelt option answer at once. Most commands have a module
`cli_*.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from evalengine import streams
from evalengine.lifetimes import Terminated, ending_in_order
from evalengine.messages import named
from evalengine.terminal.bench.wiring import bench, compare
from evalengine.terminal.common_options import (
    BAD_INPUT,
    EXIT_CODES,
    INTERNAL,
    INTERRUPTED,
    MISMATCH,
    MISSING_DEPENDENCY,
    OK,
    PROGRAM,
    Help,
    Json,
)
from evalengine.terminal.completion import (
    complete_driver,
    complete_environment_or_all,
    complete_policy,
)
from evalengine.terminal.draw.wiring import draw
from evalengine.terminal.envs.wiring import envs
from evalengine.terminal.evaluate.wiring import evaluate
from evalengine.terminal.plain_help import PlainCommand
from evalengine.terminal.replay.wiring import replay

__all__ = [
    "BAD_INPUT",
    "EXIT_CODES",
    "INTERNAL",
    "INTERRUPTED",
    "MISMATCH",
    "MISSING_DEPENDENCY",
    "OK",
    "PROGRAM",
    "app",
    "main",
]

app = typer.Typer(
    help="Evaluate populations of policies in reinforcement-learning environments.",
    epilog=EXIT_CODES,
    # Plain help: importing rich would take longer than the help itself may.
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True, add_help_option=False)
def root(
    context: typer.Context,
    # Only flags that are False by default: to read anything else, Typer imports pydantic (0.3 s).
    version: Annotated[bool, typer.Option("--version", help="Show the version and build, and exit.")] = False,
    show_help: Help = False,
) -> None:
    """Answer --version and --help; everything else is a command's."""
    if version:
        from evalengine.evaluation.provenance import describe_build

        streams.write_result(f"{PROGRAM} {describe_build()}")
    elif context.invoked_subcommand is None:
        streams.note(context.get_help())
        raise typer.Exit(BAD_INPUT)
    else:
        return
    raise typer.Exit(OK)


app.command(cls=PlainCommand, add_help_option=False)(evaluate)
app.command(cls=PlainCommand, add_help_option=False)(replay)
app.command(cls=PlainCommand, add_help_option=False)(draw)


app.command(cls=PlainCommand, add_help_option=False)(bench)
app.command(cls=PlainCommand, add_help_option=False)(compare)


@app.command(cls=PlainCommand, add_help_option=False)
def parity(
    env: Annotated[
        str,
        typer.Argument(
            metavar="ENV|all", help="Environment to check, or all.", autocompletion=complete_environment_or_all
        ),
    ],
    steps: Annotated[
        int, typer.Option(metavar="N", help="Steps per section, in as many episodes as that takes.")
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the first episode.")] = 0,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Policy spec, such as mlp:4-64-2 (default: the environment's).",
            autocompletion=complete_policy,
        ),
    ] = None,
    driver: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Who chooses the open loop's actions: random, sticky, policy, or a driver of the environment's own "
            "(default: each in turn).",
            autocompletion=complete_driver,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the differences, step by step, to this CSV file.")
    ] = None,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Check every bit against Gymnasium and PyTorch.

    The exit code is 1 if a claim is broken, and 3 if one cannot be checked because a package is missing or is not the
    version that the claim is about.
    """
    from evalengine.terminal.parity.run import ParityConfig, run

    report = run(ParityConfig(env, steps, seed, policy, driver, out), streams.note)
    if as_json:
        streams.write_json(report.to_json())
    else:
        from evalengine.parity.tables import parity_report

        streams.write_renderables(parity_report(report, out))
    return {"holds": OK, "broken": MISMATCH, "unproven": MISSING_DEPENDENCY}[report.verdict]


app.command(cls=PlainCommand, add_help_option=False)(envs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; the arguments are those of the process if None.

    Whatever goes wrong is one line on stderr: "error: ...".
    """
    with ending_in_order() as ending:
        code = _invoked(list(sys.argv[1:] if arguments is None else arguments))
    return code if ending.exit_code is None else ending.exit_code


def _invoked(arguments: list[str]) -> int:
    """Run one command; the exit code of whatever it ends with."""
    try:
        return _invoke(arguments)
    except (KeyboardInterrupt, typer.Abort) as stop:
        streams.note("terminated" if isinstance(stop, Terminated) else "interrupted")
        return INTERRUPTED
    except Exception as error:
        code, message = _verdict(error)
        streams.report_error(error, message)
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
        return BAD_INPUT, f"{named(' '.join(error.format_message().split()))} (see {where} --help)"
    if isinstance(error, ImportError):
        return MISSING_DEPENDENCY, named(error)
    from evalengine.errors import EvalEngineError, InputError, UnsupportedError

    if isinstance(error, InputError | UnsupportedError):
        return BAD_INPUT, str(error)
    if isinstance(error, EvalEngineError | OSError):
        return INTERNAL, str(error) if isinstance(error, EvalEngineError) else named(error)
    details = named(" ".join(f"{type(error).__name__}: {error}".split()))
    return INTERNAL, f"{details} ({streams.TRACEBACK_VARIABLE}=1 shows where)"
