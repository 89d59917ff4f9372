#!/usr/bin/env python3
"""Write NumPy's ziggurat tables, as they stand in the installed library, into this crate.

    python record_ziggurat.py            write ../src/ziggurat/tables.rs
    python record_ziggurat.py --check    compare the installed NumPy with that file; exit 1 if a number differs

NumPy keeps three tables of 256 numbers in one piece: heights, widths, and the integers below which a width is taken as
it is. They were once computed in float64, whose rounding no formula repeats in every bit, so they are read where they
are. The widths are found by their last number, the ziggurat's outermost edge over 2^52, which is known.
"""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path

import numpy as np
import numpy.random._generator as library

TABLES = Path(__file__).resolve().parents[1] / "src" / "ziggurat" / "tables.rs"
LENGTH = 256
EDGE = 3.6541528853610088


def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return heights and widths, float64, and limits, uint64, of NumPy's standard_normal."""
    image = Path(library.__file__).read_bytes()
    last_width = image.index(struct.pack("<d", EDGE / 2**52))
    widths = last_width - 8 * (LENGTH - 1)
    found = [
        np.frombuffer(image, dtype, LENGTH, widths + 8 * LENGTH * place)
        for place, dtype in ((-1, np.float64), (0, np.float64), (1, np.uint64))
    ]
    return found[0], found[1], found[2]


def spelled(name: str, comment: str, kind: str, numbers: list[str], per_line: int) -> str:
    lines = [", ".join(numbers[start : start + per_line]) for start in range(0, LENGTH, per_line)]
    rows = "".join(f"    {line},\n" for line in lines)
    return f"/// {comment}\n#[rustfmt::skip]\npub(super) const {name}: [{kind}; {LENGTH}] = [\n{rows}];\n"


def source() -> str:
    heights, widths, limits = tables()
    header = "//! Made by `tests/record_ziggurat.py` from NumPy {}: the layers of its ziggurat, 0 the lowest.\n"
    density = "The density, exp(-x^2 / 2), at each layer's edge."
    fractions = "Fractions of a width, out of 2^52, that lie under the density whatever the height."
    return "\n".join(
        [
            header.format(np.__version__),
            spelled("HEIGHTS", density, "f64", [repr(height) for height in heights.tolist()], 4),
            spelled("WIDTHS", "Each layer's edge over 2^52.", "f64", [repr(width) for width in widths.tolist()], 4),
            spelled("LIMITS", fractions, "u64", [f"{limit:#015x}" for limit in limits.tolist()], 6),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Write NumPy's ziggurat tables into this crate.")
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    text = source()
    if not parser.parse_args().check:
        TABLES.write_text(text, encoding="utf-8")
        return 0
    recorded = TABLES.read_text(encoding="utf-8")
    # The first line names the version; the numbers count.
    if recorded.partition("\n")[2] == text.partition("\n")[2]:
        return 0
    print(f"{TABLES.name}: NumPy {np.__version__} has other tables", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
