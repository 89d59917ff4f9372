"""examples/evolution.py: the same run whoever evaluates, and pieces that do what they say."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_modules import EXAMPLES, load_example
from lying_engine import LyingEngine

from evalengine import Policy, evaluate, load_weights
from evalengine.bench.backends import Task, open_backend

evolution = load_example("evolution")
RUN = ["--generations", "3", "--population", "12", "--episodes", "2", "--seed", "5", "--threads", "2"]
SMALL = ["--env", "cartpole", *RUN]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, exit_code: int = 0) -> tuple[list[str], str]:
    """Lines on stdout, and stderr, of one run."""
    assert evolution.main([*SMALL, *arguments]) == exit_code
    captured = capsys.readouterr()
    return captured.out.splitlines(), captured.err


def test_both_backends_are_the_same_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ours, _ = printed(capsys, "--out", str(tmp_path / "ours.npy"))
    theirs, _ = printed(capsys, "--backend", "multiprocessing", "--out", str(tmp_path / "theirs.npy"))
    assert ours == theirs
    assert len(ours) == 4
    assert [line.split()[:2] for line in ours[:3]] == [["generation", str(number)] for number in (1, 2, 3)]
    assert ours[3].startswith("the best of generation 3: mean ")
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


def test_snake_evolves_too(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = printed(capsys, "--env", "snake", "--population", "6", "--generations", "2")
    assert len(lines) == 3


def test_a_target_ends_a_run_early(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = printed(capsys, "--env", "lunarlander", "--target", "-500")
    assert lines[-1] == "solved" and len(lines) < 5
    lines, _ = printed(capsys, "--env", "lunarlander", "--target", "1000")
    assert len(lines) == 4 and lines[-1].startswith("the best of generation 3: mean ")


def test_a_large_environment_has_a_large_run_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def no_generations(evaluator: Any, policy: Policy, *settings: float) -> Iterator[Any]:
        sizes.append(settings[:2])
        return iter(())

    monkeypatch.setattr(evolution, "evolve", no_generations)
    for arguments in ([], ["--env", "lunarlander"], ["--env", "lunarlander", "--episodes", "3"], ["--env", "cartpole"]):
        assert evolution.main(arguments) == 0
    assert sizes == [(256, 8), (256, 8), (256, 3), (64, 4)]


def test_generations_of_lunar_lander_improve(capsys: pytest.CaptureFixture[str]) -> None:
    assert evolution.main(["--generations", "12", "--population", "64", "--episodes", "4"]) == 0
    generations = capsys.readouterr().out.splitlines()[:12]
    assert all(len(line) <= 80 for line in generations)
    assert " last  1: " in generations[0] and " last 10: " in generations[-1]
    mean = [float(line.partition(": ")[2].split()[1]) for line in generations]
    assert mean[-1] > mean[0] + 100  # -497 and -144


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        patch.setenv("COLUMNS", "120")
        patch.setenv("TERM", "xterm")
        assert evolution.main(SMALL) == 0
    assert re.search(r"3/3.*generations, mean [\d.]+, left", re.sub(r"\x1b\[[\d;?]*\w", "", terminal.getvalue()))


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    program = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "evolution.py"), *SMALL, "--generations", "300", "--target", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None and program.stderr is not None
    assert program.stdout.readline().startswith("generation   1  best ")
    program.stdout.close()
    assert (program.wait(timeout=120), program.stderr.read()) == (0, "")
    program.stderr.close()


def test_another_seed_is_another_run(capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = printed(capsys)
    again, _ = printed(capsys)
    other, _ = printed(capsys, "--seed", "6")
    assert first == again != other


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_cartpole_is_solved(capsys: pytest.CaptureFixture[str], tmp_path: Path, seed: str) -> None:
    best = tmp_path / "best.npy"
    lines, _ = printed(
        capsys, "--generations", "60", "--population", "64", "--episodes", "4", "--seed", seed, "--out", str(best)
    )
    assert lines[-1] == "solved"
    loaded = load_weights(best)
    assert (loaded.env_id, str(loaded.policy)) == ("CartPole-v1", "mlp:4-64-2")
    assert loaded.policy is not None
    fitness = evaluate("CartPole-v1", loaded.weights, loaded.policy, seeds=range(100)).fitness
    assert fitness[0] >= 475.0  # what Gymnasium calls solved, on seeds that the run has not seen


def test_a_difference_without_explanation_ends_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(name: str, task: Task) -> Any:
        lying = name == "multiprocessing"
        return LyingEngine(task, 2, 1, lambda total: total + 1.0) if lying else open_backend(name, task)

    monkeypatch.setattr(evolution, "open_backend", opened)
    lines, errors = printed(capsys, "--backend", "multiprocessing", exit_code=1)
    assert lines == []
    assert "differs: individual 2, episode 1: " in errors
    assert errors.splitlines()[-1] == "mismatch: 1 individual differs without explanation"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env", "cartpol"], "cartpol"),
        (["--policy", "mlp:5-2"], "CartPole-v1 needs 4 inputs"),
        (["--out", "missing/best.npy"], "missing"),
        (["--out", "best.pt"], "best.pt"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_bad_arguments_are_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    lines, errors = printed(capsys, *arguments, exit_code=2)
    assert lines == []
    assert len(errors.splitlines()) == 1 and errors.startswith("error: ") and message in errors


def test_a_generation_needs_individuals() -> None:
    with pytest.raises(SystemExit) as caught:
        evolution.main(["--population", "0"])
    assert caught.value.code == 2


# --- pieces


def test_episode_seeds_are_new_in_every_generation_and_for_the_test() -> None:
    drawn = [evolution.episode_seeds(7, number, 4, is_test=test) for number in range(1, 20) for test in (False, True)]
    assert len({int(seed) for seeds in drawn for seed in seeds}) == 4 * len(drawn)
    assert all(seeds.dtype == np.uint64 for seeds in drawn)
    np.testing.assert_array_equal(drawn[0], evolution.episode_seeds(7, 1, 4))


def test_species_are_neighbourhoods() -> None:
    weights = np.array([[0.0, 0.0], [5.0, 5.0], [0.1, 0.0], [5.0, 5.2], [9.0, 0.0]], np.float32)
    species = evolution.speciate(weights, [], 1.0)
    assert [kind.members for kind in species] == [[0, 2], [1, 3], [4]]
    # The species of the last generation come first; one that nobody joins is gone.
    before = [evolution.Species(np.array(point, np.float32)) for point in ([9.0, 0.5], [-9.0, 0.0], [5.0, 5.0])]
    assert [kind.members for kind in evolution.speciate(weights, before, 1.0)] == [[4], [1, 3], [0, 2]]


def test_offspring_keep_champions_and_the_population_size() -> None:
    weights = np.arange(20, dtype=np.float32).reshape(10, 2)
    fitness = np.array([3, 1, 2, 9, 8, 7, 0, 1, 0, 1], np.float32)
    species = [evolution.Species(weights[0], [0, 1, 2]), evolution.Species(weights[3], [3, 4, 5])]
    species.append(evolution.Species(weights[6], [6, 7, 8, 9]))
    following = evolution.offspring(weights, fitness, species, np.float32(1e-3), np.random.default_rng(0))
    assert following.shape == weights.shape and following.dtype == np.float32
    assert weights[3].tolist() in following.tolist() and weights[0].tolist() in following.tolist()
    # Mutants stay near the parents, which are the best third (rounded up) of their species.
    nearest = np.abs(following[:, None] - weights[None]).max(axis=2).argmin(axis=1)
    assert set(nearest.tolist()) <= {0, 3, 7, 9}
    assert [kind.representative.tolist() for kind in species] == [weights[i].tolist() for i in (0, 3, 7)]


def test_offspring_of_equals_are_possible() -> None:
    weights = Policy("mlp:4-2").init(6, seed=0)
    species = evolution.speciate(weights, [], 0.1)
    following = evolution.offspring(
        weights, np.full(6, 9.0, np.float32), species, np.float32(0.1), np.random.default_rng(0)
    )
    assert following.shape == weights.shape


def test_values_may_be_left_out_of_observations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "best.npy"
    small = ["--env", "cartpole", "--generations", "2", "--population", "6", "--episodes", "2", "--threads", "1"]
    hidden = ["--observation", "keep=0/2", "--policy", "mlp:2-rnn4-2"]
    assert evolution.main([*small, *hidden, "--out", str(out)]) == 0
    loaded = load_weights(out)
    assert (str(loaded.policy), str(loaded.options["observation"])) == ("mlp:2-rnn4-2", "keep=0/2")
    capsys.readouterr()
    assert evolution.main([*small, *hidden, "--backend", "multiprocessing"]) == 2
    assert capsys.readouterr().err == "error: multiprocessing has no observation options, got keep=0/2\n"
