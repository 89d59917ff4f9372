"""What all tests share; what is heavy is imported by the fixtures that need it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from evalengine.parity.torch_policy import TorchPolicy

# A shell starts background jobs with SIGINT ignored, and children inherit that: Ctrl-C tests would hang there.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Minutes each, the longest first: begun last, one of them would keep one core busy while the others wait for the end.
LONGEST = [
    "test_wheel",
    "test_closed_loops_box2d",
    "test_closed_loops_classic",
    "test_cli_parity",
    "test_bench_backends",
    "test_ray_cluster",
    "test_parity_long",
    "test_parity_drivers",
    "test_raster",
    "test_action_types",
    "test_slot_ins",
    "test_parity_golden",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; within a file nothing changes."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(LONGEST)))


@pytest.fixture
def population(tmp_path: Path) -> Path:
    """A file of twelve CartPole policies, mlp:4-64-2, with a sidecar."""
    from evalengine import Policy

    path, policy = tmp_path / "population.npy", Policy("mlp:4-64-2")
    policy.save(path, policy.init(12, seed=3), "cartpole")
    return path


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if `evaluate` or `replay` starts an evaluation or plays an episode."""
    from evalengine.playback import playing
    from evalengine.playback.player import GymPlayer
    from evalengine.terminal.evaluate import run as evaluate

    def started(*arguments: object, **settings: object) -> None:
        pytest.fail("work was started")

    monkeypatch.setattr(evaluate, "evaluate", started)
    monkeypatch.setattr(playing, "evaluate", started)
    monkeypatch.setattr(GymPlayer, "play", started)


@pytest.fixture
def no_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill leaves behind does not depend on the disk; thousands of syncs would take minutes."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def known_order() -> None:
    """Skips the test where PyTorch does not add in the known order, or has another tanh."""
    from evalengine.parity.probe import probe
    from evalengine.parity.torch_policy import TorchPolicy

    with TorchPolicy() as running:
        found = probe(running)
    unproven = found.unproven or found.unproven_tanh
    if unproven:
        pytest.skip(unproven)


@pytest.fixture(scope="module")
def torch_policy() -> Iterator[TorchPolicy]:
    """PyTorch in a process of its own, for all tests of a module."""
    from evalengine.parity.torch_policy import TorchPolicy

    with TorchPolicy() as running:
        yield running
