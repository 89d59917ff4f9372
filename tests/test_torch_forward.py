"""Modules whose `forward` is their own: what they compute is found by running them, and never taken on trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evalengine import Policy
from evalengine.errors import InputError

Forward = Callable[[Any, Tensor], Tensor]


def module(forward: Forward, **layers: nn.Module) -> nn.Module:
    """A module of a class with these attributes and this `forward`."""
    made = type("Net", (nn.Module,), {"forward": forward})()
    for name, layer in layers.items():
        setattr(made, name, layer)
    assert isinstance(made, nn.Module)
    return made


def mlp(forward: Forward) -> nn.Module:
    return module(forward, fc1=nn.Linear(4, 8), fc2=nn.Linear(8, 8), fc3=nn.Linear(8, 2))


def cnn(forward: Forward) -> nn.Module:
    return module(forward, conv1=nn.Conv2d(3, 4, 3, stride=2), conv2=nn.Conv2d(4, 4, 2), out=nn.Linear(16, 2))


@pytest.mark.parametrize(
    ("forward", "spelling"),
    [
        (lambda net, x: net.fc3(torch.tanh(net.fc2(torch.tanh(net.fc1(x))))), "mlp:4-8-8-2"),
        (lambda net, x: net.fc3(F.relu(net.fc2(F.relu(net.fc1(x))))), "mlp:4-8-8-2,act=relu"),
        (lambda net, x: net.fc3(net.fc2(net.fc1(x.flatten(1)).clamp(min=0)).relu()), "mlp:4-8-8-2,act=relu"),
    ],
)
def test_activations_in_forward_are_found(forward: Forward, spelling: str) -> None:
    assert str(Policy.from_torch(mlp(forward))) == spelling


@pytest.mark.parametrize(
    ("forward", "spelling"),
    [
        (lambda net, x: net.out(net.conv2(net.conv1(x).relu()).relu().flatten(1)), "cnn:3x8x8-4k3s2-4k2-2"),
        (
            lambda net, x: net.out(torch.tanh(net.conv2(torch.tanh(net.conv1(x)))).reshape(len(x), -1)),
            "cnn:3x8x8-4k3s2-4k2-2,act=tanh",
        ),
    ],
)
def test_flattening_in_forward_is_found(forward: Forward, spelling: str) -> None:
    assert str(Policy.from_torch(cnn(forward), (3, 8, 8))) == spelling


def test_one_activation_object_used_twice_is_found() -> None:
    net = module(
        lambda net, x: net.out(net.act(net.middle(net.act(net.entry(x))))),
        act=nn.ReLU(),
        entry=nn.Linear(4, 8),
        middle=nn.Linear(8, 8),
        out=nn.Linear(8, 2),
    )
    assert str(Policy.from_torch(net)) == "mlp:4-8-8-2,act=relu"


BOTH = "as mlp:4-8-8-2 or mlp:4-8-8-2,act=relu; got other outputs: write it as an nn.Sequential"


@pytest.mark.parametrize(
    "forward",
    [
        lambda net, x: net.fc3(F.relu(net.fc2(torch.tanh(net.fc1(x))))),
        lambda net, x: net.fc3(net.fc2(net.fc1(x))),
        lambda net, x: net.fc3(F.leaky_relu(net.fc2(F.leaky_relu(net.fc1(x))))),
        lambda net, x: net.fc3(F.gelu(net.fc2(F.gelu(net.fc1(x))))),
        lambda net, x: net.fc3(F.hardtanh(net.fc2(F.hardtanh(net.fc1(x))))),
        lambda net, x: torch.tanh(net.fc3(torch.tanh(net.fc2(torch.tanh(net.fc1(x)))))),
        lambda net, x: F.softmax(net.fc3(F.relu(net.fc2(F.relu(net.fc1(x))))), dim=1),
        lambda net, x: net.fc3(torch.tanh(net.fc2(torch.tanh(net.fc1((x - 0.1) / 1.1))))),
        lambda net, x: net.fc3(torch.tanh(net.fc1(x) + net.fc2(torch.tanh(net.fc1(x))))),
        lambda net, x: net.fc3(F.dropout(torch.tanh(net.fc2(torch.tanh(net.fc1(x)))), 0.5, training=True)),
        lambda net, x: (net.fc3(torch.tanh(net.fc2(torch.tanh(net.fc1(x))))), x),
    ],
)
def test_what_forward_does_beside_is_refused(forward: Forward) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_torch(mlp(forward))
    assert str(refused.value) == f"from_torch: expected Net.forward to run its children in order, {BOTH}"


def test_layers_declared_in_another_order_than_they_run_are_refused() -> None:
    net = module(lambda net, x: net.second(torch.tanh(net.first(x))), second=nn.Linear(8, 2), first=nn.Linear(4, 8))
    with pytest.raises(InputError, match=r"layer first \(Linear\): expected weights \(8, 2\) after the layers before"):
        Policy.from_torch(net)
    square = module(lambda net, x: net.second(torch.tanh(net.first(x))), second=nn.Linear(4, 4), first=nn.Linear(4, 4))
    with pytest.raises(InputError, match=r"got other outputs"):
        Policy.from_torch(square)


def doubled(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output * 2


def halved(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (inputs[0] / 2,)


def watched(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    assert len(output)


@pytest.mark.parametrize("place", [(), (0,), (0, 1)])
@pytest.mark.parametrize("change", ["hook", "pre-hook", "forward"])
def test_a_sequential_that_was_tampered_with_is_run_too(change: str, place: tuple[int, ...]) -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(4, 8), nn.Tanh()), nn.Linear(8, 2))
    part: Any = net
    for index in place:
        part = part[index]
    if change == "hook":
        part.register_forward_hook(doubled)
    elif change == "pre-hook":
        part.register_forward_pre_hook(halved)
    else:
        forward = part.forward
        part.forward = lambda inputs: forward(inputs) * 2
    with pytest.raises(InputError, match=r"^from_torch: expected Sequential\.forward to run its children in order, as"):
        Policy.from_torch(net)


def test_a_hook_that_only_watches_is_no_obstacle() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    net[0].register_forward_hook(watched)
    assert str(Policy.from_torch(net)) == "mlp:4-8-2"


def with_complex_weights(layer: nn.Module) -> nn.Module:
    layer.weight = nn.Parameter(torch.zeros(2, 4, dtype=torch.complex64))
    return layer


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.utils.spectral_norm, "layer 0 (Linear): expected the parameters bias and weight, got bias, weight_orig"),
        (
            nn.utils.weight_norm,
            "layer 0 (Linear): expected the parameters bias and weight, got bias, weight_g, weight_v",
        ),
        (
            nn.utils.parametrizations.weight_norm,
            "layer 0.parametrizations.weight.0 (_WeightNorm): expected Linear, Conv2d, Tanh, ReLU, Flatten and "
            "Identity, got _WeightNorm()",
        ),
        (with_complex_weights, "layer 0 (Linear): expected weight to be floating, got torch.complex64"),
    ],
)
def test_a_layer_with_other_parameters_is_named(layer: Callable[[nn.Module], nn.Module], message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_torch(nn.Sequential(layer(nn.Linear(4, 2))))
    assert str(refused.value) == f"from_torch: {message}"


def test_where_the_numbers_lie_does_not_matter() -> None:
    with torch.device("meta"):
        plain = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        own = mlp(lambda net, x: net.fc3(F.relu(net.fc2(F.relu(net.fc1(x))))))
    assert str(Policy.from_torch(plain)) == "mlp:4-8-2"
    assert str(Policy.from_torch(own)) == "mlp:4-8-8-2,act=relu"
    assert str(Policy.from_torch(nn.DataParallel(plain))) == "mlp:4-8-2"


@pytest.mark.parametrize(
    ("convolution", "token"),
    [
        (nn.Conv2d(3, 4, 3, padding="same"), "4k3p1"),
        (nn.Conv2d(3, 4, (5, 1), padding="same"), "4k5x1p2x0"),
        (nn.Conv2d(3, 4, 3, padding="valid"), "4k3"),
        (nn.Conv2d(3, 4, (2, 3), stride=(2, 1), padding=(1, 0)), "4k2x3s2x1p1x0"),
    ],
)
def test_padding_by_name_is_padding_in_numbers(convolution: nn.Conv2d, token: str) -> None:
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    features = convolution(images).flatten(1).shape[1]
    net = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(features, 2))
    policy = Policy.from_torch(net, (3, 8, 8))
    assert str(policy) == f"cnn:3x8x8-{token}-2"
    with torch.no_grad():
        again = policy.to_torch(policy.flatten(net))(images)
        assert again.numpy().tobytes() == net(images).numpy().tobytes()
