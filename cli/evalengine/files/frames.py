"""Data frames (pandas) as CSV files, whole or not at all; floats in the fewest digits that read back alike."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from evalengine.errors import MissingDependencyError
from evalengine.files.whole import write_whole

if TYPE_CHECKING:
    import pandas as pd


def check_frames() -> None:
    """Refuse, before any work, to write a CSV without pandas, which every install brings but one with --no-deps.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    if importlib.util.find_spec("pandas") is None:
        raise MissingDependencyError("pandas is not installed: pip install pandas")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, whole or not at all; floats in the fewest digits that read back to the same bits.

    Raises:
        OutputError: the file cannot be written (also when the disk is full).
    """
    with write_whole(path) as stream:
        frame_csv(frame, stream)


def frame_csv(frame: pd.DataFrame, stream: BinaryIO, *, with_header: bool = True) -> None:
    """Write the lines of a frame as `write_csv` does."""
    # A file's name can be any bytes: surrogates stand for those that are no UTF-8.
    frame.to_csv(
        stream, header=with_header, index=False, lineterminator="\n", encoding="utf-8", errors="surrogateescape"
    )
