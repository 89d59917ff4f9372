"""The first difference between two runs: where it is, both values and their bits, and how to get there.

    >>> print(Divergence.between("reward", 1.0, 2.0, seed=3, step=17).message())      # reads like assert_close

Depends on NumPy only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Divergence:
    """The first difference between two runs, with all that is needed to go there.

    Attributes:
        field: what differs: "observation", "reward", "logits", ...
        index: the position of the first differing number in it; () for a single number.
        ours: our number there, in the fewest decimal digits that read back to the same bits.
        ours_hex: its bits.
        reference: the reference's number there.
        reference_hex: its bits.
        seed: of the episode, or of the drawn shapes and weights.
        episode: from 0; None where there are no episodes.
        step: from 1, the step that returned the field; 0 is the reset. None where there are no steps.
        our_action: what our side did at that step; None for a reset and where there are no actions.
        reference_action: what the reference's side did.
        case: anything else that says where: keyword arguments, a driver, a policy, a row of a batch.
        comparison: how many numbers of the field differ and by how much, in the words of torch.testing.assert_close.
        versions: package -> version, of both sides.
    """

    field: str
    index: tuple[int, ...]
    ours: str
    ours_hex: str
    reference: str
    reference_hex: str
    comparison: str
    seed: int | None = None
    episode: int | None = None
    step: int | None = None
    our_action: str | None = None
    reference_action: str | None = None
    case: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def between(
        cls,
        field: str,
        ours: Any,
        reference: Any,
        *,
        seed: int | None = None,
        episode: int | None = None,
        step: int | None = None,
        actions: tuple[Any, Any] | None = None,
        case: str = "",
        versions: Mapping[str, str] | None = None,
        any_nan: bool = False,
    ) -> Divergence:
        """Return the divergence between two values of one field that differ in type, shape or any bit.

        Args:
            field: see the class.
            ours: a number, a boolean or an array.
            reference: the same of the other side.
            seed: see the class.
            episode: see the class.
            step: see the class.
            actions: (ours, the reference's).
            case: see the class.
            versions: see the class.
            any_nan: see `differing_bits`.
        """
        mine, theirs = np.asarray(ours), np.asarray(reference)
        index: tuple[int, ...] = ()
        if (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape):
            differing = np.argwhere(differing_bits(mine, theirs, any_nan=any_nan))
            index = tuple(int(number) for number in differing[0])
            values = [(str(array[index]), bits_of(array[index])) for array in (mine, theirs)]
        else:
            values = [(f"{array.dtype}{list(array.shape)}", "") for array in (mine, theirs)]
        (our_text, our_bits), (their_text, their_bits) = values
        return cls(
            field=field,
            index=index,
            ours=our_text,
            ours_hex=our_bits,
            reference=their_text,
            reference_hex=their_bits,
            comparison=_assert_close_lines(mine, theirs, any_nan),
            seed=seed,
            episode=episode,
            step=step,
            our_action=None if actions is None else str(actions[0]),
            reference_action=None if actions is None else str(actions[1]),
            case=case,
            versions=dict(versions or {}),
        )

    def message(self) -> str:
        """Return the divergence for people, several lines."""
        where = [("seed", self.seed), ("episode", self.episode), ("step", self.step)]
        parts = [f"{name} {number}" for name, number in where if number is not None]
        place = f"{self.field}{list(self.index)}" if self.index else self.field
        lines = [", ".join([*parts, place]) + (f"  ({self.case})" if self.case else "")]
        width = max(len(self.ours), len(self.reference))
        lines.append(f"  ours      {self.ours:<{width}}  {self.ours_hex}{_action_text(self.our_action)}".rstrip())
        lines.append(
            f"  reference {self.reference:<{width}}  {self.reference_hex}{_action_text(self.reference_action)}".rstrip()
        )
        if self.versions:
            lines.append("  " + ", ".join(f"{package} {version}" for package, version in self.versions.items()))
        return "\n".join([*lines, "", self.comparison])

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Divergence:
        """Return the divergence that `to_json` wrote."""
        values = {name: value for name, value in document.items() if name != "message"}
        return cls(**{**values, "index": tuple(document["index"])})

    def to_json(self) -> dict[str, object]:
        """Return the fields by their names, and "message"."""
        return {
            "seed": self.seed,
            "episode": self.episode,
            "step": self.step,
            "field": self.field,
            "index": list(self.index),
            "ours": self.ours,
            "ours_hex": self.ours_hex,
            "reference": self.reference,
            "reference_hex": self.reference_hex,
            "our_action": self.our_action,
            "reference_action": self.reference_action,
            "case": self.case,
            "comparison": self.comparison,
            "versions": dict(self.versions),
            "message": self.message(),
        }


def first_difference(
    ours: tuple[Any, ...], theirs: tuple[Any, ...], *, seed: int, step: int, action: Any
) -> Divergence | None:
    """Return the first of observation, reward, terminated and truncated that differs in type, shape or any bit."""
    for name, mine, other in zip(("observation", "reward", "terminated", "truncated"), ours, theirs, strict=False):
        first, second = np.asarray(mine), np.asarray(other)
        is_alike = (first.dtype, first.shape) == (second.dtype, second.shape)
        if not is_alike or differing_bits(first, second).any():
            actions = None if action is None else (action, action)
            return Divergence.between(name, mine, other, seed=seed, step=step, actions=actions)
    return None


def differing_bits(ours: NDArray[Any], reference: NDArray[Any], *, any_nan: bool = False) -> NDArray[np.bool_]:
    """Return, element by element, whether two arrays of one dtype and shape differ in any bit (so -0.0 is not 0.0).

    `any_nan` takes all NaNs for equal, for results of arithmetic: a NaN's sign and payload depend on the order of the
    operands of each instruction, which nothing specifies.
    """
    if ours.dtype.kind != "f":
        return np.asarray(ours != reference)
    differing = _as_bits(ours) != _as_bits(reference)
    if any_nan:
        differing &= ~(np.isnan(ours) & np.isnan(reference))
    return np.asarray(differing)


def bits_of(value: np.generic) -> str:
    """Return the bits of a floating number as hexadecimal digits, "0x3f800000"; "" for any other value."""
    if value.dtype.kind != "f":
        return ""
    bits = int(_as_bits(np.asarray(value)))
    return f"{bits:#0{2 + 2 * value.dtype.itemsize}x}"


def _as_bits(array: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    return np.asarray(array, order="C").view(np.dtype(f"u{array.dtype.itemsize}"))


def _action_text(action: str | None) -> str:
    return "" if action is None else f"  action {action}"


def _assert_close_lines(ours: NDArray[Any], reference: NDArray[Any], any_nan: bool) -> str:
    """Say what torch.testing.assert_close(..., rtol=0, atol=0) would, counting bits instead of values."""
    if ours.dtype != reference.dtype:
        return f"The values for attribute 'dtype' do not match: {ours.dtype} != {reference.dtype}."
    if ours.shape != reference.shape:
        return f"The values for attribute 'shape' do not match: {ours.shape} != {reference.shape}."
    mine, theirs = ours.astype(np.float64), reference.astype(np.float64)
    with np.errstate(all="ignore"):
        absolute = np.abs(mine - theirs)
        relative = absolute / np.abs(theirs)
    if ours.ndim == 0:
        return (
            f"Scalars are not equal!\n\nExpected {reference} but got {ours}.\n"
            f"Absolute difference: {float(absolute)}\nRelative difference: {float(relative)}"
        )
    count = int(differing_bits(ours, reference, any_nan=any_nan).sum())
    lines = ["Tensor-likes are not equal!", "", f"Mismatched elements: {count} / {ours.size} ({count / ours.size:.1%})"]
    for name, difference in (("absolute", absolute), ("relative", relative)):
        # NaN - x is NaN; the greatest difference is one that can be told, if there is any.
        known = np.where(np.isnan(difference), -1.0, difference)
        index = tuple(int(number) for number in np.unravel_index(int(known.argmax()), known.shape))
        lines.append(f"Greatest {name} difference: {difference[index]} at index {index}")
    return "\n".join(lines)
