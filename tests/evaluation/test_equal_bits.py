"""What two machines must have in common: the build, the machine type and the math library, and nothing else."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from evalengine import _engine
from evalengine.evaluation import equal_bits
from evalengine.evaluation.equal_bits import differences, requirements

BUILD: dict[str, str] = _engine.build_info()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    equal_bits._bits_of_libm.cache_clear()
    yield
    equal_bits._bits_of_libm.cache_clear()


def changed(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, value: Any) -> str:
    """What `differences` says of this machine and one where something is different."""
    here = requirements()
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, value)
        equal_bits._bits_of_libm.cache_clear()
        there = requirements()
    equal_bits._bits_of_libm.cache_clear()
    assert all("\n" not in text for text in there.values())
    return differences(here, there)


def test_a_machine_is_equal_to_itself() -> None:
    assert differences(requirements(), requirements()) == ""
    assert set(requirements()) == {"build", "machine", "libm"}


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (_engine, "available_threads", lambda: 999),
        (_engine, "libm_in_lanes", list),
        (_engine, "build_info", lambda: BUILD | {"isa": "sse2", "rustc": "1.99.0", "profile": "debug"}),
        (platform, "python_version", lambda: "3.99.9"),
        (platform, "processor", lambda: "other"),
        (platform, "platform", lambda: "other"),
        (np, "__version__", "9.9.9"),
    ],
)
def test_what_changes_no_bit_is_not_compared(
    owner: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert changed(monkeypatch, owner, name, value) == ""


@pytest.mark.parametrize(
    ("owner", "name", "value", "differing"),
    [
        (_engine, "build_info", lambda: BUILD | {"commit": "b" * 40}, "build"),
        (_engine, "build_info", lambda: BUILD | {"version": "9.8.7"}, "build"),
        (_engine, "build_info", lambda: BUILD | {"dirty": "perhaps"}, "build"),
        (platform, "machine", lambda: "riscv128", "machine"),
        (platform, "libc_ver", lambda: ("glibc", "1.0"), "libm"),
        (platform, "libc_ver", lambda: ("musl", "2.36"), "libm"),
    ],
)
def test_what_may_change_bits_is_named_alone(
    owner: Any, name: str, value: Any, differing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = changed(monkeypatch, owner, name, value)
    here = requirements()[differing]
    assert said.startswith(f"expected {differing} {here}, as here, got {differing} ") and "\n" not in said


@pytest.mark.parametrize("function", ["sin", "cos", "pow_two"])
def test_one_bit_of_one_value_is_another_libm(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    libm = _engine.libm

    def one_ulp_off(name: str, arguments: Any, in_lanes: bool) -> Any:
        values = libm(name, arguments, in_lanes)
        if name == function:
            values[77] = np.nextafter(values[77], 9.0)
        return values

    assert changed(monkeypatch, _engine, "libm", one_ulp_off).startswith("expected libm ")


def test_the_lanes_are_not_asked_what_the_platforms_bits_are(monkeypatch: pytest.MonkeyPatch) -> None:
    libm, asked = _engine.libm, []

    def noted(name: str, arguments: Any, in_lanes: bool) -> Any:
        asked.append((name, in_lanes))
        return libm(name, arguments, in_lanes)

    assert changed(monkeypatch, _engine, "libm", noted) == ""
    assert asked == [("sin", False), ("cos", False), ("pow_two", False)]


def test_glibcs_versions_of_a_function_are_told_apart() -> None:
    """Values that a processor without fused multiply-adds would get from the same library."""
    code = (
        "from evalengine import _engine; import numpy as np, sys;"
        "print(_engine.libm('sin', np.arange(-5000, 5000) / 70.0, False).tobytes().hex());"
        "from evalengine.evaluation.equal_bits import requirements; print(requirements()['libm'])"
    )
    found = []
    for tunables in ("", "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA4"):
        environment = os.environ | {"GLIBC_TUNABLES": tunables}
        finished = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        found.append(finished.stdout.splitlines())
    assert (found[0][0] == found[1][0]) == (found[0][1] == found[1][1])


def test_several_differences_are_one_line() -> None:
    here = {"build": "1", "machine": "x86_64", "libm": "a"}
    there = {"build": "2", "machine": "x86_64", "libm": "b"}
    assert differences(here, there) == "expected build 1, libm a, as here, got build 2, libm b"
    assert differences(here, here | {"more": "x"}) == "expected more nothing, as here, got more x"
    assert differences(here, "0.1\nsimd  y") == "expected build 1, as here, got 0.1 simd y"
    assert differences(here, None) == "expected build 1, as here, got nothing"
    assert differences(here, "y" * 500) == f"expected build 1, as here, got {'y' * 120}..."
