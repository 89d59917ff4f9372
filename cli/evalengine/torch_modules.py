"""Policies as PyTorch modules, and state dicts as flat vectors.

    >>> policy = from_torch(nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2)))
    >>> str(policy)
    'mlp:4-64-2'

A module is read as a chain of layers in the order of its children. For an nn.Sequential that is its forward pass; any
other module may do something else in `forward`, so it is run once on random observations and compared with the chain.
The state dict functions need no torch. Nothing here runs episodes. Depends on policy and arguments; torch is imported
inside functions only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import float_array, weight_vector
from evalengine.errors import InputError, MissingDependencyError
from evalengine.policy import Policy

if TYPE_CHECKING:
    from torch import nn

_SUPPORTED = "Linear, Conv2d, Tanh, ReLU, Flatten and Identity"


def to_state_dict(policy: Policy, vector: ArrayLike) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of one individual (D,) by their names in the equivalent nn.Sequential, as copies.

    Raises:
        InputError: the vector does not have the policy's number of parameters.
    """
    weights = weight_vector(vector, str(policy), policy.n_params)
    ends = np.cumsum([math.prod(parameter.shape) for parameter in policy.parameters])
    pieces = np.split(weights, ends[:-1])
    return {p.name: piece.reshape(p.shape).copy() for p, piece in zip(policy.parameters, pieces, strict=True)}


def from_state_dict(policy: Policy, state_dict: Mapping[str, ArrayLike]) -> NDArray[np.float32]:
    """Return the flat vector (D,) of a state dict with the names and shapes of the equivalent nn.Sequential.

    Raises:
        InputError: a name is missing or unknown, or a shape or a dtype does not fit.
    """
    expected = {parameter.name: parameter.shape for parameter in policy.parameters}
    if set(state_dict) != set(expected):
        raise InputError(
            f"state dict: expected the names {', '.join(expected)} for {policy}, got {', '.join(state_dict) or 'none'}"
        )
    tensors = []
    for name, shape in expected.items():
        tensor = float_array(f"state dict: {name}", state_dict[name])
        if tensor.shape != shape:
            raise InputError(f"state dict: {name}: expected shape {shape} for {policy}, got {tensor.shape}")
        tensors.append(tensor.reshape(-1))
    return np.concatenate(tensors)


def to_torch(policy: Policy, vector: ArrayLike) -> nn.Sequential:
    """Return the equivalent nn.Sequential on the CPU, holding a copy of the weights of one individual (D,).

    Raises:
        InputError: the vector does not have the policy's number of parameters.
        MissingDependencyError: torch is not installed.
    """
    state_dict = to_state_dict(policy, vector)
    torch = _torch()
    module: nn.Sequential = torch.nn.Sequential(*_torch_layers(policy))
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state_dict.items()})
    return module


def from_torch(module: nn.Module, observation_shape: tuple[int, ...] | None = None) -> Policy:
    """Return the policy that a module is; its flat vector is `torch.nn.utils.parameters_to_vector` of it.

    Args:
        module: an nn.Sequential, nested ones included, or a module whose children form such a chain in order.
        observation_shape: (channels, height, width) of one observation, as the module sees it; a module with
            convolutions needs it, one without may leave it out.

    Raises:
        InputError: a layer that no policy has, named with its place; sizes that do not fit; a `forward` that is not the
            chain of the children.
        MissingDependencyError: torch is not installed.
    """
    torch = _torch()
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"from_torch: expected a torch.nn.Module, got {type(module).__name__}")
    layers = [layer for layer in _chain(module, "") if type(layer[1]) is not torch.nn.Identity]
    policy = _chain_policy(layers, observation_shape)
    _check_parameters(module, [layer for _, layer in layers])
    if not all(_is_sequential(part) for part in module.modules() if any(part.children())):
        _check_forward(module, policy)
    return policy


def _torch() -> ModuleType:
    try:
        import torch
    except ImportError:
        raise MissingDependencyError.of("torch", extra="torch") from None
    return torch


def _torch_layers(policy: Policy) -> Iterator[nn.Module]:
    nn = _torch().nn
    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[policy.activation]
    channels = policy.input_shape[0]
    for conv in policy.convolutions:
        yield nn.Conv2d(channels, *conv, bias=policy.bias)
        yield activation()
        channels = conv.out_channels
    if policy.arch == "cnn":
        yield nn.Flatten()
    linears = [parameter for parameter in policy.parameters if len(parameter.shape) == 2]
    for number, parameter in enumerate(linears, start=1):
        yield nn.Linear(parameter.fan_in, parameter.shape[0], bias=policy.bias)
        if number < len(linears):
            yield activation()


def _is_sequential(module: nn.Module) -> bool:
    """Say whether the children, in order, are what `forward` runs."""
    sequential = _torch().nn.Sequential
    return isinstance(module, sequential) and type(module).forward is sequential.forward


def _chain(module: nn.Module, place: str) -> Iterator[tuple[str, Any]]:
    """Walk the layers in order, each with its place for messages, such as "layer 2.0 (Linear)"."""
    # named_children() would leave out the second use of one Tanh object.
    children = [(name, child) for name, child in module._modules.items() if child is not None]
    if not children:
        yield f"layer {place or '0'} ({type(module).__name__})", module
    for name, child in children:
        yield from _chain(child, f"{place}.{name}" if place else name)


def _chain_policy(layers: list[tuple[str, Any]], observation_shape: tuple[int, ...] | None) -> Policy:
    """Build the policy of a chain: convolutions, Flatten, linear layers, with one activation between each two."""
    nn = _torch().nn
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
            raise InputError(f"from_torch: {place}: expected {_SUPPORTED}, got {' '.join(repr(layer).split())}")
    if not previous_is_weighted or type(weighted[-1][1]) is not nn.Linear:
        last = layers[-1][0] if layers else "no layer"
        raise InputError(f"from_torch: expected a Linear layer last, whose outputs are the logits, got {last}")
    activation, bias = _common(activations, weighted)
    return _policy_of(weighted, activation, bias, observation_shape)


def _check_order(place: str, layer: Any, before: list[tuple[str, Any]], flattened: bool) -> None:
    nn = _torch().nn
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
        "padding": isinstance(layer.padding, str),
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
    nn = _torch().nn
    convolutions = [layer for _, layer in weighted if type(layer) is nn.Conv2d]
    linears = [layer for _, layer in weighted if type(layer) is nn.Linear]
    sizes = [linear.out_features for linear in linears]
    if convolutions:
        shape = _image_shape(convolutions[0].in_channels, observation_shape)
        tuples = [(conv.out_channels, conv.kernel_size, conv.stride, conv.padding) for conv in convolutions]
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


def _image_shape(channels: int, observation_shape: tuple[int, ...] | None) -> tuple[int, ...]:
    if observation_shape is None:
        raise InputError(
            f"from_torch: a module with convolutions needs observation_shape=({channels}, height, width), got None"
        )
    shape = tuple(observation_shape)
    if len(shape) != 3 or shape[0] != channels:
        raise InputError(f"from_torch: expected observation_shape ({channels}, height, width), got {shape}")
    return shape


def _check_parameters(module: nn.Module, layers: list[nn.Module]) -> None:
    """Check that the flat vector of the module is that of the policy: no other parameters, no layer used twice."""
    in_chain = [id(parameter) for layer in layers for parameter in layer.parameters()]
    if len(set(in_chain)) != len(in_chain):
        raise InputError("from_torch: expected every layer once, got layers that share parameters")
    for name, parameter in module.named_parameters():
        if id(parameter) not in in_chain:
            raise InputError(f"from_torch: parameter {name} belongs to no Linear or Conv2d of the chain")


def _check_forward(module: nn.Module, policy: Policy) -> None:
    """Run a copy of a module, with random weights, beside the chain of its children, and compare."""
    torch = _torch()
    (vector,) = policy.init(population=1, seed=0)
    chain = to_torch(policy, vector)
    copied = copy.deepcopy(module).to(device="cpu", dtype=torch.float32)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(vector), copied.parameters())
    # A standard normal sample of a few observations; logits are then of the order of 1.
    observations = np.random.default_rng(0).standard_normal((4, *policy.input_shape)).astype(np.float32)
    name = type(module).__name__
    with torch.no_grad():
        expected = chain(torch.from_numpy(observations))
        try:
            got = copied(torch.from_numpy(observations))
        except Exception as error:  # a user's forward may raise anything
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"from_torch: {name}.forward fails on observations of shape {observations.shape}: {reason}"
            ) from error
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape or not torch.allclose(got, expected, atol=1e-4):
        raise InputError(
            f"from_torch: expected {name}.forward to run its children in order, as {policy}; "
            "got other outputs: write it as an nn.Sequential"
        )
