"""Does the engine's float64 arithmetic agree with the platform's libm here, and does that of NumPy and Python?

Environments take sin, cos and pow(x, 2) from the platform's libm, because Gymnasium's do, through NumPy; graphs take
exp and tanh from it, because neat-python's do, through Python's `math`. The engine computes them in SIMD lanes where a
check at its first use found the same bits, and calls libm elsewhere. This section says which it is, and compares the
engine, NumPy and Python with libm. Depends on the extension and NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity.report import Claim, Section
from evalengine.references.versions import standing

_ARGUMENTS = 20_000
_RANGES = (0.25, 2.5, 25.0, 250.0)

Floats = NDArray[np.float64]


def _scalar_squares(arguments: Floats) -> Floats:
    """`x ** 2` of NumPy scalars, which is libm's pow; of arrays it would be x * x."""
    return np.array([value**2 for value in arguments])


def _of_each(function: Callable[[float], float]) -> Callable[[Floats], Floats]:
    """A function of Python's, of every argument; infinite where Python says that it is out of range."""

    def value(argument: float) -> float:
        try:
            return function(argument)
        except OverflowError:
            return math.inf

    return lambda arguments: np.array([value(argument) for argument in arguments.tolist()])


NUMPY: dict[str, Callable[[Floats], Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "pow_two": _scalar_squares,
    "exp": _of_each(math.exp),
    "tanh": _of_each(math.tanh),
}
"""What the environments and neat-python call, by the engine's name of the function."""


def section(seed: int) -> Section:
    """Compare the engine, and NumPy or Python, with the platform's libm on random arguments and on edges."""
    arguments = _arguments(seed)
    in_lanes = _engine.libm_in_lanes()
    mismatches, notes = 0, []
    for name, numpy_function in NUMPY.items():
        platform = _engine.libm(name, arguments, False)
        for who, values in (
            ("the engine", _engine.libm(name, arguments, True)),
            ("Python" if name in ("exp", "tanh") else "NumPy", np.asarray(numpy_function(arguments))),
        ):
            differing = np.flatnonzero(platform.view(np.uint64) != values.view(np.uint64))
            mismatches += len(differing)
            notes += [_difference(name, who, arguments, values, platform, int(index)) for index in differing[:1]]
        how = "in lanes, checked against libm" if name in in_lanes else "by calls of the platform's libm"
        notes.append(f"{name}: {how}")
    return Section(
        name="libm: the engine and NumPy",
        claim=Claim.EXACT,
        steps=2 * len(NUMPY) * len(arguments),
        mismatches=mismatches,
        notes=tuple(notes),
        unproven=standing("numpy").unproven,
    )


def _arguments(seed: int) -> Floats:
    """Angles of all ranges that implementations tell apart, and their edges."""
    rng = np.random.default_rng(seed)
    scales = np.resize(_RANGES, _ARGUMENTS)
    quarters = np.arange(-8, 9) * (np.pi / 2)
    edges = np.concatenate([quarters, np.nextafter(quarters, 9.0), [0.0, -0.0, 1e-300, 1e5]])
    return np.concatenate([rng.uniform(-1.0, 1.0, _ARGUMENTS) * scales, edges])


def _difference(name: str, who: str, arguments: Floats, values: Floats, platform: Floats, index: int) -> str:
    argument, value, expected = (float(numbers[index]) for numbers in (arguments, values, platform))
    return f"{name}({argument.hex()}): {who} has {value.hex()}, libm {expected.hex()}"
