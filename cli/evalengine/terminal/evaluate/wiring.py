"""The wiring of `evalengine evaluate`: parse, call, render, exit code; see `app`."""

from __future__ import annotations

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
    Weights,
)


def evaluate(
    weights: Weights,
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
    top: Annotated[int, typer.Option(min=0, help="Show this many of the best individuals.")] = 10,
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Evaluate the individuals of a weights file."""
    from evalengine.terminal import option_values as options
    from evalengine.terminal.evaluate.run import EvaluateConfig, run

    config = EvaluateConfig(
        weights=weights,
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
    )
    with progress_bar("evaluating") as progress:
        result = run(config, progress, streams.note)
    if as_json:
        streams.write_json(result.to_json())
    else:
        from evalengine.terminal.evaluate.tables import evaluation_report

        streams.write_renderables(evaluation_report(result, top))
    return OK
