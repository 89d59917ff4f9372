"""What ends a run early: Ctrl-C, an error, a backend that cannot; the finished rows are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine.bench import runner
from evalengine.bench.backends import Evaluated, Task, open_backend
from evalengine.bench.measures import Measure
from evalengine.bench.plan import Block
from evalengine.bench.runner import opened_blocks
from evalengine.bench.saved import read_rows
from evalengine.errors import EvalEngineError, MissingDependencyError, UnsupportedError
from evalengine.policies.policy import Policy
from evalengine.terminal.bench.run import BenchConfig, run

TINY = BenchConfig(
    "cartpole",
    workloads=("random", "trained"),
    backends=("rust", "multiprocessing"),
    population=4,
    episodes=2,
    rounds=3,
    threads=4,  # as many as individuals, so that a single call warms a backend up
    round_seconds=60.0,
)


class Engine:
    """The engine under any name; `event` happens in the call with a given number."""

    log: list[str]
    calls = 0

    def __init__(self, name: str, task: Task, fails_in: int, event: BaseException) -> None:
        self.name, self.fails_in, self.event = name, fails_in, event
        self.engine = open_backend("rust", task)

    def __enter__(self) -> Self:
        Engine.log.append(f"enter {self.name}")
        return self

    def __exit__(self, *exception: object) -> None:
        Engine.log.append(f"exit {self.name}")

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        Engine.calls += 1
        if Engine.calls == self.fails_in:
            raise self.event
        return self.engine.evaluate(weights, seeds)


Fail = Callable[[int, BaseException], None]


@pytest.fixture
def fail_in(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Makes all backends the engine, of which the call with this number raises."""
    Engine.log, Engine.calls = [], 0

    def arrange(number: int, event: BaseException) -> None:
        monkeypatch.setattr(runner, "open_backend", lambda name, task: Engine(name, task, number, event))

    return arrange


@pytest.mark.parametrize(
    ("number", "rows", "compared"),
    [
        (1, 0, 0),  # while warming up
        (4, 1, 0),  # in the second row
        (8, 5, 0),
        (9, 6, 2),  # while the second workload warms up
        (12, 7, 2),
    ],
)
def test_ctrl_c_keeps_the_finished_rows(fail_in: Fail, tmp_path: Path, number: int, rows: int, compared: int) -> None:
    fail_in(number, KeyboardInterrupt())
    out = tmp_path / "rows.csv"
    result = run(replace(TINY, out=out))
    assert result.interrupted
    assert (len(result.rows), result.planned, len(result.comparisons)) == (rows, 12, compared)
    assert Engine.log[-2:] == ["exit multiprocessing", "exit rust"]
    if rows:
        assert result.csv_path == out and read_rows(out) == result.rows
    else:
        assert result.csv_path is None and list(tmp_path.iterdir()) == []


def test_an_error_keeps_them_too_and_comes_through(fail_in: Fail, tmp_path: Path) -> None:
    fail_in(6, EvalEngineError("workers: a worker process died"))
    with pytest.raises(EvalEngineError, match=r"^workers: a worker process died$"):
        run(replace(TINY, out=tmp_path / "rows.csv"))
    assert [row.round for row in read_rows(tmp_path / "rows.csv")] == [1, 1, 2]


def test_nothing_is_written_without_a_csv(fail_in: Fail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fail_in(6, KeyboardInterrupt())
    result = run(replace(TINY, csv=False))
    assert (len(result.rows), result.csv_path, list(tmp_path.iterdir())) == (3, None, [])


# --- which backends can


CARTPOLE = Block("CartPole-v1", "mlp:4-64-2", ("rust", "envpool"), (1, 2), ())
SNAKE = replace(CARTPOLE, env_id="evalengine/Snake-v0", policy="mlp:720-4")


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_peer(name: str, task: Task) -> object:
        if name == "gymnax":
            raise MissingDependencyError.of("gymnax", extra="peers")
        if name == "envpool" and "Snake" in task.env_id:
            raise UnsupportedError(f"EnvPool has no {task.env_id}")
        if name == "pytorch":
            raise UnsupportedError(f"{task.policy} is too much")
        return name

    monkeypatch.setattr(runner, "open_backend", open_peer)


@pytest.mark.usefixtures("peers")
def test_a_backend_is_left_out_where_it_cannot() -> None:
    opened, skipped = opened_blocks([CARTPOLE, SNAKE], asked_for=True)
    assert [list(block.backends) for block in opened] == [
        [("rust", 1), ("rust", 2), ("envpool", 1), ("envpool", 2)],
        [("rust", 1), ("rust", 2)],
    ]
    assert skipped == {"envpool": "EnvPool has no evalengine/Snake-v0"}


@pytest.mark.usefixtures("peers")
def test_reasons_that_differ_are_told_apart() -> None:
    blocks = [replace(block, backends=("rust", "pytorch")) for block in (CARTPOLE, SNAKE)]
    assert opened_blocks(blocks, asked_for=False)[1] == {
        "pytorch, CartPole-v1 mlp:4-64-2": "mlp:4-64-2 is too much",
        "pytorch, evalengine/Snake-v0 mlp:720-4": "mlp:720-4 is too much",
    }


@pytest.mark.usefixtures("peers")
def test_a_missing_package_is_an_error_only_if_it_was_asked_for() -> None:
    block = replace(CARTPOLE, backends=("rust", "gymnax"))
    opened, skipped = opened_blocks([block], asked_for=False)
    assert list(opened[0].backends) == [("rust", 1), ("rust", 2)]
    assert skipped == {"gymnax": "gymnax is not installed: pip install 'evalengine[peers]'"}
    with pytest.raises(MissingDependencyError, match="gymnax is not installed"):
        opened_blocks([block], asked_for=True)


@pytest.mark.usefixtures("peers")
def test_where_none_can_be_measured_that_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match=r"^backends: none can be measured: EnvPool has no evalengine/Snake-v0$"):
        opened_blocks([replace(SNAKE, backends=("envpool",))], asked_for=True)


def test_backends_that_play_other_episodes_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalengine.bench.session.plays_same_episodes", lambda name, task: name != "multiprocessing")
    monkeypatch.setattr("evalengine.bench.rows.backend_note", lambda name, task: f"of {name}")
    monkeypatch.setattr(runner, "open_backend", lambda name, task: Engine(name, task, 0, KeyboardInterrupt()))
    Engine.log = []
    result = run(replace(TINY, csv=False, workloads=("random",), rounds=1))
    assert [comparison.backend for comparison in result.comparisons] == ["rust"]
    assert [(row.backend, row.note) for row in result.rows] == [
        ("rust", "of rust"),
        ("multiprocessing", "of multiprocessing"),
    ]
    assert {row.measure for row in result.rows} == {Measure.throughput}


@pytest.mark.parametrize("policy", ["mlp:4-16-ln-2", "mlp:4-skip-4-add-2"])
@pytest.mark.parametrize("backend", ["pytorch", "gymnasium-async", "gymnasium-vector"])
def test_what_is_not_evaluated_side_by_side_is_said(backend: str, policy: str) -> None:
    with pytest.raises(UnsupportedError) as refused:
        open_backend(backend, Task("CartPole-v1", policy, threads=1))
    assert str(refused.value) == (
        "many individuals at once are measured with plain convolutions and fully connected layers, not with "
        f"{Policy(policy)}"
    )
