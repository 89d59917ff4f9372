"""`evalengine replay`: what cannot be played is refused in one line, before any work."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cli_answers
import numpy as np
import pytest
from cli_answers import Captured

import evalengine
from evalengine import Policy
from evalengine.environments.observation import ObservationOptions
from evalengine.errors import InputError
from evalengine.playback.player import GymPlayer, Setting
from evalengine.terminal import app
from evalengine.terminal import option_values as options

MLP = Policy("mlp:4-64-2")
refusal = partial(cli_answers.refusal, "replay")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--index worst", "--index: expected best or a position from 0, got 'worst'"),
        ("--index 12", "index: expected best or a position from 0 among the 12 individuals in "),
        ("--index -1", "index: expected best or a position from 0 among the 12 individuals in "),
        ("--render window", "render: expected human or none, got 'window'"),
        ("--video v.avi", "video: expected a name ending in .mp4 or .gif, got v.avi"),
        ("--video v.mp4 --render human", "render: expected either a video or a window, got both"),
        ("--env carpole", "CartPole-v1"),
        ("--env pendulum", "Pendulum-v1 needs 3 inputs and 1 outputs"),
        ("--env-kwarg sutton=true", "sutton_barto_reward"),
        ("--observation gray", "observation: grayscale: expected an environment with coloured images"),
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
@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"individual": "worst"}, "individual: expected 'best' or a position from 0, got 'worst'"),
        ({"individual": 1.5}, "individual: expected 'best' or a position from 0, got 1.5"),
        ({"individual": 12}, "individual: expected 'best' or a position from 0 among 12 individuals, got 12"),
        ({"individual": -1}, "individual: expected 'best' or a position from 0 among 12 individuals, got -1"),
        ({"video": 3}, "video: expected a path, got 3"),
        ({"video": "v.avi"}, "video: expected a name ending in .mp4 or .gif, got v.avi"),
        ({"render": "window"}, "render: expected human or none, got 'window'"),
        ({"progress": "yes"}, "progress: expected True or a function of (done, total), got 'yes'"),
        ({"epsilon": 2}, "epsilon: expected a probability from 0 to 1, got 2"),
        ({"observation": "gray"}, "observation: grayscale: expected an environment with coloured images"),
    ],
)
def test_bad_keywords_are_refused(keywords: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        evalengine.replay("CartPole-v1", MLP.init(12, seed=3), MLP, **keywords)
    assert str(caught.value).startswith(expected)


def test_an_unknown_keyword_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match=r"^replay\(\) got an unexpected keyword argument 'vidoe'$"):
        evalengine.replay("CartPole-v1", MLP.init(1, seed=3), MLP, vidoe="v.mp4")  # type: ignore[call-arg]


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("package", ["gymnasium", "imageio_ffmpeg"])
def test_a_missing_package_is_named_with_its_extra(package: str, population: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules['{package}'] = None\n"
        "from evalengine.terminal.app import main; sys.exit(main(sys.argv[1:]))\n"
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
