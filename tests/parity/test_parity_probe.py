"""Orders of summation: the rules are orders, the probe recovers orders from black boxes, and sees a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity import probe as module
from evalengine.parity.probe import PROBED_SUMS, Probe, ProbedSum, our_tanh, probe, tanh_arguments
from evalengine.parity.report import Verdict
from evalengine.parity.summation import Order, conv_order, conv_taps, linear_order, matrix_order, recover_order
from evalengine.parity.torch_policy import RECIPE, TorchPolicy
from evalengine.policies.policy import Policy

Row = NDArray[np.float32]
SumOfRow = Callable[[Row, Row, np.float32], np.float32]
"""(inputs (K,), weights (K,), bias) -> their sum"""

SHAPES = [(1, 1), (2, 1), (9, 1), (1, 2), (7, 3), (8, 4), (33, 7), (33, 11), (1, 12), (192, 12), (193, 12), (385, 40)]


@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
@pytest.mark.parametrize("output", [0, -1])
def test_rules_add_every_term_once(inputs: int, outputs: int, output: int) -> None:
    """K products and a bias make K sums of two, the last of which is of all."""
    order = linear_order(inputs, outputs, range(outputs)[output])
    assert len(order.partial_sums) == inputs
    assert max(order.partial_sums) == 2 ** (inputs + 1) - 1
    for first in order.partial_sums:
        assert all(first & other in (0, first, other) for other in order.partial_sums), "they nest"


def test_rules_are_those_of_small_layers() -> None:
    """Written out: a bias b and products 0, 1, ... as bits."""
    # 2 outputs, 3 inputs: ((0 + 1) + 2), then b + that.
    assert linear_order(3, 2, 0) == Order(frozenset({0b011, 0b111, 0b1111}), frozenset())
    # 4 outputs, 5 inputs: four lanes of one, (0 + 2) + (1 + 3), then 4.
    assert linear_order(5, 4, 0) == Order(frozenset({0b101, 0b1010, 0b1111, 0b11111, 0b111111}), frozenset())
    # 1 output, 5 inputs: the first product starts the first of four lanes.
    assert linear_order(5, 1, 0).partial_sums == {0b00011, 0b01011, 0b10100, 0b11111, 0b111111}
    # 12 outputs: one chain, fused but for its first product.
    assert linear_order(3, 12, 0) == Order(frozenset({0b011, 0b111, 0b1111}), frozenset({1, 2}))
    # A convolution starts from its bias.
    assert conv_order(2) == Order(frozenset({0b101, 0b111}), frozenset({0, 1}))
    # One that is a matrix product ends with it: one chain, or two and the odd one out.
    assert matrix_order(3, 1) == Order(frozenset({0b011, 0b111, 0b1111}), frozenset({1, 2}))
    expected = frozenset({0b00101, 0b01010, 0b01111, 0b11111, 0b111111})
    assert matrix_order(5, 2) == Order(expected, frozenset({2, 3, 4}))


def test_taps_go_by_blocks_of_channels_and_leave_the_padding_out() -> None:
    assert conv_taps((2, 3, 3), (2, 2), (1, 1), (0, 0), (0, 1)) == [1, 10, 2, 11, 4, 13, 5, 14]
    assert conv_taps((1, 3, 3), (2, 2), (1, 1), (1, 1), (0, 0)) == [0]
    assert conv_taps((2, 3, 3), (2, 2), (1, 1), (0, 0), (0, 1), block=1) == [1, 2, 4, 5, 10, 11, 13, 14]
    assert conv_taps((9, 1, 2), (1, 2), (1, 1), (0, 0), (0, 0)) == [*range(0, 16, 2), *range(1, 16, 2), 16, 17]


# --- recovering orders


def fused(factor: np.float32, other: np.float32, addend: np.float32) -> np.float32:
    """A fused multiply-add: the product of two float32 is exact in float64."""
    return np.float32(np.float64(factor) * np.float64(other) + np.float64(addend))


def chain(block: int, *, is_fused: bool = True) -> SumOfRow:
    """A sum in blocks, which add to the bias."""

    def sum_of_row(row: Row, weights: Row, bias: np.float32) -> np.float32:
        total = bias
        for start in range(0, len(row), block):
            part = np.float32(0)
            for value, weight in zip(row[start : start + block], weights[start : start + block], strict=True):
                part = fused(value, weight, part) if is_fused else np.float32(part + value * weight)
            total = np.float32(total + part)
        return total

    return sum_of_row


def lane_dot(lanes: int, *, is_fused: bool = False) -> SumOfRow:
    """Strided lanes over the whole steps, folded by halves; the rest in sequence; then the bias."""

    def sum_of_row(row: Row, weights: Row, bias: np.float32) -> np.float32:
        sums = np.zeros(lanes, np.float32)
        whole = len(row) // lanes * lanes
        for k in range(whole):
            product = np.float32(row[k] * weights[k])
            lane = k % lanes
            sums[lane] = fused(row[k], weights[k], sums[lane]) if is_fused else np.float32(sums[lane] + product)
        while len(sums) > 1:
            sums = sums[: len(sums) // 2] + sums[len(sums) // 2 :]
        total = sums[0]
        for k in range(whole, len(row)):
            total = (
                fused(row[k], weights[k], total) if is_fused else np.float32(total + np.float32(row[k] * weights[k]))
            )
        return np.float32(bias + total)

    return sum_of_row


def recovered(products: int, sum_of_row: SumOfRow) -> Order:
    def sums(inputs: NDArray[np.float32], weight: float, bias: float) -> NDArray[np.float32]:
        weights = np.full(products, weight, np.float32)
        return np.array([sum_of_row(row, weights, np.float32(bias)) for row in inputs], np.float32)

    return recover_order(products, sums)


@pytest.mark.parametrize(
    ("inputs", "outputs", "output", "sum_of_row"),
    [
        (40, 12, 0, chain(40)),
        (193, 12, 0, chain(96)),
        (21, 5, 0, lane_dot(4)),
        (21, 5, 4, lane_dot(8)),
        (3, 2, 0, lane_dot(8)),
        (1, 2, 0, lane_dot(8)),
    ],
)
def test_an_order_is_recovered_from_sums_alone(inputs: int, outputs: int, output: int, sum_of_row: SumOfRow) -> None:
    assert recovered(inputs, sum_of_row) == linear_order(inputs, outputs, output)


@pytest.mark.parametrize(
    ("inputs", "outputs", "sum_of_row"),
    [
        (40, 12, chain(40, is_fused=False)),
        (40, 12, chain(39)),
        (40, 12, chain(20)),
        (193, 12, chain(97)),
        (21, 5, lane_dot(8)),
        (21, 5, lane_dot(4, is_fused=True)),
        (21, 5, lane_dot(2)),
        (21, 5, chain(21, is_fused=False)),
    ],
)
def test_another_order_is_told_apart(inputs: int, outputs: int, sum_of_row: SumOfRow) -> None:
    """Products that are fused or not, a block that is one too short or too long, other lanes."""
    assert recovered(inputs, sum_of_row) != linear_order(inputs, outputs, 0)


@pytest.mark.parametrize("constant", [np.nan, np.inf, 0.0])
def test_a_box_that_does_not_add_has_no_such_order(constant: float) -> None:
    assert recovered(9, lambda row, weights, bias: np.float32(constant)) != linear_order(9, 2, 0)


# --- ours and PyTorch's


def our_outputs(
    input_shape: tuple[int, ...], layer: _engine.Layer, weights: NDArray[np.float32], rows: NDArray[np.float32]
) -> NDArray[np.float32]:
    return _engine.Network(input_shape, (layer,)).logits(weights, rows)


@pytest.mark.parametrize("probed", PROBED_SUMS, ids=lambda probed: probed.rule)
def test_our_kernels_add_in_the_order_of_the_rules(probed: ProbedSum) -> None:
    assert probed.found(our_outputs) == probed.expected()


@pytest.fixture(scope="module")
def found() -> Iterator[Probe]:
    with TorchPolicy() as torch_policy:
        yield probe(torch_policy)


def test_pytorch_here_adds_in_the_order_of_the_rules(found: Probe) -> None:
    if found.unproven:
        pytest.skip(found.unproven)
    section, _ = found.sections()
    assert (section.steps, section.mismatches, section.verdict) == (len(PROBED_SUMS), 0, Verdict.HOLDS)


def test_other_kernels_of_pytorch_are_seen(found: Probe) -> None:
    """MKL's compatible kernels fuse nothing: linear layers of 12 outputs and more differ, convolutions are oneDNN's.

    Kept from Intel's kernels, MKL takes the known ones for that name as well; there it is the name left out by which
    small layers differ.
    """
    other_name = {} if found.told else {"MKL_CBWR": "COMPATIBLE"}
    variables = {name: value for name, value in RECIPE.items() if name != "MKL_CBWR"} | other_name
    with TorchPolicy(variables) as torch_policy:
        other = probe(torch_policy)
    is_other = is_small if found.told else is_chain
    others = [agrees for probed, agrees in zip(other.probed, other.agrees, strict=True) if is_other(probed)]
    assert others
    assert not any(others)
    assert other.agrees[-1] == found.agrees[-1]
    assert other.unproven.startswith("PyTorch on this machine sums in another order (")
    section, tanh = other.sections()
    assert tanh.verdict is Verdict.HOLDS
    assert section.verdict is Verdict.UNPROVEN
    assert section.mismatches == other.agrees.count(False) >= len(others)


def is_small(probed: ProbedSum) -> bool:
    return probed.layer[0] == "linear" and len(probed.layer) == 3 and probed.layer[1] < 12


def is_chain(probed: ProbedSum) -> bool:
    return probed.layer[0] == "linear" and len(probed.layer) == 3 and probed.layer[1] >= 12


def test_what_differs_is_listed_by_its_rule() -> None:
    other = Probe(PROBED_SUMS[:5], (True, False, False, False, False), OURS)
    rules = "; ".join(probed.rule for probed in PROBED_SUMS[1:4])
    assert other.unproven == f"PyTorch on this machine sums in another order (4 of 5 sums: {rules}; and 1 more)"
    assert Probe(PROBED_SUMS[:1], (True,), OURS).unproven == ""


OURS = our_tanh(tanh_arguments())


def test_the_sample_of_tanh_is_of_all_sizes_and_ours_is_what_was_recorded() -> None:
    sizes = np.abs(tanh_arguments())
    assert len(np.unique(tanh_arguments())) > 0.99 * len(sizes)
    for least, most in ((0.0, 1e-30), (1e-30, 1e-3), (1e-3, 0.5), (0.5, 2.0), (2.0, 12.0)):
        assert ((sizes >= least) & (sizes <= most)).sum() > 100
    assert Probe((), (), OURS).unproven_tanh == ""


def test_one_ulp_of_pytorchs_tanh_makes_it_another_and_one_of_ours_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    off = OURS.copy()
    off[1000] = np.nextafter(off[1000], np.float32(9))
    _, section = Probe((), (), off).sections()
    assert (section.verdict, section.mismatches) == (Verdict.UNPROVEN, 1)
    assert section.unproven == "PyTorch on this machine computes tanh otherwise (a sample has other bits)"
    monkeypatch.setattr(module, "our_tanh", lambda arguments: off)
    _, section = Probe((), (), OURS).sections()
    assert (section.verdict, section.mismatches) == (Verdict.BROKEN, 1)


def test_what_has_no_tanh_needs_none() -> None:
    other = Probe((), (), -OURS)
    assert other.unproven_of(Policy("mlp:4-8-2,act=relu")) == other.unproven_of(Policy("mlp:4-2")) == ""
    assert other.unproven_of(Policy("mlp:4-8-2")) == other.unproven_tanh != ""
