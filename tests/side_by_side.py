"""An episode of a native environment and of its reference side by side, every bit compared; for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

Observation = NDArray[Any]
Step = tuple[Any, Any, Any, Any]
"""observation, reward, terminated, truncated"""

MIN_STEPS = 200_000
"""What tests compare of each environment at least, but of CarRacing, whose reference draws a picture in every step."""


def difference(ours: Step, theirs: Step) -> str | None:
    """The first field that differs in type or in any bit, or None."""
    mine, reference_observation = np.asarray(ours[0]), np.asarray(theirs[0])
    if (mine.dtype, mine.shape) != (reference_observation.dtype, reference_observation.shape):
        return "observation's dtype or shape"
    if mine.tobytes() != reference_observation.tobytes():
        return "observation"
    if np.float64(ours[1]).tobytes() != np.float64(theirs[1]).tobytes():
        return "reward"
    if bool(ours[2]) is not bool(theirs[2]):
        return "terminated"
    if bool(ours[3]) is not bool(theirs[3]):
        return "truncated"
    return None


def replay(
    native: Any,
    theirs: gymnasium.Env[Any, Any],
    choose: Callable[[Observation], Any],
    seed: int | None,
    options: Mapping[str, float] | None = None,
) -> tuple[int, bool, bool]:
    """One episode on both; its length and how it ended. `choose` sees the reference's observations only."""
    observation, info = theirs.reset(seed=seed, options=None if options is None else dict(options))
    ours, our_info = native.reset(seed=seed, options=options)
    assert our_info == info
    assert difference((ours, 0.0, False, False), (observation, 0.0, False, False)) is None, f"seed {seed}: reset"
    steps = 0
    while True:
        action = choose(observation)
        result = theirs.step(action)
        our_result = native.step(action)
        steps += 1
        field = difference(our_result[:4], result[:4])
        assert field is None, f"seed {seed}: step {steps}: {field}: {our_result[:4]} instead of {result[:4]}"
        observation = result[0]
        if result[2] or result[3]:
            return steps, bool(result[2]), bool(result[3])
