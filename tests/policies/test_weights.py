"""Weight files: what is written is read back, and no file can take memory, run code or pass for something else."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evalengine.errors import InputError, OutputError
from evalengine.files import arrays as array_files
from evalengine.policies.loading import load_weights
from evalengine.policies.policy import Policy
from evalengine.policies.saving import save_weights

POLICY = Policy("mlp:4-8-2")
POPULATION = POLICY.init(3, seed=0)
SUFFIXES = ["npy", "npz", "safetensors"]


def refusal(path: Path, policy: str | None = None) -> str:
    """Return the message with which a file is refused, without "weights: PATH: " before it."""
    with pytest.raises(InputError) as refused:
        load_weights(path, policy)
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith(f"weights: {path}")
    return message.removeprefix(f"weights: {path}").removeprefix(": ")


# Round trips.


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_saved_is_loaded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"population.{suffix}"
    POLICY.save(path, POPULATION, "cartpole")
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, POPULATION)
    assert loaded.weights.dtype == np.float32
    assert loaded.weights.flags.c_contiguous
    assert (loaded.policy, loaded.env_id, loaded.path) == (POLICY, "CartPole-v1", path)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_vector_and_no_environment(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"best.{suffix}"
    POLICY.save(path, torch.from_numpy(POPULATION[1]))
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, POPULATION[1:2])
    assert (loaded.policy, loaded.env_id) == (POLICY, None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_population_of_none_is_kept(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"none.{suffix}"
    POLICY.save(path, POPULATION[:0])
    assert load_weights(path).weights.shape == (0, POLICY.n_params)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_the_sidecar_says_what_the_weights_are_for(tmp_path: Path, suffix: str) -> None:
    POLICY.save(tmp_path / f"population.{suffix}", POPULATION, "cartpole")
    assert json.loads((tmp_path / f"population.{suffix}.json").read_text()) == {
        "format": "evalengine-weights",
        "version": 1,
        "env_id": "CartPole-v1",
        "policy": "mlp:4-8-2",
        "n_params": 58,
        "population": 3,
    }


def test_safetensors_keeps_the_same_keys_in_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "population.safetensors"
    POLICY.save(path, POPULATION, "cartpole")
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length]) == {
        "__metadata__": {
            "format": "evalengine-weights",
            "version": "1",
            "env_id": "CartPole-v1",
            "policy": "mlp:4-8-2",
            "n_params": "58",
            "population": "3",
        },
        "weights": {"dtype": "F32", "shape": [3, 58], "data_offsets": [0, 696]},
    }
    assert content[8 + length :] == POPULATION.tobytes()
    assert os.listdir(tmp_path) == ["population.safetensors"]


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_numpys_own_files_are_read_and_cast(tmp_path: Path, dtype: str, order: Any, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    array = np.asarray(POPULATION, dtype=dtype, order=order)
    if suffix == "npy":
        np.save(path, array)
    else:
        np.savez_compressed(path, array)
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, array.astype(np.float32))
    assert loaded.weights.dtype == np.float32
    assert (loaded.policy, loaded.env_id) == (None, None)


def test_an_array_called_weights_hides_what_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "generation.npz"
    np.savez(path, generation=np.array(7), names=np.array(["a", "b"]), weights=POPULATION)
    assert np.array_equal(load_weights(path).weights, POPULATION)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("spelling", ["mlp:4-8-2", "mlp:4-2,bias=0", "cnn:5x12x12-4k3-4"])
def test_a_state_dict_is_read_for_a_known_policy(tmp_path: Path, suffix: str, spelling: str) -> None:
    policy, path = Policy(spelling), tmp_path / f"module.{suffix}"
    vector = policy.init(1, seed=0)[0]
    tensors: dict[str, Any] = policy.to_state_dict(vector)
    if suffix == "npz":
        np.savez(path, **tensors)
    else:
        with path.open("wb") as stream:
            array_files.write_safetensors(stream, tensors, {"format": "pt"})
    loaded = load_weights(path, policy)
    assert np.array_equal(loaded.weights, vector[np.newaxis])
    assert loaded.policy == policy


def test_a_state_dict_needs_the_policy(tmp_path: Path) -> None:
    path = tmp_path / "module.safetensors"
    with path.open("wb") as stream:
        array_files.write_safetensors(stream, POLICY.to_state_dict(POPULATION[0]), {})
    names = "0.weight, 0.bias, 2.weight, 2.bias"
    assert refusal(path) == f"expected one array, or a state dict and the policy it is for, got {names}"
    assert refusal(path, "mlp:4-2") == (
        f"state dict: expected the names 0.weight, 0.bias for mlp:4-2, or weight and "
        f"bias for each layer under other names, got {names}"
    )


def test_the_policy_given_wins_over_the_files(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    POLICY.save(path, POPULATION, "cartpole")
    assert load_weights(path, "mlp:4-8-2,act=relu").policy == Policy("mlp:4-8-2,act=relu")
    assert refusal(path, "mlp:4-2") == "expected shape (P, 10) for mlp:4-2, got (3, 58)"


def test_weights_are_not_judged_when_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    np.save(path, np.array([[np.nan, np.inf]]))
    assert np.array_equal(load_weights(path).weights, [[np.nan, np.inf]], equal_nan=True)


# Files that are refused.


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load_weights(tmp_path / "none.npy")
    assert str(refused.value) == f"weights: no such file: {tmp_path}/none.npy"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_and_a_folder(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"empty.{suffix}").touch()
    assert refusal(tmp_path / f"empty.{suffix}") == f"expected a .{suffix} file, got an empty one"
    (tmp_path / f"folder.{suffix}").mkdir()
    assert refusal(tmp_path / f"folder.{suffix}") == "expected a regular file, got a folder or a device"


@pytest.mark.parametrize(("name", "suffix"), [("weights.txt", ".txt"), ("weights", "no suffix")])
def test_an_unknown_suffix(tmp_path: Path, name: str, suffix: str) -> None:
    assert refusal(tmp_path / name) == f"expected .npy, .npz or .safetensors, got {suffix}"


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.npy"
    path.touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(path) == "cannot be read: Permission denied"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    POLICY.save(path, POPULATION)
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(path).startswith("expected ")


class Attack:
    """Unpickling an instance would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pickles_are_refused_unopened(tmp_path: Path, suffix: str, protocol: int) -> None:
    path, trace = tmp_path / f"weights.{suffix}", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Attack(trace), protocol))
    message = refusal(path)
    assert message.startswith(f"expected a .{suffix}")
    assert ("pickle" in message) == (protocol >= 2 and suffix != "safetensors")
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["pt", "pth", "PT", "ckpt", "pkl"])
def test_pytorch_files_are_answered_with_the_lines_that_convert_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"module.{suffix}"
    vector = POPULATION[0]
    torch.save(POLICY.to_torch(vector).state_dict(), path)
    with pytest.raises(InputError) as refused:
        load_weights(path)
    first, *lines = str(refused.value).splitlines()
    assert first == (
        f"weights: {path}: expected .npy, .npz or .safetensors, got a pickle, which is never opened here; convert it:"
    )
    assert len(lines) == 2
    exec("\n".join(line.strip() for line in lines), {})
    assert np.array_equal(load_weights(path.with_suffix(".npy")).weights, vector[np.newaxis])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), dtype=np.int64), "expected float32 (float64 and float16 are cast), got int64"),
        (np.zeros((2, 3), dtype=complex), "expected float32 (float64 and float16 are cast), got complex128"),
        (np.zeros(3, dtype="S0"), "expected float32 (float64 and float16 are cast), got |S1"),
        (np.zeros(3, dtype=[("a", "f4")]), "expected float32 (float64 and float16 are cast), got [('a', '<f4')]"),
        (np.array(1.0), "expected shape (D,) or (P, D), got ()"),
        (np.zeros((2, 3, 4)), "expected shape (D,) or (P, D), got (2, 3, 4)"),
        (np.zeros(0), "expected shape (D,) or (P, D), got (0,)"),
        (np.zeros((3, 0)), "expected shape (D,) or (P, D), got (3, 0)"),
    ],
)
def test_arrays_that_are_no_weights_are_refused(tmp_path: Path, array: NDArray[Any], message: str) -> None:
    np.save(tmp_path / "weights.npy", array)
    assert refusal(tmp_path / "weights.npy") == message


def test_an_archive_of_two_arrays_or_none(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, a=POPULATION, b=POPULATION)
    assert refusal(path) == "expected one array, or a state dict and the policy it is for, got a, b"
    np.savez(path)
    assert refusal(path) == "expected one array, or a state dict and the policy it is for, got none"


# Sidecars.


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ("{", "expected JSON: Expecting property name"),
        ("[" * 100_000, "expected JSON: "),
        ("7", 'expected "format": "evalengine-weights", got 7'),
        ({"format": "x"}, "expected \"format\": \"evalengine-weights\", got {'format': 'x'}"),
        ({"format": "evalengine-weights", "version": 3}, "expected version 1 or 2, got 3"),
        ({"format": "evalengine-weights", "version": 1, "env_id": 5}, "expected env_id to be a string, got 5"),
        ({"format": "evalengine-weights", "version": 1, "policy": "mlp"}, "policy 'mlp': no architecture 'mlp'; "),
        ({"format": "evalengine-weights", "version": 1, "policy": 5}, "policy: expected a spec such as "),
    ],
)
def test_a_malformed_sidecar_is_refused(tmp_path: Path, sidecar: object, message: str) -> None:
    path = tmp_path / "weights.npy"
    np.save(path, POPULATION)
    Path(f"{path}.json").write_text(sidecar if isinstance(sidecar, str) else json.dumps(sidecar))
    assert refusal(path).startswith(f".json: {message}")


def test_a_sidecar_for_other_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    POLICY.save(path, POPULATION)
    np.save(path, np.zeros((3, 10)))
    assert refusal(path) == "expected shape (P, 58) for mlp:4-8-2 (the policy that it names), got (3, 10)"


def test_metadata_of_other_programs_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with path.open("wb") as stream:
        array_files.write_safetensors(stream, {"anything": POPULATION}, {"format": "pt", "policy": "none"})
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, POPULATION)
    assert (loaded.policy, loaded.env_id) == (None, None)


# What is not saved.


@pytest.mark.parametrize(
    ("name", "weights", "env_id", "message"),
    [
        ("weights.pt", POPULATION, None, "output: expected a name ending in .npy, .npz or .safetensors, got "),
        ("weights.npy", POPULATION[:, :7], None, "weights: expected shape (P, 58) for mlp:4-8-2, got (3, 7)"),
        ("weights.npy", POPULATION, "cartpol", 'unknown environment "cartpol"'),
    ],
)
def test_what_does_not_fit_is_not_saved(tmp_path: Path, name: str, weights: Any, env_id: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        POLICY.save(tmp_path / name, weights, env_id)
    assert str(refused.value).startswith(message)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_unwritable_output_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OutputError, match="no folder"):
        save_weights(tmp_path / "none" / f"weights.{suffix}", POPULATION, policy=POLICY)


def test_weights_without_room_for_their_sidecar_are_not_written(tmp_path: Path) -> None:
    (tmp_path / "weights.npy.json").mkdir()
    with pytest.raises(OutputError, match="expected a file, got the folder"):
        POLICY.save(tmp_path / "weights.npy", POPULATION)
    assert os.listdir(tmp_path) == ["weights.npy.json"]
