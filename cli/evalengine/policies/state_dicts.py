"""State dicts as flat vectors and back, whatever their layers are called.

    {"net.0.weight": (64, 4), "net.0.bias": (64,), ...} ──► matched by shape and number ──► flat vector (D,)

A state dict says what its tensors are called and which shapes they have, but not in which order a module runs them. The
names of the equivalent nn.Sequential ("0.weight", "2.bias") say all; under other names a layer is known by the shape
of its weight, and layers of one shape by the numbers in their names, if nothing else in them differs ("fc2" before
"fc10"). Where that does not tell, the error says so: nothing is guessed. Needs no torch. Depends on policy and
arguments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import float_array, weight_vector
from evalengine.errors import InputError
from evalengine.messages import kind, named, shown
from evalengine.policies.architecture import Architecture

_NUMBER = re.compile(r"\d+")


def to_state_dict(
    policy: Architecture, vector: ArrayLike, like: Mapping[str, ArrayLike] | None = None
) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of one individual (D,) by name, as copies.

    Args:
        policy: the architecture.
        vector: the individual.
        like: a state dict whose names, and their order, are taken; None takes those of the equivalent nn.Sequential.

    Raises:
        InputError: the vector does not have the policy's number of parameters, or `like` is not the policy's.
    """
    weights = weight_vector(vector, policy, policy.n_params)
    ends = np.cumsum([math.prod(parameter.shape) for parameter in policy.parameters])
    pieces = np.split(weights, ends[:-1])
    tensors = {p.name: piece.reshape(p.shape).copy() for p, piece in zip(policy.parameters, pieces, strict=True)}
    if like is None:
        return tensors
    wanted = _by_name(like)
    canonical = {name: ours for ours, name in _matched(policy, _shapes(wanted)).items()}
    return {name: tensors[canonical[name]] for name in wanted}


def from_state_dict(policy: Architecture, state_dict: Mapping[str, ArrayLike], prefix: str = "") -> NDArray[np.float32]:
    """Return the flat vector (D,) of a state dict.

    Args:
        policy: the architecture.
        state_dict: arrays or tensors, under names as described above, in any order.
        prefix: take only what is called so, such as "actor."; the rest of the state dict is left alone.

    Raises:
        InputError: a name is missing or unknown, a shape or a dtype does not fit, or the order of layers that have
            one shape cannot be told.
    """
    if not isinstance(prefix, str):
        raise InputError(f"state dict: expected prefix to be a string, got {kind(prefix)}")
    given = _by_name(state_dict)
    chosen = {name: value for name, value in given.items() if name.startswith(prefix)}
    if prefix and not chosen:
        raise InputError(f"state dict: expected names that start with {named(prefix)}, got {_listed(given)}")
    names = _matched(policy, _shapes(chosen))
    in_order = [names[parameter.name] for parameter in policy.parameters]
    return np.concatenate([float_array(f"state dict: {named(name)}", chosen[name]).reshape(-1) for name in in_order])


def _by_name(state_dict: object) -> dict[str, Any]:
    """Return arrays by name as a dict of their own, refusing what is no mapping from texts."""
    try:
        given = dict(state_dict) if isinstance(state_dict, Mapping) else None
    except Exception:  # a mapping of the caller's own
        given = None
    if given is None:
        raise InputError(f"state dict: expected a mapping of names to arrays, got {kind(state_dict)}")
    for name in given:
        if not isinstance(name, str):
            raise InputError(f"state dict: expected names to be strings, got {shown(name)}")
    return given


def _shapes(arrays: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for name, value in arrays.items():
        try:
            shapes[name] = tuple(np.shape(value))
        except Exception:  # a ragged list, a nested tensor, an object of the caller's own
            raise InputError(f"state dict: {named(name)}: expected an array, got {kind(value)}") from None
    return shapes


def _matched(policy: Architecture, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the name here of each name in the equivalent nn.Sequential; all shapes are checked."""
    expected = {parameter.name: parameter.shape for parameter in policy.parameters}
    names = {name: name for name in expected}
    if set(shapes) != set(expected):
        layers = _layers(policy, shapes)
        names = {name: f"{layers[layer]}.{kind}" for name in expected for layer, _, kind in [name.rpartition(".")]}
        names = {ours: theirs.removeprefix(".") for ours, theirs in names.items()}
    for ours, theirs in names.items():
        if tuple(shapes[theirs]) != expected[ours]:
            raise InputError(
                f"state dict: {named(theirs)}: expected shape {expected[ours]} for {policy}, "
                f"got {tuple(shapes[theirs])}"
            )
    return names


def _layers(policy: Architecture, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the layer here of each layer of the equivalent nn.Sequential, by the shape of its weight, and its bias."""
    ours, theirs = _weights({p.name: p.shape for p in policy.parameters}), _weights(shapes)
    count = sum(1 + has_bias for _, has_bias in theirs.values())
    biases = sorted(has_bias for _, has_bias in theirs.values())
    own_biases = sorted(has_bias for _, has_bias in ours.values())
    if count != len(shapes) or biases != own_biases:
        each = "weight and bias" if all(own_biases) else "weight and bias as there" if any(own_biases) else "weight"
        raise InputError(
            f"state dict: expected the names {', '.join(p.name for p in policy.parameters)} for {policy}, or {each} "
            f"for each layer under other names, got {_listed(shapes)}"
        )
    if sorted(theirs.values()) != sorted(ours.values()):
        got = ", ".join(f"{layer} {shape}" for layer, (shape, _) in sorted(theirs.items()))
        raise InputError(
            f"state dict: expected weights of shapes {', '.join(str(shape) for shape, _ in ours.values())} for "
            f"{policy}, got {named(got)}"
        )
    matched: dict[str, str] = {}
    for like in dict.fromkeys(ours.values()):
        places = [layer for layer, its in ours.items() if its == like]
        found = _in_order(policy, [layer for layer, its in theirs.items() if its == like], like[0])
        matched.update(zip(places, found, strict=True))
    return matched


def _weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[tuple[int, ...], bool]]:
    """Return the shape of each layer's weight, and whether there is a bias beside it."""
    found = {}
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        if kind == "weight":
            found[layer] = (tuple(shape), f"{layer}.bias".removeprefix(".") in shapes)
    return found


def _in_order(policy: Architecture, layers: Sequence[str], shape: tuple[int, ...]) -> list[str]:
    """Return layers that have one shape by the numbers in their names, where nothing else in these differs."""
    if len({_NUMBER.sub("0", layer) for layer in layers}) > 1:
        first = next(p.name for p in policy.parameters)
        raise InputError(
            f"state dict: expected names that tell the order of {named(' and '.join(sorted(layers)))}, whose weights "
            f"are all {shape}: number them, or name all as in {policy}: {first}, ..."
        )
    return sorted(layers, key=lambda layer: [int(number) for number in _NUMBER.findall(layer)])


def _listed(names: Mapping[str, object]) -> str:
    return named(", ".join(names)) or "none"
