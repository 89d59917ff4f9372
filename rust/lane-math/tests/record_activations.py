#!/usr/bin/env python3
"""Records what PyTorch's activations return: the lines of torch_activations.txt.

    python rust/lane-math/tests/record_activations.py > rust/lane-math/tests/torch_activations.txt

The first line says which versions made the recording. Then one line per activation: its name and parameters, a digest
of its results for the samples below, and its results for the edges below, as the bits of float32 in hexadecimal. The
identity's results are the edges themselves. Every NaN is written as 7fc00000. LANE_MATH_ACTIVATIONS=FILE cargo test -p
lane-math compares another recording.

PyTorch computes whole vectors and the values that are left over with different functions: all tensors here are
contiguous and multiples of 32 long. MKL (tanh, sin) and oneDNN (gelu) are told to use their AVX2 kernels, which must
happen before Python starts: the script restarts itself so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

WHOLE_VECTORS = 32  # values: two vectors at a time, of eight lanes with AVX2, of sixteen with AVX-512
REQUIRED_ENVIRONMENT = {"MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
Floats = NDArray[np.float32]

ACTIVATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "relu6": functional.relu6,
    "elu": functional.elu,
    "selu": functional.selu,
    "celu": functional.celu,
    "gelu": functional.gelu,
    "gelu tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "hardtanh": functional.hardtanh,
    "hardsigmoid": functional.hardsigmoid,
    "hardswish": functional.hardswish,
    "sigmoid": torch.sigmoid,
    "logsigmoid": functional.logsigmoid,
    "tanh": torch.tanh,
    "sin": torch.sin,
    "identity": lambda x: x,
}
PARAMETERS: dict[str, list[tuple[float, ...]]] = {
    "leaky_relu": [(0.01,), (0.2,), (-0.3,)],
    "elu": [(1.0,), (0.1,), (-0.5,)],
    "celu": [(1.0,), (0.1,), (3.0,), (-0.6,)],
    "softplus": [(1.0, 20.0), (3.3, 0.0), (0.1, 500.0), (-1.0, 20.0), (1.0, 1000.0)],
    "hardtanh": [(-1.0, 1.0), (-0.1, 2.5), (0.0, 1.0), (-2.0, -1.0)],
}
# Where one of the formulas changes, and where its result does.
BOUNDS = [0.25, 0.5, 1, 1.5, 2, 2.5, 3, 5.5, 6, 6.1, 8.66434, 16.635532, 20, 80, 87.33, 88.37626, 88.72283, 100, 104]
BOUNDS += [10_000]
SAMPLE_STEP, SAMPLE_SIZE, GRID_SIZE = 16381, 262_176, 1 << 18


def edges() -> Floats:
    """Zero, the ends of the format, NaN, the bounds and their neighbours, powers of two; of both signs."""
    bounds = np.array(BOUNDS, np.float32)
    special = np.array([0x0, 0x1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000], np.uint32).view(np.float32)
    powers = np.exp2(np.arange(-40, 12, dtype=np.float32))
    infinity = np.float32(np.inf)
    near = [bounds, np.nextafter(bounds, -infinity), np.nextafter(bounds, infinity)]
    magnitudes = np.concatenate([special, powers, np.float32(1.2345678) * powers, *near])
    both = np.concatenate([magnitudes, -magnitudes])
    return np.resize(both, -(-both.size // WHOLE_VECTORS) * WHOLE_VECTORS)


def samples() -> Floats:
    """Every SAMPLE_STEP-th float32, then a grid over [-16, 16)."""
    everywhere = (np.arange(SAMPLE_SIZE, dtype=np.uint64) * np.uint64(SAMPLE_STEP)).astype(np.uint32).view(np.float32)
    grid = (np.arange(GRID_SIZE, dtype=np.float32) - np.float32(GRID_SIZE // 2)) / np.float32(8192)
    return np.concatenate([everywhere, grid])


def bits(values: Floats) -> NDArray[np.uint32]:
    """The bits of float32 values; every NaN counts as the same."""
    return np.where(np.isnan(values), np.uint32(0x7FC00000), values.view(np.uint32))


def mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's output function."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def digest(values: Floats) -> int:
    """A hash of the bits and their places."""
    places = np.arange(values.size, dtype=np.uint64) << np.uint64(32)
    return int(mix(bits(values).astype(np.uint64) | places).sum(dtype=np.uint64))


def words(values: Floats) -> str:
    return " ".join(f"{word:08x}" for word in bits(values))


def main() -> None:
    if any(os.environ.get(name) != value for name, value in REQUIRED_ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **REQUIRED_ENVIRONMENT})
    torch.set_num_threads(1)
    libraries = [line.strip(" -") for line in torch.__config__.show().split("\n") if "Library" in line or "DNN" in line]
    print(f"# torch {torch.__version__}; {'; '.join(libraries[:2])}")
    for name, activation in ACTIVATIONS.items():
        for parameters in PARAMETERS.get(name, [()]):
            on_samples, on_edges = (
                activation(torch.from_numpy(values), *parameters).numpy() for values in (samples(), edges())
            )
            spelled = " ".join([name, *map(str, parameters)])
            print(f"{spelled}: {digest(on_samples):016x} {words(on_edges)}")


if __name__ == "__main__":
    main()
