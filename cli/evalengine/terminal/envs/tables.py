"""The environments as tables, by rich, imported when it is needed: EnvironmentsResult ──► environments_report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalengine.streams import plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evalengine.environments.registry import EnvironmentEntry
    from evalengine.terminal.envs.run import EnvironmentsResult, ListedEnvironment


LEAST_WIDTH = 148
"""Columns from which on the table has all of its own; below it has those that fit a usual terminal."""


def environments_report(result: EnvironmentsResult, width: int) -> list[RenderableType]:
    """Return a table with a row per environment, and what its columns mean; of one environment, all that is known.

    Args:
        result: which environments.
        width: of the output, in columns.
    """
    if len(result.environments) == 1:
        return _environment_lines(result.environments[0])
    is_wide = width >= LEAST_WIDTH
    table = plain_table("environments")
    for heading in ("id", *(("short name",) if is_wide else ()), "observation", "actions"):
        table.add_column(heading, no_wrap=True)
    for heading in ("default policy", "claim") if is_wide else ():
        table.add_column(heading, no_wrap=True)
    for listed in result.environments:
        entry = listed.entry
        cells = [entry.id, observation_text(entry), actions_text(entry)]
        if is_wide:
            cells = [entry.id, entry.short_name, *cells[1:], entry.default_policy, listed.claim]
        table.add_row(*cells)
    if is_wide:
        claim = "claim: every bit of an episode against the reference, and of the default policy against PyTorch."
        return [table, claim, "Keyword arguments, reset options and more: evalengine envs ENV, or --json."]
    claims = ", ".join(sorted({str(listed.claim) for listed in result.environments}))
    return [table, f"claim: {claims}, every bit against the reference.", "All else: evalengine envs ENV, or --json."]


def observation_text(entry: EnvironmentEntry) -> str:
    """Return the shape and type of an observation, "(4,) float32"."""
    return f"{entry.observation_shape} {entry.observation_dtype}"


def actions_text(entry: EnvironmentEntry) -> str:
    """Return the number of discrete actions, "4", or dimensions and bounds of a Box, "2 in [-1, 1]"."""
    if entry.n_actions is not None:
        return str(entry.n_actions)
    bounds = [f"[{low:g}, {high:g}]" for low, high in zip(entry.action_low or (), entry.action_high or (), strict=True)]
    return f"{entry.n_outputs} in {', '.join(bounds if len(set(bounds)) > 1 else bounds[:1])}"


def _environment_lines(listed: ListedEnvironment) -> list[RenderableType]:
    """Return the id with the summary, and a table without headings of everything else."""
    from rich.table import Table
    from rich.text import Text

    entry = listed.entry
    limit = "none" if entry.max_episode_steps is None else f"{entry.max_episode_steps:,} steps"
    rows = {
        "short name": entry.short_name,
        **({} if entry.variant_of is None else {"variant of": entry.variant_of}),
        "observation": observation_text(entry),
        "actions": actions_text(entry),
        "time limit": limit,
        "keyword arguments": _settings(entry.kwargs),
        "reset options": _settings(entry.reset_options),
        "default policy": entry.default_policy,
        "claim": f"{listed.claim}: every bit, of an episode against the reference, of its policy against PyTorch",
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
