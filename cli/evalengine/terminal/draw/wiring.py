"""The wiring of `evalengine draw`: parse, call, exit code; see `app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalengine import streams
from evalengine.terminal.common_options import OK, Help, PolicyOption


def draw(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="A .npz file of graphs.")],
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The .svg, .png or .pdf file to write.")],
    index: Annotated[int, typer.Option(metavar="N", help="Individual to draw, counting from 0.")] = 0,
    policy: PolicyOption = None,
    show_help: Help = False,
) -> int:
    """Draw the network of one individual in a file of graphs (NEAT).

    Inputs are on the left, outputs on the right. The larger a weight, the wider its connection: blue if it is positive,
    orange if it is negative.
    """
    from evalengine.terminal.draw.run import run

    streams.note(run(weights, picture, index, policy))
    return OK
