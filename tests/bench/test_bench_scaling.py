"""`bench --measure scaling`: sizes, numbers of threads, repeated calls, what is read from them. Asserts no speed."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from bench_rows import rounds_of
from numpy.typing import NDArray

from evalengine import evaluate
from evalengine.bench import plan
from evalengine.bench.backends import Evaluated
from evalengine.bench.measures import Measure
from evalengine.bench.plan import SCALING_SIZES, thread_counts
from evalengine.bench.results import BenchResult
from evalengine.bench.timing import repeated_round
from evalengine.environments.registry import resolve
from evalengine.errors import InputError, OutputError
from evalengine.terminal.bench.run import SCHEMA_VERSION, BenchConfig, run
from evalengine.workloads import catalogue as workloads

CARTPOLE = resolve("cartpole")
TINY = BenchConfig(
    "cartpole", Measure.scaling, workloads=("random",), rounds=2, threads=2, round_seconds=1e-6, csv=False
)
SMALL_SIZES = ((5, 1), (1, 3), (2, 2))


@pytest.fixture
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SCALING_SIZES", SMALL_SIZES)


# --- one round


class Clocked:
    """A backend whose calls take a quarter of a second each on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.calls = 0.0, 0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        self.calls += 1
        self.now += 0.25
        return Evaluated(np.zeros((len(weights), len(seeds))), np.full((len(weights), len(seeds)), 7, np.int64))


@pytest.mark.parametrize(("seconds", "calls"), [(0.1, 1), (0.25, 1), (0.8, 4), (1.0, 4)])
def test_a_call_is_repeated_until_the_round_is_over(
    monkeypatch: pytest.MonkeyPatch, seconds: float, calls: int
) -> None:
    backend = Clocked(monkeypatch)
    finished = repeated_round(backend, np.zeros((3, 1), np.float32), np.zeros(2, np.uint64), seconds)
    assert (finished.calls, backend.calls) == (calls, calls)
    assert (finished.seconds, finished.steps) == (0.25 * calls, 42 * calls)


# --- what is measured


def test_the_published_sizes() -> None:
    assert SCALING_SIZES == ((256, 1), (64, 8), (1, 100), (10_000, 1))


@pytest.mark.parametrize(
    ("most", "counts"), [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (12, (1, 2, 4, 8, 12)), (16, (1, 2, 4, 8, 16))]
)
def test_one_thread_and_its_doubles_and_all_are_measured(most: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(most) == counts


@pytest.mark.usefixtures("small_sizes")
def test_numbers_of_threads_take_turns_at_each_size() -> None:
    lines: list[str] = []
    rows = run(replace(TINY, workloads=None, threads=3), lines.append).rows
    assert [(row.workload, row.population, row.episodes, row.round, row.threads) for row in rows] == [
        (workload, population, episodes, number, threads)
        for workload in ("random", "trained")
        for population, episodes in SMALL_SIZES
        for number in (1, 2)
        for threads in (1, 2, 3)
    ]
    rounds = [line for line in lines if ": round " in line]
    assert len(rounds) == len(rows)
    assert rounds[0].startswith("CartPole-v1, random, 5 x 1: round 1/2: rust, threads 1: ")


@pytest.mark.usefixtures("small_sizes")
@pytest.mark.parametrize("policy", [None, "mlp:4-16-2", "mlp:4-2"])
def test_rows_say_what_ran(policy: str | None) -> None:
    workload = workloads.workload("random", CARTPOLE, policy)
    result = run(replace(TINY, policy=policy))
    assert result.ok
    for row in result.rows:
        assert (row.schema_version, row.env, row.policy) == (SCHEMA_VERSION, "CartPole-v1", workload.policy)
        assert (row.backend, row.seed) == ("rust", workload.seed)
        assert row.seconds > 0 and row.cpu and row.python
        weights = replace(workload, population=row.population).weights()
        direct = evaluate("CartPole-v1", weights, workload.policy, episodes=row.episodes)
        assert row.steps == row.calls * direct.steps
        assert row.fitness_checksum == hashlib.sha256(direct.fitness.tobytes()).hexdigest()[:16]


def test_more_individuals_than_the_workload_has_are_drawn() -> None:
    of_policy = replace(TINY, policy="mlp:4-16-2", population=262_145, episodes=1, rounds=1, threads=1)
    assert workloads.workload("random", CARTPOLE, "mlp:4-16-2").population == 262_144
    assert [row.population for row in run(of_policy).rows] == [262_145]


@pytest.mark.parametrize(
    ("change", "size"),
    [
        ({"population": 3, "episodes": 2}, (3, 2)),
        ({"population": 3}, (3, 16)),
    ],
)
def test_a_size_of_ones_own(change: dict[str, Any], size: tuple[int, int]) -> None:
    rows = run(replace(TINY, **change)).rows
    assert {(row.population, row.episodes) for row in rows} == {size}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"env": "snak"}, 'unknown environment "snak"; did you mean "snake"?'),
        ({"population": 0}, "population: expected at least 1, got 0"),
        ({"round_seconds": -1.0}, "round_seconds: expected a positive number of seconds, got -1.0"),
        (
            {"backends": ("rust", "multiprocessing")},
            "backends: expected some of rust, rust-apart for scaling, got rust, mult",
        ),
        ({"backends": ()}, "backends: expected some of rust, rust-apart for scaling, got none"),
        ({"measure": Measure.resident, "backends": ("rust-apart",)}, "backends: expected rust alone for resident, got"),
        (
            {"policy": "mlp:4-2", "workloads": ("trained",)},
            "policy: the trained workload's weights are for mlp:4-64-2 or mlp:4-16-2, got mlp:4-2",
        ),
    ],
)
def test_bad_configurations_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        run(replace(TINY, **change), progress=lambda line: pytest.fail(f"work began: {line}"))
    assert message in str(caught.value)


# --- what is found


def test_summaries_are_medians_and_efficiency_is_against_one_thread() -> None:
    one = {"measure": "scaling", "population": 1, "episodes": 1, "steps": 120}
    rows = rounds_of((1.0, 2.0, 4.0), threads=1, calls=4, **one)
    rows += rounds_of((1.0, 1.5, 1.0), threads=2, calls=5, **one)
    rows += rounds_of((3.0,), threads=1, calls=1, **one | {"population": 9})
    alone, both, other = BenchResult(rows).summaries
    assert (alone.population, alone.threads, alone.rounds, alone.calls) == (1, 1, 3, 12)
    assert (alone.steps, alone.seconds) == (360, 7.0)
    assert (alone.steps_per_s, alone.steps_per_s_min, alone.steps_per_s_max) == (60.0, 30.0, 120.0)
    assert (alone.us_per_call, alone.efficiency) == (0.5e6, 1.0)
    assert (both.threads, both.us_per_call, both.steps_per_s, both.efficiency) == (2, 0.2e6, 120.0, 80.0 / (2 * 60.0))
    assert (other.population, other.steps_per_s, other.efficiency) == (9, 40.0, 1.0)


def test_efficiency_is_against_the_same_round() -> None:
    # The machine is half as fast in the second round, and one round on one thread is missing.
    one = {"measure": "scaling", "population": 1, "episodes": 1, "steps": 120}
    rows = rounds_of((1.0, 2.0), threads=1, **one)
    rows += rounds_of((0.5, 1.25, 0.1), threads=2, **one)
    _, both = BenchResult(rows).summaries
    assert both.efficiency == (1.0 + 0.8) / 2


@pytest.mark.usefixtures("small_sizes")
def test_calls_apart_play_everything_once_on_each_thread() -> None:
    rows = run(replace(TINY, backends=("rust", "rust-apart"), rounds=1)).rows
    keys = [(row.backend, row.threads) for row in rows]
    assert keys == [("rust", 1), ("rust", 2), ("rust-apart", 1), ("rust-apart", 2)] * len(SMALL_SIZES)
    for rust, _, one, two in zip(rows[::4], rows[1::4], rows[2::4], rows[3::4], strict=True):
        assert one.fitness_checksum == rust.fitness_checksum
        steps = rust.steps // rust.calls
        assert (one.steps, two.steps) == (one.calls * steps, 2 * two.calls * steps)
        assert two.note.startswith("each episode 2 times")


def test_different_fitnesses_at_one_size_are_a_mismatch() -> None:
    result = run(replace(TINY, population=4, episodes=2))
    assert result.ok
    wrong = replace(result.rows[-1], fitness_checksum="0" * 16)
    assert not BenchResult([*result.rows[:-1], wrong]).ok
    # Another size has other fitnesses.
    assert BenchResult([*result.rows, replace(wrong, population=9)]).ok


@pytest.mark.usefixtures("small_sizes")
def test_the_json_document_and_the_csv(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    result = run(replace(TINY, csv=True, out=path))
    document = json.loads(json.dumps(result.to_json()))
    assert document["rows"] == [asdict(summary) for summary in result.summaries]
    assert (document["ok"], document["csv"]) == (True, str(path))
    with path.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["population"], line["threads"], float(line["seconds"])) for line in lines] == [
        (str(row.population), str(row.threads), row.seconds) for row in result.rows
    ]
    assert list(lines[0]) == list(asdict(result.rows[0]))


@pytest.mark.usefixtures("small_sizes")
def test_the_csv_is_named_scaling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(replace(TINY, csv=True))
    (path,) = (tmp_path / "bench_results").iterdir()
    assert path.name.startswith("cartpole-scaling-") and path.suffix == ".csv"


def test_an_unwritable_csv_is_refused_before_any_work(tmp_path: Path) -> None:
    config = replace(TINY, csv=True, out=tmp_path / "missing" / "rows.csv")
    with pytest.raises(OutputError, match="missing"):
        run(config, progress=lambda line: pytest.fail(f"work began: {line}"))
