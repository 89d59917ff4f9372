"""What people have as individuals, modules, state dicts or vectors, as flat vectors.

    [nn.Module, ...], [state_dict, ...], arrays ──► flat_weights ──► arrays, for `arguments` to check

Needs torch only where a module is given. Depends on torch_modules and layer_arrays.
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
from evalengine.policies.layer_arrays import from_names
from evalengine.policies.spelling import Spelling
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

    Arrays by name ("W1", "b1") are taken as state dicts are, where their shapes tell the layout (`Policy.from_arrays`).
    Every module is read on its own (`Policy.from_torch`), and run beside the policy where it is more than PyTorch's own
    classes, which takes milliseconds each: state dicts of a large population are some seventy times as quick.

    Args:
        policy: the architecture, which modules must have.
        weights: a module or a state dict for one individual, a list or tuple of them, or of vectors, for a population;
            or what `evaluate` takes beside these.

    Raises:
        InputError: a module or a state dict does not fit the policy; the message says which one.
    """
    loading = sys.modules.get("evalengine.policies.loading")  # as for torch, below
    if loading is not None and isinstance(weights, loading.LoadedWeights):
        raise InputError(
            "weights: expected arrays, got LoadedWeights, which evaluate takes with its settings: hand over its "
            "weights, and **loaded.options"
        )
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
            return from_names(policy, individual)
        if torch is None or not isinstance(individual, torch.nn.Module):
            return individual
        shape = policy.input_shape if policy.arch == "cnn" else None
        found, parameters = read_module(individual, shape, learns_noise=policy.learns_noise)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if _body(found) != _body(policy):
        raise InputError(f"{name}: expected a module that is {policy}, got one that is {found}")
    tensors = [float_array(f"{name}: {named(own.name)}", own.tensor) for own in parameters]
    return np.concatenate([tensor.reshape(-1) for tensor in tensors])


def _body(policy: Architecture) -> tuple[object, ...]:
    """Return what a module says of its policy: all but the head, and noise of given deviations."""
    parts = (getattr(policy, part.name) for part in fields(Spelling) if part.name not in ("head", "noise"))
    return (*parts, policy.learns_noise)
