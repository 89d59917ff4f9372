"""The guard that counts instructions: what it says of counts, and when it does not compare; without valgrind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import count_instructions
from count_instructions import Count, counts_of, read, surroundings, total_of, verdicts, why_not, write

CARTPOLE = Count("cartpole", "random", "mlp:4-64-2", 1000, 10_000)
PENDULUM = Count("pendulum", "trained", "mlp:3-64-1", 200, 5000)


@pytest.mark.parametrize(
    ("now", "is_worse", "is_different"),
    [(10_200, False, False), (10_201, True, False), (9800, False, False), (9799, False, True)],
)
def test_more_than_two_percent_is_worse(now: int, is_worse: bool, is_different: bool) -> None:
    worse, different = verdicts([CARTPOLE, PENDULUM], [replace(CARTPOLE, instructions_per_step=now), PENDULUM])
    assert (bool(worse), bool(different)) == (is_worse, is_different)
    if is_worse:
        assert worse == ["cartpole random mlp:4-64-2: 10,000 -> 10,201 (+2.0%)"]


def test_what_is_not_on_both_sides_is_worse() -> None:
    assert verdicts([CARTPOLE], [CARTPOLE, PENDULUM])[0] == [f"{PENDULUM.name}: expected a recorded count, got none"]
    assert verdicts([CARTPOLE, PENDULUM], [CARTPOLE])[0] == [f"{PENDULUM.name}: recorded, but no longer counted"]
    worse, _ = verdicts([CARTPOLE], [replace(CARTPOLE, steps=999)])
    assert worse == [f"{CARTPOLE.name}: expected 1000 steps, got 999"]


def test_counts_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "instructions.csv"
    write(path, [CARTPOLE, PENDULUM], "rustc 1, glibc-2")
    assert read(path) == ("rustc 1, glibc-2", [CARTPOLE, PENDULUM])
    assert list(tmp_path.iterdir()) == [path]


def test_instructions_are_divided_by_the_steps_of_their_line() -> None:
    lines = ["cartpole random mlp:4-64-2 1000", "pendulum trained mlp:3-64-1 200"]
    assert counts_of(lines, [10_000_400, 1_000_000]) == [CARTPOLE, PENDULUM]
    with pytest.raises(ValueError, match="shorter"):
        counts_of(lines, [1])


def test_a_dump_without_instructions_is_no_count() -> None:
    assert total_of("events: Ir\nsummary: 123\n\nfn=x\n\ntotals: 123\n") == 123
    with pytest.raises(SystemExit, match=r"^instructions: expected valgrind to count .* is the extension stripped\?$"):
        total_of("events: Ir\nsummary: 0\n")


def test_another_kind_or_no_valgrind_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count_instructions, "kind", lambda: "here")
    monkeypatch.setattr(shutil, "which", lambda program: f"/bin/{program}")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert (why_not("here"), why_not(None)) == (None, None)
    assert why_not("there") == "recorded with there, here is here"
    monkeypatch.setattr(shutil, "which", lambda program: None if program == "valgrind" else f"/bin/{program}")
    assert why_not("here") == "valgrind is not installed (apt-get install valgrind)"
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert why_not("here") == "expected x86_64, got arm64"


def test_what_is_not_compared_is_said_loudly_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(count_instructions, "why_not", lambda of_kind: "valgrind is not installed")
    monkeypatch.setattr("sys.argv", ["count_instructions.py"])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert count_instructions.main() == 0
    captured = capsys.readouterr()
    frame, line, _, end = captured.err.splitlines()
    assert line == "instructions: NOT COMPARED: valgrind is not installed"
    assert frame == end == "!" * len(frame) and len(frame) >= len(line)
    assert captured.out == f"::warning title=make counted::{line}\n"
    monkeypatch.setattr("sys.argv", ["count_instructions.py", "--record"])
    assert count_instructions.main() == 1


def test_avx2_is_what_is_counted() -> None:
    assert surroundings({"EVALENGINE_ISA": "avx512", "A": "b"}) == {
        "EVALENGINE_ISA": "avx2",
        "PYTHONHASHSEED": "0",
        "A": "b",
    }
