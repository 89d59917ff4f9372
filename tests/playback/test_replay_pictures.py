"""`evalengine replay`: what is seen of it, in a video or a window: every frame, and nothing half."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cli_answers
import gymnasium
import numpy as np
import pytest
from cli_answers import Captured
from frame_count import frame_count

from evalengine import Policy
from evalengine.environments.registry import entries, resolve
from evalengine.playback.player import GymPlayer, Setting
from evalengine.terminal import app
from evalengine.terminal.replay.run import ReplayConfig, run

TRAINED = Path(__file__).resolve().parents[2] / "examples" / "weights"
document = partial(cli_answers.document, "replay", notes=True)

pytestmark = pytest.mark.filterwarnings("ignore:.*HumanRendering wrapper is being applied:UserWarning")


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
    assert result.ok and result.replay.frames == 0


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
        "from evalengine.playback import player\n"
        "from evalengine.terminal import app\n"
        "first = player.StepCounter.step\n"
        "def step(self, action):\n"
        "    if self.steps == 100: signal.raise_signal(signal.SIGINT)\n"
        "    return first(self, action)\n"
        "player.StepCounter.step = step\n"
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
