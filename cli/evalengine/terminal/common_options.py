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
Weights = Annotated[
    Path,
    typer.Argument(metavar="WEIGHTS", help="A .npy, .npz or .safetensors file holding one individual or a population."),
]
WeightsFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="WEIGHTS", help=".npy, .npz or .safetensors files, each holding one individual or a population."
    ),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="Seed of the first episode; the next ones count up (default: 0).")
]
Seeds = Annotated[
    str | None, typer.Option(metavar="N,N,...", help="One seed per episode, such as 3,17,99, instead of --seed.")
]
Threads = Annotated[
    int | None,
    typer.Option(metavar="N", help="Number of threads (default: one per available core).", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, with NaN and infinities as null, instead of tables.")]
EnvOption = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="ENV",
        help="Environment, by id or short name (default: the one that the file names).",
        autocompletion=complete_environment,
    ),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="SPEC",
        help="Policy spec, such as mlp:4-64-2 (default: the one that the file names).",
        autocompletion=complete_policy,
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        metavar="out_in|in_out",
        help="Layout of weights stored layer by layer: out_in as in PyTorch, in_out as in Keras (default: inferred "
        "from the shapes).",
    ),
]
EnvKwarg = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Keyword argument of the environment, such as gravity=-5; may be repeated."),
]
ResetOption = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Option of every reset, such as low=-1; may be repeated."),
]
Observation = Annotated[
    str | None,
    typer.Option(
        metavar="SPEC",
        help="What the policy sees. Images: skip=4,crop=0/12/6/6,gray,resize=84x84,stack=4 (or padding=zero, "
        "subsample=8x8, channel=1, scale). Vectors: skip=2,stack=4,keep=0/2,clip=-5/5 (default: what the file says).",
    ),
]
Skip = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Play each action N times and show the policy the largest of the last two frames: short for "
        "--observation skip=N, and put before other options of --observation.",
    ),
]
MaxEpisodeSteps = Annotated[
    int | None,
    typer.Option(metavar="N", help="Time limit in steps (default: the one in the file, else the environment's own)."),
]
Epsilon = Annotated[
    float | None,
    typer.Option(
        metavar="P", help="Probability of a random action (default: the one in the file, else 0).", show_default=False
    ),
]
Sticky = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        help="Probability of repeating the previous action (default: the one in the file, else 0).",
        show_default=False,
    ),
]
Stop = Annotated[
    str | None,
    typer.Option(
        metavar="RULES",
        help="Stop episodes early, by one or more of patience=50, reward_above=0, return_below=-5 and condition=x > 3, "
        "separated by commas (default: those in the file, else none).",
    ),
]
NoOps = Annotated[
    str | None,
    typer.Option(
        "--no-ops",
        metavar="N[:ACTION]",
        help="Begin each episode with N no-op steps, or with N steps of another action, such as 10, 10:3 or 10:0/1/0 "
        "(default: what the file says, else none).",
        show_default=False,
    ),
]
ActionRepeat = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Play each action N times (default: the number in the file, else 1).",
        show_default=False,
    ),
]
Normalize = Annotated[
    bool,
    typer.Option(
        "--normalize/--no-normalize",
        help="Normalize observations if the file says so (default), or never.",
        show_default=False,
    ),
]
