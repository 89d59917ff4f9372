"""The activations that policies have, by PyTorch's names: spelled, checked, and as the extension takes them.

    >>> canonical("leaky_relu:0.010"), canonical("leaky_relu:.2")
    ('leaky_relu', 'leaky_relu:0.2')
    >>> activation_layer("leaky_relu")
    ('leaky_relu', 0.01)

A spelling is a name of `torch.nn.functional` and its parameters in PyTorch's order, each after a colon, as far as they
differ from PyTorch's defaults. To add an activation, give it a line in `DEFAULTS`, one in rust/lane-math
(`Activation::from_name`) and one in `torch_layers`. Depends on messages and the extension's types.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Final

from evalengine.messages import shown

if TYPE_CHECKING:
    from evalengine import _engine

IDENTITY = "identity"

DEFAULTS: Final[dict[str, tuple[float, ...]]] = {
    IDENTITY: (),
    "relu": (),
    "leaky_relu": (0.01,),
    "relu6": (),
    "elu": (1.0,),
    "selu": (),
    "celu": (1.0,),
    "gelu": (),
    "gelu_tanh": (),
    "silu": (),
    "mish": (),
    "softplus": (1.0, 20.0),
    "softsign": (),
    "hardtanh": (-1.0, 1.0),
    "hardsigmoid": (),
    "hardswish": (),
    "sigmoid": (),
    "logsigmoid": (),
    "tanh": (),
    "sin": (),
}
"""Name -> the parameters that PyTorch takes where none are given, in its order."""

OF_OUTPUTS: Final = ("softmax", "log_softmax")
"""Functions of all outputs together, over the last axis: after the last layer only."""

PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "leaky_relu": ("negative_slope",),
    "elu": ("alpha",),
    "celu": ("alpha",),
    "softplus": ("beta", "threshold"),
    "hardtanh": ("min_val", "max_val"),
}
"""What PyTorch calls the parameters of those that have some."""

_NUMBER = re.compile(r"[+-]?(\d{1,20}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?")


def canonical(spelling: str, *, of_outputs: bool = False) -> str:
    """Return the one spelling of an activation, "leaky_relu:0.2"; `of_outputs` says that it may be one of `OF_OUTPUTS`.

    Raises:
        ValueError: there is no such activation, or it has no such parameters; the message says what is wrong with what.
    """
    if of_outputs and spelling in OF_OUTPUTS:
        return spelling
    name, *parameters = spelling.split(":")
    if name not in DEFAULTS:
        names = (*DEFAULTS, *(OF_OUTPUTS if of_outputs else ()))
        raise ValueError(f"no activation {shown(name)}; expected one of {', '.join(names)}")
    if len(parameters) > len(DEFAULTS[name]):
        wanted = ":".join((name, *PARAMETERS.get(name, ())))
        raise ValueError(f"{shown(spelling)}: expected {wanted}")
    for parameter in parameters:
        if _NUMBER.fullmatch(parameter) is None:
            raise ValueError(f"{shown(spelling)}: expected a number, got {shown(parameter)}")
    return spell(name, *(float(parameter) for parameter in parameters))


def spell(name: str, *parameters: float) -> str:
    """Return the spelling of an activation of `DEFAULTS` with its first parameters given.

    Raises:
        ValueError: a parameter is one that PyTorch refuses, or float32 cannot hold.
    """
    values = (*parameters, *DEFAULTS[name][len(parameters) :])
    given = ":".join((name, *map(_number, values)))
    if not all(map(_is_float32, values)):
        raise ValueError(f"{shown(given)}: expected numbers that float32 can hold")
    if name == "celu" and (values[0] == 0.0 or not _is_float32(1.0 / values[0])):
        raise ValueError(f"{shown(given)}: expected an alpha whose reciprocal float32 can hold")
    if name == "hardtanh":
        if not values[0] < values[1]:
            raise ValueError(f"{shown(given)}: expected min_val < max_val")
        if given == "hardtanh:0:6":
            return "relu6"
    while values and values == (*values[:-1], DEFAULTS[name][len(values) - 1]) and not _is_minus_zero(values[-1]):
        values = values[:-1]
    return ":".join((name, *map(_number, values)))


def parameters_of(spelling: str) -> tuple[float, ...]:
    """Return all parameters of a canonical spec, PyTorch's defaults where it names none."""
    name, *given = spelling.split(":")
    return (*map(float, given), *DEFAULTS.get(name, ())[len(given) :])


def activation_layer(spelling: str) -> _engine.Layer:
    """Return a canonical spec as the extension takes it: the name, then all parameters."""
    layer: _engine.Layer = (spelling.partition(":")[0], *parameters_of(spelling))  # type: ignore[assignment]
    return layer


def _is_float32(value: float) -> bool:
    try:
        return math.isfinite(value) and math.isfinite(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return False


def _is_minus_zero(value: float) -> bool:
    return value == 0.0 and math.copysign(1.0, value) < 0.0


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")
