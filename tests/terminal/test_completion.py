"""What the shell offers on Tab."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from evalengine.bench.backends import NAMED
from evalengine.environments import registry
from evalengine.terminal import app, completion


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], set[str]]:
    """Returns what bash is offered for the last word of a command line."""

    def offer(line: str) -> set[str]:
        monkeypatch.setenv("_EVALENGINE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
        with pytest.raises(SystemExit) as stopped:
            app.main([])
        captured = capsys.readouterr()
        assert (stopped.value.code, captured.err) == (0, "")
        return set(captured.out.split())

    return offer


def names() -> set[str]:
    return {name for entry in registry.registered() for name in (entry.id, entry.short_name)}


def test_every_environment_is_offered() -> None:
    assert {name for name, _ in completion.complete_environment("")} == names()


def test_short_names_and_full_ids_go_on_from_what_is_typed() -> None:
    assert [name for name, _ in completion.complete_environment("snak")] == ["snake"]
    assert [name for name, _ in completion.complete_environment("evalengine/s")] == ["evalengine/snake-v0"]
    assert [name for name, _ in completion.complete_environment("evalengine/S")] == ["evalengine/Snake-v0"]
    assert completion.complete_environment("chess") == []


def test_an_environment_is_explained() -> None:
    assert ("snake", registry.resolve("snake").summary) in completion.complete_environment("sna")


def test_backends_complete_within_their_list() -> None:
    assert [name for name, _ in completion.complete_backends("")] == [*NAMED]
    assert [name for name, _ in completion.complete_backends("rust,multi")] == [
        "rust,multiprocessing",
        "rust,multiprocessing-tuned",
    ]
    assert "rust,rust" not in [name for name, _ in completion.complete_backends("rust,")]


def test_nothing_is_offered_where_looking_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[registry.EnvironmentEntry]:
        raise RuntimeError("broken")

    monkeypatch.setattr(registry, "registered", fail)
    assert completion.complete_environment("s") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("evalengine ben", {"bench"}),
        ("evalengine rep", {"replay"}),
        ("evalengine envs pend", {"pendulum", "pendulum-v1"}),
        ("evalengine replay w.npy --env Pend", {"Pendulum", "Pendulum-v1"}),
        ("evalengine replay w.npy --env pendulum --policy ", {"mlp:3-64-1"}),
        ("evalengine bench sn", {"snake"}),
        ("evalengine evaluate w.npy --env Cart", {"Cartpole", "CartPole-v1", "Cartpole-v0", "CartPole-v0"}),
        ("evalengine bench snake --workload tr", {"trained"}),
        ("evalengine bench snake --backends rust,multiprocessing-", {"rust,multiprocessing-tuned"}),
        ("evalengine bench cartpole --policy m", {"mlp:4-64-2"}),
        ("evalengine bench --rounds 1 pendulum --policy ", {"mlp:3-64-1"}),
        ("evalengine parity acrobot --driver b", {"brake"}),
        ("evalengine evaluate w.npy --env snake --policy ", {"cnn:5x12x12-16k3-32k3-64-4"}),
    ],
)
def test_the_shell_is_answered(line: str, expected: set[str], offered: Callable[[str], set[str]]) -> None:
    assert offered(line) == expected


def test_all_default_policies_are_offered_before_an_environment_is_named(offered: Callable[[str], set[str]]) -> None:
    assert offered("evalengine evaluate w.npy --policy ") == {e.default_policy for e in registry.entries()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_calls_the_program(shell: str) -> None:
    environment = os.environ | {"_EVALENGINE_COMPLETE": f"source_{shell}"}
    finished = subprocess.run(
        [sys.executable, "-m", "evalengine"], env=environment, capture_output=True, text=True, check=True
    )
    assert "_EVALENGINE_COMPLETE" in finished.stdout
