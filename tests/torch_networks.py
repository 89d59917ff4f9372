"""Small PyTorch networks, and what `from_torch` says of them, for the tests of several files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evalengine import Policy
from evalengine.errors import InputError

KINDS = "Linear, Conv2d, a pool, LayerNorm, an activation, Flatten or Identity"


def chain() -> nn.Sequential:
    """mlp:4-8-2 in layers."""
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


class Net(nn.Module):
    """A network with a function for its forward."""

    def __init__(self, forward: Callable[[Any, Tensor], object]) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 2)
        self.call = forward

    def forward(self, x: Tensor) -> object:
        return self.call(self, x)


def plainly(net: Any, x: Tensor) -> Tensor:
    """The forward that makes a `Net` mlp:4-8-2."""
    logits: Tensor = net.fc2(torch.tanh(net.fc1(x)))
    return logits


def refusal(module: Any, shape: Any = None) -> str:
    """The reason why a module is no policy."""
    with pytest.raises(InputError) as refused:
        Policy.from_torch(module, shape)
    message = str(refused.value)
    assert message.isprintable()
    return message.removeprefix("from_torch: ")
