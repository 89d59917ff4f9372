"""Observations that are images: what differs in them, for people; and PNG files, for keeping them.

    two images ──► differing_pixels, side_by_side ──► write_png
    golden frames ──► read_png

Depends on NumPy and files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.files.whole import write_whole
from evalengine.references import Region

ENLARGED = 4
"""How many pixels of a picture for people show one of an observation, in both directions."""

_LEAST_SHOWN = 64
_GAP = 8
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB8 = (8, 2, 0, 0, 0)  # bits, colour type, compression, filter, interlace


def are_pictures(ours: NDArray[Any], reference: NDArray[Any]) -> bool:
    """Whether both are RGB images of bytes, of one size."""
    is_picture = reference.dtype == np.uint8 and reference.ndim == 3 and reference.shape[2] == 3
    return is_picture and (ours.dtype, ours.shape) == (reference.dtype, reference.shape)


def differing_pixels(ours: NDArray[np.uint8], reference: NDArray[np.uint8], regions: Mapping[str, Region]) -> str:
    """Return "Differing pixels: 3 of 9,216 (road 2 of 8,064, ...)": how many differ, in all and in each region."""
    differs = (ours != reference).any(axis=2)
    parts = {name: differs[top:bottom, left:right] for name, (top, bottom, left, right) in regions.items()}
    counts = ", ".join(f"{name} {int(part.sum()):,} of {part.size:,}" for name, part in parts.items())
    return f"Differing pixels: {int(differs.sum()):,} of {differs.size:,}" + (f" ({counts})" if counts else "")


def side_by_side(ours: NDArray[np.uint8], reference: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (height, width, 3): the reference's image, ours, and their difference, enlarged.

    The difference is absolute, and at least 64 in every channel that differs at all, so that it can be seen.
    """
    distance = np.abs(ours.astype(np.int16) - reference).astype(np.uint8)
    shown = np.where(distance > 0, np.maximum(distance, np.uint8(_LEAST_SHOWN)), np.uint8(0))
    gap = np.full((len(ours) * ENLARGED, _GAP, 3), 255, np.uint8)
    large = [np.kron(image, np.ones((ENLARGED, ENLARGED, 1), np.uint8)) for image in (reference, ours, shown)]
    return np.concatenate([large[0], gap, large[1], gap, large[2]], axis=1)


def write_png(image: NDArray[np.uint8], path: Path) -> None:
    """Write an RGB image (height, width, 3), whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    height, width, _ = image.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each begins with its filter: 0, none
    rows[:, 1:] = image.reshape(height, -1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, *_RGB8)),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    with write_whole(path) as stream:
        stream.write(_SIGNATURE)
        for kind, content in chunks:
            stream.write(struct.pack(">I", len(content)) + kind + content)
            stream.write(struct.pack(">I", zlib.crc32(kind + content)))


def read_png(path: Path) -> NDArray[np.uint8]:
    """Return the RGB image (height, width, 3) that `write_png` wrote.

    Raises:
        ValueError: it is none that `write_png` writes.
    """
    encoded = path.read_bytes()
    chunks = dict(_chunks(encoded[len(_SIGNATURE) :])) if encoded.startswith(_SIGNATURE) else {}
    if not {b"IHDR", b"IDAT"} <= set(chunks):
        raise ValueError(f"{path}: expected a PNG file")
    width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8)
    if tuple(form) != _RGB8 or rows.size != height * (1 + 3 * width):
        raise ValueError(f"{path}: expected {width} x {height} pixels of RGB, 8 bits each, in one piece")
    rows = rows.reshape(height, 1 + 3 * width)
    if rows[:, 0].any():
        raise ValueError(f"{path}: expected rows without filters")
    return rows[:, 1:].reshape(height, width, 3)


def _chunks(encoded: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, content) of each chunk, in order; of what is cut short, as many as there are whole."""
    found, place = [], 0
    while place + 12 <= len(encoded):
        size = int.from_bytes(encoded[place : place + 4])
        found.append((encoded[place + 4 : place + 8], encoded[place + 8 : place + 8 + size]))
        place += 12 + size
    return found
