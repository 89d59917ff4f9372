"""Random networks with weights and observations that find wrong sums.

    >>> case = draw_case(seed=0, index=17)
    >>> case.policy, case.kind, case.weights.shape, case.observations.shape

A case depends on (seed, index) alone, so one that fails can be drawn again by itself. Depths, sizes, kernels, strides
and padding are drawn so that the places where PyTorch changes its order of summation (12 outputs, 192 and 384 inputs, 8
channels) lie within, and so that one case takes milliseconds. Depends on Policy and NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.parity.layers import is_cell, is_convolution, placed_layers, sum_length
from evalengine.policies.activations import DEFAULTS, IDENTITY, OF_OUTPUTS
from evalengine.policies.cells import GATES
from evalengine.policies.policy import Policy
from evalengine.policies.spelling import Convolution

Draw = np.random.Generator

MOST_PARAMETERS = 2_000_000
"""Of one network; drawing them takes longer than using them."""

MOST_PRODUCTS = 50_000_000
"""Of one case, all rows together; fewer rows are drawn where a network would exceed it."""

ACTIVATIONS = ("relu", "tanh")
"""Of half of the networks, between all layers. The others draw from all that there are, layer by layer."""

_OTHERS = ("leaky_relu:0.2", "elu:0.3", "celu:2", "softplus:0.5:4", "hardtanh:-0.3:2", *DEFAULTS)

ROW_COUNTS = (1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 17, 24, 31)
"""Batches; PyTorch's are filled up, ours are not."""


class Kind(StrEnum):
    """What the numbers of a case are like; each makes another kind of wrong sum visible."""

    ORDINARY = "uniform in [-1, 1), weights as PyTorch initialises them"
    ZEROS = "mostly zeros of both signs"
    EXPONENTS = "40 powers of two"
    SUBNORMAL = "some subnormal"
    SUBNORMAL_PRODUCTS = "products subnormal"
    INTEGERS = "small integers, zeros of both signs"
    OVERFLOW = "sums overflow"
    NON_FINITE = "some NaN, some infinite"


class Case(NamedTuple):
    """A network and what it is given."""

    name: str
    policy: Policy
    weights: NDArray[np.float32]
    """(D,)"""
    observations: NDArray[np.float32]
    """(B, n_inputs)"""
    kind: Kind = Kind.ORDINARY
    states: NDArray[np.float32] | None = None
    """(B, n_state); None where there are no recurrent cells."""


def draw_case(seed: int, index: int) -> Case:
    """Return network `index` of a seed, all of whose bits are claimed: every other one is a cnn.

    One in three of the networks has recurrent cells in place of fully connected layers, and a state that is not zero.
    """
    draw = np.random.default_rng([seed, index])
    policy = _draw_policy(draw, _mlp if index % 2 == 0 else _cnn)
    kind = list(Kind)[int(draw.integers(len(Kind)))]
    rows = max(1, min(int(draw.choice(ROW_COUNTS)), MOST_PRODUCTS // policy.network.macs))
    places = placed_layers(policy.input_shape, policy.layers)
    longest = max(sum_length(place) for place in places)
    weights = draw_values(draw, kind, policy.n_params, longest)
    if kind is Kind.ORDINARY:
        # Larger weights would drive tanh to +-1 in every layer, where nothing is left to be compared.
        weights = policy.init(1, seed=int(draw.integers(2**63)))[0]
    observations = draw_values(draw, kind, rows * policy.n_inputs, longest).reshape(rows, policy.n_inputs)
    states = draw_states(draw, kind, policy, rows, longest)
    return Case(f"shape {index} of seed {seed}: {policy}", policy, weights, observations, kind, states)


def draw_states(draw: Draw, kind: Kind, policy: Policy, rows: int, longest_sum: int) -> NDArray[np.float32] | None:
    """Return what recurrent cells remember (B, n_state) of one kind; None where there are none."""
    if policy.n_state == 0:
        return None
    return draw_values(draw, kind, rows * policy.n_state, longest_sum).reshape(rows, policy.n_state)


def draw_values(draw: Draw, kind: Kind, count: int, longest_sum: int) -> NDArray[np.float32]:
    """Return float32 numbers (count,) of one kind.

    Args:
        draw: where they come from.
        kind: what they are like.
        count: how many.
        longest_sum: of the network, in products; NaN and infinities are so rare that most sums have none.
    """
    uniform = draw.random(count, np.float32) * np.float32(2) - np.float32(1)
    if kind is Kind.ZEROS:
        return np.where(draw.random(count) < 0.6, np.copysign(np.float32(0), uniform), uniform)
    if kind is Kind.EXPONENTS:
        return np.asarray(np.ldexp(uniform, draw.integers(-20, 20, count).astype(np.int32)), np.float32)
    if kind is Kind.SUBNORMAL:
        return np.where(draw.random(count) < 0.5, uniform * np.float32(1e-39), uniform)
    if kind is Kind.SUBNORMAL_PRODUCTS:
        return uniform * np.float32(3e-22)
    if kind is Kind.INTEGERS:
        return np.asarray(np.trunc(uniform * np.float32(4)), np.float32)
    if kind is Kind.OVERFLOW:
        return uniform * np.float32(5e18)
    if kind is Kind.NON_FINITE:
        special = np.where(draw.random(count) < 0.5, np.float32(np.nan), np.copysign(np.float32(np.inf), uniform))
        return np.where(draw.random(count) < min(0.02, 0.25 / longest_sum), special, uniform)
    return uniform


def features(policy: Policy) -> list[str]:
    """Return what a shape exercises, for counting: the report says how often each was met."""
    found = {f"{len(policy.convolutions)} convolutions, {len(policy.sizes)} linear", f"bias {policy.bias}"}
    found.update(f"activation {name.partition(':')[0]}" for name in (*policy.activations, policy.output_activation))
    for place in placed_layers(policy.input_shape, policy.layers):
        layer = place.layer
        if is_convolution(layer):
            _, _, kernel, stride, padding, _ = layer
            channels = place.input_shape[0]
            found.add("conv: fewer than 8 channels" if channels < 8 else "conv: blocks of 8 channels")
            found.update({"conv: partial block of channels"} if channels > 8 and channels % 8 else ())
            found.update({"conv: kernel 1x1"} if kernel == (1, 1) else ())
            found.update({"conv: stride"} if max(stride) > 1 else ())
            found.update({"conv: padding"} if max(padding) > 0 else ())
            within = any(size <= pad for size, pad in zip(kernel, padding, strict=True))
            found.update({"conv: kernel within the padding"} if within else ())
            found.update({"conv: not square"} if kernel[0] != kernel[1] or stride[0] != stride[1] else ())
        elif is_cell(layer):
            found.add(f"cell: {layer[0]}")
            found.update({f"cell: a rest of {layer[1] % 16} values" if layer[1] % 16 else "cell: whole vectors"})
        elif place.has_weights:
            outputs = place.output_shape[0]
            found.add(f"linear: {'1 output' if outputs == 1 else '2..11 outputs' if outputs < 12 else '12.. outputs'}")
            if outputs >= 12 and place.n_inputs > 192:
                found.add(f"linear: blocks of {'half the inputs' if place.n_inputs < 384 else '192 inputs'}")
    return sorted(found)


def _draw_policy(draw: Draw, spelled: Callable[[Draw], str]) -> Policy:
    """Draw networks until the sizes fit each other, all bits are claimed, and the network is not too large."""
    while True:
        shape = spelled(draw)
        try:
            policy = Policy(f"{shape},{_options(draw, shape.count('-'))}")
        except InputError:
            continue  # A kernel does not fit into its padded input.
        is_small = policy.n_params <= MOST_PARAMETERS and policy.network.macs <= MOST_PRODUCTS
        if is_small and policy.network.exactness is None:
            return policy


def _options(draw: Draw, layers: int) -> str:
    """Draw activations and biases for so many layers."""
    if draw.random() < 0.5:
        return f"act={draw.choice(ACTIVATIONS)},bias={int(draw.random() < 0.7)}"
    biases = "/".join(str(int(draw.random() < 0.7)) for _ in range(layers))
    output = draw.choice([IDENTITY, *OF_OUTPUTS, *_OTHERS])
    hidden = f"act={'/'.join(draw.choice(_OTHERS, layers - 1))}," if layers > 1 else ""
    return f"{hidden}out={output},bias={biases}"


def _mlp(draw: Draw) -> str:
    depth = int(draw.choice([1, 1, 1, 2, 2, 3, 4, 6]))
    sizes = [str(size) for size in (_width(draw), *(_width(draw) for _ in range(depth)))]
    return "mlp:" + "-".join([sizes[0], *_with_cells(draw, sizes[1:])])


def _with_cells(draw: Draw, sizes: list[str]) -> list[str]:
    """Make some layers recurrent cells of up to 300 units, in one of three networks."""
    if draw.random() < 2 / 3:
        return sizes
    small = [size if int(size) <= 300 else str(draw.integers(1, 301)) for size in sizes]
    is_cell = draw.random(len(sizes)) < 0.6
    return [f"{draw.choice(list(GATES))}{size}" if cell else size for size, cell in zip(small, is_cell, strict=True)]


def _cnn(draw: Draw) -> str:
    image = [*(_extent(draw) for _ in range(2))] if draw.random() < 0.5 else [_extent(draw)] * 2
    sizes = _with_cells(draw, [str(_width(draw)) for _ in range(draw.choice([1, 1, 1, 2]))])
    layers = [_convolution(draw) for _ in range(draw.choice([1, 1, 1, 2, 2, 3]))]
    return f"cnn:{_channels(draw)}x{image[0]}x{image[1]}-" + "-".join([*map(str, layers), *sizes])


def _convolution(draw: Draw) -> Convolution:
    pairs = []
    for choices in ([1, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 11], [1, 1, 1, 1, 2, 3, 4], [0, 0, 0, 0, 1, 2, 3]):
        first, second = (int(number) for number in draw.choice(choices, 2))
        pairs.append((first, second if draw.random() < 0.4 else first))
    kernel, stride, padding = pairs
    return Convolution(_channels(draw), kernel, stride, padding)


def _channels(draw: Draw) -> int:
    return int(draw.integers(1, 21)) if draw.random() < 0.85 else int(draw.choice([24, 32, 40, 48, 64]))


def _extent(draw: Draw) -> int:
    return int(draw.integers(1, 21)) if draw.random() < 0.85 else int(draw.choice([24, 30, 36, 42]))


def _width(draw: Draw) -> int:
    """Inputs or outputs of a linear layer, 1 to 1,000: small numbers often, the bounds of the blocks now and then."""
    kind = draw.random()
    if kind < 0.5:
        return int(draw.integers(1, 17))
    if kind < 0.75:
        return int(draw.integers(17, 130))
    if kind < 0.9:
        return int(draw.integers(130, 1001))
    return int(draw.choice([191, 192, 193, 255, 256, 383, 384, 385, 512, 577, 769, 1000]))
