"""`evaluate` and `replay` play what a weights file describes, say so, and let the command line have the last word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cli_answers
import numpy as np
import pytest
from cli_answers import Captured

from evalengine import InputError, Normalization, Policy, evaluate, load_weights
from evalengine.terminal import app
from evalengine.terminal.evaluate import journaled

LANDER = Policy("mlp:8-16-4")
POPULATION = LANDER.init(4, seed=0)
NORMALIZE = Normalization(np.linspace(-0.5, 0.5, 8, dtype=np.float32), np.linspace(0.1, 2, 8, dtype=np.float32), 5.0)
SETTING: dict[str, Any] = {
    "env_kwargs": {"gravity": -5.0, "enable_wind": True},
    "max_episode_steps": 120,
    "normalize": NORMALIZE,
}
SAID = (
    "as {} says: env_kwargs gravity=-5.0 enable_wind=true; max_episode_steps 120; "
    "normalize by mean and std of shape (8,), clipped to 5\n"
)


@pytest.fixture(params=["npy", "safetensors"])
def lander(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"lander.{request.param}"
    LANDER.save(path, POPULATION, "lunarlander", **SETTING)
    return path


def played(capsys: Captured, *arguments: object) -> tuple[Any, str]:
    """The document of `evaluate`, and what it said."""
    assert app.main(["evaluate", *map(str, arguments), "--episodes", "3", "--json"]) == app.OK
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def fitness(**options: Any) -> list[float]:
    found = evaluate("lunarlander", POPULATION, LANDER, episodes=3, **options)
    return [float(value) for value in found.fitness]


def test_the_file_says_what_is_played(lander: Path, capsys: Captured) -> None:
    found, said = played(capsys, lander)
    assert found["fitness"] == fitness(**SETTING) != fitness()
    assert said == SAID.format(lander)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (["--no-normalize"], {"normalize": None}, "env_kwargs gravity=-5.0 enable_wind=true; max_episode_steps 120"),
        (
            ["--max-episode-steps", 60],
            {"max_episode_steps": 60},
            "env_kwargs gravity=-5.0 enable_wind=true; normalize by mean and std of shape (8,), clipped to 5",
        ),
        (
            ["--env-kwarg", "gravity=-11", "--no-normalize", "--max-episode-steps", 60],
            {"env_kwargs": {"enable_wind": True, "gravity": -11}, "normalize": None, "max_episode_steps": 60},
            "env_kwargs enable_wind=true",
        ),
        (
            ["--env-kwarg", "gravity=-11", "--env-kwarg", "enable_wind=false", "--no-normalize"],
            {"env_kwargs": {"gravity": -11}, "normalize": None},
            "max_episode_steps 120",
        ),
    ],
)
def test_the_command_line_has_the_last_word(
    lander: Path, capsys: Captured, arguments: list[object], options: dict[str, Any], said: str
) -> None:
    found, line = played(capsys, lander, *arguments)
    assert found["fitness"] == fitness(**{**SETTING, **options})
    assert line == f"as {lander} says: {said}\n"


def test_another_environment_takes_only_what_the_policy_sees(tmp_path: Path, capsys: Captured) -> None:
    policy, normalize = Policy("mlp:24-4"), Normalization(np.zeros(24, np.float32), np.full(24, 2, np.float32))
    population = policy.init(2, seed=0)
    options: Any = {"env_kwargs": {"hardcore": False}, "max_episode_steps": 5, "normalize": normalize}
    policy.save(tmp_path / "w.npy", population, "bipedalwalker", **options)
    found, said = played(capsys, tmp_path / "w.npy", "--env", "bipedalwalkerhardcore", "--max-episode-steps", 50)
    expected = evaluate(
        "bipedalwalkerhardcore", population, policy, episodes=3, max_episode_steps=50, normalize=normalize
    )
    assert found["fitness"] == expected.fitness.tolist()
    assert said == f"as {tmp_path}/w.npy says: normalize by mean and std of shape (24,)\n"
    assert played(capsys, tmp_path / "w.npy", "--env", "BIPEDALWALKER")[0]["mean_length"] == [5.0, 5.0]


def test_an_empty_observation_takes_the_files_away(tmp_path: Path, capsys: Captured) -> None:
    policy = Policy("cnn:3x96x96-4k16s8-3")
    weights = policy.init(1, seed=0)
    weights[0, -3:] = [0, 2, -9]  # off the brakes
    policy.save(tmp_path / "w.npy", weights, "carracing", observation="skip=12", max_episode_steps=130)
    skipped, said = played(capsys, tmp_path / "w.npy")
    assert said == f"as {tmp_path}/w.npy says: observation skip=12; max_episode_steps 130\n"
    each, _ = played(capsys, tmp_path / "w.npy", "--observation", "")
    expected = evaluate("carracing", weights, policy, episodes=3, max_episode_steps=130)
    assert each["fitness"] == expected.fitness.tolist() != skipped["fitness"]


def test_a_file_says_what_is_random_and_the_command_line_overrides_it(tmp_path: Path, capsys: Captured) -> None:
    LANDER.save(tmp_path / "w.npy", POPULATION, "lunarlander", epsilon=0.25, sticky=0.5)
    found, said = played(capsys, tmp_path / "w.npy")
    assert found["fitness"] == fitness(epsilon=0.25, sticky=0.5) != fitness()
    assert said == f"as {tmp_path}/w.npy says: epsilon 0.25; sticky 0.5\n"
    found, said = played(capsys, tmp_path / "w.npy", "--epsilon", 0, "--sticky", 0.75)
    assert (found["fitness"], said) == (fitness(sticky=0.75), "")
    refused = ["evaluate", str(tmp_path / "w.npy"), "--epsilon", "1.5"]
    assert app.main(refused) == app.BAD_INPUT
    assert capsys.readouterr().err == "error: epsilon: expected a probability from 0 to 1, got 1.5\n"


def test_a_file_without_options_says_nothing(tmp_path: Path, capsys: Captured) -> None:
    LANDER.save(tmp_path / "w.npy", POPULATION, "lunarlander")
    assert played(capsys, tmp_path / "w.npy")[1] == ""


# Runs that are resumed


@pytest.mark.usefixtures("no_syncs")
@pytest.mark.parametrize(
    "change",
    [
        {"normalize": None},
        {"max_episode_steps": 50},
        {"env_kwargs": {"gravity": -6.0}},
        {"epsilon": 0.1},
        {"sticky": 1},
    ],
)
def test_a_run_is_not_resumed_with_another_sidecar(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    weights, out = tmp_path / "w.npy", tmp_path / "all.csv"
    LANDER.save(weights, POPULATION, "lunarlander", **SETTING)
    monkeypatch.setattr(journaled, "FIRST_EPISODES", 3)
    monkeypatch.setattr(journaled, "_PIECE_SECONDS", 0.0)
    finished: list[bool] = []
    written = journaled._csv

    def one_row(*arguments: Any, with_header: bool) -> bytes:
        """Ctrl-C comes while the second row is on its way."""
        if finished:
            raise KeyboardInterrupt
        finished.append(True)
        return written(*arguments, with_header=with_header)

    command = ["evaluate", str(weights), "--episodes", "3", "--out", str(out)]
    with monkeypatch.context() as patched:
        patched.setattr(journaled, "_csv", one_row)
        assert app.main(command) == app.INTERRUPTED
    part = out.with_name("all.csv.part")
    assert part.exists()
    LANDER.save(weights, POPULATION, "lunarlander", **{**SETTING, **change})
    capsys.readouterr()
    assert app.main(command) == app.BAD_INPUT
    [name] = change
    assert name in capsys.readouterr().err.splitlines()[-1]
    LANDER.save(weights, POPULATION, "lunarlander", **SETTING)
    assert app.main(command) == app.OK
    assert not part.exists()


# Gymnasium plays the same policy


document = cli_answers.document


def test_replay_plays_what_the_file_says(lander: Path, capsys: Captured) -> None:
    assert app.main(["replay", str(lander), "--index", "2", "--seeds", "4,5", "--json"]) == app.OK
    captured = capsys.readouterr()
    assert captured.err.startswith(SAID.format(lander))
    expected = evaluate("lunarlander", POPULATION, LANDER, seeds=[4, 5], **SETTING)
    found = json.loads(captured.out)
    assert [episode["return"] for episode in found["episodes"]] == expected.returns[2].tolist()
    bare = document("replay", capsys, lander, "--index", 2, "--seeds", "4,5", "--no-normalize", notes=True)
    expected = evaluate("lunarlander", POPULATION, LANDER, seeds=[4, 5], **{**SETTING, "normalize": None})
    assert [episode["return"] for episode in bare["episodes"]] == expected.returns[2].tolist()
    assert bare["ok"] and bare["episodes"] != found["episodes"]


@pytest.mark.parametrize(
    ("spelling", "observation", "shape"),
    [
        ("cnn:4x24x20-4k8s4-3", "skip=4,gray,resize=24x20,stack=4", (4, 24, 20)),
        ("cnn:6x24x20-4k8s4-3", "resize=24x20,stack=2", (2, 24, 20, 3)),
    ],
)
def test_images_are_normalised_in_gymnasium_too(
    tmp_path: Path, capsys: Captured, spelling: str, observation: str, shape: tuple[int, ...]
) -> None:
    policy, rng = Policy(spelling), np.random.default_rng(0)
    mean, std = rng.random(shape, np.float32), rng.random(shape, np.float32) + np.float32(0.1)
    setting: Any = {"observation": observation, "normalize": Normalization(mean, std, 2.0), "max_episode_steps": 120}
    weights = 3 * policy.init(1, seed=1)
    weights[0, -3:] = [0, 2, -9]  # off the brakes
    policy.save(tmp_path / "w.npy", weights, "carracing", **setting)
    found = document("replay", capsys, tmp_path / "w.npy", notes=True)
    expected = evaluate("carracing", weights, policy, seeds=0, **setting)
    assert found["ok"] and [episode["return"] for episode in found["episodes"]] == expected.returns[0].tolist()
    bare = evaluate("carracing", weights, policy, seeds=0, **{**setting, "normalize": None})
    assert bare.returns.tobytes() != expected.returns.tobytes()


def test_the_command_line_stops_and_begins_episodes(lander: Path, capsys: Captured, tmp_path: Path) -> None:
    given = ["--stop", "patience=20,return_below=-50", "--no-ops", "4:2"]
    found, _ = played(capsys, lander, *given)
    rules: dict[str, Any] = {"stop": {"patience": 20, "return_below": -50}, "no_ops": {"count": 4, "action": 2}}
    assert found["fitness"] == fitness(**SETTING, **rules) != fitness(**SETTING)
    refused = ["evaluate", str(lander), "--stop", "patience=0"]
    assert app.main(refused) == app.BAD_INPUT
    error = "error: stop: patience: expected an integer from 1 to 2147483647, got 0\n"
    assert capsys.readouterr().err.endswith(error)
    out = tmp_path / "all.csv"
    assert app.main(["evaluate", str(lander), *given, "--episodes", "30", "--out", str(out)]) == app.OK
    assert out.exists()


RULES: dict[str, Any] = {"stop": {"patience": 30, "return_below": -120}, "no_ops": {"count": 4, "action": 2}}


@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
def test_files_keep_rules_and_both_commands_play_them(tmp_path: Path, capsys: Captured, suffix: str) -> None:
    policy = Policy("mlp:8-4")
    weights = policy.init(3, seed=7)
    path = tmp_path / f"w{suffix}"
    rules = RULES | {"action_repeat": 2}
    policy.save(path, weights, "lunarlander", **rules)
    loaded = load_weights(path)
    assert (str(loaded.stop), str(loaded.no_ops), loaded.action_repeat) == ("patience=30,return_below=-120.0", "4:2", 2)
    assert "stop patience=30,return_below=-120.0; no_ops 4:2; action_repeat 2" in str(loaded)
    expected = evaluate("lunarlander", weights, policy, seeds=[0, 1], **rules)
    assert evaluate("lunarlander", loaded, policy, seeds=[0, 1]).returns.tobytes() == expected.returns.tobytes()
    found = document("evaluate", capsys, path, "--episodes", "2", notes=True)
    assert found["fitness"] == expected.fitness.tolist()
    replayed = document("replay", capsys, path, "--index", "1", "--episodes", "2", notes=True)
    assert replayed["ok"]
    assert [episode["return"] for episode in replayed["episodes"]] == expected.returns[1].tolist()
    assert [episode["length"] for episode in replayed["episodes"]] == expected.lengths[1].tolist()
    assert expected.stopped[1].any()
    bare = ["--stop", "", "--no-ops", "0", "--action-repeat", "1"]
    without = document("evaluate", capsys, path, "--episodes", "2", *bare, notes=True)
    plain = evaluate("lunarlander", weights, policy, seeds=[0, 1])
    assert without["fitness"] == plain.fitness.tolist()
    given = ["--stop", "condition=y < 0.5", "--no-ops", "6:3", "--action-repeat", "3", "--index", "0"]
    asked = document("replay", capsys, path, *given, notes=True)
    options: dict[str, Any] = {"stop": "condition=y < 0.5", "no_ops": "6:3", "action_repeat": 3}
    again = evaluate("lunarlander", weights, policy, seeds=[0], **options)
    assert asked["ok"] and asked["episodes"][0]["return"] == again.returns[0, 0]
    assert again.endings[0, 0] == "condition"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stop": "condition=z > 3"}, "stop: condition: "),
        ({"no_ops": "3:9"}, "no_ops: action: expected an integer from 0 to 3, got 9"),
        ({"action_repeat": 0}, "action_repeat: expected an integer from 1"),
        ({"env_kwargs": {"gravity": [-9.0, -8.0]}}, "env_kwargs: gravity: expected a bool, an int or a number"),
    ],
)
def test_what_cannot_be_played_is_not_saved(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    policy = Policy("mlp:8-4")
    with pytest.raises(InputError, match=f"^{message}"):
        policy.save(tmp_path / "w.npy", policy.init(1, seed=7), "lunarlander", **options)
    assert not (tmp_path / "w.npy").exists()


def test_a_file_with_another_rule_is_refused(tmp_path: Path) -> None:
    policy = Policy("mlp:8-4")
    policy.save(tmp_path / "w.npy", policy.init(1, seed=7), "lunarlander", **RULES)
    sidecar = tmp_path / "w.npy.json"
    sidecar.write_text(sidecar.read_text().replace('"patience=30,return_below=-120.0"', "30"))
    with pytest.raises(InputError, match=r"stop: expected a spec, got 30$"):
        load_weights(tmp_path / "w.npy")
