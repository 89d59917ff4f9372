"""Print `src/libm_lanes/exp_table.rs`: 2^(k / 128) as a float64 and what it lacks, relative to it.

    python make_exp_table.py > src/libm_lanes/exp_table.rs

The table inside glibc is this one, bit for bit.
"""

from __future__ import annotations

import struct
from decimal import Decimal, getcontext
from fractions import Fraction

ROWS = 128

HEADER = """\
//! 2^(k / 128) for k = 0..128, each as a float64 and the relative error of that: printed by make_exp_table.py.

/// Bits of the relative error, and of the float64 less k in the bits above its lowest 45: to these any multiple of
/// 1/128 can be added.
#[rustfmt::skip]
pub(super) const ROWS: [[u64; 2]; 128] = ["""

getcontext().prec = 80


def bits(value: float) -> int:
    """The IEEE bits of a float64."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def main() -> None:
    """Print the file."""
    print(HEADER)
    for k in range(ROWS):
        exact = Fraction(Decimal(2) ** (Decimal(k) / ROWS))
        nearest = float(exact)
        lacking = float(exact / Fraction(nearest) - 1)
        print(f"    [0x{bits(lacking):016x}, 0x{(bits(nearest) - (k << 45)) % 2**64:016x}],")
    print("];")


if __name__ == "__main__":
    main()
