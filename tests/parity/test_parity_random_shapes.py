"""Random cases are reproducible and what they say; layers have their places."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalengine import _engine
from evalengine.parity.layers import placed_layers, sum_length
from evalengine.parity.random_shapes import Kind, draw_case, draw_values, features
from evalengine.policies.activations import DEFAULTS, OF_OUTPUTS
from evalengine.policies.policy import Policy

POLICIES = [
    "mlp:9-33-7,act=relu",
    "mlp:6-40-30-3,bias=0",
    "cnn:3x6x5-4k2p3-5k3-3",
    "cnn:2x9x5-3k3x5s2x1p1x0-4,act=tanh",
    "cnn:3x96x96-32k8s4-64k4s2-64k3-512-3",
    "cnn:4x13x9-8k3x2d2x3g2-mp3x2s2x1p1x0-skip-8k3p1g8-add-act-ap2-gap-flat-ln-5",
    "mlp:8-ln0-16-skip-lnw-16-add-ln-act-2",
]


def test_cases_depend_on_seed_and_index_alone() -> None:
    first, again, other = draw_case(3, 7), draw_case(3, 7), draw_case(4, 7)
    assert first.name == again.name != other.name
    assert first.weights.tobytes() == again.weights.tobytes()
    assert first.observations.tobytes() == again.observations.tobytes()
    assert first.weights.shape == (first.policy.n_params,)
    assert first.observations.shape[1] == first.policy.n_inputs


def test_kinds_of_numbers_are_what_they_say() -> None:
    drawn = {kind: draw_values(np.random.default_rng(0), kind, 20_000, 100) for kind in Kind}
    assert all(values.dtype == np.float32 for values in drawn.values())
    for kind in (Kind.ZEROS, Kind.INTEGERS):
        zeros = np.signbit(drawn[kind][drawn[kind] == 0])
        assert 1000 < zeros.sum() < len(zeros) - 1000
    tiny = np.finfo(np.float32).tiny
    assert np.all(np.abs(drawn[Kind.ORDINARY]) <= 1)
    assert np.any((drawn[Kind.SUBNORMAL] != 0) & (np.abs(drawn[Kind.SUBNORMAL]) < tiny))
    products = drawn[Kind.SUBNORMAL_PRODUCTS][:-1] * drawn[Kind.SUBNORMAL_PRODUCTS][1:]
    assert np.all(np.abs(products) < 100 * tiny) and np.any(products != 0)
    assert np.log2(np.abs(drawn[Kind.EXPONENTS]).max()) > 18
    with np.errstate(over="ignore"):
        assert np.isinf(np.square(drawn[Kind.OVERFLOW]).sum(dtype=np.float32))
    special = drawn[Kind.NON_FINITE]
    assert np.isnan(special).any() and np.isposinf(special).any() and np.isneginf(special).any()
    assert np.isfinite(special).mean() > 0.99


def test_every_bit_of_a_case_is_claimed_and_ordinary_weights_leave_tanh_its_range() -> None:
    cases = [draw_case(0, index) for index in range(60)]
    assert all(case.policy.network.exactness is None for case in cases)
    names = {name.partition(":")[0] for case in cases for name in case.policy.activations}
    assert len(names) > 10 and names <= set(DEFAULTS)
    assert len({case.policy.output_activation for case in cases} & {*DEFAULTS, *OF_OUTPUTS}) > 10
    for case in cases:
        if case.kind is Kind.ORDINARY:
            parameters = case.policy.parameters
            pieces = np.split(case.weights, np.cumsum([math.prod(p.shape) for p in parameters])[:-1])
            for parameter, values in zip(parameters, pieces, strict=True):
                initial, spread = parameter.initial or 0.0, 1.0 / parameter.fan_in**0.5
                assert np.abs(values - initial).max() <= (spread if parameter.initial is None else 0.5)


def test_features_name_what_a_shape_exercises() -> None:
    assert features(Policy("cnn:9x5x5-4k1x3s2p0x1-200-1,bias=0")) == [
        "1 convolutions, 2 linear",
        "activation identity",
        "activation relu",
        "bias False",
        "conv: blocks of 8 channels",
        "conv: not square",
        "conv: padding",
        "conv: partial block of channels",
        "conv: stride",
        "linear: 1 output",
        "linear: 12.. outputs",
    ]
    within = [feature == "conv: kernel within the padding" for feature in features(Policy("cnn:9x5x5-4k3x2p0x2-1"))]
    assert within.count(True) == 1
    assert "linear: blocks of half the inputs" in features(Policy("mlp:193-12"))
    assert "linear: blocks of 192 inputs" in features(Policy("mlp:384-12"))


@pytest.mark.parametrize("spelling", POLICIES)
def test_places_of_layers_are_the_policys(spelling: str) -> None:
    policy = Policy(spelling)
    places = placed_layers(policy.input_shape, policy.layers)
    assert [place.layer for place in places] == list(policy.layers)
    assert places[-1].output_shape == (policy.n_outputs,)
    assert places[-1].parameters.stop == policy.n_params
    for place in places:
        if place.layer[0] == "layer_norm":
            size = place.n_inputs * (place.layer[2] + place.layer[3])  # type: ignore[operator, misc]
            assert place.parameters.stop - place.parameters.start == size and sum_length(place) == 0
        elif place.has_weights:
            network = _engine.Network(place.input_shape, (place.layer,))
            assert network.n_params == place.parameters.stop - place.parameters.start
            assert network.n_outputs == math.prod(place.output_shape)
            assert network.macs == sum_length(place) * network.n_outputs
        else:
            assert place.parameters.start == place.parameters.stop
            assert sum_length(place) == 0
