"""Fit the polynomial of `src/tanh.rs`: run it, and paste what it prints.

    python fit_tanh.py            (needs mpmath; a few seconds)

After the reduction |x| = n ln(2) / 2 + r with |r| <= ln(2) / 4, the code needs

    expm1(2 r) / 2 = r + r^2 (1 + r v(r)),

and v is fitted here: the polynomial of least weighted maximum error, found by the exchange algorithm on a grid. The
weight turns an error of v into the relative error of tanh at the worst n. The coefficients are rounded to float32 one
by one, from the lowest degree up, and the rest is fitted anew after each rounding, so that the later ones make up for
what rounding the earlier ones cost.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from mpmath import expm1, log, lu_solve, matrix, mp, mpf

DEGREE = 4
GRID = 2001
HALF_WIDTH = 0.17330  # ln(2) / 4 = 0.17329, and room for the rounding of n
LARGEST_N = 26

mp.prec = 160


def target(r: mpf) -> mpf:
    """v(r): what is left of expm1(2 r) / 2 after r + r^2, divided by r^3."""
    return (expm1(2 * r) / 2 - r - r**2) / r**3


def weight(r: mpf) -> mpf:
    """The relative error of tanh = t / (t + 2) per unit error of v at the worst n, where t = expm1(2 |x|)."""
    worst = mpf(0)
    for n in range(0 if r > 0 else 1, LARGEST_N + 1):
        t = mpf(2) ** n * mp.exp(2 * r) - 1
        change = mpf(2) ** (n + 1) * abs(r) ** 3
        worst = max(worst, 2 * change / (t * (t + 2)))
    return worst


def to_float32(value: mpf) -> float:
    """The nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", float(value)))[0])


def evaluate(coefficients: Sequence[mpf | float], r: mpf) -> mpf:
    """The polynomial with these coefficients, lowest degree first."""
    return sum((mpf(c) * r**k for k, c in enumerate(coefficients)), mpf(0))


def fit(grid: Sequence[mpf], values: Sequence[mpf], weights: Sequence[mpf], fixed: Sequence[float]) -> list[mpf]:
    """The free coefficients of least weighted maximum error over the grid, the lowest len(fixed) being given."""
    start = len(fixed)
    free = DEGREE + 1 - start
    rest = [value - evaluate(fixed, r) for r, value in zip(grid, values, strict=True)]
    last = len(grid) - 1
    nodes = [round(last * (1 - math.cos(math.pi * (2 * k + 1) / (2 * free + 2))) / 2) for k in range(free + 1)]
    coefficients: list[mpf] = []
    for _ in range(60):
        system = matrix(free + 1, free + 1)
        right = matrix(free + 1, 1)
        for row, node in enumerate(nodes):
            for column in range(free):
                system[row, column] = grid[node] ** (start + column)
            system[row, free] = (-1) ** row / weights[node]
            right[row] = rest[node]
        solution = lu_solve(system, right)
        coefficients = [solution[k] for k in range(free)]
        errors = [
            w * (value - r**start * evaluate(coefficients, r)) for r, value, w in zip(grid, rest, weights, strict=True)
        ]
        moved = alternating_extrema(errors, free + 1)
        if moved == nodes or len(moved) <= free:
            break
        nodes = moved
    return coefficients


def alternating_extrema(errors: Sequence[mpf], count: int) -> list[int]:
    """The indices of `count` neighbouring extrema of alternating sign, the largest ones."""
    extrema: list[int] = []
    for index, error in enumerate(errors):
        if extrema and (error > 0) == (errors[extrema[-1]] > 0):
            if abs(error) > abs(errors[extrema[-1]]):
                extrema[-1] = index
        elif error != 0:
            extrema.append(index)
    while len(extrema) > count:
        extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
    return extrema


def main() -> None:
    """Print the coefficients as Rust, lowest degree first, and the error that they leave."""
    # Shifted a little, so that no point falls on r = 0, where target is 0 / 0 and the weight vanishes.
    step = 2 * mpf(HALF_WIDTH) / (GRID - 1)
    grid = [k * step - mpf(HALF_WIDTH) + step / 7 for k in range(GRID)]
    values = [target(r) for r in grid]
    weights = [weight(r) for r in grid]
    fixed: list[float] = []
    while len(fixed) <= DEGREE:
        fixed.append(to_float32(fit(grid, values, weights, fixed)[0]))
    worst = max(w * abs(value - evaluate(fixed, r)) for r, value, w in zip(grid, values, weights, strict=True))
    for degree, coefficient in enumerate(fixed):
        bits = struct.unpack("<I", struct.pack("<f", coefficient))[0]
        print(f"    f32::from_bits(0x{bits >> 16:04x}_{bits & 0xFFFF:04x}), // {coefficient:.9f} r^{degree}")
    print(f"// The polynomial alone makes a relative error of at most 2^{float(log(worst, 2)):.1f} in tanh.")


if __name__ == "__main__":
    main()
