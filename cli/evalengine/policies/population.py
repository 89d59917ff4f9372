"""What people have as individuals, modules, state dicts or vectors, as flat vectors.

    [nn.Module, ...], [state_dict, ...], arrays ──► flat_weights ──► arrays, for `arguments` to check

Needs torch only where a module is given. Depends on torch_modules and state_dicts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from evalengine.arguments import float_array
from evalengine.errors import InputError
from evalengine.messages import named
from evalengine.policies.architecture import Architecture
from evalengine.policies.spelling import Spelling
from evalengine.policies.state_dicts import from_state_dict
from evalengine.policies.torch_modules import read_module

if TYPE_CHECKING:
    from torch import nn

    from evalengine.policies.graphs import Genome, Graph, Graphs

    Individual: TypeAlias = ArrayLike | nn.Module | Mapping[str, ArrayLike]
    """One network: a flat vector, a module or a state dict."""

    GraphLike: TypeAlias = Graph | Genome
    """One graph: its arrays, or a genome of neat-python."""

    Weights: TypeAlias = (
        Individual | Sequence[Individual] | GraphLike | Graphs | Sequence[GraphLike | tuple[int, Genome]]
    )
    """One network, or a population: an array (P, D) or a list of networks; or graphs for a `GraphPolicy`."""


def flat_weights(policy: Architecture, weights: Weights) -> Any:
    """Return `weights` with every module and every state dict in it as a flat vector; anything else as it is.

    Every module is read on its own (`Policy.from_torch`), and run beside the policy where it is more than PyTorch's own
    classes, which takes milliseconds each: state dicts of a large population are some seventy times as quick.

    Args:
        policy: the architecture, which modules must have.
        weights: a module or a state dict for one individual, a list or tuple of them, or of vectors, for a population;
            or what `evaluate` takes beside these.

    Raises:
        InputError: a module or a state dict does not fit the policy; the message says which one.
    """
    if not isinstance(weights, list | tuple):
        return _flat(policy, weights, "weights")
    return [_flat(policy, individual, f"weights[{position}]") for position, individual in enumerate(weights)]


def _flat(policy: Architecture, individual: Any, name: str) -> Any:
    """Return the vector of a module or a state dict, anything else as it is."""
    if type(individual) is np.ndarray:
        return individual
    torch = sys.modules.get("torch")  # who has a module has imported torch
    try:
        if isinstance(individual, Mapping):
            return from_state_dict(policy, individual)
        if torch is None or not isinstance(individual, torch.nn.Module):
            return individual
        found, parameters = read_module(individual, policy.input_shape if policy.arch == "cnn" else None)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if _body(found) != _body(policy):
        raise InputError(f"{name}: expected a module that is {policy}, got one that is {found}")
    tensors = [float_array(f"{name}: {named(own.name)}", own.tensor) for own in parameters]
    return np.concatenate([tensor.reshape(-1) for tensor in tensors])


def _body(policy: Architecture) -> tuple[object, ...]:
    """Return what a module says of its policy: all but the head."""
    return tuple(getattr(policy, part.name) for part in fields(Spelling) if part.name != "head")
