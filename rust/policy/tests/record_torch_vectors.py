#!/usr/bin/env python3
"""Records what PyTorch computes for a list of networks: the lines of torch_vectors.txt.

    python rust/policy/tests/record_torch_vectors.py > rust/policy/tests/torch_vectors.txt

One line per case: input shape, layers, seed and kind of the values, rows, and a digest of the logits' bits. Weights and
observations are not stored: both sides draw them from the same stream of integers (SplitMix64; weights first, then the
rows of observations). The lines before the cases say which versions made them.

PyTorch sums in a known order if MKL and oneDNN are told to use their AVX2 kernels before Python starts (the script
restarts itself so), one thread is used, the rows are a multiple of 4, and at least 16 for 1x1 convolutions of stride 1.
"""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

REQUIRED_ENVIRONMENT = {"MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
KINDS = 7

# ("linear", outputs, bias), ("conv", channels, kernel, stride, padding, bias) or ("relu",)
Layer = tuple[str, int, bool] | tuple[str, int, tuple[int, int], tuple[int, int], tuple[int, int], bool] | tuple[str]


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

    def take(self, count: int) -> NDArray[np.float32]:
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        states = self.state + steps
        if count:
            self.state = states[-1]
        bits = mix(states)
        uniform = (bits >> np.uint64(40)).astype(np.float32) * np.float32(1 / 8_388_608) - np.float32(1)
        chance = bits & np.uint64(0xFFFF)
        sign = np.where(bits & np.uint64(0x10000), np.float32(-1), np.float32(1))
        match self.kind:
            case 1:
                return np.where(chance < 0xA000, sign * np.float32(0), uniform)
            case 2:
                return uniform * np.exp2((chance % np.uint64(40)).astype(np.float32) - np.float32(20))
            case 3:
                return uniform * np.float32(3e-22)
            case 4:
                return sign * (chance % np.uint64(4)).astype(np.float32)
            case 5:
                return uniform * np.float32(5e18)
            case 6:
                values = np.where(chance < 0x80, sign * np.float32(np.inf), uniform)
                return np.where((chance >= 0x80) & (chance < 0xC0), np.float32(np.nan), values)
            case _:
                return uniform


def digest(values: NDArray[np.float32]) -> int:
    """A hash of the bits and their places; every NaN counts as the same."""
    bits = np.ascontiguousarray(values).reshape(-1).view(np.uint32).astype(np.uint64)
    bits[np.isnan(values).reshape(-1)] = 0x7FC00000
    places = np.arange(bits.size, dtype=np.uint64) << np.uint64(32)
    return int(mix(bits | places).sum(dtype=np.uint64))


def logits(values: Values, shape: tuple[int, ...], layers: list[Layer], rows: int) -> NDArray[np.float32]:
    """PyTorch's forward pass, with weights and observations drawn from the stream."""
    steps = []
    size = shape
    for layer in layers:
        weight = bias = torch.empty(0)
        match layer:
            case ("linear", int(outputs), bool(has_bias)):
                inputs = int(np.prod(size))
                weight = torch.from_numpy(values.take(outputs * inputs)).view(outputs, inputs)
                size = (outputs,)
            case ("conv", int(outputs), (kh, kw), (sh, sw), (ph, pw), bool(has_bias)):
                channels, height, width = size
                weight = torch.from_numpy(values.take(outputs * channels * kh * kw)).view(outputs, channels, kh, kw)
                size = (outputs, (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1)
            case _:
                has_bias = False
        if has_bias:
            bias = torch.from_numpy(values.take(size[0]))
        steps.append((layer, weight, bias if has_bias else None))
    activations = torch.from_numpy(values.take(rows * int(np.prod(shape)))).view(rows, *shape)
    with torch.inference_mode():
        for layer, weight, optional_bias in steps:
            match layer:
                case ("linear", *_):
                    activations = functional.linear(activations.flatten(1), weight, optional_bias)
                case ("conv", _, _, stride, padding, _):
                    activations = functional.conv2d(activations, weight, optional_bias, stride, padding)
                case _:
                    activations = functional.relu(activations)
    return activations.flatten(1).numpy()


def spelled(shape: tuple[int, ...], layers: list[Layer]) -> str:
    """A network as one word: `3x9x9,conv:16:3x3:1x1:0x0:bias,relu,linear:4:nobias`."""
    words = ["x".join(map(str, shape))]
    for layer in layers:
        fields = []
        for field in layer:
            if isinstance(field, bool):
                fields.append("bias" if field else "nobias")
            elif isinstance(field, tuple):
                fields.append("x".join(map(str, field)))
            else:
                fields.append(str(field))
        words.append(":".join(fields))
    return ",".join(words)


def takes_direct_convolution(extent: tuple[int, int], out: tuple[int, int], layer: Layer) -> bool:
    """Whether PyTorch stays with the convolution whose order is known."""
    _, _, kernel, stride, padding, _ = layer  # type: ignore[misc]
    overhang = [(out[i] - 1) * stride[i] + kernel[i] - (extent[i] + padding[i]) for i in (0, 1)]
    if any(kernel[i] <= max(padding[i], overhang[i]) for i in (0, 1)) or padding[1] > min(3, out[1]):
        return False
    return not (kernel[1] > 7 and padding != (0, 0) and stride != (1, 1))


def random_mlp(draw: random.Random) -> tuple[tuple[int, ...], list[Layer]]:
    def width() -> int:
        kind = draw.random()
        if kind < 0.6:
            return draw.randint(1, 40)
        return draw.randint(41, 300) if kind < 0.9 else draw.choice([383, 384, 385, 500, 577, 1024, 2048])

    layers: list[Layer] = []
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        layers.append(("linear", draw.randint(1, 13) if draw.random() < 0.5 else width(), draw.random() < 0.7))
        layers += [("relu",)] * (draw.random() < 0.7)
    return (width(),), layers


def random_cnn(draw: random.Random) -> tuple[tuple[int, ...], list[Layer]] | None:
    """A random convolution network, or None where a kernel does not fit or PyTorch takes another way."""
    shape = (draw.choice([*range(1, 21), 24, 32, 40]), draw.randint(1, 20), draw.randint(1, 20))
    size, layers = shape, list[Layer]()
    for _ in range(draw.choice([1, 1, 2])):
        kernel, stride, padding = (
            (draw.choice(across), draw.choice(across))
            for across in ([1, 2, 3, 3, 3, 4, 5, 7, 8, 9], [1, 1, 1, 2, 3, 4], [0, 0, 0, 1, 2, 3])
        )
        layer: Layer = ("conv", draw.choice([*range(1, 21), 32, 48]), kernel, stride, padding, draw.random() < 0.7)
        out = tuple((size[i + 1] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in (0, 1))
        if min(out) < 1 or not takes_direct_convolution(size[1:], (out[0], out[1]), layer):
            return None
        layers.append(layer)
        layers += [("relu",)] * (draw.random() < 0.7)
        size = (int(layer[1]), out[0], out[1])  # type: ignore[misc]
    if draw.random() < 0.5:
        layers.append(("linear", draw.randint(1, 20), draw.random() < 0.7))
    return shape, layers


def conv(channels: int, kernel: int, stride: int = 1, padding: int = 0) -> Layer:
    return ("conv", channels, (kernel, kernel), (stride, stride), (padding, padding), True)


def well_known() -> list[tuple[tuple[int, ...], list[Layer]]]:
    """Networks that people use."""
    relu: Layer = ("relu",)

    def linear(outputs: int) -> Layer:
        return ("linear", outputs, True)

    return [
        ((4,), [linear(16), relu, linear(2)]),
        ((8,), [linear(64), relu, linear(64), relu, linear(4)]),
        ((5, 12, 12), [conv(16, 3), relu, conv(32, 3), relu, linear(64), relu, linear(4)]),
        ((5, 12, 12), [conv(16, 3, 1, 1), relu, conv(32, 3, 2, 1), relu, linear(64), relu, linear(4)]),
        ((4, 40, 40), [conv(16, 8, 4), relu, conv(32, 4, 2), relu, conv(32, 2), relu, linear(128), relu, linear(18)]),
        ((3, 96, 96), [conv(32, 8, 4), relu, conv(64, 4, 2), relu, conv(64, 3), relu, linear(512), relu, linear(3)]),
    ]


def record(n_mlps: int, n_cnns: int, seed: int) -> None:
    """Prints the versions and the cases."""
    draw = random.Random(seed)
    print(
        f"# torch {torch.__version__}, numpy {np.__version__}; " + ", ".join(torch.__config__.show().split("\n")[2:5])
    )
    networks = well_known()
    while len(networks) < n_mlps:
        networks.append(random_mlp(draw))
    while len(networks) < n_mlps + n_cnns:
        network = random_cnn(draw)
        if network is not None:
            networks.append(network)
    for shape, layers in networks:
        # Large images with plain values only: their other kinds would not tell more.
        value_seed, kind = draw.getrandbits(32), draw.randrange(KINDS) if len(shape) == 1 or shape[-1] < 40 else 0
        pointwise = any(layer[0] == "conv" and layer[2:4] == ((1, 1), (1, 1)) for layer in layers)
        rows = draw.choice([16, 20]) if pointwise else draw.choice([4, 8, 12])
        result = logits(Values(value_seed, kind), shape, layers, rows)
        print(f"{spelled(shape, layers)} {value_seed} {kind} {rows} {digest(result):016x}")


def main() -> None:
    if any(os.environ.get(name) != value for name, value in REQUIRED_ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **REQUIRED_ENVIRONMENT})
    np.seterr(over="ignore", invalid="ignore", under="ignore")
    torch.set_num_threads(1)
    counts = [int(count) for count in sys.argv[1:]] or [150, 150, 0]
    record(*counts)


if __name__ == "__main__":
    main()
