"""Rows read back from CSV files: the same rows, or one line that says what is wrong with the file."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from bench_rows import ROW

from evalengine.bench.saved import read_rows
from evalengine.bench.schema import SCHEMA_VERSION
from evalengine.errors import InputError
from evalengine.files.frames import write_csv
from evalengine.terminal.bench.tables import bench_frame

ROWS = [
    ROW,
    replace(ROW, round=2, seconds=0.1 + 0.2, fitness_checksum="0012345678901234", note='says "so", twice'),
    replace(ROW, measure="memory", peak_rss_bytes=2**53 + 1, rss_growth_bytes=0),
    replace(ROW, measure="peak", env="", workload="", policy="", population=0, episodes=0),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_csv(bench_frame(ROWS), tmp_path / "rows.csv")
    return tmp_path / "rows.csv"


def test_rows_come_back_as_they_were(written: Path) -> None:
    assert read_rows(written) == ROWS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (f"\n{SCHEMA_VERSION},", "\n1,", f"expected schema version {SCHEMA_VERSION}, got 1"),
        (f"\n{SCHEMA_VERSION},", "\n3,", f"expected schema version {SCHEMA_VERSION}, got 3"),
        ("schema_version,", "version,", "expected a CSV of evalengine bench, got no column schema_version"),
        (",measure,", ",kind,", "expected the columns of schema version 2, got schema_version, started_at, kind,"),
        (",1.0,", ",0.0,", "line 2: seconds: expected a positive number, got '0.0'"),
        (",1.0,", ",nan,", "line 2: seconds: expected a positive number, got 'nan'"),
        (",1.0,", ",inf,", "line 2: seconds: expected a positive number, got 'inf'"),
        (",1.0,", ",soon,", "line 2: seconds: expected a positive number, got 'soon'"),
        (",12000000,", ",1.5,", "line 2: steps: expected a whole number from 1 up, got '1.5'"),
        (",12000000,", ",0,", "line 2: steps: expected a whole number from 1 up, got '0'"),
        (",0123,", ",0123,1,", "line 2: expected 31 values, got 32"),
        ('"says', '"sa"ys', "expected a CSV of evalengine bench, got "),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(written: Path, old: str, new: str, message: str) -> None:
    text = written.read_text()
    assert old in text
    written.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_rows(written)
    assert str(caught.value).startswith(str(written))


def test_a_file_of_the_first_schema_version_is_refused_by_its_version(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("schema_version,started_at,env\n1,2026,CartPole-v1\n")
    with pytest.raises(InputError, match=r"old\.csv: expected schema version 2, got 1$"):
        read_rows(tmp_path / "old.csv")


@pytest.mark.parametrize(("content", "message"), [("", "got no column schema_version"), (None, "at least one row")])
def test_empty_files_are_refused(written: Path, content: str | None, message: str) -> None:
    written.write_text(written.read_text().splitlines()[0] + "\n" if content is None else content)
    with pytest.raises(InputError, match=message):
        read_rows(written)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: cannot be read: No such file or directory"):
        read_rows(tmp_path / "no.csv")
