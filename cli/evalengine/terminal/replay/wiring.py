"""The wiring of `evalengine replay`: parse, call, render, exit code; see `app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evalengine import streams
from evalengine.progress import is_drawn, progress_bar
from evalengine.terminal.common_options import (
    MISMATCH,
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
    Weights,
)


def replay(
    weights: Weights,
    env: EnvOption = None,
    policy: PolicyOption = None,
    layout: Layout = None,
    index: Annotated[
        str,
        typer.Option(
            metavar="best|N",
            help="Individual to replay, counting from 0, or the one with the best mean return over these episodes.",
        ),
    ] = "best",
    episodes: Annotated[
        int | None, typer.Option(metavar="N", help="Episodes to replay (default: 1, or one for each of --seeds).")
    ] = None,
    seed: Seed = None,
    seeds: Seeds = None,
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
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record the episodes to an .mp4 or .gif file.")
    ] = None,
    render: Annotated[
        str, typer.Option(metavar="none|human", help="With human, show the episodes in a window, in real time.")
    ] = "none",
    as_json: Json = False,
    show_help: Help = False,
) -> int:
    """Replay one individual in Gymnasium; record or watch it.

    The engine chooses the actions, so each return must be the one that evaluate gives, bit for bit. If it is not, the
    first step that differs is shown and the exit code is 1.
    """
    from evalengine.terminal import option_values as options
    from evalengine.terminal.replay.run import ReplayConfig, run

    config = ReplayConfig(
        weights=weights,
        env=env,
        policy=policy,
        layout=layout,
        index=options.parse_index(index),
        episodes=episodes,
        seeds=options.parse_seeds(seed, seeds),
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
        video=video,
        render=render,
    )
    with progress_bar("replaying", "steps") as progress:
        # A bar says where it is; without one, a line for each episode does.
        result = run(config, streams.note, each_episode=None if is_drawn() else streams.note, progress=progress)
    if as_json:
        streams.write_json(result.to_json())
    else:
        from evalengine.terminal.replay.tables import replay_report

        streams.write_renderables(replay_report(result))
    return OK if result.ok else MISMATCH
