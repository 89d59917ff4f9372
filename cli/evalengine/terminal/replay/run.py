"""`evalengine replay`: one individual in the real Gymnasium, to be watched, and to see that its return is the same.

    ReplayConfig ──► run ──► evaluate: returns, the best individual ──┐
                       └───► GymPlayer: the same episodes ──► video ──┴─► ReplayResult

Nothing is printed here; the caller renders the result and chooses the exit code from `ok`.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalengine.errors import InputError, MissingDependencyError, NonFiniteError
from evalengine.evaluation.evaluate import Evaluation, evaluate
from evalengine.messages import named, shown
from evalengine.playback.video import VideoWriter, check_video, write_video
from evalengine.policies.individuals import Individuals
from evalengine.policies.loading import LoadedWeights
from evalengine.policies.setting import SettingOptions
from evalengine.references import reference
from evalengine.references.versions import standing
from evalengine.terminal.fitting import choose
from evalengine.terminal.replay.result import EpisodeReplay, ReplayConfig, ReplayResult
from evalengine.terminal.weights_file import loaded_weights, selected, setting_of

if TYPE_CHECKING:
    from evalengine.playback.acting import Individual
    from evalengine.playback.player import Played, Setting

__all__ = ["RENDER_MODES", "EpisodeReplay", "ReplayConfig", "ReplayResult", "run"]

RENDER_MODES = ("human", "none")
"""What may be shown while it plays."""


def run(config: ReplayConfig, progress: Callable[[str], object] = lambda line: None) -> ReplayResult:
    """Evaluate, choose the individual, play its episodes in Gymnasium, write the video.

    Args:
        config: what to play.
        progress: called with a line for people before each episode, and first with what is played as the file says.

    Raises:
        InputError: a file, a name or a number that cannot be used; raised before any episode starts.
        NonFiniteError: the individual's weights or logits are NaN or infinite.
        MissingDependencyError: Gymnasium, or what records the video, is not installed.
        OutputError: the video cannot be written, or no window can be opened.
    """
    _check_outputs(config)
    loaded = loaded_weights(config, progress)
    options, said = setting_of(config, loaded)
    entry, policy = choose(loaded, config.env, options.get("env_kwargs"), options.get("observation"))
    policy.check_fits(entry)
    candidates, positions = selected(loaded, config.index, "best or a position from 0")
    if importlib.util.find_spec("gymnasium") is None:
        raise MissingDependencyError.of("gymnasium", extra="gymnasium")
    source = reference(entry.id)  # imports what the environment stands on, too
    unproven = standing(*source.packages).unproven or source.documented(("observation",))
    from evalengine.playback.player import Setting

    setting = Setting.of(entry.id, policy, options)
    if said:
        progress(said)
    # Made before the episodes are evaluated, so that a missing package or a bad name is known before any work.
    with _stage(setting, config) as (play, writer, fps):
        evaluation = _evaluated(config, setting, options, candidates)
        row = _best_row(evaluation, loaded, config.index)
        individual = int(positions[row])
        episodes = []
        for position, seed in enumerate(evaluation.seeds[row].tolist()):
            progress(f"individual {individual}: episode {position + 1} of {len(evaluation.seeds[row])}, seed {seed}")
            played = play(candidates[row], seed)
            episodes.append(_episode(evaluation, row, position, played))
    return ReplayResult(
        config, entry.id, str(policy), individual, len(loaded.weights), tuple(episodes), writer.frames, fps, unproven
    )


class _NoVideo:
    """Stands where a VideoWriter would."""

    frames = 0


@contextmanager
def _stage(
    setting: Setting, config: ReplayConfig
) -> Iterator[tuple[Callable[[Individual, int], Played], VideoWriter | _NoVideo, float]]:
    """Yield what plays an episode, who counts its frames, and how many of them make a second."""
    from evalengine.playback.player import GymPlayer

    with ExitStack() as stack:
        if config.render == "none":
            stack.enter_context(_no_screen())
        if config.video is None:
            player = stack.enter_context(GymPlayer(setting, None if config.render == "none" else config.render))
            yield player.play, _NoVideo(), player.fps
            return
        writers: list[VideoWriter] = []
        player = stack.enter_context(GymPlayer(setting, "rgb_array", lambda frame: writers[0].add(frame)))
        writers.append(stack.enter_context(write_video(config.video, player.fps)))
        yield player.play, writers[0], player.fps


@contextmanager
def _no_screen() -> Iterator[None]:
    """Tell SDL not to look for a screen, which frames do not need, and of whose absence it would complain on stderr."""
    if "SDL_VIDEODRIVER" in os.environ:
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        del os.environ["SDL_VIDEODRIVER"]


def _check_outputs(config: ReplayConfig) -> None:
    if config.render not in RENDER_MODES:
        raise InputError(f"render: expected {' or '.join(RENDER_MODES)}, got {shown(config.render)}")
    if config.video is None:
        return
    if config.render != "none":
        raise InputError(f"render: expected either --video or --render {config.render}, got both")
    # Before the suffix, which a weights file would not have: this is the mistake that destroys something.
    config.check_output("video", config.video)
    check_video(config.video)


def _evaluated(config: ReplayConfig, setting: Setting, options: SettingOptions, weights: Individuals) -> Evaluation:
    return evaluate(
        setting.env_id,
        weights,
        setting.policy,
        episodes=config.n_episodes,
        seeds=config.seeds,
        threads=config.threads,
        # Others than the best may fail; if the best has, all have.
        on_nan=-np.inf,
        **options,
    )


def _best_row(evaluation: Evaluation, loaded: LoadedWeights, index: int | Literal["best"]) -> int:
    """Return the row with the highest fitness, the first of equals, among those that did not fail."""
    row = int(np.lexsort((-evaluation.fitness.astype(np.float64), evaluation.failed))[0])
    if evaluation.failed[row]:
        expected = "an individual with" if index == "best" else f"individual {index} to have"
        raise NonFiniteError(
            f"weights: {named(loaded.path)}: expected {expected} finite weights and logits, got NaN or infinite ones"
        )
    return row


def _episode(evaluation: Evaluation, row: int, position: int, played: Played) -> EpisodeReplay:
    place = row, position
    return EpisodeReplay(
        seed=int(evaluation.seeds[place]),
        evaluated=float(evaluation.returns[place]),
        evaluated_length=int(evaluation.lengths[place]),
        evaluated_ends=(bool(evaluation.terminated[place]), bool(evaluation.truncated[place])),
        played=played,
    )
