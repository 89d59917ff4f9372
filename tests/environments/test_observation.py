"""Observation options: their one spec, and that they are Gymnasium's wrappers, byte for byte, on CarRacing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import (
    FrameStackObservation,
    GrayscaleObservation,
    MaxAndSkipObservation,
    ResizeObservation,
    TransformObservation,
)
from numpy.typing import NDArray

from evalengine import ObservationOptions, Policy, _engine, batch_evaluate, evaluate, make
from evalengine.environments.registry import describe
from evalengine.errors import InputError
from evalengine.terminal.app import main

FULL: dict[str, Any] = {"skip": 4, "grayscale": True, "resize": (84, 84), "stack": 4}
SPELLED = "skip=4,gray,resize=84x84,stack=4"
SUCH_AS = "such as 'skip=4,gray,resize=84x84,stack=4' or 'keep=0/2,clip=-5/5,stack=4'"
NAMES = "skip, crop, subsample, channel, grayscale, resize, stack, padding, scale, keep, clip"


def test_a_mapping_and_a_spelling_mean_the_same() -> None:
    options = ObservationOptions(**FULL)
    assert str(options) == SPELLED
    assert ObservationOptions.of(FULL) == ObservationOptions.of(SPELLED) == ObservationOptions.of(options) == options
    assert ObservationOptions.of(" stack=4, resize=84x84,gray ,skip=4") == options
    for unusual in (
        "resize=40x100,stack=1,padding=zero",
        "skip=2,crop=0/12/6/6,subsample=8x4,channel=1,resize=5x5,stack=2,scale",
        "skip=2,stack=3,padding=zero,keep=0/2,clip=-0.5/inf",
    ):
        assert str(ObservationOptions.of(unusual)) == unusual
    numpys: Any = {"skip": np.int64(4), "resize": [np.int32(84), 84]}
    assert str(ObservationOptions.of(numpys)) == "skip=4,resize=84x84"


@pytest.mark.parametrize("nothing", [None, "", " ", {}, {"grayscale": False, "stack": None}, ObservationOptions()])
def test_no_options_are_no_wrappers(nothing: Any) -> None:
    assert ObservationOptions.of(nothing) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"skip": 1}, "skip: expected an integer from 2 to 64, got 1"),
        ({"skip": True}, "skip: expected an integer from 2 to 64, got True"),
        ({"stack": 0}, "stack: expected an integer from 1 to 64, got 0"),
        ({"stack": "4"}, "stack: expected an integer from 1 to 64, got '4'"),
        ({"grayscale": 1}, "grayscale: expected True or False, got 1"),
        ({"resize": 84}, "resize: expected (height, width), got 84"),
        ({"resize": (84,)}, "resize: expected (height, width), got (84,)"),
        ({"resize": (84, 0)}, "resize: expected an integer from 1 to 1024, got 0"),
        ({"resize": (1025, 84)}, "resize: expected an integer from 1 to 1024, got 1025"),
        ({"stack": 2, "padding": "none"}, "padding: expected 'reset' or 'zero', got 'none'"),
        ({"padding": "zero"}, "padding: expected a stack to be padded, got none"),
        ({"frame_skip": 4}, f"expected some of {NAMES}, got 'frame_skip'"),
        (4, f"expected a mapping or a spec {SUCH_AS}, got 4"),
        ("grey", f"expected a spec {SUCH_AS}, got 'grey'"),
        ("skip=4,,gray", f"expected a spec {SUCH_AS}, got ''"),
        ("resize=84", f"expected a spec {SUCH_AS}, got 'resize=84'"),
        ("crop=1/2/3", f"expected a spec {SUCH_AS}, got 'crop=1/2/3'"),
        ("clip=5", f"expected a spec {SUCH_AS}, got 'clip=5'"),
        ({"crop": (1, 2, 3)}, "crop: expected (top, bottom, left, right), got (1, 2, 3)"),
        ({"crop": (1, 2, 3, -1)}, "crop: expected an integer from 0 to 1024, got -1"),
        ({"subsample": 8}, "subsample: expected (rows, columns), got 8"),
        ({"subsample": (8, 0)}, "subsample: expected an integer from 1 to 1024, got 0"),
        ("channel=3", "channel: expected an integer from 0 to 2, got 3"),
        ("gray,channel=1", "expected either grayscale or a channel, got both"),
        ({"scale": 1}, "scale: expected True or False, got 1"),
        ("clip=5/-5", "clip: expected (low, high) such as (-5, 5), got (5.0, -5.0)"),
        ({"clip": 5}, "clip: expected (low, high) such as (-5, 5), got 5"),
        ({"clip": (0, float("nan"))}, "clip: expected (low, high) such as (-5, 5), got (0, nan)"),
        ("resize=9x9,clip=0/1", "expected options of images or of vectors, got resize=9x9 and clip=0.0/1.0"),
        ({"scale": True, "keep": [0]}, "expected options of images or of vectors, got scale and keep=0"),
        ("skip=1", "skip: expected an integer from 2 to 64, got 1"),
        ("skip=2,skip=3", "expected each option once, got skip twice in 'skip=2,skip=3'"),
    ],
)
def test_what_is_no_option_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        ObservationOptions.of(value)
    assert str(refused.value) == f"observation: {message}"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "cartpole",
            "gray",
            "grayscale: expected an environment with coloured images, (height, width, 3) uint8, got CartPole-v1 "
            "with [4] float32",
        ),
        (
            "snake",
            "stack=4",
            "expected an environment with vectors, (n,) float32 or coloured images, got evalengine/Snake-v0 with "
            "[12, 12, 5] float32",
        ),
        (
            "carracing",
            "clip=0/1",
            "clip: expected an environment with vectors, (n,) float32, got CarRacing-v3 with [96, 96, 3] uint8",
        ),
        (
            "carracing",
            "crop=50/46/0/0",
            "crop: expected (top, bottom, left, right) that leave some of 96 x 96 pixels, got (50, 46, 0, 0)",
        ),
    ],
)
def test_options_that_do_not_fit_an_environment_are_refused(name: str, options: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        make(name, observation=options)
    assert str(refused.value) == f"observation: {message}"


@pytest.mark.parametrize(
    ("options", "shape", "image_shape", "policy"),
    [
        (None, (96, 96, 3), (3, 96, 96), "cnn:3x96x96-16k8s4-32k4s2-64-3"),
        ("skip=2", (96, 96, 3), (3, 96, 96), "cnn:3x96x96-16k8s4-32k4s2-64-3"),
        ("gray", (96, 96), (1, 96, 96), "cnn:1x96x96-16k8s4-32k4s2-64-3"),
        ("resize=40x60,stack=2", (2, 40, 60, 3), (6, 40, 60), "cnn:6x40x60-16k8s4-32k4s2-64-3"),
        (SPELLED, (4, 84, 84), (4, 84, 84), "cnn:4x84x84-16k8s4-32k4s2-64-3"),
        ("crop=0/12/6/6,scale", (84, 84, 3), (3, 84, 84), "cnn:3x84x84-16k8s4-32k4s2-64-3"),
        ("subsample=2x2,channel=1,stack=2", (2, 48, 48), (2, 48, 48), "cnn:2x48x48-16k8s4-32k4s2-64-3"),
    ],
)
def test_shapes_and_the_default_policy_follow(
    options: str | None, shape: tuple[int, ...], image_shape: tuple[int, ...], policy: str
) -> None:
    entry = describe("carracing", None, options)
    dtype = "float32" if options and "scale" in options else "uint8"
    assert (entry.observation_shape, entry.image_shape, entry.observation_dtype) == (shape, image_shape, dtype)
    assert entry.default_policy == policy
    Policy(policy).check_fits(entry)
    assert make("carracing", observation=options).reset(seed=0)[0].shape == shape


def wrapped(
    options: Mapping[str, Any], max_episode_steps: int, env_id: str = "CarRacing-v3"
) -> gymnasium.Env[Any, Any]:
    """A fresh environment behind Gymnasium's wrappers."""
    if "resize" in options:
        pytest.importorskip("cv2", reason="ResizeObservation needs opencv-python-headless")
    env: gymnasium.Env[Any, Any] = gymnasium.make(env_id, max_episode_steps=max_episode_steps, disable_env_checker=True)
    if "skip" in options:
        env = MaxAndSkipObservation(env, options["skip"])
    if "crop" in options:
        top, bottom, left, right = options["crop"]
        height, width, _ = env.observation_space.shape or ()
        env = transformed(env, lambda seen: seen[top : height - bottom, left : width - right])
    if "subsample" in options:
        rows, columns = options["subsample"]
        env = transformed(env, lambda seen: seen[::rows, ::columns])
    if "channel" in options:
        env = transformed(env, lambda seen: seen[:, :, options["channel"]])
    if options.get("grayscale"):
        env = GrayscaleObservation(env)
    if "resize" in options:
        env = ResizeObservation(env, options["resize"])
    if "keep" in options:
        env = transformed(env, lambda seen: seen[list(options["keep"])])
    if "clip" in options:
        low, high = map(np.float32, options["clip"])
        env = transformed(env, lambda seen: np.clip(seen, low, high))
    if "stack" in options:
        env = FrameStackObservation(env, options["stack"], padding_type=options.get("padding", "reset"))
    if options.get("scale"):
        env = transformed(env, lambda seen: seen.astype(np.float32) / np.float32(127.5) - np.float32(1))
    return env


def transformed(env: gymnasium.Env[Any, Any], function: Callable[[Any], Any]) -> gymnasium.Env[Any, Any]:
    low, high = (function(getattr(env.observation_space, name)) for name in ("low", "high"))
    return TransformObservation(env, function, gymnasium.spaces.Box(low, high, dtype=low.dtype))


def action(step: int) -> NDArray[np.float32]:
    return np.array([np.sin(step / 3) * 0.6, 0.9, 0.0], np.float32)


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({"skip": 2}, 60),
        ({"skip": 4}, 62),
        ({"skip": 4}, 63),
        ({"skip": 5}, 61),
        ({"grayscale": True}, 40),
        ({"resize": (84, 84)}, 25),
        ({"resize": (48, 48)}, 25),
        ({"resize": (32, 24), "grayscale": True}, 25),
        ({"resize": (120, 64)}, 25),
        ({"stack": 4}, 25),
        ({"stack": 3, "padding": "zero", "grayscale": True}, 25),
        (FULL, 101),
        ({**FULL, "resize": (64, 64), "padding": "zero", "skip": 3}, 70),
        ({"crop": (1, 12, 5, 6)}, 20),
        ({"crop": (0, 13, 0, 1), "subsample": (8, 8), "channel": 1, "skip": 4, "stack": 2}, 62),
        ({"subsample": (3, 2), "grayscale": True, "resize": (20, 20), "scale": True}, 25),
        ({"scale": True, "stack": 3, "padding": "zero", "skip": 2, "channel": 0}, 25),
        ({"crop": (0, 12, 6, 6), "resize": (42, 42), "scale": True}, 25),
    ],
)
def test_episodes_are_those_of_gymnasiums_wrappers(options: dict[str, Any], frames: int) -> None:
    """Every byte, reward and flag, up to the time limit, which in some of them falls into a skip."""
    theirs, ours = wrapped(options, frames), make("carracing", max_episode_steps=frames, observation=options)
    expected, _ = theirs.reset(seed=7)
    seen, _ = ours.reset(seed=7)
    step = 0
    has_ended = False
    while not has_ended:
        assert (seen.dtype, seen.shape) == (expected.dtype, expected.shape)
        assert seen.tobytes() == expected.tobytes(), step
        expected, *outcome, _ = theirs.step(action(step))
        seen, *our_outcome, _ = ours.step(action(step))
        assert our_outcome == outcome, step
        step += 1
        has_ended = bool(outcome[1] or outcome[2])
    assert seen.tobytes() == expected.tobytes()
    assert step == -(-frames // options.get("skip", 1))


VECTORS: list[tuple[str, dict[str, Any]]] = [
    ("CartPole-v1", {"skip": 4}),
    ("CartPole-v1", {"stack": 3}),
    ("Pendulum-v1", {"skip": 3, "stack": 2, "padding": "zero", "clip": (-0.5, 0.75)}),
    ("LunarLander-v3", {"skip": 2, "keep": (0, 1, 4, 7), "stack": 4}),
    ("LunarLander-v3", {"clip": (-0.05, 0.25)}),
    ("BipedalWalker-v3", {"skip": 5, "stack": 2, "clip": (-1, 1)}),
]


@pytest.mark.parametrize(("env_id", "options"), VECTORS, ids=str)
def test_episodes_of_vectors_are_those_of_gymnasiums_wrappers(env_id: str, options: dict[str, Any]) -> None:
    """Every bit of three episodes from one environment of ours, and a fresh one of Gymnasium's for each."""
    ours = make(env_id, max_episode_steps=83, observation=options)
    actions = gymnasium.make(env_id).action_space
    actions.seed(5)
    for seed in range(3):
        theirs = wrapped(options, 83, env_id)
        expected, seen = theirs.reset(seed=seed)[0], ours.reset(seed=seed)[0]
        has_ended, step = False, 0
        while not has_ended:
            assert (seen.dtype, seen.shape, seen.tobytes()) == (expected.dtype, expected.shape, expected.tobytes()), (
                step
            )
            action = actions.sample()
            expected, reward, *ends, _ = theirs.step(action)
            seen, *outcome, _ = ours.step(action)
            assert outcome == [float(reward), *ends], step
            step, has_ended = step + 1, any(ends)
        assert seen.tobytes() == expected.tobytes()


def test_evaluate_plays_what_the_wrappers_show() -> None:
    """Returns, descriptors by the names of a stack's values, and the replay, which compares every bit."""
    from evalengine.playback.player import GymPlayer, Setting

    cases = [
        ("LunarLander-v3", "mlp:12-8-4", "skip=2,stack=3,keep=0/1/4/7,clip=-0.5/0.5", "max(x) - 1"),
        ("CarRacing-v3", "cnn:2x11x12-4k4s2-3", "crop=0/13/0/0,subsample=8x8,channel=1,stack=2,scale", "step"),
    ]
    for env_id, spelling, seen, _ in cases:
        policy, options = Policy(spelling), ObservationOptions.of(seen)
        weights = policy.init(2, seed=4, gain=2)
        fields = ["mean(x - x_ago1)", "last(angle_ago2)"] if env_id == "LunarLander-v3" else ["sum(reward)"]
        result = evaluate(
            env_id,
            weights,
            policy,
            seeds=[6],
            observation=seen,
            max_episode_steps=60,
            descriptors=fields,
            trajectories=[0],
        )
        with GymPlayer(Setting(env_id, policy, observation=options, max_episode_steps=60)) as player:
            for individual, vector in enumerate(weights):
                played = player.play(vector, 6)
                assert played.divergence is None and played.total == result.returns[individual, 0]
        if env_id == "LunarLander-v3":
            rows = result.trajectories[0][0].observations[1:].astype(np.float64)
            total = 0.0
            for difference in rows[:, 2, 0] - rows[:, 1, 0]:
                total += difference
            assert result.descriptors[0, 0].tolist() == [total / len(rows), rows[-1, 0, 2]]
        module = policy.to_torch(weights[0], env_id, observation=seen)
        observation = make(env_id, observation=seen).reset(seed=1)[0]
        assert module(observation).shape == (len(policy.logits(weights[0], module_input(policy, observation))[0]),)


def module_input(policy: Policy, observation: NDArray[Any]) -> NDArray[np.float32]:
    return observation.reshape(1, *policy.input_shape)


@pytest.mark.parametrize("gray", [False, True])
def test_every_size_is_opencvs(gray: bool) -> None:
    cv2 = pytest.importorskip("cv2", reason="ResizeObservation needs opencv-python-headless")
    rng = np.random.default_rng(0)
    sizes = [(side, side) for side in (1, 2, 3, 5, 12, 16, 24, 31, 42, 47, 63, 64, 84, 95, 97, 128, 160, 192, 224, 511)]
    sizes += [(48, 96), (96, 48), (96, 32), (32, 48), (12, 96), (95, 97), (97, 20), (1, 1024)]
    sizes += [(int(height), int(width)) for height, width in rng.integers(1, 200, (40, 2))]
    env = make("carracing", observation={"grayscale": gray})
    for seed, (height, width) in enumerate(sizes):
        resized = make("carracing", observation={"grayscale": gray, "resize": (height, width)})
        frame, seen = env.reset(seed=seed)[0], resized.reset(seed=seed)[0]
        expected = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        assert seen.tobytes() == expected.tobytes(), (height, width)


def test_random_colours_have_gymnasiums_luminance() -> None:
    """All 2^24 of them are compared in the Rust tests, by a hash that NumPy has computed."""
    env = make("carracing", domain_randomize=True)
    gray = make("carracing", observation="gray", domain_randomize=True)
    wrapper = GrayscaleObservation(gymnasium.make("CarRacing-v3", disable_env_checker=True))
    for seed in range(30):
        frame = env.reset(seed=seed)[0]
        assert gray.reset(seed=seed)[0].tobytes() == wrapper.observation(frame).tobytes()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("options", "spelling"),
    [
        (FULL, "cnn:4x84x84-4k8s8-3"),
        ({"skip": 3, "resize": (24, 30), "stack": 2}, "cnn:6x24x30-4k8s4-3"),
        ({"skip": 3, "resize": (12, 12), "stack": 2}, "mlp:864-3"),
    ],
)
def test_evaluate_is_stepping_make(options: dict[str, Any], spelling: str, threads: int) -> None:
    """Three individuals with the logits of `Policy` on the frames that `make` shows, stacked as a cnn sees them."""
    policy = Policy(spelling)
    weights = policy.init(3, seed=4)
    limit = 50
    result = evaluate(
        "carracing",
        weights,
        policy,
        seeds=[3, 8],
        observation=options,
        max_episode_steps=limit,
        threads=threads,
        keep=("final_observation",),
    )
    env = make("carracing", max_episode_steps=limit, observation=options)
    low, high = np.array([-1, 0, 0], np.float32), np.ones(3, np.float32)
    for individual in range(3):
        for episode, seed in enumerate((3, 8)):
            seen, _ = env.reset(seed=seed)
            total, has_ended = 0.0, False
            while not has_ended:
                logits = policy.logits(weights[individual], policy_input(seen, policy)[np.newaxis])[0]
                chosen = _engine.continuous_actions("tanh", logits[np.newaxis], low.tolist(), high.tolist())[0]
                seen, reward, terminated, truncated, _ = env.step(chosen)
                total += reward
                has_ended = terminated or truncated
            assert result.returns[individual, episode] == total
            assert np.array_equal(result.final_observation[individual, episode], seen)
    # Steps of the environment, not actions: 50 is no multiple of either skip.
    assert (result.lengths == limit).all() and result.truncated.all()
    assert result.steps == 6 * limit


def policy_input(seen: NDArray[np.uint8], policy: Policy) -> NDArray[np.float32]:
    """An observation of `make` as the policy's, by the definition of its channels."""
    scaled = seen.astype(np.float32) / np.float32(255)
    if policy.arch == "mlp":
        return scaled.reshape(-1)
    if seen.ndim == 4:  # (frames, height, width, colours): the three channels of the oldest frame come first
        scaled = np.concatenate([frame.transpose(2, 0, 1) for frame in scaled])
    return scaled.reshape(policy.input_shape)


def test_resets_with_options_of_their_own_keep_the_wrappers() -> None:
    env = make("carracing", observation=FULL, domain_randomize=True, max_episode_steps=6)
    standard = env.reset(seed=1, options={"randomize": False})[0]
    assert standard.shape == (4, 84, 84)
    assert not np.array_equal(standard, env.reset(seed=1)[0])
    assert [env.step(action(step))[3] for step in range(2)] == [False, True]


def test_an_episode_starts_without_the_frames_of_the_one_before() -> None:
    """A fresh wrapper's buffers are zeros, which are seen where an episode ends in its first skip."""
    env = make("carracing", observation="skip=4", max_episode_steps=6)
    for _ in range(2):
        env.reset(seed=2)
        env.step(action(0))
        last, _, _, truncated, _ = env.step(action(1))
        assert truncated and last.any()
    short = make("carracing", observation="skip=4", max_episode_steps=2)
    for _ in range(2):
        short.reset(seed=2)
        assert not short.step(action(0))[0].any()


def test_batch_evaluate_and_the_command_line_take_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = Policy("cnn:2x24x24-4k8s4-3")
    weights = policy.init(2, seed=1)
    options = "skip=4,gray,resize=24x24,stack=2"
    expected = evaluate("carracing", weights, policy, episodes=2, observation=options, max_episode_steps=30)
    shape = (2, 24, 24, (4, 8, 4), 3)
    batch = batch_evaluate("carracing", weights, 2, "cnn", shape, observation=options, max_episode_steps=30)
    assert batch.tobytes() == expected.fitness.tobytes()
    policy.save(tmp_path / "driver.npy", weights, "carracing")
    arguments = ["evaluate", str(tmp_path / "driver.npy"), "--json", "--episodes", "2", "--max-episode-steps", "30"]
    assert main([*arguments, "--observation", options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fitness"] == expected.fitness.tolist()
    assert (found["mean_length"], found["steps"]) == ([30.0, 30.0], 120)
    assert main([*arguments, "--observation", "skip=0"]) == 2
    assert "observation: skip: expected an integer from 2 to 64, got 0" in capsys.readouterr().err
    assert main(arguments) == 2
    assert "policy: CarRacing-v3 needs 3x96x96 inputs" in capsys.readouterr().err


def test_some_values_of_a_vector_are_kept() -> None:
    kept = ObservationOptions(keep=(0, 2))
    assert kept == ObservationOptions.of({"keep": [0, 2]}) == ObservationOptions.of("keep=0/2")
    entry = describe("cartpole", observation=kept)
    assert (entry.observation_shape, entry.observation_fields) == ((2,), ("x", "theta"))
    assert entry.default_policy == "mlp:2-64-2"
    whole, part = make("cartpole"), make("cartpole", observation="keep=0/2")
    seen, shown = whole.reset(seed=3)[0], part.reset(seed=3)[0]
    for action in (0, 1, 1, 0, 1):
        assert (shown == seen[[0, 2]]).all()
        (seen, *outcome), (shown, *same) = whole.step(action), part.step(action)
        assert outcome == same


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cartpole", {"keep": []}, "keep: expected ascending positions such as (0, 2), got []"),
        ("cartpole", {"keep": 2}, "keep: expected ascending positions such as (0, 2), got 2"),
        ("cartpole", {"keep": (2, 0)}, "keep: expected ascending positions such as (0, 2), got (2, 0)"),
        ("cartpole", {"keep": (0, 0)}, "keep: expected ascending positions such as (0, 2), got (0, 0)"),
        ("cartpole", {"keep": (0, 1.5)}, "keep: expected an integer from 0 to 9999, got 1.5"),
        ("cartpole", "keep=0/9", "keep: expected ascending positions from 0 to 3 for CartPole-v1, got [0, 9]"),
        (
            "carracing",
            "keep=0",
            "keep: expected an environment with vectors, (n,) float32, got CarRacing-v3 with [96, 96, 3] uint8",
        ),
    ],
)
def test_values_that_cannot_be_kept_are_refused(name: str, options: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        make(name, observation=options)
    assert str(refused.value) == f"observation: {message}"


def test_kept_values_are_those_of_gymnasiums_wrapper() -> None:
    pytest.importorskip("gymnasium")
    from evalengine.playback.player import GymPlayer, Setting

    policy = Policy("mlp:2-rnn16-2")
    weights = policy.init(4, seed=2) * 3
    options = ObservationOptions(keep=(0, 2))
    result = evaluate("CartPole-v1", weights, policy, episodes=2, seeds=11, observation=options)
    with GymPlayer(Setting("CartPole-v1", policy, observation=options)) as player:
        for individual, vector in enumerate(weights):
            for episode in range(2):
                played = player.play(vector, 11 + episode)
                assert played.divergence is None and played.total == result.returns[individual, episode]
