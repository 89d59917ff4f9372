"""The flat vector is that of the equivalent nn.Sequential, in whatever order a module registers what it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

from evalengine import Policy, evaluate
from evalengine.errors import InputError


def chain() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def logits_of(module: nn.Module, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        logits: NDArray[np.float32] = module(torch.from_numpy(observations)).numpy()
    return logits


def check_reads_as(module: nn.Module, spelling: str, shape: tuple[int, ...] | None = None) -> None:
    """The vector, as a module again, gives the bits of the module, and evaluates as the engine evaluates it."""
    policy = Policy.from_torch(module, shape)
    assert str(policy) == spelling
    vector = policy.flatten(module)
    observations = np.random.default_rng(0).standard_normal((5, *policy.input_shape)).astype(np.float32)
    expected = logits_of(module, observations)
    assert logits_of(policy.to_torch(vector), observations).tobytes() == expected.tobytes()
    np.testing.assert_allclose(policy.logits(vector, observations), expected, rtol=0, atol=1e-5)


class BiasFirst(nn.Module):
    """A linear layer by hand, with its parameters in the other order."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(outputs))
        self.weight = nn.Parameter(torch.randn(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class ByHand(nn.Module):
    """Two layers without modules, registered backwards."""

    def __init__(self) -> None:
        super().__init__()
        self.b2, self.w2 = nn.Parameter(torch.randn(2)), nn.Parameter(torch.randn(2, 8))
        self.b1, self.w1 = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(torch.tanh(F.linear(x, self.w1, self.b1)), self.w2, self.b2)


def pruned(layer: nn.Module) -> None:
    untyped: Any = prune
    untyped.remove(untyped.l1_unstructured(layer, "weight", 0.5), "weight")


def unweighted(layer: nn.Module) -> None:
    nn.utils.remove_weight_norm(nn.utils.weight_norm(layer))


def unspectral(layer: nn.Module) -> None:
    nn.utils.remove_spectral_norm(nn.utils.spectral_norm(layer))


def unparametrized(layer: Any) -> None:
    parametrize.remove_parametrizations(nn.utils.parametrizations.orthogonal(layer), "weight")
    layer.weight.data = layer.weight.data.contiguous()  # a transposed one is summed in another order by PyTorch itself


def registered_again(layer: Any) -> None:
    weight = layer.weight
    del layer.weight
    layer.weight = weight


CHANGES = [pruned, unweighted, unspectral, unparametrized, registered_again]


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("position", [0, 2])
@pytest.mark.parametrize("change", CHANGES)
def test_a_weight_behind_its_bias_is_read_as_weight(change: Callable[[nn.Module], None], position: int) -> None:
    module = chain()
    change(module[position])
    assert list(dict(module[position].named_parameters())) == ["bias", "weight"]
    check_reads_as(module, "mlp:4-8-2")
    policy = Policy("mlp:4-8-2")
    vector = policy.from_state_dict(module.state_dict())
    assert policy.flatten(module).tobytes() == vector.tobytes()
    assert policy.flatten([module, chain()])[0].tobytes() == vector.tobytes()
    returns = evaluate("CartPole-v1", module, policy, episodes=3).returns
    assert returns.tobytes() == evaluate("CartPole-v1", vector, policy, episodes=3).returns.tobytes()


@pytest.mark.parametrize("change", CHANGES[:1] + CHANGES[-1:])
def test_convolutions_and_modules_with_a_forward_are_no_exception(change: Callable[[nn.Module], None]) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    change(module[0])
    check_reads_as(module, "cnn:3x8x8-4k3-2", (3, 8, 8))
    wrapped: Any = Called(lambda net, x: net.layers(x), layers=chain())
    change(wrapped.layers[0])
    check_reads_as(wrapped, "mlp:4-8-2")


class Called(nn.Module):
    """A module with these children, registered in this order, and this forward."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], **children: nn.Module) -> None:
        super().__init__()
        self.call = forward
        for name, child in children.items():
            self.add_module(name, child)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


def through_all(net: Any, x: Tensor) -> Tensor:
    for layer in net.layers[:-1]:
        x = torch.tanh(layer(x))
    last: Tensor = net.layers[-1](x)
    return last


@pytest.mark.parametrize(
    ("module", "spelling"),
    [
        (nn.Sequential(BiasFirst(4, 8), nn.Tanh(), BiasFirst(8, 2)), "mlp:4-8-2"),
        (ByHand(), "mlp:4-8-2"),
        (Called(lambda net, x: net.a(torch.tanh(net.b(x))), a=nn.Linear(8, 2), b=nn.Linear(4, 8)), "mlp:4-8-2"),
        (Called(lambda net, x: net.a(torch.tanh(net.b(x))), a=nn.Linear(4, 4), b=nn.Linear(4, 4)), "mlp:4-4-4"),
        (Called(through_all, layers=nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)])), "mlp:4-4-4-2"),
        (
            Called(
                lambda net, x: net.layers["out"](net.layers["in"](x).tanh()),
                layers=nn.ModuleDict({"out": nn.Linear(4, 4), "in": nn.Linear(4, 4)}),
            ),
            "mlp:4-4-4",
        ),
        (Called(lambda net, x: F.linear(x, net.layer.weight, net.layer.bias), layer=nn.Linear(4, 2)), "mlp:4-2"),
    ],
)
def test_layers_are_read_in_the_order_in_which_they_run(module: nn.Module, spelling: str) -> None:
    check_reads_as(module, spelling)


def test_a_list_beside_the_registered_layers_is_followed() -> None:
    module: Any = Called(through_all, out=nn.Linear(4, 4), entry=nn.Linear(4, 4))
    module.layers = [module.entry, module.out]
    check_reads_as(module, "mlp:4-4-4")


def with_shared_weight() -> nn.Sequential:
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    module[2].weight = module[0].weight
    return module


def with_a_list_of_its_own() -> nn.Module:
    module = Called(through_all)
    vars(module)["layers"] = [nn.Linear(4, 4), nn.Linear(4, 4)]
    return module


NOT_ITS_OWN = (
    "expected weight to be a parameter of the module, got a tensor that is none (undo weight norm, spectral norm, "
    "pruning and parametrizations first)"
)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (with_shared_weight(), "expected every layer once, got layers that share parameters"),
        (with_a_list_of_its_own(), f"linear in Called.through_all: {NOT_ITS_OWN}"),
        (
            Called(lambda net, x: F.linear(x, net.layer.weight * 1.0, net.layer.bias), layer=nn.Linear(4, 2)),
            f"linear in Called.<lambda>: {NOT_ITS_OWN}",
        ),
        (
            Called(lambda net, x: F.linear(x, net.layer.weight, net.layer.bias[:1]), layer=nn.Linear(4, 2)),
            f"linear in Called.<lambda>: {NOT_ITS_OWN}".replace("weight to", "bias to"),
        ),
    ],
)
def test_what_is_no_parameter_of_its_own_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy("mlp:4-2").flatten(module)
    assert str(refused.value) == f"weights: from_torch: {message}"


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors is a no-op:UserWarning")
def test_a_layer_without_numbers_is_named() -> None:
    for sizes, place, shape in (((4, 8, 0), 2, (0, 8)), ((0, 8, 2), 0, (8, 0)), ((4, 0, 2), 0, (0, 4))):
        module = nn.Sequential(nn.Linear(*sizes[:2]), nn.Tanh(), nn.Linear(*sizes[1:]))
        with pytest.raises(InputError) as refused:
            Policy.from_torch(module)
        expected = f"from_torch: layer {place} (Linear): expected a weight of 2 sizes from 1, got {shape}"
        assert str(refused.value) == expected
    image = nn.Sequential(nn.Conv2d(3, 0, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(
        InputError, match=r"layer 0 \(Conv2d\): expected a weight of 4 sizes from 1, got \(0, 3, 3, 3\)"
    ):
        Policy.from_torch(image, (3, 4, 4))


def test_to_torch_is_float32_on_the_cpu_and_leaves_the_random_stream_alone() -> None:
    policy = Policy("cnn:3x8x8-4k3-2")
    vector = policy.init(1, seed=0)[0]
    state = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            module = policy.to_torch(vector)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), state)
    assert nn.utils.parameters_to_vector(module.parameters()).detach().numpy().tobytes() == vector.tobytes()
