"""The forward pass is PyTorch's: on random shapes, on well-known networks; and every wrong bit is seen."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from typing import cast

import numpy as np
import pytest
from forward_examples import OUTSIDE, RELU, TANH, Tampered, by_name, example
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity import forward
from evalengine.parity.forward import WELL_KNOWN, logits_section, sections
from evalengine.parity.layers import is_convolution, placed_layers
from evalengine.parity.probe import PROBED_SUMS, Probe, our_tanh, tanh_arguments
from evalengine.parity.random_shapes import ACTIVATIONS, Kind
from evalengine.parity.report import Claim, Section, Verdict
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.activations import DEFAULTS, OF_OUTPUTS
from evalengine.policies.policy import Policy

SHAPES = 240


@pytest.fixture(scope="module")
def found(torch_policy: TorchPolicy) -> list[Section]:
    return sections(shapes=SHAPES, seed=1, torch_policy=torch_policy)


# --- what holds


def test_every_claim_holds(found: list[Section]) -> None:
    if found[0].unproven:
        pytest.skip(found[0].unproven)
    for section in found:
        assert section.verdict is Verdict.HOLDS, section
        assert section.steps > 0
    assert len({section.name for section in found}) == len(found)


@pytest.mark.usefixtures("known_order")
def test_the_random_shapes_are_many_and_of_all_sorts(found: list[Section]) -> None:
    random = [by_name(found, "random mlp"), by_name(found, "random cnn")]
    assert [section.claim for section in random] == [Claim.EXACT, Claim.EXACT]
    events = sum((Counter(section.events) for section in random), start=Counter[str]())
    kinds = [events[kind] for kind in Kind]
    assert sum(kinds) == SHAPES
    assert min(kinds) >= SHAPES // 20
    for sort in ("1 output", "2..11 outputs", "12.. outputs", "blocks of half the inputs", "blocks of 192 inputs"):
        assert events[f"linear: {sort}"] >= 5
    for sort in ("fewer than 8 channels", "partial block of channels", "kernel 1x1", "stride", "padding", "not square"):
        assert events[f"conv: {sort}"] >= 5
    assert events["conv: kernel within the padding"] >= 5
    for activation in (*DEFAULTS, *OF_OUTPUTS):
        assert events[f"activation {activation}"] >= (SHAPES // 5 if activation in ACTIVATIONS else 1)
    depths = [name for name in events if name.endswith("linear")]
    assert {"0 convolutions, 1 linear", "0 convolutions, 4 linear", "2 convolutions, 1 linear"} <= set(depths)
    for section in random:
        assert section.notes[0].endswith("shapes; every layer's outputs are compared")
        assert section.notes[1].startswith("0 of ")


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("image", ["6x8", "7x9"])
@pytest.mark.parametrize("kernel", ["k1", "k1s2", "k2"])
@pytest.mark.parametrize(
    "groups", [(1, 24, 1), (3, 16, 1), (5, 80, 5), (2, 16, 2), (6, 16, 2), (6, 48, 3), (16, 16, 2), (9, 18, 9)]
)
def test_sums_of_minus_zero_keep_their_sign_in_groups(
    torch_policy: TorchPolicy, groups: tuple[int, int, int], kernel: str, image: str
) -> None:
    channels, out_channels, number = groups
    policy = Policy(f"cnn:{channels}x{image}-{out_channels}{kernel}g{number}-2,act=identity")
    rng = np.random.default_rng(4)
    weights = rng.choice(np.array([-0.0, 0.0, 1, -1], np.float32), policy.n_params)
    observations = rng.choice(np.array([0.0, -0.0], np.float32), (16, policy.n_inputs))
    (place, *_) = placed_layers(policy.input_shape, policy.layers)
    (theirs,) = torch_policy.outputs(
        policy.input_shape, policy.layers[:1], weights[place.parameters], observations.reshape(16, *policy.input_shape)
    )
    network = _engine.Network(policy.input_shape, policy.layers[:1])
    ours, _ = network.step(weights[place.parameters], observations, np.empty((16, 0), np.float32))
    assert {*np.signbit(ours).ravel()} == {False, True}
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("spelling", [OUTSIDE, "cnn:16x40x40-4k8s2p1-3", "cnn:16x24x24-8k2p4x1-2,act=tanh"])
def test_convolutions_of_no_known_order_are_pytorchs_on_an_image_padded_first(
    torch_policy: TorchPolicy, spelling: str
) -> None:
    """Nothing is claimed of them: PyTorch's order depends on the processor, unless the padding is in the image."""
    policy, weights, observations = example(spelling)
    first = placed_layers(policy.input_shape, policy.layers)[0]
    assert policy.network.exactness is not None and is_convolution(first.layer)
    name, channels, kernel, stride, (rows, columns), *others = first.layer
    images = observations.reshape(-1, *policy.input_shape)
    padded = np.pad(images, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    layer = cast("_engine.Layer", (name, channels, kernel, stride, (0, 0), *others))
    (theirs,) = torch_policy.outputs(padded.shape[1:], [layer], weights[first.parameters], padded)
    ours = _engine.Network(policy.input_shape, (first.layer,)).logits(weights[first.parameters], observations)
    assert ours.tobytes() == theirs.tobytes()


def test_well_known_networks_are_exact_on_all_kinds_of_numbers(found: list[Section]) -> None:
    for name in WELL_KNOWN:
        section = by_name(found, name)
        assert section.claim is Claim.EXACT
        assert section.events == dict.fromkeys((str(kind) for kind in Kind), 1)


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("spelling", [RELU, TANH])
def test_logits_of_a_population(torch_policy: TorchPolicy, spelling: str) -> None:
    policy = Policy(spelling)
    weights = policy.init(3, seed=0)
    observations = np.random.default_rng(1).standard_normal((3, 10, policy.n_inputs), np.float32)
    section = logits_section(policy, weights, observations, torch_policy, unproven="")
    assert (section.name, section.claim, section.steps) == (f"logits, {policy}", Claim.EXACT, 30)
    assert section.verdict is Verdict.HOLDS


def test_our_bits_are_the_same_on_every_instruction_set() -> None:
    def digest(isa: str) -> str:
        code = (
            "import hashlib\n"
            "from evalengine.parity.random_shapes import draw_case\n"
            "sum = hashlib.sha256()\n"
            "for index in range(80):\n"
            "    case = draw_case(0, index)\n"
            "    logits = case.policy.network.logits(case.weights, case.observations)\n"
            "    logits[logits != logits] = 0.5\n"
            "    sum.update(logits.tobytes())\n"
            "print(sum.hexdigest())\n"
        )
        environment = os.environ | {"EVALENGINE_ISA": isa}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    portable = digest("portable")
    assert len(portable.strip()) == 2 * hashlib.sha256().digest_size
    assert portable == digest("avx2") == digest("")


# --- what is not claimed


def test_another_tanh_leaves_what_has_tanh_unproven(torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    other_tanh = Probe(PROBED_SUMS[:1], (True,), -our_tanh(tanh_arguments()))
    monkeypatch.setattr(forward, "probe", lambda torch_policy: other_tanh)
    assert logits_section(*example(RELU), torch_policy).verdict is Verdict.HOLDS
    reason = logits_section(*example(TANH), torch_policy).unproven
    assert reason == "PyTorch on this machine computes tanh otherwise (a sample has other bits)"


def test_another_order_leaves_the_claim_unproven(torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    def last_bits(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.nextafter(outputs, np.float32(0))

    other_order = Probe(PROBED_SUMS[:1], (False,), our_tanh(tanh_arguments()))
    monkeypatch.setattr(forward, "probe", lambda torch_policy: other_order)
    found = sections(shapes=12, seed=0, torch_policy=Tampered(torch_policy, results=last_bits))
    for section in found:
        is_tanh = section.name.startswith("PyTorch's tanh")
        assert section.verdict is (Verdict.HOLDS if is_tanh else Verdict.UNPROVEN), section.name
    assert by_name(found, "random mlp").mismatches > 0
    assert "sums in another order" in by_name(found, "random mlp").unproven
