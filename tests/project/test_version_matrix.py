"""`make versions`: which rows there are, what a cell says, and that one row is replaced in the document."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import version_matrix
from evalengine.environments.registry import entries
from evalengine.references.versions import TABLED
from results_text import between_markers
from version_matrix import plans
from version_probes import STEPS, environment, environment_cell, forward_cells
from version_text import FORWARD_HEADINGS, Row, rows_of, section_text

NAMES = [entry.short_name for entry in entries()]
DOCUMENT = "before\n<!-- versions: begin -->\n<!-- versions: end -->\nafter\n"


def test_every_tabled_version_is_measured_once() -> None:
    labels = [plan.label for plan in plans("3.11")]
    assert len(set(labels)) == len(labels)
    wanted = {f"{package} {version}" for package in TABLED if package != "box2d" for version in TABLED[package]}
    assert {label for label in labels if not label.startswith("Python ")} == wanted
    for plan in plans("3.11"):
        package, version = plan.label.split()
        assert package == "Python" or any(wish.endswith(f"=={version}") for wish in plan.requirements), plan


def row(label: str, *, cell: str = "equal (5)", notes: tuple[str, ...] = ()) -> Row:
    headings = FORWARD_HEADINGS if label.startswith("torch ") else NAMES
    return Row(label, f"{label}, numpy 2.4.6", dict.fromkeys(headings, cell), notes)


def test_rows_are_read_back_as_they_were_written() -> None:
    rows = [
        row("gymnasium 1.0.0", cell="differs", notes=("carracing: 3 differ; it's old | really", "snake: 1 differs")),
        row("numpy 2.4.6"),
        row("torch 2.15.0", notes=("tanh: other bits",)),
    ]
    text = between_markers(DOCUMENT, "versions", section_text(rows))
    assert text.startswith("before\n") and text.endswith("after\n")
    assert list(rows_of(text)) == rows
    assert list(rows_of(DOCUMENT)) == []


def test_a_measured_row_takes_its_place_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = [plan.label for plan in plans("3.11")]
    target = tmp_path / "PARITY.md"
    known = [row(labels[0]), row(labels[2]), row("gymnasium 0.1"), row(labels[-1])]
    target.write_text(between_markers(DOCUMENT, "versions", section_text(known)))
    monkeypatch.setattr(version_matrix, "WORK", tmp_path)
    monkeypatch.setattr(version_matrix, "_run", lambda *command: True)
    for wanted, made in ((labels[1], labels[1]), (labels[2], labels[2])):
        monkeypatch.setattr(version_matrix, "measured", lambda plan, uv, names, made=made: row(made, cell="equal (7)"))
        assert version_matrix.main(["--only", wanted, "--target", str(target)]) == 0
    found = list(rows_of(target.read_text()))
    assert [each.label for each in found] == [*labels[:3], labels[-1]]  # what is tabled no more is gone
    assert [each.cells.get("snake", each.cells.get("tanh")) for each in found] == [
        "equal (5)",
        "equal (7)",
        "equal (7)",
        "equal (5)",
    ]
    monkeypatch.setattr(version_matrix, "measured", lambda plan, uv, names: None)
    before = target.read_text()
    assert version_matrix.main(["--only", labels[0], "--target", str(target)]) == 1
    assert target.read_text() == before
    with pytest.raises(SystemExit):
        version_matrix.main(["--only", "torch 0.4", "--target", str(target)])


def test_a_new_column_joins_a_row_that_was_compared_with_the_same() -> None:
    before = Row("numpy 2.4.6", "numpy 2.4.6", {"snake": "differs", "cartpole": "differs"}, ("snake: a", "cartpole: b"))
    again = Row("numpy 2.4.6", "numpy 2.4.6", {"snake": "equal (1)"})
    assert again.with_cells_of(before) == replace(
        again, cells={"snake": "equal (1)", "cartpole": "differs"}, notes=("cartpole: b",)
    )
    assert again.with_cells_of(replace(before, installed="numpy 2.4.6, box2d 9")) == again
    text = between_markers(DOCUMENT, "versions", section_text([again]))
    assert list(rows_of(text)) == [again] and "| equal (1) | - |" in text


def test_a_cell_is_what_the_comparison_found() -> None:
    answer = environment("snake")
    ((heading, cell, note),) = environment_cell("snake", answer)
    sections = answer["sections"]
    assert (heading, note) == ("snake", "")
    assert cell == f"equal ({len(sections) * STEPS:,})" and len(sections) >= 4
    assert {"Python", "gymnasium", "numpy", "box2d", "pygame-ce"} <= answer["versions"].keys()


def section(**changes: Any) -> dict[str, Any]:
    return {"steps": 10, "mismatches": 0, "unproven": None, "first_divergence": None, **changes}


@pytest.mark.parametrize(
    ("answer", "cell", "note"),
    [
        ({"died": "ended with status -11: without a word"}, "not compared", "ended with status -11: without a word"),
        ({"sections": [section(), section()]}, "equal (20)", ""),
        ({"sections": [section(), section(steps=0, unproven="raised")]}, "equal (10), in part", "raised"),
        ({"sections": [section(steps=0, unproven="a; b"), section(steps=0, unproven="b")]}, "not compared", "a; b"),
        (
            {"sections": [section(mismatches=2, first_divergence={"field": "reward"}), section(unproven="old")]},
            "differs",
            "2 resets and steps differ, first in reward; old",
        ),
    ],
)
def test_what_differs_or_was_not_compared_is_never_equal(answer: dict[str, Any], cell: str, note: str) -> None:
    assert list(environment_cell("snake", answer)) == [("snake", cell, note)]
    sums, *others = [found[1:] for found in forward_cells("forward", answer)]
    assert sums != ("equal (20)", "") and len(others) == 2


def test_an_interpreter_without_what_is_compared_says_so_in_its_row(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    answer = version_matrix._asked(tmp_path / "bin" / "python", "snake")
    assert answer["died"].startswith("ended with status 1: ModuleNotFoundError: No module named 'numpy'")
