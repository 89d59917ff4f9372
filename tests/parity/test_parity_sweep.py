"""Activations are PyTorch's, and the sweep that says so sees one ulp of one value on one instruction set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forward_examples import Tampered
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity import sweep
from evalengine.parity.report import Verdict
from evalengine.parity.sweep import (
    BLOCK,
    NEIGHBOURS,
    SWEPT,
    Activation,
    all_arguments,
    chosen_arguments,
    sweep_section,
    swept,
)
from evalengine.parity.torch_policy import TorchPolicy

TANH = swept("tanh")


def blocks(arguments: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [arguments[start : start + BLOCK] for start in range(0, len(arguments), BLOCK)]


def bits(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    return values.view(np.uint32)


# --- what holds


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("activation", SWEPT, ids=str)
def test_every_activation_is_pytorchs_on_every_instruction_set(
    activation: Activation, torch_policy: TorchPolicy
) -> None:
    arguments = iter(blocks(chosen_arguments(activation, seed=0)))
    slow = activation.slow
    section = sweep_section(activation, arguments, torch_policy, name=str(activation), unproven="", slow=slow)
    assert section.first_divergence is None, section.first_divergence.message()
    assert section.verdict is Verdict.HOLDS and section.steps > 10_000_000
    assert all(isa in section.notes[0] for isa in _engine.instruction_sets())


def test_chosen_arguments_of_tanh_are_those_that_decide() -> None:
    arguments = chosen_arguments(TANH, seed=0, sample=2**20)
    found = set(bits(arguments).tolist())
    for joint in (0.125, 1.75, 4.0, 7.0, 9.1):
        middle = int(np.float32(joint).view(np.uint32))
        for neighbour in range(middle - NEIGHBOURS, middle + NEIGHBOURS + 1):
            assert {neighbour, neighbour + 2**31} <= found
    whole = range(int(np.float32(8).view(np.uint32)), int(np.float32(9.1).view(np.uint32)) + 1)
    assert len(whole) > 1_000_000 and found.issuperset(whole)
    assert {0, 1, 2**31, 2**31 + 1, 0x7F800000, 0xFF800000, 0x7FC00000} <= found
    magnitudes = np.abs(arguments[np.isfinite(arguments)])
    assert ((magnitudes > 0) & (magnitudes < np.finfo(np.float32).tiny)).sum() > 10_000
    # Within 0.02 units in the last place of where float32 would round to another value.
    exact = np.tanh(magnitudes[-(2**20) :].astype(np.float64))
    rounded = exact.astype(np.float32)
    distance = np.abs(exact - rounded) / np.spacing(rounded)
    assert (np.abs(distance - 0.5) < 0.02).sum() > 10_000


def test_all_arguments_are_all_bit_patterns_once() -> None:
    found = np.concatenate([bits(block) for block in all_arguments(2**32 - BLOCK - 5, BLOCK + 5)])
    assert np.array_equal(found, np.arange(2**32 - BLOCK - 5, 2**32, dtype=np.uint32))


# --- teeth


def swept_with(torch_policy: TorchPolicy, arguments: NDArray[np.float32], **options: Any) -> Any:
    return sweep_section(TANH, iter([arguments]), torch_policy, name="tanh", unproven="", **options)


ARGUMENTS = np.linspace(-3, 3, 6400, dtype=np.float32)


def test_one_ulp_of_one_value_is_found(torch_policy: TorchPolicy) -> None:
    def one_ulp(results: NDArray[np.float32]) -> NDArray[np.float32]:
        results.reshape(-1)[5000] = np.nextafter(results.reshape(-1)[5000], np.float32(2))
        return results

    assert swept_with(torch_policy, ARGUMENTS).verdict is Verdict.HOLDS
    section = swept_with(Tampered(torch_policy, results=one_ulp), ARGUMENTS)
    assert (section.verdict, section.mismatches) == (Verdict.BROKEN, 1)
    assert section.first_divergence.case == f"of {ARGUMENTS[5000]!r}, on portable"


def test_a_wrong_value_on_one_instruction_set_is_found(
    torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = _engine.activation

    def wrong(name: str, parameters: Any, values: NDArray[np.float32], isa: str | None = None) -> NDArray[np.float32]:
        results = real(name, parameters, values, isa)
        if isa == _engine.instruction_sets()[-1]:
            results[99] = -results[99]
        return results

    monkeypatch.setattr(sweep._engine, "activation", wrong)  # type: ignore[attr-defined]
    section = swept_with(torch_policy, ARGUMENTS)
    assert section.mismatches == 1 and section.first_divergence.case.endswith(_engine.instruction_sets()[-1])


def test_a_correctly_rounded_tanh_is_not_pytorchs() -> None:
    """So the sample sees a difference in one of thousands of arguments."""
    arguments = chosen_arguments(TANH, seed=0, sample=2**20)
    arguments = arguments[np.isfinite(arguments)]
    rounded = np.tanh(arguments.astype(np.float64)).astype(np.float32)
    differing = np.count_nonzero(rounded != _engine.activation("tanh", [], arguments))
    assert 100 < differing < len(arguments) / 500


def test_a_slow_instruction_set_computes_a_part_and_says_so(torch_policy: TorchPolicy) -> None:
    def wrong_at_the_end(results: NDArray[np.float32]) -> NDArray[np.float32]:
        results.reshape(-1)[6399] = 0.5
        return results

    tampered = Tampered(torch_policy, results=wrong_at_the_end)
    section = swept_with(tampered, ARGUMENTS, slow=_engine.instruction_sets())
    assert section.verdict is Verdict.HOLDS and "portable (every 64th part)" in section.notes[0]


# --- the extension's function


def test_an_activation_keeps_the_shape_and_takes_any_layout() -> None:
    values = np.arange(-12, 12, dtype=np.float32).reshape(2, 3, 4)
    for isa in (None, *_engine.instruction_sets()):
        assert np.array_equal(_engine.activation("relu", [], values, isa), np.maximum(values, 0))
    assert np.array_equal(_engine.activation("relu", [], values.T), np.maximum(values.T, 0))
    assert _engine.activation("tanh", [], np.empty((0, 3), np.float32)).shape == (0, 3)


def test_unknown_activations_and_instruction_sets_are_refused() -> None:
    values = np.zeros(3, np.float32)
    with pytest.raises(_engine.EngineError, match=r'^activation: expected an activation by .*, got "sine" with \[\]$'):
        _engine.activation("sine", [], values)
    with pytest.raises(_engine.EngineError, match=r'got "tanh" with \[0.5\]$'):
        _engine.activation("tanh", [0.5], values)
    with pytest.raises(_engine.EngineError, match=r'^isa: expected one of portable.*, got "mmx"$'):
        _engine.activation("tanh", [], values, "mmx")
