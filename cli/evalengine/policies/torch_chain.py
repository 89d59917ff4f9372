"""From the layers of a PyTorch module, in the order in which they run, to the policy that they are.

    [Linear(...), Activation("tanh"), Linear(...)] ──► chain_policy ──► Policy("mlp:4-64-2")

Every refusal names the layer. Depends on policy and torch_layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from evalengine.errors import InputError
from evalengine.policies.activations import IDENTITY, OF_OUTPUTS
from evalengine.policies.architecture import Architecture
from evalengine.policies.cells import GATES
from evalengine.policies.torch_graph import Own
from evalengine.policies.torch_layers import Activation, Cell, Convolution, Flatten, Layer, Linear

_Weighted = Linear | Convolution | Cell


def chain_policy(layers: Sequence[Layer], observation_shape: tuple[int, ...] | None) -> Architecture:
    """Build the policy of a chain: convolutions, Flatten, linear layers, each with no or one activation after it.

    Raises:
        InputError: the layers come in another order, or their sizes do not fit.
    """
    weighted: list[_Weighted] = []
    activations: list[str] = []
    flattened = False
    previous: _Weighted | Activation | None = None
    for layer in layers:
        if isinstance(layer, Flatten):
            flattened = True
            continue
        if isinstance(layer, Activation):
            if not isinstance(previous, _Weighted):
                raise InputError(f"from_torch: {layer.place}: expected an activation to follow a Linear or Conv2d")
            activations[-1] = layer.spelling
        else:
            if isinstance(previous, Activation) and previous.spelling in OF_OUTPUTS:
                raise InputError(
                    f"from_torch: {previous.place}: expected {previous.spelling} after the last layer only"
                )
            _check_order(layer, weighted, flattened)
            weighted.append(layer)
            activations.append(IDENTITY)
        previous = layer
    if not weighted or isinstance(weighted[-1], Convolution):
        got = layers[-1].place if layers else "no layer"
        raise InputError(f"from_torch: expected a Linear layer last, whose outputs are the logits, got {got}")
    policy = _policy_of(weighted, activations, observation_shape)
    _check_sizes(layers)
    return policy


def chain_parameters(layers: Sequence[Layer]) -> list[Own]:
    """Return the parameters of a chain in the order of the flat vector: weight, bias, layer by layer, as they run."""
    found: list[Own | None] = []
    for layer in layers:
        if isinstance(layer, Cell):
            found += [layer.weight, layer.weight_hh, layer.bias, layer.bias_hh]
        elif isinstance(layer, Linear | Convolution):
            found += [layer.weight, layer.bias]
    return [own for own in found if own is not None]


def _check_order(layer: _Weighted, before: Sequence[_Weighted], flattened: bool) -> None:
    after_convolution = bool(before) and isinstance(before[-1], Convolution)
    if isinstance(layer, Linear | Cell):
        if after_convolution and not flattened:
            raise InputError(f"from_torch: {layer.place}: expected Flatten between it and {before[-1].place}")
    elif flattened or (before and not after_convolution):
        raise InputError(f"from_torch: {layer.place}: expected convolutions before Flatten and Linear")


def _check_sizes(layers: Sequence[Layer]) -> None:
    """Check the sizes that a module gives to `view`: another one would deal numbers out to other rows of the batch."""
    # A reshaped observation, or convolution, has as many numbers as the next linear layer takes.
    features: int | None = None
    for layer in reversed(layers):
        if isinstance(layer, Linear | Cell):
            features = layer.weight.tensor.shape[1]
        elif isinstance(layer, Flatten) and layer.size is not None:
            given = layer.size
            wanted = features if features is not None else _last(layers).weight.tensor.shape[0]
            if given != wanted:
                raise InputError(f"from_torch: {layer.place}: expected {wanted} numbers a row, got {given}")


def _last(layers: Sequence[Layer]) -> Linear | Cell:
    return next(layer for layer in reversed(layers) if isinstance(layer, Linear | Cell))


def _policy_of(
    weighted: Sequence[_Weighted],
    activations: Sequence[str],
    observation_shape: tuple[int, ...] | None,
) -> Architecture:
    shapes = [tuple(layer.weight.tensor.shape) for layer in weighted]
    convolutions = [layer for layer in weighted if isinstance(layer, Convolution)]
    build = partial(
        Architecture.from_shape,
        activation=activations[:-1] or None,
        output_activation=activations[-1],
        bias=[layer.bias is not None for layer in weighted],
    )
    sizes = [_size(layer) for layer in weighted[len(convolutions) :]]
    if convolutions:
        image = _image_shape(shapes[0][1], observation_shape)
        tuples: list[Any] = [
            (shape[0], shape[2:], layer.stride, layer.padding)
            for shape, layer in zip(shapes, convolutions, strict=False)
        ]
        policy = build("cnn", (*image, *tuples, *sizes))
    else:
        inputs = shapes[0][1]
        if observation_shape is not None and math.prod(observation_shape) != inputs:
            raise InputError(f"from_torch: expected an observation_shape of {inputs} numbers, got {observation_shape}")
        policy = build("mlp", (inputs, *sizes))
    expected = [parameter.shape for parameter in policy.parameters if parameter.name.endswith(("weight", "weight_ih"))]
    for layer, shape, own in zip(weighted, expected, shapes, strict=True):
        if own != shape:
            raise InputError(f"from_torch: {layer.place}: expected weights {shape} after the layers before, got {own}")
    return policy


def _size(layer: _Weighted) -> int | tuple[str, int]:
    """Return a layer as shapes have it: its outputs, or its cell and hidden size."""
    rows = int(layer.weight.tensor.shape[0])
    return (layer.cell, rows // GATES[layer.cell]) if isinstance(layer, Cell) else rows


def _image_shape(channels: int, observation_shape: tuple[int, ...] | None) -> tuple[int, ...]:
    if observation_shape is None:
        raise InputError(
            f"from_torch: a module with convolutions needs observation_shape=({channels}, height, width), got None"
        )
    shape = tuple(observation_shape)
    if len(shape) != 3 or shape[0] != channels:
        raise InputError(f"from_torch: expected observation_shape ({channels}, height, width), got {shape}")
    return shape
