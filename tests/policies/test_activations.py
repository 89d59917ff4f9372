"""Activations: by PyTorch's names, from and to PyTorch's modules and functions, and their logits in the engine."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evalengine import Policy
from evalengine.errors import InputError
from evalengine.policies.activations import DEFAULTS, PARAMETERS, activation_layer, canonical, parameters_of
from evalengine.policies.torch_activations import activation_module

MODULES: list[tuple[nn.Module, str]] = [
    (nn.Identity(), "identity"),
    (nn.ReLU(inplace=True), "relu"),
    (nn.LeakyReLU(), "leaky_relu"),
    (nn.LeakyReLU(0.2, inplace=True), "leaky_relu:0.2"),
    (nn.ReLU6(), "relu6"),
    (nn.ELU(0.5), "elu:0.5"),
    (nn.ELU(), "elu"),
    (nn.SELU(), "selu"),
    (nn.CELU(2), "celu:2"),
    (nn.GELU(), "gelu"),
    (nn.GELU("tanh"), "gelu_tanh"),
    (nn.SiLU(), "silu"),
    (nn.Mish(), "mish"),
    (nn.Softplus(beta=2), "softplus:2"),
    (nn.Softplus(1, 5.5), "softplus:1:5.5"),
    (nn.Softsign(), "softsign"),
    (nn.Hardtanh(-2, 0.5), "hardtanh:-2:0.5"),
    (nn.Hardtanh(), "hardtanh"),
    (nn.Hardsigmoid(), "hardsigmoid"),
    (nn.Hardswish(), "hardswish"),
    (nn.Sigmoid(), "sigmoid"),
    (nn.LogSigmoid(), "logsigmoid"),
    (nn.Tanh(), "tanh"),
    (activation_module("sin"), "sin"),
]
FUNCTIONS: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (lambda x: F.leaky_relu(x, 0.3), "leaky_relu:0.3"),
    (lambda x: F.leaky_relu_(x), "leaky_relu"),
    (lambda x: F.elu(x, inplace=True), "elu"),
    (lambda x: F.celu(x, alpha=0.5), "celu:0.5"),
    (lambda x: torch.celu(x, 0.5), "celu:0.5"),
    (lambda x: torch.selu(x), "selu"),
    (lambda x: F.hardtanh(x, 0, 6), "relu6"),
    (lambda x: F.relu6(x), "relu6"),
    (lambda x: F.gelu(x, approximate="tanh"), "gelu_tanh"),
    (lambda x: F.softplus(x, 2, threshold=3), "softplus:2:3"),
    (lambda x: F.softsign(x), "softsign"),
    (lambda x: F.logsigmoid(x), "logsigmoid"),
    (lambda x: F.silu(x), "silu"),
    (lambda x: F.mish(x), "mish"),
    (lambda x: x.sigmoid(), "sigmoid"),
    (lambda x: torch.sigmoid(x), "sigmoid"),
    (lambda x: F.tanh(x), "tanh"),
    (lambda x: torch.sin(x), "sin"),
    (lambda x: x.sin(), "sin"),
    (lambda x: torch.sin_(x), "sin"),
    (lambda x: x.sin_(), "sin"),
    (lambda x: F.hardswish(x), "hardswish"),
    (lambda x: F.hardsigmoid(x), "hardsigmoid"),
]


class Net(nn.Module):
    """Two layers with a function between them."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.function = nn.Linear(4, 8), nn.Linear(8, 2), function

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(self.function(self.first(x)))
        return logits


def test_every_activation_is_tried_here() -> None:
    assert {spelling.partition(":")[0] for _, spelling in MODULES} == set(DEFAULTS)


@pytest.mark.parametrize(("module", "spelling"), MODULES, ids=[spelling for _, spelling in MODULES])
def test_there_and_back(module: nn.Module, spelling: str) -> None:
    assert canonical(spelling) == spelling
    net = nn.Sequential(nn.Linear(4, 8), module, nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2), module)
    policy = Policy.from_torch(net)
    expected = Policy.from_shape("mlp", (4, 8, 8, 2), activation=(spelling, "tanh"), output_activation=spelling)
    assert policy == expected == Policy(str(policy))
    assert (policy.activations, policy.output_activation) == ((spelling, "tanh"), spelling)
    vector = policy.flatten(net)
    back = policy.to_torch(vector)
    assert policy.flatten(back).tobytes() == vector.tobytes()
    observations = torch.from_numpy(np.random.default_rng(0).standard_normal((32, 4), np.float32))
    assert torch.equal(net(observations), back(observations))
    assert repr(activation_module(spelling)).partition("(")[0] == type(module).__name__


@pytest.mark.parametrize(("function", "spelling"), FUNCTIONS)
def test_functions_are_read(function: Callable[[Tensor], Tensor], spelling: str) -> None:
    assert str(Policy.from_torch(Net(function))) == f"mlp:4-8-2,act={spelling}".removesuffix(",act=tanh")


@pytest.mark.parametrize("spelling", DEFAULTS)
def test_modules_are_copied_and_pickled(spelling: str) -> None:
    module, values = activation_module(spelling), torch.linspace(-3.0, 3.0, 32)
    for other in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert repr(other) == repr(module) and torch.equal(other(values), module(values))


@pytest.mark.parametrize("spelling", [spelling for _, spelling in MODULES])
def test_logits_pass_through_the_activation(spelling: str) -> None:
    """A chain of ones and zeros shows the activation itself; to the last bit it is a sweep of parity's."""
    values = np.linspace(-9.0, 9.0, 64, dtype=np.float32)[:, np.newaxis]
    policy = Policy.from_shape("mlp", (1, 1, 1), activation=spelling, bias=False)
    inner = policy.logits(np.ones(2, np.float32), values)
    outer = Policy.from_shape("mlp", (1, 1), output_activation=spelling, bias=False)
    assert np.array_equal(inner, outer.logits(np.ones(1, np.float32), values))
    theirs = activation_module(spelling)(torch.from_numpy(values.copy())).numpy()
    np.testing.assert_allclose(inner, theirs, rtol=1e-6, atol=1e-6)
    assert policy.network.exactness is None


@pytest.mark.parametrize(
    ("tail", "name"),
    [
        (nn.Softmax(dim=-1), "softmax"),
        (nn.Softmax(1), "softmax"),
        (nn.LogSoftmax(dim=1), "log_softmax"),
    ],
)
def test_softmax_comes_last(tail: nn.Module, name: str) -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3), tail)
    policy = Policy.from_torch(net)
    assert str(policy) == f"mlp:4-8-3,out={name}"
    vector = policy.flatten(net)
    observations = np.random.default_rng(1).standard_normal((8, 4), np.float32)
    back = policy.to_torch(vector)(torch.from_numpy(observations)).detach().numpy()
    np.testing.assert_allclose(policy.logits(vector, observations), back, rtol=1e-5)
    early = nn.Sequential(nn.Linear(4, 8), tail, nn.Linear(8, 3))
    with pytest.raises(InputError, match=rf"layer 1 .*: expected {name} after the last layer only"):
        Policy.from_torch(early)
    with pytest.raises(InputError, match=f"no activation '{name}'"):
        Policy(f"mlp:4-8-3,act={name}")


def test_softmax_can_change_the_action() -> None:
    """0.125 and the next float32 have the same probability; the first of equals is taken."""
    above = np.nextafter(np.float32(0.125), np.float32(1))
    weights, seen = np.array([0.125, above], np.float32), np.ones((1, 1), np.float32)
    assert Policy("mlp:1-2,bias=0").logits(weights, seen).argmax() == 1
    probabilities = Policy("mlp:1-2,bias=0,out=softmax").logits(weights, seen)
    assert probabilities.tolist() == [[0.5, 0.5]]


def test_parameters_are_complete_for_the_engine() -> None:
    assert activation_layer("softplus:2") == ("softplus", 2.0, 20.0)
    assert activation_layer("hardtanh") == ("hardtanh", -1.0, 1.0)
    assert activation_layer("tanh") == ("tanh",)
    assert parameters_of("celu:0.5") == (0.5,)
    assert set(PARAMETERS) == {name for name, defaults in DEFAULTS.items() if defaults}


def test_minus_zero_is_another_parameter() -> None:
    assert canonical("leaky_relu:-0") == "leaky_relu:-0"
    assert Policy("mlp:4-8-2,act=leaky_relu:-0") != Policy("mlp:4-8-2,act=leaky_relu:0")


def test_an_activation_of_the_outputs_changes_which_is_largest() -> None:
    """Saturated values tie, and the first of them wins."""
    weights = np.array([30.0, 40.0], np.float32)
    seen = np.ones((1, 1), np.float32)
    assert Policy("mlp:1-2,bias=0").logits(weights, seen).argmax() == 1
    assert Policy("mlp:1-2,bias=0,out=tanh").logits(weights, seen).argmax() == 0


def test_a_squashed_output_is_not_squashed_again() -> None:
    from evalengine import evaluate

    policy = "mlp:3-4-1,out=tanh"
    weights = Policy(policy).init(2, seed=0)
    with pytest.raises(InputError, match="out=tanh and head=tanh would apply tanh twice"):
        evaluate("pendulum", weights, policy)
    played = evaluate("pendulum", weights, policy + ",head=clip", max_episode_steps=5)
    assert np.isfinite(played.fitness).all()


def test_states_with_biases_here_and_there() -> None:
    policy = Policy("mlp:4-8-8-2,bias=0/1/1")
    vector = policy.init(1, seed=0)[0]
    tensors = policy.to_state_dict(vector)
    assert list(tensors) == ["0.weight", "2.weight", "2.bias", "4.weight", "4.bias"]
    renamed: dict[str, Any] = {
        {"0": "fc1", "2": "fc2", "4": "out"}[name[0]] + name[1:]: tensor for name, tensor in tensors.items()
    }
    assert policy.from_state_dict(dict(reversed(renamed.items()))).tobytes() == vector.tobytes()
    with pytest.raises(InputError, match="or weight and bias as there for each layer under other names, got"):
        policy.from_state_dict({name: tensor for name, tensor in renamed.items() if name != "out.bias"})
    same_shapes = Policy("mlp:4-4-4,bias=0/1")
    vector = same_shapes.init(1, seed=0)[0]
    tensors = same_shapes.to_state_dict(vector)
    body = {"b.weight": tensors["0.weight"], "a.weight": tensors["2.weight"], "a.bias": tensors["2.bias"]}
    assert same_shapes.from_state_dict(body).tobytes() == vector.tobytes()
