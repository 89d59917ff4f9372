"""`evalengine replay`: one individual in the real Gymnasium, to be watched, and to see that its return is the same.

    ReplayConfig ──► run ──► the file's individuals and setting ──► playing ──► ReplayResult

Nothing is printed here; the caller renders the result and chooses the exit code from `ok`.
"""

from __future__ import annotations

from collections.abc import Callable

from evalengine.messages import named
from evalengine.playback.playing import Show, play
from evalengine.progress import Progress
from evalengine.terminal.fitting import choose
from evalengine.terminal.replay.result import ReplayConfig, ReplayResult
from evalengine.terminal.weights_file import loaded_weights, selected, setting_of

__all__ = ["ReplayConfig", "ReplayResult", "run"]


def run(
    config: ReplayConfig,
    note: Callable[[str], object] = lambda line: None,
    *,
    each_episode: Callable[[str], object] | None = None,
    progress: Progress | None = None,
) -> ReplayResult:
    """Evaluate, choose the individual, play its episodes in Gymnasium, write the video.

    Args:
        config: what to play.
        note: called with a line for people: what is played as the file says.
        each_episode: called with a line for people before each episode.
        progress: called with (steps played, steps in all) about ten times a second.

    Raises:
        InputError: a file, a name or a number that cannot be used; raised before any episode starts.
        NonFiniteError: the individual's weights or logits are NaN or infinite.
        MissingDependencyError: Gymnasium, or what records the video, is not installed.
        OutputError: the video cannot be written, or no window can be opened.
    """
    if config.video is not None:
        # Before the suffix, which a weights file would not have: this is the mistake that destroys something.
        config.check_output("video", config.video)
    show = Show(config.index, config.n_episodes, config.seeds, config.video, config.render, config.threads)
    show.check()
    loaded = loaded_weights(config, note)
    options, said = setting_of(config, loaded)
    entry, policy = choose(loaded, config.env, options.get("env_kwargs"), options.get("observation"))
    policy.check_fits(entry)
    candidates, positions = selected(loaded, config.index, "best or a position from 0")
    if said:
        note(said)
    name = f"weights: {named(loaded.path)}"
    replayed = play(
        entry.id,
        policy,
        candidates,
        options,
        show,
        first=int(positions[0]),
        name=name,
        progress=progress,
        note=each_episode,
    )
    return ReplayResult(config, entry.id, str(policy), len(loaded.weights), replayed)
