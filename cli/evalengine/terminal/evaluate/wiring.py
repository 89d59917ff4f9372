"""The wiring of `evalengine evaluate`: parse, call, render, exit code; see `app`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from evalengine import streams
from evalengine.progress import progress_bar
from evalengine.terminal.common_options import (
    OK,
    ActionRepeat,
    EnvKwarg,
    EnvOption,
    Epsilon,
    Help,
    Json,
    Layout,
    MaxEpisodeSteps,
    NoOps,
    Normalize,
    Observation,
    PolicyOption,
    ResetOption,
    Seed,
    Seeds,
    Skip,
    Sticky,
    Stop,
    Threads,
    WeightsFiles,
)


def evaluate(
    weights: WeightsFiles,
    env: EnvOption = None,
    policy: PolicyOption = None,
    layout: Layout = None,
    episodes: Annotated[
        int | None, typer.Option(metavar="N", help="Episodes per individual (default: 10, or one for each of --seeds).")
    ] = None,
    seed: Seed = None,
    seeds: Seeds = None,
    index: Annotated[
        int | None, typer.Option(metavar="N", help="Evaluate this individual only, counting from 0.")
    ] = None,
    env_kwarg: EnvKwarg = None,
    reset_option: ResetOption = None,
    observation: Observation = None,
    skip: Skip = None,
    max_episode_steps: MaxEpisodeSteps = None,
    normalize: Normalize = True,
    epsilon: Epsilon = None,
    sticky: Sticky = None,
    stop: Stop = None,
    no_ops: NoOps = None,
    action_repeat: ActionRepeat = None,
    threads: Threads = None,
    on_nan: Annotated[
        str,
        typer.Option(
            metavar="raise|NUMBER",
            help="What to do about NaN or infinite logits: raise an error, or give the individual this fitness.",
        ),
    ] = "raise",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all individuals to this CSV file. A killed run is resumed from it."),
    ] = None,
    per_episode: Annotated[
        bool, typer.Option("--per-episode", help="Write one row per episode to --out instead of one per individual.")
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Show the N best individuals of a single file (default: 10)."),
    ] = None,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Evaluate the individuals in one or more weights files.

    Shows the best individuals of a single file, or one row per file.
    """
    from evalengine.errors import InputError
    from evalengine.terminal import option_values as options
    from evalengine.terminal.evaluate.run import EvaluateConfig, run_files

    if top is not None and len(weights) > 1:
        raise InputError(f"--top: expected one file, got {len(weights)}")
    config = EvaluateConfig(
        weights=weights[0],
        env=env,
        policy=policy,
        layout=layout,
        episodes=episodes,
        seeds=options.parse_seeds(seed, seeds),
        index=index,
        env_kwargs=options.parse_settings("--env-kwarg", env_kwarg or []),
        reset_options=options.parse_settings("--reset-option", reset_option or []),
        observation=options.with_skip(observation, skip),
        max_episode_steps=max_episode_steps,
        normalize=normalize,
        epsilon=epsilon,
        sticky=sticky,
        stop=stop,
        no_ops=no_ops,
        action_repeat=action_repeat,
        threads=threads,
        on_nan=options.parse_on_nan(on_nan),
        out=out,
        per_episode=per_episode,
    )
    with progress_bar("evaluating") as progress:
        results = run_files([replace(config, weights=path) for path in weights], progress, streams.note)
    if as_json:
        documents: list[dict[str, object]] = [result.to_json() for result in results]
        streams.write_json(documents if len(documents) > 1 else documents[0])
    else:
        from evalengine.terminal.evaluate.tables import evaluation_report, files_report

        report = (
            files_report(results) if len(results) > 1 else evaluation_report(results[0], 10 if top is None else top)
        )
        streams.write_renderables(report)
    return OK
