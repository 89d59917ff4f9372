"""A policy as a module from Gymnasium's observations to its actions: every bit is the engine's, and every setting."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cli_answers
import numpy as np
import pytest
import torch
from cli_answers import Captured
from numpy.typing import NDArray
from torch import nn

import evalengine
from evalengine import InputError, Normalization, ObservationOptions, Policy, evaluate, load_weights
from evalengine.environments.registry import describe
from evalengine.parity.torch_policy import RECIPE
from evalengine.policies.heads import Head
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.torch_player import Act, Observe

TESTS = Path(__file__).resolve().parents[1]
LANDER = Policy("mlp:8-64-4")
SEEDS = (5, 3)
"""The first, and how many."""


def normalization(shape: tuple[int, ...], clip: float | None = None) -> Normalization:
    rng = np.random.default_rng(0)
    return Normalization(rng.normal(size=shape).astype(np.float32), rng.uniform(0.1, 2, shape).astype(np.float32), clip)


def trained_lander(clip: float | None = None) -> tuple[NDArray[np.float32], Normalization]:
    """The trained policy, with what it sees normalised: (x - mean) / std in, std * w and b + w mean in the weights."""
    flown = load_weights(TESTS.parent / "examples" / "weights" / "lunarlander.npy")
    first = evaluate("lunarlander", flown.weights, LANDER, episodes=10, collect_statistics=True)
    assert first.statistics is not None
    seen = first.statistics.normalization()
    tensors = LANDER.to_state_dict(flown.weights[0])
    weight = tensors["0.weight"].astype(np.float64)
    tensors["0.weight"] = (weight * seen.std).astype(np.float32)
    tensors["0.bias"] = (tensors["0.bias"] + weight @ seen.mean.astype(np.float64)).astype(np.float32)
    return LANDER.from_state_dict(tensors), Normalization(seen.mean, seen.std, clip)


def gymnasium_returns(*paths: Path) -> list[list[float]]:
    """What the files' modules come to in Gymnasium."""
    environment = os.environ | RECIPE | {"PYTHONPATH": str(Path(evalengine.__file__).parents[1])}
    program = [sys.executable, str(TESTS / "gymnasium_loop.py"), *map(str, (*SEEDS, *paths))]
    finished = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
    assert finished.returncode == 0, finished.stderr
    found: list[list[float]] = json.loads(finished.stdout)
    return found


# One policy, whoever plays it


@pytest.mark.usefixtures("known_order")
def test_a_normalised_lander_is_the_same_everywhere(tmp_path: Path, capsys: Captured) -> None:
    vector, seen = trained_lander(clip=6.0)
    path, bare = tmp_path / "lander.npy", tmp_path / "bare.safetensors"
    LANDER.save(path, vector, "lunarlander", normalize=seen)
    LANDER.save(bare, vector, "lunarlander")
    first, episodes = SEEDS
    expected = evaluate("lunarlander", vector, LANDER, seeds=first, episodes=episodes, normalize=seen)
    without = evaluate("lunarlander", vector, LANDER, seeds=first, episodes=episodes)
    assert expected.fitness[0] > 200 and without.fitness[0] < 100
    loaded = load_weights(path)
    assert loaded.env_id is not None and loaded.policy is not None
    again = evaluate(loaded.env_id, loaded.weights, loaded.policy, seeds=first, episodes=episodes, **loaded.options)
    assert again.returns.tobytes() == expected.returns.tobytes()
    asked = ["--seed", first, "--episodes", episodes]
    on_the_command_line = cli_answers.document("evaluate", capsys, path, *asked, notes=True)
    assert on_the_command_line["fitness"] == expected.fitness.tolist()
    replayed = cli_answers.document("replay", capsys, path, *asked, notes=True)
    assert [episode["return"] for episode in replayed["episodes"]] == expected.returns[0].tolist()
    assert gymnasium_returns(path, bare) == [expected.returns[0].tolist(), without.returns[0].tolist()]


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "argmax": ("acrobot", "mlp:6-16-3,act=relu", {"max_episode_steps": 100, "normalize": normalization((6,), 2.0)}),
    "tanh": (
        "lunarlander",
        "mlp:8-16-2,act=silu",
        {
            "env_kwargs": {"continuous": True, "gravity": -5.0},
            "max_episode_steps": 150,
            "normalize": normalization((8,)),
        },
    ),
    "clip": ("bipedalwalker", "mlp:24-16-4,head=clip,bias=0", {"max_episode_steps": 100}),
    "resets": ("pendulum", "mlp:3-16-8-1,act=gelu/tanh", {"reset_options": {"x_init": 0.5}, "max_episode_steps": 60}),
    "outputs": ("cartpole", "mlp:4-8-2,out=softmax", {}),
    "images": ("carracing", "cnn:3x96x96-4k16s8-8-3", {"max_episode_steps": 20}),
    "frames": (
        "carracing",
        "cnn:4x24x20-4k8s4-3",
        {
            "observation": "skip=4,gray,resize=24x20,stack=4",
            "normalize": normalization((4, 24, 20), 1.5),
            "max_episode_steps": 80,
        },
    ),
    "coloured frames": (
        "carracing",
        "cnn:6x24x20-4k8s4-3,head=clip",
        {"observation": "resize=24x20,stack=2", "normalize": normalization((2, 24, 20, 3)), "max_episode_steps": 20},
    ),
    "flat images": ("carracing", "mlp:1200-3", {"observation": "resize=20x20", "max_episode_steps": 20}),
    "threshold": ("cartpole", "mlp:4-8-1,out=sigmoid,head=threshold:0.5", {}),
    "sigmoid": ("pendulum", "mlp:3-16-1,head=sigmoid", {"max_episode_steps": 60}),
    "each": ("bipedalwalker", "mlp:24-16-4,head=sigmoid/raw/clip/tanh", {"max_episode_steps": 100}),
    "pedals": (
        "carracing",
        "mlp:1200-3,head=tanh/sigmoid/sigmoid",
        {"observation": "resize=20x20", "max_episode_steps": 20},
    ),
}


@pytest.mark.usefixtures("known_order")
def test_gymnasium_gives_the_module_the_engines_returns(tmp_path: Path) -> None:
    paths, expected = [], []
    for number, (env_id, spelling, setting) in enumerate(CASES.values()):
        policy, path = Policy(spelling), tmp_path / f"{number}.npy"
        weights = 3 * policy.init(1, seed=1)
        policy.save(path, weights, env_id, **setting)
        found = evaluate(env_id, weights, policy, seeds=SEEDS[0], episodes=SEEDS[1], **setting)
        paths.append(path)
        expected.append(found.returns[0].tolist())
    assert dict(zip(CASES, gymnasium_returns(*paths), strict=True)) == dict(zip(CASES, expected, strict=True))


# Its parts


@pytest.mark.parametrize("case", ["argmax", "images", "frames", "coloured frames", "flat images"])
def test_it_sees_what_the_policy_sees(case: str) -> None:
    env_id, spelling, setting = CASES[case]
    policy, options = Policy(spelling), ObservationOptions.of(setting.get("observation"))
    entry, normalize = describe(env_id, None, options), setting.get("normalize")
    rng = np.random.default_rng(2)
    if entry.observation_dtype == "uint8":
        observations: NDArray[Any] = rng.integers(0, 256, (3, *entry.observation_shape), np.uint8)
        observations.reshape(-1)[:256] = np.arange(256)
    else:
        observations = rng.normal(size=(3, *entry.observation_shape)).astype(np.float32)
        observations[0, :4] = [np.inf, np.nan, -0.0, np.float32(1e-45)]
    is_gray = options is not None and options.grayscale
    expected = policy_inputs(policy, observations, channels_last=not is_gray, normalize=normalize)
    found = Observe(policy.input_shape, normalize, channels_last=not is_gray)(torch.from_numpy(observations))
    assert found.shape == expected.shape and found.is_contiguous()
    assert found.numpy().tobytes() == expected.tobytes()
    if normalize is not None:
        bare = Observe(policy.input_shape, None, channels_last=not is_gray)(torch.from_numpy(observations))
        assert bare.numpy().tobytes() != expected.tobytes()


def test_it_acts_as_the_engine_acts() -> None:
    special = np.array([0.0, -0.0, 1e-45, -1e-45, 1.0, -1.0, 3.0, -3.0, np.inf, -np.inf], np.float32)
    logits = np.stack(np.meshgrid(special, special, special), axis=-1).reshape(-1, 3)
    logits = np.concatenate([logits, np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)])
    clip = Head.of(Policy("mlp:27648-3,head=clip"), describe("carracing"))
    ours = Act("clip", clip.low, clip.high)(torch.from_numpy(logits)).numpy()
    assert ours.tobytes() == clip.actions(logits).tobytes()
    assert Act("argmax", (), ())(torch.from_numpy(logits)).tolist() == Head().actions(logits).tolist()


def test_one_observation_is_a_batch_of_one_and_batches_of_any_size_are_taken() -> None:
    module = LANDER.to_torch(LANDER.init(1, seed=0)[0], "lunarlander", actions=True)
    observations = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    actions = module(torch.from_numpy(observations))
    assert (actions.shape, actions.dtype) == ((40,), torch.int64) and len(set(actions.tolist())) > 1
    assert module(observations[:0]).shape == (0,)
    assert [int(module(one)) for one in observations] == actions.tolist()
    assert type(module.action(observations[0])) is int
    box = Policy("mlp:3-8-1").to_torch(Policy("mlp:3-8-1").init(1, seed=0)[0], "pendulum", actions=True)
    action = box.action(observations[0, :3])
    assert (action.shape, action.dtype) == ((1,), np.float32)
    logits = LANDER.to_torch(LANDER.init(1, seed=0)[0], "lunarlander")
    assert logits(observations[0]).shape == (4,) and logits.act is None


def test_it_is_a_module_like_others(tmp_path: Path) -> None:
    module = LANDER.to_torch(LANDER.init(1, seed=0)[0], "lunarlander", normalize=normalization((8,), 2), actions=True)
    assert [name for name, _ in module.named_children()] == ["observe", "policy", "act"]
    assert isinstance(module.policy, nn.Sequential) and not module.training
    observations = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    other = LANDER.to_torch(LANDER.init(2, seed=0)[1], "lunarlander", normalize=Normalization(*np.ones((2, 8))))
    torch.save(module.state_dict(), tmp_path / "module.pt")
    pickled = pickle.loads(pickle.dumps(module))
    assert pickled(observations).tolist() == module(observations).tolist()
    states = torch.load(tmp_path / "module.pt", weights_only=True)
    other.load_state_dict({name: tensor for name, tensor in states.items() if not name.startswith("act.")})
    assert torch.equal(
        nn.utils.parameters_to_vector(other.parameters()), nn.utils.parameters_to_vector(module.parameters())
    )
    assert other.observe.clip is None and str(other.observe.std) == str(module.observe.std)


# Files


def test_a_file_says_on_one_line_what_it_plays_in(tmp_path: Path) -> None:
    setting: dict[str, Any] = {
        "env_kwargs": {"gravity": -5.0},
        "max_episode_steps": 120,
        "normalize": normalization((8,), 5),
    }
    LANDER.save(tmp_path / "w.npy", LANDER.init(2, seed=0), "lunarlander", **setting)
    loaded = load_weights(tmp_path / "w.npy")
    line = (
        f"{tmp_path}/w.npy: 2 individuals of mlp:8-64-4 for LunarLander-v3; env_kwargs gravity=-5.0; "
        "max_episode_steps 120; normalize by mean and std of shape (8,), clipped to 5"
    )
    assert str(loaded) == line
    np.save(tmp_path / "bare.npy", np.zeros(5, np.float32))
    assert str(load_weights(tmp_path / "bare.npy")) == f"{tmp_path}/bare.npy: 1 individual of 5 weights"


def test_one_of_several_individuals_has_to_be_named(tmp_path: Path) -> None:
    path, weights = tmp_path / "w.npy", LANDER.init(3, seed=0)
    LANDER.save(path, weights, "lunarlander", normalize=normalization((8,)))
    loaded = load_weights(path)
    observations = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    expected = LANDER.to_torch(weights[2], "lunarlander", normalize=normalization((8,)), actions=True)
    assert loaded.to_torch(2)(observations).tolist() == expected(observations).tolist()
    assert loaded.to_torch(2, actions=False)(observations).shape == (40, 4)
    with pytest.raises(InputError, match=r"^index: expected one of the 3 individuals in .*w\.npy, got None$"):
        loaded.to_torch()
    with pytest.raises(InputError, match=r"^index: expected an integer from 0 to 2, got 3$"):
        loaded.to_torch(3)
    np.save(tmp_path / "bare.npy", weights[0])
    with pytest.raises(
        InputError, match=r"^weights: .*bare\.npy: expected a file that says policy and env_id, got one"
    ):
        load_weights(tmp_path / "bare.npy", LANDER).to_torch()


# Refusals


@pytest.mark.parametrize("spelling", ["mlp:4-2,head=sample", "mlp:3-1,noise=0.1", "mlp:3-1,noise=log_std"])
def test_what_is_drawn_is_no_module_of_actions(spelling: str) -> None:
    policy, env_id = Policy(spelling), "cartpole" if "sample" in spelling else "pendulum"
    message = (
        "to_torch: expected no head=sample and no noise for a module of actions, which draws nothing, got " + spelling
    )
    with pytest.raises(InputError, match=f"^{message}$"):
        policy.to_torch(policy.init(1, seed=0)[0], env_id, actions=True)
    policy.to_torch(policy.init(1, seed=0)[0], env_id)


@pytest.mark.parametrize(
    ("env_id", "options", "message"),
    [
        (None, {"actions": True}, "to_torch: expected env_id with env_kwargs, observation, normalize or actions: it "),
        (
            None,
            {"normalize": normalization((8,))},
            "to_torch: expected env_id with env_kwargs, observation, normalize ",
        ),
        ("lunarlander", {"actions": 1}, "actions: expected True or False, got 1"),
        ("lunarlander", {"normalize": 1}, "normalize: expected a Normalization(mean, std), got int"),
        (
            "lunarlander",
            {"normalize": normalization((7,))},
            "normalize: expected the shape (8,) of LunarLander-v3's observations, got (7,)",
        ),
        ("lunarlander", {"env_kwargs": {"continuous": True}}, "policy: LunarLander-v3 needs 8 inputs and 2 outputs"),
        (
            "lunarlander",
            {"observation": "gray"},
            "observation: grayscale: expected an environment with coloured images",
        ),
        ("cartpole", {}, "policy: CartPole-v1 needs 4 inputs and 2 outputs, got mlp:8-64-4"),
        ("landerlunar", {}, 'unknown environment "landerlunar"; did you mean "LunarLander-v3"?'),
    ],
)
def test_what_does_not_fit_is_named(env_id: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        LANDER.to_torch(LANDER.init(1, seed=0)[0], env_id, **options)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        (np.zeros(8), "expected float32, got float64"),
        (np.zeros(8, np.uint8), "expected float32, got uint8"),
        (np.zeros(7, np.float32), "expected shape (8,) or (B, 8), got (7,)"),
        (np.zeros((2, 2, 8), np.float32), "expected shape (8,) or (B, 8), got (2, 2, 8)"),
        (object(), "expected an array or a tensor, got object"),
    ],
)
def test_other_observations_are_refused(observations: Any, message: str) -> None:
    module = LANDER.to_torch(LANDER.init(1, seed=0)[0], "lunarlander", actions=True)
    with pytest.raises(InputError) as refused:
        module(observations)
    assert str(refused.value) == f"observations: {message}"
