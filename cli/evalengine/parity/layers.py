"""A policy's layers taken one by one: what each is given, what it returns, which weights are its own.

    >>> [place.output_shape for place in placed_layers((4,), Policy("mlp:4-64-2").layers)]
    [(64,), (64,), (2,)]

The layers are the tuples that the extension takes (`_engine.Layer`). Depends on their types, and on cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from evalengine import _engine
from evalengine.policies.cells import GATES, cell_shapes, state_sizes

LinearLayer = tuple[str, int, bool]
"""("linear", outputs, bias), and a recurrent cell ("lstm", hidden, bias)"""

Pair = tuple[int, int]

ConvLayer = tuple[str, int, Pair, Pair, Pair, Pair, int, bool]
"""("conv2d", out_channels, kernel, stride, padding, dilation, groups, bias), pairs as (height, width)"""

PoolLayer = tuple[str, Pair, Pair, Pair] | tuple[str, Pair, Pair, Pair, bool]
"""("max_pool2d", kernel, stride, padding), ("avg_pool2d", kernel, stride, padding, count_include_pad)"""

NormLayer = tuple[str, float, bool, bool]
"""("layer_norm", eps, weight, bias)"""


@dataclass(frozen=True)
class PlacedLayer:
    """One layer in its place.

    Attributes:
        layer: as the extension takes it.
        input_shape: (n,), or (channels, height, width); a linear layer after a convolution flattens the latter.
        output_shape: likewise.
        parameters: where its weight, then its bias lie in the flat vector; empty for an activation or a pool.
    """

    layer: _engine.Layer
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: slice

    @property
    def n_inputs(self) -> int:
        """How many numbers one row of its input has."""
        return math.prod(self.input_shape)

    @property
    def has_weights(self) -> bool:
        """Whether it is linear, a convolution or a recurrent cell."""
        return is_linear(self.layer) or is_convolution(self.layer) or is_cell(self.layer)

    @property
    def n_state(self) -> int:
        """How many numbers of one row a recurrent cell remembers; 0 of other layers."""
        return sum(map(sum, state_sizes([str(self.layer[0])], self.output_shape))) if is_cell(self.layer) else 0


def is_linear(layer: _engine.Layer) -> TypeGuard[LinearLayer]:
    """Say whether a layer is linear."""
    return layer[0] == "linear"


def is_convolution(layer: _engine.Layer) -> TypeGuard[ConvLayer]:
    """Say whether a layer is a convolution."""
    return layer[0] == "conv2d"


def is_pool(layer: _engine.Layer) -> TypeGuard[PoolLayer]:
    """Say whether a layer is a pool in windows."""
    return layer[0] in ("max_pool2d", "avg_pool2d")


def is_norm(layer: _engine.Layer) -> TypeGuard[NormLayer]:
    """Say whether a layer is a normalisation."""
    return layer[0] == "layer_norm"


def is_cell(layer: _engine.Layer) -> TypeGuard[LinearLayer]:
    """Say whether a layer is a recurrent cell."""
    return layer[0] in GATES


def placed_layers(input_shape: tuple[int, ...], layers: Sequence[_engine.Layer]) -> list[PlacedLayer]:
    """Return the layers in their places; the sizes are taken on trust, as of a checked Policy."""
    places: list[PlacedLayer] = []
    shape, start = input_shape, 0
    for layer in layers:
        output_shape, weights, biases = shape, 0, 0
        if is_linear(layer):
            output_shape = (layer[1],)
            weights, biases = layer[1] * math.prod(shape), layer[1] * layer[2]
        elif is_cell(layer):
            output_shape = (layer[1],)
            shapes = cell_shapes(layer[0], math.prod(shape), layer[1], bias=layer[2])
            weights = sum(math.prod(own) for own in shapes.values())
        elif is_convolution(layer):
            _, channels, kernel, stride, padding, dilation, groups, bias = layer
            extent = tuple((size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True))
            output_shape = (channels, *_windows(shape, extent, stride, padding))
            weights, biases = channels * (shape[0] // groups) * math.prod(kernel), channels * bias
        elif is_pool(layer):
            output_shape = (shape[0], *_windows(shape, *layer[1:4]))
        elif is_norm(layer):
            weights, biases = math.prod(shape) * layer[2], math.prod(shape) * layer[3]
        elif layer[0] == "global_avg_pool2d":
            output_shape = (shape[0], 1, 1)
        end = start + weights + biases
        places.append(PlacedLayer(layer, shape, output_shape, slice(start, end)))
        shape, start = output_shape, end
    return places


def without_open_skips(layers: Sequence[_engine.Layer]) -> list[_engine.Layer]:
    """Return the first layers of a chain without the skips to which nothing is added among them: they do nothing."""
    found: list[_engine.Layer] = []
    open_skips: list[int] = []
    for layer in layers:
        if layer[0] == "skip":
            open_skips.append(len(found))
        elif layer[0] == "add_skip":
            open_skips.pop()
        found.append(layer)
    return [layer for place, layer in enumerate(found) if place not in open_skips]


def _windows(shape: tuple[int, ...], extent: tuple[int, ...], stride: Pair, padding: Pair) -> tuple[int, ...]:
    axes = zip(shape[1:], extent, stride, padding, strict=True)
    return tuple((size + 2 * pad - k) // step + 1 for size, k, step, pad in axes)


def sum_length(place: PlacedLayer) -> int:
    """Return how many products are added into one output; 0 for a layer that has none."""
    if is_convolution(place.layer):
        return place.input_shape[0] // place.layer[6] * math.prod(place.layer[2])
    if is_cell(place.layer):
        return max(place.n_inputs, place.layer[1])
    return place.n_inputs if place.has_weights else 0
