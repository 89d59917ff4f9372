#!/usr/bin/env python3
"""Records what PyTorch's softmax and log_softmax return: the lines of torch_softmax.txt.

    python rust/lane-math/tests/record_softmax.py > rust/lane-math/tests/torch_softmax.txt

The first line says which version made the recording. Then one line per function and length of a row: a digest of the
results for ROWS rows, and the results for the first rows of each kind, as the bits of float32 in hexadecimal. Every NaN
is written as 7fc00000. LANE_MATH_SOFTMAX=FILE cargo test -p lane-math compares another recording.

PyTorch's AVX-512 kernels add in another order. It is told to use those of AVX2, which must happen before Python starts:
the script restarts itself so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from record_activations import digest, mix, words

REQUIRED_ENVIRONMENT = {"ATEN_CPU_CAPABILITY": "avx2"}
LENGTHS = range(1, 65)
KINDS = 8
ROWS = 64 * KINDS
FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {"softmax": torch.softmax, "log_softmax": torch.log_softmax}


def rows(length: int) -> NDArray[np.float32]:
    """Float32 (ROWS, length): row r is of kind r % KINDS, its values made of a hash of their places."""
    places = np.arange(ROWS * length, dtype=np.uint64) | np.uint64(length << 32)
    hashes = mix(places.reshape(ROWS, length))
    high = (hashes >> np.uint64(32)).astype(np.uint32)
    unit = (high >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)  # [0, 1)
    is_masked = (hashes & np.uint64(3)) == 0
    kinds = [
        unit * np.float32(8) - np.float32(4),
        np.floor(unit * np.float32(16)) / np.float32(4),  # ties
        unit * np.float32(256) - np.float32(128),
        high.view(np.float32),  # any bits: huge, infinite, NaN
        (high & np.uint32(0x807FFFFF)).view(np.float32),  # subnormal
        np.where(is_masked, np.float32(-np.inf), unit * np.float32(8)),
        (np.uint32(0x40600000) + (high >> np.uint32(29))).view(np.float32),  # neighbours
        unit * np.float32(20) - np.float32(104) * (high & np.uint32(1)).astype(np.float32),  # results near zero
    ]
    return np.stack([kinds[row % KINDS][row] for row in range(ROWS)])


def main() -> None:
    if any(os.environ.get(name) != value for name, value in REQUIRED_ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **REQUIRED_ENVIRONMENT})
    print(f"# torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    for name, function in FUNCTIONS.items():
        for length in LENGTHS:
            results = function(torch.from_numpy(rows(length)), dim=-1).numpy()
            some = results[:KINDS] if length <= 18 else results[:1]
            print(f"{name} {length}: {digest(results.reshape(-1)):016x} {words(some.reshape(-1))}")


if __name__ == "__main__":
    main()
