"""`evalengine envs`: which environments are there, what do they take, and what is promised of them?

    registry ──► run ──► EnvironmentsResult

Everything is the registry's, so an environment that the extension registers is listed by itself. Nothing is printed
here; the caller renders the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evalengine.environments.registry import EnvironmentEntry, registered, resolve
from evalengine.parity.open_loop import CLAIM

FIELD_LISTS = ("observation_fields", "event_fields")
"""Names of parts of an observation and of events, which a registry entry may have."""


@dataclass(frozen=True)
class ListedEnvironment:
    """One environment and its claims.

    Attributes:
        entry: what is registered.
        claim: of the environment against its reference, and of its default policy against PyTorch.
    """

    entry: EnvironmentEntry
    claim: str

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The lists of names that the registry has for this environment; none where it has none."""
        named = {name: tuple(getattr(self.entry, name, None) or ()) for name in FIELD_LISTS}
        return {name: fields for name, fields in named.items() if fields}

    def to_json(self) -> dict[str, object]:
        """Return the environment's part of `--json`."""
        entry = self.entry
        return {
            "id": entry.id,
            "short_name": entry.short_name,
            "variant_of": entry.variant_of,
            "summary": entry.summary,
            "observation_shape": list(entry.observation_shape),
            "observation_dtype": entry.observation_dtype,
            "image_shape": None if entry.image_shape is None else list(entry.image_shape),
            "action_space": entry.action_space,
            "n_actions": entry.n_actions,
            "action_low": None if entry.action_low is None else list(entry.action_low),
            "action_high": None if entry.action_high is None else list(entry.action_high),
            "max_episode_steps": entry.max_episode_steps,
            "kwargs": dict(entry.kwargs),
            "reset_options": dict(entry.reset_options),
            "default_policy": entry.default_policy,
            "claim": self.claim,
            **{name: list(fields) for name, fields in self.fields.items()},
        }


@dataclass(frozen=True)
class EnvironmentsResult:
    """What there is, in the order of registration.

    Attributes:
        environments: all of them, or the one that was asked for.
    """

    environments: tuple[ListedEnvironment, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document of `--json`."""
        return {"environments": [environment.to_json() for environment in self.environments]}


def run(env: str | None = None) -> EnvironmentsResult:
    """List all environments and their variants, or the one that `env` means: a full id or a short name.

    Raises:
        InputError: there is no such environment.
    """
    return EnvironmentsResult(
        tuple(ListedEnvironment(entry, str(CLAIM)) for entry in (registered() if env is None else [resolve(env)]))
    )
