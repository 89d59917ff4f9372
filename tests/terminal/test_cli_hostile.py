"""Whatever stands on the command line: one short line that a terminal can print, and exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from cli_answers import Captured, document, refusal

from evalengine import Policy
from evalengine.terminal import app

MLP = Policy("mlp:4-64-2")
VALUES = ["\udce9", "a\x1b[2J\n", "\u202e=1", "g=\udce9", "\udce9=1", "\x1b=1", "1" * 400, "1" * 5000, "x" * 100_000]
OPTIONS = {
    "evaluate": [
        *("--env", "--policy", "--observation", "--env-kwarg", "--reset-option", "--seeds", "--on-nan", "--episodes"),
        *("--index", "--threads", "--max-episode-steps", "--seed", "--top", "--x\x1b"),
    ],
    "replay": ["--env", "--policy", "--index", "--seeds", "--render", "--observation"],
    "bench": ["--policy", "--backends", "--workload", "--measure", "--compare"],
    "parity": ["--policy", "--driver", "--steps"],
}
GOOD = {"--top": VALUES[6:8], "--on-nan": VALUES[6:8], "--seeds": [], "--seed": []}


@pytest.mark.parametrize(("command", "option"), [(name, option) for name in OPTIONS for option in OPTIONS[name]])
def test_hostile_values_are_refused_in_one_line(command: str, option: str, population: Path, capsys: Captured) -> None:
    first = [population] if command in ("evaluate", "replay") else ["cartpole"]
    for value in VALUES:
        if value in GOOD.get(option, []):
            continue
        line = refusal(command, capsys, *first, f"{option}={value}")
        assert line.isprintable() and len(line) < 1200


@pytest.mark.parametrize("command", ["evaluate", "replay", "bench", "parity", "envs", "compare"])
def test_hostile_names_are_refused_in_one_line(command: str, capsys: Captured) -> None:
    for value in VALUES:
        arguments = [value, value] if command == "compare" else [value]
        line = refusal(command, capsys, *arguments)
        assert line.isprintable() and len(line) < 1200


def spoiled(path: Path, individual: int) -> Path:
    weights = MLP.init(80, seed=0)
    weights[individual, 3] = np.nan
    MLP.save(path, weights, "cartpole")
    return path


@pytest.mark.parametrize("individual", [0, 77])
def test_the_individual_that_is_evaluated_alone_is_the_one_that_is_named(
    individual: int, tmp_path: Path, capsys: Captured
) -> None:
    path = spoiled(tmp_path / "w.npy", individual)
    for arguments in ([], ["--index", individual], ["--out", tmp_path / "all.csv"]):
        line = refusal("evaluate", capsys, path, *arguments)
        assert line == f"weights: expected finite numbers, got nan in individual {individual} at position 3"
    found = document("evaluate", capsys, path, "--index", 5)
    assert found["individual"] == [5]


@pytest.mark.parametrize("individual", [0, 77])
def test_the_individual_whose_logits_are_not_finite_is_named(individual: int, tmp_path: Path, capsys: Captured) -> None:
    weights = MLP.init(80, seed=0)
    weights[individual] = 3e38
    MLP.save(tmp_path / "w.npy", weights, "cartpole")
    line = refusal("evaluate", capsys, tmp_path / "w.npy", "--index", individual)
    assert line.startswith(f"individual {individual}, episode 0: ")


def test_names_of_files_do_not_speak_to_the_terminal(tmp_path: Path, capsys: Captured) -> None:
    path, out = tmp_path / "a\x1b[2J\n.npy", tmp_path / "b\x1b[2J\n.csv"
    assert refusal("evaluate", capsys, path).endswith(r"a\x1b[2J\n.npy")
    MLP.save(path, MLP.init(2, seed=0), "cartpole")
    assert app.main(["evaluate", str(path), "--out", str(out)]) == app.OK
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("All individuals: ") and last.endswith(r"b\x1b[2J\n.csv")
    assert out.exists()


def test_names_of_files_that_are_no_text_are_used(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.npy")
    MLP.save(path, MLP.init(3, seed=0), "cartpole")
    assert app.main(["evaluate", str(path), "--episodes", "40", "--out", str(tmp_path / "all.csv")]) == app.OK
    assert b"caf\xe9.npy" in (tmp_path / "all.csv").read_bytes()
    assert capsys.readouterr().err == ""
