"""`evalengine evaluate --out` of a large population: killed at any moment, it goes on to what it would have written."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalengine import Policy, evaluate
from evalengine.evaluation import equal_bits
from evalengine.evaluation.provenance import provenance
from evalengine.terminal import app
from evalengine.terminal.evaluate import journaled
from evalengine.terminal.evaluate import run as command

MLP = Policy("mlp:4-8-2")
Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("no_syncs")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def population(tmp_path: Path) -> Path:
    """15 CartPole policies, of which two fail."""
    weights = MLP.init(15, seed=4)
    weights[[4, 11]] = np.nan
    MLP.save(tmp_path / "w.npy", weights, "cartpole")
    return tmp_path / "w.npy"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two individuals at first, then one at a time."""
    monkeypatch.setattr(journaled, "FIRST_EPISODES", 6)
    monkeypatch.setattr(journaled, "_PIECE_SECONDS", 0.0)


def run(weights: Path, out: Path, *more: str) -> int:
    return app.main(["evaluate", str(weights), "--episodes", "3", "--on-nan", "-1", "--out", str(out), *more])


def without_times(csv: Path) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "then", csv.read_text())


@needs_fork
def test_a_run_that_is_killed_at_any_moment_ends_in_the_same_bytes(population: Path, tmp_path: Path) -> None:
    harness = [sys.executable, str(Path(__file__).parents[1] / "killed_runs.py")]
    finished = subprocess.run(
        [*harness, str(population), str(tmp_path), "2026", "12"], capture_output=True, text=True, check=True
    )
    whole = (tmp_path / "whole.csv").read_bytes()
    assert whole.count(b"\n") == 1 + 15
    runs = [json.loads(line) for line in finished.stdout.splitlines()]
    assert len(runs) == 12
    for found in runs:
        assert set(found["codes"]) <= {0, None} and found["codes"][-1] == 0, found
        # All rows tell of one process: the one that began the run that was finished.
        possible = [whole.replace(b",whole,", b",process %d," % begun) for begun in range(len(found["codes"]))]
        assert Path(found["out"]).read_bytes() in possible, found
    assert sum(found["codes"].count(None) for found in runs) >= 15
    # Rows of killed processes were kept: else only the last process could have begun a run.
    resumed = [b",process %d," % (len(found["codes"]) - 1) not in Path(found["out"]).read_bytes() for found in runs]
    assert sum(resumed) >= 6
    assert list(tmp_path.glob("*.part*")) == []


@pytest.mark.usefixtures("small_pieces")
def test_pieces_give_the_bytes_of_one_call(population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(population, tmp_path / "pieces.csv") == 0
    monkeypatch.setattr(journaled, "FIRST_EPISODES", 10**6)
    assert run(population, tmp_path / "whole.csv") == 0
    assert without_times(tmp_path / "pieces.csv") == without_times(tmp_path / "whole.csv")
    frame = pd.read_csv(tmp_path / "pieces.csv")
    expected = evaluate("cartpole", np.load(population), MLP, episodes=3, on_nan=-1.0)
    assert frame["fitness"].to_numpy(np.float32).tobytes() == expected.fitness.tobytes()
    assert frame["failed"].tolist() == expected.failed.tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pieces.csv", "w.npy", "w.npy.json", "whole.csv"]


class Stop(Exception):
    """Ends a run in the middle, as an error of the machine would."""


def stop_after(monkeypatch: pytest.MonkeyPatch, pieces: int, error: BaseException) -> None:
    """Let evaluations fail after some pieces; the check of the arguments, of no individuals, does not count."""
    left = [pieces]

    def limited(env_id: str, weights: Any, *arguments: Any, **options: Any) -> Any:
        if len(weights):
            left[0] -= 1
        if left[0] < 0:
            raise error
        return evaluate(env_id, weights, *arguments, **options)

    monkeypatch.setattr(command, "evaluate", limited)


def stopped(population: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Stop a run after some pieces; returns what it leaves beside `out`."""
    with monkeypatch.context() as patched:
        stop_after(patched, 5, Stop())
        assert run(population, out) == app.INTERNAL
    return Path(f"{out}.part").read_bytes()


@pytest.mark.usefixtures("small_pieces")
def test_what_is_resumed_is_reported_like_what_was_not(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    out = tmp_path / "out.csv"
    with monkeypatch.context() as patched:
        stop_after(patched, 5, KeyboardInterrupt())
        assert run(population, out) == app.INTERRUPTED
    part = tmp_path / "out.csv.part"
    assert capsys.readouterr().err.splitlines() == [
        f"kept: 6 of 15 individuals are in {part}; the same command goes on from there",
        "interrupted",
    ]
    assert not out.exists()
    assert len(part.read_text().splitlines()) == 1 + 6
    assert run(population, out, "--json", "--threads", "1") == 0
    captured = capsys.readouterr()
    assert captured.err == f"resuming: 6 of 15 individuals are in {part}\n"
    resumed = json.loads(captured.out)
    assert run(population, tmp_path / "other.csv", "--json") == 0
    unbroken = json.loads(capsys.readouterr().out)
    for name in ("seconds", "provenance"):
        del resumed[name], unbroken[name]
    assert resumed == unbroken


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("rows", ["individuals", "episodes"])
def test_several_files_are_resumed_in_the_middle_of_any(
    rows: str, population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    other = tmp_path / "other.npy"
    MLP.save(other, MLP.init(5, seed=5), "cartpole")
    asked = [str(other), str(population), *(["--per-episode"] if rows == "episodes" else []), "--json"]
    asked += ["--stop", "condition=step > 12"]
    assert run(other, tmp_path / "whole.csv", *asked) == 0
    whole, out = json.loads(capsys.readouterr().out), tmp_path / "out.csv"
    # Two individuals and then one at a time, of each file and in each process: to the middle of the second file and on,
    # to that of the third.
    for pieces, done in ((6, 5 + 3), (5, 5 + 5 + 5)):
        with monkeypatch.context() as patched:
            stop_after(patched, pieces, Stop())
            assert run(other, out, *asked) == app.INTERNAL
        kept = Path(f"{out}.part").read_text().splitlines()
        assert len(kept) == 1 + done * (3 if rows == "episodes" else 1)
    capsys.readouterr()
    assert run(other, out, *asked) == 0
    captured = capsys.readouterr()
    assert captured.err == f"resuming: 15 of 25 individuals are in {out}.part\n"
    resumed = json.loads(captured.out)
    assert without_times(out) == without_times(tmp_path / "whole.csv")
    for document in (*whole, *resumed):
        del document["seconds"], document["provenance"]
    assert resumed == whole
    assert [len(document["fitness"]) for document in whole] == [5, 5, 15]
    assert {0, 3} <= {count for document in whole for count in document["stopped"]}


@pytest.mark.usefixtures("small_pieces")
def test_a_failure_in_one_of_several_files_names_it(population: Path, tmp_path: Path, capsys: Captured) -> None:
    other = tmp_path / "other.npy"
    MLP.save(other, np.full((4, MLP.n_params), 3e38, np.float32), "cartpole")
    arguments = ["evaluate", str(population), str(other), "--episodes", "3", "--out", str(tmp_path / "out.csv")]
    assert app.main([*arguments, "--on-nan", "raise"]) == app.BAD_INPUT
    line = capsys.readouterr().err
    assert line.startswith(f"error: {population}: ") and "individual 4 " in line and line.count("\n") == 1
    weights = MLP.init(3, seed=0)
    np.save(population, weights)
    assert app.main(arguments) == app.BAD_INPUT
    assert capsys.readouterr().err.startswith(f"error: {other}: individual 0, episode 0: ")
    assert not list(tmp_path.glob("out.csv*"))


@pytest.mark.usefixtures("small_pieces")
def test_progress_goes_on_where_it_was(population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = command.EvaluateConfig(population, episodes=3, on_nan=-1.0, out=tmp_path / "out.csv")
    with monkeypatch.context() as patched, pytest.raises(Stop):
        stop_after(patched, 5, Stop())
        command.run(config)
    seen: list[tuple[int, int]] = []
    command.run(config, lambda *counts: seen.append(counts))
    assert seen[0] == (8 * 3, 15 * 3) and seen[-1] == (15 * 3, 15 * 3)
    assert seen == sorted(seen)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--seed", "1"], "seeds [0, 1, 2], this one has [1, 2, 3]"),
        (["--on-nan", "-2"], 'on_nan "-1.0", this one has "-2.0"'),
        (["--max-episode-steps", "9"], "max_episode_steps nothing, this one has 9"),
        (["--env-kwarg", "sutton_barto_reward=true"], 'env_kwargs {}, this one has {"sutton_barto_reward": true}'),
        (["--reset-option", "low=-0.1"], 'reset_options {}, this one has {"low": -0.1}'),
        (["--policy", "mlp:4-8-2,act=relu"], 'policy "mlp:4-8-2", this one has "mlp:4-8-2,act=relu"'),
    ],
)
def test_another_run_is_not_resumed(
    population: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    changed: list[str],
    message: str,
) -> None:
    out, part = tmp_path / "out.csv", tmp_path / "out.csv.part"
    before = stopped(population, out, monkeypatch)
    capsys.readouterr()
    stop_after(monkeypatch, 0, Stop())
    assert run(population, out, *changed) == app.BAD_INPUT
    assert capsys.readouterr().err == (
        f"error: out: {part} is a run with {message}: repeat its arguments to resume it, or delete that file to start "
        "over\n"
    )
    assert part.read_bytes() == before
    # What cannot be used at all does not cost the rows either.
    assert run(population, out, "--threads", "0") == app.BAD_INPUT
    assert part.read_bytes() == before


@pytest.mark.usefixtures("small_pieces")
def test_other_weights_and_another_engine_are_not_resumed(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    out, part = tmp_path / "out.csv", tmp_path / "out.csv.part"
    with monkeypatch.context() as patched:
        stop_after(patched, 5, Stop())
        run(population, out)
    with monkeypatch.context() as patched:
        patched.setattr(command, "provenance", lambda now: provenance(now) | {"evalengine": "9.9.9"})
        assert run(population, out) == app.BAD_INPUT
    assert 'this one has "9.9.9"' in capsys.readouterr().err
    weights = np.load(population)
    weights[14, 0] = np.nextafter(weights[14, 0], np.float32(9))  # one bit of one weight
    np.save(population, weights)
    assert run(population, out) == app.BAD_INPUT
    assert "is a run with weights' SHA-256" in capsys.readouterr().err
    part.unlink()  # as the message says
    assert run(population, out) == 0


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("owner", "name", "value", "message"),
    [
        (platform, "machine", "riscv128", f'machine "{platform.machine()}", this one has "riscv128"'),
        (platform, "libc_ver", ("glibc", "1.0"), 'this one has "glibc 1.0 (bits '),
        (equal_bits, "_bits_of_libm", "of another processor", '(bits of another processor)"'),
    ],
)
def test_a_run_of_another_machine_is_not_resumed(
    owner: Any,
    name: str,
    value: object,
    message: str,
    population: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    out, part = tmp_path / "out.csv", tmp_path / "out.csv.part"
    before = stopped(population, out, monkeypatch)
    capsys.readouterr()
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, lambda: value)
        assert run(population, out) == app.BAD_INPUT
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
    assert part.read_bytes() == before
    assert run(population, out) == 0


@pytest.mark.usefixtures("small_pieces")
def test_a_run_that_cannot_succeed_leaves_nothing(population: Path, tmp_path: Path, capsys: Captured) -> None:
    weights = MLP.init(15, seed=4)
    weights[9] = np.float32(3e38)  # finite, but its logits are not
    np.save(population, weights)
    arguments = ["evaluate", str(population), "--episodes", "3", "--out", str(tmp_path / "out.csv")]
    assert app.main(arguments) == app.BAD_INPUT
    assert re.match(r"error: individual 9, episode 0: ", capsys.readouterr().err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.npy", "w.npy.json"]
    np.save(population, np.full_like(weights, np.nan))
    assert app.main(arguments) == app.BAD_INPUT
    assert re.match(r"error: weights: .* individual 0 ", capsys.readouterr().err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.npy", "w.npy.json"]
