"""The comparers of forward passes have teeth: every wrong bit, sum, order, bound and action is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from forward_examples import OUTSIDE, RELU, TANH, Change, Tampered, by_name, example, one_ulp, swapped
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity import bounded, forward, layerwise
from evalengine.parity.forward import logit_sections, sections
from evalengine.parity.layerwise import unit_in_the_last_place
from evalengine.parity.report import Verdict
from evalengine.parity.tally import BitTally, ErrorTally
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.policy import Policy


@pytest.mark.parametrize("spelling", [RELU, "cnn:2x7x7-8k3-9-4", "mlp:30-1,act=relu", "mlp:200-15,act=relu"])
@pytest.mark.parametrize("change", [swapped, one_ulp])
def test_a_changed_weight_breaks_the_claim(torch_policy: TorchPolicy, spelling: str, change: Change) -> None:
    policy, weights, observations = example(spelling)
    tampered = Tampered(torch_policy, weights=change)
    (section,) = logit_sections(policy, weights, observations, tampered, unproven="")
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
    (section,) = logit_sections(policy, weights, observations, Tampered(torch_policy, results=last_bit), unproven="")
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
    unproven = logit_sections(*example(RELU), torch_policy)[0].unproven
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


# --- bounds have teeth


def judged(
    spelling: str, torch_policy: TorchPolicy, rows: int = 200, weights: Change | None = None
) -> tuple[ErrorTally, Policy]:
    policy, vector, observations = example(spelling, rows)
    tally = ErrorTally()
    if weights is not None:
        vector = weights(vector)
    bounded.judge_logits(policy, vector, observations, torch_policy, tally, case="example", versions={})
    return tally, policy


class NetworkOfOtherWeights:
    """Ours, with two weights swapped."""

    def __init__(self, policy: Policy) -> None:
        self._network = _engine.Network(policy.input_shape, policy.layers)

    def logits(self, weights: NDArray[np.float32], observations: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._network.logits(swapped(weights.copy()), observations)


@pytest.mark.parametrize("rows", [400, 20])
def test_logits_of_other_weights_exceed_the_bound(
    torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Many logits have a root-mean-square error; few are held against the bound of any order."""
    assert judged(TANH, torch_policy, rows)[0].mismatches == 0
    monkeypatch.setattr(Policy, "network", property(NetworkOfOtherWeights))
    tally, policy = judged(TANH, torch_policy, rows)
    section = tally.section("logits", unproven="")
    assert section.verdict is Verdict.BROKEN
    assert section.first_divergence is not None
    ratio_is_used = rows * policy.n_outputs >= bounded.LEAST_VALUES
    assert (tally.worst_ratio > bounded.RMS_FACTOR) is ratio_is_used


def test_a_root_mean_square_error_beyond_the_factor_breaks_the_claim(
    torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally, _ = judged(TANH, torch_policy)
    assert 0.75 < tally.worst_ratio < bounded.RMS_FACTOR
    monkeypatch.setattr(bounded, "RMS_FACTOR", tally.worst_ratio * 0.999)
    broken, _ = judged(TANH, torch_policy)
    assert (broken.mismatches, broken.first is not None) == (1, True)


def test_tanh_is_held_against_its_bound(torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is not correctly rounded everywhere, so a bound of half a unit cannot hold."""
    monkeypatch.setattr(layerwise, "TANH_ULPS", 0.5)
    section = by_name(logit_sections(*example(TANH), torch_policy, unproven=""), "tanh layer by layer")
    assert section.verdict is Verdict.BROKEN
    assert section.first_divergence is not None
    assert section.first_divergence.field in ("layer 2 (tanh)", "layer 4 (tanh)")


@pytest.mark.parametrize(
    ("value", "unit"),
    [(1.0, 2.0**-23), (0.999, 2.0**-24), (-0.75, 2.0**-24), (1e-45, 2.0**-149), (0.0, 2.0**-149)],
)
def test_units_in_the_last_place(value: float, unit: float) -> None:
    assert unit_in_the_last_place(np.array([value])) == unit


def test_sums_of_bounded_networks_are_exact(torch_policy: TorchPolicy) -> None:
    policy, weights, observations = example(TANH)
    found = logit_sections(policy, weights, observations, Tampered(torch_policy, weights=one_ulp), unproven="")
    assert by_name(found, "sums layer by layer").verdict is Verdict.BROKEN


def test_convolutions_outside_the_proven_zone_are_held_against_theirs(torch_policy: TorchPolicy) -> None:
    policy, weights, observations = example(OUTSIDE)
    found = logit_sections(policy, weights, observations, Tampered(torch_policy, weights=swapped), unproven="")
    assert [section.verdict for section in found] == [Verdict.BROKEN] * 4
    found = logit_sections(policy, weights, observations, Tampered(torch_policy, weights=one_ulp), unproven="")
    assert by_name(found, "convolutions padded first").verdict is Verdict.BROKEN


def tied(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights of mlp:6-40-30-3 whose logits 1 and 2 are equal and larger than logit 0."""
    vector[-93:] = 0
    vector[-3:] = [0, 1, 1]
    return vector


@pytest.mark.parametrize(("distance", "breaks"), [(1e-7, False), (1e-2, True)])
def test_another_action_needs_a_margin_that_rounding_explains(
    torch_policy: TorchPolicy, distance: float, breaks: bool
) -> None:
    def prefer_the_last(logits: NDArray[np.float32]) -> NDArray[np.float32]:
        if logits.shape[1] == 3:
            logits[40:42, 2] += np.float32(distance)
        return logits

    def clear(vector: NDArray[np.float32]) -> NDArray[np.float32]:
        vector = tied(vector)
        vector[-1] -= np.float32(distance / 2 if breaks else 0)
        return vector

    tally, _ = judged(TANH, Tampered(torch_policy, results=prefer_the_last), rows=100, weights=clear)
    assert len(tally.notes) == 2
    expected = "ABOVE" if breaks else "within"
    assert tally.notes[0].startswith("example: row 40: action 1, PyTorch's 2: logit margin ")
    assert f" {expected} the bound " in tally.notes[0]
    assert (tally.mismatches > 0) is breaks


def test_differing_actions_are_listed_up_to_a_number(torch_policy: TorchPolicy) -> None:
    def prefer_the_last(logits: NDArray[np.float32]) -> NDArray[np.float32]:
        logits[:, -1] = np.nextafter(logits[:, -1], np.float32(2))
        return logits

    tally, _ = judged(TANH, Tampered(torch_policy, results=prefer_the_last), rows=60, weights=tied)
    assert len(tally.notes) == bounded.LISTED_ACTIONS + 1
    assert tally.notes[-1] == "example: and 50 more differing actions"


def test_what_is_not_finite_must_be_so_on_both_sides(torch_policy: TorchPolicy) -> None:
    def with_nan(vector: NDArray[np.float32]) -> NDArray[np.float32]:
        vector[-1] = np.nan
        return vector

    def without(logits: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(np.isnan(logits), np.float32(0), logits)

    assert judged(TANH, torch_policy, weights=with_nan)[0].mismatches == 0
    assert judged(TANH, Tampered(torch_policy, results=without), weights=with_nan)[0].mismatches == 200
