"""Measures with which versions of the references the claims hold, and writes the tables into parity/PARITY.md.

python scripts/version_matrix.py                          what `make versions` runs: everything, some 20 GB to download
python scripts/version_matrix.py --only "torch 2.15.0"    one row measured anew; the other rows stay as they are
python scripts/version_matrix.py --environment bipedalwalker    one column of all rows, for a new environment

For a new version: add it to `TABLED` in cli/evalengine/references/versions.py and measure its row. Each row is an
environment of its own, which uv makes from PyPI and which is deleted before the next: at most one PyTorch, with all its
CUDA libraries some 6 GB, lies on the disk. The package and the extension are those of this checkout. What PyPI has as
sources only (box2d-py) is compiled: that needs a C++ compiler; swig comes from PyPI.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalengine import streams
from evalengine.environments.registry import entries
from evalengine.files.whole import write_whole
from evalengine.references.versions import TABLED
from results_text import between_markers
from version_probes import environment_cell, forward_cells
from version_text import Row, rows_of, section_text

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "parity" / "PARITY.md"
WORK = ROOT / ".cache" / "versions"
ALWAYS = ("numpy", "pandas", "rich", "typer")
"""What evalengine itself needs."""

NEEDS_PYTHON = {"numpy 2.5.5": "3.12"}
"""Rows that the oldest supported Python cannot have."""

NEWEST = {
    package: [version for version in versions if f"{package} {version}" not in NEEDS_PYTHON][-1]
    for package, versions in TABLED.items()
}
"""What rows have that are about something else."""

PYTHONS = ("3.12", "3.13")
"""Measured beside --python, with the newest of everything, where uv finds them here."""

OLD_NUMPY = {"2.2.2": "numpy<2"}
"""torch -> what it needs of NumPy: PyTorch before 2.3 was built for NumPy 1."""


@dataclass(frozen=True)
class Plan:
    """One row to be measured.

    Attributes:
        label: "gymnasium 1.2.3"; rows are known by it.
        requirements: as pip takes them.
        python: of the environment.
        is_torch: whether PyTorch's forward pass is measured, or the environments.
    """

    label: str
    requirements: tuple[str, ...]
    python: str
    is_torch: bool = False


def plans(python: str) -> list[Plan]:
    """All rows in the order of the tables: every tabled version, with the newest that goes with it."""
    gymnasium = f"gymnasium[box2d]=={NEWEST['gymnasium']}"
    box2d, drawing = f"box2d=={NEWEST['box2d']}", f"pygame-ce=={NEWEST['pygame-ce']}"
    others = (f"gymnasium=={NEWEST['gymnasium']}", f"numpy=={NEWEST['numpy']}")
    found = []
    for version in TABLED["gymnasium"]:
        # As pip installs it: with the Box2D and the pygame that this version asks for.
        found.append(Plan(f"gymnasium {version}", (f"gymnasium[box2d]=={version}",), python))
    for version in TABLED["numpy"]:
        other = NEEDS_PYTHON.get(f"numpy {version}", python)
        found.append(Plan(f"numpy {version}", (gymnasium, f"numpy=={version}"), other))
    for version in TABLED["box2d-py"]:
        found.append(Plan(f"box2d-py {version}", (*others, f"box2d-py=={version}", drawing), python))
    for package in ("pygame-ce", "pygame"):
        for version in TABLED[package]:
            found.append(Plan(f"{package} {version}", (*others, box2d, f"{package}=={version}"), python))
    for other in PYTHONS:
        found.append(Plan(f"Python {other}", (gymnasium,), other))
    for version in TABLED["torch"]:
        found.append(Plan(f"torch {version}", (f"torch=={version}", OLD_NUMPY.get(version, "numpy")), python, True))
    return found


def measured(plan: Plan, uv: str, environments: Sequence[str]) -> Row | None:
    """Make the environment, measure in it, delete it; None where it cannot be made, which is said on stderr."""
    folder = WORK / "venv"
    python = folder / "bin" / "python"
    try:
        made = _run(uv, "venv", "--quiet", "--clear", "--python", plan.python, str(folder)) and _run(
            uv, "pip", "install", "--quiet", "--python", str(python), *ALWAYS, *plan.requirements,
            # Nothing that is so large is kept: the cache would hold every PyTorch.
            *(["--no-cache"] if plan.is_torch else []),
        )  # fmt: skip
        if not made:
            streams.note(f"{plan.label}: left out, see above")
            return None
        return _row(plan, python, environments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _row(plan: Plan, python: Path, environments: Sequence[str]) -> Row:
    asked = ["forward"] if plan.is_torch else environments
    installed: dict[str, str] = {}
    cells: dict[str, str] = {}
    notes: list[str] = []
    for what in asked:
        answer = _asked(python, what)
        installed |= answer.get("versions", {})
        for heading, cell, note in (forward_cells if plan.is_torch else environment_cell)(what, answer):
            cells[heading] = cell
            notes += [f"{heading}: {note}"] if note else []
    installed.pop("evalengine", None)
    listed = ", ".join(f"{package} {version}" for package, version in installed.items())
    return Row(plan.label, listed, cells, tuple(notes))


def _asked(python: Path, what: str) -> dict[str, Any]:
    """What version_probes.py finds, run by another interpreter: in a process that may die."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "cli"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), str(Path(__file__).with_name("version_probes.py")), what]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    try:
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = (ran.stderr.strip().splitlines() or ["without a word"])[-1]
        return {"died": f"ended with status {ran.returncode}: {last}"}
    return found


def _run(*command: str) -> bool:
    tools = WORK / "tools" / "bin"
    environment = {**os.environ, "UV_LINK_MODE": "hardlink", "PATH": f"{tools}:{os.environ['PATH']}"}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(command, check=False, env=environment).returncode == 0


def _uv() -> str:
    """The uv beside this interpreter, which runs; one on PATH may be a shim that does not."""
    pinned = Path(sys.executable).with_name("uv")
    return str(pinned) if pinned.exists() else "uv"


def main(arguments: Sequence[str]) -> int:
    """Measure the rows that are asked for, write the tables, and return 1 if a row could not be measured."""
    parser = argparse.ArgumentParser(prog="make versions", description=main.__doc__)
    parser.add_argument("--only", action="append", help='a row ("torch 2.15.0") or all of a package; may be repeated')
    names = [entry.short_name for entry in entries()]
    parser.add_argument("--environment", action="append", choices=names, help="a column; may be repeated (all)")
    parser.add_argument("--python", default=f"3.{sys.version_info[1]}", help="of most rows (%(default)s)")
    parser.add_argument("--uv", default=_uv(), help="(%(default)s)")
    parser.add_argument("--target", type=Path, default=TARGET, help="the document (%(default)s)")
    options = parser.parse_args(arguments)
    every = plans(options.python)
    only = options.only or [""]
    todo = [plan for plan in every if any(f"{plan.label} ".startswith(f"{name} ".lstrip()) for name in only)]
    if not todo:
        parser.error(f"--only: expected one of {', '.join(plan.label for plan in every)}; got {', '.join(only)}")
    WORK.mkdir(parents=True, exist_ok=True)
    tools = WORK / "tools"
    if not (tools / "bin" / "swig").exists():
        _run(options.uv, "venv", "--quiet", "--clear", str(tools))
        _run(options.uv, "pip", "install", "--quiet", "--python", str(tools / "bin" / "python"), "swig==4.*")
    left_out = 0
    for plan in todo:
        row = measured(plan, options.uv, options.environment or names)
        left_out += row is None
        if row is not None:
            streams.note(row.line(list(row.cells)))
            _write(options.target, [plan.label for plan in every], row)
    return 1 if left_out else 0


def _write(target: Path, labels: list[str], row: Row) -> None:
    """Put one row in its place, after each measurement: an interrupted run keeps what it has."""
    text = target.read_text(encoding="utf-8")
    rows = {known.label: known for known in rows_of(text)}
    rows[row.label] = row.with_cells_of(rows.get(row.label, row))
    kept = [rows[label] for label in labels if label in rows]
    with write_whole(target) as stream:
        stream.write(between_markers(text, "versions", section_text(kept)).encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
