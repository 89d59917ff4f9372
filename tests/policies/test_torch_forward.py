"""Modules whose `forward` is their own, or is not all that a call runs: what the call does is read, never sampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import prune

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


KINDS = "Linear, Conv2d, a pool, LayerNorm, an activation, Flatten or Identity"


def other(operation: str, got: str) -> str:
    return f"{operation} in Net.forward: expected {KINDS}, got {got}"


def tanhs(net: Any, x: Tensor) -> Tensor:
    """The plain chain, of which the networks below differ a little."""
    logits: Tensor = net.fc3(torch.tanh(net.fc2(torch.tanh(net.fc1(x)))))
    return logits


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (
            lambda net, x: net.fc3(net.fc2(F.relu(torch.tanh(net.fc1(x))))),
            "relu in Net.forward: expected an activation to follow a Linear or Conv2d",
        ),
        (lambda net, x: net.fc3(F.tanhshrink(net.fc1(x))), other("tanhshrink", "tanhshrink(x)")),
        (
            lambda net, x: net.fc3(F.threshold(net.fc1(x), 0.1, 20)),
            other("_threshold", "_threshold(x, 0.1, 20, inplace=False)"),
        ),
        (
            lambda net, x: net.fc3(F.leaky_relu(net.fc1(x), torch.tensor(0.1))),  # type: ignore[arg-type]
            other("leaky_relu", "leaky_relu(x, negative_slope=a tensor, inplace=False)"),
        ),
        (
            lambda net, x: net.fc3(F.leaky_relu(net.fc1(x), 1e39)),
            "leaky_relu in Net.forward: 'leaky_relu:1e+39': expected numbers that float32 can hold",
        ),
        (lambda net, x: tanhs(net, x.clamp(-5, 5)), other("clamp", "clamp(x, -5, 5)")),
        (lambda net, x: tanhs(net, x).clamp(-100, 100), other("clamp", "clamp(x, -100, 100)")),
        (lambda net, x: net.fc3(net.fc1(x).clamp(min=0, max=6)), other("clamp", "clamp(x, min=0, max=6)")),
        (
            lambda net, x: tanhs(net, x).masked_fill(torch.tensor([True, False]), -1e9),
            other("masked_fill", "masked_fill(x, a tensor, -1000000000.0)"),
        ),
        (lambda net, x: 30 * torch.tanh(tanhs(net, x) / 30), other("div", "div(x, 30)")),
        (lambda net, x: tanhs(net, x / 255), other("div", "div(x, 255)")),
        (lambda net, x: tanhs(net, x * 0), other("mul", "mul(x, 0)")),
        (lambda net, x: tanhs(net, x.half().float()), other("half", "half(x)")),
        (lambda net, x: tanhs(net, x.to(torch.float16)), other("to", "to(x, torch.float16)")),
        (
            lambda net, x: tanhs(net, x[:, [1, 0, 2, 3]]),
            other("getitem", "getitem(x, (slice(None, None, None), (1, 0, 2, 3)))"),
        ),
        (
            lambda net, x: net.fc3(torch.tanh(net.fc1(x) + net.fc2(torch.tanh(net.fc1(x))))),
            other("add", "add(linear, linear), which takes 2 results of former operations and is not x + f(x)"),
        ),
        (
            lambda net, x: net.fc3(F.dropout(torch.tanh(net.fc1(x)), 0.5, training=True)),
            other("dropout", "dropout(x, p=0.5, training=True, inplace=False) in training mode"),
        ),
        (lambda net, x: (tanhs(net, x), x), "expected Net to return one tensor made of the observations, got tuple"),
        (
            lambda net, x: net.fc3(torch.zeros(1, 8)),
            "expected Net to return one tensor made of the observations, got StandIn",
        ),
    ],
)
def test_what_forward_does_beside_is_named(forward: Forward, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_torch(mlp(forward))
    assert str(refused.value) == f"from_torch: {message}"


def doubled(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output * 2


def halved(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (inputs[0] / 2,)


def watched(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    assert len(output)


@pytest.mark.parametrize("place", [(), (0,), (0, 1)])
@pytest.mark.parametrize("change", ["hook", "pre-hook", "forward"])
def test_what_is_done_around_a_layer_is_named(change: str, place: tuple[int, ...]) -> None:
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
    name = ["Sequential", "layer 0 (Sequential)", "layer 0.1 (Tanh)"][len(place)]
    function = {"hook": "doubled", "pre-hook": "halved"}.get(change)
    inside = f"in Sequential.{function}" if not place else f"in {function} of {name}"
    operation, got = ("div", "div(x, 2)") if change == "pre-hook" else ("mul", "mul(x, 2)")
    with pytest.raises(InputError) as refused:
        Policy.from_torch(net)
    where = inside if function else f"around {name}"
    assert str(refused.value) == f"from_torch: {operation} {where}: expected {KINDS}, got {got}"


def test_a_hook_that_only_watches_is_no_obstacle() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    net[0].register_forward_hook(watched)
    assert str(Policy.from_torch(net)) == "mlp:4-8-2"


def with_complex_weights(layer: nn.Module) -> nn.Module:
    layer.weight = nn.Parameter(torch.zeros(2, 4, dtype=torch.complex64))
    return layer


def pruned(layer: nn.Module) -> nn.Module:
    untyped: Any = prune
    pruned_layer: nn.Module = untyped.l1_unstructured(layer, "weight", 0.5)
    return pruned_layer


def with_a_buffer_as_weight(layer: Any) -> nn.Module:
    weight = layer.weight
    del layer.weight
    layer.register_buffer("weight", weight.detach())
    changed: nn.Module = layer
    return changed


COMPUTED = (
    "expected weight to be a parameter of the module, got a tensor that is none (undo weight norm, spectral norm, "
    "pruning and parametrizations first)"
)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.utils.spectral_norm, f"layer 0 (Linear): {COMPUTED}"),
        (nn.utils.weight_norm, f"layer 0 (Linear): {COMPUTED}"),
        (nn.utils.parametrizations.weight_norm, f"layer 0 (ParametrizedLinear): {COMPUTED}"),
        (nn.utils.parametrizations.orthogonal, f"layer 0 (ParametrizedLinear): {COMPUTED}"),
        (pruned, f"layer 0 (Linear): {COMPUTED}"),
        (with_complex_weights, "layer 0 (Linear): expected weight to be floating, got torch.complex64"),
        (with_a_buffer_as_weight, f"layer 0 (Linear): {COMPUTED}"),
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
