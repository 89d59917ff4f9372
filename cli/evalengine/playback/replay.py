"""One individual in the real Gymnasium, to be watched, and to see that its return is the one that `evaluate` gives.

    >>> replay("LunarLander-v3", population, policy, seeds=3, video="lander.mp4")
    Replay(individual 17: 251.374; every bit agrees, 'lander.mp4')

Every argument is checked here; `playing` does it. Nothing is printed but the bar that `progress=True` asks for. Depends
on policies and `playing`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from numpy.typing import ArrayLike

from evalengine.environments.registry import describe
from evalengine.errors import InputError
from evalengine.evaluation.options import check_keywords
from evalengine.messages import shown
from evalengine.playback.outcome import Replay
from evalengine.playback.playing import Show, play
from evalengine.policies.individuals import AnyPolicy, as_policy, individuals_of
from evalengine.policies.setting import SETTING_NAMES, SettingOptions, checked_setting
from evalengine.progress import Progress, check_progress, reported
from evalengine.scalars import as_integer

if TYPE_CHECKING:
    from evalengine.policies.loading import LoadedWeights
    from evalengine.policies.population import Weights

__all__ = ["Replay", "replay"]


class ReplayOptions(SettingOptions, total=False):
    """All keywords of `replay`."""

    individual: int | Literal["best"]
    episodes: int | None
    seeds: ArrayLike | None
    video: str | os.PathLike[str] | None
    render: Literal["human", "none"]
    threads: int | None
    progress: Progress | bool | None


def replay(
    env_id: str, weights: Weights | LoadedWeights, policy: AnyPolicy | str, **options: Unpack[ReplayOptions]
) -> Replay:
    """Play episodes of one individual in the real Gymnasium, record or show them, and compare every bit.

    The actions are those of the engine's forward pass, so every step and return must be the one that `evaluate` gives.

    Args:
        env_id: the environment, by full id or short name.
        weights: as `evaluate` takes them, also what `load_weights` returned.
        policy: as `evaluate` takes it.
        individual: its position, counted from 0, or "best" (the default): the highest mean return over the episodes
            that are played.
        episodes: how many; None is as many as `seeds` has, or 1.
        seeds: as `evaluate` takes them; all individuals that "best" chooses from play the same, (E,).
        video: where all episodes, one after the other, are recorded: a name ending in .mp4 or .gif. Needs the extra
            `video`. The file is written whole or not at all.
        render: "human" shows the episodes in Gymnasium's window, at its pace; not together with `video`.
        threads: of the evaluation that chooses the best and gives the returns to compare with.
        progress: True draws a bar of steps with the time left on stderr (a line a minute where that is no terminal); a
            function is called with (steps played, steps in all) about ten times a second, and at the end.
        options: env_kwargs (the same for all), reset_options, observation, max_episode_steps, normalize, epsilon,
            sticky, stop, no_ops, action_repeat: see `evaluate`.

    Returns:
        The path of the video, whether every bit agreed (`ok`), and both sides of each episode.

    Raises:
        InputError: an argument cannot be used; nothing has been played.
        NonFiniteError: the individual's weights or logits are NaN or infinite.
        MissingDependencyError: Gymnasium, what the environment stands on, or what records the video is not installed.
        OutputError: the video cannot be written, or no window can be opened.
    """
    check_keywords("replay", options, ReplayOptions.__optional_keys__)
    given: Any = weights
    loading = sys.modules.get("evalengine.policies.loading")  # who has loaded weights has imported it
    if loading is not None and isinstance(given, loading.LoadedWeights):
        given, options = given.weights, {**given.options_for(env_id), **options}
    check_progress(options.get("progress"))
    show = _shown(options)
    known = as_policy(policy)
    setting = checked_setting({name: options[name] for name in SETTING_NAMES if name in options}, env_id)  # type: ignore[literal-required]
    entry = describe(env_id, setting.get("env_kwargs"), setting.get("observation"))
    known.check_fits(entry)
    individuals = individuals_of(known, given)
    first = _position(show, len(individuals))
    candidates = individuals if show.individual == "best" else individuals[first : first + 1]
    with reported(options.get("progress"), label="replaying", unit="steps") as progress:
        return play(entry.id, known, candidates, setting, show, first=first, progress=progress)


def _shown(options: ReplayOptions) -> Show:
    """Return who is played, and where it is shown, checked but for the position."""
    individual: Any = options.get("individual", "best")
    position = as_integer(individual)
    if position is None and individual != "best":
        raise InputError(f"individual: expected 'best' or a position from 0, got {shown(individual)}")
    video: Any = options.get("video")
    if video is not None and not isinstance(video, str | os.PathLike):
        raise InputError(f"video: expected a path, got {shown(video)}")
    show = Show(
        individual="best" if position is None else position,
        episodes=options.get("episodes"),
        seeds=options.get("seeds"),
        video=None if video is None else Path(video),
        render=options.get("render", "none"),
        threads=options.get("threads"),
    )
    show.check()
    return show


def _position(show: Show, population: int) -> int:
    """Return the position of the first individual that may be played."""
    position = 0 if show.individual == "best" else show.individual
    if not 0 <= position < population:
        raise InputError(
            f"individual: expected 'best' or a position from 0 among {population} individuals, "
            f"got {shown(show.individual)}"
        )
    return position
