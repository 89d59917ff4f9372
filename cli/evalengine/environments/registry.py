"""The environments: what the extension has registered, found by full id or short name.

    >>> resolve("cartpole").id
    'CartPole-v1'

Nothing is listed here: an environment that the extension registers appears by itself, and the extension finds names and
checks keyword arguments. Depends on arguments, observation and the extension.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from evalengine import _engine
from evalengine.arguments import is_plain, named_values
from evalengine.environments.observation import ObservationLike, ObservationOptions, raw_options
from evalengine.errors import InputError, engine_errors
from evalengine.messages import shown


@dataclass(frozen=True)
class EnvironmentEntry:
    """One registered environment, with the shapes that it has for its (default) keyword arguments.

    Attributes:
        id: the full id, as Gymnasium spells it: "CartPole-v1".
        short_name: what the command line accepts too: "cartpole".
        summary: one line for people.
        observation_shape: Gymnasium's order, so (height, width, channels) for images.
        observation_dtype: "float32" or "uint8".
        image_shape: (channels, height, width) as a cnn sees them; None if observations are no images.
        observation_fields: the names of an observation's values, in order; none for images.
        event_fields: the names of what else can happen in a step, for descriptors: numbers, flags of 0 or 1.
        action_space: "discrete" or "box".
        n_actions: the number of Discrete actions, None for a Box.
        action_low: the bounds of a Box, None for Discrete actions.
        action_high: see `action_low`.
        max_episode_steps: the registered time limit in steps, None if there is none.
        default_policy: the spec of the policy that examples and benchmarks use.
        kwargs: the keyword arguments and their default values.
        reset_options: the reset options and their default values.
        variant_of: the full id of the environment that this is with another time limit or other defaults; None for an
            environment of its own.
    """

    id: str
    short_name: str
    summary: str
    observation_shape: tuple[int, ...]
    observation_dtype: str
    image_shape: tuple[int, int, int] | None
    observation_fields: tuple[str, ...]
    event_fields: tuple[str, ...]
    action_space: str
    n_actions: int | None
    action_low: tuple[float, ...] | None
    action_high: tuple[float, ...] | None
    max_episode_steps: int | None
    default_policy: str
    kwargs: Mapping[str, bool | int | float]
    reset_options: Mapping[str, float]
    variant_of: str | None = None

    @property
    def n_inputs(self) -> int:
        """How many numbers an observation has."""
        return math.prod(self.observation_shape)

    @property
    def n_outputs(self) -> int:
        """How many logits a policy needs: one for each Discrete action, or one for each dimension of a Box."""
        if self.n_actions is not None:
            return self.n_actions
        return len(self.action_low or ())

    @property
    def action_fields(self) -> tuple[str, ...]:
        """The names of an action's values: "action" if it is Discrete, "action_0", "action_1", ... in a Box."""
        if self.n_actions is not None:
            return ("action",)
        return tuple(f"action_{index}" for index in range(self.n_outputs))

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all numbers that a step has, for descriptors."""
        return (*self.observation_fields, "reward", "return", *self.action_fields, *self.event_fields, "step")


def _entry(row: _engine.EnvironmentEntry) -> EnvironmentEntry:
    return EnvironmentEntry(
        id=row["id"],
        short_name=row["short_name"],
        summary=row["summary"],
        observation_shape=tuple(row["observation_shape"]),
        observation_dtype=row["observation_dtype"],
        image_shape=row["image_shape"],
        observation_fields=row["observation_fields"],
        event_fields=row["event_fields"],
        action_space=row["action_space"],
        n_actions=row["n_actions"],
        action_low=None if row["action_low"] is None else tuple(row["action_low"]),
        action_high=None if row["action_high"] is None else tuple(row["action_high"]),
        max_episode_steps=row["max_episode_steps"],
        default_policy=row["default_policy"],
        kwargs=dict(row["kwargs"]),
        reset_options=dict(row["reset_options"]),
        variant_of=row["variant_of"],
    )


def entries() -> list[EnvironmentEntry]:
    """Return all environments, as they are without keyword arguments, in the order of their registration."""
    return [entry for entry in registered() if entry.variant_of is None]


def registered() -> list[EnvironmentEntry]:
    """Return what `entries` does, then the variants: what Gymnasium has under an id of its own with other defaults."""
    with engine_errors():
        return [_entry(row) for row in _engine.environments()]


def resolve(name: str) -> EnvironmentEntry:
    """Return the environment that `name` means: a full id or a short name, in any case.

    Raises:
        InputError: no such environment; the message gives the nearest name and all of them.
    """
    return describe(name)


def describe(
    name: str,
    kwargs: Mapping[str, bool | int | float] | None = None,
    observation: ObservationLike | None = None,
) -> EnvironmentEntry:
    """Return the environment that `name` means, with the shapes that it has for these keyword arguments and options.

    The entry is everybody's: who hands it out makes a copy (`own_entry`).

    Raises:
        InputError: no such environment, or a keyword argument or an observation option that it does not take.
    """
    if not isinstance(name, str) or not is_plain(name):
        raise InputError(f"environment: expected a name such as 'CartPole-v1', got {shown(name)}")
    options, values = ObservationOptions.of(observation), named_values("env_kwargs", kwargs)
    if not values and options is None:
        return _described(name)
    with engine_errors():
        return _entry(_engine.describe(name, values, raw_options(options)))


def own_entry(entry: EnvironmentEntry) -> EnvironmentEntry:
    """Return an entry whose mappings the caller may change."""
    return replace(entry, kwargs=dict(entry.kwargs), reset_options=dict(entry.reset_options))


@lru_cache(maxsize=64)
def _described(name: str) -> EnvironmentEntry:
    with engine_errors():
        return _entry(_engine.describe(name, {}))
