"""Records the digits of CarRacing's score: src/digits.pgm and the kerning in src/kerning.rs.

The score is rendered by pygame's default font at 42 points. Eleven characters can occur in it, so eleven small
pictures, and how much closer or wider some pairs stand, are all that the engine needs. The pictures are pygame's own
renderings, side by side; the pairs are read from the font's table "kern", in thousandths of the font's size.

    python rust/raster/record_digits.py        (needs pygame-ce 2.5.8)
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pygame
from numpy.typing import NDArray

CHARACTERS = "0123456789-"
SIZE = 42
SOURCE = Path(__file__).parent / "src"


def pictures() -> NDArray[np.uint8]:
    """All characters side by side, (rows, columns), white on black."""
    pygame.font.init()
    font = pygame.font.Font(pygame.font.get_default_font(), SIZE)
    rendered = [font.render(character, True, (255, 255, 255), (0, 0, 0)) for character in CHARACTERS]
    return np.concatenate([pygame.surfarray.array3d(picture)[..., 0] for picture in rendered]).T


def tables(font: bytes) -> dict[str, bytes]:
    """The tables of a TrueType font, by their names."""
    count = struct.unpack_from(">H", font, 4)[0]
    entries = [struct.unpack_from(">4sLLL", font, 12 + 16 * index) for index in range(count)]
    return {name.decode(): font[start : start + length] for name, _, start, length in entries}


def glyphs(cmap: bytes) -> dict[str, int]:
    """The glyph of each character, from a segmented subtable of "cmap" (format 4)."""
    for index in range(struct.unpack_from(">H", cmap, 2)[0]):
        start = struct.unpack_from(">HHL", cmap, 4 + 8 * index)[2]
        if struct.unpack_from(">H", cmap, start)[0] == 4:
            return {character: glyph(cmap[start:], ord(character)) for character in CHARACTERS}
    raise ValueError("the font has no cmap subtable of format 4")


def glyph(subtable: bytes, code: int) -> int:
    """A glyph in a subtable of format 4: segments by their last codes, first codes, deltas and offsets."""
    segments = struct.unpack_from(">H", subtable, 6)[0] // 2
    for index in range(segments):
        last = struct.unpack_from(">H", subtable, 14 + 2 * index)[0]
        if code <= last:
            first_at = 16 + 2 * segments + 2 * index
            first = struct.unpack_from(">H", subtable, first_at)[0]
            delta = struct.unpack_from(">H", subtable, first_at + 2 * segments)[0]
            offset_at = first_at + 4 * segments
            offset = struct.unpack_from(">H", subtable, offset_at)[0]
            if offset == 0:
                return int(code + delta) % 65536
            found = struct.unpack_from(">H", subtable, offset_at + offset + 2 * (code - first))[0]
            return int(found + delta) % 65536
    raise ValueError(f"the font has no glyph for {code}")


def kerning(font: bytes) -> list[list[int]]:
    """By how much a pair stands wider, first character by second, in thousandths of the font's size."""
    by_name = tables(font)
    units = struct.unpack_from(">H", by_name["head"], 18)[0]
    if units != 1000:
        raise ValueError(f"expected 1000 units in the font's size, got {units}")
    pairs = by_name["kern"]
    count = struct.unpack_from(">H", pairs, 10)[0]
    entries = [struct.unpack_from(">HHh", pairs, 18 + 6 * index) for index in range(count)]
    shift = {(left, right): value for left, right, value in entries}
    numbers = glyphs(by_name["cmap"])
    return [[shift.get((numbers[left], numbers[right]), 0) for right in CHARACTERS] for left in CHARACTERS]


def main() -> None:
    strip = pictures()
    header = f"P5\n{strip.shape[1]} {strip.shape[0]}\n255\n"
    (SOURCE / "digits.pgm").write_bytes(header.encode() + strip.tobytes())
    font = Path(pygame.__file__).parent / pygame.font.get_default_font()
    rows = [f"    [{', '.join(map(str, row))}],\n" for row in kerning(font.read_bytes())]
    (SOURCE / "kerning.rs").write_text(
        "//! How much wider each pair of 0 to 9 and - stands, in thousandths of the font's size: first character by\n"
        "//! second. Written by record_digits.py.\n\n"
        f"pub(crate) const KERNING: [[i32; {len(rows)}]; {len(rows)}] = [\n{''.join(rows)}];\n"
    )


if __name__ == "__main__":
    main()
