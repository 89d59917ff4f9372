"""An individual is evaluated and plays the same episodes in the real Gymnasium, beside a window or a video.

    weights ──► evaluate: returns, the best individual ──┐
            └─► GymPlayer: the same episodes ──► video ──┴─► Replay

What is asked for has been checked (`Show.check`, `replay`). Gymnasium is imported by the call. Depends on the player,
the video and `evaluate`.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from evalengine.errors import InputError, MissingDependencyError, NonFiniteError
from evalengine.evaluation.evaluate import Evaluation, evaluate
from evalengine.messages import shown
from evalengine.playback.outcome import EpisodeReplay, Replay
from evalengine.playback.video import VideoWriter, check_video, write_video
from evalengine.policies.individuals import AnyPolicy, Individuals
from evalengine.policies.setting import SettingOptions
from evalengine.progress import Progress

if TYPE_CHECKING:
    from evalengine.playback.acting import Individual
    from evalengine.playback.player import Played, Setting

RENDER_MODES = ("human", "none")
"""What may be shown while it plays."""

# How often a bar hears of the steps.
_NEWS_SECONDS = 0.1


@dataclass(frozen=True)
class Show:
    """Who is played how often, and where it is shown.

    Attributes:
        individual: its position, or "best".
        episodes: how many; None is as many as there are seeds, or 1.
        seeds: as `evaluate` takes them, the same for all individuals.
        video: a .mp4 or .gif file for all episodes, one after the other; None records nothing.
        render: "human" opens Gymnasium's window, "none" does not.
        threads: of the evaluation.
    """

    individual: int | Literal["best"] = "best"
    episodes: int | None = None
    seeds: ArrayLike | None = None
    video: Path | None = None
    render: str = "none"
    threads: int | None = None

    def check(self) -> None:
        """Refuse what cannot be shown.

        Raises:
            InputError: an unknown way to render, or two ways at once, or a video of another kind.
            OutputError: the video cannot be written.
            MissingDependencyError: what records a video is not installed.
        """
        if self.render not in RENDER_MODES:
            raise InputError(f"render: expected {' or '.join(RENDER_MODES)}, got {shown(self.render)}")
        if self.video is None:
            return
        if self.render != "none":
            raise InputError("render: expected either a video or a window, got both")
        check_video(self.video)


def play(
    env_id: str,
    policy: AnyPolicy,
    candidates: Individuals,
    options: SettingOptions,
    show: Show,
    *,
    first: int = 0,
    name: str = "weights",
    progress: Progress | None = None,
    note: Callable[[str], object] | None = None,
) -> Replay:
    """Evaluate, choose the individual, play its episodes in Gymnasium, write the video.

    Args:
        env_id: full id.
        policy: fits it.
        candidates: one individual, or those from which the best is chosen.
        options: what they play in, checked.
        show: who is played, and where it is shown; checked.
        first: the position of the first candidate.
        name: what the candidates are called in messages.
        progress: called with (steps played, steps in all).
        note: called with a line before each episode.

    Raises:
        InputError: a number that cannot be used; raised before any episode starts.
        NonFiniteError: see `replay`.
        MissingDependencyError: see `replay`.
        OutputError: see `replay`.
    """
    if importlib.util.find_spec("gymnasium") is None:
        raise MissingDependencyError.of("gymnasium", extra="gymnasium")
    # Not above: it loads NumPy's generators, which `from evalengine import *` has no need of.
    from evalengine.references import reference
    from evalengine.references.versions import standing

    source = reference(env_id)  # imports what the environment stands on, too
    unproven = standing(*source.packages).unproven or source.documented(("observation",))
    from evalengine.playback.player import Setting

    setting = Setting.of(env_id, policy, options)
    news = _StepNews(progress)
    # Made before the episodes are evaluated, so that a missing package or a bad name is known before any work.
    with _stage(setting, show, news.step) as (play_episode, writer, fps):
        evaluation = _evaluated(show, setting, options, candidates)
        row = _best_row(evaluation, show.individual, name)
        news.total = int(evaluation.lengths[row].sum())
        episodes = []
        for position, seed in enumerate(evaluation.seeds[row].tolist()):
            if note is not None:
                note(f"individual {first + row}: episode {position + 1} of {len(evaluation.seeds[row])}, seed {seed}")
            episodes.append(_episode(evaluation, row, position, play_episode(candidates[row], seed)))
        news.finish()
    return Replay(show.video, first + row, tuple(episodes), writer.frames, fps, unproven)


class _StepNews:
    """Tells a progress function how many steps were played, ten times a second."""

    def __init__(self, progress: Progress | None) -> None:
        self.total = 0
        self._progress = progress
        self._done = 0
        self._told = -_NEWS_SECONDS

    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._told >= _NEWS_SECONDS:
            self._told = now
            self._tell(min(self._done, self.total))  # an episode that differs can be longer than the evaluated one

    def finish(self) -> None:
        self._tell(self.total)

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, self.total)


class _NoVideo:
    """Stands where a VideoWriter would."""

    frames = 0


@contextmanager
def _stage(
    setting: Setting, show: Show, stepped: Callable[[], object]
) -> Iterator[tuple[Callable[[Individual, int], Played], VideoWriter | _NoVideo, float]]:
    """Yield what plays an episode, who counts its frames, and how many of them make a second."""
    from evalengine.playback.player import GymPlayer

    with ExitStack() as stack:
        if show.render == "none":
            stack.enter_context(_no_screen())
        if show.video is None:
            mode = None if show.render == "none" else show.render
            player = stack.enter_context(GymPlayer(setting, mode, stepped=stepped))
            yield player.play, _NoVideo(), player.fps
            return
        writers: list[VideoWriter] = []
        player = stack.enter_context(GymPlayer(setting, "rgb_array", lambda frame: writers[0].add(frame), stepped))
        writers.append(stack.enter_context(write_video(show.video, player.fps)))
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


def _evaluated(show: Show, setting: Setting, options: SettingOptions, weights: Individuals) -> Evaluation:
    return evaluate(
        setting.env_id,
        weights,
        setting.policy,
        episodes=show.episodes,
        seeds=show.seeds,
        threads=show.threads,
        # Others than the best may fail; if the best has, all have.
        on_nan=-np.inf,
        **options,
    )


def _best_row(evaluation: Evaluation, individual: int | Literal["best"], name: str) -> int:
    """Return the row with the highest fitness, the first of equals, among those that did not fail."""
    row = int(np.lexsort((-evaluation.fitness.astype(np.float64), evaluation.failed))[0])
    if evaluation.failed[row]:
        expected = "an individual with" if individual == "best" else f"individual {individual} to have"
        raise NonFiniteError(f"{name}: expected {expected} finite weights and logits, got NaN or infinite ones")
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
