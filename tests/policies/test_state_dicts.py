"""State dicts under any names, in any order: what tells the layers apart is used, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import nn

from evalengine import Policy, load_weights
from evalengine.errors import InputError

DEEP = Policy("mlp:4-8-8-8-2")
VECTOR = DEEP.init(1, seed=0)[0]


def renamed(names: dict[str, str], policy: Policy = DEEP) -> dict[str, NDArray[np.float32]]:
    """The tensors of the one individual, with the layers "0", "2", ... under other names, in these names' order."""
    tensors = policy.to_state_dict(policy.init(1, seed=0)[0])
    kinds = ("weight", "bias") if policy.bias else ("weight",)
    return {
        f"{theirs}.{kind}".removeprefix("."): tensors[f"{ours}.{kind}"]
        for ours, theirs in names.items()
        for kind in kinds
    }


class Actor(nn.Module):
    """A class with its layers as attributes, beside a critic."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc10, self.out = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 2)


@pytest.mark.parametrize(
    "names",
    [
        {"0": "net.0", "2": "net.2", "4": "net.4", "6": "net.6"},
        {"0": "_orig_mod.0", "2": "_orig_mod.2", "4": "_orig_mod.4", "6": "_orig_mod.6"},
        {"6": "out", "4": "fc10", "2": "fc2", "0": "fc1"},
        {"0": "entry", "4": "body.10.lin", "2": "body.9.lin", "6": "head"},
        {"0": "9", "2": "0", "4": "1", "6": "8"},
    ],
)
def test_layers_are_known_by_shape_and_number(names: dict[str, str]) -> None:
    assert DEEP.from_state_dict(renamed(names)).tobytes() == VECTOR.tobytes()


def test_there_and_back_under_a_modules_own_names() -> None:
    actor = Actor()
    vector = DEEP.from_state_dict(actor.state_dict())
    assert np.array_equal(vector, nn.utils.parameters_to_vector(actor.parameters()).detach().numpy())
    other = Actor()
    tensors = DEEP.to_state_dict(vector, like=other.state_dict())
    other.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    assert list(tensors) == list(other.state_dict())
    assert np.array_equal(nn.utils.parameters_to_vector(other.parameters()).detach().numpy(), vector)


def test_a_prefix_takes_one_network_of_several() -> None:
    tensors = {f"actor.{name}": tensor for name, tensor in Actor().state_dict().items()}
    both = tensors | {f"critic.{name}": tensor for name, tensor in Actor().state_dict().items()}
    both["log_std"] = torch.zeros(2)
    assert DEEP.from_state_dict(both, prefix="actor.").tobytes() == DEEP.from_state_dict(tensors).tobytes()
    with pytest.raises(
        InputError, match=r"^state dict: expected names that start with policy\., got actor\.fc1\.weight"
    ):
        DEEP.from_state_dict(both, prefix="policy.")


def test_one_layer_needs_no_name() -> None:
    policy = Policy("mlp:4-2")
    vector = policy.init(1, seed=0)[0]
    assert policy.from_state_dict(renamed({"0": ""}, policy)).tobytes() == vector.tobytes()
    assert policy.from_state_dict(nn.Linear(4, 2).state_dict()).shape == (10,)


@pytest.mark.parametrize("spelling", ["cnn:5x12x12-16k3-32k3-64-4", "mlp:4-8-2,bias=0"])
def test_convolutions_and_layers_without_bias(spelling: str) -> None:
    policy = Policy(spelling)
    layers = [name.removesuffix(".weight") for name in policy.to_state_dict(policy.init(1, 0)[0]) if "weight" in name]
    tensors = renamed({layer: f"part_{'abcd'[number]}" for number, layer in enumerate(layers)}, policy)
    assert policy.from_state_dict(dict(reversed(tensors.items()))).tobytes() == policy.init(1, 0)[0].tobytes()


SHAPES = "(8, 4), (8, 8), (8, 8), (2, 8)"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            {"0": "a", "2": "left", "4": "right", "6": "d"},
            "expected names that tell the order of left and right, whose weights are all (8, 8): number them, or name "
            "all as in mlp:4-8-8-8-2: 0.weight, ...",
        ),
        (
            {"0": "a", "2": "b.1", "4": "c.2", "6": "d"},
            "expected names that tell the order of b.1 and c.2, whose weights are all (8, 8): number them, or name all "
            "as in mlp:4-8-8-8-2: 0.weight, ...",
        ),
        (
            {"0": "a", "2": "b", "6": "d"},
            "expected the names 0.weight, 0.bias, 2.weight, 2.bias, 4.weight, 4.bias, 6.weight, 6.bias for "
            "mlp:4-8-8-8-2, or weight and bias for each layer under other names, got a.weight, a.bias, b.weight, "
            "b.bias, d.weight, d.bias",
        ),
    ],
)
def test_what_cannot_be_told_is_not_guessed(names: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        DEEP.from_state_dict(renamed(names))
    assert str(refused.value) == f"state dict: {message}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"a.weight": np.zeros((8, 5))},
            f"expected weights of shapes {SHAPES} for mlp:4-8-8-8-2, got a (8, 5), b1 (8, 8), b2 (8, 8), d (2, 8)",
        ),
        ({"d.bias": np.zeros(3)}, "d.bias: expected shape (2,) for mlp:4-8-8-8-2, got (3,)"),
        ({"d.bias": np.zeros(2, int)}, "d.bias: expected float32 (float64 and float16 are cast), got int64"),
        ({"log_std": np.zeros(2)}, "expected the names 0.weight, 0.bias, 2.weight"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    tensors = renamed({"0": "a", "2": "b1", "4": "b2", "6": "d"})
    with pytest.raises(InputError) as refused:
        DEEP.from_state_dict(tensors | change)
    assert str(refused.value).startswith(f"state dict: {message}")


@pytest.mark.parametrize(
    ("state_dict", "message"),
    [
        ({0: np.zeros(10), 1: np.zeros(10)}, "expected names to be strings, got 0"),
        ([np.zeros(10)], "expected a mapping of names to arrays, got list"),
        ({"0.weight": [[0.0] * 4, [0.0]], "0.bias": np.zeros(2)}, "0.weight: expected an array, got list"),
        (
            {"a\n\x1b[2J.weight": np.zeros((2, 4))},
            "expected the names 0.weight, 0.bias for mlp:4-2, or weight and bias for "
            "each layer under other names, got a\\n\\x1b[2J.weight",
        ),
        (
            {"\x1b[2J.weight": np.zeros((2, 4)), "\x1b[2J.bias": np.zeros(3)},
            "\\x1b[2J.bias: expected shape (2,) for mlp:4-2, got (3,)",
        ),
        (
            {"\ud800.weight": np.zeros((2, 4), int), "\ud800.bias": np.zeros(2)},
            "\\ud800.weight: expected float32 (float64 and float16 are cast), got int64: if they are meant, cast "
            "them with .astype(np.float32) or .float()",
        ),
    ],
)
def test_bad_names_and_values_are_refused_on_one_line(state_dict: Any, message: str) -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        policy.from_state_dict(state_dict)
    assert str(refused.value) == f"state dict: {message}"


def test_weights_numbered_in_a_dict_are_refused() -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError, match=r"^weights: state dict: expected names to be strings, got 0$"):
        policy.flatten({0: np.zeros(10), 1: np.zeros(10)})  # type: ignore[dict-item]
    with pytest.raises(InputError, match=r"^state dict: expected names that start with a\\x1b, got 0\.weight$"):
        policy.from_state_dict({"0.weight": np.zeros((2, 4))}, prefix="a\x1b")
    with pytest.raises(InputError, match=r"^state dict: expected prefix to be a string, got int$"):
        policy.from_state_dict({"0.weight": np.zeros((2, 4))}, prefix=0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^state dict: expected a mapping of names to arrays, got list$"):
        policy.to_state_dict(np.zeros(10), like=["0.weight"])  # type: ignore[arg-type]


def test_the_names_to_be_taken_are_checked_too() -> None:
    with pytest.raises(
        InputError, match=r"^state dict: 6.weight: expected shape \(2, 8\) for mlp:4-8-8-8-2, got \(3, 8\)$"
    ):
        DEEP.to_state_dict(VECTOR, like=Policy("mlp:4-8-8-8-3").to_torch(np.zeros(211, np.float32)).state_dict())


# Files of the real safetensors package, which sorts names


def test_a_modules_safetensors_file_is_read(tmp_path: Path) -> None:
    actor, path = Actor(), tmp_path / "actor.safetensors"
    safetensors.torch.save_file(actor.state_dict(), path)
    loaded = load_weights(path, DEEP)
    expected = nn.utils.parameters_to_vector(actor.parameters()).detach().numpy()
    assert loaded.weights.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_floating_type_is_cast_as_torch_casts_it(dtype: torch.dtype, tmp_path: Path) -> None:
    actor, path = Actor().to(dtype), tmp_path / "actor.safetensors"
    safetensors.torch.save_file(actor.state_dict(), path)
    expected = nn.utils.parameters_to_vector(actor.float().parameters()).detach().numpy()
    assert load_weights(path, DEEP).weights.tobytes() == expected.tobytes()


def test_every_bfloat16_is_the_float32_that_torch_makes_of_it(tmp_path: Path) -> None:
    everything = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    safetensors.torch.save_file({"weights": everything}, tmp_path / "all.safetensors")
    loaded = load_weights(tmp_path / "all.safetensors").weights[0]
    assert np.array_equal(loaded.view(np.uint32), everything.float().numpy().view(np.uint32))


def test_a_population_is_read_by_the_real_package(tmp_path: Path) -> None:
    population = DEEP.init(5, seed=1)
    DEEP.save(tmp_path / "p.safetensors", population, "cartpole")
    assert np.array_equal(safetensors.numpy.load_file(tmp_path / "p.safetensors")["weights"], population)
    with safetensors.safe_open(tmp_path / "p.safetensors", "np") as file:
        assert file.metadata()["policy"] == str(DEEP)


def test_a_lone_weight_is_a_state_dict(tmp_path: Path) -> None:
    linear = nn.Linear(4, 2, bias=False)
    safetensors.torch.save_file(linear.state_dict(), tmp_path / "w.safetensors")
    loaded = load_weights(tmp_path / "w.safetensors", "mlp:4-2,bias=0")
    assert np.array_equal(loaded.weights[0], linear.weight.detach().numpy().reshape(-1))


def test_a_big_endian_file_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", VECTOR.astype(">f4"))
    assert load_weights(tmp_path / "w.npy").weights.tobytes() == VECTOR.tobytes()
    np.save(tmp_path / "w.npy", np.asfortranarray(DEEP.init(3, seed=0)))
    assert load_weights(tmp_path / "w.npy").weights.tobytes() == DEEP.init(3, seed=0).tobytes()
