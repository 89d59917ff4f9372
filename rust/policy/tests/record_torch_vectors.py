#!/usr/bin/env python3
"""Records what PyTorch computes for a list of networks: the lines of torch_vectors.txt.

    python rust/policy/tests/record_torch_vectors.py > rust/policy/tests/torch_vectors.txt

One line per case: network, seed, kind of the weights, kind of the observations, rows, and a digest of the logits'
bits. Weights and observations are not stored: both sides draw them from the same streams of integers (SplitMix64, from
the seed and from the seed plus one). The first line says which versions made the recording. Arguments: how many mlps,
cnns and convolutions that are matrix products, the seed of the draw. POLICY_TORCH_VECTORS=FILE cargo test -p policy
compares another recording.

PyTorch sums in a known order if MKL and oneDNN are told to use their AVX2 kernels before Python starts (the script
restarts itself so), one thread is used, the rows are a multiple of 4, and at least 16 for 1x1 convolutions of stride 1
and for those that are matrix products.
"""

from __future__ import annotations

import os
import random
import sys
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

REQUIRED_ENVIRONMENT = {"MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
# Kinds of values: see Values. Random cases draw weights from the first seven, observations from the first eight.
PLAIN, MOSTLY_ZEROS, MINUS_ZERO, POSITIVE = 0, 7, 8, 9
Shape = tuple[int, ...]
Pair = tuple[int, int]


def spelled_pair(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


def spelled_bias(bias: bool) -> str:
    return "bias" if bias else "nobias"


@dataclass(frozen=True)
class Linear:
    outputs: int
    bias: bool = True

    def __str__(self) -> str:
        return f"linear:{self.outputs}:{spelled_bias(self.bias)}"

    def weight_shape(self, shape: Shape) -> Shape:
        return (self.outputs, int(np.prod(shape)))

    def output_shape(self, shape: Shape) -> Shape:
        return (self.outputs,)

    def forward(self, activations: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return functional.linear(activations.flatten(1), weight, bias)


@dataclass(frozen=True)
class Conv:
    channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    bias: bool = True

    def __str__(self) -> str:
        pairs = ":".join(spelled_pair(pair) for pair in (self.kernel, self.stride, self.padding))
        return f"conv:{self.channels}:{pairs}:{spelled_bias(self.bias)}"

    def weight_shape(self, shape: Shape) -> Shape:
        return (self.channels, shape[0], *self.kernel)

    def output_shape(self, shape: Shape) -> Shape:
        return (
            self.channels,
            *((shape[i + 1] + 2 * self.padding[i] - self.kernel[i]) // self.stride[i] + 1 for i in (0, 1)),
        )

    def forward(self, activations: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return functional.conv2d(activations, weight, bias, self.stride, self.padding)

    def is_pointwise(self) -> bool:
        return self.kernel == (1, 1) and self.stride == (1, 1)

    def is_direct(self, shape: Shape) -> bool:
        """Whether the kernel fits and PyTorch stays with the convolution whose order is known."""
        out = self.output_shape(shape)
        if min(out) < 1:
            return False
        for i in (0, 1):
            overhang = (out[i + 1] - 1) * self.stride[i] + self.kernel[i] - (shape[i + 1] + self.padding[i])
            if self.kernel[i] <= max(self.padding[i], overhang):
                return False
        wide = self.kernel[1] > 7 and self.padding != (0, 0) and self.stride != (1, 1)
        return self.padding[1] <= min(3, out[2]) and not wide

    def is_known_matrix(self, shape: Shape) -> bool:
        """Whether PyTorch computes it as a matrix product that fits into the smallest cache."""
        out = self.output_shape(shape)
        if min(out) < 1 or self.is_direct(shape):
            return False
        taps, pixels = self.kernel[0] * self.kernel[1], out[1] * out[2]
        column, rows = self.stride[0] * self.stride[1] + taps, max(pixels, 48)
        image = shape[0] * (column * rows + taps * self.channels) + max(self.channels, 8) * rows
        return pixels <= 6048 and max(image, 2 * shape[0] * (8 * column + taps * self.channels)) <= 65_536


@dataclass(frozen=True)
class Relu:
    def __str__(self) -> str:
        return "relu"


Layer = Linear | Conv | Relu


@dataclass(frozen=True)
class Network:
    shape: Shape
    layers: list[Layer]

    def __str__(self) -> str:
        return ",".join(["x".join(map(str, self.shape)), *map(str, self.layers)])


def mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's output function."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


class Values:
    """A stream of float32 values of one kind; `Values` in common/mod.rs is the same stream."""

    def __init__(self, seed: int, kind: int) -> None:
        self.state = np.uint64(seed)
        self.kind = kind

    def take(self, *shape: int) -> torch.Tensor:
        states = self.state + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self.state = states[-1]
        return torch.from_numpy(self.from_bits(mix(states)).reshape(shape))

    def from_bits(self, bits: NDArray[np.uint64]) -> NDArray[np.float32]:
        f32 = np.float32
        values = (bits >> np.uint64(40)).astype(f32) * f32(1 / 8_388_608) - f32(1)
        chance = bits & np.uint64(0xFFFF)
        sign = np.where(bits & np.uint64(0x10000), f32(-1), f32(1))
        match self.kind:
            case 1:
                values = np.where(chance < 0xA000, sign * f32(0), values)
            case 2:
                values *= np.exp2((chance % np.uint64(40)).astype(f32) - f32(20))
            case 3:
                values *= f32(3e-22)
            case 4:
                values = sign * (chance % np.uint64(4)).astype(f32)
            case 5:
                values *= f32(5e18)
            case 6:
                values = np.where(chance < 0x80, sign * f32(np.inf), values)
                values = np.where((chance >= 0x80) & (chance < 0xC0), f32(np.nan), values)
            case 7:  # MOSTLY_ZEROS
                values = np.where(chance < 0xF000, sign * f32(0), values)
            case 8:  # MINUS_ZERO
                values = np.full_like(values, -0.0)
            case 9:  # POSITIVE
                values = np.abs(values)
        return values


def digest(values: NDArray[np.float32]) -> int:
    """A hash of the bits and their places; every NaN counts as the same."""
    bits = np.ascontiguousarray(values).reshape(-1).view(np.uint32).astype(np.uint64)
    bits[np.isnan(values).reshape(-1)] = 0x7FC00000
    places = np.arange(bits.size, dtype=np.uint64) << np.uint64(32)
    return int(mix(bits | places).sum(dtype=np.uint64))


def logits(network: Network, seed: int, kinds: tuple[int, int], rows: int) -> NDArray[np.float32]:
    """PyTorch's forward pass, with weights and observations drawn from their streams."""
    values = Values(seed, kinds[0])
    shape = network.shape
    params: list[tuple[torch.Tensor, torch.Tensor | None]] = []
    for layer in network.layers:
        if isinstance(layer, Relu):
            continue
        weight = values.take(*layer.weight_shape(shape))
        params.append((weight, values.take(weight.shape[0]) if layer.bias else None))
        shape = layer.output_shape(shape)
    activations = Values(seed + 1, kinds[1]).take(rows, *network.shape)
    with torch.inference_mode():
        for layer in network.layers:
            if isinstance(layer, Relu):
                activations = functional.relu(activations)
            else:
                activations = layer.forward(activations, *params.pop(0))
    return activations.flatten(1).numpy()


def random_mlp(draw: random.Random) -> Network:
    def width() -> int:
        kind = draw.random()
        if kind < 0.6:
            return draw.randint(1, 40)
        return draw.randint(41, 300) if kind < 0.9 else draw.choice([383, 384, 385, 500, 577, 1024, 2048])

    layers: list[Layer] = []
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        layers.append(Linear(draw.randint(1, 13) if draw.random() < 0.5 else width(), draw.random() < 0.7))
        layers += [Relu()] * (draw.random() < 0.7)
    return Network((width(),), layers)


def random_cnn(draw: random.Random) -> Network:
    while True:
        shape: Shape = (draw.choice([*range(1, 21), 24, 32, 40]), draw.randint(1, 20), draw.randint(1, 20))
        network = Network(shape, [])
        direct = True
        for _ in range(draw.choice([1, 1, 2])):
            kernel, stride, padding = (
                (draw.choice(sizes), draw.choice(sizes))
                for sizes in ([1, 2, 3, 3, 3, 4, 5, 7, 8, 9], [1, 1, 1, 2, 3, 4], [0, 0, 0, 1, 2, 3])
            )
            conv = Conv(draw.choice([*range(1, 21), 32, 48]), kernel, stride, padding, draw.random() < 0.7)
            direct = direct and conv.is_direct(shape)
            shape = conv.output_shape(shape)
            network.layers.append(conv)
            network.layers.extend([Relu()] * (draw.random() < 0.7))
        if draw.random() < 0.5:
            network.layers.append(Linear(draw.randint(1, 20), draw.random() < 0.7))
        if direct:
            return network


def random_matrix(draw: random.Random) -> Network:
    """One convolution that PyTorch computes as a matrix product."""
    while True:
        channels = draw.choice([*range(1, 21), 30, 60, 100, 300])
        shape = (channels, draw.randint(1, 16), draw.randint(1, 16))
        kernel, stride, padding = (
            (draw.choice(sizes), draw.choice(sizes))
            for sizes in ([1, 2, 2, 3, 3, 4, 8], [1, 1, 2, 3, 4], [0, 1, 2, 3, 4])
        )
        outputs = draw.choice([*range(1, 21), 32, 70, 80, 100, 130])
        conv = Conv(outputs, kernel, stride, padding, draw.random() < 0.7)
        if conv.is_known_matrix(shape):
            return Network(shape, [conv, *[Relu()] * (draw.random() < 0.3)])


def well_known() -> list[Network]:
    """Networks that people use."""
    relu = Relu()

    def conv(channels: int, kernel: int, stride: int = 1, padding: int = 0) -> Conv:
        return Conv(channels, (kernel, kernel), (stride, stride), (padding, padding))

    def network(shape: Shape, *layers: Layer) -> Network:
        return Network(shape, list(layers))

    return [
        network((4,), Linear(16), relu, Linear(2)),
        network((8,), Linear(64), relu, Linear(64), relu, Linear(4)),
        network((5, 12, 12), conv(16, 3), relu, conv(32, 3), relu, Linear(64), relu, Linear(4)),
        network((5, 12, 12), conv(16, 3, 1, 1), relu, conv(32, 3, 2, 1), relu, Linear(64), relu, Linear(4)),
        network(
            (4, 40, 40), conv(16, 8, 4), relu, conv(32, 4, 2), relu, conv(32, 2), relu, Linear(128), relu, Linear(18)
        ),
        network(
            (3, 96, 96), conv(32, 8, 4), relu, conv(64, 4, 2), relu, conv(64, 3), relu, Linear(512), relu, Linear(3)
        ),
    ]


def one_layer() -> list[Network]:
    """Layers whose products and biases all become -0: what is left of the sign tells the rules apart."""
    linears: list[Layer] = [Linear(outputs) for outputs in (1, 2, 4, 5, 12, 13)]
    networks = [Network((inputs,), [layer]) for inputs in (1, 2, 3, 4, 5, 9) for layer in linears]
    for channels in (1, 7, 8, 9, 16):
        networks += [Network((channels, 6, 6), [Conv(8, (3, 3), padding=(pad, pad))]) for pad in (0, 1)]
        networks += [Network((channels, 6, 6), [Conv(8, (1, 1), (stride, stride))]) for stride in (1, 2, 4)]
    return networks


def record(n_mlps: int, n_cnns: int, n_matrices: int, seed: int) -> None:
    """Prints the versions and the cases."""
    libraries = [line.strip(" -") for line in torch.__config__.show().split("\n") if "Library" in line or "DNN" in line]
    print(f"# torch {torch.__version__}; {'; '.join(libraries[:2])}")
    draw = random.Random(seed)
    cases = [(network, (PLAIN, kind)) for network in well_known() for kind in (PLAIN, MOSTLY_ZEROS)]
    cases += [(network, (MINUS_ZERO, POSITIVE)) for network in one_layer()]
    for random_network, count in ((random_mlp, n_mlps), (random_cnn, n_cnns)):
        for _ in range(count):
            kind = draw.randrange(MOSTLY_ZEROS)
            observation_kind = draw.choice([kind, kind, draw.randrange(MOSTLY_ZEROS), MOSTLY_ZEROS])
            cases.append((random_network(draw), (kind, observation_kind)))
    # From a stream of their own, and last, so that the cases before stay as they were recorded.
    draw_matrix = random.Random(f"matrices of {seed}")
    for _ in range(n_matrices):
        kind = draw_matrix.randrange(MOSTLY_ZEROS)
        cases.append((random_matrix(draw_matrix), (kind, draw_matrix.choice([kind, MOSTLY_ZEROS]))))
    for number, (network, kinds) in enumerate(cases):
        pointwise = any(isinstance(layer, Conv) and layer.is_pointwise() for layer in network.layers)
        is_matrix = number >= len(cases) - n_matrices
        rows = draw.choice([16, 20]) if pointwise or is_matrix else draw.choice([4, 8, 12])
        value_seed = draw.getrandbits(32)
        result = digest(logits(network, value_seed, kinds, rows))
        print(f"{network} {value_seed} {kinds[0]} {kinds[1]} {rows} {result:016x}")


def main() -> None:
    if any(os.environ.get(name) != value for name, value in REQUIRED_ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **REQUIRED_ENVIRONMENT})
    np.seterr(over="ignore", invalid="ignore", under="ignore")
    torch.set_num_threads(1)
    n_mlps, n_cnns, n_matrices, seed = map(int, sys.argv[1:]) if len(sys.argv) > 1 else (150, 150, 100, 0)
    record(n_mlps, n_cnns, n_matrices, seed)


if __name__ == "__main__":
    main()
