"""Provenance: where a row comes from, told truly or not at all."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from evalengine import _engine
from evalengine.evaluation import provenance

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BUILT = {"version": "9.8.7", "commit": "a" * 40, "dirty": "false"}


@pytest.fixture(autouse=True)
def fresh() -> None:
    provenance._machine_and_build.cache_clear()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git checkout of the project with one commit, in which the package seems to lie."""
    package = tmp_path / "cli" / "evalengine"
    for folder in (package, tmp_path / "rust" / "python"):
        folder.mkdir(parents=True)
        (folder / "source").write_text("as committed")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "_PACKAGE", package)
    return tmp_path


def head_of(checkout: Path) -> str:
    finished = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True)
    return finished.stdout.strip()


def build(monkeypatch: pytest.MonkeyPatch, **info: str) -> None:
    monkeypatch.setattr(_engine, "build_info", lambda: BUILT | info)


def test_columns_and_their_order() -> None:
    expected = "started_at cpu cores platform python numpy torch gymnasium evalengine commit dirty"
    assert list(provenance.provenance(NOON)) == expected.split()


def test_time_is_written_in_utc() -> None:
    at = datetime(2026, 1, 2, 14, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert provenance.provenance(at)["started_at"] == "2026-01-02T12:00:00+00:00"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^started_at: expected a time with a time zone, got 2026-01-02T00:00:00$"):
        provenance.provenance(datetime(2026, 1, 2))


def test_versions_are_those_of_what_runs() -> None:
    columns = provenance.provenance(NOON)
    assert columns["python"] == platform.python_version()
    assert columns["numpy"] == np.__version__
    assert columns["evalengine"] == _engine.build_info()["version"]
    assert columns["cores"] == _engine.available_threads()
    assert columns["cpu"]


def test_a_package_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(distribution: str) -> str:
        if distribution in ("torch", "gymnasium"):
            raise importlib.metadata.PackageNotFoundError(distribution)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    columns = provenance.provenance(NOON)
    assert (columns["torch"], columns["gymnasium"], columns["numpy"]) == ("", "", "1")


def test_nothing_heavy_is_imported_for_its_version() -> None:
    code = (
        "import sys; from datetime import datetime, UTC; from evalengine.evaluation.provenance import provenance;"
        "provenance(datetime.now(UTC)); print({'torch', 'gymnasium', 'pandas', 'rich'} & set(sys.modules))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "set()"


def test_an_installed_package_tells_the_commit_of_its_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path / "site-packages" / "evalengine")
    build(monkeypatch)
    columns = provenance.provenance(NOON)
    assert (columns["commit"], columns["dirty"]) == ("a" * 40, "false")


def test_a_build_outside_a_repository_knows_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path / "site-packages" / "evalengine")
    monkeypatch.setattr(_engine, "build_info", dict)
    columns = provenance.provenance(NOON)
    assert (columns["commit"], columns["dirty"]) == ("unknown", "unknown")
    assert provenance.json_provenance(columns)["dirty"] is None


def test_somebody_elses_repository_is_not_asked(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.rename(checkout / "rust", checkout / "theirs")
    build(monkeypatch)
    assert provenance.provenance(NOON)["commit"] == "a" * 40


def test_a_clean_checkout_at_the_commit_of_the_build_is_clean(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, commit=head_of(checkout))
    columns = provenance.provenance(NOON)
    assert (columns["commit"], columns["dirty"]) == (head_of(checkout), "false")


def test_a_module_changed_since_the_build_makes_it_dirty(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, commit=head_of(checkout))
    (checkout / "cli" / "evalengine" / "source").write_text("changed")
    columns = provenance.provenance(NOON)
    assert columns["dirty"] == "true"
    assert provenance.json_provenance(columns) == columns | {"dirty": True}


def test_a_build_of_another_commit_is_dirty(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch)
    columns = provenance.provenance(NOON)
    assert (columns["commit"], columns["dirty"]) == ("a" * 40, "true")


def test_a_build_that_was_dirty_stays_dirty(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, commit=head_of(checkout), dirty="true")
    assert provenance.provenance(NOON)["dirty"] == "true"


def test_the_build_is_described_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, rustc="1.90.0", target="x86_64-unknown-linux-gnu", profile="release", isa="avx2")
    monkeypatch.setattr(_engine, "libm_in_lanes", lambda: ["sin", "cos"])
    monkeypatch.setattr(_engine, "available_threads", lambda: 7)
    assert provenance.describe_build().splitlines() == [
        f"9.8.7 (commit {'a' * 40}, dirty false)",
        "  built    rustc 1.90.0, x86_64-unknown-linux-gnu, release",
        "  simd     avx2",
        "  libm     the platform's; sin, cos in lanes, with its bits",
        "  threads  7",
        f"  python   {platform.python_version()}, numpy {np.__version__}",
    ]


def test_where_the_lanes_have_no_libm_the_platforms_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_engine, "libm_in_lanes", list)
    assert "  libm     the platform's, never in lanes" in provenance.describe_build().splitlines()


def test_this_build_knows_all_of_itself() -> None:
    info = _engine.build_info()
    assert re.match(r"1\.\d+\.\d+", info["rustc"])
    assert info["target"].startswith(platform.machine())
    # As a word of its own: x86_64-unknown-linux-gnu is a target.
    assert provenance.UNKNOWN not in re.split(r"[\s,]+", provenance.describe_build().split("\n", 1)[1])
