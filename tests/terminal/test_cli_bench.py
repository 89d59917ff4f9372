"""`evalengine bench` on the command line: its options arrive, its result is printed, a mismatch is exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bench_rows import EQUAL, ROW, rounds_of

from evalengine.bench.measures import Measure
from evalengine.bench.regressions import compare_runs
from evalengine.bench.results import BenchResult
from evalengine.files.frames import write_csv
from evalengine.terminal import app
from evalengine.terminal.bench import run as bench
from evalengine.terminal.bench.run import BenchConfig
from evalengine.terminal.bench.tables import bench_frame

RESULT = BenchResult([replace(ROW, population=64, steps=1000, seconds=0.5)], [EQUAL])

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def bench_calls(monkeypatch: pytest.MonkeyPatch) -> list[BenchConfig]:
    """Replaces the measuring by a result; returns the list of configs that it was asked for."""
    calls: list[BenchConfig] = []

    def run(
        config: BenchConfig,
        progress: Callable[[str], object],
        count: Callable[[int, int], object],
        doing: Callable[[str], object],
    ) -> BenchResult:
        calls.append(config)
        doing("warming up")
        progress("round 1")
        count(1, 1)
        return RESULT

    monkeypatch.setattr(bench, "run", run)
    return calls


def test_bench_takes_the_published_workloads_by_default(bench_calls: list[BenchConfig]) -> None:
    assert app.main(["bench", "snake"]) == app.OK
    assert bench_calls == [BenchConfig("snake")]


def test_every_option_of_bench_arrives(bench_calls: list[BenchConfig]) -> None:
    line = (
        "bench CartPole-v1 --workload random --population 64 --episodes 4 --rounds 2 --threads 3 "
        "--backends rust,multiprocessing --policy mlp:4-8-2 --seconds 0.5 --out rows.csv"
    )
    assert app.main(line.split()) == app.OK
    assert bench_calls == [
        BenchConfig(
            env="CartPole-v1",
            workloads=("random",),
            backends=("rust", "multiprocessing"),
            population=64,
            episodes=4,
            rounds=2,
            threads=3,
            policy="mlp:4-8-2",
            round_seconds=0.5,
            out=Path("rows.csv"),
        )
    ]


@pytest.mark.parametrize("measure", list(Measure))
def test_the_measure_arrives(measure: Measure, bench_calls: list[BenchConfig]) -> None:
    assert app.main(["bench", "all", "--measure", measure, "--compare", "old.csv", "--no-csv"]) == app.OK
    assert bench_calls == [BenchConfig("all", measure=measure, former=Path("old.csv"), csv=False)]


def test_an_unknown_measure_is_bad_usage(capsys: Captured) -> None:
    assert app.main(["bench", "snake", "--measure", "beauty"]) == app.BAD_INPUT
    assert "'beauty' is not one of" in capsys.readouterr().err


@pytest.mark.parametrize("output", [[], ["--json"]])
def test_what_got_slower_is_a_mismatch(output: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    slower = compare_runs(rounds_of((1.0, 1.0, 1.0)), rounds_of((2.0, 2.0, 2.0)))
    monkeypatch.setattr(bench, "run", lambda *arguments: replace(RESULT, regressions=slower))
    assert app.main(["bench", "cartpole", *output]) == app.MISMATCH
    assert "slower" in capsys.readouterr().out


def test_an_interrupted_bench_shows_what_it_has(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    kept = replace(RESULT, interrupted=True, planned=30, csv_path=Path("rows.csv"))
    monkeypatch.setattr(bench, "run", lambda *arguments: kept)
    assert app.main(["bench", "cartpole"]) == app.INTERRUPTED
    captured = capsys.readouterr()
    assert "Interrupted: 1 of 30 rows." in captured.out
    assert captured.err == "interrupted: 1 of 30 rows, kept in rows.csv\n"
    monkeypatch.setattr(bench, "run", lambda *arguments: BenchResult([], interrupted=True, planned=30))
    assert app.main(["bench", "cartpole"]) == app.INTERRUPTED
    assert capsys.readouterr().err == "interrupted: 0 of 30 rows\n"


def test_two_saved_runs_are_compared(tmp_path: Path, capsys: Captured) -> None:
    former, now = tmp_path / "former.csv", tmp_path / "now.csv"
    write_csv(bench_frame(rounds_of((1.0, 1.01, 1.02))), former)
    write_csv(bench_frame(rounds_of((1.5, 1.51, 1.52))), now)
    assert app.main(["compare", str(former), str(now)]) == app.MISMATCH
    assert "1 slower, 0 faster, 0 same, 0 unjudged." in capsys.readouterr().out
    assert app.main(["compare", str(now), str(former), "--json"]) == app.OK
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] and [change["verdict"] for change in document["changes"]] == ["faster"]
    assert app.main(["compare", str(former), str(tmp_path / "missing.csv")]) == app.BAD_INPUT
    assert capsys.readouterr().err.endswith("missing.csv: cannot be read: No such file or directory\n")


def test_runs_of_which_nothing_could_be_judged_say_why(tmp_path: Path, capsys: Captured) -> None:
    former, now, other = tmp_path / "former.csv", tmp_path / "now.csv", tmp_path / "other.csv"
    write_csv(bench_frame(rounds_of((1.0, 1.01))), former)
    write_csv(bench_frame(rounds_of((1.5, 1.51, 1.52))), now)
    write_csv(bench_frame([replace(row, backend="other") for row in rounds_of((1.5, 1.51, 1.52))]), other)
    assert app.main(["compare", str(former), str(now)]) == app.BAD_INPUT
    captured = capsys.readouterr()
    assert "1 unjudged." in captured.out
    assert captured.err == "error: no case with 3 rounds on each side (at most 2): nothing could be judged\n"
    assert app.main(["compare", str(now), str(other), "--json"]) == app.BAD_INPUT
    captured = capsys.readouterr()
    assert json.loads(captured.out)["changes"] == []
    assert captured.err == "error: the two runs share no case: nothing could be judged\n"


def test_bench_can_leave_the_csv_out(bench_calls: list[BenchConfig], capsys: Captured) -> None:
    assert app.main(["bench", "snake", "--no-csv"]) == app.OK
    assert bench_calls == [BenchConfig("snake", csv=False)]
    assert app.main(["bench", "snake", "--no-csv", "--out", "rows.csv"]) == app.BAD_INPUT
    assert capsys.readouterr().err.endswith("error: --out: expected either --out or --no-csv, got both (rows.csv)\n")


@pytest.mark.usefixtures("bench_calls")
def test_bench_prints_tables_to_stdout_and_progress_to_stderr(capsys: Captured) -> None:
    assert app.main(["bench", "cartpole"]) == app.OK
    captured = capsys.readouterr()
    assert captured.err == "round 1\n"
    assert "CartPole-v1  mlp:4-64-2  random population" in captured.out
    assert "every return and length equals the engine's." in captured.out


@pytest.mark.usefixtures("bench_calls")
def test_bench_prints_one_json_document(capsys: Captured) -> None:
    assert app.main(["bench", "cartpole", "--json"]) == app.OK
    document = json.loads(capsys.readouterr().out)
    row = document["rows"][0]
    assert (row["env"], row["workload"], row["policy"], row["backend"]) == (
        "CartPole-v1", "random", "mlp:4-64-2", "rust",
    )  # fmt: skip
    assert (row["steps"], row["steps_per_s"]) == (1000, 2000.0)
    assert document["comparisons"][0]["differing"] == 0


@pytest.mark.parametrize("output", [[], ["--json"]])
@pytest.mark.parametrize(("explained", "code"), [(2, app.OK), (1, app.MISMATCH)])
def test_an_unexplained_difference_is_a_mismatch(
    output: list[str], explained: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = replace(EQUAL, differing=2, explained=explained)
    monkeypatch.setattr(bench, "run", lambda *arguments: replace(RESULT, comparisons=[comparison]))
    assert app.main(["bench", "cartpole", *output]) == code


def test_a_real_bench_runs(tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    sizes = "--workload random --backends rust --population 8 --episodes 2 --rounds 1 --threads 1 --seconds 0.01"
    finished = subprocess.run(
        [sys.executable, "-m", "evalengine", "bench", "cartpole", *sizes.split(), "--json", "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    [line] = finished.stderr.splitlines()  # one for each backend and round
    assert line.startswith("CartPole-v1, random: round 1/1: rust: ")
    document = json.loads(finished.stdout)
    assert [(row["env"], row["backend"]) for row in document["rows"]] == [("CartPole-v1", "rust")]
    assert out.read_text().count("\n") == 2
