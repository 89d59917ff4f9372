"""Tables and CSV files: every number is there, is whole, and reads back as it was."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from rendered_reports import lines_of, rendered

from evalengine.errors import OutputError
from evalengine.evaluation.evaluate import Evaluation
from evalengine.files.frames import write_csv
from evalengine.terminal.evaluate.run import EvaluateConfig, EvaluateResult
from evalengine.terminal.evaluate.tables import evaluation_frame, evaluation_report

PROVENANCE: dict[str, str | int] = {
    "started_at": "2026-01-02T12:00:00+00:00",
    "cpu": "a, b",
    "cores": 2,
    "dirty": "false",
}


def result_of(returns: NDArray[np.float64], failed: tuple[int, ...] = (), **config: object) -> EvaluateResult:
    """An evaluation with these returns (P, E); the individuals in `failed` have NaN returns and fitness -1."""
    population, episodes = returns.shape
    returns = returns.copy()
    returns[list(failed)] = np.nan
    fitness = returns.mean(axis=1).astype(np.float32)
    fitness[list(failed)] = -1
    is_failed = np.zeros(population, dtype=np.bool_)
    is_failed[list(failed)] = True
    evaluation = Evaluation(
        fitness=fitness,
        returns=returns,
        lengths=np.arange(population * episodes, dtype=np.int64).reshape(population, episodes),
        terminated=np.ones((population, episodes), dtype=np.bool_),
        truncated=np.zeros((population, episodes), dtype=np.bool_),
        stopped=np.zeros((population, episodes), dtype=np.int8),
        failed=is_failed,
        seeds=np.broadcast_to(np.array([[3, 2**64 - 1]], dtype=np.uint64)[:, :episodes], (population, episodes)),
        seconds=0.5,
        steps=1_234_567,
    )
    chosen = replace(EvaluateConfig(weights=Path("weights.npy")), **config)  # type: ignore[arg-type]
    return EvaluateResult.of(
        chosen, "CartPole-v1", "mlp:4-64-2", np.arange(population, dtype=np.int64), evaluation, PROVENANCE
    )


THREE = np.array([[1.0, 2.0], [30.0, 34.0], [4.0, 5.0]])


def test_statistics_are_those_of_each_individual() -> None:
    columns = result_of(THREE).columns
    assert columns["mean_return"].tolist() == [1.5, 32.0, 4.5]
    assert columns["std_return"].tolist() == [0.5, 2.0, 0.5]
    assert columns["min_return"].tolist() == [1.0, 30.0, 4.0]
    assert columns["max_return"].tolist() == [2.0, 34.0, 5.0]
    assert columns["mean_length"].tolist() == [0.5, 2.5, 4.5]


def test_the_best_comes_first_and_is_marked() -> None:
    lines = lines_of(evaluation_report(result_of(THREE), top=10))
    assert lines[0] == ["CartPole-v1", "mlp:4-64-2", "2", "episodes", "each"]
    assert lines[1] == ["individual", "mean", "std", "min", "max", "mean", "length"]
    assert lines[3:6] == [
        ["1", "32.00", "2.00", "30.00", "34.00", "2.5", "best"],
        ["2", "4.50", "0.50", "4.00", "5.00", "4.5"],
        ["0", "1.50", "0.50", "1.00", "2.00", "0.5"],
    ]
    assert " ".join(lines[6]) == "1,234,567 steps in 0.500 s: 2,469,134 steps/s"
    assert len(lines) == 7


def test_equal_individuals_keep_the_order_of_the_file() -> None:
    assert result_of(np.ones((4, 2))).ranking.tolist() == [0, 1, 2, 3]


def test_of_many_the_best_are_shown_and_all_are_summed_up() -> None:
    returns = np.arange(1000.0)[:, np.newaxis]
    text = rendered(evaluation_report(result_of(returns), top=3))
    assert [line.split()[0] for line in text.splitlines() if line.strip().startswith("99")] == ["999", "998", "997"]
    assert "The 3 best of 1,000 individuals; fitness 0.00 to 999.00, mean 499.50.\n" in text


def test_individuals_that_failed_come_last_and_say_so() -> None:
    result = result_of(np.array([[-5.0], [9.0], [-3.0]]), failed=(1,))
    assert result.best == 2
    assert result.ranking.tolist() == [2, 0, 1]
    text = rendered(evaluation_report(result, top=10))
    assert "nan" in text
    assert "failed: NaN or infinite logits, fitness -1.00" in text
    assert "fitness -5.00 to -3.00, mean -4.00; 1 failed." in rendered(evaluation_report(result, top=1))


def test_where_all_failed_none_is_best() -> None:
    result = result_of(np.ones((2, 2)), failed=(0, 1))
    assert result.best is None
    assert result.to_json()["best"] is None
    assert "all failed" in rendered(evaluation_report(result, top=0))


def test_an_empty_population_is_an_empty_table() -> None:
    result = result_of(np.empty((0, 2)))
    assert result.best is None
    assert result.to_json()["fitness"] == []
    assert len(evaluation_frame(result)) == 0
    assert rendered(evaluation_report(result, top=10)).count("\n") >= 3


def test_the_csv_is_named_where_there_is_one() -> None:
    text = rendered(evaluation_report(result_of(THREE, out=Path("all.csv")), top=10))
    assert text.endswith("All individuals: all.csv\n")


def test_small_numbers_keep_their_digits() -> None:
    text = rendered(evaluation_report(result_of(np.array([[0.00012345, 0.00012345]])), top=1))
    assert "0.000123" in text


def test_the_frame_has_one_row_for_each_individual() -> None:
    frame = evaluation_frame(result_of(THREE))
    assert " ".join(frame.columns) == (
        "schema_version env policy weights episodes seeds individual fitness "
        "mean_return std_return min_return max_return mean_length stopped failed started_at cpu cores dirty"
    )
    assert frame["individual"].tolist() == [0, 1, 2]
    assert frame["fitness"].dtype == np.float32
    assert set(frame["seeds"]) == {"3 18446744073709551615"}
    assert set(frame["weights"]) == {"weights.npy"}


def test_a_csv_reads_back_to_the_same_bits(tmp_path: Path) -> None:
    returns = np.random.default_rng(0).standard_normal((50, 2)) * 1e3
    frame = evaluation_frame(result_of(returns))
    write_csv(frame, tmp_path / "all.csv")
    back = pd.read_csv(tmp_path / "all.csv", dtype=str)  # Python reads exactly, pandas not always
    for column in ("fitness", "mean_return", "std_return", "min_return", "max_return", "mean_length"):
        numbers = np.array([float(text) for text in back[column]]).astype(frame[column].dtype)
        assert numbers.tobytes() == frame[column].to_numpy().tobytes()
    assert set(back["cpu"]) == {"a, b"}
    content = (tmp_path / "all.csv").read_bytes()
    assert content.endswith(b"\n") and b"\r" not in content


def test_a_csv_takes_any_file_name(tmp_path: Path) -> None:
    weights = Path(os.fsdecode(b"weights-\xff.npy"))
    write_csv(evaluation_frame(result_of(THREE, weights=weights)), tmp_path / "all.csv")
    assert b"weights-\xff.npy" in (tmp_path / "all.csv").read_bytes()


def test_a_csv_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^output: cannot write "):
        write_csv(evaluation_frame(result_of(THREE)), tmp_path / "missing" / "all.csv")
    assert list(tmp_path.iterdir()) == []
