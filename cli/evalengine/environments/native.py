"""One native episode behind Gymnasium's `reset` and `step`: for parity, replay and debugging, not for speed.

    >>> env = make("CartPole-v1")
    >>> observation, info = env.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = env.step(1)

`evaluate` runs exactly these environments, without coming back to Python at each step. Depends on registry and the
extension.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine import _engine
from evalengine.arguments import SEED_LIMIT, action_array, check_integer, named_values
from evalengine.environments.observation import ObservationLike, ObservationOptions, raw_options
from evalengine.environments.registry import EnvironmentEntry, describe, own_entry
from evalengine.environments.rendering import Twin
from evalengine.environments.rules import (
    NO_RULES,
    STOP_RULES,
    NoOpsLike,
    RawRules,
    StopLike,
    check_action_repeat,
    raw_rules,
)
from evalengine.environments.spaces import action_space, observation_space
from evalengine.errors import InputError, engine_errors

if TYPE_CHECKING:
    import gymnasium


def make(
    env_id: str,
    *,
    max_episode_steps: int | None = None,
    observation: ObservationLike | None = None,
    action_repeat: int = 1,
    stop: StopLike | None = None,
    no_ops: NoOpsLike = 0,
    render_mode: str | None = None,
    **kwargs: bool | int | float,
) -> Environment:
    """Return an environment.

    Args:
        env_id: a full id or a short name.
        max_episode_steps: the time limit in steps of the environment; None is the registered one.
        observation: frame skip, gray scale, size and stack of images, such as {"skip": 4, "stack": 4} or
            "skip=4,stack=4"; see `ObservationOptions`. With a skip, a call of `step` is several steps.
        action_repeat: each action is played this many times; see `evaluate`.
        stop: when an episode is truncated early; see `evaluate`. The step that it happens in names the rule in its
            info, {"stopped": "patience"}.
        no_ops: what the first steps play, whatever they are given; see `evaluate`.
        render_mode: "rgb_array" or "human": what `render` does, by Gymnasium's own environment, which is then played
            beside this one. Needs the extra `gymnasium`.
        kwargs: keyword arguments of the environment, as for `gymnasium.make`.

    Raises:
        InputError: no such environment, or an argument that it does not take.
        MissingDependencyError: there is a render mode, and what it needs is not installed.
    """
    options = ObservationOptions.of(observation)
    values = named_values("env_kwargs", kwargs)
    entry = describe(env_id, values, options)
    if max_episode_steps is not None:
        max_episode_steps = check_integer("max_episode_steps", max_episode_steps, least=1, most=2**31 - 1)
    action_repeat = check_action_repeat(action_repeat)
    rules = raw_rules(stop, no_ops, entry)
    with engine_errors():
        native = _engine.Environment(
            entry.id, values, max_episode_steps, raw_options(options), action_repeat=action_repeat, rules=rules
        )
    twin = None
    if render_mode is not None:
        times = action_repeat if options is None or options.skip is None else options.skip
        twin = Twin(entry.id, render_mode, max_episode_steps, times, values)
    return Environment(own_entry(entry), native, twin, rules, options)


class Environment:
    """One environment, made by `make`.

    Attributes:
        entry: the environment's id, shapes and action space, with the keyword arguments applied.
    """

    def __init__(
        self,
        entry: EnvironmentEntry,
        native: _engine.Environment,
        twin: Twin | None = None,
        rules: RawRules = NO_RULES,
        options: ObservationOptions | None = None,
    ) -> None:
        """Wrap an episode of the extension; use `make`."""
        self.entry = entry
        self._native = native
        self._twin = twin
        self._options = options
        self._first_steps, self._first_action = rules[:2]
        self._steps = 0
        self._is_running = False
        self._was_seeded = False

    def __repr__(self) -> str:
        """Return the id, for people."""
        return f"<evalengine environment {self.entry.id}>"

    def reset(
        self, seed: int | None = None, options: Mapping[str, float] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Start an episode, as Gymnasium's `reset` does.

        Args:
            seed: an unsigned 64-bit integer; None goes on with the random stream, with options or without. The first
                time there is none to go on with: then the operating system gives the seed.
            options: the environment's reset options, for this episode; those that are not given have their defaults.

        Returns:
            The observation in Gymnasium's shape and type (float32, or uint8 for images), and an empty dict.

        Raises:
            InputError: the seed is none, or an option that the environment does not take.
        """
        if seed is not None:
            seed = check_integer("seed", seed, least=0, most=SEED_LIMIT - 1)
        elif not self._was_seeded:
            seed = secrets.randbits(64)
        with engine_errors():
            observation = self._native.reset(seed, named_values("options", options))
        if self._twin is not None:
            self._twin.reset(seed, named_values("options", options))
        self._is_running = self._was_seeded = True
        self._steps = 0
        return observation, {}

    def step(self, action: int | ArrayLike) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Advance by one step; past the end of an episode, do what the reference does.

        Args:
            action: an integer for discrete actions, numbers of shape (dimensions,) for a box, which may lie beyond its
                bounds. They are played in their own type, as Gymnasium plays them: float32 (what policies give),
                float64 (lists and integers too) or float16.

        Returns:
            observation (as `reset` gives it), reward, terminated, truncated, and a dict that is empty, or names the
            rule that has stopped the episode: {"stopped": "patience"}.

        Raises:
            InputError: no episode was started; no such discrete action; a box's action of another shape or type.
        """
        if not self._is_running:
            raise InputError(f"step: expected reset() first, got no episode of {self.entry.id}")
        given = self._checked(action)
        with engine_errors():
            observation, reward, terminated, truncated, rule = self._native.step(*given)
        if self._twin is not None:
            self._twin.step(self._played(action))
        self._steps += 1
        return observation, reward, terminated, truncated, {"stopped": STOP_RULES[rule]} if rule else {}

    def render(self) -> NDArray[np.uint8] | None:
        """Return a frame (height, width, 3) uint8 of Gymnasium's, or show it in its window and return None.

        Raises:
            InputError: the environment was made without a render mode, or there is no episode.
        """
        if self._twin is None:
            raise InputError(f"render: expected make({self.entry.id!r}, render_mode='rgb_array'), got no render mode")
        if not self._is_running:
            raise InputError(f"render: expected reset() first, got no episode of {self.entry.id}")
        frame: NDArray[np.uint8] | None = self._twin.render()
        return frame

    def close(self) -> None:
        """Close Gymnasium's window, if there is one; the environment itself has nothing to close."""
        if self._twin is not None:
            self._twin.close()

    @cached_property
    def action_space(self) -> gymnasium.spaces.Space[Any]:
        """Gymnasium's space of the actions, with its bounds.

        Raises:
            MissingDependencyError: Gymnasium is not installed; `entry` has the same numbers.
        """
        return action_space(self.entry)

    @cached_property
    def observation_space(self) -> gymnasium.spaces.Space[Any]:
        """Gymnasium's space of the observations, with its bounds, or what its wrappers make of them.

        Raises:
            MissingDependencyError: Gymnasium is not installed; `entry` has shape and type.
        """
        return observation_space(self.entry, self._options)

    def state(self) -> dict[str, Any]:
        """Return the full state by the names of its parts, for comparing with a reference."""
        with engine_errors():
            return self._native.state()

    def _played(self, action: Any) -> Any:
        """Return the action that was played: the rules' own, or the caller's."""
        if self._steps >= self._first_steps:
            return action
        return int(self._first_action[0]) if self.entry.n_actions else np.array(self._first_action, np.float32)

    def _checked(self, action: Any) -> tuple[int | NDArray[np.float32 | np.float64], bool]:
        """Return the action as the extension takes it, and whether its numbers are float16's."""
        entry = self.entry
        if entry.n_actions is not None:
            return check_integer("action", action, least=0, most=entry.n_actions - 1), False
        values = action_array("action", action)
        if values.shape != (entry.n_outputs,):
            raise InputError(f"action: expected shape ({entry.n_outputs},) for {entry.id}, got {values.shape}")
        if values.dtype == np.float16:
            return values.astype(np.float64), True
        return values, False
