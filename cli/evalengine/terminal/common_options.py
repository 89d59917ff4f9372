"""What the commands of the command line share: exit codes, and options that several of them have.

Imports nothing heavy: `--help` of every command loads it. Depends on console and completion.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalengine import streams
from evalengine.terminal.completion import complete_environment, complete_policy

PROGRAM = "evalengine"
OK, MISMATCH, BAD_INPUT, MISSING_DEPENDENCY, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 130
EXIT_CODES = (
    "Exit codes: 0 ok, 1 mismatch, 2 usage or bad input, 3 missing dependency, 4 internal or I/O, 130 Ctrl-C, "
    "143 SIGTERM."
)


def print_help(context: typer.Context, wanted: bool) -> None:
    """Answer --help as every other result is printed; Typer's own would fail where the reader has seen enough."""
    if wanted:
        streams.write_result(context.get_help())
        raise typer.Exit(OK)


Help = Annotated[
    bool, typer.Option("--help", "-h", callback=print_help, is_eager=True, help="Show this message and exit.")
]
Weights = Annotated[Path, typer.Argument(help="A .npy, .npz or .safetensors file: one vector or a population.")]
Seed = Annotated[int | None, typer.Option(help="First seed; 0 if left out.")]
Seeds = Annotated[str | None, typer.Option(help="One seed for each episode instead, as 3,17,99.")]
Threads = Annotated[
    int | None, typer.Option(help="Threads; all cores that this process may use if left out.", show_default=False)
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document (NaN and infinities as null) instead of tables.")
]
EnvOption = Annotated[
    str | None,
    typer.Option("--env", help="Environment; what the file says if left out.", autocompletion=complete_environment),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy", help="Such as mlp:4-64-2; what the file says if left out.", autocompletion=complete_policy
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        metavar="out_in|in_out", help="Matrices of arrays by layer: PyTorch's, or Keras'; told by shapes if left out."
    ),
]
EnvKwarg = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="Keyword argument of the environment; repeatable.")
]
ResetOption = Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Option of every reset; repeatable.")]
Observation = Annotated[
    str | None,
    typer.Option(
        help="What is seen: of images skip=4,crop=0/12/6/6,gray,resize=84x84,stack=4 (or padding=zero, subsample=8x8, "
        "channel=1, scale), of vectors skip=2,stack=4,keep=0/2,clip=-5/5."
    ),
]
MaxEpisodeSteps = Annotated[
    int | None, typer.Option(help="Time limit in steps; the file's, then the environment's own, if left out.")
]
Epsilon = Annotated[
    float | None,
    typer.Option(help="Probability of a random action; the file's, or 0, if left out.", show_default=False),
]
Sticky = Annotated[
    float | None,
    typer.Option(
        help="Probability that an action is the former one again; the file's, or 0, if left out.", show_default=False
    ),
]
Stop = Annotated[
    str | None,
    typer.Option(
        help="Stop episodes early: some of patience=50,reward_above=0,return_below=-5,condition=x>3; as the file says, "
        "if left out."
    ),
]
NoOps = Annotated[
    str | None,
    typer.Option(
        "--no-ops", help="How many first steps play action 0, or another one: 10, 10:3 or 10:0/1/0.", show_default=False
    ),
]
ActionRepeat = Annotated[
    int | None,
    typer.Option(help="How many times each action is played; the file's, or 1, if left out.", show_default=False),
]
Normalize = Annotated[
    bool, typer.Option("--normalize/--no-normalize", help="Normalise observations as the file says, if it does.")
]
