"""What a command reads, it does not overwrite, by whatever name its output goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_answers import Captured, refusal

from evalengine import Policy
from evalengine.parity import golden

MLP = Policy("mlp:4-64-2")
WEIGHTS, DESCRIPTION = "the weights", "the weights' description"
OPTIONS = [("evaluate", "out"), ("replay", "video")]


def check_refused(command: str, option: str, weights: Path, output: Path, what: str, capsys: Captured) -> None:
    """Check that nothing in the folder is made, or has changed."""
    folder = weights.parent
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    line = refusal(command, capsys, weights, f"--{option}", output)
    assert line == f"{option}: expected another file than {what}, got {output}"
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(("command", "option"), OPTIONS)
@pytest.mark.parametrize("what", [WEIGHTS, DESCRIPTION])
@pytest.mark.parametrize("name", ["itself", "spelling", "relative", "link", "hard link"])
def test_weights_and_their_description_are_kept(
    command: str,
    option: str,
    what: str,
    name: str,
    population: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(population.parent)
    kept = population if what == WEIGHTS else Path(f"{population}.json")
    (population.parent / "sub").mkdir()
    output = population.parent / "other.csv"
    if name == "link":
        output.symlink_to(kept)
    elif name == "hard link":
        output.hardlink_to(kept)
    elif name == "itself":
        output = kept
    else:
        output = population.parent / "sub" / ".." / kept.name if name == "spelling" else Path(kept.name)
    check_refused(command, option, population, output, what, capsys)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_no_description_is_made_where_there_was_none(
    command: str, option: str, population: Path, capsys: Captured
) -> None:
    """The next reader of the weights would take it for theirs."""
    sidecar = Path(f"{population}.json")
    sidecar.unlink()
    check_refused(command, option, population, sidecar, DESCRIPTION, capsys)


@pytest.mark.usefixtures("no_work")
def test_the_descriptions_of_a_link_and_of_its_file_are_kept(population: Path, capsys: Captured) -> None:
    link = population.parent / "link.npy"
    link.symlink_to(population)
    for sidecar in (Path(f"{link}.json"), Path(f"{population}.json")):
        check_refused("evaluate", "out", link, sidecar, DESCRIPTION, capsys)


def test_a_file_that_stands_beside_no_weights_may_end_in_json(population: Path, tmp_path: Path) -> None:
    from evalengine.terminal import app

    assert app.main(["evaluate", str(population), "--episodes", "1", "--out", str(tmp_path / "other.npy.json")]) == 0
    assert (tmp_path / "other.npy.json").read_bytes().startswith(b"schema_version")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("suffix", [".part", ".part.journal"])
def test_an_unfinished_run_is_kept(suffix: str, population: Path, capsys: Captured) -> None:
    unfinished = population.parent / f"all.csv{suffix}"
    unfinished.write_bytes(b"rows")
    what = "those of an unfinished run"
    check_refused("evaluate", "out", population, unfinished, what, capsys)
    link = population.parent / "link.csv"
    link.symlink_to(unfinished)
    check_refused("evaluate", "out", population, link, what, capsys)


def test_bench_keeps_the_run_that_it_compares_with(tmp_path: Path, capsys: Captured) -> None:
    former = Path(__file__).parents[2] / "bench_results" / "throughput.csv"
    copy, link = tmp_path / "former.csv", tmp_path / "link.csv"
    copy.write_bytes(former.read_bytes())
    link.symlink_to(copy)
    for output in (copy, link):
        line = refusal("bench", capsys, "cartpole", "--compare", copy, "--out", output)
        assert line == f"out: expected another file than the former run, got {output}"
    assert copy.read_bytes() == former.read_bytes()


def test_parity_keeps_the_traces_that_it_reads(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden, "folder", lambda: tmp_path)
    traces = tmp_path / "cartpole.npz"
    traces.write_bytes(b"traces")
    line = refusal("parity", capsys, "cartpole", "--out", traces)
    assert line == f"out: expected another file than the golden traces, got {traces}"
    assert traces.read_bytes() == b"traces"


def test_a_name_that_no_file_can_have_is_one_line(population: Path, capsys: Captured) -> None:
    for command, option in OPTIONS:
        line = refusal(command, capsys, population, f"--{option}", "x" * 5000, code=4)
        assert line.startswith("output: cannot write xxx") and line.endswith(f": {os.strerror(36)}")
        assert len(line) < 500
