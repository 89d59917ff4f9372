"""Observations made comparable: a frozen mean and standard deviation, which a policy is trained with.

    >>> seen = Normalization(mean, std)
    >>> result = evaluate("LunarLander-v3", population, policy, normalize=seen)

A policy sees `(x - mean) / std` in float32, bit for bit what PyTorch computes. Images are normalised as they are seen:
as float32 byte / 255, in the shape (and the order of axes) of Gymnasium. Depends on arguments and registry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import float_array
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.messages import kind, shown
from evalengine.scalars import as_number


@dataclass(frozen=True, eq=False, repr=False)
class Normalization:
    """What a policy sees instead of an observation x: `(x - mean) / std`, then clipped.

    Attributes:
        mean: float32 in the shape of an observation, finite; for images in units of 1 = 255; a copy.
        std: float32 in the same shape, finite and above 0; a copy.
        clip: values are clipped to -clip..clip as `torch.clamp` does; None clips nothing.

    Raises:
        InputError: an array that is no such array, shapes that differ, or a clip that is no number above 0.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    clip: float | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, _finite(name, getattr(self, name)))
        if self.mean.shape != self.std.shape:
            raise InputError(f"normalize: std: expected the mean's shape {self.mean.shape}, got {self.std.shape}")
        if not (self.std > 0).all():
            place = np.unravel_index(int((self.std > 0).argmin()), self.std.shape)
            position = tuple(int(index) for index in place)
            raise InputError(f"normalize: std: expected numbers above 0, got {self.std[place]} at position {position}")
        if self.clip is not None:
            object.__setattr__(self, "clip", _checked_clip(self.clip))

    def __repr__(self) -> str:
        """One line, whatever the shape is."""
        return f"Normalization(mean and std of shape {self.mean.shape}, clip {self.clip})"

    def raw(self, entry: EnvironmentEntry) -> tuple[NDArray[np.float32], NDArray[np.float32], float | None]:
        """Return flat mean and std and the clip, as the extension takes them.

        Raises:
            InputError: the shape is not that of the environment's observations.
        """
        if self.mean.shape != entry.observation_shape:
            raise InputError(
                f"normalize: expected the shape {entry.observation_shape} of {entry.id}'s observations, "
                f"got {self.mean.shape}"
            )
        return self.mean.ravel(), self.std.ravel(), self.clip

    def applied(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what a policy sees of float32 observations (..., *shape), bit for bit; of images, of byte / 255."""
        with np.errstate(all="ignore"):  # as the engine, which goes on with what overflows
            normalized: NDArray[np.float32] = (observations - self.mean) / self.std
        return normalized if self.clip is None else np.clip(normalized, np.float32(-self.clip), np.float32(self.clip))


def check_normalization(normalize: object) -> None:
    """Refuse what is neither None nor a `Normalization`."""
    if normalize is not None and not isinstance(normalize, Normalization):
        raise InputError(f"normalize: expected a Normalization(mean, std), got {kind(normalize)}")


def _finite(name: str, value: Any) -> NDArray[np.float32]:
    array = float_array(f"normalize: {name}", value).copy()  # the caller may change the original
    if not np.isfinite(array).all():
        place = np.unravel_index(int(np.isfinite(array).argmin()), array.shape)
        position = tuple(int(index) for index in place)
        raise InputError(f"normalize: {name}: expected finite numbers, got {array[place]} at position {position}")
    return array


def _checked_clip(clip: Any) -> float:
    number = as_number(clip)
    with np.errstate(over="ignore"):
        rounded = math.nan if number is None else float(np.float32(number))
    if not rounded > 0:
        raise InputError(f"normalize: clip: expected a number above 0, got {shown(clip)}")
    return rounded
