"""What a policy sees of an observation: the options that stand for Gymnasium's wrappers, in one spec.

    >>> str(ObservationOptions.of({"skip": 4, "grayscale": True, "resize": (84, 84), "stack": 4}))
    'skip=4,gray,resize=84x84,stack=4'
    >>> str(ObservationOptions(keep=(0, 2), clip=(-5, 5)))
    'keep=0/2,clip=-5.0/5.0'

They are applied in one order, whatever the order in which they are given, all of them behind the time limit, as around
`gymnasium.make`. Of images: MaxAndSkipObservation; TransformObservation with slices, `observation[top:height - bottom,
left:width - right][::rows, ::columns][..., channel]`; GrayscaleObservation; ResizeObservation; FrameStackObservation;
TransformObservation with `observation.astype(np.float32) / np.float32(127.5) - np.float32(1)`. Of vectors:
MaxAndSkipObservation; TransformObservation with `observation[[0, 2]]` and with `np.clip(observation, low, high)`;
FrameStackObservation. Steps are the environment's: an action of skip=4 counts four, in lengths, time limits and rates.
The extension applies them; depends on scalars, messages and errors.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np

from evalengine.arguments import options_of
from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.scalars import as_number, check_flag, check_integer, is_one_of, items_of

_MOST_FRAMES = 64
_LONGEST_SIDE = 1024
_MOST_POSITION = 9999
_MOST_PIXELS = 1024
_SPELLING = "such as 'skip=4,gray,resize=84x84,stack=4' or 'keep=0/2,clip=-5/5,stack=4'"


_NUMBER = r"[+-]?(?:inf|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?)"


class RawOptions(TypedDict):
    """The options as the extension takes them."""

    skip: int | None
    crop: tuple[int, int, int, int] | None
    subsample: tuple[int, int] | None
    channel: int | None
    grayscale: bool
    resize: tuple[int, int] | None
    stack: int | None
    padding: str
    scale: bool
    keep: tuple[int, ...] | None
    clip: tuple[float, float] | None


@dataclass(frozen=True)
class ObservationOptions:
    """Which wrappers stand before an environment; none of them by default.

    Attributes:
        skip: each action is taken this many times, from 2; rewards are summed, and the largest of the last two frames
            is seen, byte by byte, or of the last two vectors, value by value.
        crop: pixels of an image that are cut off, (top, bottom, left, right).
        subsample: every so many (rows, columns) of what is left, the first of them included.
        channel: the one colour of an image that is seen, 0, 1 or 2: (height, width) instead of (height, width, 3).
        grayscale: (height, width) luminance instead of (height, width, 3) colours.
        resize: (height, width) by OpenCV's INTER_AREA.
        stack: (stack, ...) frames, the oldest first. A cnn sees them as channels in that order, coloured ones as the
            three channels of the oldest, then of the next. Of vectors (stack, n), which an mlp sees one after another;
            for descriptors the newest values have their names, those of so many actions before have "x_ago1", ...
        padding: what the stack holds before there are as many frames: "reset", the first frame, or "zero".
        scale: bytes of images as float32 from -1 to 1, byte / 127.5 - 1, which is what a policy sees, instead of bytes,
            of which it sees byte / 255.
        keep: positions of the values of a vector that are seen, ascending; the others are left out.
        clip: (low, high), the float32 bounds that values of a vector are brought into.

    Raises:
        InputError: a value of another type or out of its range.
    """

    skip: int | None = None
    crop: tuple[int, int, int, int] | None = None
    subsample: tuple[int, int] | None = None
    channel: int | None = None
    grayscale: bool = False
    resize: tuple[int, int] | None = None
    stack: int | None = None
    padding: Literal["reset", "zero"] = "reset"
    scale: bool = False
    keep: tuple[int, ...] | None = None
    clip: tuple[float, float] | None = None

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
        if self.crop is not None:
            crop = _checked_integers("crop", self.crop, "(top, bottom, left, right)", least=0)
            object.__setattr__(self, "crop", crop)
        if self.subsample is not None:
            object.__setattr__(
                self, "subsample", _checked_integers("subsample", self.subsample, "(rows, columns)", least=1)
            )
        if self.channel is not None:
            object.__setattr__(self, "channel", check_integer("observation: channel", self.channel, least=0, most=2))
            if self.grayscale:
                raise InputError("observation: expected either grayscale or a channel, got both")
        check_flag("observation: scale", self.scale)
        if self.keep is not None:
            object.__setattr__(self, "keep", _checked_positions(self.keep))
        if self.clip is not None:
            object.__setattr__(self, "clip", _checked_bounds(self.clip))
        image, vector = [*self._parts_of_images(), *(["scale"] * self.scale)], self._parts_of_vectors()
        if image and vector:
            raise InputError(f"observation: expected options of images or of vectors, got {image[0]} and {vector[0]}")

    @property
    def has_channels(self) -> bool:
        """Whether the last axis of an image is its channels; grey ones and those of one colour have none."""
        return not self.grayscale and self.channel is None

    def __str__(self) -> str:
        """Return the canonical spec, which `of` reads; "" if there are no wrappers."""
        parts = [
            None if self.skip is None else f"skip={self.skip}",
            *self._parts_of_images(),
            None if self.stack is None else f"stack={self.stack}",
            None if self.padding == "reset" else f"padding={self.padding}",
            "scale" if self.scale else None,
            *self._parts_of_vectors(),
        ]
        return ",".join(part for part in parts if part is not None)

    def _parts_of_images(self) -> list[str]:
        parts = [
            None if self.crop is None else f"crop={'/'.join(map(str, self.crop))}",
            None if self.subsample is None else f"subsample={self.subsample[0]}x{self.subsample[1]}",
            None if self.channel is None else f"channel={self.channel}",
            "gray" if self.grayscale else None,
            None if self.resize is None else f"resize={self.resize[0]}x{self.resize[1]}",
        ]
        return [part for part in parts if part is not None]

    def _parts_of_vectors(self) -> list[str]:
        parts = [
            None if self.keep is None else f"keep={'/'.join(map(str, self.keep))}",
            None if self.clip is None else f"clip={self.clip[0]!r}/{self.clip[1]!r}",
        ]
        return [part for part in parts if part is not None]

    @classmethod
    def of(cls, value: ObservationLike | None) -> ObservationOptions | None:
        """Return the options that a mapping or a spec means; None where there are no wrappers.

        Raises:
            InputError: neither of the two, an unknown option, or a value that it does not take.
        """
        return options_of("observation", cls, value, _parsed, _SPELLING)

    def raw(self) -> RawOptions:
        """Return the options as the extension takes them."""
        return {
            "skip": self.skip,
            "crop": self.crop,
            "subsample": self.subsample,
            "channel": self.channel,
            "grayscale": self.grayscale,
            "resize": self.resize,
            "stack": self.stack,
            "padding": self.padding,
            "scale": self.scale,
            "keep": self.keep,
            "clip": self.clip,
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


def _checked_integers(name: str, value: Any, expected: str, *, least: int) -> tuple[int, ...]:
    items = items_of(value, (tuple, list))
    if items is None or len(items) != expected.count(",") + 1:
        raise InputError(f"observation: {name}: expected {expected}, got {shown(value)}")
    return tuple(check_integer(f"observation: {name}", item, least=least, most=_MOST_PIXELS) for item in items)


def _checked_bounds(value: Any) -> tuple[float, float]:
    items = items_of(value, (tuple, list)) or ()
    with np.errstate(over="ignore"):
        bounds = [None if (number := as_number(item)) is None else float(np.float32(number)) for item in items]
    match bounds:
        case [float() as low, float() as high] if low <= high:
            return low, high
    raise InputError(f"observation: clip: expected (low, high) such as (-5, 5), got {shown(value)}")


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
    if part in ("gray", "scale"):
        return {"gray": "grayscale"}.get(part, part), True
    if match := re.fullmatch(r"(skip|stack|channel)=([0-9]{1,9})", part):
        return match[1], int(match[2])
    if match := re.fullmatch(r"(resize|subsample)=([0-9]{1,9})x([0-9]{1,9})", part):
        return match[1], (int(match[2]), int(match[3]))
    if match := re.fullmatch(r"crop=([0-9]{1,4}(?:/[0-9]{1,4}){3})", part):
        return "crop", tuple(int(pixels) for pixels in match[1].split("/"))
    if match := re.fullmatch(rf"clip=({_NUMBER})/({_NUMBER})", part):
        return "clip", (float(match[1]), float(match[2]))
    if match := re.fullmatch(r"padding=(\w+)", part):
        return "padding", match[1]
    if match := re.fullmatch(r"keep=([0-9]{1,4}(?:/[0-9]{1,4})*)", part):
        return "keep", tuple(int(position) for position in match[1].split("/"))
    raise InputError(f"observation: expected a spec {_SPELLING}, got {shown(part)}")
