"""The parts of a policy's chain of layers, as a spec has them, and each part's own letters.

    cnn:3x32x32-16k3p1-mp2-skip-16k3p1-act-16k3p1-add-act-gap-64-ln-act-4
                ------ --- ---- ------ --- ------ --- --- --- -- -- ---

What the parts mean together is for `spelling` and `steps` to say. Depends on cells and messages.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import numpy as np

from evalengine.messages import shown
from evalengine.policies.cells import LINEAR, split_size

Pair = tuple[int, int]

# Nine digits: far beyond any network, and every product of three sizes stays cheap to print.
_PAIR = r"(\d{1,9})(?:x(\d{1,9}))?"
_SIZE = re.compile(r"[1-9]\d{0,8}")
_CONVOLUTION = re.compile(rf"(\d{{1,9}})k{_PAIR}(?:s{_PAIR})?(?:p{_PAIR})?(?:d{_PAIR})?(?:g(\d{{1,9}}))?")
_POOL = re.compile(rf"([ma]p){_PAIR}(?:s{_PAIR})?(?:p{_PAIR})?(n?)")
_NORM = re.compile(r"ln(w?|0?)(?::(\d{1,9}(?:\.\d{1,40})?|\.\d{1,40}))?")


class Convolution(NamedTuple):
    """One convolution of a cnn; pairs are (height, width)."""

    out_channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def __str__(self) -> str:
        """Return the token: what has its default is left out, equal pairs are one number."""
        stride = "" if self.stride == (1, 1) else f"s{_pair_token(self.stride)}"
        padding = "" if self.padding == (0, 0) else f"p{_pair_token(self.padding)}"
        dilation = "" if self.dilation == (1, 1) else f"d{_pair_token(self.dilation)}"
        groups = "" if self.groups == 1 else f"g{self.groups}"
        return f"{self.out_channels}k{_pair_token(self.kernel)}{stride}{padding}{dilation}{groups}"


class Pool(NamedTuple):
    """A pool: the largest value of each window ("mp") or the mean ("ap"); pairs are (height, width)."""

    kind: str
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    counts_padding: bool = True

    def __str__(self) -> str:
        """Return the token: the stride is left out where it is the kernel, as in PyTorch."""
        stride = "" if self.stride == self.kernel else f"s{_pair_token(self.stride)}"
        padding = "" if self.padding == (0, 0) else f"p{_pair_token(self.padding)}"
        return f"{self.kind}{_pair_token(self.kernel)}{stride}{padding}{'' if self.counts_padding else 'n'}"


class Norm(NamedTuple):
    """A layer normalisation over all values."""

    eps: float = 1e-5
    has_weight: bool = True
    has_bias: bool = True

    def __str__(self) -> str:
        """Return the token."""
        parameters = "" if self.has_bias else "w" if self.has_weight else "0"
        eps = "" if self.eps == 1e-5 else f":{np.format_float_positional(self.eps, trim='-')}"
        return f"ln{parameters}{eps}"


class Recurrent(NamedTuple):
    """A recurrent cell."""

    cell: str
    hidden: int

    def __str__(self) -> str:
        """Return the token."""
        return f"{self.cell}{self.hidden}"


class Mark(NamedTuple):
    """A part without sizes, by its word."""

    word: str

    def __str__(self) -> str:
        """Return the token."""
        return self.word


ACT: Final = Mark("act")
"""Where the activation of the layer before stands, if not right behind it."""

FLATTEN: Final = Mark("flat")
"""Where an image becomes a vector, if not right before the first fully connected layer."""

MEAN: Final = Mark("gap")
"""The mean of each channel: an image of one pixel."""

SKIP: Final = Mark("skip")
"""From here on a copy is kept ..."""

ADD: Final = Mark("add")
"""... that is added here."""

_MARKS = {str(mark): mark for mark in (ACT, FLATTEN, MEAN, SKIP, ADD)}

Token = Convolution | Pool | Norm | Recurrent | Mark | int
"""A part of a chain; a number is a fully connected layer with so many outputs."""


def parse_token(token: str) -> Token:
    """Return the part that a token spells.

    Raises:
        ValueError: it spells none; the message says what is wrong with it.
    """
    if token in _MARKS:
        return _MARKS[token]
    cell, size = split_size(token)
    if cell != LINEAR:
        if _SIZE.fullmatch(size) is None:
            raise ValueError(f"{shown(token)} is not a layer size")
        return Recurrent(cell, int(size))
    if token.startswith(("mp", "ap")):
        return _pool(token)
    if token.startswith("ln"):
        return _norm(token)
    if "k" in token:
        return _convolution(token)
    if _SIZE.fullmatch(token) is None:
        raise ValueError(f"{shown(token)} is not a layer size")
    return int(token)


def is_of_images(token: Token) -> bool:
    """Say whether a part takes an image."""
    return isinstance(token, Convolution | Pool) or token in (MEAN, FLATTEN)


def has_activation(token: Token) -> bool:
    """Say whether an activation belongs to a part, and biases."""
    return isinstance(token, Convolution) or is_unit(token)


def is_unit(token: Token) -> bool:
    """Say whether a part is a fully connected layer or a recurrent cell."""
    return isinstance(token, Recurrent | int)


def _convolution(token: str) -> Convolution:
    match = _CONVOLUTION.fullmatch(token)
    if match is None:
        raise ValueError(f"{shown(token)} is not a convolution like 16k3s2p1")
    channels, *pairs, groups = match.groups()
    kernel, stride, padding, dilation = _pairs(pairs, (None, "1", "0", "1"))
    convolution = Convolution(int(channels), kernel, stride, padding, dilation, int(groups or "1"))
    if 0 in (convolution.out_channels, *kernel, *stride):
        raise ValueError(f"{shown(token)}: channels, kernel and stride start at 1")
    if 0 in (*dilation, convolution.groups):
        raise ValueError(f"{shown(token)}: dilation and groups start at 1")
    return convolution


def _pool(token: str) -> Pool:
    match = _POOL.fullmatch(token)
    if match is None:
        raise ValueError(f"{shown(token)} is not a pool like mp2 or ap3s2p1")
    kind, *pairs, no_padding = match.groups()
    if kind == "mp" and no_padding:
        raise ValueError(f"{shown(token)}: n, a mean without padding, is for ap")
    kernel, stride, padding = _pairs(pairs, (None, None, "0"))
    pool = Pool(kind, kernel, stride, padding, counts_padding=not no_padding or padding == (0, 0))
    if 0 in (*kernel, *stride):
        raise ValueError(f"{shown(token)}: kernel and stride start at 1")
    if any(2 * pad > size for pad, size in zip(padding, kernel, strict=True)):
        raise ValueError(f"{shown(token)}: expected a padding of at most half of the kernel")
    return pool


def _norm(token: str) -> Norm:
    match = _NORM.fullmatch(token)
    if match is None:
        raise ValueError(f"{shown(token)} is not a normalisation like ln or ln:0.001")
    parameters, eps = match.groups()
    return Norm(1e-5 if eps is None else float(eps), parameters != "0", parameters == "")


def _pairs(numbers: list[Any], defaults: tuple[str | None, ...]) -> list[Pair]:
    """Pairs from (height, width or None) each; what is missing is its default, or the pair before."""
    found: list[Pair] = []
    for first, second, default in zip(numbers[::2], numbers[1::2], defaults, strict=True):
        if first is None and default is None:
            found.append(found[-1])
        else:
            high = int(first or default or 0)
            found.append((high, int(second or high)))
    return found


def _pair_token(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"
