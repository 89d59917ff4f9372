"""State dicts as flat vectors and back, whatever their layers are called.

    {"net.0.weight": (64, 4), "net.0.bias": (64,), ...} ──► matched by shape and number ──► flat vector (D,)

A state dict says what its tensors are called and which shapes they have, but not in which order a module runs them. The
names of the equivalent nn.Sequential ("0.weight", "2.bias") say all; under other names a layer is known by the shape
of its weight, and layers of one shape by the numbers in their names, if nothing else in them differs ("fc2" before
"fc10"). `log_std`, where the policy has it, is known by its name. The names of Stable-Baselines3's policies are known,
and the networks beside the actor left out. Where nothing tells, the error says so: nothing is guessed. Needs no torch.
Depends on architecture, stable_baselines, notices and arguments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.arguments import float_array, plain_array, weight_vector
from evalengine.errors import InputError
from evalengine.messages import kind, named, shown
from evalengine.policies.architecture import Architecture
from evalengine.policies.head_spelling import LOG_STD
from evalengine.policies.notices import notice, notice_rounding
from evalengine.policies.stable_baselines import Acting, acting_part, same_object

_NUMBER = re.compile(r"\d+")
_KIND = re.compile(r"(weight|bias)(_[ih]h(_l0)?)?")
_OF_A_SEQUENCE = "_l0"
"""Behind the names of the parameters of nn.LSTM, nn.GRU and nn.RNN, which nn.LSTMCell and the others have without."""
_Shape = tuple[int, ...] | tuple[tuple[int, ...], tuple[int, ...]]
"""Of a layer's weight, or of the two of a recurrent cell."""


def to_state_dict(
    policy: Architecture, vector: ArrayLike, like: Mapping[str, ArrayLike] | None = None
) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of one individual (D,) by name, as copies.

    Args:
        policy: the architecture.
        vector: the individual.
        like: a state dict whose names, and their order, are taken; None takes those of the equivalent nn.Sequential.
            What in one of Stable-Baselines3 has no part in the action stays as it is there.

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
    for name, ours in list(canonical.items()):
        # An extractor that actor and critic share has several names, of which the last to be loaded would win.
        others = [other for other in same_object(name, wanted) if other not in canonical]
        before = _array(wanted, name)
        canonical |= {o: ours for o in others if np.array_equal(_array(wanted, o), before, equal_nan=True)}
    return {
        name: tensors[canonical[name]].copy() if name in canonical else np.array(_array(wanted, name), np.float32)
        for name in wanted
    }


def from_state_dict(policy: Architecture, state_dict: Mapping[str, ArrayLike], prefix: str = "") -> NDArray[np.float32]:
    """Return the flat vector (D,) of a state dict.

    Args:
        policy: the architecture.
        state_dict: arrays or tensors, under names as described above, in any order.
        prefix: take only what is called so, such as "actor."; the rest of the state dict is left alone.

    Raises:
        InputError: a name is missing or unknown, a shape or a dtype does not fit, or the order of layers that have
            one shape cannot be told.

    Warns:
        WeightsWarning: numbers are rounded to float32, or a part of Stable-Baselines3's that does not act is left out.
    """
    if not isinstance(prefix, str):
        raise InputError(f"state dict: expected prefix to be a string, got {kind(prefix)}")
    given = _by_name(state_dict)
    chosen = {name: value for name, value in given.items() if name.startswith(prefix)}
    if prefix and not chosen:
        raise InputError(f"state dict: expected names that start with {named(prefix)}, got {_listed(given)}")
    names = _matched(policy, _shapes(chosen), prefix)
    in_order = [names[parameter.name] for parameter in policy.parameters]
    tensors = [float_array(f"state dict: {named(name)}", chosen[name]) for name in in_order]
    if len(chosen) > len(tensors) and (acting := _acting(chosen, prefix)) is not None:
        left_out = [name for name in acting.others if name not in in_order]
        if left_out:
            what = "action" if policy.learns_noise else "deterministic action"
            notice(f"state dict: left out, as no {what} depends on it: {named(', '.join(left_out))}")
    notice_rounding("state dict", ((chosen[name], tensor) for name, tensor in zip(in_order, tensors, strict=True)))
    return np.concatenate([tensor.reshape(-1) for tensor in tensors])


def is_state_dict(names: Mapping[str, object]) -> bool:
    """Say whether these are names of PyTorch's: all end in weight, bias or weight_ih, or are Stable-Baselines3's."""
    try:
        texts = [name for name in names if isinstance(name, str)]
    except Exception:  # a mapping of the caller's own, which is refused as a state dict
        return True
    are_torchs = all(_KIND.fullmatch(name.rpartition(".")[2]) for name in texts)
    return len(texts) < len(names) or are_torchs or acting_part(texts) is not None


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


def _array(arrays: Mapping[str, Any], name: str) -> NDArray[Any]:
    return plain_array(f"state dict: {named(name)}", arrays[name])


def _acting(names: Mapping[str, object], prefix: str) -> Acting | None:
    """Return the part of a Stable-Baselines3 policy that acts, or None if it is none."""
    found = acting_part(name.removeprefix(prefix) for name in names)
    return found and Acting(
        [f"{prefix}{layer}" for layer in found.layers], [f"{prefix}{name}" for name in found.others]
    )


def _matched(policy: Architecture, shapes: Mapping[str, tuple[int, ...]], prefix: str = "") -> dict[str, str]:
    """Return the name here of each name in the equivalent nn.Sequential; all shapes are checked."""
    expected = {parameter.name: parameter.shape for parameter in policy.parameters}
    names = {name: name for name in expected}
    if set(shapes) != set(expected):
        if policy.learns_noise:
            return _matched_with_log_std(policy, shapes, prefix)
        acting = _acting(shapes, prefix)
        layers = _layers(policy, shapes) if acting is None else _acting_layers(policy, acting, shapes)
        names = {name: f"{layers[layer]}.{kind}" for name in expected for layer, _, kind in [name.rpartition(".")]}
        names = {ours: theirs.removeprefix(".") for ours, theirs in names.items()}
        names = {ours: theirs if theirs in shapes else theirs + _OF_A_SEQUENCE for ours, theirs in names.items()}
    for ours, theirs in names.items():
        if tuple(shapes[theirs]) != expected[ours]:
            raise InputError(
                f"state dict: {named(theirs)}: expected shape {expected[ours]} for {policy}, "
                f"got {tuple(shapes[theirs])}"
            )
    return names


def _matched_with_log_std(policy: Architecture, shapes: Mapping[str, tuple[int, ...]], prefix: str) -> dict[str, str]:
    """Return `_matched` of a policy with `log_std`: that by its name, the rest as of the policy without noise."""
    found = [name for name in shapes if is_log_std(name)]
    rest = {name: shape for name, shape in shapes.items() if name not in found}
    if len(found) != 1 or math.prod(shapes[found[0]]) != policy.n_outputs:
        got = ", ".join(f"{name} {shapes[name]}" for name in found)
        raise InputError(
            f"state dict: expected one tensor called log_std, of {policy.n_outputs} numbers, for {policy}, "
            f"got {named(got) or 'none'}"
        )
    return {LOG_STD: found[0], **_matched(policy.without_noise, rest, prefix)}


def is_log_std(name: str) -> bool:
    """Say whether this is what libraries call the logarithms of an actor's deviations."""
    return name.rpartition(".")[2] in ("log_std", "logstd", "actor_logstd")


def _layers(policy: Architecture, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the layer here of each layer of the equivalent nn.Sequential, by the shape of its weight, and its bias."""
    ours, theirs = _weights({p.name: p.shape for p in policy.parameters}), _weights(shapes)
    count = sum((1 + has_bias) * _matrices(shape) for shape, has_bias in theirs.values())
    biases = sorted(has_bias for _, has_bias in theirs.values())
    own_biases = sorted(has_bias for _, has_bias in ours.values())
    if count != len(shapes) or biases != own_biases:
        each = "weight and bias" if all(own_biases) else "weight and bias as there" if any(own_biases) else "weight"
        raise InputError(
            f"state dict: expected the names {', '.join(p.name for p in policy.parameters)} for {policy}, or {each} "
            f"for each layer under other names, got {_listed(shapes)}"
        )
    if sorted(map(str, theirs.values())) != sorted(map(str, ours.values())):
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


def _acting_layers(policy: Architecture, acting: Acting, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the layer there of each layer here, one after the other; shapes are the caller's to check."""
    ours = _weights({p.name: p.shape for p in policy.parameters})
    there = _weights(shapes)
    got = [(layer, *there[layer]) for layer in acting.layers]
    # Of a recurrent cell, which has two weights, nothing else can be the shape.
    if [(_matrices(s), bias) for _, s, bias in got] != [(_matrices(s), bias) for s, bias in ours.values()]:
        wanted = ", ".join(f"{shape}{'' if has_bias else ' without bias'}" for shape, has_bias in ours.values())
        found = ", ".join(f"{layer} {shape}{'' if has_bias else ' without bias'}" for layer, shape, has_bias in got)
        raise InputError(f"state dict: expected weights of shapes {wanted} for {policy}, got {named(found)}")
    return dict(zip(ours, acting.layers, strict=True))


def _weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[_Shape, bool]]:
    """Return the shape of each layer's weight, or of a cell's weights, and whether there is a bias beside it."""
    found: dict[str, tuple[_Shape, bool]] = {}
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        if kind == "weight":
            found[layer] = (tuple(shape), f"{layer}.bias".removeprefix(".") in shapes)
        if kind in ("weight_ih", f"weight_ih{_OF_A_SEQUENCE}"):
            of_hidden, bias = name.replace("weight_ih", "weight_hh"), name.replace("weight_ih", "bias_ih")
            found[layer] = ((tuple(shape), tuple(shapes.get(of_hidden, ()))), bias in shapes)
    return found


def _matrices(shape: _Shape) -> int:
    """Return how many weights a layer has: a recurrent cell two."""
    return 2 if shape and isinstance(shape[0], tuple) else 1


def _in_order(policy: Architecture, layers: Sequence[str], shape: _Shape) -> list[str]:
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
