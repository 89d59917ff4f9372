"""The section that compares the engine's and NumPy's functions with the platform's libm."""

from __future__ import annotations

import numpy as np
import pytest

from evalengine import _engine
from evalengine.parity import libm
from evalengine.parity.report import Verdict


def test_the_engine_and_numpy_agree_with_libm_here() -> None:
    section = libm.section(0)
    assert (section.verdict, section.mismatches) == (Verdict.HOLDS, 0)
    assert section.steps > 100_000


def test_the_report_says_how_each_function_is_computed() -> None:
    notes = libm.section(0).notes
    for name in libm.NUMPY:
        how = "in lanes" if name in _engine.libm_in_lanes() else "by calls"
        assert any(note.startswith(f"{name}: {how}") for note in notes)


@pytest.mark.parametrize("name", ["sin", "cos", "pow_two", "exp", "tanh"])
def test_one_ulp_in_one_value_breaks_the_claim(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = libm.NUMPY[name]

    def one_ulp_off(arguments: libm.Floats) -> libm.Floats:
        values = np.array(exact(arguments))
        values[7] = np.nextafter(values[7], 9.0)
        return values

    monkeypatch.setitem(libm.NUMPY, name, one_ulp_off)
    section = libm.section(0)
    assert (section.verdict, section.mismatches) == (Verdict.BROKEN, 1)
    assert any(note.startswith(f"{name}(") and ("NumPy has" in note or "Python has" in note) for note in section.notes)


def test_squares_of_scalars_are_not_products() -> None:
    arguments = np.random.default_rng(0).uniform(0.5, 2.0, 20_000)
    assert (_engine.libm("pow_two", arguments, False) != arguments * arguments).any()


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(_engine.EngineError, match=r"^function: expected sin, cos, exp, tanh or pow_two, got \"tan\"$"):
        _engine.libm("tan", np.zeros(1), True)
