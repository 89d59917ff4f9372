"""Random networks with weights and observations that find wrong sums.

    >>> case = draw_case(seed=0, index=17)
    >>> case.policy, case.kind, case.weights.shape, case.observations.shape

A case depends on (seed, index) alone, so one that fails can be drawn again by itself. Depths, sizes, kernels, strides
and padding are drawn so that the places where PyTorch changes its order of summation (12 outputs, 192 and 384 inputs, 8
channels) lie within, and so that one case takes milliseconds. Depends on Policy and NumPy only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.parity.layers import is_cell, is_convolution, is_pool, placed_layers, sum_length
from evalengine.policies.activations import DEFAULTS, IDENTITY, OF_OUTPUTS
from evalengine.policies.cells import GATES
from evalengine.policies.policy import Policy
from evalengine.policies.tokens import Convolution, Pool, has_activation, parse_token

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
        weights = _ordinary_weights(policy, seed=int(draw.integers(2**63)))
    observations = draw_values(draw, kind, rows * policy.n_inputs, longest).reshape(rows, policy.n_inputs)
    states = draw_states(draw, kind, policy, rows, longest)
    return Case(f"shape {index} of seed {seed}: {policy}", policy, weights, observations, kind, states)


def draw_states(draw: Draw, kind: Kind, policy: Policy, rows: int, longest_sum: int) -> NDArray[np.float32] | None:
    """Return what recurrent cells remember (B, n_state) of one kind; None where there are none."""
    if policy.n_state == 0:
        return None
    return draw_values(draw, kind, rows * policy.n_state, longest_sum).reshape(rows, policy.n_state)


def _ordinary_weights(policy: Policy, seed: int) -> NDArray[np.float32]:
    """Return initial weights (D,), those of normalisations moved about 1 and 0, where they would change nothing."""
    (weights,) = policy.init(1, seed)
    moved = np.random.default_rng(seed).random(policy.n_params, np.float32) - np.float32(0.5)
    is_constant = [np.full(math.prod(p.shape), p.initial is not None) for p in policy.parameters]
    return np.asarray(np.where(np.concatenate(is_constant), weights + moved, weights), np.float32)


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
            _, _, kernel, stride, padding, dilation, groups, _ = layer
            channels = place.input_shape[0]
            found.add("conv: fewer than 8 channels" if channels < 8 else "conv: blocks of 8 channels")
            found.update({"conv: partial block of channels"} if channels > 8 and channels % 8 else ())
            found.update({"conv: kernel 1x1"} if kernel == (1, 1) else ())
            found.update({"conv: stride"} if max(stride) > 1 else ())
            found.update({"conv: padding"} if max(padding) > 0 else ())
            within = any(size <= pad for size, pad in zip(kernel, padding, strict=True))
            found.update({"conv: kernel within the padding"} if within else ())
            found.update({"conv: dilation"} if max(dilation) > 1 else ())
            found.update(
                {"conv: groups of one channel" if channels == groups else "conv: groups"} if groups > 1 else ()
            )
            found.update({"conv: not square"} if kernel[0] != kernel[1] or stride[0] != stride[1] else ())
        elif is_pool(layer):
            found.add(f"{layer[0]}{': padding' if max(layer[3]) > 0 else ''}")
        elif layer[0] in ("layer_norm", "global_avg_pool2d", "add_skip"):
            found.add(layer[0])
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
            policy = Policy(f"{shape},{_options(draw, _layers_of(shape))}")
        except InputError:
            continue  # A kernel does not fit into its padded input.
        is_small = policy.n_params <= MOST_PARAMETERS and policy.network.macs <= MOST_PRODUCTS
        if is_small and policy.network.exactness is None:
            return policy


def _layers_of(shape: str) -> int:
    """Return how many parts of a spelled chain have an activation and biases."""
    return sum(has_activation(parse_token(token)) for token in shape.split("-")[1:])


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
    sizes = [str(_width(draw)) for _ in range(1 + depth)]
    units = _normalized(draw, sizes[1:]) if draw.random() < 0.5 else _with_cells(draw, sizes[1:])
    return "mlp:" + "-".join([sizes[0], *units])


def _with_cells(draw: Draw, sizes: list[str]) -> list[str]:
    """Make some layers recurrent cells of up to 300 units, in one of three networks."""
    if draw.random() < 2 / 3:
        return sizes
    small = [size if int(size) <= 300 else str(draw.integers(1, 301)) for size in sizes]
    is_cell = draw.random(len(sizes)) < 0.6
    return [f"{draw.choice(list(GATES))}{size}" if cell else size for size, cell in zip(small, is_cell, strict=True)]


def _cnn(draw: Draw) -> str:
    image = [*(_extent(draw) for _ in range(2))] if draw.random() < 0.5 else [_extent(draw)] * 2
    sizes = [str(_width(draw)) for _ in range(draw.choice([1, 1, 1, 2]))]
    layers = [_convolution(draw) for _ in range(draw.choice([1, 1, 1, 2, 2, 3]))]
    channels = _channels(draw)
    images = _with_pools(draw, channels, layers) if draw.random() < 0.5 else [str(layer) for layer in layers]
    units = _normalized(draw, sizes) if draw.random() < 0.25 else _with_cells(draw, sizes)
    return f"cnn:{channels}x{image[0]}x{image[1]}-" + "-".join([*images, *units])


def _normalized(draw: Draw, sizes: list[str]) -> list[str]:
    """Put normalisations between fully connected layers, before and behind activations, and sums around some."""
    tokens: list[str] = []
    for size in sizes[:-1]:
        tokens += [_norm(draw)] * int(draw.random() < 0.3)
        tokens.append(size)
        tokens += [[], [_norm(draw), "act"], ["skip", size, "act", "add"], ["skip", size, "add", "act"]][
            int(draw.choice([0, 0, 1, 2, 3]))
        ]
    return [*tokens, *[_norm(draw)] * int(draw.random() < 0.3), sizes[-1]]


def _norm(draw: Draw) -> str:
    return str(draw.choice(["ln", "ln", "ln", "lnw", "ln0", "ln:0.001"]))


def _with_pools(draw: Draw, channels: int, layers: list[Convolution]) -> list[str]:
    """Put pools, normalisations and sums between convolutions, and give some of these dilation or groups."""
    tokens: list[str] = []
    for layer in layers:
        groups = int(draw.choice([1, 1, 2, 3, 4, channels]))
        if groups > 1 and channels % groups == 0:
            layer = layer._replace(groups=groups, out_channels=groups * int(draw.choice([1, 1, 2, 3, 8, 16])))
        if draw.random() < 0.3:
            layer = layer._replace(dilation=(int(draw.integers(1, 4)), int(draw.integers(1, 4))))
        channels = layer.out_channels
        tokens += [_pool(draw)] * int(draw.random() < 0.1)
        tokens.append(str(layer))
        kind = draw.random()
        if kind < 0.5:
            tokens += [*["act"] * int(draw.random() < 0.3), _pool(draw)]
        elif kind < 0.65:
            tokens += [_norm(draw), "act"]
        elif kind < 0.8:
            same = Convolution(channels, (3, 3), (1, 1), (1, 1))
            tokens += ["skip", str(same), *[["add", "act"], ["act", "add"]][int(draw.random() < 0.5)]]
    return [*tokens, *["gap"] * int(draw.random() < 0.25), *["flat", _norm(draw)] * int(draw.random() < 0.1)]


def _pool(draw: Draw) -> str:
    kind = str(draw.choice(["mp", "ap"]))
    high, wide = (int(size) for size in draw.integers(1, 5, 2))
    wide = wide if draw.random() < 0.4 else high
    down, across = (int(step) for step in draw.integers(1, 4, 2))
    padding = (int(draw.integers(0, high // 2 + 1)), int(draw.integers(0, wide // 2 + 1)))
    counts = kind == "mp" or bool(draw.random() < 0.5)
    return str(Pool(kind, (high, wide), (down, across), padding, counts or padding == (0, 0)))


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
