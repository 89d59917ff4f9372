"""What is said, once and on one line, of weights that are not taken exactly as they are given.

    float64 that float32 does not hold, tensors that are left out ──► WeightsWarning, at the caller's own line

Depends on errors and messages.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import plain_array
from evalengine.errors import WeightsWarning
from evalengine.messages import named, printable

_PACKAGE = str(Path(__file__).resolve().parents[1])
# Compared in pieces, so that no second population is ever made.
_PIECE = 1 << 20


def notice(text: str) -> None:
    """Warn with one line, which names the first line of code outside of this package."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(printable(text), WeightsWarning, stacklevel=level)


def notice_rounding(name: str, pairs: Iterable[tuple[Any, NDArray[np.float32]]]) -> None:
    """Say how many numbers are not what they were, where a type that is wider than float32 was cast.

    Args:
        name: what the numbers are, for the line.
        pairs: arrays or tensors as they were given, and as they are taken, in the same shape.
    """
    changed, total, dtype = 0, 0, ""
    for given, taken in pairs:
        array = plain_array(name, given)
        if array.dtype.kind != "f" or array.dtype.itemsize <= taken.dtype.itemsize:
            continue
        total, dtype = total + array.size, str(array.dtype)
        flat, own = array.reshape(-1), taken.reshape(-1)
        for start in range(0, flat.size, _PIECE):
            before, after = flat[start : start + _PIECE], own[start : start + _PIECE]
            # A NaN is still one.
            changed += int(((before != after) & ~np.isnan(before)).sum())
    if changed:
        notice(f"{name}: expected float32, got {named(dtype)}: {changed} of {total} numbers are rounded to float32")
