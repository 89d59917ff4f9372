"""The wiring of `evalengine draw`: parse, call, exit code; see `app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalengine import streams
from evalengine.terminal.common_options import OK, Help, PolicyOption


def draw(
    weights: Annotated[Path, typer.Argument(help="A .npz file of graphs.")],
    picture: Annotated[Path, typer.Argument(help="Where to draw: a .svg, .png or .pdf file.")],
    index: Annotated[int, typer.Option(help="Individual, counted from 0.")] = 0,
    policy: PolicyOption = None,
    show_help: Help = False,
) -> int:
    """Draw the network of one individual of a file of graphs (NEAT).

    Inputs are on the left and outputs on the right; a connection is as wide as its weight is large, blue above 0 and
    orange below.
    """
    from evalengine.terminal.draw.run import run

    streams.note(run(weights, picture, index, policy))
    return OK
