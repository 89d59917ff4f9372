"""From logits to actions: the first largest logit of discrete actions; squashed or clipped logits for a Box.

    >>> Head.of(Policy("mlp:3-64-1"), resolve("pendulum")).actions(np.array([[0.0]], np.float32))
    array([[0.]], dtype=float32)

What `evaluate` does inside, for those who step episodes themselves. Depends on the registry, Policy and the extension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import engine_errors
from evalengine.policies.policy import Policy

Tanh: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Head:
    """How the logits of one policy become actions of one environment.

    Attributes:
        kind: "argmax", "tanh" or "clip".
        low: the bounds of a Box; () for discrete actions.
        high: see `low`.
    """

    kind: str = "argmax"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @classmethod
    def of(cls, policy: Policy, entry: EnvironmentEntry) -> Head:
        """Return the head of a policy that fits the environment."""
        if entry.n_actions is not None:
            return cls()
        return cls(policy.head, entry.action_low or (), entry.action_high or ())

    @property
    def is_discrete(self) -> bool:
        """Whether actions are integers."""
        return self.kind == "argmax"

    def actions(self, logits: NDArray[np.float32]) -> NDArray[Any]:
        """Return the engine's actions for logits (B, n): int64 (B,), or float32 (B, n) for a Box.

        A discrete action is the first NaN, else the first largest logit, as torch.argmax chooses.
        """
        if self.is_discrete:
            return np.asarray(np.argmax(logits, axis=1))
        with engine_errors():
            return _engine.continuous_actions(self.kind, logits, list(self.low), list(self.high))

    def actions_with(self, tanh: Tanh, logits: NDArray[np.float32]) -> NDArray[Any]:
        """Return the actions that float32 arithmetic gives with another tanh, in the same shapes as `actions`."""
        if self.is_discrete:
            return np.asarray(np.argmax(logits, axis=1))
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        if self.kind == "clip":
            return np.asarray(np.clip(logits, low, high))
        return np.asarray(low + (tanh(logits) + np.float32(1.0)) * np.float32(0.5) * (high - low))

    def encoded(self, actions: list[Any]) -> bytes:
        """Return the actions of an episode as bytes: one for each discrete action, float32 for a Box."""
        return np.array(actions, np.uint8 if self.is_discrete else np.float32).tobytes()

    def decoded(self, actions: bytes) -> NDArray[Any]:
        """Return what `encoded` was given: int64 (steps,), or float32 (steps, n)."""
        if self.is_discrete:
            return np.frombuffer(actions, np.uint8).astype(np.int64)
        return np.frombuffer(actions, np.float32).reshape(-1, len(self.low))


def plain_action(action: Any) -> Any:
    """Return one of the actions of `Head.actions` as environments take it: an int, or an array (n,)."""
    return action if np.ndim(action) else int(action)
