"""A policy's activations as modules of PyTorch. Depends on activations; torch is imported inside functions only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evalengine.policies.activations import parameters_of

if TYPE_CHECKING:
    from torch import nn


def activation_module(spelling: str) -> nn.Module:
    """Return the module of an activation by its canonical spelling, such as "leaky_relu:0.2"."""
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
        "softmax": lambda: nn.Softmax(dim=-1),
        "log_softmax": lambda: nn.LogSoftmax(dim=-1),
    }
    module: nn.Module = makers[spelling.partition(":")[0]](*parameters_of(spelling))
    return module
