"""Policies with recurrent cells in `bench`: who plays them, with the engine's episodes, and who says that it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from evalengine import Policy
from evalengine.bench.backends import MODULES, REMEMBERING, Task, open_backend
from evalengine.errors import UnsupportedError

POLICY = "mlp:4-gru8-2"


@pytest.mark.parametrize("name", ["multiprocessing", "multiprocessing-tuned"])
def test_the_loops_keep_the_state_of_each_episode(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("gymnasium")
    weights = Policy(POLICY).init(3, seed=4) * 3
    seeds = np.arange(3, dtype=np.uint64)
    with open_backend("rust", Task("CartPole-v1", POLICY, 1)) as engine:
        expected = engine.evaluate(weights, seeds)
    with open_backend(name, Task("CartPole-v1", POLICY, 1)) as loop:
        found = loop.evaluate(weights, seeds)
    assert (found.returns == expected.returns).all()


@pytest.mark.parametrize(
    "name", sorted({name for name in MODULES if not name.startswith("neat-python")} - set(REMEMBERING))
)
def test_backends_without_cells_say_so(name: str) -> None:
    with pytest.raises(UnsupportedError) as refused:
        open_backend(name, Task("CartPole-v1", POLICY, 1))
    assert str(refused.value) == f"{name} has no recurrent cells, got {POLICY}"


def test_observation_options_are_the_engines() -> None:
    task = Task("CartPole-v1", "mlp:2-8-2", 1, observation="keep=0/2")
    with open_backend("rust", task) as engine:
        found = engine.evaluate(Policy(task.policy).init(2, seed=0), np.arange(2, dtype=np.uint64))
    assert found.returns.shape == (2, 2)
    with pytest.raises(UnsupportedError) as refused:
        open_backend("multiprocessing", task)
    assert str(refused.value) == "multiprocessing has no observation options, got keep=0/2"
