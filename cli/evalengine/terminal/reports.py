"""The results of `replay` and `envs` as tables on a terminal (by rich); those of the other commands are in `tables`.

    ReplayResult ──► replay_report ──► rich          EnvironmentsResult ──► environments_report ──► rich

Nothing is computed here but what a reader needs to see numbers well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalengine.messages import named

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from evalengine.environments.registry import EnvironmentEntry
    from evalengine.terminal.envs.run import EnvironmentsResult, ListedEnvironment
    from evalengine.terminal.replay.result import EpisodeReplay, ReplayResult


def replay_report(result: ReplayResult) -> list[RenderableType]:
    """Return a row per episode, whether each is the one that was evaluated, and where the video lies.

    Returns are shown with all their digits: those that differ in any bit look different.
    """
    table = _table(f"{result.env_id}  {result.policy}  individual {result.individual} of {result.population:,}")
    for heading in ("seed", "return", "evaluate's", "steps"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("end", no_wrap=True)
    table.add_column("", no_wrap=True)
    for episode in result.episodes:
        table.add_row(
            str(episode.seed),
            repr(episode.played.total),
            repr(episode.evaluated),
            f"{episode.played.length:,}",
            _end(episode.played.terminated, episode.played.truncated),
            "same" if episode.ok else "DIFFERS",
            style=None if episode.ok else "bold red",
        )
    lines = [line for episode in result.episodes if not episode.ok for line in _difference_lines(episode)]
    if result.ok:
        lines.append("Gymnasium gave every step, return and end that evaluate gave, in every bit.")
    elif result.unproven:
        lines += ["", f"unproven: {result.unproven}"]
    if result.config.video is not None:
        lines.append(f"Video: {named(result.config.video)} ({result.frames:,} frames, {result.fps:g} a second)")
    return [table, *lines]


def environments_report(result: EnvironmentsResult) -> list[RenderableType]:
    """Return a table with a row per environment, and what its columns mean; of one environment, all that is known."""
    if len(result.environments) == 1:
        return _environment_lines(result.environments[0])
    table = _table("environments")
    for heading in ("id", "short name", "observation", "actions", "default policy", "claim", "its policy"):
        table.add_column(heading, no_wrap=True)
    for listed in result.environments:
        entry = listed.entry
        table.add_row(
            entry.id,
            entry.short_name,
            observation_text(entry),
            actions_text(entry),
            entry.default_policy,
            listed.claim,
            listed.policy_claim,
        )
    return [
        table,
        "claim: every bit of an episode against the reference; its policy: actions against PyTorch's.",
        "Keyword arguments, reset options and more: evalengine envs ENV, or --json.",
    ]


def observation_text(entry: EnvironmentEntry) -> str:
    """Return the shape and type of an observation, "(4,) float32"."""
    return f"{entry.observation_shape} {entry.observation_dtype}"


def actions_text(entry: EnvironmentEntry) -> str:
    """Return the number of discrete actions, "4", or dimensions and bounds of a Box, "2 in [-1, 1]"."""
    if entry.n_actions is not None:
        return str(entry.n_actions)
    bounds = [f"[{low:g}, {high:g}]" for low, high in zip(entry.action_low or (), entry.action_high or (), strict=True)]
    return f"{entry.n_outputs} in {' x '.join(bounds if len(set(bounds)) > 1 else bounds[:1])}"


def _environment_lines(listed: ListedEnvironment) -> list[RenderableType]:
    """Return the id with the summary, and a table without headings of everything else."""
    from rich.table import Table
    from rich.text import Text

    entry = listed.entry
    reason = f" ({listed.policy_reason})" if listed.policy_reason else ""
    limit = "none" if entry.max_episode_steps is None else f"{entry.max_episode_steps:,} steps"
    rows = {
        "short name": entry.short_name,
        "observation": observation_text(entry),
        "actions": actions_text(entry),
        "time limit": limit,
        "keyword arguments": _settings(entry.kwargs),
        "reset options": _settings(entry.reset_options),
        "default policy": entry.default_policy,
        "claim": f"{listed.claim}: every bit of an episode, against the reference",
        "claim of its policy": f"{listed.policy_claim}: actions, against PyTorch's{reason}",
        **{name.replace("_", " "): ", ".join(fields) for name, fields in listed.fields.items()},
    }
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, text)
    return [Text(f"{entry.id}: {entry.summary}", style="bold"), table]


def _settings(values: Mapping[str, bool | int | float]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items()) or "none"


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


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
