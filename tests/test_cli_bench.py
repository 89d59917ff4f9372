"""`evalengine bench` on the command line: its options arrive, its result is printed, a mismatch is exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evalengine import app
from evalengine.bench.results import BenchComparison, BenchResult, BenchRow
from evalengine.bench.scaling import ScalingResult, ScalingRound
from evalengine.commands import bench
from evalengine.commands.bench import BenchConfig

ROW = BenchRow(
    schema_version=1, started_at="", env="CartPole-v1", workload="random", policy="mlp:4-64-2", backend="rust",
    backend_version="", round=0, population=64, episodes=16, threads=2, seed=1, steps=1000, seconds=0.5,
    fitness_checksum="", cpu="", cores=2, platform="", python="", numpy="", torch="", gymnasium="", evalengine="",
    commit="", dirty="",
)  # fmt: skip
EQUAL = BenchComparison("CartPole-v1", "random", "multiprocessing", individuals=64, differing=0, explained=0)
RESULT = BenchResult([ROW], [EQUAL])

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def bench_calls(monkeypatch: pytest.MonkeyPatch) -> list[BenchConfig]:
    """Replaces the measuring by a result; returns the list of configs that it was asked for."""
    calls: list[BenchConfig] = []

    def run(config: BenchConfig, progress: Callable[[str], None]) -> BenchResult:
        calls.append(config)
        progress("round 1")
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


def test_scaling_is_measured_instead(
    bench_calls: list[BenchConfig], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    configs: list[BenchConfig] = []
    rounds = [ScalingRound(replace(ROW, threads=threads, seconds=0.5 / threads), 10) for threads in (1, 2)]

    def run_scaling(config: BenchConfig, progress: Callable[[str], None]) -> ScalingResult:
        configs.append(config)
        progress("round 1")
        return ScalingResult(rounds)

    monkeypatch.setattr(bench, "run_scaling", run_scaling)
    line = "bench cartpole --policy mlp:4-16-2 --scaling --threads 2 --no-csv"
    assert app.main(line.split()) == app.OK
    captured = capsys.readouterr()
    assert captured.err == "round 1\n"
    assert "efficiency" in captured.out
    assert app.main([*line.split(), "--json"]) == app.OK
    document = json.loads(capsys.readouterr().out)
    assert [(row["threads"], row["us_per_call"]) for row in document["rows"]] == [(1, 50_000.0), (2, 25_000.0)]
    assert configs == [BenchConfig("cartpole", policy="mlp:4-16-2", threads=2, csv=False)] * 2
    assert bench_calls == []
    rounds[1] = ScalingRound(replace(ROW, threads=2, fitness_checksum="other"), 10)
    assert app.main([*line.split(), "--json"]) == app.MISMATCH


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
    monkeypatch.setattr(bench, "run", lambda config, progress: replace(RESULT, comparisons=[comparison]))
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
    document = json.loads(finished.stdout)
    assert [(row["env"], row["backend"]) for row in document["rows"]] == [("CartPole-v1", "rust")]
    assert out.read_text().count("\n") == 2
