"""What a policy sees of an observation: the options that stand for Gymnasium's wrappers, in one spelling.

    >>> str(ObservationOptions.of({"skip": 4, "grayscale": True, "resize": (84, 84), "stack": 4}))
    'skip=4,gray,resize=84x84,stack=4'
    >>> str(ObservationOptions(keep=(0, 2)))
    'keep=0/2'

The first four are for images, and applied in this order, whatever the order in which they are given:
MaxAndSkipObservation, GrayscaleObservation, ResizeObservation, FrameStackObservation, all of them behind the time
limit, as around `gymnasium.make`. Steps are the environment's: an action of skip=4 counts four, in lengths, time limits
and rates. `keep` is for vectors, and stands for TransformObservation with `lambda observation: observation[[0, 2]]`.
The extension applies them; depends on scalars, messages and errors.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias, TypedDict

from evalengine.arguments import named_options
from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.scalars import check_flag, check_integer, is_one_of, items_of

_MOST_FRAMES = 64
_LONGEST_SIDE = 1024
_MOST_POSITION = 9999
_SPELLING = "such as 'skip=4,gray,resize=84x84,stack=4' or 'keep=0/2'"


class RawOptions(TypedDict):
    """The options as the extension takes them."""

    skip: int | None
    grayscale: bool
    resize: tuple[int, int] | None
    stack: int | None
    padding: str
    keep: tuple[int, ...] | None


@dataclass(frozen=True)
class ObservationOptions:
    """Which wrappers stand before an environment; none of them by default.

    Attributes:
        skip: each action is taken this many times, from 2; rewards are summed, and the largest of the last two frames
            is seen, byte by byte.
        grayscale: (height, width) luminance instead of (height, width, 3) colours.
        resize: (height, width) by OpenCV's INTER_AREA.
        stack: (stack, ...) frames, the oldest first. A cnn sees them as channels in that order, coloured ones as the
            three channels of the oldest, then of the next.
        padding: what the stack holds before there are as many frames: "reset", the first frame, or "zero".
        keep: positions of the values of a vector that are seen, ascending; the others are left out. No other option
            goes with it: those are for images.

    Raises:
        InputError: a value of another type or out of its range.
    """

    skip: int | None = None
    grayscale: bool = False
    resize: tuple[int, int] | None = None
    stack: int | None = None
    padding: Literal["reset", "zero"] = "reset"
    keep: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.skip is not None:
            object.__setattr__(self, "skip", check_integer("observation: skip", self.skip, least=2, most=_MOST_FRAMES))
        if self.stack is not None:
            stack = check_integer("observation: stack", self.stack, least=1, most=_MOST_FRAMES)
            object.__setattr__(self, "stack", stack)
        check_flag("observation: grayscale", self.grayscale)
        if self.resize is not None:
            object.__setattr__(self, "resize", _checked_size(self.resize))
        if not is_one_of(self.padding, ("reset", "zero")):
            raise InputError(f"observation: padding: expected 'reset' or 'zero', got {shown(self.padding)}")
        if self.padding == "zero" and self.stack is None:
            raise InputError("observation: padding: expected a stack to be padded, got none")
        if self.keep is not None:
            object.__setattr__(self, "keep", _checked_positions(self.keep))
            if replace(self, keep=None) != ObservationOptions():
                raise InputError(f"observation: expected keep alone, which is for vectors, got {str(self)!r}")

    def __str__(self) -> str:
        """Return the canonical spec, which `of` reads; "" if there are no wrappers."""
        parts = [
            None if self.skip is None else f"skip={self.skip}",
            "gray" if self.grayscale else None,
            None if self.resize is None else f"resize={self.resize[0]}x{self.resize[1]}",
            None if self.stack is None else f"stack={self.stack}",
            None if self.padding == "reset" else f"padding={self.padding}",
            None if self.keep is None else f"keep={'/'.join(map(str, self.keep))}",
        ]
        return ",".join(part for part in parts if part is not None)

    @classmethod
    def of(cls, value: ObservationLike | None) -> ObservationOptions | None:
        """Return the options that a mapping or a spec means; None where there are no wrappers.

        Raises:
            InputError: neither of the two, an unknown option, or a value that it does not take.
        """
        if value is None:
            return None
        if isinstance(value, str):
            value = _parsed(value)
        if isinstance(value, Mapping):
            value = cls(**named_options("observation", value, [field.name for field in fields(cls)]))
        elif not isinstance(value, cls):
            raise InputError(f"observation: expected a mapping or a spec {_SPELLING}, got {shown(value)}")
        return None if value == cls() else value

    def raw(self) -> RawOptions:
        """Return the options as the extension takes them."""
        return {
            "skip": self.skip,
            "grayscale": self.grayscale,
            "resize": self.resize,
            "stack": self.stack,
            "padding": self.padding,
            "keep": self.keep,
        }


ObservationLike: TypeAlias = ObservationOptions | Mapping[str, Any] | str
"""Options, a mapping of their names to values, or their spec."""


def raw_options(options: ObservationOptions | None) -> RawOptions | None:
    """Return the options as the extension takes them, None where there are no wrappers."""
    return None if options is None else options.raw()


def _checked_size(size: Any) -> tuple[int, int]:
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise InputError(f"observation: resize: expected (height, width), got {shown(size)}")
    height, width = (check_integer("observation: resize", side, least=1, most=_LONGEST_SIDE) for side in size)
    return height, width


def _checked_positions(positions: Any) -> tuple[int, ...]:
    given = items_of(positions, (tuple, list))
    checked = [check_integer("observation: keep", item, least=0, most=_MOST_POSITION) for item in given or ()]
    if not checked or any(one >= other for one, other in itertools.pairwise(checked)):
        raise InputError(f"observation: keep: expected ascending positions such as (0, 2), got {shown(positions)}")
    return tuple(checked)


def _parsed(text: str) -> dict[str, Any]:
    """Return the mapping that a spec means; what its values may be is for the options to say."""
    mapping: dict[str, Any] = {}
    for part in text.split(",") if text.strip() else []:
        name, value = _parsed_part(part.strip())
        if name in mapping:
            raise InputError(f"observation: expected each option once, got {name} twice in {shown(text)}")
        mapping[name] = value
    return mapping


def _parsed_part(part: str) -> tuple[str, Any]:
    if part == "gray":
        return "grayscale", True
    if match := re.fullmatch(r"(skip|stack)=([0-9]+)", part):
        return match[1], int(match[2])
    if match := re.fullmatch(r"resize=([0-9]+)x([0-9]+)", part):
        return "resize", (int(match[1]), int(match[2]))
    if match := re.fullmatch(r"padding=(\w+)", part):
        return "padding", match[1]
    if match := re.fullmatch(r"keep=([0-9]{1,4}(?:/[0-9]{1,4})*)", part):
        return "keep", tuple(int(position) for position in match[1].split("/"))
    raise InputError(f"observation: expected a spec {_SPELLING}, got {shown(part)}")
