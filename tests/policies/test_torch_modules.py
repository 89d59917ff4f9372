"""Policies and PyTorch modules are each other's equals; what no policy has is named with its place."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from evalengine.errors import InputError, MissingDependencyError
from evalengine.policies.policy import Policy

SPELLINGS = [
    "mlp:4-64-2",
    "mlp:4-2,bias=0",
    "mlp:6-5-4-3,act=relu",
    "cnn:5x12x12-16k3-32k3-64-4",
    "cnn:3x20x18-4k4s2-6k3p1-7-5-3,bias=0",
    "cnn:2x9x5-3k3x5s2x1p1x0-4,act=tanh",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_there_and_back(spelling: str) -> None:
    policy = Policy(spelling)
    vector = policy.init(1, seed=0)[0]
    module = policy.to_torch(vector)
    shape = policy.input_shape if policy.arch == "cnn" else None
    assert Policy.from_torch(module, shape) == policy
    assert np.array_equal(nn.utils.parameters_to_vector(module.parameters()).detach().numpy(), vector)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_module_computes_what_the_policy_computes(spelling: str) -> None:
    policy = Policy(spelling)
    vector = policy.init(1, seed=0)[0]
    observations = np.random.default_rng(1).standard_normal((5, *policy.input_shape)).astype(np.float32)
    with torch.no_grad():
        expected = policy.to_torch(vector)(torch.from_numpy(observations)).numpy()
    # Orders of summation differ with PyTorch's batch and build; a wrong weight or layer is off by far more.
    np.testing.assert_allclose(policy.logits(vector, observations), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_state_dicts_are_those_of_the_module(spelling: str) -> None:
    policy = Policy(spelling)
    vector = policy.init(1, seed=0)[0]
    ours, theirs = policy.to_state_dict(vector), policy.to_torch(vector).state_dict()
    assert list(ours) == list(theirs)
    assert all(np.array_equal(ours[name], theirs[name].numpy()) for name in ours)
    assert np.array_equal(policy.from_state_dict(ours), vector)
    assert np.array_equal(policy.from_state_dict(dict(reversed(theirs.items()))), vector)
    assert np.array_equal(policy.from_state_dict(dict(policy.to_torch(vector).named_parameters())), vector)


OTHER_NAMES = (
    "state dict: expected the names 0.weight, 0.bias for mlp:4-2, or weight and bias for each layer under other names, "
)


def test_tensors_and_modules_own_their_memory() -> None:
    policy = Policy("mlp:4-2")
    vector = np.zeros(policy.n_params, dtype=np.float32)
    tensors, module = policy.to_state_dict(vector), policy.to_torch(vector)
    vector[:] = 1
    assert not any(tensor.any() for tensor in tensors.values())
    assert not any(parameter.any() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"2.bias": None}, OTHER_NAMES + "got 0.weight, 0.bias, 2.bias"),
        ({"0.weight": np.zeros((4, 2))}, "state dict: 0.weight: expected shape (2, 4) for mlp:4-2, got (4, 2)"),
        (
            {"0.bias": np.zeros(2, int)},
            "state dict: 0.bias: expected float32 (float64 and float16 are cast), got int64: if they are meant, cast "
            "them with .astype(np.float32) or .float()",
        ),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        policy.from_state_dict(policy.to_state_dict(np.zeros(10)) | change)
    assert str(refused.value) == message


def test_an_empty_state_dict_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        Policy("mlp:4-2").from_state_dict({})
    assert str(refused.value) == OTHER_NAMES + "got none"


def test_only_one_individual_becomes_a_module() -> None:
    with pytest.raises(InputError, match=r"^weights: expected one vector of shape \(10,\) for mlp:4-2, got \(1, 10\)$"):
        Policy("mlp:4-2").to_torch(np.zeros((1, 10)))


class Wrapped(nn.Module):
    """The usual module: layers in a Sequential, called by `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.net(observations)
        return logits


class Doubled(Wrapped):
    """A module whose `forward` does more than its children."""

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(observations)


class Failing(Wrapped):
    """A module whose `forward` cannot run on a batch of observations."""

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("expects pairs\nof observations")


class WithScale(Wrapped):
    """A module with a parameter outside its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.log_std = nn.Parameter(torch.zeros(2))


def test_modules_that_are_chains() -> None:
    tanh = nn.Tanh()
    shared_activation = nn.Sequential(nn.Linear(4, 8), tanh, nn.Linear(8, 8), tanh, nn.Linear(8, 2))
    assert str(Policy.from_torch(shared_activation)) == "mlp:4-8-8-2"
    nested = nn.Sequential(nn.Sequential(nn.Linear(4, 8), nn.Identity(), nn.ReLU(inplace=True)), nn.Linear(8, 2))
    assert str(Policy.from_torch(nested)) == "mlp:4-8-2,act=relu"
    named = nn.Sequential(
        OrderedDict(flatten=nn.Flatten(), hidden=nn.Linear(720, 8), act=nn.Tanh(), out=nn.Linear(8, 4))
    )
    assert str(Policy.from_torch(named, (12, 12, 5))) == "mlp:720-8-4"
    assert str(Policy.from_torch(nn.Linear(4, 2, bias=False))) == "mlp:4-2,bias=0"
    mixed = nn.Sequential(
        nn.Linear(4, 8, bias=False), nn.ReLU(), nn.Linear(8, 6), nn.Linear(6, 6), nn.Dropout(0.5), nn.LeakyReLU(0.2),
        nn.Linear(6, 2), nn.Tanh(),
    ).eval()  # fmt: skip
    assert str(Policy.from_torch(mixed)) == "mlp:4-8-6-6-2,act=relu/identity/leaky_relu:0.2,out=tanh,bias=0/1/1/1"
    assert str(Policy.from_torch(Wrapped().double())) == "mlp:4-8-2"


def test_a_module_with_zero_weights_is_still_read() -> None:
    doubled = Doubled()
    for parameter in doubled.parameters():
        nn.init.zeros_(parameter)
    with pytest.raises(InputError, match=r"Doubled\.forward"):
        Policy.from_torch(doubled)
    assert not any(parameter.any() for parameter in doubled.parameters())


def chain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


SHARED = nn.Linear(4, 4)
KINDS = "Linear, Conv2d, a pool, LayerNorm, an activation, Flatten or Identity"


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            chain(nn.Linear(4, 8), nn.Hardshrink(), nn.Linear(8, 2)),
            f"layer 1 (Hardshrink): expected {KINDS}, got Hardshrink(0.5)",
        ),
        (
            chain(nn.Linear(4, 8), nn.Tanh(), chain(nn.Dropout(0.5), nn.Linear(8, 2))),
            f"layer 2.0 (Dropout): expected {KINDS}, got Dropout(p=0.5, inplace=False) in training mode",
        ),
        (chain(nn.Linear(4, 2), nn.Softmax(0)), f"layer 1 (Softmax): expected {KINDS}, got Softmax(dim=0)"),
        (
            chain(nn.Flatten(2), nn.Linear(4, 2)),
            f"layer 0 (Flatten): expected {KINDS}, got Flatten(start_dim=2, end_dim=-1)",
        ),
        (
            nn.LSTM(4, 2),
            "layer 0 (LSTM): expected a chain of layers that can be read, got a sequence of 2 axes: expected one of "
            "one step, x.unsqueeze(0)",
        ),
        (chain(nn.Tanh(), nn.Linear(4, 2)), "layer 0 (Tanh): expected an activation to follow a Linear or Conv2d"),
        (
            chain(nn.Linear(4, 8), nn.Tanh(), nn.ReLU(), nn.Linear(8, 2)),
            "layer 2 (ReLU): expected an activation to follow a Linear or Conv2d",
        ),
        (
            chain(nn.Linear(4, 8), nn.Tanh(), nn.Linear(9, 2)),
            "layer 2 (Linear): expected weights (2, 8) after the layers before, got (2, 9)",
        ),
        (chain(), "expected a Linear layer last, whose outputs are the logits, got no layer"),
        (chain(nn.Identity()), "expected a Linear layer last, whose outputs are the logits, got no layer"),
        (chain(SHARED, nn.Tanh(), SHARED), "expected every layer once, got layers that share parameters"),
        (
            WithScale(),
            "parameter log_std belongs to no Linear, Conv2d or LayerNorm of the chain (a policy with noise=log_std can "
            "be given its weights)",
        ),
        (Doubled(), f"mul in Doubled.forward: expected {KINDS}, got mul(x, 2)"),
        (Failing(), "Failing: expected a chain of layers that can be read, got RuntimeError: expects pairs"),
        ("mlp:4-2", "expected a torch.nn.Module, got str"),
    ],
)
def test_what_no_mlp_has_is_named(module: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_torch(module)
    assert str(refused.value) == f"from_torch: {message}"


@pytest.mark.parametrize(
    ("convolution", "message"),
    [
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "padding_mode='reflect' is not supported"),
        (nn.Conv2d(4, 4, (3, 2), padding="same"), "padding='same' of unequal sides is not supported"),
    ],
)
def test_what_no_convolution_has_is_named(convolution: nn.Conv2d, message: str) -> None:
    module = chain(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(InputError) as refused:
        Policy.from_torch(module, (4, 3, 3))
    assert str(refused.value) == f"from_torch: layer 0 (Conv2d): {message}"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [nn.Conv2d(5, 4, 3), nn.ReLU(), nn.Linear(4, 2)],
            "layer 2 (Linear): expected Flatten between it and layer 0 (Conv2d)",
        ),
        (
            [nn.Linear(4, 2), nn.ReLU(), nn.Conv2d(5, 4, 3)],
            "layer 2 (Conv2d): expected convolutions before Flatten and Linear",
        ),
        ([nn.Flatten(), nn.Conv2d(5, 4, 3)], "layer 1 (Conv2d): expected convolutions before Flatten and Linear"),
        (
            [nn.Conv2d(5, 4, 3), nn.ReLU()],
            "expected a Linear layer last, whose outputs are the logits, got layer 1 (ReLU)",
        ),
        ([nn.Conv2d(5, 4, 3)], "expected a Linear layer last, whose outputs are the logits, got layer 0 (Conv2d)"),
        (
            [nn.Conv2d(5, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(401, 2)],
            "layer 3 (Linear): expected weights (2, 400) after the layers before, got (2, 401)",
        ),
    ],
)
def test_convolutions_flatten_and_linear_come_in_this_order(layers: list[nn.Module], message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_torch(chain(*layers), (5, 12, 12))
    assert str(refused.value) == f"from_torch: {message}"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, "a module with convolutions needs observation_shape=(5, height, width), got None"),
        ((12, 12, 5), "expected observation_shape (5, height, width), got (12, 12, 5)"),
        ((5, 12), "expected observation_shape (5, height, width), got (5, 12)"),
        (5, "expected observation_shape to be a tuple of sizes, got int"),
        ("5x12x12", "expected observation_shape to be a tuple of sizes, got str"),
        ((5, 0, 12), "observation_shape: expected an integer from 1 to 1073741824, got 0"),
    ],
)
def test_convolutions_need_the_shape_of_an_observation(shape: Any, message: str) -> None:
    module = chain(nn.Conv2d(5, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 2))
    with pytest.raises(InputError) as refused:
        Policy.from_torch(module, shape)
    assert str(refused.value) == f"from_torch: {message}"


def test_a_wrong_shape_of_an_mlps_observation_is_refused() -> None:
    with pytest.raises(InputError, match=r"^from_torch: expected an observation_shape of 4 numbers, got \(2, 3\)$"):
        Policy.from_torch(nn.Linear(4, 2), (2, 3))


def test_a_kernel_larger_than_the_observation_is_named() -> None:
    module = chain(nn.Conv2d(5, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(InputError, match=r"convolution 1 \(4k3\): expected a kernel of at most 2x2"):
        Policy.from_torch(module, (5, 2, 2))


def test_without_torch_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Linear(4, 2)
    monkeypatch.setitem(sys.modules, "torch", None)
    for call in (lambda: Policy("mlp:4-2").to_torch(np.zeros(10)), lambda: Policy.from_torch(module)):
        with pytest.raises(MissingDependencyError) as refused:
            call()
        assert str(refused.value) == "torch is not installed: pip install 'evalengine[torch]'"
    assert set(Policy("mlp:4-2").to_state_dict(np.zeros(10))) == {"0.weight", "0.bias"}
