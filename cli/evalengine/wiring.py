"""What the commands of the command line share: exit codes, and the options that mean the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from evalengine import console

OK, MISMATCH, BAD_INPUT, MISSING_DEPENDENCY, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130


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
