"""From the layers of a PyTorch module, in order, to the policy that they are; `torch_modules` is the only user.

    layers_of(module) ──► [("layer 0 (Linear)", ...), ("layer 1 (Tanh)", ...), ...] ──► chain_policy ──► Policy

Only what the layers say of themselves is looked at here; whether the module runs them so is for `torch_modules` to
find out. Every refusal names the layer. Depends on policy; torch is imported inside functions only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from evalengine.errors import InputError, MissingDependencyError
from evalengine.policy import Policy
from evalengine.spelling import ACTIVATIONS

if TYPE_CHECKING:
    from torch import nn

_SUPPORTED = "Linear, Conv2d, Tanh, ReLU, Flatten and Identity"


def import_torch() -> ModuleType:
    """Import torch.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingDependencyError.of("torch", extra="torch") from None
    return torch


def layers_of(module: nn.Module, place: str) -> Iterator[tuple[str, Any]]:
    """Walk the layers in order, each with its place for messages, such as "layer 2.0 (Linear)"."""
    # named_children() would leave out the second use of one Tanh object.
    children = [(name, child) for name, child in module._modules.items() if child is not None]
    if not children:
        yield f"layer {place or '0'} ({type(module).__name__})", module
    for name, child in children:
        yield from layers_of(child, f"{place}.{name}" if place else name)


def chain_policy(layers: list[tuple[str, Any]], observation_shape: tuple[int, ...] | None) -> Policy:
    """Build the policy of a chain: convolutions, Flatten, linear layers, with one activation between each two."""
    nn = import_torch().nn
    weighted: list[tuple[str, Any]] = []
    activations: dict[str, str] = {}
    flattened = False
    previous_is_weighted = False
    for place, layer in layers:
        kind = type(layer)
        if kind is nn.Flatten and (layer.start_dim, layer.end_dim) == (1, -1):
            flattened = True
        elif kind in (nn.Tanh, nn.ReLU):
            if not previous_is_weighted:
                raise InputError(f"from_torch: {place}: expected an activation to follow a Linear or Conv2d")
            activations[place] = "tanh" if kind is nn.Tanh else "relu"
            previous_is_weighted = False
        elif kind in (nn.Linear, nn.Conv2d):
            if previous_is_weighted:
                raise InputError(f"from_torch: {place}: expected Tanh or ReLU between it and {weighted[-1][0]}")
            _check_order(place, layer, weighted, flattened)
            weighted.append((place, layer))
            previous_is_weighted = True
        else:
            raise _unsupported(place, layer)
    if not previous_is_weighted or type(weighted[-1][1]) is not nn.Linear:
        raise _no_logits(layers)
    activation, bias = _common(activations, weighted)
    return _policy_of(weighted, activation, bias, observation_shape)


def loose_policies(layers: list[tuple[str, Any]], observation_shape: tuple[int, ...] | None) -> list[Policy]:
    """Return the policies that layers can be whose `forward` has what stands between them: one for each activation."""
    nn = import_torch().nn
    weighted: list[tuple[str, Any]] = []
    activations: dict[str, str] = {}
    for place, layer in layers:
        kind = type(layer)
        if kind in (nn.Tanh, nn.ReLU):
            activations[place] = "tanh" if kind is nn.Tanh else "relu"
        elif kind in (nn.Linear, nn.Conv2d):
            _check_order(place, layer, weighted, flattened=kind is nn.Linear)
            weighted.append((place, layer))
        elif kind is not nn.Flatten:
            raise _unsupported(place, layer)
    if not weighted or type(weighted[-1][1]) is not nn.Linear:
        raise _no_logits(layers)
    activation, bias = _common(activations, weighted)
    kinds = ACTIVATIONS if activation is None else (activation,)
    return [_policy_of(weighted, kind, bias, observation_shape) for kind in kinds]


def _unsupported(place: str, layer: nn.Module) -> InputError:
    return InputError(f"from_torch: {place}: expected {_SUPPORTED}, got {' '.join(repr(layer).split())}")


def _no_logits(layers: list[tuple[str, Any]]) -> InputError:
    last = layers[-1][0] if layers else "no layer"
    advice = ": leave it out, the head of a policy scales its logits" if last.endswith("(Tanh)") else ""
    return InputError(f"from_torch: expected a Linear layer last, whose outputs are the logits, got {last}{advice}")


def _check_order(place: str, layer: Any, before: list[tuple[str, Any]], flattened: bool) -> None:
    nn = import_torch().nn
    after_convolution = bool(before) and type(before[-1][1]) is nn.Conv2d
    if type(layer) is nn.Linear:
        if after_convolution and not flattened:
            raise InputError(f"from_torch: {place}: expected Flatten between it and {before[-1][0]}")
        return
    if flattened or (before and not after_convolution):
        raise InputError(f"from_torch: {place}: expected convolutions before Flatten and Linear")
    unsupported = {
        "groups": layer.groups != 1,
        "dilation": layer.dilation != (1, 1),
        "padding_mode": layer.padding_mode != "zeros",
        "padding": layer.padding == "same" and not all(size % 2 for size in layer.kernel_size),
    }
    for option in (option for option, is_used in unsupported.items() if is_used):
        raise InputError(f"from_torch: {place}: {option}={getattr(layer, option)!r} is not supported")


def _common(activations: dict[str, str], weighted: list[tuple[str, Any]]) -> tuple[str | None, bool]:
    """Return the activation and the bias that all layers share; no activation at all is None."""
    kinds = list(activations.values())
    for place, kind in activations.items():
        if kind != kinds[0]:
            raise InputError(f"from_torch: {place}: expected {kinds[0]} as in the layers before, got {kind}")
    biases = [layer.bias is not None for _, layer in weighted]
    for (place, _), has_bias in zip(weighted, biases, strict=True):
        if has_bias != biases[0]:
            raise InputError(
                f"from_torch: {place}: expected bias={biases[0]} as in the layers before, got bias={has_bias}"
            )
    return (kinds[0] if kinds else None), biases[0]


def _policy_of(
    weighted: list[tuple[str, Any]], activation: str | None, bias: bool, observation_shape: tuple[int, ...] | None
) -> Policy:
    nn = import_torch().nn
    convolutions = [layer for _, layer in weighted if type(layer) is nn.Conv2d]
    linears = [layer for _, layer in weighted if type(layer) is nn.Linear]
    sizes = [linear.out_features for linear in linears]
    if convolutions:
        shape = _image_shape(convolutions[0].in_channels, observation_shape)
        tuples = [(conv.out_channels, conv.kernel_size, conv.stride, _padding(conv)) for conv in convolutions]
        policy = Policy.from_shape("cnn", (*shape, *tuples, *sizes), activation=activation, bias=bias)
    else:
        inputs = linears[0].in_features
        if observation_shape is not None and math.prod(observation_shape) != inputs:
            raise InputError(f"from_torch: expected an observation_shape of {inputs} numbers, got {observation_shape}")
        policy = Policy.from_shape("mlp", (inputs, *sizes), activation=activation, bias=bias)
    expected = [parameter.shape for parameter in policy.parameters if parameter.name.endswith("weight")]
    for (place, layer), shape in zip(weighted, expected, strict=True):
        if tuple(layer.weight.shape) != shape:
            raise InputError(
                f"from_torch: {place}: expected weights {shape} after the layers before, "
                f"got {tuple(layer.weight.shape)}"
            )
    return policy


def _padding(conv: Any) -> tuple[int, int]:
    """Return the padding in numbers; "same" pads both sides equally, because the kernel is odd (`_check_order`)."""
    if conv.padding == "valid":
        return (0, 0)
    if conv.padding == "same":
        return conv.kernel_size[0] // 2, conv.kernel_size[1] // 2
    return conv.padding[0], conv.padding[1]


def _image_shape(channels: int, observation_shape: tuple[int, ...] | None) -> tuple[int, ...]:
    if observation_shape is None:
        raise InputError(
            f"from_torch: a module with convolutions needs observation_shape=({channels}, height, width), got None"
        )
    shape = tuple(observation_shape)
    if len(shape) != 3 or shape[0] != channels:
        raise InputError(f"from_torch: expected observation_shape ({channels}, height, width), got {shape}")
    return shape
