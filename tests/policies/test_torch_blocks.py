"""Pools, normalisations, groups, dilation and sums: as modules, as functions, as spellings, all the same policy."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch_networks import refusal

from evalengine import Policy
from evalengine.errors import InputError

SPELLINGS = [
    "cnn:3x12x10-8k3-mp2-16k3p1-ap3s2p1n-32-4",
    "cnn:4x13x9-8k3x2d2x3g2-mp3x2s2x1p1x0-gap-5,act=tanh",
    "cnn:4x9x9-4k3p1g4-8k1-ap2-4,bias=0/1/1",
    "cnn:2x8x8-ln-8k3-ln:0.001-act-flat-lnw-12-ln0-act-4,act=relu/silu",
    "cnn:3x8x8-8k3p1-mp2-skip-act-8k3p1-8k3p1-add-skip-act-8k3p1-add-gap-16-4",
    "cnn:1x8x8-mp2-4",
    "mlp:8-ln-16-skip-16-skip-16-ln-add-add-act-2",
    "mlp:4-16-ln-act-16-2,out=sigmoid",
]


def bits(values: NDArray[np.float32]) -> list[int]:
    return [int(value) for value in values.astype(np.float32).view(np.uint32).reshape(-1)]


def random_vector(policy: Policy) -> NDArray[np.float32]:
    vector = np.random.default_rng(5).standard_normal(policy.n_params) * 0.3
    return vector.astype(np.float32)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_there_and_back(spelling: str) -> None:
    policy = Policy(spelling)
    assert str(policy) == spelling
    vector = random_vector(policy)
    module = policy.to_torch(vector)
    shape = policy.input_shape if policy.arch == "cnn" else None
    assert Policy.from_torch(module, shape) == policy
    assert np.array_equal(nn.utils.parameters_to_vector(module.parameters()).detach().numpy(), vector)
    assert np.array_equal(policy.flatten(module), vector)
    assert list(policy.to_state_dict(vector)) == list(module.state_dict())
    assert np.array_equal(policy.from_state_dict(module.state_dict()), vector)
    assert Policy.from_torch(pickle.loads(pickle.dumps(module)), shape) == policy


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_module_computes_what_the_policy_computes(spelling: str) -> None:
    policy = Policy(spelling)
    vector = random_vector(policy)
    observations = np.random.default_rng(1).standard_normal((5, *policy.input_shape)).astype(np.float32)
    with torch.no_grad():
        expected = policy.to_torch(vector)(torch.from_numpy(observations)).numpy()
    # Orders of summation differ with PyTorch's batch and build; a wrong weight or layer is off by far more.
    np.testing.assert_allclose(policy.logits(vector, observations), expected, rtol=1e-4, atol=1e-4)


def test_initial_normalisations_change_nothing() -> None:
    policy = Policy("mlp:4-8-ln-2")
    (individual,) = policy.init(1, seed=3)
    tensors = policy.to_state_dict(individual)
    assert tensors["2.weight"].tolist() == [1.0] * 8 and tensors["2.bias"].tolist() == [0.0] * 8
    assert np.abs(tensors["0.weight"]).max() <= 0.5 and len(np.unique(tensors["0.weight"])) > 20


class Net(nn.Module):
    """A small network for images of 3 x 12 x 10, and a forward that is given."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, 4)
        self.call = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


def head(net: Any, x: Tensor) -> Tensor:
    logits: Tensor = net.fc(net.norm(x))
    return logits


def plain(net: Any, x: Tensor) -> Tensor:
    hidden = F.max_pool2d(torch.relu(net.conv1(x)), 2)
    hidden = hidden + torch.relu(net.conv2(hidden))
    return head(net, F.adaptive_avg_pool2d(hidden, 1).flatten(1))


PLAIN = "cnn:3x12x10-8k3p1-mp2-skip-8k3p1-act-add-gap-flat-ln-4,act=relu"


def with_block(block: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    def forward(net: Any, x: Tensor) -> Tensor:
        hidden = nn.MaxPool2d(2)(F.relu(net.conv1(x)))
        return head(net, hidden_mean(block(net, hidden)))

    return forward


def hidden_mean(hidden: Tensor) -> Tensor:
    return hidden.mean((2, 3))


def in_place(net: Any, hidden: Tensor) -> Tensor:
    out: Tensor = net.conv2(hidden).relu()
    out += hidden
    return out


@pytest.mark.parametrize(
    "forward",
    [
        plain,
        lambda net, x: head(
            net,
            torch.flatten(
                (lambda hidden: torch.add(hidden, F.relu(net.conv2(hidden))))(
                    torch.max_pool2d(net.conv1(x).relu(), (2, 2))
                ).mean(dim=[-1, -2], keepdim=True),
                1,
            ),
        ),
        with_block(lambda net, hidden: net.conv2(hidden).relu() + hidden),
        with_block(lambda net, hidden: hidden.add(net.conv2(hidden).relu_())),
        with_block(in_place),
        with_block(lambda net, hidden: torch.add(torch.relu(net.conv2(hidden)), other=hidden, alpha=1)),
    ],
)
def test_functions_are_what_modules_are(forward: Callable[[Any, Tensor], Tensor]) -> None:
    net = Net(forward)
    policy = Policy.from_torch(net, (3, 12, 10))
    assert policy == Policy(PLAIN)
    observations = torch.randn(16, 3, 12, 10)
    with torch.no_grad():
        assert bits(net(observations).numpy()) == bits(policy.to_torch(policy.flatten(net))(observations).numpy())


@pytest.mark.parametrize(
    "flattened",
    [
        lambda x: x.flatten(1),
        lambda x: x.flatten(-3),
        lambda x: x.flatten(start_dim=1, end_dim=3),
        lambda x: torch.flatten(x, 1),
        lambda x: x.view(x.size(0), -1),
        lambda x: x.view(x.shape[0], 8 * 6 * 5),
        lambda x: x.reshape(len(x), -1),
        lambda x: x.reshape((-1, 240)),
        lambda x: torch.reshape(x, (x.size(0), -1)),
        nn.Flatten(),
    ],
)
def test_every_way_of_flattening_behind_a_pool(flattened: Callable[[Tensor], Tensor]) -> None:
    net = Net(lambda net, x: net.fc(flattened(F.avg_pool2d(torch.tanh(net.conv1(x)), 2))))
    net.fc = nn.Linear(240, 4)
    del net.conv2, net.norm
    assert Policy.from_torch(net, (3, 12, 10)) == Policy("cnn:3x12x10-8k3p1-ap2-4,act=tanh")


@pytest.mark.parametrize(
    ("layer", "token"),
    [
        (nn.MaxPool2d(3), "mp3"),
        (nn.MaxPool2d((3, 2), stride=1), "mp3x2s1"),
        (nn.MaxPool2d(3, 2, 1), "mp3s2p1"),
        (nn.AvgPool2d(2), "ap2"),
        (nn.AvgPool2d(3, 2, 1), "ap3s2p1"),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), "ap3s2p1n"),
        (nn.AvgPool2d(3, 2, count_include_pad=False), "ap3s2"),
        (nn.AdaptiveAvgPool2d(1), "gap"),
        (nn.AdaptiveAvgPool2d((1, 1)), "gap"),
        (nn.LayerNorm([4, 9, 9]), "ln"),
        (nn.LayerNorm([4, 9, 9], eps=1e-6), "ln:0.000001"),
        (nn.LayerNorm([4, 9, 9], bias=False), "lnw"),
        (nn.LayerNorm([4, 9, 9], elementwise_affine=False), "ln0"),
        (nn.Conv2d(4, 8, 3, groups=4), "8k3g4"),
        (nn.Conv2d(4, 8, 3, dilation=(2, 1)), "8k3d2x1"),
        (nn.Conv2d(4, 8, 3, padding="same", dilation=2), "8k3p2d2"),
        (nn.Sequential(nn.Identity(), nn.MaxPool2d(2)), "mp2"),
    ],
)
def test_layers_have_their_tokens(layer: nn.Module, token: str) -> None:
    policy = Policy(f"cnn:4x9x9-{token}-2,act=identity" if "k" in token else f"cnn:4x9x9-{token}-4k1-2,act=identity")
    after = [] if "k" in token else [nn.Conv2d(4, 4, 1)]
    module = nn.Sequential(layer, *after, nn.Flatten(), nn.Linear(policy.parameters[-1].fan_in, 2))
    assert Policy.from_torch(module, (4, 9, 9)) == policy


KINDS = "Linear, Conv2d, a pool, LayerNorm, an activation, Flatten or Identity"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.MaxPool2d(2, ceil_mode=True), "layer 1 (MaxPool2d): ceil_mode=True is not supported"),
        (nn.MaxPool2d(2, dilation=2), "layer 1 (MaxPool2d): dilation=2 of a pool is not supported"),
        (nn.AvgPool2d(2, ceil_mode=True), "layer 1 (AvgPool2d): ceil_mode=True is not supported"),
        (nn.AvgPool2d(2, divisor_override=3), "layer 1 (AvgPool2d): divisor_override=3 is not supported"),
        (
            nn.AdaptiveAvgPool2d(2),
            "layer 1 (AdaptiveAvgPool2d): expected an adaptive pool to one pixel, (1, 1), got 2",
        ),
        (
            nn.AdaptiveMaxPool2d(1),
            f"layer 1 (AdaptiveMaxPool2d): expected {KINDS}, got AdaptiveMaxPool2d(output_size=1)",
        ),
        (
            nn.LayerNorm(9),
            "layer 1 (LayerNorm): expected a normalisation over all axes but the batch, (8, 9, 9), got (9,)",
        ),
        (nn.LayerNorm([8, 9, 9], eps=-1), "layer 1 (LayerNorm): expected eps from 0, got -1"),
        (nn.GroupNorm(2, 8), f"layer 1 (GroupNorm): expected {KINDS}, got {nn.GroupNorm(2, 8)!r}"),
        (
            nn.BatchNorm2d(8).eval(),
            "layer 1 (BatchNorm2d): a batch normalisation's running statistics are no parameters, so no flat vector "
            "has them; fold it into the layer before it, after which nothing changes in eval(): "
            "torch.nn.utils.fusion.fuse_conv_bn_eval(conv, norm), or fuse_linear_bn_eval(linear, norm)",
        ),
    ],
)
def test_what_no_policy_has_is_named(layer: nn.Module, message: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), layer, nn.Flatten(), nn.Linear(8 * 81, 2))
    assert refusal(module, (3, 9, 9)) == message


def test_a_folded_batch_normalisation_is_taken() -> None:
    conv, norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
    norm(torch.randn(64, 8, 7, 7) * 3 + 1)
    folded = torch.nn.utils.fusion.fuse_conv_bn_eval(conv.eval(), norm.eval())
    before = nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, 2))
    module = nn.Sequential(folded, *before[2:])
    policy = Policy.from_torch(module, (3, 9, 9))
    assert str(policy) == "cnn:3x9x9-8k3-2"
    observations = torch.randn(4, 3, 9, 9)
    ours = policy.logits(policy.flatten(module), observations.numpy())
    np.testing.assert_allclose(ours, before(observations).detach().numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda net, x: head(net, net.conv1(x).mean(1)), f"mean in Net.<lambda>: expected {KINDS}, got mean(x, 1)"),
        (lambda net, x: head(net, net.conv1(x).mean()), f"mean in Net.<lambda>: expected {KINDS}, got mean(x)"),
        (
            lambda net, x: head(net, hidden_mean(net.conv1(x) + 2 * net.conv2(net.conv1(x)))),
            f"add in Net.<lambda>: expected {KINDS}, got add(conv2d, mul), which takes 2 results of former operations "
            "and is not x + f(x)",
        ),
        (
            lambda net, x: head(net, hidden_mean(torch.add(x, net.conv1(x), alpha=2))),
            f"add in Net.<lambda>: expected {KINDS}, got add(observations, conv2d, alpha=2), which takes 2 results of "
            "former operations and is not x + f(x)",
        ),
        (
            lambda net, x: head(net, hidden_mean(x * net.conv1(x))),
            f"mul in Net.<lambda>: expected {KINDS}, got mul(observations, conv2d), which takes 2 results of former "
            "operations and is not x + f(x)",
        ),
        (
            lambda net, x: net.fc(F.layer_norm(hidden_mean(net.conv1(x)), (8,), net.norm.weight * 2, net.norm.bias)),
            "layer_norm in Net.<lambda>: expected weight to be a parameter of the module, got a tensor that is none "
            "(undo weight norm, spectral norm, pruning and parametrizations first)",
        ),
        (
            lambda net, x: net.fc(F.layer_norm(hidden_mean(net.conv1(x)), (8,), None, net.norm.bias)),
            "layer_norm in Net.<lambda>: a bias without a weight is not supported",
        ),
        (
            lambda net, x: net.norm(net.fc(hidden_mean(net.conv1(x)))),
            "expected a Linear layer last, whose outputs are the logits, got layer norm (LayerNorm)",
        ),
    ],
)
def test_operations_that_are_no_layer_are_named(forward: Callable[[Any, Tensor], Tensor], message: str) -> None:
    assert refusal(Net(forward), (3, 12, 10)).replace("in Net.forward", "in Net.<lambda>") == message


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("mlp:8-16-add-2", "expected a skip before each add, got none"),
        ("mlp:8-skip-16-2", "expected an add for each skip, got 1 more of these"),
        ("mlp:8-skip-16-add-2", "expected add to be given 8, as skip was, got 16"),
        ("mlp:8-skip-lstm8-add-2", "expected no recurrent cell between skip and add, got lstm8"),
        ("cnn:3x8x8-skip-8k3p1-add-2", "expected add to be given 3x8x8, as skip was, got 8x8x8"),
        ("cnn:3x8x8-8k3-mp7-2", "pool 1 (mp7): expected a kernel of at most 6x6, its padded input, got 7x7"),
        ("cnn:3x8x8-8k3d4-2", "convolution 1 (8k3d4): expected a kernel of at most 8x8, its padded input, got 9x9"),
        (
            "cnn:3x8x8-8k3-9k3g3-2",
            "convolution 2 (9k3g3): expected groups that divide 8 and 9 channels, in and out, got 3",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_named(spelling: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(spelling)
    assert str(refused.value) == f"policy {spelling}: {message}"


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("mlp:4-8-act-2", "mlp:4-8-2"),
        ("mlp:4-8-ln-act-2,act=identity", "mlp:4-8-ln-2,act=identity"),
        ("cnn:3x8x8-8k3x3s1p0d1g1-mp2s2p0-flat-2", "cnn:3x8x8-8k3-mp2-2"),
        ("cnn:3x8x8-8k3-ap3s1p0n-LN:1E-5-2".replace("1E-5", "0.00001"), "cnn:3x8x8-8k3-ap3s1-ln-2"),
    ],
)
def test_one_spelling_for_one_network(spelling: str, canonical: str) -> None:
    assert str(Policy(spelling)) == canonical


def test_shapes_have_tokens_and_more_sizes() -> None:
    policy = Policy.from_shape("cnn", (4, 9, 9, (8, 3, 1, 2, 2, 4), "mp2", "gap", 16, "ln", 2))
    assert str(policy) == "cnn:4x9x9-8k3p2d2g4-mp2-gap-16-ln-2"


def test_other_names_of_a_state_dict_are_matched_by_shape() -> None:
    policy = Policy("mlp:4-8-ln-act-2")
    vector = random_vector(policy)
    tensors = policy.to_state_dict(vector)
    names = {"0": "fc1", "1": "norm", "3": "fc2"}
    renamed = {f"{names[name[0]]}{name[1:]}": tensor for name, tensor in tensors.items()}
    assert list(renamed) != list(tensors)
    assert np.array_equal(policy.from_state_dict(renamed), vector)
