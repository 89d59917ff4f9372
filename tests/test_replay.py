"""`evalengine replay`: the individual that was evaluated, in the real Gymnasium, to the bit; compared and recorded."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import imageio_ffmpeg
import numpy as np
import pytest

import evalengine
from evalengine import Policy, app, gym_player, options
from evalengine.commands import replay
from evalengine.commands.replay import ReplayConfig, run
from evalengine.errors import InputError
from evalengine.evaluation import Evaluation
from evalengine.gym_player import GymPlayer, Setting
from evalengine.observation import ObservationOptions
from evalengine.registry import entries, resolve

MLP = Policy("mlp:4-64-2")
ROOT = Path(__file__).resolve().parent.parent
ONE = np.ones(2, np.float32)
TRAINED = ROOT / "examples" / "weights"
Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.filterwarnings("ignore:.*HumanRendering wrapper is being applied:UserWarning")


@pytest.fixture
def population(tmp_path: Path) -> Path:
    """Twelve CartPole policies with a sidecar."""
    path = tmp_path / "population.npy"
    MLP.save(path, MLP.init(12, seed=3), "cartpole")
    return path


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if an evaluation starts or an episode is played."""

    def started(*arguments: object, **settings: object) -> None:
        pytest.fail("work was started")

    monkeypatch.setattr(replay, "evaluate", started)
    monkeypatch.setattr(GymPlayer, "play", started)


def document(capsys: Captured, *arguments: object, code: int = app.OK) -> dict[str, Any]:
    """Runs `replay --json` and returns what it prints."""
    assert app.main(["replay", *(str(argument) for argument in arguments), "--json"]) == code
    parsed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return parsed


def refusal(capsys: Captured, *arguments: object, code: int = app.BAD_INPUT) -> str:
    """Runs `replay`, which must fail with one line on stderr, and returns that line without "error: "."""
    assert app.main(["replay", *(str(argument) for argument in arguments)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n")


def frame_count(path: Path) -> int:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    shape = subprocess.run(
        [*command, "-vf", "scale=2:2", "-pix_fmt", "gray", "-f", "rawvideo", "-"], capture_output=True, check=True
    )
    return len(shape.stdout) // 4


# The same episode


@pytest.mark.parametrize("entry", [e for e in entries() if e.short_name != "carracing"], ids=lambda e: e.short_name)
def test_trained_policies_get_the_returns_that_evaluate_gives(entry: Any) -> None:
    path = TRAINED / f"{entry.short_name}.npy"
    result = run(ReplayConfig(path, seeds=(3, 2**64 - 1)))
    weights = evalengine.load_weights(path)
    expected = evalengine.evaluate(entry.id, weights.weights, result.policy, seeds=[3, 2**64 - 1])
    assert [episode.played.total for episode in result.episodes] == expected.returns[result.individual].tolist()
    assert [episode.played.length for episode in result.episodes] == expected.lengths[result.individual].tolist()
    assert result.ok and [episode.divergence for episode in result.episodes] == [None, None]


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
    ],
)
@pytest.mark.parametrize("render", ["no frames", "frames"])
def test_settings_reach_both_sides(spelling: str, config: dict[str, Any], render: str, tmp_path: Path) -> None:
    """Rendering draws particles in LunarLander's world: they change nothing either."""
    policy = Policy(spelling)
    policy.save(tmp_path / "w.npy", policy.init(3, seed=0))
    video = tmp_path / "v.gif" if render == "frames" else None
    result = run(ReplayConfig(tmp_path / "w.npy", index=1, seeds=7, video=video, **config))
    [episode] = result.episodes
    settings = {name: value for name, value in config.items() if name != "env"}
    expected = evalengine.evaluate(config["env"], policy.init(3, seed=0), policy, seeds=7, **settings)
    assert result.ok and episode.divergence is None
    assert episode.played.total == expected.returns[1, 0]
    assert episode.played.length == expected.lengths[1, 0]
    if video is not None:
        assert result.frames == frame_count(video) == episode.played.length + 1


@pytest.mark.parametrize(
    ("spelling", "observation"),
    [
        ("cnn:4x84x84-4k8s8-3", "skip=4,gray,resize=84x84,stack=4"),
        ("cnn:6x24x30-4k8s4-3", "skip=3,resize=24x30,stack=2,padding=zero"),
        ("cnn:1x96x96-4k8s8-3", "gray"),
        ("mlp:864-3", "skip=2,resize=12x12,stack=2"),
    ],
)
def test_gymnasiums_wrappers_stand_before_it(spelling: str, observation: str, tmp_path: Path) -> None:
    policy = Policy(spelling)
    policy.save(tmp_path / "w.npy", policy.init(2, seed=0), "carracing")
    video = tmp_path / "v.mp4"
    result = run(ReplayConfig(tmp_path / "w.npy", index=1, observation=observation, max_episode_steps=30, video=video))
    [episode] = result.episodes
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
    expected = "expected an individual with finite weights and logits, got NaN or infinite ones"
    assert line == f"weights: {tmp_path / 'w.npy'}: {expected}"


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

    monkeypatch.setattr(replay, "evaluate", shifted)
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
    found = gym_player.first_difference(ours, theirs, seed=1, step=2, action=None)
    assert (None if found is None else found.field) == field


# What is seen


def test_frames_are_those_that_gymnasium_renders() -> None:
    """Bytes of each, of the same episode played by hand."""
    policy = Policy("mlp:8-64-4")
    [vector] = policy.init(1, seed=0)
    shown: list[Any] = []
    with GymPlayer(Setting("LunarLander-v3", policy), "rgb_array", shown.append) as player:
        played = player.play(vector, seed=5)
        assert player.fps == 50.0
    env = gymnasium.make("LunarLander-v3", render_mode="rgb_array")
    observation, _ = env.reset(seed=5)
    frames: list[Any] = [env.render()]
    while len(frames) <= played.length:
        observation, *_ = env.step(int(policy.logits(vector, observation[np.newaxis])[0].argmax()))
        frames.append(env.render())
    env.close()
    assert len(shown) == len(frames) == played.length + 1
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(shown, frames, strict=True))


def test_all_episodes_are_in_the_video(population: Path, tmp_path: Path, capsys: Captured) -> None:
    found = document(capsys, population, "--episodes", 3, "--video", tmp_path / "all.mp4")
    lengths = [episode["length"] for episode in found["episodes"]]
    assert found["frames"] == frame_count(tmp_path / "all.mp4") == sum(lengths) + 3
    assert (found["video"], found["fps"]) == (str(tmp_path / "all.mp4"), 50.0)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_a_window_can_be_opened_for_every_environment(
    entry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    policy = Policy(entry.default_policy)
    policy.save(tmp_path / "w.npy", policy.init(1, seed=0), entry.id)
    result = run(ReplayConfig(tmp_path / "w.npy", max_episode_steps=5, render="human"))
    assert result.ok and result.frames == 0


def test_without_a_screen_a_window_is_one_line(population: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    finished = subprocess.run(
        [sys.executable, "-m", "evalengine", "replay", str(population), "--render", "human"],
        env=environment | {"SDL_VIDEODRIVER": "no_such_driver"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (app.INTERNAL, "")
    assert finished.stderr.splitlines()[-1].startswith("error: render: cannot open a window: ")


def test_a_recording_needs_no_screen_and_leaves_sdl_as_it_was(population: Path, tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SDL_", "XDG_", "DISPLAY"))
    }
    finished = subprocess.run(
        [sys.executable, "-m", "evalengine", "replay", str(population), "--video", str(tmp_path / "v.mp4")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == app.OK
    assert finished.stderr.startswith("individual ") and finished.stderr.count("\n") == 1
    assert f"Video: {tmp_path / 'v.mp4'} (" in finished.stdout
    before = os.environ.get("SDL_VIDEODRIVER")
    run(ReplayConfig(population, max_episode_steps=2, video=tmp_path / "v.gif"))
    assert os.environ.get("SDL_VIDEODRIVER") == before


def test_ctrl_c_leaves_no_half_video(tmp_path: Path) -> None:
    path, video = TRAINED / "cartpole.npy", tmp_path / "v.mp4"
    code = (
        "import signal, sys\n"
        "from evalengine import app, gym_player\n"
        "first = gym_player.StepCounter.step\n"
        "def step(self, action):\n"
        "    if self.steps == 100: signal.raise_signal(signal.SIGINT)\n"
        "    return first(self, action)\n"
        "gym_player.StepCounter.step = step\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(app.main(sys.argv[1:]))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, "replay", str(path), "--video", str(video)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (app.INTERRUPTED, "")
    assert finished.stderr.splitlines()[-1] == "interrupted"
    assert list(tmp_path.iterdir()) == []


# Refusals, before any work


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--index worst", "--index: expected best or a position from 0, got 'worst'"),
        ("--index 12", "index: expected best or a position from 0 among the 12 individuals in "),
        ("--index -1", "index: expected best or a position from 0 among the 12 individuals in "),
        ("--render window", "render: expected human or none, got 'window'"),
        ("--video v.avi", "video: expected a name ending in .mp4 or .gif, got v.avi"),
        ("--video v.mp4 --render human", "render: expected either --video or --render human, got both"),
        ("--env carpole", "CartPole-v1"),
        ("--env pendulum", "Pendulum-v1 needs 3 inputs and 1 outputs"),
        ("--env-kwarg sutton=true", "sutton_barto_reward"),
        ("--observation stack=4", "observation: expected an environment with coloured images"),
        ("--max-episode-steps 0", "max_episode_steps: expected an integer from 1"),
        ("--seeds 1,b", "--seeds: expected integers"),
    ],
)
def test_bad_options_are_refused(arguments: str, expected: str, population: Path, capsys: Captured) -> None:
    assert expected in refusal(capsys, population, *arguments.split())
    assert not Path("v.avi").exists() and not Path("v.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--episodes 0", "episodes: expected"),
        ("--seeds 1,2 --episodes 3", "seeds: expected"),
        ("--threads 0", "threads: expected"),
        ("--reset-option lwo=0.1", "low"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    arguments: str, expected: str, population: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert expected in refusal(capsys, population, *arguments.split(), "--video", tmp_path / "v.mp4")
    assert not (tmp_path / "v.mp4").exists()


@pytest.mark.usefixtures("no_work")
def test_the_weights_are_not_overwritten(tmp_path: Path, capsys: Captured) -> None:
    weights = tmp_path / "w.npy"
    MLP.save(weights, MLP.init(1, seed=0), "cartpole")
    (tmp_path / "v.mp4").symlink_to(weights)
    line = refusal(capsys, weights, "--video", tmp_path / "v.mp4")
    assert line == f"video: expected another file than the weights, got {tmp_path / 'v.mp4'}"


@pytest.mark.usefixtures("no_work")
def test_an_empty_population_has_no_best(tmp_path: Path, capsys: Captured) -> None:
    np.save(tmp_path / "w.npy", np.empty((0, MLP.n_params), np.float32))
    assert "among the 0 individuals" in refusal(capsys, tmp_path / "w.npy", "--env", "cartpole")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("package", ["gymnasium", "imageio_ffmpeg"])
def test_a_missing_package_is_named_with_its_extra(package: str, population: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules['{package}'] = None\nfrom evalengine.app import main; sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "replay", str(population), "--video", str(tmp_path / "v.gif")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    extra = {"gymnasium": "gymnasium", "imageio_ffmpeg": "video"}[package]
    assert (finished.returncode, finished.stdout) == (app.MISSING_DEPENDENCY, "")
    assert finished.stderr == (
        f"error: {package.replace('_', '-')} is not installed: pip install 'evalengine[{extra}]'\n"
    )


def test_without_opencv_a_resize_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    setting = Setting("CarRacing-v3", Policy("mlp:300-3"), observation=ObservationOptions.of("resize=10x10"))
    with pytest.raises(ImportError, match=r"^opencv-python-headless is not installed: pip install 'evalengine\[gymnas"):
        GymPlayer(setting)


def test_an_index_is_best_or_a_number() -> None:
    assert (options.parse_index(" BEST"), options.parse_index("12")) == ("best", 12)
    with pytest.raises(InputError, match=r"^--index: expected best or a position from 0, got '1.5'$"):
        options.parse_index("1.5")


def test_snake_is_drawn() -> None:
    env = gymnasium.make(resolve("snake").id, rows=3, cols=4, render_mode="rgb_array", disable_env_checker=True)
    env.reset(seed=0)
    core: Any = env.unwrapped
    board: Any = env.render()
    assert (board.shape, board.dtype) == ((60, 80, 3), np.uint8)
    cells = board[10::20, 10::20]
    assert cells[core.head].tolist() == [200, 255, 160]
    assert cells[core.fruit].tolist() == [230, 48, 48]
    assert (cells == [32, 32, 32]).all(axis=2).sum() == 10
    core.ages = np.array([[1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    core.head, core.length = (0, 3), 4
    board = env.render()
    green = board[10, 10:70:20, 1]
    assert green.tolist() == sorted(green.tolist()) and len(set(green.tolist())) == 3
    core.render_mode = None
    assert core.render() is None
    with pytest.raises(ValueError, match="render_mode: expected None or 'rgb_array', got 'ansi'"):
        type(core)(render_mode="ansi")
