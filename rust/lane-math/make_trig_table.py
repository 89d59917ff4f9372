"""Print `src/libm_lanes/table.rs`: sin and cos of k / 128 in two float64 words each.

    python make_trig_table.py > src/libm_lanes/table.rs            (needs mpmath)

The high word is the float64 nearest to the value, the low word the float64 nearest to what is left. The table inside
glibc departs from that rule in 18 low words, by a unit or two in the last place (one by 39). They are repeated here,
because results are to be equal to glibc's, not better.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from mpmath import cos, mp, mpf, sin, workprec

ROWS = 110

# Row: (units away from zero to add to the low word of the sine, and of the cosine).
DEPARTURES = {
    2: (1, 0),
    10: (1, 0),
    23: (39, 0),
    26: (0, 1),
    27: (1, 0),
    33: (1, 0),
    34: (1, 0),
    36: (1, 0),
    40: (-2, 0),
    44: (0, 1),
    70: (0, 1),
    75: (1, -2),
    79: (0, 1),
    85: (1, 0),
    90: (-2, 0),
    94: (1, 0),
    107: (1, 0),
}

HEADER = """\
//! sin(k / 128) and cos(k / 128) for k = 0..110, each as the sum of two float64: printed by make_trig_table.py.

/// Bits of sin high, sin low, cos high, cos low.
#[rustfmt::skip]
pub(super) const ROWS: [[u64; 4]; 110] = ["""

mp.prec = 300


def nearest_float64(value: mpf) -> float:
    """The float64 nearest to a value (none here is subnormal)."""
    with workprec(53):
        return float(+value)


def bits(value: float) -> int:
    """The IEEE bits of a float64."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def words(function: Callable[[mpf], mpf], k: int, departure: int) -> tuple[int, int]:
    """The bits of both words of function(k / 128)."""
    exact = function(mpf(k) / 128)
    high = nearest_float64(exact)
    # Adding to the bits moves away from zero, whatever the sign.
    return bits(high), bits(nearest_float64(exact - mpf(high))) + departure


def main() -> None:
    """Print the file."""
    print(HEADER)
    for k in range(ROWS):
        sine, cosine = DEPARTURES.get(k, (0, 0))
        row = [*words(sin, k, sine), *words(cos, k, cosine)]
        print("    [" + ", ".join(f"0x{word:016x}" for word in row) + "],")
    print("];")


if __name__ == "__main__":
    main()
