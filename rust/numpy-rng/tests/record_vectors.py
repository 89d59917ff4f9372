#!/usr/bin/env python3
"""Record what numpy.random.default_rng draws, for the Rust tests of this crate.

    python record_vectors.py            write numpy_vectors.txt beside this script
    python record_vectors.py --check    compare the installed NumPy with that file; exit 1 if a line differs

The file is text, one record a line, its fields separated by " | ":

    numpy VERSION                                       the NumPy that drew everything below
    script DRAW DRAW ...                                a sequence of calls; scripts are numbered from 0 in file order
    case ENTROPY | N | u32|u64 WORDS | VALUES | STATE   default_rng(ENTROPY), after it the draws of script N
    run SEED | ROUNDS | DIGESTS | STATE                 default_rng(SEED), then ROUNDS times all scripts in order, and
                                                        again for every further digest
    normals SEED | DRAWS | DIGESTS | STATE              default_rng(SEED), then DRAWS times standard_normal, and again
                                                        for every further digest

DRAW is one of random, normal (standard_normal), u32, u64, uniform:LOW:HIGH, integers:LOW:HIGH, inclusive:LOW:HIGH
(endpoint=True). VALUES holds one value a draw: decimal for integers and inclusive, else the bits in hexadecimal.
ENTROPY is int HEX, words HEX,... (an array of dtype uint32, perhaps empty) or integers HEX,... (a list of Python
ints). u32 and u64 WORDS are SeedSequence.generate_state of that dtype. STATE is the 128-bit state of PCG64 at the end
and, if there is one, the buffered half: it differs if a single draw, a rejected one included, was too many or too few.
A DIGEST continues FNV-1a over the values as 64-bit words.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

VECTORS = Path(__file__).with_name("numpy_vectors.txt")
SCRIPT_LENGTH = 16
SCRIPTS = 32
RUN_SEEDS = (0, 1, 42, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 0x9E3779B97F4A7C15)
ROUNDS_PER_DIGEST = 8
NORMALS_PER_DIGEST = 1 << 14
DIGESTS = 16
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
WORD = 2**64 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

Entropy = int | list[int] | np.ndarray

# (low, high): environments' own, equal bounds, subnormal results, neighbours in the last bit, the whole exponent range.
UNIFORMS: list[tuple[float, float]] = [
    (-0.05, 0.05), (-0.1, 0.1), (-3.141592653589793, 3.141592653589793), (0.0, 1.0), (5.0, 5.0), (1e-310, 3e-310),
    (1.0, 1.0 + 2**-50), (-8e307, 8e307), (-1e-3, 1e9),
]  # fmt: skip
# (low, high), half-open. Environments' own; then 32-bit words with 25% and 50% of them rejected and the last range
# before, at and after 2**32 values; then 64-bit words, again with 25% and 50% rejected, and the widest range.
INTEGERS: list[tuple[int, int]] = [
    (0, 1), (0, 2), (0, 4), (0, 12), (0, 143), (-9999, 9999), (-5, 6),
    (0, 3 << 30), (0, (1 << 31) + 1), (-7, (1 << 31) - 6), (0, 2**32 - 1), (-(2**31), 2**31), (9, 9 + 2**32),
    (0, 2**32 + 1), (0, 3 << 61), (-(3 << 61), 3 << 61), (-(2**62), 2**62 + 1), (INT64_MIN, INT64_MAX),
]  # fmt: skip
INCLUSIVES: list[tuple[int, int]] = [(3, 3), (0, 1 << 31), (0, 2**32 - 1), (-1, 2**63 - 1), (INT64_MIN, INT64_MAX)]


def scripts(chooser: random.Random) -> list[list[str]]:
    """Every kind of draw several times over, shuffled and cut into scripts."""
    deck = [f"uniform:{low!r}:{high!r}" for low, high in UNIFORMS]
    deck += [f"integers:{low}:{high}" for low, high in INTEGERS] * 2
    deck += [f"inclusive:{low}:{high}" for low, high in INCLUSIVES]
    deck += ["random"] * 4 + ["normal"] * 8 + ["u32"] * 6 + ["u64"] * 2
    needed = SCRIPTS * SCRIPT_LENGTH
    draws = deck * (needed // len(deck)) + chooser.sample(deck, needed % len(deck))
    chooser.shuffle(draws)
    return [draws[start : start + SCRIPT_LENGTH] for start in range(0, needed, SCRIPT_LENGTH)]


def entropies(chooser: random.Random) -> Iterator[Entropy]:
    """Seeds that people use, the edges of word lengths, random ones, integers beyond 64 bits, arrays of any length."""
    yield from range(256)
    yield from chain.from_iterable((2**bits - 1, 2**bits, 2**bits + 1) for bits in range(9, 65))
    yield from (chooser.getrandbits(64) for _ in range(384))
    yield from chain.from_iterable((2**bits - 1, 2**bits) for bits in range(96, 353, 32))
    yield from (chooser.getrandbits(chooser.randrange(65, 1025)) for _ in range(100))
    yield from (np.zeros(length, dtype=np.uint32) for length in range(10))
    for length in [*range(1, 13)] * 6:
        # Zeros of every position: they count, and trailing ones must not be dropped.
        words = [chooser.choice((0, chooser.getrandbits(32))) for _ in range(length)]
        yield np.array(words, dtype=np.uint32)
    for length in [*range(9)] * 6:
        yield [chooser.getrandbits(chooser.choice((1, 31, 32, 33, 64))) for _ in range(length)]


def drawn(rng: np.random.Generator, draw: str) -> int:
    """One value: an integer as it is, else its bits."""
    kind, *bounds = draw.split(":")
    if kind in ("integers", "inclusive"):
        low, high = map(int, bounds)
        return int(rng.integers(low, high, endpoint=kind == "inclusive"))
    if kind == "u64":
        return int(rng.bit_generator.random_raw())
    if kind == "u32":
        interface = rng.bit_generator.ctypes
        return int(interface.next_uint32(interface.state_address))
    if kind == "normal":
        value = rng.standard_normal()
    else:
        value = rng.random() if kind == "random" else rng.uniform(float(bounds[0]), float(bounds[1]))
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def spelled_value(draw: str, value: int) -> str:
    return str(value) if draw.startswith(("integers", "inclusive")) else f"{value:x}"


def spelled_entropy(entropy: Entropy) -> str:
    if isinstance(entropy, int):
        return f"int {entropy:x}"
    kind = "integers" if isinstance(entropy, list) else "words"
    return f"{kind} {','.join(f'{int(element):x}' for element in entropy)}".rstrip()


def spelled_state(rng: np.random.Generator) -> str:
    state = rng.bit_generator.state
    buffered = f" {state['uinteger']:x}" if state["has_uint32"] else ""
    return f"{state['state']['state']:x}{buffered}"


def case_line(entropy: Entropy, number: int, script: list[str]) -> str:
    sequence = np.random.SeedSequence(entropy)
    dtype, words = (np.uint64, 3) if number % 2 else (np.uint32, 1 + number % 9)
    state = " ".join(f"{int(word):x}" for word in sequence.generate_state(words, dtype))
    rng = np.random.default_rng(entropy)
    values = " ".join([spelled_value(draw, drawn(rng, draw)) for draw in script])
    width = "u64" if number % 2 else "u32"
    return f"case {spelled_entropy(entropy)} | {number % SCRIPTS} | {width} {state} | {values} | {spelled_state(rng)}"


def run_line(seed: int, all_draws: list[str]) -> str:
    rng = np.random.default_rng(seed)
    digest = FNV_OFFSET
    digests = []
    for _ in range(DIGESTS):
        for draw in all_draws * ROUNDS_PER_DIGEST:
            digest = (digest ^ (drawn(rng, draw) & WORD)) * FNV_PRIME & WORD
        digests.append(f"{digest:x}")
    return f"run {seed:x} | {ROUNDS_PER_DIGEST} | {' '.join(digests)} | {spelled_state(rng)}"


def normals_line(seed: int) -> str:
    rng = np.random.default_rng(seed)
    digest = FNV_OFFSET
    digests = []
    for _ in range(DIGESTS):
        for bits in rng.standard_normal(NORMALS_PER_DIGEST).view(np.uint64).tolist():
            digest = (digest ^ bits) * FNV_PRIME & WORD
        digests.append(f"{digest:x}")
    return f"normals {seed:x} | {NORMALS_PER_DIGEST} | {' '.join(digests)} | {spelled_state(rng)}"


def recording() -> str:
    chooser = random.Random("numpy-rng vectors")
    all_scripts = scripts(chooser)
    lines = [f"numpy {np.__version__}"]
    lines += ["script " + " ".join(script) for script in all_scripts]
    lines += [
        case_line(entropy, number, all_scripts[number % SCRIPTS]) for number, entropy in enumerate(entropies(chooser))
    ]
    lines += [run_line(seed, list(chain.from_iterable(all_scripts))) for seed in RUN_SEEDS]
    lines += [normals_line(seed) for seed in RUN_SEEDS]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Record what numpy.random.default_rng draws.")
    parser.add_argument("--check", action="store_true", help="compare with the recorded file instead of writing it")
    check = parser.parse_args().check
    recorded = recording()
    if not check:
        VECTORS.write_text(recorded)
        print(f"{VECTORS}: {recorded.count(chr(10) + 'case ')} cases, {len(recorded)} bytes, NumPy {np.__version__}")
        return 0
    # The first line is the version, which may differ while the streams agree.
    expected, got = VECTORS.read_text().splitlines()[1:], recorded.splitlines()[1:]
    differing = sum(a != b for a, b in zip(expected, got, strict=False)) + abs(len(expected) - len(got))
    print(f"{VECTORS}: {differing} of {len(expected)} lines differ with NumPy {np.__version__}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
