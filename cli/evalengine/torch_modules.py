"""Policies as PyTorch modules and back.

    >>> policy = from_torch(nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2)))
    >>> str(policy)
    'mlp:4-64-2'

A module is read as a chain of layers in the order of its children. For an nn.Sequential that is its forward pass; any
other module, and one with hooks, may do something else in `forward`, so it is run once on random observations and
compared with the chain. Where the children are the layers only, and `forward` has the activations
(`self.fc2(torch.tanh(self.fc1(x)))`), that run also finds which they are. Nothing here runs episodes. Depends on
policy, state_dicts and torch_chain; torch is imported inside functions only.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from evalengine.errors import InputError
from evalengine.policy import Policy
from evalengine.state_dicts import to_state_dict
from evalengine.torch_chain import chain_policy, import_torch, layers_of, loose_policies

if TYPE_CHECKING:
    from torch import nn


def to_torch(policy: Policy, vector: ArrayLike) -> nn.Sequential:
    """Return the equivalent nn.Sequential on the CPU, holding a copy of the weights of one individual (D,).

    Raises:
        InputError: the vector does not have the policy's number of parameters.
        MissingDependencyError: torch is not installed.
    """
    state_dict = to_state_dict(policy, vector)
    torch = import_torch()
    module: nn.Sequential = torch.nn.Sequential(*_torch_layers(policy))
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state_dict.items()})
    return module


def from_torch(module: nn.Module, observation_shape: tuple[int, ...] | None = None) -> Policy:
    """Return the policy that a module is; its flat vector is `torch.nn.utils.parameters_to_vector` of it.

    Args:
        module: an nn.Sequential, nested ones included, or a module whose children form such a chain in order; where
            `forward` is its own, it may have the activations and the flattening.
        observation_shape: (channels, height, width) of one observation, as the module sees it; a module with
            convolutions needs it, one without may leave it out.

    Raises:
        InputError: a layer that no policy has, named with its place; sizes that do not fit; a `forward` that is not the
            chain of the children.
        MissingDependencyError: torch is not installed.
    """
    torch = import_torch()
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"from_torch: expected a torch.nn.Module, got {type(module).__name__}")
    module = getattr(module, "_orig_mod", module)  # what torch.compile has wrapped
    layers = [layer for layer in layers_of(module, "") if type(layer[1]) is not torch.nn.Identity]
    is_its_children = all(_is_plain(part) for part in module.modules())
    try:
        policies = [chain_policy(layers, observation_shape)]
    except InputError:
        if is_its_children:
            raise
        policies = loose_policies(layers, observation_shape)
    _check_parameters(module, layers)
    if is_its_children:
        return policies[0]
    for policy in policies:
        if _runs_as(module, policy):
            return policy
    raise InputError(
        f"from_torch: expected {type(module).__name__}.forward to run its children in order, as "
        f"{' or '.join(str(policy) for policy in policies)}; got other outputs: write it as an nn.Sequential"
    )


def _torch_layers(policy: Policy) -> Iterator[nn.Module]:
    nn = import_torch().nn
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


def _is_plain(module: nn.Module) -> bool:
    """Say whether a call runs the children in order, or is that of a layer: no `forward` of its own, no hooks."""
    nn = import_torch().nn
    if "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks:
        return False
    if not any(module.children()):
        return True
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _check_parameters(module: nn.Module, layers: list[tuple[str, Any]]) -> None:
    """Check that the flat vector of the module is that of the policy: plain layers, each once, and nothing beside."""
    nn = import_torch().nn
    for place, layer in layers:
        parameters = dict(layer.named_parameters())
        expected = {"weight"} | ({"bias"} if getattr(layer, "bias", None) is not None else set())
        if type(layer) in (nn.Linear, nn.Conv2d) and set(parameters) != expected:  # weight_norm and the like
            raise InputError(
                f"from_torch: {place}: expected the parameters {' and '.join(sorted(expected))}, "
                f"got {', '.join(parameters) or 'none'}"
            )
        for name, parameter in parameters.items():
            if not parameter.is_floating_point():
                raise InputError(f"from_torch: {place}: expected {name} to be floating, got {parameter.dtype}")
    in_chain = [id(parameter) for _, layer in layers for parameter in layer.parameters()]
    if len(set(in_chain)) != len(in_chain):
        raise InputError("from_torch: expected every layer once, got layers that share parameters")
    for name, parameter in module.named_parameters():
        if id(parameter) not in in_chain:
            raise InputError(f"from_torch: parameter {name} belongs to no Linear or Conv2d of the chain")


def _runs_as(module: nn.Module, policy: Policy) -> bool:
    """Run a copy of a module, with random weights, beside the policy's chain, and compare.

    Raises:
        InputError: it cannot be run on a batch of observations.
    """
    torch = import_torch()
    (vector,) = policy.init(population=1, seed=0)
    chain = to_torch(policy, vector)
    copied = copy.deepcopy(module)
    if any(parameter.is_meta for parameter in copied.parameters()):
        copied = copied.to_empty(device="cpu")
    copied = copied.to(device="cpu", dtype=torch.float32)
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
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape:
        return False
    return bool(torch.allclose(got, expected, atol=1e-4))
