"""A weight file describes the whole policy: what it plays in is written beside it, and comes back bit for bit."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalengine
from evalengine import InputError, LoadedWeights, Normalization, ObservationOptions, Policy, evaluate, load_weights
from evalengine.files.arrays import write_safetensors
from evalengine.policies import saving
from evalengine.policies.saving import save_weights

LANDER = Policy("mlp:8-16-2")
SUFFIXES = ["npy", "npz", "safetensors"]


def awkward(shape: tuple[int, ...], clip: float | None = None) -> Normalization:
    """Numbers with all their digits, the smallest and the largest among them."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=shape).astype(np.float32)
    mean.flat[:4] = [-0.0, np.float32(1e-45), -np.finfo(np.float32).max, np.float32(0.1)]
    return Normalization(mean, rng.uniform(0.01, 9.0, shape).astype(np.float32), clip)


SETTING: dict[str, Any] = {
    "env_kwargs": {"continuous": True, "gravity": -9.1, "enable_wind": True, "wind_power": 1 / 3},
    "max_episode_steps": 300,
    "normalize": awkward((8,), clip=0.1),
}


def written(path: Path, **options: Any) -> LoadedWeights:
    LANDER.save(path, LANDER.init(3, seed=0), "lunarlander", **options)
    return load_weights(path)


def assert_equal_normalizations(found: Normalization | None, expected: Normalization) -> None:
    assert found is not None
    assert found.mean.dtype == np.float32 and found.mean.shape == expected.mean.shape
    assert found.mean.tobytes() == expected.mean.tobytes()
    assert found.std.tobytes() == expected.std.tobytes()
    assert found.clip == expected.clip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_saved_is_what_is_played(tmp_path: Path, suffix: str) -> None:
    loaded = written(tmp_path / f"w.{suffix}", **SETTING)
    assert loaded.env_kwargs == SETTING["env_kwargs"]
    assert [type(value) for value in (loaded.env_kwargs or {}).values()] == [bool, float, bool, float]
    assert (loaded.max_episode_steps, loaded.reset_options, loaded.observation) == (300, None, None)
    assert_equal_normalizations(loaded.normalize, SETTING["normalize"])
    assert set(loaded.options) == set(SETTING)
    assert loaded.env_id is not None and loaded.policy is not None
    again = evaluate(loaded.env_id, loaded.weights, loaded.policy, seeds=[1, 2], **loaded.options)
    expected = evaluate("lunarlander", LANDER.init(3, seed=0), LANDER, seeds=[1, 2], **SETTING)
    assert again.returns.tobytes() == expected.returns.tobytes()
    bare: Any = {name: value for name, value in loaded.options.items() if name != "normalize"}
    bare = evaluate(loaded.env_id, loaded.weights, loaded.policy, seeds=[1, 2], **bare)
    assert bare.returns.tobytes() != expected.returns.tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_images_and_resets_have_their_options(tmp_path: Path, suffix: str) -> None:
    policy, path = Policy("cnn:4x84x84-4k8s8-3"), tmp_path / f"w.{suffix}"
    seen, normalize = ObservationOptions(skip=4, grayscale=True, resize=(84, 84), stack=4), awkward((4, 84, 84))
    policy.save(
        path,
        policy.init(1, seed=0),
        "carracing",
        observation={"skip": 4, "grayscale": True, "resize": (84, 84), "stack": 4},
        reset_options={"randomize": True},
        normalize=normalize,
    )
    loaded = load_weights(path)
    assert (loaded.observation, loaded.reset_options) == (seen, {"randomize": True})
    assert_equal_normalizations(loaded.normalize, normalize)


@pytest.mark.parametrize("name", ["cartpole", "lunarlander", "pendulum", "snake"])
def test_files_of_the_first_version_are_read(name: str) -> None:
    path = Path(__file__).resolve().parents[2] / "examples" / "weights" / f"{name}.npy"
    description = json.loads(Path(f"{path}.json").read_text())
    assert description["version"] == 1
    loaded = load_weights(path)
    assert (str(loaded.policy), loaded.env_id, loaded.options) == (description["policy"], description["env_id"], {})
    assert loaded.weights.tobytes() == np.load(path).tobytes()


def test_what_was_loaded_is_evaluated_with_its_settings(tmp_path: Path) -> None:
    loaded = written(tmp_path / "w.npy", **SETTING)
    assert loaded.policy is not None

    def returns(**options: Any) -> bytes:
        return evaluate("lunarlander", LANDER.init(3, seed=0), LANDER, seeds=[1, 2], **options).returns.tobytes()

    def of_file(**options: Any) -> bytes:
        return evaluate("LunarLander-v3", loaded, LANDER, seeds=[1, 2], **options).returns.tobytes()

    assert of_file() == returns(**SETTING)
    assert of_file(normalize=None) == returns(**SETTING | {"normalize": None}) != returns(**SETTING)
    assert of_file(max_episode_steps=9) == returns(**SETTING | {"max_episode_steps": 9}) != returns(**SETTING)


def test_where_settings_would_be_lost_what_was_loaded_is_refused(tmp_path: Path) -> None:
    loaded: Any = written(tmp_path / "w.npy", **SETTING)
    for call in (
        lambda: LANDER.flatten(loaded),
        lambda: evalengine.batch_evaluate("lunarlander", loaded, 1, "mlp", (8, 16, 2)),
        lambda: LANDER.save(tmp_path / "again.npy", loaded),
    ):
        with pytest.raises(InputError) as refused:
            call()
        assert str(refused.value) == (
            "weights: expected arrays, got LoadedWeights, which evaluate takes with its settings: hand over its "
            "weights, and **loaded.options"
        )
    assert not (tmp_path / "again.npy").exists()


def test_in_another_environment_only_what_the_policy_sees_is_the_files(tmp_path: Path) -> None:
    policy, normalize = Policy("mlp:24-4"), awkward((24,), clip=1.0)
    options: Any = {"env_kwargs": {"hardcore": False}, "max_episode_steps": 5, "normalize": normalize}
    policy.save(tmp_path / "w.npy", policy.init(2, seed=0), "bipedalwalker", **options)
    loaded = load_weights(tmp_path / "w.npy")
    assert list(loaded.options_for("BipedalWalkerHardcore-v3")) == ["normalize"]
    assert loaded.options_for("bipedalwalker") == loaded.options
    found = evaluate("bipedalwalkerhardcore", loaded, policy, max_episode_steps=40)
    expected = evaluate(
        "bipedalwalkerhardcore", policy.init(2, seed=0), policy, max_episode_steps=40, normalize=normalize
    )
    assert found.returns.tobytes() == expected.returns.tobytes()
    with pytest.raises(InputError, match=r"^unknown environment"):
        loaded.options_for("bipedal")


def test_float64_means_are_the_float32_that_was_played(tmp_path: Path) -> None:
    mean, std = np.full(8, 0.1), np.full(8, 1 / 3)
    given = Normalization(mean, std)
    assert_equal_normalizations(written(tmp_path / "w.npy", normalize=given).normalize, given)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_without_options_is_read_by_everybody(tmp_path: Path, suffix: str) -> None:
    loaded = written(tmp_path / f"w.{suffix}", env_kwargs={}, observation="", normalize=None, max_episode_steps=None)
    assert loaded.options == {}
    if suffix != "safetensors":
        assert json.loads((tmp_path / f"w.{suffix}.json").read_text())["version"] == 1


def test_a_file_with_options_is_refused_by_those_that_would_pass_them_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluator that knows version 1 alone compares the number, and nothing else."""
    written(tmp_path / "w.npy", **SETTING)
    monkeypatch.setattr("evalengine.policies.loading.VERSIONS", (1,))
    with pytest.raises(InputError) as refused:
        load_weights(tmp_path / "w.npy")
    assert str(refused.value) == f"weights: {tmp_path}/w.npy.json: expected version 1, got 2"


def test_the_sidecar_is_a_line_for_each_key(tmp_path: Path) -> None:
    written(tmp_path / "w.npy", normalize=Normalization(np.zeros(8, np.float32), np.full(8, 0.5, np.float32), 10.0))
    assert (tmp_path / "w.npy.json").read_text().splitlines() == [
        "{",
        '  "format": "evalengine-weights",',
        '  "version": 2,',
        '  "env_id": "LunarLander-v3",',
        '  "policy": "mlp:8-16-2",',
        '  "n_params": 178,',
        '  "population": 3,',
        '  "normalize": {"dtype": "float32", "mean": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], '
        '"std": [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], "clip": 10.0}',
        "}",
    ]


# What cannot be used


NORMALIZE = {"mean": [0.0] * 8, "std": [1.0] * 8}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("env_kwargs", 5, "env_kwargs: expected a mapping of names to numbers, got 5"),
        ("env_kwargs", {"gravity": "low"}, "env_kwargs: gravity: expected a bool, an int or a number, got 'low'"),
        ("env_kwargs", {"gravit": 1}, 'LunarLander-v3: unknown keyword argument "gravit"; did you mean "gravity"?'),
        ("env_kwargs", {"gravity": 7}, "LunarLander-v3: gravity (current value: 7.0) must be between -12 and 0"),
        ("reset_options", {"low": 1}, 'LunarLander-v3: expected no reset options, got "low"'),
        ("observation", {"skip": 4}, "observation: expected a spec, got {'skip': 4}"),
        ("observation", "skip=x", "observation: expected a spec such as "),
        ("observation", "gray", "observation: grayscale: expected an environment with coloured images"),
        ("max_episode_steps", 0, "max_episode_steps: expected an integer from 1 to 2147483647, got 0"),
        ("max_episode_steps", True, "max_episode_steps: expected an integer from 1 to 2147483647, got True"),
        ("normalize", [1.0], "normalize: expected mean, std and clip by name, got [1.0]"),
        ("normalize", NORMALIZE | {"var": 1}, "normalize: expected dtype, mean, std and clip, got 'var'"),
        ("normalize", NORMALIZE | {"dtype": "float16"}, "normalize: dtype: expected float32, got 'float16'"),
        ("normalize", {"std": [1.0]}, "normalize: mean: expected a list of numbers, got NoneType"),
        ("normalize", NORMALIZE | {"mean": ["0"] * 8}, "normalize: mean: expected numbers, got ['0', "),
        ("normalize", NORMALIZE | {"mean": [[0.0], 1.0]}, "normalize: mean: expected an array of numbers: "),
        ("normalize", NORMALIZE | {"mean": [10**400]}, "normalize: mean: expected numbers, got [1000"),
        ("normalize", NORMALIZE | {"mean": [1e39] * 8}, "normalize: mean: expected finite numbers, got inf at "),
        ("normalize", NORMALIZE | {"std": [0] * 8}, "normalize: std: expected numbers above 0, got 0.0 at position "),
        ("normalize", NORMALIZE | {"clip": -1}, "normalize: clip: expected a number above 0, got -1"),
        (
            "normalize",
            {"mean": [0.0] * 4, "std": [1.0] * 4},
            "normalize: expected the shape (8,) of LunarLander-v3's observations, got (4,)",
        ),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "safetensors"])
def test_a_bad_value_is_named_with_its_file(tmp_path: Path, key: str, value: Any, message: str, suffix: str) -> None:
    path = tmp_path / f"w.{suffix}"
    description: dict[str, Any] = {"format": "evalengine-weights", "version": 2, "env_id": "LunarLander-v3", key: value}
    if suffix == "npy":
        np.save(path, LANDER.init(1, seed=0))
        Path(f"{path}.json").write_text(json.dumps(description))
    else:
        strings = {name: text if isinstance(text, str) else json.dumps(text) for name, text in description.items()}
        with path.open("wb") as stream:
            write_safetensors(stream, {"weights": LANDER.init(1, seed=0)}, strings)
    with pytest.raises(InputError) as refused:
        load_weights(path)
    place = f"{path}.json" if suffix == "npy" else f"{path}: metadata"
    if suffix == "safetensors" and key == "observation" and not isinstance(value, str):
        message = "observation: expected a spec such as "
    assert str(refused.value).startswith(f"weights: {place}: {message}")
    assert str(refused.value).isprintable()


def test_metadata_that_is_no_json_is_refused(tmp_path: Path) -> None:
    strings = {"format": "evalengine-weights", "version": "2", "normalize": "[" * 100_000}
    with (tmp_path / "w.safetensors").open("wb") as stream:
        write_safetensors(stream, {"weights": LANDER.init(1, seed=0)}, strings)
    with pytest.raises(InputError, match=r"^weights: .*w\.safetensors: metadata: normalize: expected JSON: "):
        load_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"env_kwargs": {"gravit": 1}}, 'LunarLander-v3: unknown keyword argument "gravit"'),
        ({"reset_options": {"low": 1}}, 'LunarLander-v3: expected no reset options, got "low"'),
        ({"max_episode_steps": 1.5}, "max_episode_steps: expected an integer from 1 to 2147483647, got 1.5"),
        ({"normalize": (0, 1)}, "normalize: expected a Normalization(mean, std), got tuple"),
        ({"normalize": awkward((7,))}, "normalize: expected the shape (8,) of LunarLander-v3's observations, got (7,)"),
        ({"observation": 4}, "observation: expected a mapping or a spec such as "),
    ],
)
def test_what_evaluate_would_refuse_is_not_written(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        written(tmp_path / "w.npy", **options)
    assert str(refused.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_a_description_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "LONGEST_DESCRIPTION", 300)
    with pytest.raises(InputError, match=r"^output: expected a description of at most 300 bytes, got \d+$"):
        written(tmp_path / "w.npy", **SETTING)
    assert list(tmp_path.iterdir()) == []


def test_a_keyword_that_there_is_not_is_pythons_own_error(tmp_path: Path) -> None:
    unknown: Any = {"normalise": None}
    with pytest.raises(TypeError, match=r"^save_weights\(\) got an unexpected keyword argument 'normalise'$"):
        save_weights(tmp_path / "w.npy", LANDER.init(1, seed=0), policy=LANDER, **unknown)


def test_options_without_an_environment_are_kept_for_whoever_names_one(tmp_path: Path) -> None:
    LANDER.save(tmp_path / "w.npz", LANDER.init(1, seed=0), env_kwargs={"x": 1, "y": math.inf}, max_episode_steps=7)
    loaded = load_weights(tmp_path / "w.npz")
    assert (loaded.env_id, loaded.options) == (
        None,
        {"env_kwargs": {"x": 1, "y": math.inf}, "max_episode_steps": 7},
    )


def test_the_policy_given_wins_and_the_options_stay(tmp_path: Path) -> None:
    written(tmp_path / "w.npy", **SETTING)
    loaded = evalengine.load_weights(tmp_path / "w.npy", "mlp:8-16-2,head=clip")
    assert loaded.policy == Policy("mlp:8-16-2,head=clip")
    assert set(loaded.options) == set(SETTING)
