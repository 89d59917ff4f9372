"""The comparers of forward passes have teeth: every wrong bit, sum and order is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from forward_examples import RELU, TANH, Change, Tampered, by_name, example, one_ulp, swapped
from numpy.typing import NDArray

from evalengine.parity import forward
from evalengine.parity.forward import logits_section, sections
from evalengine.parity.report import Verdict
from evalengine.parity.tally import BitTally
from evalengine.parity.torch_policy import TorchPolicy


@pytest.mark.parametrize("spelling", [RELU, TANH, "cnn:2x7x7-8k3-9-4", "mlp:30-1,act=relu", "mlp:200-15,act=relu"])
@pytest.mark.parametrize("change", [swapped, one_ulp])
def test_a_changed_weight_breaks_the_claim(torch_policy: TorchPolicy, spelling: str, change: Change) -> None:
    policy, weights, observations = example(spelling)
    tampered = Tampered(torch_policy, weights=change)
    section = logits_section(policy, weights, observations, tampered, unproven="")
    assert section.verdict is Verdict.BROKEN
    assert 0 < section.mismatches <= len(observations)
    first = section.first_divergence
    assert first is not None and first.field == "logits"
    assert first.case.startswith(f"{policy}, individual 0, row ")
    assert first.ours_hex != first.reference_hex
    assert f"torch {torch_policy.versions['torch']}" in first.message()


@pytest.mark.usefixtures("known_order")
def test_one_bit_of_one_output_breaks_the_claim(torch_policy: TorchPolicy) -> None:
    def last_bit(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        outputs.view(np.uint32)[17, 1] ^= 1
        return outputs

    policy, weights, observations = example(RELU)
    section = logits_section(policy, weights, observations, Tampered(torch_policy, results=last_bit), unproven="")
    assert section.mismatches == 1
    assert section.first_divergence is not None
    assert section.first_divergence.index == (1,)
    assert section.first_divergence.case.endswith("row 17")
    assert section.notes[-1].startswith("1 of 1,400 values differ")


def test_a_hidden_layer_is_compared_as_well(torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference that a relu swallows: it is below zero."""

    def below_zero(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        below = outputs < 0
        outputs[below] = np.nextafter(outputs[below], np.float32(-1))
        return outputs

    monkeypatch.setattr(forward, "WELL_KNOWN", {})
    found = sections(shapes=4, seed=0, torch_policy=Tampered(torch_policy, results=below_zero))
    random = by_name(found, "random mlp")
    assert random.mismatches > 0
    assert random.first_divergence is not None
    assert random.first_divergence.seed == 0
    assert random.first_divergence.case.startswith("shape ")


def fused(factors: NDArray[np.float32], others: NDArray[np.float32], addends: NDArray[Any]) -> NDArray[np.float32]:
    """Fused multiply-adds: products of float32 are exact in float64."""
    sums: NDArray[np.float64] = factors.astype(np.float64) * others + addends
    return sums.astype(np.float32)


def emulated_dots(inputs: NDArray[np.float32], matrix: NDArray[np.float32], *, is_fused: bool) -> NDArray[np.float32]:
    """(B, O) dot products in eight lanes, as PyTorch's for 2 or 3 outputs, with products rounded or fused."""
    lanes = np.zeros((len(inputs), len(matrix), 8), np.float32)
    for start in range(0, inputs.shape[1], 8):
        factors, others = inputs[:, np.newaxis, start : start + 8], matrix[np.newaxis, :, start : start + 8]
        lanes = fused(factors, others, lanes) if is_fused else lanes + factors * others
    while lanes.shape[2] > 1:
        half = lanes.shape[2] // 2
        lanes = lanes[..., :half] + lanes[..., half:]
    return lanes[..., 0]


def emulated_chain(inputs: NDArray[np.float32], matrix: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """(B, O) sums in blocks of fused multiply-adds, as PyTorch's for 12 outputs and more."""
    total = np.zeros((len(inputs), len(matrix)), np.float32)
    for start in range(0, inputs.shape[1], block):
        part = np.zeros_like(total)
        for k in range(start, min(start + block, inputs.shape[1])):
            part = fused(inputs[:, k, np.newaxis], matrix[np.newaxis, :, k], part)
        total = total + part
    return total


@pytest.mark.parametrize(
    ("inputs", "outputs", "right", "wrong"),
    [
        (
            32,
            3,
            lambda x, w: emulated_dots(x, w, is_fused=False),
            lambda x, w: emulated_dots(x, w, is_fused=True),
        ),
        (200, 12, lambda x, w: emulated_chain(x, w, 100), lambda x, w: emulated_chain(x, w, 192)),
        (400, 12, lambda x, w: emulated_chain(x, w, 192), lambda x, w: emulated_chain(x, w, 200)),
        (400, 12, lambda x, w: emulated_chain(x, w, 192), lambda x, w: emulated_chain(x, w, 191)),
    ],
    ids=["fused products", "one block for halves", "halves for blocks of 192", "a block one too short"],
)
def test_another_sum_is_seen(
    torch_policy: TorchPolicy,
    inputs: int,
    outputs: int,
    right: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]],
    wrong: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]],
) -> None:
    unproven = logits_section(*example(RELU), torch_policy).unproven
    if unproven:
        pytest.skip(unproven)
    policy, weights, observations = example(f"mlp:{inputs}-{outputs},bias=0")
    reference = torch_policy.logits(policy, weights, observations)
    matrix = weights.reshape(outputs, inputs)
    same, different = BitTally(), BitTally()
    assert same.add(right(observations, matrix), reference, name="logits", case="", versions={})
    assert not different.add(wrong(observations, matrix), reference, name="logits", case="", versions={})
    assert same.section("", unproven="").verdict is Verdict.HOLDS
    assert different.section("", unproven="").verdict is Verdict.BROKEN


def test_zeros_of_other_signs_are_differences_and_nans_are_not() -> None:
    ours = np.array([[0.0, np.nan, np.inf]], np.float32)
    payload = np.array([[0, 0xFFC00001, 0x7F800000]], np.uint32).view(np.float32)
    assert BitTally().add(ours, payload, name="", case="", versions={})
    assert not BitTally().add(ours, -ours, name="", case="", versions={})
    assert not BitTally().add(ours, np.zeros_like(ours), name="", case="", versions={})
