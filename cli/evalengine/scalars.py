"""One number, choice or flag that a caller passes: taken from Python, NumPy and every library of arrays alike.

    >>> check_integer("threads", np.int8(2), least=1, most=4)
    2
    >>> check_integer("threads", torch.tensor(2), least=1, most=4)
    2

An array without a shape is the number in it; one with a shape is none, even if it has one element. A truth value is
never a number. `arguments` has what is more than one value. Depends on messages and errors.
"""

from __future__ import annotations

import operator
from collections.abc import Collection
from typing import Any

import numpy as np

from evalengine.errors import InputError
from evalengine.messages import shown


def scalar(value: Any) -> bool | int | float | None:
    """Return a truth value, an integer or a real number as Python's own; None for everything else."""
    if type(value) in (bool, int, float):
        own: bool | int | float = value
        return own
    try:
        if hasattr(value, "dtype") and hasattr(value, "shape"):  # NumPy's scalars, and arrays of any library
            if tuple(value.shape):
                return None
            value = value.item()
        if isinstance(value, bool):
            return value
        return float(value) if isinstance(value, float | np.floating) else int(operator.index(value))
    except Exception:  # an object of any kind may be passed
        return None


def as_integer(value: Any) -> int | None:
    """Return an integer as int; None for everything else."""
    number = scalar(value)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def as_number(value: Any) -> float | None:
    """Return an integer or a real number as float; None for everything else, and for what float64 cannot hold."""
    number = scalar(value)
    try:
        return None if number is None or isinstance(number, bool) else float(number)
    except OverflowError:
        return None


def check_integer(name: str, value: object, *, least: int, most: int) -> int:
    """Return `value` as an int, refusing booleans, other types and what lies outside `least` to `most`."""
    integer = as_integer(value)
    if integer is None or not least <= integer <= most:
        raise InputError(f"{name}: expected an integer from {least} to {most}, got {shown(value)}")
    return integer


def check_probability(name: str, value: object) -> float:
    """Return `value` as a float, refusing what is no number from 0 to 1."""
    number = as_number(value)
    if number is None or not 0.0 <= number <= 1.0:
        raise InputError(f"{name}: expected a probability from 0 to 1, got {shown(value)}")
    return number


def check_flag(name: str, value: object) -> bool:
    """Return `value`, refusing everything but True and False."""
    if not isinstance(value, bool):
        raise InputError(f"{name}: expected True or False, got {shown(value)}")
    return value


def items_of(value: object, kind: type | tuple[type, ...]) -> list[Any] | None:
    """Return the items of a collection of this kind as a list; None where it is none, is a text, or cannot be read."""
    try:
        return list(value) if isinstance(value, kind) and not isinstance(value, str | bytes) else None  # type: ignore[call-overload]
    except Exception:  # a collection of the caller's own; an array without a shape, which is one in name only
        return None


def is_one_of(value: object, choices: Collection[str]) -> bool:
    """Say whether `value` is one of some words; what can be compared with no word is none of them."""
    return isinstance(value, str) and value in choices
