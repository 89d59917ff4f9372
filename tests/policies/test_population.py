"""Modules and state dicts where weights are asked for: one, or a population of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from evalengine import Policy, batch_evaluate, evaluate, load_weights
from evalengine.errors import InputError

MLP = Policy("mlp:4-8-2")
POPULATION = MLP.init(5, seed=0)


class Net(nn.Module):
    """Layers as attributes, activations in `forward`: how most people write a policy."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc2(torch.tanh(self.fc1(observations)))
        return logits


def nets() -> list[nn.Module]:
    """The population as modules of that class."""
    modules: list[nn.Module] = []
    for vector in POPULATION:
        modules.append(Net())
        nn.utils.vector_to_parameters(torch.from_numpy(vector), modules[-1].parameters())
    return modules


def populations() -> dict[str, Any]:
    """The same population in every form."""
    sequentials = [MLP.to_torch(vector) for vector in POPULATION]
    return {
        "modules": sequentials,
        "modules of a class": nets(),
        "a tuple of modules": tuple(sequentials),
        "frozen modules": [module.requires_grad_(False) for module in nets()],
        "compiled modules": [torch.compile(module, backend="eager") for module in sequentials],
        "state dicts": [module.state_dict() for module in sequentials],
        "state dicts of a class": [module.state_dict() for module in nets()],
        "vectors": list(POPULATION),
        "all of them": [sequentials[0], nets()[1], POPULATION[2], sequentials[3].state_dict(), POPULATION[4]],
        "a tensor": torch.from_numpy(POPULATION).requires_grad_(),
        "a transposed tensor": torch.from_numpy(POPULATION.T.copy()).T,
        "every other row": np.repeat(POPULATION, 2, axis=0)[::2],
        "big-endian": POPULATION.astype(">f4"),
        "Fortran order": np.asfortranarray(POPULATION),
    }


@pytest.mark.parametrize("form", populations())
def test_every_form_gives_the_same(form: str) -> None:
    individuals = populations()[form]
    assert MLP.flatten(individuals).tobytes() == POPULATION.tobytes()
    expected = evaluate("CartPole-v1", POPULATION, MLP, episodes=2)
    assert evaluate("CartPole-v1", individuals, MLP, episodes=2).returns.tobytes() == expected.returns.tobytes()
    assert np.array_equal(batch_evaluate("CartPole-v1", individuals, 2, "mlp", (4, 8, 2)), expected.fitness)


def test_one_module_is_a_population_of_one() -> None:
    for individual in (nets()[3], nets()[3].state_dict()):
        assert MLP.flatten(individual).tobytes() == POPULATION[3].tobytes()
        assert evaluate("CartPole-v1", individual, MLP).returns.shape == (1, 1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floating_types_are_cast(dtype: torch.dtype) -> None:
    modules = [module.to(dtype) for module in nets()]
    expected = torch.from_numpy(POPULATION).to(dtype).float().numpy()
    assert MLP.flatten(modules).tobytes() == expected.tobytes()
    assert MLP.flatten(torch.from_numpy(POPULATION).to(dtype)).tobytes() == expected.tobytes()


def test_a_head_is_no_concern_of_a_module() -> None:
    policy = Policy("mlp:3-8-1,head=clip")
    vector = policy.init(1, seed=0)[0]
    assert policy.flatten([policy.to_torch(vector)])[0].tobytes() == vector.tobytes()


def test_convolutions_are_read_with_the_policys_observation() -> None:
    policy = Policy("cnn:5x7x5-4k3p1-3k3x2s2-4")
    population = policy.init(2, seed=0)
    assert policy.flatten([policy.to_torch(vector) for vector in population]).tobytes() == population.tobytes()


def test_modules_are_saved(tmp_path: Path) -> None:
    MLP.save(tmp_path / "p.npy", nets(), "cartpole")
    assert load_weights(tmp_path / "p.npy").weights.tobytes() == POPULATION.tobytes()


def test_an_activation_that_one_layer_has_not_is_not_asked_for() -> None:
    policy = Policy("mlp:4-2,act=relu")
    assert policy.flatten(nn.Linear(4, 2)).shape == (10,)


@pytest.mark.parametrize(
    ("individuals", "message"),
    [
        (
            [MLP.to_torch(POPULATION[0]), nn.Linear(4, 2)],
            "weights[1]: expected a module that is mlp:4-8-2, got one that is mlp:4-2",
        ),
        (
            [nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))],
            "weights[0]: expected a module that is mlp:4-8-2, got one that is mlp:4-8-2,act=relu",
        ),
        (nn.GLU(), "weights: from_torch: layer 0 (GLU): expected Linear"),
        ([POPULATION[0], {"0.weight": POPULATION}], "weights[1]: state dict: expected the names 0.weight, 0.bias, 2.w"),
        (
            [nn.Sequential(nn.Linear(4, 8, device="meta"), nn.Tanh(), nn.Linear(8, 2, device="meta"))],
            "weights[0]: 0.weight: expected numbers, got a tensor on the meta device",
        ),
        (list(Net().parameters()), "weights[0]: expected a vector of shape (58,) for mlp:4-8-2, got (8, 4)"),
    ],
)
def test_which_individual_does_not_fit_is_said(individuals: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        evaluate("CartPole-v1", individuals, MLP)
    assert str(refused.value).startswith(message)
