"""`evalengine replay`: the individual that was evaluated, in the real Gymnasium, compared to the bit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import cli_answers
import gymnasium
import numpy as np
import pytest
from cli_answers import Captured
from frame_count import frame_count

import evalengine
from evalengine import Policy
from evalengine.environments.registry import entries
from evalengine.evaluation.evaluate import Evaluation
from evalengine.playback import player as gym_player
from evalengine.playback import playing
from evalengine.references.divergence import first_difference
from evalengine.terminal import app
from evalengine.terminal.replay.run import ReplayConfig, run

MLP = Policy("mlp:4-64-2")

ONE = np.ones(2, np.float32)
TRAINED = Path(__file__).resolve().parents[2] / "examples" / "weights"
document = partial(cli_answers.document, "replay", notes=True)
refusal = partial(cli_answers.refusal, "replay")


# The same episode


@pytest.mark.parametrize(
    "entry",
    [e for e in entries() if (TRAINED / f"{e.short_name}.npy").exists() and e.short_name != "carracing"],
    ids=lambda e: e.short_name,
)
def test_trained_policies_get_the_returns_that_evaluate_gives(entry: Any) -> None:
    path = TRAINED / f"{entry.short_name}.npy"
    result = run(ReplayConfig(path, seeds=(3, 2**64 - 1)))
    weights = evalengine.load_weights(path)
    expected = evalengine.evaluate(entry.id, weights.weights, result.policy, seeds=[3, 2**64 - 1])
    assert [episode.played.total for episode in result.replay.episodes] == expected.returns[
        result.replay.individual
    ].tolist()
    assert [episode.played.length for episode in result.replay.episodes] == expected.lengths[
        result.replay.individual
    ].tolist()
    assert result.ok and [episode.divergence for episode in result.replay.episodes] == [None, None]


@pytest.mark.parametrize(
    ("spelling", "config"),
    [
        ("mlp:8-16-2", {"env": "lunarlander", "env_kwargs": {"continuous": True, "enable_wind": True}}),
        ("mlp:8-16-2,head=clip", {"env": "lunarlander", "env_kwargs": {"continuous": True, "gravity": -3.0}}),
        ("mlp:3-16-1", {"env": "pendulum", "reset_options": {"x_init": 0.5, "y_init": 0.0}, "env_kwargs": {"g": 9.0}}),
        ("cnn:5x7x5-4k3-4", {"env": "snake", "env_kwargs": {"rows": 7, "cols": 5}}),
        ("mlp:4-8-2", {"env": "cartpole", "max_episode_steps": 9, "env_kwargs": {"sutton_barto_reward": True}}),
        ("cnn:3x96x96-4k8s8-3", {"env": "carracing", "max_episode_steps": 20}),
        ("mlp:27648-5", {"env": "carracing", "max_episode_steps": 20, "env_kwargs": {"continuous": False}}),
        ("mlp:4-8-2,head=sample", {"env": "cartpole", "epsilon": 0.1, "sticky": 0.2}),
        ("mlp:4-8-1,head=threshold:0.1", {"env": "cartpole", "epsilon": 0.2}),
        ("mlp:3-8-1,head=raw,noise=log_std", {"env": "pendulum", "sticky": 0.5}),
        ("mlp:8-16-2,head=tanh/sigmoid,noise=0.2/0", {"env": "lunarlander", "env_kwargs": {"continuous": True}}),
        ("cnn:3x96x96-4k8s8-3,head=tanh/sigmoid/sigmoid", {"env": "carracing", "max_episode_steps": 20}),
    ],
)
@pytest.mark.parametrize("render", ["no frames", "frames"])
def test_settings_reach_both_sides(spelling: str, config: dict[str, Any], render: str, tmp_path: Path) -> None:
    """Rendering draws particles in LunarLander's world: they change nothing either."""
    policy = Policy(spelling)
    policy.save(tmp_path / "w.npy", policy.init(3, seed=0))
    video = tmp_path / "v.gif" if render == "frames" else None
    result = run(ReplayConfig(tmp_path / "w.npy", index=1, seeds=7, video=video, **config))
    [episode] = result.replay.episodes
    settings = {name: value for name, value in config.items() if name != "env"}
    expected = evalengine.evaluate(config["env"], policy.init(3, seed=0), policy, seeds=7, **settings)
    assert result.ok and episode.divergence is None
    assert episode.played.total == expected.returns[1, 0]
    assert episode.played.length == expected.lengths[1, 0]
    if video is not None:
        assert result.replay.frames == frame_count(video) == episode.played.length + 1


@pytest.mark.parametrize(
    ("spelling", "observation"),
    [
        ("cnn:4x84x84-4k8s8-3", "skip=4,gray,resize=84x84,stack=4"),
        ("cnn:6x24x30-4k8s4-3", "skip=3,resize=24x30,stack=2,padding=zero"),
        ("cnn:1x96x96-4k8s8-3", "gray"),
        ("mlp:864-3", "skip=2,resize=12x12,stack=2"),
        ("cnn:2x24x24-4k8s4-3,head=tanh/sigmoid/sigmoid,noise=0.3", "skip=4,gray,resize=24x24,stack=2"),
    ],
)
def test_gymnasiums_wrappers_stand_before_it(spelling: str, observation: str, tmp_path: Path) -> None:
    policy = Policy(spelling)
    policy.save(tmp_path / "w.npy", policy.init(2, seed=0), "carracing")
    video = tmp_path / "v.mp4"
    result = run(ReplayConfig(tmp_path / "w.npy", index=1, observation=observation, max_episode_steps=30, video=video))
    [episode] = result.replay.episodes
    assert result.ok and episode.divergence is None
    assert episode.played.length == 30, "steps of the environment, not actions"
    assert frame_count(video) == 31


def test_the_best_is_the_best_of_the_episodes_that_are_played(population: Path, capsys: Captured) -> None:
    returns = evalengine.evaluate("CartPole-v1", MLP.init(12, seed=3), MLP, seeds=[5, 6, 9]).returns
    found = document(capsys, population, "--seeds", "5,6,9")
    assert found["individual"] == int(returns.mean(axis=1).argmax())
    assert [episode["return"] for episode in found["episodes"]] == returns[found["individual"]].tolist()
    others = {document(capsys, population, "--seed", seed)["individual"] for seed in range(10)}
    assert len(others) > 1
    assert document(capsys, population, "--index", 7)["individual"] == 7


def test_a_failing_individual_is_not_the_best(tmp_path: Path, capsys: Captured) -> None:
    weights = MLP.init(3, seed=0)
    weights[0, 5] = np.nan
    MLP.save(tmp_path / "w.npy", weights, "cartpole")
    assert document(capsys, tmp_path / "w.npy")["individual"] in (1, 2)
    line = refusal(capsys, tmp_path / "w.npy", "--index", 0)
    expected = "expected individual 0 to have finite weights and logits, got NaN or infinite ones"
    assert line == f"weights: {tmp_path / 'w.npy'}: {expected}"


# From Python


def test_python_gets_the_video_s_path_and_whether_every_bit_agrees(tmp_path: Path) -> None:
    video = tmp_path / "v.gif"
    told: list[tuple[int, int]] = []
    found = evalengine.replay(
        "cartpole",
        MLP.init(12, seed=3),
        MLP,
        seeds=[5, 6],
        video=str(video),
        max_episode_steps=20,
        progress=lambda done, total: told.append((done, total)),
    )
    returns = evalengine.evaluate("cartpole", MLP.init(12, seed=3), MLP, seeds=[5, 6], max_episode_steps=20).returns
    assert (found.video, found.ok) == (video, True)
    assert found.individual == int(returns.mean(axis=1).argmax())
    assert found.returns == tuple(returns[found.individual].tolist())
    steps = int(sum(found.returns))
    assert found.frames == frame_count(video) == steps + 2
    assert told[0] == (1, steps) and told[-1] == (steps, steps)
    returned = f"{found.returns[0]:g}, {found.returns[1]:g}"
    assert repr(found) == f"Replay(individual {found.individual}: {returned}; every bit agrees, {str(video)!r})"


def test_python_replays_one_vector_a_position_and_a_file(population: Path) -> None:
    weights = evalengine.load_weights(population)
    by_file = evalengine.replay("CartPole-v1", weights, "mlp:4-64-2", individual=7)
    by_array = evalengine.replay("CartPole-v1", weights.weights[7], MLP, individual=0)
    assert (by_file.individual, by_array.individual, by_file.video) == (7, 0, None)
    assert by_file.returns == by_array.returns
    assert by_file.returns[0] == evalengine.evaluate("CartPole-v1", weights.weights, MLP, seeds=0).returns[7, 0]


def test_python_is_told_of_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    made = gym_player._reference
    monkeypatch.setattr(gym_player, "_reference", lambda *arguments: OneUlpOff(made(*arguments)))
    found = evalengine.replay("CartPole-v1", MLP.init(1, seed=3), MLP)
    assert not found.ok and found.episodes[0].divergence is not None
    assert "DIFFERS from evaluate" in repr(found)


# When it is another one


class OneUlpOff(gymnasium.Wrapper[Any, Any, Any, Any]):
    """CartPole as another build might have it: at step 6, one reward is the next number."""

    count = 0

    def step(self, action: Any) -> Any:
        observation, reward, *rest = super().step(action)
        self.count += 1
        return observation, float(np.nextafter(float(reward), 2.0)) if self.count == 6 else reward, *rest


def test_one_ulp_in_one_reward_is_a_mismatch(
    population: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    made = gym_player._reference
    monkeypatch.setattr(gym_player, "_reference", lambda *arguments: OneUlpOff(made(*arguments)))
    found = document(capsys, population, code=app.MISMATCH)
    [episode] = found["episodes"]
    assert (found["ok"], episode["ok"]) == (False, False)
    assert episode["return"] == episode["evaluated_return"], "the sum has rounded it away"
    divergence = episode["first_divergence"]
    assert (divergence["field"], divergence["step"], divergence["seed"]) == ("reward", 6, 0)
    assert (divergence["ours_hex"], divergence["reference_hex"]) == ("0x3ff0000000000000", "0x3ff0000000000001")
    assert app.main(["replay", str(population)]) == app.MISMATCH
    text = capsys.readouterr().out
    assert "DIFFERS" in text and "MISMATCH: seed 0: evaluate gave return " in text
    assert "seed 0, step 6, reward" in text


def test_another_evaluation_is_a_mismatch_too(
    population: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def shifted(*arguments: Any, **settings: Any) -> Evaluation:
        evaluation = evalengine.evaluate(*arguments, **settings)
        evaluation.returns[:] = np.nextafter(evaluation.returns, np.inf)
        return evaluation

    monkeypatch.setattr(playing, "evaluate", shifted)
    assert app.main(["replay", str(population)]) == app.MISMATCH
    assert "Every step equals the native environment's: evaluate itself differs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ours", "theirs", "field"),
    [
        ((ONE * 0,), (-ONE * 0,), "observation"),
        ((ONE,), (ONE.astype(np.float64),), "observation"),
        ((ONE,), (ONE[np.newaxis],), "observation"),
        ((ONE, 1.0, True, False), (ONE, 1.0, False, False), "terminated"),
        ((ONE, 1.0, True, False), (ONE, 1.0, True, True), "truncated"),
        ((ONE * np.nan, 1.0, True, False), (ONE * np.nan, 1.0, True, False), None),
    ],
)
def test_any_bit_is_a_difference(ours: tuple[Any, ...], theirs: tuple[Any, ...], field: str | None) -> None:
    found = first_difference(ours, theirs, seed=1, step=2, action=None)
    assert (None if found is None else found.field) == field
