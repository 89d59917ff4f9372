"""Policies: one spelling, parsed, printed and checked in one place."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from torch import nn

from evalengine.environments.registry import EnvironmentEntry, describe, resolve
from evalengine.errors import InputError
from evalengine.policies.activations import DEFAULTS
from evalengine.policies.policy import Policy
from evalengine.policies.spelling import GRAMMAR

SNAKE = "cnn:5x12x12-16k3-32k3-64-4"
MOST = 999999999


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("mlp:4-64-2", "mlp:4-64-2"),
        ("mlp:4-2", "mlp:4-2"),
        (" MLP:4-64-64-2 ", "mlp:4-64-64-2"),
        ("mlp:4-64-2,act=tanh,bias=1,head=tanh", "mlp:4-64-2"),
        ("mlp:4-64-2,head=clip,bias=0,act=relu", "mlp:4-64-2,act=relu,bias=0,head=clip"),
        (SNAKE, SNAKE),
        (f"{SNAKE},act=relu", SNAKE),
        (f"{SNAKE},act=tanh", f"{SNAKE},act=tanh"),
        ("cnn:3x96x96-32k8s4-64k4s2-64k3-512-3", "cnn:3x96x96-32k8s4-64k4s2-64k3-512-3"),
        ("cnn:5x12x12-16k3x3s1x1p0x0-4", "cnn:5x12x12-16k3-4"),
        ("cnn:1x9x5-16k3x5s2x1p1x0-4", "cnn:1x9x5-16k3x5s2x1p1x0-4"),
        ("cnn:1x9x5-16k3p1-4", "cnn:1x9x5-16k3p1-4"),
        ("mlp:4-2,act=relu", "mlp:4-2"),
        ("mlp:4-8-8-2,act=relu/relu,bias=1/1/1,out=identity", "mlp:4-8-8-2,act=relu"),
        ("mlp:4-8-8-2,act=relu/tanh", "mlp:4-8-8-2,act=relu/tanh"),
        ("mlp:4-8-8-2,act=identity/tanh,bias=1/0/0", "mlp:4-8-8-2,act=identity/tanh,bias=1/0/0"),
        ("mlp:4-8-2,out=Sigmoid,act=LEAKY_RELU:0.010", "mlp:4-8-2,act=leaky_relu,out=sigmoid"),
        ("mlp:4-8-2,act=softplus:1:20", "mlp:4-8-2,act=softplus"),
        ("mlp:4-8-2,act=softplus:2.50:20", "mlp:4-8-2,act=softplus:2.5"),
        ("mlp:4-8-2,act=softplus:1:1e1", "mlp:4-8-2,act=softplus:1:10"),
        ("mlp:4-8-2,act=hardtanh:-2e-05:.5", "mlp:4-8-2,act=hardtanh:-2e-05:0.5"),
        ("mlp:4-8-2,act=hardtanh:0:6", "mlp:4-8-2,act=relu6"),
        (f"{SNAKE},act=relu/elu:0.5/tanh", f"{SNAKE},act=relu/elu:0.5/tanh"),
    ],
)
def test_a_spelling_is_printed_in_one_way(given: str, canonical: str) -> None:
    policy = Policy(given)
    assert str(policy) == canonical
    assert Policy(str(policy)) == policy
    assert repr(policy) == f"Policy('{canonical}')"


@pytest.mark.parametrize(
    ("spelling", "problem"),
    [
        ("", "no architecture ''"),
        ("4-64-2", "no architecture '4-64-2'"),
        ("rnn:4-64-2", "no architecture 'rnn'"),
        ("mlp:", "'' is not a number of inputs"),
        ("mlp:4", "the last part, the number of outputs, is missing"),
        ("mlp:x-64-2", "'x' is not a number of inputs"),
        ("mlp:0-64-2", "'0' is not a number of inputs"),
        ("mlp:4-64.5-2", "'64.5' is not a layer size"),
        ("mlp:4-64-0", "'0' is not a layer size"),
        ("mlp:4--2", "'' is not a layer size"),
        ("mlp:4-1234567890-2", "'1234567890' is not a layer size"),
        ("mlp:4-\u0664-2", "'\u0664' is not a layer size"),
        ("mlp:4-16k3-2", "'16k3': an mlp has no convolutions"),
        ("mlp:4-64-2,act=", "'act=' is not an option"),
        ("mlp:4-64-2,act=swish", f"no activation 'swish'; expected one of {', '.join(DEFAULTS)}"),
        ("mlp:4-64-2,act=relu:1", "'relu:1': expected relu"),
        ("mlp:4-64-2,act=softplus:1:2:3", "'softplus:1:2:3': expected softplus:beta:threshold"),
        ("mlp:4-64-2,act=elu:nan", "'elu:nan': expected a number, got 'nan'"),
        ("mlp:4-64-2,act=elu:", "'elu:': expected a number, got ''"),
        ("mlp:4-64-2,act=elu:1e39", "'elu:1e+39': expected numbers that float32 can hold"),
        ("mlp:4-64-2,act=elu:1e999", "'elu:inf': expected numbers that float32 can hold"),
        ("mlp:4-64-2,act=celu:0", "'celu:0': expected an alpha whose reciprocal float32 can hold"),
        ("mlp:4-64-2,act=hardtanh:1", "'hardtanh:1:1': expected min_val < max_val"),
        ("mlp:4-64-2,act=relu/tanh", "'act=relu/tanh': expected one activation"),
        ("mlp:4-64-8-8-2,act=relu/tanh", "'act=relu/tanh': expected one activation, or 3, one for each hidden layer"),
        ("mlp:4-64-2,bias=1/0/1", "'bias=1/0/1': expected one digit, or 2, one for each layer"),
        ("mlp:4-64-2,bias=2", "'bias=2' is not an option"),
        ("mlp:4-64-2,head=linear", "'head=linear' is not an option"),
        ("mlp:4-64-2,bias", "'bias' is not an option"),
        ("mlp:4-64-2,", "'' is not an option"),
        ("mlp:4-64-2,bias=0,bias=1", "'bias=1': bias is given twice"),
        ("cnn:5x12-16k3-4", "'5x12' is not an input size like 5x12x12"),
        ("cnn:720-16k3-4", "'720' is not an input size like 5x12x12"),
        ("cnn:5x12x12-64-4", "a cnn has at least one convolution or pool"),
        ("cnn:5x12x12-64-16k3-4", "'64' stands before a convolution: convolutions come first"),
        ("cnn:5x12x12-16k3", "the last part, the number of outputs, is missing"),
        ("cnn:5x12x12-16k-4", "'16k' is not a convolution like 16k3s2p1"),
        ("cnn:5x12x12-16k3p1s2-4", "'16k3p1s2' is not a convolution like 16k3s2p1"),
        ("cnn:5x12x12-16k3s0-4", "'16k3s0': channels, kernel and stride start at 1"),
        ("cnn:5x12x12-0k3-4", "'0k3': channels, kernel and stride start at 1"),
    ],
)
def test_a_misspelling_is_named_and_the_grammar_shown(spelling: str, problem: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(spelling)
    advice = "; write 'mlp:4-64-2'" if spelling == "4-64-2" else ""
    assert str(refused.value) == f"policy {spelling!r}: {problem}{advice}; {GRAMMAR}"
    assert "\n" not in GRAMMAR


@pytest.mark.parametrize(
    "text", ["4-64-2", "(4, 64, 2)", "[4,64,2]", "mlp 4 64 2", "mlp:4,64,2", "mlp-4-64-2", "4x64x2"]
)
def test_what_was_probably_meant_is_said(text: str) -> None:
    with pytest.raises(InputError, match="; write 'mlp:4-64-2'; expected mlp:4-64-2"):
        Policy(text)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (None, "NoneType"),
        (4, "int"),
        (("mlp", 4), "tuple"),
        ((4, 0, 2), "tuple"),
        ((), "tuple"),
        ((4, 64, 2), "tuple: write 'mlp:4-64-2'"),
        ([4, 64, 2], "list: write 'mlp:4-64-2'"),
        ((5, 12, 12, (16, 3), 4), "tuple: write Policy.from_shape('cnn', (5, 12, 12, (16, 3), 4))"),
        (nn.Linear(4, 2), "Linear: write Policy.from_torch(module), and pass modules as weights"),
        ({"0.weight": 1}, "dict: state dicts are weights, and do not say their activations: pass a spec"),
    ],
)
def test_a_spec_is_a_string(given: Any, advice: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(given)
    assert str(refused.value) == f"policy: expected a spec such as 'mlp:4-64-2', got {advice}"


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        (
            "cnn:3x96x96-32k8s4-64k4s2-64k3-64k9-3",
            "convolution 4 (64k9): expected a kernel of at most 8x8, its padded input, got 9x9",
        ),
        (
            "cnn:1x9x5-4k3x8p0x1-2",
            "convolution 1 (4k3x8p0x1): expected a kernel of at most 9x7, its padded input, got 3x8",
        ),
        (
            f"mlp:4-{MOST}-2",
            f"expected at most 1073741824 parameters, and numbers in a layer, got {MOST * 5 + 2 * MOST + 2}",
        ),
        (
            f"cnn:1x{MOST}x9-1k1s{MOST}x9-2",
            f"expected at most 1073741824 parameters, and numbers in a layer, got {MOST * 9}",
        ),
    ],
)
def test_sizes_that_do_not_fit_each_other_are_refused(spelling: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(spelling)
    assert str(refused.value) == f"policy {spelling}: {message}"


@pytest.mark.parametrize(
    ("arch", "shape", "spelling"),
    [
        ("mlp", (4, 64, 2), "mlp:4-64-2"),
        ("mlp", [np.int64(4), 2], "mlp:4-2"),
        ("cnn", (5, 12, 12, (16, 3), (32, 3), 64, 4), SNAKE),
        ("cnn", (3, 96, 96, (32, 8, 4), (64, (4, 4), 2), (64, 3), 512, 3), "cnn:3x96x96-32k8s4-64k4s2-64k3-512-3"),
        ("cnn", (1, 9, 5, (16, (3, 5), (2, 1), (1, 0)), 4), "cnn:1x9x5-16k3x5s2x1p1x0-4"),
    ],
)
def test_a_shape_gives_the_same_policy_as_its_spelling(arch: str, shape: Any, spelling: str) -> None:
    assert Policy.from_shape(arch, shape) == Policy(spelling)


def test_options_of_a_shape() -> None:
    policy = Policy.from_shape("mlp", (4, 64, 2), activation="relu", bias=False, head="clip")
    assert str(policy) == "mlp:4-64-2,act=relu,bias=0,head=clip"
    policy = Policy.from_shape(
        "mlp",
        (4, 8, 8, 2),
        activation=("leaky_relu:0.2", "silu"),
        output_activation="sigmoid",
        bias=(True, False, True),
    )
    assert str(policy) == "mlp:4-8-8-2,act=leaky_relu:0.2/silu,out=sigmoid,bias=1/0/1"


@pytest.mark.parametrize(
    ("arch", "shape", "message"),
    [
        ("rnn", (4, 2), "policy_arch: expected 'mlp' or 'cnn', got 'rnn'"),
        ("mlp:4-2", (4, 2), "policy_arch: expected 'mlp' or 'cnn', got 'mlp:4-2': evaluate takes a whole spec"),
        ("mlp", 4, "policy_shape: expected a tuple such as (4, 64, 2), got 4"),
        ("mlp", "4-2", "policy_shape: expected a tuple such as (4, 64, 2), got '4-2'"),
        ("mlp", (4,), "policy_shape: expected at least inputs and outputs, as in (4, 64, 2), got (4,)"),
        (
            "cnn",
            (5, 12, 12),
            "policy_shape: expected at least inputs and outputs, as in (5, 12, 12, (16, 3), 64, 4), got (5, 12, 12)",
        ),
        ("mlp", (4, -3, 2), "policy_shape: expected integers from 1 to 999999999, got -3 at position 1"),
        ("mlp", (4, 2.0), "policy_shape: expected integers from 1 to 999999999, got 2.0 at position 1"),
        ("mlp", (True, 2), "policy_shape: expected integers from 1 to 999999999, got True at position 0"),
        ("mlp", ("4", 2), "policy_shape: expected integers from 1 to 999999999, got '4' at position 0"),
        ("cnn", (5, 12, 12, (16, 0), 4), "policy_shape: expected integers from 1 to 999999999, got 0 at position 3"),
        (
            "cnn",
            (5, 12, 12, (16, 3, 1, -1), 4),
            "policy_shape: expected integers from 0 to 999999999, got -1 at position 3",
        ),
        ("cnn", (5, 12, 12, (16, (3, 3, 3)), 4), "policy_shape: expected (height, width), got (3, 3, 3) at position 3"),
        (
            "cnn",
            (5, 12, 12, (16,), 4),
            "policy_shape: expected a convolution as (out_channels, kernel[, stride[, padding[, dilation[, groups]]]])"
            ", got (16,) at position 3",
        ),
    ],
)
def test_a_shape_that_is_none_is_refused(arch: str, shape: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_shape(arch, shape)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"activation": "swish"},
            f"activation: no activation 'swish'; expected one of {', '.join(DEFAULTS)}",
        ),
        ({"activation": 1}, "activation: expected a name such as 'relu', got 1"),
        ({"output_activation": "tanh:1"}, "output_activation: 'tanh:1': expected tanh"),
        ({"bias": [True, 2]}, "bias: expected True or False, got 2"),
        (
            {"head": "none"},
            "head: 'head=none' is not an option; expected tanh, clip, raw or sigmoid, for all outputs of a Box or "
            "each, or argmax, sample or threshold:0.5",
        ),
        ({"bias": 2}, "bias: expected True or False, got 2"),
    ],
)
def test_options_of_a_shape_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy.from_shape("mlp", (4, 2), **options)
    assert str(refused.value) == message


def test_a_policy_is_a_value() -> None:
    policy = Policy("mlp:4-64-2,act=relu")
    assert policy == Policy(policy) == Policy(" mlp:4-64-2,ACT=relu,bias=1")
    assert policy != Policy("mlp:4-64-2")
    assert len({policy, Policy(policy), Policy("mlp:4-64-2")}) == 2
    for name in ("bias", "anything"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(policy, name, False)


def test_a_policy_pickles_without_its_network() -> None:
    policy = Policy(SNAKE)
    assert policy.network is policy.network
    pickled = pickle.dumps(policy)
    assert len(pickled) < 200
    assert pickle.loads(pickled) == policy


def test_what_a_policy_is_made_of() -> None:
    policy = Policy("cnn:5x12x12-16k3-32k3s2p1-64-4")
    assert policy.input_shape == (5, 12, 12)
    assert (policy.n_inputs, policy.n_outputs) == (720, 4)
    assert policy.layers == (
        ("conv2d", 16, (3, 3), (1, 1), (0, 0), (1, 1), 1, True),
        ("relu",),
        ("conv2d", 32, (3, 3), (2, 2), (1, 1), (1, 1), 1, True),
        ("relu",),
        ("linear", 64, True),
        ("relu",),
        ("linear", 4, True),
    )
    assert [(p.name, p.shape, p.fan_in) for p in policy.parameters] == [
        ("0.weight", (16, 5, 3, 3), 45),
        ("0.bias", (16,), 45),
        ("2.weight", (32, 16, 3, 3), 144),
        ("2.bias", (32,), 144),
        ("5.weight", (64, 800), 800),
        ("5.bias", (64,), 800),
        ("7.weight", (4, 64), 64),
        ("7.bias", (4,), 64),
    ]


@pytest.mark.parametrize(
    "spelling", ["mlp:4-64-2", "mlp:4-2,bias=0", SNAKE, "cnn:1x9x5-16k3x5s2x1p1x0-7-4,bias=0", "cnn:2x7x7-3k2s3-4"]
)
def test_the_extension_counts_the_same_parameters(spelling: str) -> None:
    policy = Policy(spelling)
    network = policy.network
    assert (policy.n_params, policy.n_inputs, policy.n_outputs) == (
        network.n_params,
        network.n_inputs,
        network.n_outputs,
    )


def test_what_only_the_extension_refuses_is_an_input_error_too() -> None:
    policy = Policy("cnn:1x2x2-1k1s999999999p999999999-2")
    with pytest.raises(InputError, match="more than 1073741824 values"):
        _ = policy.network


def test_init_stays_within_pytorchs_bounds_and_fills_them() -> None:
    policy = Policy("mlp:4-64-2")
    population = policy.init(population=1000, seed=3)
    assert population.shape == (1000, 450)
    assert population.dtype == np.float32
    first, second = np.abs(population[:, :320]).max(), np.abs(population[:, 320:]).max()
    assert 0.4999 < first <= 1 / np.sqrt(4)
    assert 0.1249 < second <= 1 / np.sqrt(64)
    assert abs(population.mean()) < 0.002


def test_init_is_reproducible_and_a_larger_population_starts_with_the_smaller() -> None:
    policy = Policy("mlp:4-64-2")
    population = policy.init(8, seed=3)
    assert np.array_equal(population, policy.init(8, seed=3))
    assert np.array_equal(population[:3], policy.init(3, seed=3))
    assert not np.array_equal(population, policy.init(8, seed=4))
    assert policy.init(0, seed=0).shape == (0, 450)
    assert np.array_equal(policy.init(8, seed=3, gain=3), population * np.float32(3))


@pytest.mark.parametrize("gain", [0, -1.0, float("nan"), float("inf"), "3", None, True])
def test_init_checks_its_gain(gain: Any) -> None:
    with pytest.raises(InputError, match=r"^gain: expected a finite number above 0, got "):
        Policy("mlp:4-2").init(1, 0, gain)


@pytest.mark.parametrize(
    ("population", "seed", "message"),
    [
        (-1, 0, "population: expected an integer from 0 to 2147483647, got -1"),
        (1.5, 0, "population: expected an integer from 0 to 2147483647, got 1.5"),
        (1, -1, "seed: expected an integer from 0 to 18446744073709551615, got -1"),
        (1, None, "seed: expected an integer from 0 to 18446744073709551615, got None"),
    ],
)
def test_init_checks_its_numbers(population: Any, seed: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy("mlp:4-2").init(population, seed)
    assert str(refused.value) == message


def test_logits_of_one_individual_and_of_a_population() -> None:
    policy = Policy("mlp:3-2")
    weights = np.array([[1, 0, 0, 0, 1, 0, 0.5, 0.25], [0, 0, 2, 0, 0, 0, 0, 1]], dtype=np.float32)
    observations = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    assert policy.logits(weights[0], observations).tolist() == [[1.5, 2.25], [4.5, 5.25]]
    both = policy.logits(weights, np.stack([observations, observations]))
    assert both.tolist() == [[[1.5, 2.25], [4.5, 5.25]], [[6, 1], [12, 1]]]
    assert both.dtype == np.float32


def test_logits_take_images_flat_or_shaped_of_any_layout() -> None:
    policy = Policy("cnn:2x4x5-3k2-4")
    weights = policy.init(1, seed=0)[0]
    images = np.random.default_rng(0).random((6, 2, 4, 5), dtype=np.float32)
    expected = policy.logits(weights, images)
    assert expected.shape == (6, 4)
    assert np.array_equal(policy.logits(weights, images.reshape(6, 40)), expected)
    assert np.array_equal(policy.logits(weights, np.asfortranarray(images)), expected)
    assert np.array_equal(policy.logits(weights.astype(np.float64).tolist(), images.astype(np.float64)), expected)


@pytest.mark.parametrize(
    ("weights", "observations", "message"),
    [
        ((8,), (3,), "observations: expected shape (B, 3) for mlp:3-2, got (3,)"),
        ((8,), (5, 4), "observations: expected shape (B, 3) for mlp:3-2, got (5, 4)"),
        ((2, 8), (5, 3), "observations: expected shape (2, B, 3) for mlp:3-2, got (5, 3)"),
        ((2, 8), (3, 5, 3), "observations: expected shape (2, B, 3) for mlp:3-2, got (3, 5, 3)"),
        ((9,), (5, 3), "weights: expected shape (P, 8) for mlp:3-2, got (9,)"),
    ],
)
def test_logits_check_their_shapes(weights: tuple[int, ...], observations: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy("mlp:3-2").logits(np.zeros(weights), np.zeros(observations))
    assert str(refused.value) == message


def test_logits_check_their_dtype() -> None:
    with pytest.raises(InputError, match=r"^observations: expected numbers, got bool$"):
        Policy("mlp:3-2").logits(np.zeros(8), np.zeros((5, 3), dtype=bool))


@pytest.mark.parametrize(
    ("spelling", "env", "kwargs"),
    [
        ("mlp:4-2", "cartpole", {}),
        ("mlp:720-64-4", "snake", {}),
        (SNAKE, "snake", {}),
        ("cnn:5x8x9-4k3-4", "snake", {"rows": 8, "cols": 9}),
    ],
)
def test_policies_that_fit_an_environment(spelling: str, env: str, kwargs: dict[str, int]) -> None:
    Policy(spelling).check_fits(describe(env, kwargs))


@pytest.mark.parametrize(
    ("spelling", "env", "message"),
    [
        (
            "mlp:5-64-2",
            "cartpole",
            "policy: CartPole-v1 needs 4 inputs and 2 outputs, got mlp:5-64-2 (5 inputs, 2 outputs)",
        ),
        (
            "mlp:4-64-3",
            "cartpole",
            "policy: CartPole-v1 needs 4 inputs and 2 outputs, got mlp:4-64-3 (4 inputs, 3 outputs)",
        ),
        (
            "cnn:12x12x5-4k3-4",
            "snake",
            "policy: evalengine/Snake-v0 needs 5x12x12 inputs and 4 outputs, "
            "got cnn:12x12x5-4k3-4 (12x12x5 inputs, 4 outputs)",
        ),
        (
            "cnn:1x2x2-4k1-2",
            "cartpole",
            "policy: CartPole-v1 needs 4 inputs and 2 outputs, got cnn:1x2x2-4k1-2 (1x2x2 inputs, 2 outputs)",
        ),
        (
            "mlp:4-2,head=clip",
            "cartpole",
            "policy: CartPole-v1 has discrete actions, expected no head=clip, got mlp:4-2,head=clip",
        ),
    ],
)
def test_policies_that_do_not_fit_an_environment(spelling: str, env: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Policy(spelling).check_fits(resolve(env))
    assert str(refused.value) == message


def test_a_head_is_for_box_actions() -> None:
    box = dataclasses.replace(
        resolve("cartpole"), action_space="box", n_actions=None, action_low=(-1.0,), action_high=(1.0,)
    )
    assert isinstance(box, EnvironmentEntry)
    Policy("mlp:4-64-1,head=clip").check_fits(box)
    Policy("mlp:4-64-1").check_fits(box)
