"""`bench`: workloads, backends, timing, comparisons, the result and its CSV. Nothing here asserts a speed."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import re
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import Policy, evaluate
from evalengine.bench import backends
from evalengine.bench.backends import MODULES, NAMED, OF_GRAPHS, Evaluated
from evalengine.bench.timing import prefix_for
from evalengine.environments.registry import EnvironmentEntry, entries, resolve
from evalengine.errors import InputError, MissingDependencyError, OutputError, UnsupportedError
from evalengine.policies.loading import load_weights
from evalengine.terminal.bench.run import SCHEMA_VERSION, BenchComparison, BenchConfig, BenchResult, BenchRow, run
from evalengine.workloads import catalogue as workloads
from evalengine.workloads.individuals import individuals

CARTPOLE = resolve("cartpole")
SNAKE = resolve("snake")
CARRACING = resolve("carracing")
LISTED = [
    (entry, policy, name)
    for entry in entries()
    for policy in workloads.policies(entry)
    for name in workloads.names(entry)
]
TRAINED = [(entry, policy) for entry, policy, name in LISTED if name == "trained"]
LOOPS = ("multiprocessing", "multiprocessing-tuned")
TINY = BenchConfig("cartpole", population=6, episodes=2, rounds=2, threads=2, round_seconds=60.0, csv=False)


# --- workloads


@pytest.mark.parametrize(("entry", "policy", "name"), LISTED, ids=lambda value: getattr(value, "short_name", value))
def test_a_workload_is_fixed(entry: EnvironmentEntry, policy: str, name: str) -> None:
    workload = replace(workloads.workload(name, entry, policy), population=20)
    assert (workload.name, workload.env_id, workload.policy) == (name, entry.id, policy)
    Policy(policy).check_fits(entry)
    weights = workload.weights()
    assert weights.dtype == np.float32
    assert weights.shape == (20, Policy(policy).n_params)
    np.testing.assert_array_equal(weights, workload.weights())
    np.testing.assert_array_equal(replace(workload, population=7).weights(), weights[:7])
    assert len(np.unique(weights, axis=0)) == 20
    assert workload.seeds().dtype == np.uint64
    assert workload.seeds().tolist() == list(range(workload.episodes))


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_the_first_policy_is_the_environments_default(entry: EnvironmentEntry) -> None:
    listed = workloads.policies(entry)
    assert listed[0] == entry.default_policy
    assert [str(Policy(policy)) for policy in listed] == list(listed)
    for name in workloads.names(entry):
        assert workloads.workload(name, entry) == workloads.workload(name, entry, listed[0])


def test_cartpole_has_workloads_for_two_policies() -> None:
    assert workloads.policies(CARTPOLE) == ("mlp:4-64-2", "mlp:4-16-2")
    large, small = (workloads.workload("trained", CARTPOLE, policy) for policy in workloads.policies(CARTPOLE))
    assert (large.weights_file, small.weights_file) == ("cartpole.npy", "cartpole-16.npy")


def test_random_individuals_are_the_policys() -> None:
    for policy in (None, "mlp:4-16-2", "mlp:4-2,act=relu"):
        workload = replace(workloads.workload("random", CARTPOLE, policy), population=3)
        assert workload.policy == policy or policy is None
        np.testing.assert_array_equal(workload.weights(), Policy(workload.policy).init(3, workload.seed))


@pytest.mark.parametrize(("entry", "policy"), TRAINED, ids=lambda value: getattr(value, "short_name", value))
def test_trained_individuals_surround_the_shipped_one(entry: EnvironmentEntry, policy: str) -> None:
    workload = replace(workloads.workload("trained", entry, policy), population=50)
    assert workload.weights_file is not None
    shipped = workloads.shipped_weights(workload.weights_file)
    weights = workload.weights()
    np.testing.assert_array_equal(weights[0], shipped)
    assert np.std(weights[1:] - shipped) == pytest.approx(workload.noise, rel=0.04)


@pytest.mark.parametrize(
    ("entry", "policy", "least"),
    [
        (CARTPOLE, "mlp:4-64-2", 490.0),
        (CARTPOLE, "mlp:4-16-2", 490.0),
        (SNAKE, SNAKE.default_policy, 15.0),
        (CARRACING, CARRACING.default_policy, 300.0),
        (CARRACING, "mlp:27648-3", 300.0),
    ],
)
def test_trained_individuals_are_good_players(entry: EnvironmentEntry, policy: str, least: float) -> None:
    workload = replace(workloads.workload("trained", entry, policy), population=8)
    fitness = evaluate(entry.id, workload.weights(), policy, seeds=workload.seeds()).fitness
    assert fitness.min() >= least


def test_the_small_cartpole_policy_never_falls() -> None:
    weights = workloads.shipped_weights("cartpole-16.npy")
    assert evaluate(CARTPOLE.id, weights, "mlp:4-16-2", episodes=1000).lengths.min() == 500


def test_parity_plays_the_trained_individual_of_each_policy() -> None:
    for policy in workloads.policies(CARTPOLE):
        file = workloads.workload("trained", CARTPOLE, policy).weights_file
        assert file is not None
        np.testing.assert_array_equal(
            individuals(CARTPOLE, Policy(policy), 2, seed=0)[0], workloads.shipped_weights(file)
        )


# --- timing


class Clocked:
    """A backend whose evaluations take a given time per individual on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.seconds, self.now, self.calls = seconds, 0.0, list[int]()
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        self.calls.append(len(weights))
        self.now += self.seconds * len(weights)
        return Evaluated(np.zeros((len(weights), len(seeds))), np.ones((len(weights), len(seeds)), np.int64))


@pytest.mark.parametrize(
    ("seconds", "population", "expected"),
    [
        (0.01, 1000, 200),  # 2 s / 0.01 s
        (0.009, 1000, 224),  # 222.2, rounded up to a multiple of the workers
        (0.01, 150, 150),  # no more than there are
        (10.0, 1000, 2),  # at least one for each worker
        (1e-9, 1000, 1000),
    ],
)
def test_a_prefix_fills_a_round(
    monkeypatch: pytest.MonkeyPatch, seconds: float, population: int, expected: int
) -> None:
    backend = Clocked(monkeypatch, seconds)
    weights = np.zeros((population, 1), np.float32)
    assert prefix_for(backend, weights, np.zeros(1, np.uint64), seconds=2.0, workers=2) == expected
    assert backend.calls[0] == 2 and len(backend.calls) < 10


# --- configuration


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"env": "snak"}, 'unknown environment "snak"; did you mean "snake"?'),
        ({"workloads": ("easy",)}, "workload: expected one of random, trained, got 'easy'"),
        ({"workloads": ()}, "workload: expected at least one of random, trained, got none"),
        (
            {"backends": ("envpol",)},
            f"backends: expected some of {', '.join(NAMED)}, got 'envpol'",
        ),
        ({"backends": ()}, f"backends: expected some of {', '.join(NAMED)}, got none"),
        ({"population": 0}, "population: expected at least 1, got 0"),
        ({"episodes": -1}, "episodes: expected at least 1, got -1"),
        ({"rounds": 0}, "rounds: expected at least 1, got 0"),
        ({"threads": 0}, "threads: expected at least 1, got 0"),
        ({"round_seconds": 0.0}, "round_seconds: expected a positive number of seconds, got 0.0"),
        ({"policy": "mlp:5-2"}, "policy: CartPole-v1 needs 4 inputs and 2 outputs, got mlp:5-2"),
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


def test_an_unwritable_csv_is_refused_before_any_work(tmp_path: Path) -> None:
    config = replace(TINY, csv=True, out=tmp_path / "missing" / "rows.csv")
    with pytest.raises(OutputError, match="missing"):
        run(config, progress=lambda line: pytest.fail(f"work began: {line}"))


def test_another_policy_leaves_the_random_workload() -> None:
    result = run(replace(TINY, policy="mlp:4-16-2,act=relu", backends=("rust",)))
    assert {(row.workload, row.policy) for row in result.rows} == {("random", "mlp:4-16-2,act=relu")}


def test_a_policy_with_trained_weights_has_both_workloads() -> None:
    result = run(replace(TINY, policy="mlp:4-16-2", backends=("rust",), rounds=1))
    assert [(row.workload, row.policy) for row in result.rows] == [("random", "mlp:4-16-2"), ("trained", "mlp:4-16-2")]


@pytest.mark.parametrize(
    ("missing", "extra", "needing"),
    [
        ("torch", "bench", {*LOOPS, "gymnasium-async", "gymnasium-vector", "envpool", "pytorch"}),
        ("gymnasium", "bench", {*LOOPS, "gymnasium-async", "gymnasium-vector"}),
        ("envpool", "envpool", {"envpool"}),
        ("jax", "gymnax", {"gymnax"}),
        ("gymnax", "gymnax", {"gymnax"}),
        ("six", "gymnax", {"gymnax"}),
    ],
)
def test_backends_without_their_packages(
    missing: str, extra: str, needing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is installed here: all packages but one are there, and the backends that would start are engines."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == missing else object())
    for module in [importlib.import_module(f"{backends.__name__}.{name}") for name in MODULES.values()]:
        for made in ("ShardedBackend", "NaiveBackend", "TunedBackend"):
            if hasattr(module, made):
                monkeypatch.setattr(module, made, lambda task, *rest: backends.open_backend("rust", task))
    reason = f"{missing} is not installed: pip install 'evalengine[{extra}]'"
    lines: list[str] = []
    result = run(replace(TINY, workloads=("random",), rounds=1), progress=lines.append)
    assert result.skipped == dict.fromkeys(needing, reason)
    assert {row.backend for row in result.rows} == set(MODULES) - set(OF_GRAPHS[1:]) - needing
    for name in needing:
        assert f"skipped {name}: {reason}" in lines
        with pytest.raises(MissingDependencyError) as caught:
            run(replace(TINY, backends=("rust", name)), progress=lambda line: pytest.fail(line))
        assert str(caught.value) == reason


def test_backends_that_lack_the_environment_are_skipped_even_if_asked_for() -> None:
    lines: list[str] = []
    config = replace(TINY, env="snake", workloads=("random",), rounds=1)
    result = run(replace(config, backends=("rust", "envpool", "gymnax", "gymnasium-vector")), progress=lines.append)
    assert result.skipped == {
        "envpool": "EnvPool has no evalengine/Snake-v0",
        "gymnax": "gymnax has no evalengine/Snake-v0",
        "gymnasium-vector": "Gymnasium has no vector_entry_point for evalengine/Snake-v0",
    }
    assert {row.backend for row in result.rows} == {"rust"}
    assert "skipped envpool: EnvPool has no evalengine/Snake-v0" in lines
    with pytest.raises(UnsupportedError, match=r"^backends: none can be measured: gymnax has no evalengine/Snake-v0$"):
        run(replace(config, backends=("gymnax",)), progress=lambda line: pytest.fail(line))


# --- results


def row(**changes: Any) -> BenchRow:
    examples: dict[str, Any] = {"int": 1, "float": 1.0, "str": "x", "int | None": None}
    return BenchRow(**{field.name: examples[str(field.type)] for field in fields(BenchRow)} | changes)


def test_summaries_are_medians_ranges_and_ratios() -> None:
    rows = [row(backend="rust", steps=100, seconds=seconds) for seconds in (1.0, 4.0, 2.0)]
    rows += [row(backend="multiprocessing", steps=10, seconds=seconds) for seconds in (1.0, 1.25, 2.0)]
    rows += [row(backend="rust", workload="other", steps=7, seconds=1.0)]
    ours, theirs, alone = BenchResult(rows, []).summaries
    assert (ours.backend, ours.rounds, ours.steps, ours.seconds) == ("rust", 3, 300, 7.0)
    assert (ours.steps_per_s, ours.steps_per_s_min, ours.steps_per_s_max) == (50.0, 25.0, 100.0)
    assert (theirs.steps_per_s, theirs.speedup) == (8.0, 1.0)
    assert ours.speedup == 50.0 / 8.0
    assert (alone.workload, alone.speedup) == ("other", None)


def test_the_json_document() -> None:
    comparison = BenchComparison("x", "x", "x", "multiprocessing", 3, 1, 1, ("why",))
    result = BenchResult([row(backend="rust")], [comparison], {"y": "z"}, Path("rows.csv"))
    document = json.loads(json.dumps(result.to_json()))
    (summary,) = document["rows"]
    assert {"env", "workload", "policy", "backend", "steps", "steps_per_s"} <= set(summary)
    assert document["comparisons"][0]["notes"] == ["why"]
    assert (document["skipped"], document["csv"]) == ({"y": "z"}, "rows.csv")


def test_the_csv_has_a_line_per_round(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    result = run(replace(TINY, workloads=("random",), backends=("rust",), csv=True, out=path))
    assert result.csv_path == path
    with path.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["round"] for line in lines] == ["1", "2"]
    assert list(lines[0]) == [field.name for field in fields(BenchRow)]
    for line, kept in zip(lines, result.rows, strict=True):
        assert float(line["seconds"]) == kept.seconds
        assert line["fitness_checksum"] == kept.fitness_checksum
    assert list(tmp_path.iterdir()) == [path]


def test_the_csv_goes_into_bench_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(replace(TINY, workloads=("random",), backends=("rust",), rounds=1, csv=True))
    (path,) = (tmp_path / "bench_results").iterdir()
    assert result.csv_path is not None and result.csv_path.resolve() == path
    assert path.name.startswith("cartpole-") and path.suffix == ".csv"


# --- documents and files


ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_explains_every_column_in_order() -> None:
    text = (ROOT / "bench_results" / "README.md").read_text()
    assert f"## Columns (schema version {SCHEMA_VERSION})" in text
    table = text.partition("## Columns")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == [field.name for field in fields(BenchRow)]


SHIPPED = ROOT / "cli" / "evalengine" / "workloads" / "weights"


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.iterdir()))
def test_the_shipped_weights_are_the_examples(name: str) -> None:
    # Links, so that they lie in the repository once.
    assert (ROOT / "examples" / "weights" / name).samefile(SHIPPED / name)


def test_every_trained_workload_has_its_weights_and_nothing_else_is_shipped() -> None:
    files = {workloads.workload("trained", entry, policy).weights_file for entry, policy in TRAINED}
    assert {path.name for path in SHIPPED.iterdir()} == files | {f"{file}.json" for file in files}
    for entry, policy in TRAINED:
        loaded = load_weights(SHIPPED / str(workloads.workload("trained", entry, policy).weights_file))
        assert (loaded.env_id, str(loaded.policy), len(loaded.weights)) == (entry.id, policy, 1)


def test_the_examples_say_how_each_shipped_policy_was_made() -> None:
    text = (ROOT / "examples" / "README.md").read_text()
    for entry, policy in TRAINED:
        file = workloads.workload("trained", entry, policy).weights_file
        assert f"| `weights/{file}` | `{policy}` |" in text
        assert f"evalengine evaluate examples/weights/{file}\n" in text
        assert f"--out examples/weights/{file}\n" in text
