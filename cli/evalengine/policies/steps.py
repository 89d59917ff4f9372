"""What a policy does, step by step: each part of its chain, its shapes, its name in the equivalent nn.Sequential.

    >>> [(step.name, step.output_shape) for step in steps_of(parse("mlp:4-64-2"))]
    [('0', (64,)), ('1', (64,)), ('2', (2,))]

A convolution, a fully connected layer, an activation, Flatten, a pool and a normalisation are a module each; what
stands between skip and add is a module with modules of its own. Depends on spelling, tokens and activations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from evalengine.errors import InputError
from evalengine.policies.activations import IDENTITY
from evalengine.policies.spelling import Spelling
from evalengine.policies.tokens import (
    ACT,
    ADD,
    FLATTEN,
    MEAN,
    SKIP,
    Convolution,
    Norm,
    Pool,
    Recurrent,
    Token,
    has_activation,
    is_unit,
)


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        token: the part of the chain; an activation is its spec.
        name: of its module in the equivalent nn.Sequential, "0" or "4.2"; that of the block for skip and add.
        input_shape: (n,) or (channels, height, width).
        output_shape: likewise.
        has_bias: whether biases are added.
    """

    token: Token | str
    name: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    has_bias: bool = False


def steps_of(spelling: Spelling) -> tuple[Step, ...]:
    """Return the steps of a policy, first to last.

    Raises:
        InputError: a part does not fit what it is given; the message names it.
    """
    names = _Names()
    biases = iter(spelling.biases)
    shape = spelling.input_shape
    kept: list[tuple[int, ...]] = []
    found: list[Step] = []
    for number, token in enumerate(_with_activations(spelling), start=1):
        if token == ADD:
            _check_kept(spelling, kept, shape)
            found.append(Step(token, names.leave(), shape, shape))
            continue
        if token == SKIP:
            kept.append(shape)
            found.append(Step(token, names.enter(), shape, shape))
            continue
        if isinstance(token, Recurrent) and kept:
            raise InputError(f"policy {spelling}: expected no recurrent cell between skip and add, got {token}")
        output = _output_shape(spelling, number, token, shape)
        has_bias = token.has_bias if isinstance(token, Norm) else not isinstance(token, str) and has_activation(token)
        if has_bias and not isinstance(token, Norm):
            has_bias = next(biases)
        found.append(Step(token, names.next(), shape, output, has_bias))
        shape = output
    if kept:
        raise InputError(f"policy {spelling}: expected an add for each skip, got {len(kept)} more of these")
    return tuple(found)


def _with_activations(spelling: Spelling) -> Iterator[Token | str]:
    """Yield the parts, activations where they stand, and Flatten."""
    chain = spelling.chain
    activations = iter(spelling.activations)
    last = len(chain) - 1
    flattened = spelling.arch == "mlp"
    for place, token in enumerate(chain):
        if is_unit(token) and not flattened:
            yield FLATTEN
        flattened = flattened or token == FLATTEN or is_unit(token)
        if token == ACT:
            yield next(activations)
            continue
        yield token
        if has_activation(token) and place < last and not _act_follows(chain[place + 1 :]):
            yield next(activations)
    if spelling.output_activation != IDENTITY:
        yield spelling.output_activation


def _act_follows(tokens: tuple[Token, ...]) -> bool:
    """Say whether the activation of the layer before has a place of its own among these."""
    return next((token for token in tokens if token == ACT or has_activation(token)), None) == ACT


class _Names:
    """Numbers of modules, in a block behind that of the block."""

    def __init__(self) -> None:
        self._path: list[int] = [0]

    def next(self) -> str:
        name = ".".join(map(str, self._path))
        self._path[-1] += 1
        return name

    def enter(self) -> str:
        name = ".".join(map(str, self._path))
        self._path.append(0)
        return name

    def leave(self) -> str:
        self._path.pop()
        return self.next()


def _check_kept(spelling: Spelling, kept: list[tuple[int, ...]], shape: tuple[int, ...]) -> None:
    if not kept:
        raise InputError(f"policy {spelling}: expected a skip before each add, got none")
    before = kept.pop()
    if before != shape:
        sizes = ["x".join(map(str, each)) for each in (before, shape)]
        raise InputError(f"policy {spelling}: expected add to be given {sizes[0]}, as skip was, got {sizes[1]}")


def _output_shape(spelling: Spelling, number: int, token: Token | str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(token, int):
        return (token,)
    if isinstance(token, Recurrent):
        return (token.hidden,)
    if token == FLATTEN:
        return (math.prod(shape),)
    if token == MEAN:
        return (shape[0], 1, 1)
    if not isinstance(token, Convolution | Pool):
        return shape
    channels = shape[0]
    what = f"policy {spelling}: {'convolution' if isinstance(token, Convolution) else 'pool'}"
    what += f" {_place(spelling, number)} ({token})"
    dilation = (1, 1)
    if isinstance(token, Convolution):
        if any(count % token.groups for count in (shape[0], token.out_channels)):
            counts = f"{shape[0]} and {token.out_channels}"
            raise InputError(f"{what}: expected groups that divide {counts} channels, in and out, got {token.groups}")
        channels, dilation = token.out_channels, token.dilation
    padded = tuple(size + 2 * pad for size, pad in zip(shape[1:], token.padding, strict=True))
    extent = tuple((size - 1) * step + 1 for size, step in zip(token.kernel, dilation, strict=True))
    if any(size > limit for size, limit in zip(extent, padded, strict=True)):
        raise InputError(
            f"{what}: expected a kernel of at most {padded[0]}x{padded[1]}, its padded input, got "
            f"{extent[0]}x{extent[1]}"
        )
    image = ((size - k) // s + 1 for size, k, s in zip(padded, extent, token.stride, strict=True))
    return (channels, *image)


def _place(spelling: Spelling, number: int) -> int:
    """Return how many parts of its kind there are up to this one, itself included."""
    tokens = list(_with_activations(spelling))[:number]
    return sum(type(token) is type(tokens[-1]) for token in tokens)
