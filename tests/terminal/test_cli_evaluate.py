"""`evalengine evaluate`: from a weights file to a table, a CSV file, a JSON document, or one line that says why not."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cli_answers
import numpy as np
import pandas as pd
import pytest
from cli_answers import Captured

import evalengine
from evalengine import Policy
from evalengine.environments.registry import entries
from evalengine.terminal import app
from evalengine.terminal.evaluate.run import EvaluateConfig

MLP = Policy("mlp:4-64-2")
document = partial(cli_answers.document, "evaluate")
refusal = partial(cli_answers.refusal, "evaluate")


def bare(path: Path, weights: Any) -> Path:
    """Writes an array without saying what it is for."""
    np.save(path, np.asarray(weights, dtype=np.float32))
    return path


# Results


def test_the_sidecar_says_what_the_weights_are_for(population: Path, capsys: Captured) -> None:
    found = document(capsys, population)
    assert (found["env"], found["policy"], found["weights"]) == ("CartPole-v1", "mlp:4-64-2", str(population))
    assert found["episodes"] == EvaluateConfig.default_episodes
    assert found["seeds"] == list(range(EvaluateConfig.default_episodes))
    assert found["individual"] == list(range(12))


def test_json_has_what_the_api_returns(population: Path, capsys: Captured) -> None:
    found = document(capsys, population, "--episodes", 7, "--seed", 100)
    expected = evalengine.evaluate("CartPole-v1", MLP.init(12, seed=3), MLP, episodes=7, seeds=100)
    assert found["fitness"] == expected.fitness.tolist()
    assert found["mean_return"] == expected.returns.mean(axis=1).tolist()
    assert found["std_return"] == expected.returns.std(axis=1).tolist()
    assert found["min_return"] == expected.returns.min(axis=1).tolist()
    assert found["max_return"] == expected.returns.max(axis=1).tolist()
    assert found["mean_length"] == expected.lengths.mean(axis=1).tolist()
    assert found["failed"] == [False] * 12
    assert found["steps"] == expected.steps
    assert found["best"] == int(expected.fitness.argmax())
    assert found["provenance"]["evalengine"] == evalengine.__version__
    assert found["provenance"]["dirty"] in (True, False, None)


def test_the_table_shows_the_best(population: Path, capsys: Captured) -> None:
    fitness = document(capsys, population)["fitness"]
    assert app.main(["evaluate", str(population), "--top", "3"]) == app.OK
    captured = capsys.readouterr()
    assert captured.err == ""
    rows = [line.split() for line in captured.out.splitlines() if line.strip() and line.split()[0].isdigit()]
    assert [int(row[0]) for row in rows[:3]] == sorted(range(12), key=lambda row: -fitness[row])[:3]
    assert rows[0][-1] == "best"
    assert "The 3 best of 12 individuals; fitness " in captured.out
    assert "\x1b" not in captured.out


def test_the_csv_has_every_individual(population: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "all.csv"
    found = document(capsys, population, "--out", out, "--top", 1)
    frame = pd.read_csv(out, dtype=str)
    assert [float(np.float32(text)) for text in frame["fitness"]] == found["fitness"]
    assert [float(text) for text in frame["mean_return"]] == found["mean_return"]
    assert set(frame["env"]) == {"CartPole-v1"} and set(frame["policy"]) == {"mlp:4-64-2"}
    assert set(frame["commit"]) == {found["provenance"]["commit"]}


def test_several_files_get_a_row_each(population: Path, tmp_path: Path, capsys: Captured) -> None:
    lander = Path(__file__).resolve().parents[2] / "examples" / "weights" / "lunarlander.npy"
    files = (population, lander, population)
    found = document(capsys, *files, "--episodes", 2, "--out", tmp_path / "all.csv")
    alone = [document(capsys, file, "--episodes", 2) for file in files]
    for one in (*found, *alone):
        del one["seconds"], one["provenance"]
    assert found == alone
    frame = pd.read_csv(tmp_path / "all.csv", dtype=str)
    assert frame["weights"].tolist() == [str(population)] * 12 + [str(lander)] + [str(population)] * 12
    assert [float(np.float32(text)) for text in frame["fitness"][:13]] == found[0]["fitness"] + found[1]["fitness"]
    assert app.main(["evaluate", *map(str, files), "--episodes", "2"]) == app.OK
    captured = capsys.readouterr()
    rows = [line.split() for line in captured.out.splitlines() if ".npy" in line]
    assert captured.err == "" and [row[0] for row in rows] == [str(file) for file in files]
    assert rows[0][1:5] == ["CartPole-v1", "mlp:4-64-2", "12", str(found[0]["best"])]
    fitness = found[0]["fitness"]
    assert rows[0][5:] == [f"{value:,.2f}" for value in (max(fitness), sum(fitness) / 12, min(fitness))]
    assert app.main(["evaluate", str(population), str(population)]) == app.OK
    assert capsys.readouterr().out.startswith("CartPole-v1  mlp:4-64-2  10 episodes each\n")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--top", "3"], "--top: expected one file, got 2"),
        (["--per-episode"], "--per-episode: expected --out, the file that the episodes are written to"),
        (["--out", "w2.npy"], "out: expected another file than the weights, got w2.npy"),
        ([], "w2.npy"),
    ],
)
def test_what_does_not_go_with_several_files_is_refused_before_any_work(
    arguments: list[str], expected: str, population: Path, tmp_path: Path, monkeypatch: Any, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w2.npy").write_bytes(b"no weights")
    assert expected in refusal(capsys, population, "w2.npy", *arguments)
    assert Path("w2.npy").read_bytes() == b"no weights"


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_without_pandas_no_csv_is_begun(
    command: str, population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    arguments = [str(population)] if command == "evaluate" else ["cartpole", "--backends", "rust"]
    line = cli_answers.refusal(command, capsys, *arguments, "--out", "out.csv", code=app.MISSING_DEPENDENCY)
    assert line == "pandas is not installed: pip install pandas"
    assert not Path("out.csv").exists()


def test_episodes_get_a_row_each_on_request(population: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "all.csv"
    document(capsys, population, "--episodes", 3, "--seed", 8, "--out", out, "--per-episode")
    expected = evalengine.evaluate("CartPole-v1", MLP.init(12, seed=3), MLP, episodes=3, seeds=8).to_frame()
    frame = pd.read_csv(out)
    own = list(expected.columns)
    assert frame[own].astype(expected.dtypes.to_dict()).equals(expected)
    assert set(frame["weights"]) == {str(population)} and set(frame["env"]) == {"CartPole-v1"}
    document(capsys, population, "--episodes", 3, "--index", 7, "--out", out, "--per-episode")
    assert pd.read_csv(out)["individual"].tolist() == [7] * 3


def test_listed_seeds_are_played(population: Path, capsys: Captured) -> None:
    found = document(capsys, population, "--seeds", f"5,5,{2**64 - 1}")
    expected = evalengine.evaluate("CartPole-v1", MLP.init(12, seed=3), MLP, seeds=[5, 5, 2**64 - 1])
    assert (found["episodes"], found["seeds"]) == (3, [5, 5, 2**64 - 1])
    assert found["fitness"] == expected.fitness.tolist()


def test_one_individual_can_be_picked(population: Path, capsys: Captured) -> None:
    everyone = document(capsys, population)
    alone = document(capsys, population, "--index", 7)
    assert alone["individual"] == [7]
    assert alone["best"] == 7
    assert alone["fitness"] == [everyone["fitness"][7]]


def test_threads_change_nothing(population: Path, capsys: Captured) -> None:
    assert (
        document(capsys, population, "--threads", 1)["fitness"]
        == document(capsys, population, "--threads", 3)["fitness"]
    )


def test_the_environment_takes_arguments(tmp_path: Path, capsys: Captured) -> None:
    policy = Policy("cnn:5x6x7-4k3-4")
    policy.save(tmp_path / "snake.safetensors", policy.init(2, seed=0))
    options = ("--env", "SNAKE", "--env-kwarg", "rows=6", "--env-kwarg", "cols=7", "--max-episode-steps", 9)
    found = document(capsys, tmp_path / "snake.safetensors", *options)
    assert (found["env"], found["policy"]) == ("evalengine/Snake-v0", "cnn:5x6x7-4k3-4")
    assert max(found["mean_length"]) <= 9


def test_stopped_episodes_are_counted(population: Path, tmp_path: Path, capsys: Captured) -> None:
    rule = "condition=abs(theta) > 0.1"
    expected = evalengine.evaluate("CartPole-v1", MLP.init(12, seed=3), MLP, episodes=10, stop=rule).stopped > 0
    assert expected.any()
    assert document(capsys, population, "--stop", rule)["stopped"] == expected.sum(axis=1).tolist()
    assert document(capsys, population)["stopped"] == [0] * 12
    assert app.main(["evaluate", str(population), "--stop", rule]) == app.OK
    assert f" steps/s; {expected.sum()} episodes stopped\n" in capsys.readouterr().out
    assert app.main(["evaluate", str(population), str(population), "--stop", rule]) == app.OK
    assert f" steps/s; {2 * expected.sum()} episodes stopped\n" in capsys.readouterr().out
    assert app.main(["evaluate", str(population)]) == app.OK
    assert "stopped" not in capsys.readouterr().out


def test_resets_take_options(population: Path, capsys: Captured) -> None:
    found = document(capsys, population, "--reset-option", "low=-0.001", "--reset-option", "high=0.001")
    expected = evalengine.evaluate(
        "CartPole-v1", MLP.init(12, seed=3), MLP, episodes=10, reset_options={"low": -0.001, "high": 0.001}
    )
    assert found["fitness"] == expected.fitness.tolist()
    assert found["fitness"] != document(capsys, population)["fitness"]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_every_format_gives_the_same(suffix: str, population: Path, tmp_path: Path, capsys: Captured) -> None:
    other = tmp_path / f"other{suffix}"
    MLP.save(other, MLP.init(12, seed=3), "cartpole")
    assert document(capsys, other)["fitness"] == document(capsys, population)["fitness"]


def test_a_single_vector_is_a_population_of_one(tmp_path: Path, capsys: Captured) -> None:
    found = document(capsys, bare(tmp_path / "one.npy", MLP.init(1, seed=0)[0]))
    assert (found["env"], found["policy"], len(found["fitness"])) == ("CartPole-v1", "mlp:4-64-2", 1)


def test_an_empty_population_is_no_error(tmp_path: Path, capsys: Captured) -> None:
    path = bare(tmp_path / "none.npy", np.empty((0, MLP.n_params)))
    found = document(capsys, path)
    assert (found["fitness"], found["best"]) == ([], None)
    assert app.main(["evaluate", str(path)]) == app.OK


def test_failing_individuals_can_be_given_a_fitness(tmp_path: Path, capsys: Captured) -> None:
    weights = MLP.init(3, seed=0)
    weights[1, 5] = np.nan
    path = bare(tmp_path / "nan.npy", weights)
    found = document(capsys, path, "--on-nan", -1)
    assert found["failed"] == [False, True, False]
    assert found["fitness"][1] == -1
    assert found["mean_return"][1] is None
    assert document(capsys, path, "--on-nan=-inf")["fitness"][1] is None


# What the weights are for


@pytest.mark.parametrize(
    "entry", [e for e in entries() if not e.short_name.startswith("bipedalwalker")], ids=lambda entry: entry.short_name
)
def test_a_count_that_one_default_policy_has_is_enough(entry: Any, tmp_path: Path, capsys: Captured) -> None:
    path = bare(tmp_path / "w.npy", Policy(entry.default_policy).init(1, seed=0))
    found = document(capsys, path, "--episodes", 1)
    assert (found["env"], found["policy"]) == (entry.id, entry.default_policy)


def test_a_count_that_two_environments_have_is_not_enough(tmp_path: Path, capsys: Captured) -> None:
    path = bare(tmp_path / "w.npy", Policy("mlp:24-64-4").init(1, seed=0))
    said = refusal(capsys, path, "--episodes", 1)
    assert "BipedalWalker-v3" in said and "BipedalWalkerHardcore-v3" in said


def test_a_policy_that_fits_one_environment_is_enough(tmp_path: Path, capsys: Captured) -> None:
    path = bare(tmp_path / "w.npy", Policy("mlp:4-8-2").init(1, seed=0))
    found = document(capsys, path, "--policy", "mlp:4-8-2")
    assert (found["env"], found["policy"]) == ("CartPole-v1", "mlp:4-8-2")


def test_an_option_wins_over_the_sidecar(population: Path, capsys: Captured) -> None:
    assert document(capsys, population, "--policy", "mlp:4-64-2,act=relu")["policy"] == "mlp:4-64-2,act=relu"
    assert "evalengine/Snake-v0 needs 720 inputs" in refusal(capsys, population, "--env", "snake")


def test_a_count_that_nothing_has_says_what_would_fit(tmp_path: Path, capsys: Captured) -> None:
    # 58 = 4 * 8 + 8 + 8 * 2 + 2, one hidden layer of 8
    path = bare(tmp_path / "w.npy", np.zeros((3, 58)))
    counts = [f"{Policy(entry.default_policy).n_params} for {entry.id} ({entry.default_policy})" for entry in entries()]
    assert "450 for CartPole-v1 (mlp:4-64-2)" in counts
    assert refusal(capsys, path) == (
        f"weights: {path}: expected as many per individual as a default policy has, {', '.join(counts)}, got 58: "
        "--env CartPole-v1 --policy mlp:4-8-2 would fit"
    )


def test_a_count_that_no_usual_policy_has_asks_for_both(tmp_path: Path, capsys: Captured) -> None:
    line = refusal(capsys, bare(tmp_path / "w.npy", np.zeros((3, 59))))
    assert line.endswith("got 59: give --env and --policy")


def test_a_count_that_does_not_fit_the_environment_says_what_would(tmp_path: Path, capsys: Captured) -> None:
    # 4 * 16 + 16 + 16 * 16 + 16 + 16 * 2 + 2, two hidden layers of 16
    path = bare(tmp_path / "w.npy", np.zeros((3, 386)))
    assert refusal(capsys, path, "--env", "cartpole") == (
        f"weights: {path}: expected 450 per individual for mlp:4-64-2, the default policy of CartPole-v1, got 386: "
        "--policy mlp:4-16-16-2 would fit"
    )
    line = refusal(capsys, bare(path, np.zeros((3, 388))), "--env", "cartpole")
    assert line.endswith("got 388: say which policy they are with --policy")


def test_a_policy_that_fits_no_environment_asks_for_one(tmp_path: Path, capsys: Captured) -> None:
    path = bare(tmp_path / "w.npy", Policy("mlp:9-8-2").init(1, seed=0))
    line = refusal(capsys, path, "--policy", "mlp:9-8-2")
    assert line == (
        f"weights: {path}: their policy mlp:9-8-2 fits no environment as it is by default: "
        f"choose by --env one of {', '.join(entry.id for entry in entries())}"
    )


# Refusals


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--env carpole", "CartPole-v1"),
        ("--policy mlp:4", "policy 'mlp:4'"),
        ("--policy mlp:5-8-2", "mlp:5-8-2"),
        ("--env-kwarg sutton=true", "sutton_barto_reward"),
        ("--env-kwarg rows", "--env-kwarg: expected key=value"),
        ("--reset-option low=a", "--reset-option: expected key=value"),
        ("--on-nan ignore", "--on-nan: expected raise or a number, got 'ignore'"),
        ("--seeds 1,b", "--seeds: expected integers"),
        ("--seed 1 --seeds 2", "got both"),
        ("--index 12", "index: expected a position from 0 among the 12 individuals"),
        ("--index -1", "got -1"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    options: str, expected: str, population: Path, capsys: Captured
) -> None:
    assert expected in refusal(capsys, population, *options.split())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--episodes 0", "episodes: expected"),
        ("--seed -1", "seeds: expected"),
        ("--seeds 1,-2", "seeds: expected"),
        ("--seeds 1,2 --episodes 3", "seeds: expected"),
        ("--threads 0", "threads: expected"),
        ("--max-episode-steps 0", "max_episode_steps: expected"),
        ("--reset-option lwo=0.1", "low"),
    ],
)
def test_numbers_that_cannot_be_are_refused(options: str, expected: str, population: Path, capsys: Captured) -> None:
    assert expected in refusal(capsys, population, *options.split())


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x80\x04K\x01.", b"no weights"])
def test_a_file_that_is_none_is_refused(content: bytes, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "w.npy"
    path.write_bytes(content)
    assert str(path) in refusal(capsys, path)


@pytest.mark.usefixtures("no_work")
def test_a_missing_file_is_refused(tmp_path: Path, capsys: Captured) -> None:
    assert "no such file" in refusal(capsys, tmp_path / "missing.npy")


@pytest.mark.usefixtures("no_work")
def test_a_torch_file_is_answered_with_the_lines_that_convert_it(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "w.pt").write_bytes(b"PK")
    assert app.main(["evaluate", str(tmp_path / "w.pt")]) == app.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 3
    assert "torch.load" in captured.err


def test_nan_weights_are_refused(tmp_path: Path, capsys: Captured) -> None:
    weights = MLP.init(3, seed=0)
    weights[2, 5] = np.nan
    path = bare(tmp_path / "nan.npy", weights)
    assert "individual 2" in refusal(capsys, path)
    assert document(capsys, path, "--index", 1)["individual"] == [1]


@pytest.mark.usefixtures("no_work")
def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    population: Path, tmp_path: Path, capsys: Captured
) -> None:
    line = refusal(capsys, population, "--out", tmp_path / "missing" / "all.csv", code=app.INTERNAL)
    assert line.startswith("output: cannot write ")
    assert "folder" in refusal(capsys, population, "--out", tmp_path, code=app.INTERNAL)


@pytest.mark.usefixtures("no_work")
def test_the_weights_are_not_overwritten(population: Path, capsys: Captured) -> None:
    before = population.read_bytes()
    assert (
        refusal(capsys, population, "--out", population)
        == f"out: expected another file than the weights, got {population}"
    )
    assert population.read_bytes() == before


@pytest.mark.usefixtures("no_work")
def test_a_refused_evaluation_leaves_an_earlier_csv_alone(population: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "all.csv"
    out.write_text("earlier")
    refusal(capsys, population, "--env", "chess", "--out", out)
    assert out.read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.csv", "population.npy", "population.npy.json"]


def test_a_disk_that_fills_up_leaves_no_part_of_a_csv(population: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limit = 512  # bytes; the file would have more

    def no_larger_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    finished = subprocess.run(
        [sys.executable, "-m", "evalengine", "evaluate", str(population), "--out", str(tmp_path / "all.csv")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=no_larger_files,
        env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(Path(evalengine.__file__).parents[1])},
    )
    assert (finished.returncode, finished.stdout) == (app.INTERNAL, "")
    assert finished.stderr == f"error: output: cannot write {tmp_path / 'all.csv'}: File too large\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["population.npy", "population.npy.json"]


def test_fitness_that_is_no_number_is_null_in_json(tmp_path: Path, capsys: Captured) -> None:
    path = bare(tmp_path / "nan.npy", np.full((2, MLP.n_params), math.inf))
    found = document(capsys, path, "--on-nan", "nan")
    assert (found["fitness"], found["best"]) == ([None, None], None)
