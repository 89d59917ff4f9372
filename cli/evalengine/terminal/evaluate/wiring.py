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
    episodes: Annotated[int | None, typer.Option(help="Episodes per individual; 10 if left out.")] = None,
    seed: Seed = None,
    seeds: Seeds = None,
    index: Annotated[int | None, typer.Option(help="Evaluate only this individual, counted from 0.")] = None,
    env_kwarg: EnvKwarg = None,
    reset_option: ResetOption = None,
    observation: Observation = None,
    max_episode_steps: MaxEpisodeSteps = None,
    normalize: Normalize = True,
    epsilon: Epsilon = None,
    sticky: Sticky = None,
    stop: Stop = None,
    no_ops: NoOps = None,
    threads: Threads = None,
    on_nan: Annotated[
        str, typer.Option(metavar="raise|NUMBER", help="Fitness of an individual whose logits become NaN or infinite.")
    ] = "raise",
    out: Annotated[
        Path | None, typer.Option(help="CSV file for all individuals; a killed run is resumed from it.")
    ] = None,
    per_episode: Annotated[
        bool, typer.Option("--per-episode", help="Write a row for each episode to --out, not for each individual.")
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(min=0, help="Show this many of the best individuals, 10 if left out; of one file only."),
    ] = None,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Evaluate the individuals of weights files.

    One file gets a table of its best individuals, several get a row each.
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
        observation=observation,
        max_episode_steps=max_episode_steps,
        normalize=normalize,
        epsilon=epsilon,
        sticky=sticky,
        stop=stop,
        no_ops="0" if no_ops is None else no_ops,
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
