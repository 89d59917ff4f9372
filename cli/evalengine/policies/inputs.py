"""From Gymnasium's observations to what a policy takes, as the engine does it. Depends on architecture and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.normalization import Normalization
from evalengine.policies.architecture import Architecture

BYTE_RANGE = np.float32(255.0)
"""What bytes of images are divided by for a policy."""


def policy_inputs(
    policy: Architecture,
    observations: NDArray[Any],
    *,
    channels_last: bool = True,
    normalize: Normalization | None = None,
) -> NDArray[np.float32]:
    """Observations (B, ...) in Gymnasium's shape -> contiguous (B, n) for an mlp, (B, C, H, W) for a cnn.

    Bytes of images are divided by 255, then everything is normalised, as the engine does it. A stack of frames
    (B, stack, H, W, channels) becomes (B, stack * channels, H, W); gray frames have no axis of channels, which
    `channels_last` says.
    """
    if observations.dtype == np.uint8:
        observations = observations.astype(np.float32) / BYTE_RANGE
    if normalize is not None:
        observations = normalize.applied(observations)
    if len(policy.input_shape) == 3:
        planes = np.moveaxis(observations, -1, -3) if channels_last else observations
        return np.ascontiguousarray(planes.reshape(len(observations), *policy.input_shape))
    return np.ascontiguousarray(observations.reshape(len(observations), -1))
