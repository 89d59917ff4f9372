"""One individual's arrays, layer by layer, as NumPy code, JAX and Keras keep them, as a flat vector.

    [W1, b1, W2, b2, ...], {"W1": ..., "b1": ...}, {"arr_0": ...} ──► by layer ──► (out, in) ──► flat vector (D,)

Whether a matrix is (out, in), as in PyTorch, or (in, out), as in x @ W, Keras and Flax, is told by the shapes: one
layout has to fit all layers, and where both do, because all matrices are square, it has to be said. In the layout
"in_out" kernels of convolutions are (height, width, in, out) and images are flattened row by row with their channels
last, as in Keras and Flax; then the inputs of the first fully connected layer are put into PyTorch's order. Depends on
architecture, state_dicts, notices and arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import float_array, plain_array
from evalengine.errors import InputError
from evalengine.messages import kind, named, shown
from evalengine.policies.architecture import Architecture
from evalengine.policies.notices import notice_rounding
from evalengine.policies.state_dicts import from_state_dict, is_state_dict
from evalengine.scalars import is_one_of

LAYOUTS = ("out_in", "in_out")
"""Of a matrix: (out, in), as PyTorch has it, and (in, out), as Keras has it."""

_WEIGHTS, _BIASES = ("w", "weight", "weights", "kernel"), ("b", "bias", "biases")
_PARTS = re.compile(r"[a-z]+|\d+")
_MOST_NESTED = 8


class _Layer(NamedTuple):
    """One layer: what its arrays are called, its weight as given, the shape of it in PyTorch, its bias."""

    name: str
    weight: NDArray[Any]
    shape: tuple[int, ...]
    bias: NDArray[Any] | None


def from_names(policy: Architecture, arrays: Mapping[str, Any], layout: str | None = None) -> NDArray[np.float32]:
    """Return the flat vector (D,) of arrays by name: a state dict, or what `from_arrays` takes.

    Raises:
        InputError: as `from_state_dict` and `from_arrays`.
    """
    if layout is None and is_state_dict(arrays):  # whose names say that it is PyTorch's
        return from_state_dict(policy, arrays)
    return from_arrays(policy, arrays, layout)


def from_arrays(
    policy: Architecture, arrays: Sequence[Any] | Mapping[str, Any], layout: str | None = None
) -> NDArray[np.float32]:
    """Return the flat vector (D,) of one individual's arrays; `Policy.from_arrays` says what is taken.

    Raises:
        InputError: a name, a number of arrays, a shape or a dtype does not fit, or the shapes leave the layout open.
    """
    if layout is not None and not is_one_of(layout, LAYOUTS):
        raise InputError(f"layout: expected 'out_in' or 'in_out', got {shown(layout)}")
    _check_layers(policy)
    layers = _layers(policy, arrays)
    chosen = layout or _layout(policy, layers)
    pieces: list[NDArray[np.float32]] = []
    pairs: list[tuple[Any, NDArray[np.float32]]] = []
    previous: _Layer | None = None
    for number, layer in enumerate(layers, start=1):
        if layer.weight.shape != _shape_in(chosen, layer.shape):
            raise _wrong_weight(policy, number, layer, layout)
        weight = float_array(f"arrays: {layer.name}", layer.weight)
        pairs.append((layer.weight, weight))
        pieces.append(_as_torch_has_it(weight, chosen, layer, previous).reshape(-1))
        if layer.bias is not None:
            bias = float_array(f"arrays: bias of {layer.name}", layer.bias).reshape(-1)
            pairs.append((layer.bias, bias))
            pieces.append(bias)
        previous = layer
    notice_rounding("arrays", pairs)
    return np.concatenate(pieces)


def _check_layers(policy: Architecture) -> None:
    """Refuse what has other tensors than a weight, and a bias, for each layer: libraries order those in many ways."""
    for parameter in policy.parameters:
        kind_of, axes = parameter.name.rpartition(".")[2], len(parameter.shape)
        if (kind_of, axes) not in (("weight", 2), ("weight", 4), ("bias", 1)):
            raise InputError(
                f"arrays: expected a policy of linear layers and convolutions, got {policy}, with "
                f"{named(parameter.name)}: use a state dict"
            )


def _layers(policy: Architecture, arrays: object) -> list[_Layer]:
    """Return the arrays by layer; biases are checked, weights only have as many axes as they should."""
    given = _named_arrays(policy, arrays)
    expected = list(policy.parameters)
    if len(given) != len(expected):
        wanted = ", ".join(str(parameter.shape) for parameter in expected)
        got = ", ".join(str(array.shape) for _, array in given)
        raise InputError(
            f"arrays: expected {len(expected)} arrays for {policy}, weight{' and bias' if any(policy.biases) else ''} "
            f"by layer, as {wanted}, or (in, out), got {len(given)}{': ' if got else ''}{named(got)}"
        )
    layers: list[_Layer] = []
    for (name, array), parameter in zip(given, expected, strict=True):
        if parameter.name.endswith(".bias"):
            size = parameter.shape[0]
            # One row or one column of as many numbers is the same vector.
            if array.shape not in ((size,), (1, size), (size, 1)):
                raise InputError(
                    f"arrays: {name}: expected shape ({size},), the bias of layer {len(layers)} of {policy}, "
                    f"got {array.shape}"
                )
            layers[-1] = layers[-1]._replace(bias=array)
            continue
        if array.ndim != len(parameter.shape):
            raise _wrong_weight(policy, len(layers) + 1, _Layer(name, array, parameter.shape, None), None)
        layers.append(_Layer(name, array, parameter.shape, None))
    return layers


def _named_arrays(policy: Architecture, arrays: object) -> list[tuple[str, NDArray[Any]]]:
    """Return the arrays with what to call them, weight before bias, first layer first."""
    if isinstance(arrays, Mapping):
        by_name = _flattened(arrays)
        ordered = [(named(name), by_name[name]) for name in _in_order(by_name)]
    elif isinstance(arrays, list | tuple):
        ordered = [(f"array {position}", value) for position, value in enumerate(arrays)]
    else:
        raise InputError(
            f"arrays: expected a list of arrays by layer, or a mapping of names to them, got {kind(arrays)}"
        )
    return [(name, plain_array(f"arrays: {name}", value)) for name, value in ordered]


def _flattened(arrays: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Return nested mappings, as Flax has them, as one, the names joined by /."""
    flat: dict[str, Any] = {}
    try:
        given = dict(arrays)
    except Exception:  # a mapping of the caller's own
        raise InputError(f"arrays: expected a mapping of names to arrays, got {kind(arrays)}") from None
    for name, value in given.items():
        if not isinstance(name, str):
            raise InputError(f"arrays: expected names to be strings, got {shown(name)}")
        if isinstance(value, Mapping) and depth < _MOST_NESTED:
            flat |= _flattened(value, f"{prefix}{name}/", depth + 1)
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _in_order(names: Mapping[str, Any]) -> list[str]:
    """Return names as arr_0, arr_1, ..., or W1, b1, W2, b2, ... by layer, which their numbers and kinds tell."""
    positions = {name: name.removeprefix("arr_") for name in names}
    if all(name.startswith("arr_") and digits.isascii() and digits.isdigit() for name, digits in positions.items()):
        return sorted(names, key=lambda name: int(positions[name]))
    layers: dict[tuple[tuple[str, ...], tuple[int, ...]], dict[int, str]] = {}
    for name in names:
        words = _PARTS.findall(name.lower())
        kinds = [word for word in words if word in (*_WEIGHTS, *_BIASES)]
        if len(kinds) != 1:
            raise _unknown_names(names)
        rest = tuple(word for word in words if not word.isdigit() and word != kinds[0])
        numbers = tuple(int(word) for word in words if word.isdigit())
        arrays = layers.setdefault((rest, numbers), {})
        if arrays.setdefault(int(kinds[0] in _BIASES), name) != name:
            raise _unknown_names(names)
    if any(0 not in arrays for arrays in layers.values()):
        raise _unknown_names(names)
    # Convolutions come first and may be numbered by themselves, as Flax does it: Conv_0, Conv_1, Dense_0.
    is_flat = {key: np.ndim(names[arrays[0]]) <= 2 for key, arrays in layers.items()}
    for flat in (False, True):
        if len({key[0] for key in layers if is_flat[key] == flat}) > 1:
            raise _unknown_names(names)
    in_order = sorted(layers, key=lambda key: (is_flat[key], key[1]))
    return [layers[key][part] for key in in_order for part in sorted(layers[key])]


def _unknown_names(names: Mapping[str, Any]) -> InputError:
    listed = named(", ".join(names)) or "none"
    return InputError(
        "arrays: expected names W1, b1, W2, b2, ..., or arr_0, arr_1, ..., with nothing but numbers to tell layers "
        f"apart, got {listed}"
    )


def _layout(policy: Architecture, layers: Sequence[_Layer]) -> str:
    """Return the one layout that fits the shapes of all layers."""
    fitting = [
        {layout for layout in LAYOUTS if layer.weight.shape == _shape_in(layout, layer.shape)} for layer in layers
    ]
    for number, (layer, found) in enumerate(zip(layers, fitting, strict=True), start=1):
        if not found:
            raise _wrong_weight(policy, number, layer, None)
    common = set(LAYOUTS).intersection(*fitting)
    if len(common) == 1:
        return common.pop()
    if all(len(found) == 2 for found in fitting):
        if all("kernel" in _PARTS.findall(layer.name.lower()) for layer in layers):
            return "in_out"  # which is what Keras and Flax call so
        shapes = ", ".join(str(layer.weight.shape) for layer in layers)
        raise InputError(
            f"arrays: expected a layout, 'out_in' as in PyTorch or 'in_out' as in Keras and x @ W, for {policy}: its "
            f"weights {named(shapes)} fit both"
        )
    first = next(number for number, found in enumerate(fitting) if len(found) == 1)
    second = next(number for number, found in enumerate(fitting) if len(found) == 1 and found != fitting[first])
    raise InputError(
        f"arrays: expected one layout for all layers of {policy}, got {min(fitting[first])} in layer {first + 1} and "
        f"{min(fitting[second])} in layer {second + 1}"
    )


def _shape_in(layout: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a weight of PyTorch's `shape` has in a layout."""
    if layout == "out_in":
        return shape
    return (*shape[2:], shape[1], shape[0])


def _as_torch_has_it(
    weight: NDArray[np.float32], layout: str, layer: _Layer, previous: _Layer | None
) -> NDArray[np.float32]:
    """Return a weight as (out, in), or (out, in, height, width), with the inputs in PyTorch's order."""
    if layout == "out_in":
        return weight
    if len(layer.shape) == 4:
        return weight.transpose(3, 2, 0, 1)
    outputs, inputs = layer.shape
    if previous is None or len(previous.shape) == 2:
        return weight.T
    # Behind an image: pixel by pixel with all channels there, here channel by channel.
    channels = previous.shape[0]
    return weight.reshape(inputs // channels, channels, outputs).transpose(2, 1, 0)


def _wrong_weight(policy: Architecture, number: int, layer: _Layer, layout: str | None) -> InputError:
    wanted = [f"{_shape_in(one, layer.shape)} for {one}" for one in ([layout] if layout else LAYOUTS)]
    return InputError(
        f"arrays: {layer.name}: expected shape {' or '.join(wanted)}, the weight of layer {number} of {policy}, "
        f"got {layer.weight.shape}"
    )
