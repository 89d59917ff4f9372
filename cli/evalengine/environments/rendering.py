"""Gymnasium's own environment beside a native one, which plays the same and can be drawn.

Gymnasium draws; that its episode is the native one is what parity proves. Imports Gymnasium when it is made. Depends on
the errors.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from typing import Any

from evalengine.errors import InputError, MissingDependencyError
from evalengine.messages import shown

RENDER_MODES = ("human", "rgb_array")


class Twin:
    """One environment of Gymnasium's that takes the same seeds, options and actions."""

    def __init__(
        self, env_id: str, render_mode: object, max_episode_steps: int | None, times: int, kwargs: Mapping[str, Any]
    ) -> None:
        """Make it.

        Args:
            env_id: full id.
            render_mode: "human" for a window, "rgb_array" for frames.
            max_episode_steps: the time limit; None is the registered one.
            times: how many of its steps a step is.
            kwargs: keyword arguments.

        Raises:
            InputError: another render mode.
            MissingDependencyError: Gymnasium, or what the environment stands on, is not installed.
        """
        if not isinstance(render_mode, str) or render_mode not in RENDER_MODES:
            raise InputError(f"render_mode: expected {' or '.join(RENDER_MODES)}, got {shown(render_mode)}")
        if importlib.util.find_spec("gymnasium") is None:
            raise MissingDependencyError.of("gymnasium", extra="gymnasium")
        import gymnasium

        limit = {} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}
        # Those of our own are registered by the module that has them.
        source = "evalengine.references.snake:" if env_id.startswith("evalengine/") else ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of settings that it advises against
                self._env: Any = gymnasium.make(
                    source + env_id, disable_env_checker=True, render_mode=render_mode, **limit, **kwargs
                )
        except gymnasium.error.DependencyNotInstalled as error:
            raise MissingDependencyError.of(str(error).split()[0], extra="gymnasium") from None
        self._times = times

    def reset(self, seed: int | None, options: Mapping[str, Any]) -> None:
        """Start an episode."""
        self._env.reset(seed=seed, options=dict(options) or None)

    def step(self, action: Any) -> None:
        """Take a step."""
        for _ in range(self._times):
            _, _, terminated, truncated, _ = self._env.step(action)
            if terminated or truncated:
                break

    def render(self) -> Any:
        """Return a frame (height, width, 3) uint8, or show it in a window and return None."""
        return self._env.render()

    def close(self) -> None:
        """Close its window, if there is one."""
        self._env.close()
