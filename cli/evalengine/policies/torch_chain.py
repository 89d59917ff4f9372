"""From the layers of a PyTorch module, in the order in which they run, to the policy that they are.

    [Linear(...), Activation("tanh"), Linear(...)] ──► chain_policy ──► Policy("mlp:4-64-2")

Every refusal names the layer. Depends on policy and torch_layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from evalengine.errors import InputError
from evalengine.policies.architecture import Architecture
from evalengine.policies.torch_graph import Own
from evalengine.policies.torch_layers import Activation, Convolution, Flatten, Layer, Linear


def chain_policy(layers: Sequence[Layer], observation_shape: tuple[int, ...] | None) -> Architecture:
    """Build the policy of a chain: convolutions, Flatten, linear layers, with one activation between each two.

    Raises:
        InputError: the layers come in another order, differ in activation or bias, or their sizes do not fit.
    """
    weighted: list[Linear | Convolution] = []
    activations: list[Activation] = []
    flattenings: list[Flatten] = []
    previous: Linear | Convolution | Activation | None = None
    for layer in layers:
        if isinstance(layer, Flatten):
            flattenings.append(layer)
            continue
        if isinstance(layer, Activation):
            if not isinstance(previous, Linear | Convolution):
                raise InputError(f"from_torch: {layer.place}: expected an activation to follow a Linear or Conv2d")
            activations.append(layer)
        else:
            if isinstance(previous, Linear | Convolution):
                raise InputError(f"from_torch: {layer.place}: expected Tanh or ReLU between it and {previous.place}")
            _check_order(layer, weighted, bool(flattenings))
            weighted.append(layer)
        previous = layer
    if not isinstance(previous, Linear):
        raise _no_logits(layers)
    policy = _policy_of(weighted, _common_activation(activations), _common_bias(weighted), observation_shape)
    _check_sizes(layers)
    return policy


def chain_parameters(layers: Sequence[Layer]) -> list[Own]:
    """Return the parameters of a chain in the order of the flat vector: weight, bias, layer by layer, as they run."""
    weighted = [layer for layer in layers if isinstance(layer, Linear | Convolution)]
    return [own for layer in weighted for own in (layer.weight, layer.bias) if own is not None]


def _no_logits(layers: Sequence[Layer]) -> InputError:
    last = layers[-1] if layers else None
    got = last.place if last is not None else "no layer"
    is_tanh = isinstance(last, Activation) and last.kind == "tanh"
    advice = ": leave it out, the head of a policy scales its logits" if is_tanh else ""
    return InputError(f"from_torch: expected a Linear layer last, whose outputs are the logits, got {got}{advice}")


def _check_order(layer: Linear | Convolution, before: Sequence[Linear | Convolution], flattened: bool) -> None:
    after_convolution = bool(before) and isinstance(before[-1], Convolution)
    if isinstance(layer, Linear):
        if after_convolution and not flattened:
            raise InputError(f"from_torch: {layer.place}: expected Flatten between it and {before[-1].place}")
    elif flattened or (before and not after_convolution):
        raise InputError(f"from_torch: {layer.place}: expected convolutions before Flatten and Linear")


def _check_sizes(layers: Sequence[Layer]) -> None:
    """Check the sizes that a module gives to `view`: another one would deal numbers out to other rows of the batch."""
    # A reshaped observation, or convolution, has as many numbers as the next linear layer takes.
    features: int | None = None
    for layer in reversed(layers):
        if isinstance(layer, Linear):
            features = layer.weight.tensor.shape[1]
        elif isinstance(layer, Flatten) and layer.size is not None:
            given = layer.size
            wanted = features if features is not None else _last(layers).weight.tensor.shape[0]
            if given != wanted:
                raise InputError(f"from_torch: {layer.place}: expected {wanted} numbers a row, got {given}")


def _last(layers: Sequence[Layer]) -> Linear:
    return next(layer for layer in reversed(layers) if isinstance(layer, Linear))


def _common_activation(activations: Sequence[Activation]) -> str | None:
    """Return the activation that all layers share; None where there is none at all."""
    first = activations[0].kind if activations else None
    for activation in activations:
        if activation.kind != first:
            raise InputError(
                f"from_torch: {activation.place}: expected {first} as in the layers before, got {activation.kind}"
            )
    return first


def _common_bias(weighted: Sequence[Linear | Convolution]) -> bool:
    has_bias = weighted[0].bias is not None
    for layer in weighted:
        if (layer.bias is not None) != has_bias:
            raise InputError(
                f"from_torch: {layer.place}: expected bias={has_bias} as in the layers before, got bias={not has_bias}"
            )
    return has_bias


def _policy_of(
    weighted: Sequence[Linear | Convolution],
    activation: str | None,
    bias: bool,
    observation_shape: tuple[int, ...] | None,
) -> Architecture:
    shapes = [tuple(layer.weight.tensor.shape) for layer in weighted]
    convolutions = [layer for layer in weighted if isinstance(layer, Convolution)]
    sizes = [shape[0] for shape in shapes[len(convolutions) :]]
    if convolutions:
        image = _image_shape(shapes[0][1], observation_shape)
        tuples: list[Any] = [
            (shape[0], shape[2:], layer.stride, layer.padding)
            for shape, layer in zip(shapes, convolutions, strict=False)
        ]
        policy = Architecture.from_shape("cnn", (*image, *tuples, *sizes), activation=activation, bias=bias)
    else:
        inputs = shapes[0][1]
        if observation_shape is not None and math.prod(observation_shape) != inputs:
            raise InputError(f"from_torch: expected an observation_shape of {inputs} numbers, got {observation_shape}")
        policy = Architecture.from_shape("mlp", (inputs, *sizes), activation=activation, bias=bias)
    expected = [parameter.shape for parameter in policy.parameters if parameter.name.endswith("weight")]
    for layer, shape, own in zip(weighted, expected, shapes, strict=True):
        if own != shape:
            raise InputError(f"from_torch: {layer.place}: expected weights {shape} after the layers before, got {own}")
    return policy


def _image_shape(channels: int, observation_shape: tuple[int, ...] | None) -> tuple[int, ...]:
    if observation_shape is None:
        raise InputError(
            f"from_torch: a module with convolutions needs observation_shape=({channels}, height, width), got None"
        )
    shape = tuple(observation_shape)
    if len(shape) != 3 or shape[0] != channels:
        raise InputError(f"from_torch: expected observation_shape ({channels}, height, width), got {shape}")
    return shape
