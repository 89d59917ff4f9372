"""Activations by themselves against PyTorch's: all float32 there are, or those where a wrong bit would show first.

    bit patterns ──┬──► _engine.activation, on every instruction set ──► Section
                   └──► PyTorch ─────────────────────────────────────────────┘

`SWEPT` lists the activations. To sweep another one, name it there as layers do (`_engine.Layer`). Depends on the
extension and TorchPolicy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity.report import Claim, Section
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.references.divergence import Divergence, differing_bits
from evalengine.references.versions import standing

ALL_ARGUMENTS = 2**32
"""Bit patterns of float32."""

BLOCK = 2**22
"""Arguments that are compared at once."""

SAMPLE = 2**24
"""Random arguments of `chosen_arguments`."""

NEIGHBOURS = 64
"""Arguments on either side of a joint."""

SLOWLY = 64
"""A slow instruction set computes the first of so many parts of each block."""


@dataclass(frozen=True)
class Activation:
    """An activation, and where a mistake in it would show.

    Attributes:
        name: as layers have it.
        parameters: likewise.
        joints: magnitudes at which one piece of the function gives way to another.
        largest: the magnitude from which on nothing changes any more.
        whole: ranges of magnitudes that are compared whole, (first, last).
        slow: instruction sets on which all arguments would take days, because they emulate fused multiply-adds.
    """

    name: str
    parameters: tuple[float, ...] = ()
    joints: tuple[float, ...] = ()
    largest: float = 128.0
    whole: tuple[tuple[float, float], ...] = ()
    slow: tuple[str, ...] = ("portable",)

    def __str__(self) -> str:
        """Return the name with its parameters: "leaky_relu(0.01)"."""
        return self.name + (f"({', '.join(map(str, self.parameters))})" if self.parameters else "")


LAYERS: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("relu", ()),
    ("leaky_relu", (0.01,)),
    ("leaky_relu", (-0.3,)),
    ("relu6", ()),
    ("elu", (1.0,)),
    ("elu", (0.1,)),
    ("selu", ()),
    ("celu", (1.0,)),
    ("celu", (3.0,)),
    ("gelu", ()),
    ("gelu_tanh", ()),
    ("silu", ()),
    ("mish", ()),
    ("softplus", (1.0, 20.0)),
    ("softplus", (3.3, 5.0)),
    ("softsign", ()),
    ("hardtanh", (-1.0, 1.0)),
    ("hardtanh", (-0.1, 2.5)),
    ("hardsigmoid", ()),
    ("hardswish", ()),
    ("sigmoid", ()),
    ("logsigmoid", ()),
)
"""What is swept beside tanh and sin: names and parameters as layers have them, others than PyTorch's defaults too."""

SWEPT = (
    Activation(
        "tanh",
        # The table's intervals: up to 1/8, then quarters of binades up to 8.
        joints=tuple(2.0**exponent * (1 + quarter / 4) for exponent in range(-3, 3) for quarter in range(4)),
        largest=9.1,
        whole=((8.0, 9.1),),
        slow=(),
    ),
    # Beyond the joint it is another function, up to the end of the format.
    Activation("sin", joints=(10_000.0,), largest=float(np.finfo(np.float32).max), slow=()),
    *(Activation(*layer) for layer in LAYERS),
)


def swept(name: str) -> Activation:
    """Return the activation of `SWEPT` that is written so."""
    (found,) = (activation for activation in SWEPT if str(activation) == name)
    return found


def all_arguments(first: int, count: int) -> Iterator[NDArray[np.float32]]:
    """Yield the float32 numbers with the bit patterns from `first` on, in blocks."""
    for start in range(first, first + count, BLOCK):
        yield np.arange(start, min(start + BLOCK, first + count), dtype=np.uint32).view(np.float32)


def chosen_arguments(activation: Activation, seed: int, sample: int = SAMPLE) -> NDArray[np.float32]:
    """Return joints with their neighbours, whole ranges and edges with both signs, then random arguments.

    Args:
        activation: see its attributes.
        seed: of the random ones.
        sample: how many of those, uniform in their bit patterns from 2^-14 to `largest`, but a 64th subnormal.
    """
    around = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    joints = np.array([0.0, *activation.joints, activation.largest], np.float32).view(np.int32)[:, np.newaxis]
    edges = [0, 1, 0x007FFFFF, 0x00800000, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF]
    ranges = [np.arange(_bits(first), _bits(last) + 1) for first, last in activation.whole]
    chosen = np.concatenate([np.maximum(joints + around, 0).ravel(), edges, *ranges]).astype(np.uint32)
    rng = np.random.default_rng(seed)
    random = rng.integers(_bits(2.0**-14), _bits(activation.largest), sample, np.uint32, endpoint=True)
    random[::64] %= np.uint32(0x00800000)
    random |= rng.integers(0, 2, sample, np.uint32) << np.uint32(31)
    return np.concatenate([chosen, chosen | np.uint32(1 << 31), random]).view(np.float32)


def sweep_section(
    activation: Activation,
    arguments: Iterator[NDArray[np.float32]],
    torch_policy: TorchPolicy,
    *,
    name: str,
    unproven: str,
    slow: Sequence[str] = (),
) -> Section:
    """Compare every instruction set of this processor with PyTorch; NaN equals NaN, whatever its bits.

    Args:
        activation: the function.
        arguments: blocks of them, (N,) each.
        torch_policy: a running one.
        name: the section's.
        unproven: why equal bits cannot be claimed here, or "".
        slow: instruction sets that compute a part of each block only.
    """
    count, mismatches, first = 0, 0, None
    sets = _engine.instruction_sets()
    for block in arguments:
        theirs = torch_policy.activation((activation.name, *activation.parameters), block)
        wrong = np.zeros(len(block), np.bool_)
        for isa in sets:
            part = slice(max(1, len(block) // SLOWLY) if isa in slow else None)
            ours = _engine.activation(activation.name, activation.parameters, block[part], isa)
            differing = differing_bits(ours, theirs[part], any_nan=True)
            wrong[part] |= differing
            if first is None and differing.any():
                at = int(differing.argmax())
                case = f"of {block[at]!r}, on {isa}"
                versions = standing("torch").versions
                first = Divergence.between(str(activation), ours[at], theirs[at], case=case, versions=versions)
        count += len(block)
        mismatches += int(np.count_nonzero(wrong))
    parts = [f"{isa} (every {SLOWLY}th part)" if isa in slow else isa for isa in sets]
    return Section(
        name=name,
        claim=Claim.EXACT,
        steps=count,
        mismatches=mismatches,
        first_divergence=first,
        notes=(f"on {', '.join(parts)}",),
        unproven=unproven,
    )


def _bits(magnitude: float) -> int:
    return int(np.float32(magnitude).view(np.uint32))
