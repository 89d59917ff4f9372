"""Gymnasium's spaces of an environment's observations and actions, bounds and all.

Vectors have the bounds that Gymnasium's own environment states; what `observation` changes of them is what Gymnasium's
wrappers change. Imports Gymnasium when it is called. Depends on the registry's entries and the observation's options.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

from evalengine.environments.observation import ObservationOptions
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import MissingDependencyError

if TYPE_CHECKING:
    import gymnasium


def action_space(entry: EnvironmentEntry) -> gymnasium.spaces.Space[Any]:
    """Return the space of the actions: Discrete, or a float32 Box.

    Raises:
        MissingDependencyError: Gymnasium is not installed.
    """
    spaces = _gymnasium().spaces
    if entry.n_actions is not None:
        space: gymnasium.spaces.Space[Any] = spaces.Discrete(entry.n_actions)
        return space
    low, high = (np.array(bound, np.float32) for bound in (entry.action_low, entry.action_high))
    space = spaces.Box(low, high, dtype=np.float32)
    return space


def observation_space(entry: EnvironmentEntry, options: ObservationOptions | None) -> gymnasium.spaces.Space[Any]:
    """Return the space of the observations, a Box.

    Args:
        entry: the environment, with the shape and type that the options make of its observations.
        options: of the observation.

    Raises:
        MissingDependencyError: Gymnasium, or what the environment stands on, is not installed.
    """
    low, high = _bounds(entry, options or ObservationOptions())
    low, high = (np.broadcast_to(bound, entry.observation_shape) for bound in (low, high))
    space: gymnasium.spaces.Space[Any] = _gymnasium().spaces.Box(
        low, high, dtype=np.dtype(entry.observation_dtype).type
    )
    return space


def _bounds(entry: EnvironmentEntry, options: ObservationOptions) -> tuple[Any, Any]:
    """The lowest and the highest observation, or what is broadcast to its shape."""
    if entry.observation_dtype == "uint8":
        return np.uint8(0), np.uint8(255)
    if options.scale:
        return np.float32(-1), np.float32(1)
    if not entry.observation_fields:
        # Snake's planes
        return np.float32(0), np.float32(1)
    gym = _gymnasium()
    try:
        env = gym.make(entry.id, disable_env_checker=True)
    except gym.error.DependencyNotInstalled as error:
        raise MissingDependencyError.of(str(error).split()[0], extra="gymnasium") from None
    whole = env.observation_space
    env.close()
    seen = slice(None) if options.keep is None else list(options.keep)
    low, high = whole.low[seen], whole.high[seen]
    if options.clip is not None:
        least, most = (np.float32(bound) for bound in options.clip)
        low, high = np.clip(low, least, most), np.clip(high, least, most)
    return low, high


def _gymnasium() -> Any:
    if importlib.util.find_spec("gymnasium") is None:
        raise MissingDependencyError.of("gymnasium", extra="gymnasium")
    return importlib.import_module("gymnasium")
