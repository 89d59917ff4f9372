"""What two machines must have in common to give the same bits: the build, the machine type, and whose sin and pow.

    >>> differences(requirements(), requirements())                                     # of the same machine
    ''

Cores, instructions, Python and NumPy may differ: no result depends on them. Nodes of a cluster, workers of an executor
and the processes that write one CSV are compared by this, and by nothing else. Depends on provenance.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache

import numpy as np

from evalengine import _engine
from evalengine.evaluation.provenance import UNKNOWN, build_name

# What another version of evalengine answers may be anything.
_LONGEST = 120
_ARGUMENTS = 5_000


def requirements() -> dict[str, str]:
    """Return what must be equal, by name: "build", "machine" and "libm"; each is one line."""
    return {"build": build_name(), "machine": platform.machine() or UNKNOWN, "libm": _libm()}


def differences(here: Mapping[str, str], there: object) -> str:
    """Return "expected A, as here, got B" about what differs and nothing else, on one line; "" where nothing does.

    Args:
        here: as `requirements` returns it.
        there: the same of another machine; another version of evalengine may say anything.
    """
    if not isinstance(there, Mapping):
        return f"expected build {here['build']}, as here, got {_one_line(there)}"
    names = [name for name in dict.fromkeys([*here, *there]) if here.get(name) != there.get(name)]
    if not names:
        return ""
    expected, got = (", ".join(f"{name} {_one_line(side.get(name))}" for name in names) for side in (here, there))
    return f"expected {expected}, as here, got {got}"


def _libm() -> str:
    """The C library's name and version, and a hash of its bits.

    A library has several versions of a function and takes the one that suits the processor (glibc: with fused
    multiply-adds and without), so its own version does not say which bits it gives. All functions are chosen alike.
    """
    library = " ".join(part for part in platform.libc_ver() if part) or UNKNOWN
    return f"{library} (bits {_bits_of_libm()})"


@cache
def _bits_of_libm() -> str:
    # The division and the products are exact to half an ulp everywhere: the arguments are the same on all machines.
    steps = np.arange(-_ARGUMENTS, _ARGUMENTS) / 7.0
    arguments = np.concatenate([steps / 1000.0, steps / 10.0])
    values = [_engine.libm(name, arguments, False) for name in ("sin", "cos", "pow_two")]
    return hashlib.sha256(np.concatenate(values).astype("<f8").tobytes()).hexdigest()[:16]


def _one_line(value: object) -> str:
    text = "nothing" if value is None else " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
