"""From outputs to actions: what a head makes of them, and what is drawn, from a stream of each episode's own.

    >>> Head.of(Policy("mlp:3-64-1"), resolve("pendulum")).actions(np.array([[0.0]], np.float32))
    array([[0.]], dtype=float32)

    outputs ──► ActionStream: epsilon, noise ──► Head ──► sticky ──► action

What `evaluate` does inside, for those who step episodes themselves. An episode of seed s draws from
`np.random.default_rng([ACTION_STREAM, s])`, for each action in this order:

1. with epsilon: `rng.random() < epsilon` plays a random action instead of the policy's, `rng.integers(n)`, or
   `rng.uniform(low, high)` as float32 for a Box;
2. else what the head draws: head=sample `rng.choice(n, p=softmax(z))`, noise `rng.standard_normal(n)` as float32, times
   the deviations, added to the outputs z before the head, all in float32;
3. with sticky, from the second action on: `rng.random() < sticky` repeats the former action.

What is not asked for draws nothing. Behind a frame skip, an action is one of the policy's. Depends on the registry,
Policy and the extension, whose functions may be replaced by another's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import engine_errors
from evalengine.policies.head_spelling import BOX_HEADS, DISCRETE_HEADS, threshold_of
from evalengine.policies.policy import Policy

ACTION_STREAM = int.from_bytes(b"actions", "big")
"""What seeds the streams of actions beside the episode's seed."""


class Functions(Protocol):
    """Whoever computes what heads need: the engine (`ENGINE`), or PyTorch."""

    def tanh(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return tanh of values of any shape."""

    def sigmoid(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return sigmoid of values of any shape."""

    def softmax(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return softmax of each row (B, n)."""


class EngineFunctions:
    """The extension's functions."""

    def tanh(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Functions`."""
        return _engine.activation("tanh", [], values)

    def sigmoid(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Functions`."""
        return _engine.activation("sigmoid", [], values)

    def softmax(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Functions`."""
        n = rows.shape[1]
        return _softmax_network(n).logits(np.eye(n, dtype=np.float32).reshape(-1), np.ascontiguousarray(rows))


@cache
def _softmax_network(n: int) -> _engine.Network:
    # A layer of ones on the diagonal changes no number, but the sign of zero.
    return _engine.Network((n,), [("linear", n, False), ("softmax",)])


ENGINE: Functions = EngineFunctions()


@dataclass(frozen=True)
class Head:
    """How the outputs of one policy become actions of one environment.

    Attributes:
        kind: "argmax", "sample", "threshold:0.5"; or of a Box "tanh", "clip", "raw", "sigmoid", or one of these for
            each output, "tanh/sigmoid".
        low: the bounds of a Box; () for discrete actions.
        high: see `low`.
        n_actions: of discrete actions, how many there are; 0 of a Box.
        noise: the standard deviation of the noise on each output; () for none, None if they are parameters.
    """

    kind: str = "argmax"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    n_actions: int = 0
    noise: tuple[float, ...] | None = ()

    @classmethod
    def of(cls, policy: Policy, entry: EnvironmentEntry) -> Head:
        """Return the head of a policy that fits the environment."""
        if entry.n_actions is not None:
            name = policy.head.partition(":")[0]
            return cls(policy.head if name in DISCRETE_HEADS else "argmax", n_actions=entry.n_actions)
        return cls(policy.head, entry.action_low or (), entry.action_high or (), 0, policy.deviations)

    @property
    def is_discrete(self) -> bool:
        """Whether actions are integers."""
        return self.kind.partition(":")[0] in DISCRETE_HEADS

    @property
    def draws(self) -> bool:
        """Whether actions are drawn, so that the same outputs may give others."""
        return self.kind == "sample" or self.noise != ()

    @property
    def uses(self) -> frozenset[str]:
        """Which of tanh, sigmoid and softmax it applies."""
        names = {"sample": "softmax"}
        return frozenset(names.get(kind, kind) for kind in self.kind.split("/")) & {"tanh", "sigmoid", "softmax"}

    def actions(self, logits: NDArray[np.float32]) -> NDArray[Any]:
        """Return the engine's actions for outputs (B, n): int64 (B,), or float32 (B, n) for a Box.

        A discrete action is the first NaN, else the first largest output, as torch.argmax chooses. What is drawn is
        not: noise is left out, and head=sample has none (`ActionStream`).
        """
        if self.is_discrete:
            return self._discrete(logits)
        with engine_errors():
            return _engine.continuous_actions(self.kind, logits, list(self.low), list(self.high))

    def actions_with(self, functions: Functions, logits: NDArray[np.float32]) -> NDArray[Any]:
        """Return the actions that float32 arithmetic gives with other functions, in the same shapes as `actions`."""
        if self.is_discrete:
            return self._discrete(logits)
        kinds = self.kind.split("/") * (1 if "/" in self.kind else len(self.low))
        columns = [self._column(functions, kind, logits, index) for index, kind in enumerate(kinds)]
        return np.stack(columns, axis=1) if columns else logits.copy()

    def _discrete(self, logits: NDArray[np.float32]) -> NDArray[Any]:
        assert self.kind != "sample"
        if (bound := threshold_of(self.kind)) is not None:
            return (logits[:, 0] > np.float32(bound)).astype(np.int64)
        return np.asarray(np.argmax(logits, axis=1))

    def _column(self, functions: Functions, kind: str, logits: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        assert kind in BOX_HEADS
        outputs = np.ascontiguousarray(logits[:, index])
        low, high = np.float32(self.low[index]), np.float32(self.high[index])
        if kind == "tanh":
            return np.asarray(low + (functions.tanh(outputs) + np.float32(1.0)) * np.float32(0.5) * (high - low))
        if kind == "sigmoid":
            return np.asarray(low + functions.sigmoid(outputs) * (high - low))
        return np.asarray(np.clip(outputs, low, high)) if kind == "clip" else outputs

    def encoded(self, actions: list[Any]) -> bytes:
        """Return the actions of an episode as bytes: one for each discrete action, float32 for a Box."""
        return np.array(actions, np.uint8 if self.is_discrete else np.float32).tobytes()

    def decoded(self, actions: bytes) -> NDArray[Any]:
        """Return what `encoded` was given: int64 (steps,), or float32 (steps, n)."""
        if self.is_discrete:
            return np.frombuffer(actions, np.uint8).astype(np.int64)
        return np.frombuffer(actions, np.float32).reshape(-1, len(self.low))


class ActionStream:
    """The actions of one episode, one after the other, as `evaluate` plays them."""

    def __init__(
        self,
        head: Head,
        seed: int,
        *,
        log_std: NDArray[np.float32] | None = None,
        epsilon: float = 0.0,
        sticky: float = 0.0,
        functions: Functions = ENGINE,
    ) -> None:
        """Begin an episode.

        Args:
            head: how outputs become actions.
            seed: the episode's.
            log_std: the individual's logarithms of deviations (n,), where the head's noise is None.
            epsilon: the probability of a random action.
            sticky: the probability that the former action is repeated.
            functions: what computes tanh, sigmoid and softmax.
        """
        self.head, self.functions = head, functions
        self._epsilon, self._sticky = epsilon, sticky
        self._rng = np.random.default_rng([ACTION_STREAM, int(seed)])
        self._deviations = np.array(head.noise or (), np.float32)
        if head.noise is None and log_std is not None:
            self._deviations = deviations_of(log_std)
        self._random: Any = None
        self._former: Any = None

    def action(self, outputs: NDArray[np.float32]) -> Any:
        """Return the action for outputs (n,) of the policy, as environments take it: an int, or float32 (n,)."""
        return chosen_actions([self], outputs[np.newaxis])[0]

    def played(self, chosen: Any) -> Any:
        """Return the action that is played where something else than the head has chosen one; there is no noise."""
        self._drawn(np.empty(0, np.float32))
        return self._played(chosen)

    def play_instead(self, action: Any) -> None:
        """Let the action that was chosen last have been another one, which is what a sticky action repeats."""
        self._former = action

    def _drawn(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Draw what comes before the head, and return the outputs that it is given."""
        self._random = None
        if self._epsilon > 0 and self._rng.random() < self._epsilon:
            self._random = self._any_action()
        elif self._deviations.size:
            return outputs + self._rng.standard_normal(len(outputs)).astype(np.float32) * self._deviations
        return outputs

    def _any_action(self) -> Any:
        if self.head.is_discrete:
            return int(self._rng.integers(self.head.n_actions))
        return self._rng.uniform(self.head.low, self.head.high).astype(np.float32)

    def _played(self, row: Any) -> Any:
        """Return the action that is played; `row` is what the head makes of the outputs, or how probable each is."""
        chosen = self._random
        if chosen is None:
            chosen = int(self._rng.choice(len(row), p=row)) if self.head.kind == "sample" else plain_action(row)
        if self._sticky > 0 and self._former is not None and self._rng.random() < self._sticky:
            chosen = self._former
        self._former = chosen
        return chosen


def chosen_actions(streams: Sequence[ActionStream], outputs: NDArray[np.float32]) -> list[Any]:
    """Return an action for each episode and its row of outputs (B, n); the episodes have one head and its functions."""
    head, functions = streams[0].head, streams[0].functions
    inputs = np.stack([stream._drawn(row) for stream, row in zip(streams, outputs, strict=True)])
    if head.kind == "sample":
        rows = functions.softmax(inputs)
    else:
        rows = head.actions(inputs) if functions is ENGINE else head.actions_with(functions, inputs)
    return [stream._played(row) for stream, row in zip(streams, rows, strict=True)]


def deviations_of(log_std: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the standard deviations whose logarithms these are: the float32 next to each exponential.

    As `torch.exp`, which differs from it in the last place in one of a hundred.
    """
    return np.array([_exponential(float(value)) for value in log_std.reshape(-1)], np.float32).reshape(log_std.shape)


def _exponential(value: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(math.exp(min(value, 700.0)))


def raw_head(policy: Policy) -> str:
    """Return a policy's head as the extension takes it."""
    bound = threshold_of(policy.head)
    return policy.head if bound is None else f"threshold:{bound!r}"


def plain_action(action: Any) -> Any:
    """Return one of the actions of `Head.actions` as environments take it: an int, or an array (n,)."""
    return action if np.ndim(action) else int(action)
