"""The backends of `bench`: real baselines in real processes, compared with the engine, and what can go wrong there."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from lying_engine import LyingEngine

from evalengine import GraphPolicy, Policy, evaluate
from evalengine.bench.backends import CLUSTERS, OF_GRAPHS, Evaluated, Task, open_backend
from evalengine.bench.backends.cluster import Cluster, Evaluate
from evalengine.bench.compare import compare
from evalengine.bench.measures import Measure
from evalengine.bench.plan import Series
from evalengine.bench.saved import read_rows
from evalengine.bench.session import Session
from evalengine.clusters.workers import WorkerPool
from evalengine.environments.registry import resolve
from evalengine.errors import EvalEngineError, UnsupportedError
from evalengine.terminal.bench.run import SCHEMA_VERSION, BenchConfig, BenchResult, run
from evalengine.workloads import catalogue as workloads

CARTPOLE = resolve("cartpole")
BASELINES = ("rust", "multiprocessing", "multiprocessing-tuned")
TINY = BenchConfig(
    "cartpole", backends=BASELINES, population=6, episodes=2, rounds=2, threads=2, round_seconds=60.0, csv=False
)


def test_fitness_is_the_engines() -> None:
    policy = Policy("mlp:4-8-2")
    weights = policy.init(40, seed=3)
    seeds = np.arange(9, dtype=np.uint64)
    with open_backend("rust", Task("CartPole-v1", str(policy), 2)) as backend:
        evaluated = backend.evaluate(weights, seeds)
    direct = evaluate("CartPole-v1", weights, policy, seeds=seeds)
    assert evaluated.fitness.tobytes() == direct.fitness.tobytes()
    assert evaluated.steps == direct.steps
    # Summed first to last, each one is lost beside 2^53; numpy's pairwise sum would keep some.
    returns = np.array([[2.0**53, *[1.0] * 16, -(2.0**53)]])
    assert Evaluated(returns, np.ones_like(returns, np.int64)).fitness.tolist() == [0.0]
    assert returns.sum() != 0.0


@pytest.mark.filterwarnings("default")  # Ray's and Dask's own
@pytest.mark.parametrize(("name", "package"), [("process-pool", "json"), ("dask", "distributed"), ("ray", "ray")])
def test_clusters_have_the_engines_bits(name: str, package: str) -> None:
    pytest.importorskip(package)
    task = Task("CartPole-v1", "mlp:4-8-2", 2, max_episode_steps=30)
    weights, seeds = Policy(task.policy).init(11, seed=3), np.arange(4, dtype=np.uint64)
    with open_backend("rust", task) as engine, open_backend(name, task) as cluster:
        for population in (weights, weights[:1]):
            expected, found = engine.evaluate(population, seeds), cluster.evaluate(population, seeds)
            assert found.returns.tobytes() == expected.returns.tobytes()
            assert found.lengths.tobytes() == expected.lengths.tobytes()


def test_every_cluster_is_tested() -> None:
    marks = test_clusters_have_the_engines_bits.pytestmark  # type: ignore[attr-defined]
    assert [name for mark in marks if mark.name == "parametrize" for name, _ in mark.args[1]] == list(CLUSTERS)


def test_what_had_started_of_a_cluster_ends_when_the_rest_cannot() -> None:
    ended: list[str] = []

    def start(task: Task, running: ExitStack) -> Evaluate:
        running.callback(ended.append, "scheduler")
        raise OSError("no worker")

    with pytest.raises(OSError, match="no worker"), Cluster(Task("CartPole-v1", "mlp:4-2", 2), start):
        pass
    assert ended == ["scheduler"]


@pytest.fixture(scope="module")
def both_baselines() -> BenchResult:
    return run(replace(TINY, workloads=("random", "trained"), population=5))


def test_all_backends_agree_on_cartpole(both_baselines: BenchResult) -> None:
    assert both_baselines.skipped == {}
    assert [comparison.backend for comparison in both_baselines.comparisons] == list(BASELINES) * 2
    assert both_baselines.ok
    for comparison in both_baselines.comparisons:
        assert (comparison.env, comparison.individuals) == ("CartPole-v1", 5)
    checksums = {(row.workload, row.fitness_checksum) for row in both_baselines.rows if row.population == 5}
    differing = sum(comparison.differing for comparison in both_baselines.comparisons)
    assert len(checksums) == 2 or differing > 0


def test_backends_take_turns_and_rows_say_what_ran(both_baselines: BenchResult) -> None:
    rows = both_baselines.rows
    assert [(row.workload, row.round, row.backend) for row in rows] == [
        (workload, number, name) for workload in ("random", "trained") for number in (1, 2) for name in BASELINES
    ]
    for row in rows:
        assert (row.schema_version, row.env, row.policy) == (SCHEMA_VERSION, "CartPole-v1", "mlp:4-64-2")
        assert (row.population, row.episodes, row.threads) == (5, 2, 2)
        assert row.seconds > 0 and row.cpu and row.python and row.torch and row.gymnasium
        assert row.backend_version.startswith("evalengine" if row.backend == "rust" else "torch")
    engine = evaluate("CartPole-v1", workloads.workload("random", CARTPOLE).weights()[:5], "mlp:4-64-2", episodes=2)
    assert {row.steps for row in rows if row.backend == "rust" and row.workload == "random"} == {engine.steps}


def test_all_backends_agree_on_snake() -> None:
    result = run(replace(TINY, env="evalengine/Snake-v0", workloads=("random",), population=4, rounds=1))
    assert result.ok
    assert [comparison.individuals for comparison in result.comparisons] == [4, 4, 4]
    assert {row.policy for row in result.rows} == {"cnn:5x12x12-16k3-32k3-64-4"}


@pytest.mark.parametrize("policy", [None, "mlp:3-16-1,act=relu,head=clip"])
def test_all_backends_agree_on_box_actions(policy: str | None) -> None:
    result = run(replace(TINY, env="pendulum", workloads=("random",), population=4, rounds=1, policy=policy))
    assert result.ok
    assert [comparison.individuals for comparison in result.comparisons] == [4, 4, 4]
    assert {row.steps for row in result.rows} == {4 * 2 * 200}


@pytest.mark.parametrize("workload", ["random", "trained"])
def test_all_backends_agree_on_acrobot(workload: str) -> None:
    result = run(replace(TINY, env="acrobot", workloads=(workload,), population=2, episodes=1, rounds=1))
    assert result.ok and result.skipped == {}


def test_a_baseline_alone_is_compared_with_the_engine_too() -> None:
    result = run(replace(TINY, workloads=("random",), backends=("multiprocessing-tuned",), rounds=1))
    assert [row.backend for row in result.rows] == ["multiprocessing-tuned"]
    assert [(c.backend, c.individuals, c.ok) for c in result.comparisons] == [("multiprocessing-tuned", 6, True)]


def test_real_near_ties_part_the_policies_and_are_explained() -> None:
    """All hidden units are alike and the second output's weights are the first's in another order.

    So both logits are equal in exact arithmetic, and rounding alone decides every action: differently in PyTorch.
    """
    policy = Policy("mlp:4-64-2")
    weights = policy.init(10, seed=0)
    random = np.random.default_rng(0)
    for vector in weights:
        output = random.standard_normal(64)
        vector[:256] = np.tile(3 * vector[:4], 64)
        vector[256:320] = 0.0
        vector[320:448] = [*output, *random.permutation(output)]
        vector[448:] = 0.0
    seeds = np.arange(4, dtype=np.uint64)
    task = Task("CartPole-v1", str(policy), 2)
    with open_backend("rust", task) as rust, open_backend("multiprocessing-tuned", task) as tuned:
        engine, baseline = rust.evaluate(weights, seeds), tuned.evaluate(weights, seeds)
    found = compare("CartPole-v1", policy, weights, seeds, engine, [baseline])
    assert len(found.differing) > 0
    assert found.explained == found.differing
    assert all("within the bound" in note for note in found.notes)


def test_a_wrong_fitness_is_a_mismatch() -> None:
    workload = replace(workloads.workload("random", CARTPOLE), population=4, episodes=2)
    task = Task(workload.env_id, workload.policy, 2)
    seeds, weights = workload.seeds(), workload.weights()
    rounds = {"rust": [open_backend("rust", task).evaluate(weights, seeds)] * 2}
    # By one ulp.
    lying = LyingEngine(task, 1, 0, lambda total: float(np.nextafter(total, np.inf)))
    rounds["multiprocessing"] = [lying.evaluate(weights, seeds)] * 2
    session = Session(Series(Measure.throughput, workload), 2, 0.001, {}, lambda line: None)
    comparisons = session.comparisons(rounds, threads=2)
    assert [(c.backend, c.differing, c.explained, c.ok) for c in comparisons] == [
        ("rust", 0, 0, True),
        ("multiprocessing", 1, 0, False),
    ]
    assert comparisons[1].notes[0].startswith("individual 1, episode 0: ")
    assert not BenchResult([], comparisons).ok


# --- workers


def test_what_goes_wrong_in_a_worker_comes_through() -> None:
    with (
        pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"),
        WorkerPool(2, math.sqrt, -1.0),
    ):
        pass
    with WorkerPool(2, math.sqrt, 1.0) as pool:
        assert pool.map(math.sqrt, [4.0, 9.0, 16.0]) == [2.0, 3.0, 4.0]
        with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
            pool.map(math.sqrt, [4.0, -1.0])
    assert multiprocessing.active_children() == []


def test_each_worker_is_called_once(tmp_path: Path) -> None:
    with WorkerPool(3, math.sqrt, 1.0) as pool:
        pool.call_each(partial(tempfile.mkdtemp, "", ""), str(tmp_path))
        assert len(list(tmp_path.iterdir())) == 3
        with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
            pool.call_each(math.sqrt, -1.0)


def test_workers_may_have_processes_that_end_with_them() -> None:
    with WorkerPool(1, math.sqrt, 1.0, daemonic=False) as pool:
        (child,) = pool.map(start_sleeper, [3600.0])
        os.kill(child, 0)
    deadline = time.monotonic() + 30
    while process_exists(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process_exists(child)
    assert multiprocessing.active_children() == []


def start_sleeper(seconds: float) -> int:
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(seconds,), daemon=True)
    child.start()
    assert child.pid is not None
    return child.pid


def process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_that_dies_is_an_error() -> None:
    with WorkerPool(2, math.sqrt, 1.0) as pool, pytest.raises(EvalEngineError, match="a worker process died"):
        pool.map(os._exit, [1])
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("backend", ["multiprocessing-tuned", "gymnasium-async"])
def test_interrupting_ends_the_workers_and_keeps_the_finished_rows(backend: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evalengine", "bench", "cartpole", "--workload", "random", "--rounds", "1000"]
    process = subprocess.Popen(
        [*command, "--backends", backend, "--threads", "2", "--out", str(tmp_path / "rows.csv")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        line = ""
        while "round 1/" not in line:
            line = process.stderr.readline()
            assert line, "the benchmark ended early"
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors, errors
    rows = read_rows(tmp_path / "rows.csv")
    assert [row.round for row in rows] == list(range(1, len(rows) + 1))
    assert errors.endswith(f"interrupted: {len(rows)} of 1,000 rows, kept in {tmp_path / 'rows.csv'}\n")
    assert list(tmp_path.iterdir()) == [tmp_path / "rows.csv"]
    # The resource tracker leaves a moment after the workers.
    deadline = time.monotonic() + 30
    while group_exists(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not group_exists(process.pid)


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("spelling", ["neat:4-2", "neat:4-1,net=recurrent,inputs=list", "neat:4-2,sum=compensated"])
def test_neat_pythons_own_loops_play_the_engines_episodes(spelling: str) -> None:
    pytest.importorskip("neat")
    cartpole = resolve("cartpole")
    workload = workloads.workload("random", cartpole, str(GraphPolicy(spelling)))
    graphs, seeds = workload.weights()[:6], workload.seeds()[:2]
    task = Task(cartpole.id, workload.policy, 2)
    found = {}
    for name in OF_GRAPHS:
        with open_backend(name, task) as backend:
            found[name] = backend.evaluate(graphs, seeds)
            shorter = backend.evaluate(graphs[:3], seeds)
            assert np.array_equal(shorter.returns, found[name].returns[:3])
    for name in OF_GRAPHS[1:]:
        assert found[name].returns.tobytes() == found["rust"].returns.tobytes(), name
        assert np.array_equal(found[name].lengths, found["rust"].lengths)


def test_networks_and_graphs_have_backends_of_their_own() -> None:
    for name, policy, expected in (
        ("neat-python", "mlp:4-2", "plays graphs such as neat:4-2, got mlp:4-2"),
        ("multiprocessing", "neat:4-2", "plays networks such as mlp:4-64-2, got neat:4-2"),
    ):
        with pytest.raises(UnsupportedError, match=expected):
            open_backend(name, Task("CartPole-v1", policy, 1))


def test_trained_graphs_balance_the_pole() -> None:
    workload = workloads.workload("trained", resolve("cartpole"), "neat:4-2")
    graphs = workload.weights()
    assert len(graphs) == 500
    compiled = GraphPolicy("neat:4-2").compiled(graphs, "float32")
    nodes, connections = np.array(compiled.sizes()).T
    assert 7 < nodes.mean() <= 10
    assert 20 < connections.mean() <= 30
    result = evaluate("cartpole", graphs[:50], "neat:4-2", seeds=workload.seeds())
    assert np.median(result.lengths) == 500
