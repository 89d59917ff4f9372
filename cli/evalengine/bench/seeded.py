"""A sub-environment of a vector environment that knows which seeds it is to play, and rests when they are played.

The lanes of a vector environment share the episodes 0, 1, 2, ... of a call: lane i of n plays i, i + n, i + 2 n, ...,
each with the seed `seeds[episode % len(seeds)]`. So when a vector environment resets a lane by itself, without a seed,
the lane still plays what it is asked for. Imports gymnasium when it is imported, so only worker processes do.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np


class Seeded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """One lane. `reset(options={"seeds": [...], "episodes": n})` begins a call; other resets go on to the next seed."""

    def __init__(self, env: gymnasium.Env[Any, Any], lane: int, lanes: int) -> None:
        """Wrap the environment of one lane of `lanes`."""
        super().__init__(env)
        self._lane, self._lanes = lane, lanes
        self._episode, self._episodes, self._seeds = lane, 0, [0]
        self._rest = np.zeros(env.observation_space.shape or (), env.observation_space.dtype)
        self._rests = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin the lane's first episode of a call, or its next one; without one left, rest: observations are zeros."""
        if options is None:
            self._episode += self._lanes
        else:
            self._episode, self._episodes, self._seeds = self._lane, options["episodes"], options["seeds"]
        self._rests = self._episode >= self._episodes
        if self._rests:
            return self._rest, {}
        return self.env.reset(seed=self._seeds[self._episode % len(self._seeds)])

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment, or nothing at all if the lane rests: reward 0, and the episode never ends."""
        if self._rests:
            return self._rest, 0.0, False, False, {}
        return self.env.step(action)
