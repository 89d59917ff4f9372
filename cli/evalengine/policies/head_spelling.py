"""The grammar of heads and of noise: what stands behind `head=` and `noise=` in a policy's spelling.

    head=tanh           of Box actions: tanh (the default), clip, raw or sigmoid of every output
    head=tanh/sigmoid   or one of these for each output
    head=sample         of discrete actions: argmax (what there is without a head) or sample
    head=threshold:0.5  of two discrete actions, for one output; threshold alone is threshold:0
    noise=0.1           of Box actions: the standard deviation of every output; 0.1/0.2 has one for each
    noise=log_std       their logarithms are parameters

`heads` says what each of them does. Depends on scalars, messages and errors.
"""

from __future__ import annotations

import math
import re

from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.scalars import as_number, items_of

BOX_HEADS = ("tanh", "clip", "raw", "sigmoid")
DISCRETE_HEADS = ("argmax", "sample", "threshold")
DEFAULT_HEAD = "tanh"
"""Where actions are discrete it is argmax."""

HEADS = "tanh, clip, raw or sigmoid, for all outputs of a Box or each, or argmax, sample or threshold:0.5"
NOISES = "standard deviations from 0, one for all outputs or one for each, or log_std"
"""What there is, for messages."""

LOG_STD = "log_std"
"""The noise whose logarithms are parameters, and what these are called in a module."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?")
_LARGEST = 3.4028234663852886e38


def canonical_head(text: str, outputs: int) -> str:
    """Return the one spelling of a head for so many outputs: "tanh/tanh" is "tanh".

    Raises:
        ValueError: it is none; the message says why.
    """
    heads = text.split("/")
    for head in heads:
        name, colon, number = head.partition(":")
        if name not in (*BOX_HEADS, *DISCRETE_HEADS) or (colon and name != "threshold"):
            raise ValueError(f"{shown('head=' + text)} is not an option")
        if name in DISCRETE_HEADS and len(heads) > 1:
            raise ValueError(f"{shown('head=' + text)}: {name} is the head of all outputs together")
        if colon:
            heads = [_threshold(text, number)]
    if len(heads) not in (1, outputs):
        raise ValueError(f"{shown('head=' + text)}: {_one_for_each(outputs, 'head')}")
    return heads[0] if len(set(heads)) == 1 else "/".join(heads)


def canonical_noise(text: str, outputs: int) -> str:
    """Return the one spelling of noise for so many outputs, "" where there is none: "0.10/0.1" is "0.1".

    Raises:
        ValueError: it is none; the message says why.
    """
    if text == LOG_STD:
        return text
    numbers = [_number(part) for part in text.split("/")]
    if not all(number is not None and number >= 0 and str(number)[0] != "-" for number in numbers):
        raise ValueError(f"{shown('noise=' + text)} is not an option")
    if len(numbers) not in (1, outputs):
        raise ValueError(f"{shown('noise=' + text)}: {_one_for_each(outputs, 'deviation')}")
    parts = [f"{number!r}".removesuffix(".0") for number in numbers]
    return ("" if parts[0] == "0" else parts[0]) if len(set(parts)) == 1 else "/".join(parts)


def given_head(value: object, outputs: int) -> str:
    """Return the canonical spec of a head, or of one for each output, that a caller passes.

    Raises:
        InputError: it is none.
    """
    heads = items_of(value, (tuple, list)) or [value]
    if not all(isinstance(head, str) for head in heads):
        raise InputError(f"head: expected a name such as 'clip', or one for each output, got {shown(value)}")
    try:
        return canonical_head("/".join(head.strip().lower() for head in heads), outputs)
    except ValueError as error:
        raise InputError(f"head: {error}; expected {HEADS}") from None


def given_noise(value: object, outputs: int) -> str:
    """Return the canonical spec of noise that a caller passes, as a spec or as one number or several.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, str):
        text = value.strip().lower()
    else:
        numbers = [as_number(number) for number in items_of(value, (tuple, list)) or [value]]
        if None in numbers:
            raise InputError(f"noise: expected standard deviations, or {LOG_STD!r}, got {shown(value)}")
        text = "/".join(repr(number) for number in numbers)
    try:
        return canonical_noise(text, outputs)
    except ValueError as error:
        raise InputError(f"noise: {error}; expected {NOISES}") from None


def threshold_of(head: str) -> float | None:
    """Return the number that a canonical head compares its output with; None for heads that do not."""
    name, _, number = head.partition(":")
    return float(number or 0) if name == "threshold" else None


def _threshold(text: str, number: str) -> str:
    value = _number(number)
    if value is None:
        raise ValueError(f"{shown('head=' + text)}: expected a number such as threshold:0.5")
    spelled = f"{value!r}".removesuffix(".0")
    return "threshold" if value == 0 else f"threshold:{spelled}"


def _number(text: str) -> float | None:
    """Return a number that float32 holds, or rounds; None for anything else."""
    value = float(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else math.nan
    return value if abs(value) <= _LARGEST else None


def _one_for_each(outputs: int, what: str) -> str:
    several = f", or {outputs}, one for each output" if outputs > 1 else ""
    return f"expected one {what}{several}"
