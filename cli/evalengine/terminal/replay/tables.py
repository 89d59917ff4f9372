"""What `replay` found as a table and lines, by rich, imported when it is needed: ReplayResult ──► replay_report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalengine.messages import named
from evalengine.streams import plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evalengine.playback.outcome import EpisodeReplay
    from evalengine.terminal.replay.result import ReplayResult


def replay_report(result: ReplayResult) -> list[RenderableType]:
    """Return a row per episode, whether each is the one that was evaluated, and where the video lies.

    Returns are shown with all their digits: those that differ in any bit look different.
    """
    replayed = result.replay
    table = plain_table(f"{result.env_id}  {result.policy}  individual {replayed.individual} of {result.population:,}")
    for heading in ("seed", "return", "evaluate's", "steps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("end", no_wrap=True)
    table.add_column("", no_wrap=True)
    for episode in replayed.episodes:
        table.add_row(
            str(episode.seed),
            repr(episode.played.total),
            repr(episode.evaluated),
            f"{episode.played.length:,}",
            _end(episode.played.terminated, episode.played.truncated),
            "same" if episode.ok else "DIFFERS",
            style=None if episode.ok else "bold red",
        )
    lines = [line for episode in replayed.episodes if not episode.ok for line in _difference_lines(episode)]
    if result.ok:
        lines.append("Gymnasium gave every step, return and end that evaluate gave, in every bit.")
    elif replayed.unproven:
        lines += ["", f"unproven: {replayed.unproven}"]
    if result.config.video is not None:
        lines.append(f"Video: {named(result.config.video)} ({replayed.frames:,} frames, {replayed.fps:g} a second)")
    return [table, *lines]


def _end(terminated: bool, truncated: bool) -> str:
    return " and ".join(name for name, holds in (("terminated", terminated), ("truncated", truncated)) if holds)


def _difference_lines(episode: EpisodeReplay) -> list[str]:
    """Say what differs in an episode, and where it began."""
    ours = f"return {episode.evaluated!r}, {episode.evaluated_length:,} steps, {_end(*episode.evaluated_ends)}"
    played = episode.played
    theirs = f"return {played.total!r}, {played.length:,} steps, {_end(played.terminated, played.truncated)}"
    lines = ["", f"MISMATCH: seed {episode.seed}: evaluate gave {ours}; Gymnasium gave {theirs}."]
    if episode.divergence is None:
        return [*lines, "Every step equals the native environment's: evaluate itself differs, which is a defect."]
    return [*lines, "First step that differs from the native environment:", *episode.divergence.message().split("\n")]
