"""Gymnasium's wrappers for observation options: what evalengine's observations are compared with, and replayed behind.

    >>> env = wrapped(reference("carracing").make(), ObservationOptions.of("skip=4,gray,resize=84x84,stack=4"))

Depends on the options and errors; Gymnasium is imported when it is needed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from evalengine.environments.observation import ObservationOptions
from evalengine.errors import MissingDependencyError

if TYPE_CHECKING:
    import gymnasium


def wrapped(env: gymnasium.Env[Any, Any], options: ObservationOptions | None) -> gymnasium.Env[Any, Any]:
    """Return `env` behind Gymnasium's wrappers for these options, in their fixed order.

    Raises:
        MissingDependencyError: OpenCV, which resizes, is not installed.
    """
    if options is None:
        return env
    from gymnasium import wrappers

    if options.skip is not None:
        env = wrappers.MaxAndSkipObservation(env, options.skip)
    if slices := _slices(options):
        env = _transformed(env, lambda observation: observation[slices])
    if options.channel is not None:
        env = _transformed(env, lambda observation: observation[..., options.channel])
    if options.keep is not None:
        env = _transformed(env, lambda observation: observation[list(options.keep or ())])
    if options.clip is not None:
        low, high = (np.float32(bound) for bound in options.clip)
        env = _transformed(env, lambda observation: np.clip(observation, low, high))
    if options.grayscale:
        env = wrappers.GrayscaleObservation(env)
    if options.resize is not None:
        if importlib.util.find_spec("cv2") is None:
            raise MissingDependencyError.of("opencv-python-headless", extra="gymnasium")
        env = wrappers.ResizeObservation(env, options.resize)
    if options.stack is not None:
        env = wrappers.FrameStackObservation(env, options.stack, padding_type=options.padding)
    if options.scale:
        env = _transformed(env, lambda bytes: bytes.astype(np.float32) / np.float32(127.5) - np.float32(1))
    return env


def _slices(options: ObservationOptions) -> tuple[slice, slice] | None:
    """Return the rows and columns that are seen, or None for all."""
    if options.crop is None and options.subsample is None:
        return None
    top, bottom, left, right = options.crop or (0, 0, 0, 0)
    rows, columns = options.subsample or (1, 1)
    return slice(top, -bottom or None, rows), slice(left, -right or None, columns)


def _transformed(env: gymnasium.Env[Any, Any], function: Callable[[Any], Any]) -> gymnasium.Env[Any, Any]:
    """Return `env` with a function of its observations, and the space that it makes of the space."""
    import gymnasium

    whole: Any = env.observation_space
    low, high = function(whole.low), function(whole.high)
    return gymnasium.wrappers.TransformObservation(env, function, gymnasium.spaces.Box(low, high, dtype=low.dtype))
