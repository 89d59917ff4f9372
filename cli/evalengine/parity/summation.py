"""In which order a layer's products are added, as trees: what PyTorch's rules say, and what a black box does.

A sum of float32 numbers is described by which partial sums are made on the way, whatever their values: the set of terms
in each of them. Terms are numbered; a partial sum is an integer with one bit for each of its terms, so that two orders
are equal if their sets of integers are. `Order.fused` are the products that enter the sum unrounded, by a fused
multiply-add.

The rules (`linear_order`, `conv_order`, `matrix_order`) were found by probing PyTorch 2.13.0; `recover_order` is that
probe. It sees nothing but inputs and outputs: all terms are 1, except one of 2^70 and one of -2^70. What is added to
either before the two meet is absorbed, so the result tells how many terms lie below the sum in which they meet. Neither
uses our kernels. Depends on NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BIG = 2.0**70
"""Absorbs all terms of 1, and is absorbed by none."""

INEXACT = 1.0 + 2.0**-12
"""Its square, 1 + 2^-11 + 2^-24, is no float32; rounded it is 1 + 2^-11."""

CHANNEL_BLOCK = 8
"""Convolutions take their channels in blocks of this many."""

CHAIN_MIN_OUTPUTS = 12
"""From this many outputs on, a linear layer is a chain for each output; below, a dot product."""

Sums = Callable[[NDArray[np.float32], float, float], NDArray[np.float32]]
"""A black box: (rows of inputs (R, K), the value of all K weights, the bias) -> the R sums."""


@dataclass(frozen=True)
class Order:
    """An order of summation of K products and a bias; term k is product k, term K is the bias.

    Attributes:
        partial_sums: the terms in each partial sum of two or more terms, one bit each.
        fused: the products that are added without being rounded first.
    """

    partial_sums: frozenset[int]
    fused: frozenset[int]


class _Adder:
    """Adds up in an order, and keeps the partial sums; a sum is an integer with one bit for each of its terms."""

    def __init__(self) -> None:
        self.partial_sums: set[int] = set()

    def total(self, parts: Iterable[int]) -> int:
        """Add left to right; 0 is no term at all."""
        total = 0
        for part in parts:
            if total and part:
                self.partial_sums.add(total | part)
            total |= part
        return total

    def lanes(self, first: int, terms: Sequence[int], count: int) -> int:
        """Add to `first` in strided lanes over as many whole steps as there are, fold by halves, then add the rest."""
        whole = len(terms) // count * count
        sums = [self.total([first if lane == 0 else 0, *terms[lane:whole:count]]) for lane in range(count)]
        while len(sums) > 1:
            half = len(sums) // 2
            sums = [self.total([sums[lane], sums[lane + half]]) for lane in range(half)]
        return self.total([*sums, *terms[whole:]])


def linear_order(inputs: int, outputs: int, output: int) -> Order:
    """Return how PyTorch adds up one output of a linear layer with biases."""
    adder = _Adder()
    terms = [1 << k for k in range(inputs)]
    bias = 1 << inputs
    if outputs == 1:
        adder.total([bias, adder.lanes(terms[0], terms[1:], 4)])
        return Order(frozenset(adder.partial_sums), frozenset())
    if outputs < CHAIN_MIN_OUTPUTS:
        # Outputs go in fours; the last ones alone, in more lanes each.
        adder.total([bias, adder.lanes(0, terms, 4 if output < outputs // 4 * 4 else 8)])
        return Order(frozenset(adder.partial_sums), frozenset())
    block = inputs if inputs <= 192 else inputs // 2 if inputs < 384 else 192
    starts = range(0, inputs, block)
    adder.total([bias, *(adder.total(terms[start : start + block]) for start in starts)])
    # The first product of a block is added to nothing, so it is rounded.
    return Order(frozenset(adder.partial_sums), frozenset(range(inputs)) - frozenset(starts))


def conv_order(taps: int) -> Order:
    """Return how PyTorch adds up an output of a convolution with biases, its taps numbered as in `conv_taps`."""
    adder = _Adder()
    adder.total([1 << taps, *(1 << tap for tap in range(taps))])
    return Order(frozenset(adder.partial_sums), frozenset(range(taps)))


def matrix_order(taps: int, chains: int) -> Order:
    """Return how PyTorch adds up an output of a convolution with biases that it computes as a matrix product.

    Args:
        taps: up to 256, numbered as in `conv_taps` with blocks of one channel.
        chains: one, or two that take turns, after which an odd one out comes.
    """
    adder = _Adder()
    terms = [1 << tap for tap in range(taps)]
    whole = taps // chains * chains
    sums = [adder.total(terms[chain:whole:chains]) for chain in range(chains)]
    adder.total([*sums, *terms[whole:], 1 << taps])
    # The first product of a chain is added to nothing, so it is rounded.
    return Order(frozenset(adder.partial_sums), frozenset(range(chains, taps)))


def conv_taps(
    image: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    pixel: tuple[int, int],
    block: int = CHANNEL_BLOCK,
) -> list[int]:
    """Return which inputs make an output pixel of a convolution, in the order in which their products are added.

    Args:
        image: (channels, height, width) of the input.
        kernel: (height, width), as the following.
        stride: between two windows.
        padding: zeros around the image; taps in it are left out of the sum.
        pixel: (row, column) of the output.
        block: how many channels are taken together.

    Returns:
        Positions in the flat image.
    """
    channels, height, width = image
    top, left = (at * step - pad for at, step, pad in zip(pixel, stride, padding, strict=True))
    return [
        (channel * height + row) * width + column
        for first in range(0, channels, block)
        for row in range(top, top + kernel[0])
        for column in range(left, left + kernel[1])
        for channel in range(first, min(first + block, channels))
        if 0 <= row < height and 0 <= column < width
    ]


def recover_order(products: int, sums: Sums) -> Order:
    """Return the order in which a black box adds `products` products and a bias."""
    partial_sums: set[int] = set()
    _recover(list(range(products + 1)), products, sums, partial_sums)
    return Order(frozenset(partial_sums), _recover_fused(partial_sums, products, sums))


def _recover(terms: list[int], products: int, sums: Sums, found: set[int]) -> int:
    """Find the partial sums among `terms`, which are one of them; return it.

    Seen from the first of the terms, the others fall into groups by the size of the sum in which they meet it. Each
    group is a partial sum by itself, added to those before.
    """
    first, others = terms[0], terms[1:]
    total = 1 << first
    if not others:
        return total
    groups: dict[int, list[int]] = {}
    for term, size in zip(others, _meeting_sizes(first, others, products, sums), strict=True):
        groups.setdefault(size, []).append(term)
    for size in sorted(groups):
        total |= _recover(groups[size], products, sums, found)
        found.add(total)
    return total


def _meeting_sizes(first: int, others: list[int], products: int, sums: Sums) -> list[int]:
    """Return, for each other term, how many terms the smallest partial sum with both has; the bias is `products`."""
    inputs = np.ones((len(others), products), np.float32)
    if first < products:
        inputs[:, first] = BIG
    for row, term in enumerate(others):
        if term < products:
            inputs[row, term] = -BIG
    results = sums(inputs, 1.0, BIG if first == products else 1.0)
    if products in others:
        row = others.index(products)
        results[row] = sums(inputs[row : row + 1], 1.0, -BIG)[0]
    # A machine that computes otherwise may return anything; it is only to be told apart.
    return [products + 1 - int(result) if np.isfinite(result) else -1 for result in results]


def _recover_fused(partial_sums: set[int], products: int, sums: Sums) -> frozenset[int]:
    """Find the products that meet the rest of their sum unrounded.

    Of the terms, one product is the square of INEXACT and one term that it meets is -INEXACT; all others are zero. The
    last bit of the square is in the result if it was not rounded.
    """
    partners = _partners(partial_sums, products)
    inputs = np.zeros((products, products), np.float32)
    inputs[np.arange(products), np.arange(products)] = INEXACT
    meets_bias = np.array([partner == products for partner in partners])
    for product in np.flatnonzero(~meets_bias):
        inputs[product, partners[product]] = -1.0
    results = sums(inputs, INEXACT, 0.0)
    if meets_bias.any():
        results[meets_bias] = sums(inputs[meets_bias], INEXACT, -INEXACT)
    return frozenset(int(product) for product in np.flatnonzero(results == INEXACT * INEXACT - INEXACT))


def _partners(partial_sums: set[int], products: int) -> list[int]:
    """Return, for each product, a term of what it is added to."""
    partners: list[int] = [products] * products
    waiting = (1 << products) - 1
    for partial_sum in sorted(partial_sums, key=int.bit_count):
        arrived = partial_sum & waiting
        while arrived:
            bit = arrived & -arrived
            # Its sum is the smallest that it is in; the partner is any other term of that.
            rest = partial_sum ^ bit
            partners[bit.bit_length() - 1] = (rest & -rest).bit_length() - 1
            arrived ^= bit
        waiting &= ~partial_sum
    return partners
