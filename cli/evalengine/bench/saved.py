"""Rows of `evalengine bench` read back from CSV files: every column checked, every float as it was written.

bench_results/*.csv ──► read_rows ──► regressions, plots, the README's tables
"""

from __future__ import annotations

import csv
import math
from dataclasses import fields
from pathlib import Path

from evalengine.bench.schema import SCHEMA_VERSION, BenchRow
from evalengine.errors import InputError
from evalengine.messages import named, shown

_COLUMNS = {field.name: str(field.type) for field in fields(BenchRow)}
_LEAST = {"round": 1, "population": 0, "episodes": 0, "threads": 1, "calls": 1, "steps": 1, "macs": 0, "cores": 1}


def read_rows(path: Path) -> list[BenchRow]:
    """Return the rows of one file, in its order.

    Raises:
        InputError: the file cannot be read, is of another schema version, is no CSV of `evalengine bench`, or has
            no rows.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
            lines = list(csv.reader(stream, strict=True))
    except OSError as error:
        raise InputError(f"{named(path)}: cannot be read: {error.strerror or error}") from None
    except csv.Error as error:
        raise InputError(f"{named(path)}: expected a CSV of evalengine bench, got {error}") from None
    if not lines or lines[0][:1] != ["schema_version"]:
        raise InputError(
            f"{named(path)}: expected a CSV of evalengine bench, got no column schema_version at its start"
        )
    for line in lines[1:]:
        if line[:1] != [str(SCHEMA_VERSION)]:
            got = named(line[0]) if line else "none"
            raise InputError(f"{named(path)}: expected schema version {SCHEMA_VERSION}, got {got}")
    if lines[0] != list(_COLUMNS):
        got = named(", ".join(lines[0]))
        raise InputError(f"{named(path)}: expected the columns of schema version {SCHEMA_VERSION}, got {got}")
    if len(lines) == 1:
        raise InputError(f"{named(path)}: expected at least one row, got none")
    return [_row(path, number, line) for number, line in enumerate(lines[1:], start=2)]


def _row(path: Path, number: int, line: list[str]) -> BenchRow:
    if len(line) != len(_COLUMNS):
        raise InputError(f"{named(path)}, line {number}: expected {len(_COLUMNS)} values, got {len(line)}")
    values = {}
    for (name, kind), text in zip(_COLUMNS.items(), line, strict=True):
        try:
            values[name] = _value(name, kind, text)
        except ValueError:
            expected = "a positive number" if kind == "float" else f"a whole number from {_LEAST.get(name, 0)} up"
            raise InputError(f"{named(path)}, line {number}: {name}: expected {expected}, got {shown(text)}") from None
    return BenchRow(**values)  # type: ignore[arg-type]  # the values are of the kinds that the fields name


def _value(name: str, kind: str, text: str) -> str | int | float | None:
    if kind == "str":
        return text
    if kind == "float":
        number = float(text)
        if not (number > 0 and math.isfinite(number)):
            raise ValueError
        return number
    if kind == "int | None" and text == "":
        return None
    whole = int(text)
    if whole < _LEAST.get(name, 0):
        raise ValueError
    return whole
