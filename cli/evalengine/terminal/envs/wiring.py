"""The wiring of `evalengine envs`: parse, call, render, exit code; see `app`."""

from __future__ import annotations

from typing import Annotated

import typer

from evalengine import streams
from evalengine.terminal.common_options import OK, Help, Json
from evalengine.terminal.completion import complete_environment


def envs(
    env: Annotated[
        str | None,
        typer.Argument(metavar="ENV", help="Show only this one, in full.", autocompletion=complete_environment),
    ] = None,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """List the environments.

    Shows their observations, actions and default policies, and what is exact.
    """
    from evalengine.terminal.envs.run import run

    result = run(env)
    if as_json:
        streams.write_json(result.to_json())
    else:
        from evalengine.terminal.envs.tables import environments_report

        streams.write_renderables(environments_report(result, streams.output_width()))
    return OK
