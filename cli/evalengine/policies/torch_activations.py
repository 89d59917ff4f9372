"""A policy's activations as modules of PyTorch, which has one for each but the sine; that one is here.

Depends on activations; torch is imported inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evalengine.policies.activations import parameters_of

if TYPE_CHECKING:
    from torch import Tensor, nn


def activation_module(spelling: str) -> nn.Module:
    """Return the module of an activation by its canonical spec, such as "leaky_relu:0.2"."""
    from torch import nn

    makers: dict[str, Callable[..., nn.Module]] = {
        "identity": nn.Identity,
        "relu": nn.ReLU,
        "leaky_relu": nn.LeakyReLU,
        "relu6": nn.ReLU6,
        "elu": nn.ELU,
        "selu": nn.SELU,
        "celu": nn.CELU,
        "gelu": nn.GELU,
        "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
        "silu": nn.SiLU,
        "mish": nn.Mish,
        "softplus": nn.Softplus,
        "softsign": nn.Softsign,
        "hardtanh": nn.Hardtanh,
        "hardsigmoid": nn.Hardsigmoid,
        "hardswish": nn.Hardswish,
        "sigmoid": nn.Sigmoid,
        "logsigmoid": nn.LogSigmoid,
        "tanh": nn.Tanh,
        "sin": _sin,
        "softmax": lambda: nn.Softmax(dim=-1),
        "log_softmax": lambda: nn.LogSoftmax(dim=-1),
    }
    module: nn.Module = makers[spelling.partition(":")[0]](*parameters_of(spelling))
    return module


def _sin() -> nn.Module:
    import torch
    from torch import nn

    class Sin(nn.Module):
        """The sine of each number: `torch.sin`."""

        def forward(self, inputs: Tensor) -> Tensor:
            return torch.sin(inputs)

        def __reduce__(self) -> tuple[Any, ...]:
            # A class inside a function has no name that pickle could find.
            return _sin, ()

    return Sin()
