"""A policy as a module of PyTorch from an environment's observations to its actions.

    observations, as Gymnasium has them ──► observe ──► policy: nn.Sequential ──► act ──► actions
                                            bytes / 255, (x - mean) / std,        argmax, or bounds of a Box
                                            clip, channels first

Each part computes what the engine computes, in its order and in float32. Importing this module imports torch; whoever
needs it imports it inside a function. Depends on the environments, architecture and torch_modules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from evalengine.environments.normalization import Normalization, check_normalization
from evalengine.environments.observation import ObservationLike, ObservationOptions
from evalengine.environments.registry import EnvironmentEntry, describe
from evalengine.errors import InputError
from evalengine.messages import kind, named
from evalengine.policies.architecture import Architecture
from evalengine.policies.head_spelling import threshold_of
from evalengine.policies.torch_modules import to_torch
from evalengine.scalars import check_flag

_ROWS = 32
"""A batch that is a multiple of this is summed in one known order, whatever the processor and the layers."""


State: TypeAlias = tuple["Tensor | tuple[Tensor, Tensor]", ...]
"""What recurrent cells remember: for each cell h (B, hidden size), or (h, c) of an LSTM."""


class Observe(nn.Module):
    """What a policy sees of a batch of observations (B, *observation_shape): (B, n), or (B, C, H, W) for a cnn.

    Attributes:
        mean: float32 in the shape of an observation, or None; a buffer, as the next one.
        std: see `mean`.
        clip: values are clipped to -clip..clip; None clips nothing.
        input_shape: of one observation, as the policy takes it.
        channels_last: whether the last axis of an image is its channels.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(self, input_shape: tuple[int, ...], normalize: Normalization | None, *, channels_last: bool) -> None:
        """Copy mean and std."""
        super().__init__()
        self.input_shape, self.channels_last = input_shape, channels_last
        self.clip = None if normalize is None else normalize.clip
        self.register_buffer("mean", None if normalize is None else torch.from_numpy(normalize.mean.copy()))
        self.register_buffer("std", None if normalize is None else torch.from_numpy(normalize.std.copy()))

    def forward(self, observations: Tensor) -> Tensor:
        """Return float32 of `input_shape` for each observation."""
        seen = observations
        if seen.dtype == torch.uint8:
            seen = seen.to(torch.float32) / 255.0
        if self.mean is not None and self.std is not None:
            seen = (seen - self.mean) / self.std
        if self.clip is not None:
            seen = torch.clamp(seen, -self.clip, self.clip)
        if len(self.input_shape) == 3 and self.channels_last:
            seen = seen.movedim(-1, -3)
        return seen.reshape(len(seen), *self.input_shape).contiguous()


class Act(nn.Module):
    """From logits (B, n) to actions: int64 (B,) where they are discrete, float32 (B, n) of a Box.

    Attributes:
        kind: "argmax", "threshold:0.5"; or of a Box "tanh", "clip", "raw", "sigmoid", or one for each output.
        low: the bounds of a Box, (n,); (0,) for discrete actions; a buffer, as the next one.
        high: see `low`.
    """

    low: Tensor
    high: Tensor

    def __init__(self, kind: str, low: tuple[float, ...], high: tuple[float, ...]) -> None:
        """Keep the bounds as float32."""
        super().__init__()
        self.kind = kind
        self.register_buffer("low", torch.tensor(low, dtype=torch.float32, device="cpu"))
        self.register_buffer("high", torch.tensor(high, dtype=torch.float32, device="cpu"))

    def forward(self, logits: Tensor) -> Tensor:
        """Return the first largest logit's position, whether one is above the threshold, or what heads of a Box make.

        Of whole vectors: a sigmoid of other batches than multiples of 32 has other last bits.
        """
        if self.kind == "argmax":
            return logits.argmax(dim=1)
        if (bound := threshold_of(self.kind)) is not None:
            return (logits[:, 0] > bound).long()
        kinds = self.kind.split("/")
        if len(kinds) == 1:
            return _bounded(kinds[0], logits, self.low, self.high)
        columns = [
            _bounded(kind, logits[:, index].contiguous(), self.low[index], self.high[index])
            for index, kind in enumerate(kinds)
        ]
        return torch.stack(columns, dim=1)


def _bounded(kind: str, logits: Tensor, low: Tensor, high: Tensor) -> Tensor:
    if kind == "tanh":
        return low + (torch.tanh(logits) + 1.0) * 0.5 * (high - low)
    if kind == "sigmoid":
        return low + torch.sigmoid(logits) * (high - low)
    return torch.clamp(logits, low, high) if kind == "clip" else logits


class Player(nn.Module):
    """A policy with what stands before it and behind it in one environment; `Policy.to_torch` makes it.

    Attributes:
        observe: from observations to what the policy sees.
        policy: the network, an nn.Sequential; with recurrent cells one that takes and gives a state.
        act: from logits to actions, or None.
    """

    def __init__(self, entry: EnvironmentEntry, observe: Observe, policy: nn.Sequential, act: Act | None) -> None:
        """Put the parts together."""
        super().__init__()
        self.observe, self.policy, self.act = observe, policy, act
        self._shape, self._dtype = entry.observation_shape, entry.observation_dtype
        self._remembers = any(isinstance(layer, nn.RNNCellBase) for layer in policy)
        self.eval()

    def forward(self, observations: Tensor | NDArray[Any], state: State | None = None) -> Any:
        """Return the actions of a batch, or the action of one observation; logits where there is no `act`.

        Args:
            observations: (B, *observation_shape) or observation_shape, in the environment's dtype.
            state: of recurrent cells: what this returned at the step before, None at the first step of an episode.

        Returns:
            int64 (B,) or () for discrete actions, float32 (B, n) or (n,) for a Box and for logits. Of a policy with
            recurrent cells a pair of this and the state.

        Raises:
            InputError: another shape or dtype than the environment's.
        """
        batch, is_one = self._batch(observations)
        seen = self.observe(batch)
        # Smaller batches, and the last rows of others, would be summed in another order.
        missing = -len(seen) % _ROWS
        padded = _filled_up(seen, missing)
        if self._remembers:
            before = None if state is None else _mapped(lambda rows: _filled_up(rows, missing), state)
            logits, after = self.policy(padded, before)
            state = _mapped(lambda rows: rows[: len(seen)], after)
        else:
            logits = self.policy(padded)
        actions: Tensor = (logits if self.act is None else self.act(logits))[: len(seen)]
        one_or_all = actions[0] if is_one else actions
        return (one_or_all, state) if self._remembers else one_or_all

    def action(self, observation: NDArray[Any], state: State | None = None) -> Any:
        """Return the action of one observation as Gymnasium's `step` takes it: an int, or float32 (n,) for a Box.

        Of a policy with recurrent cells a pair of this and the state for the next step; `state` as for `forward`.
        """
        with torch.no_grad():
            returned = self(observation, state)
        action, after = returned if self._remembers else (returned, None)
        plain = action.item() if action.ndim == 0 else action.cpu().numpy()
        return (plain, after) if self._remembers else plain

    def _batch(self, observations: Tensor | NDArray[Any]) -> tuple[Tensor, bool]:
        """Return observations as a batch where the weights are, and whether it was one observation alone."""
        try:
            given = torch.as_tensor(observations)
        except Exception:  # whatever a caller may pass
            raise InputError(f"observations: expected an array or a tensor, got {kind(observations)}") from None
        dtype = str(given.dtype).removeprefix("torch.")
        if dtype != self._dtype:
            raise InputError(f"observations: expected {self._dtype}, got {named(dtype)}")
        shape = tuple(given.shape)
        if shape not in (self._shape, (*shape[:1], *self._shape)):
            wanted = ", ".join(str(size) for size in self._shape)
            raise InputError(f"observations: expected shape {self._shape} or (B, {wanted}), got {shape}")
        where = next(self.policy.parameters()).device
        return (given[None] if shape == self._shape else given).to(where), shape == self._shape


def _filled_up(rows: Tensor, missing: int) -> Tensor:
    """Return rows with so many copies of the last one behind them."""
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows


def _mapped(function: Callable[[Tensor], Tensor], state: State) -> State:
    """Return what a function makes of each tensor of a state."""
    return tuple(
        (function(of_cell[0]), function(of_cell[1])) if isinstance(of_cell, tuple) else function(of_cell)
        for of_cell in state
    )


def to_player(
    policy: Architecture,
    vector: ArrayLike,
    env_id: str,
    *,
    env_kwargs: Mapping[str, bool | int | float] | None = None,
    observation: ObservationLike | None = None,
    normalize: Normalization | None = None,
    actions: bool = False,
) -> Player:
    """Return the module of one individual (D,) in an environment; `Policy.to_torch` says what each argument is.

    Raises:
        InputError: the policy, or the normalisation, does not fit the environment, or the vector the policy.
    """
    check_flag("actions", actions)
    check_normalization(normalize)
    options = ObservationOptions.of(observation)
    entry = describe(env_id, env_kwargs, options)
    policy.check_fits(entry)
    if normalize is not None:
        normalize.raw(entry)
    has_channels = options is None or options.has_channels
    observe = Observe(policy.input_shape, normalize, channels_last=has_channels)
    return Player(entry, observe, to_torch(policy, vector), _act(policy, entry) if actions else None)


def _act(policy: Architecture, entry: EnvironmentEntry) -> Act:
    if policy.head == "sample" or policy.noise:
        raise InputError(
            f"to_torch: expected no head=sample and no noise for a module of actions, which draws nothing, got {policy}"
        )
    if entry.n_actions is not None:
        return Act("argmax" if threshold_of(policy.head) is None else policy.head, (), ())
    return Act(policy.head, entry.action_low or (), entry.action_high or ())
