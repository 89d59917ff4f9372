"""What a caller may pass by mistake or malice, for `test_hostile_arguments`: nearly no argument can be any of it."""

from __future__ import annotations

import threading
from collections import UserDict, UserList
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np
import torch

Values = dict[str, Any]


def _raise(*_: object) -> NoReturn:
    raise RuntimeError("hostile\nin two lines")


def _raising(*methods: str, base: type = object) -> Any:
    """Return an instance of a class whose methods of these names raise."""
    return type("Hostile\x1b[2J", (base,), dict.fromkeys(methods, _raise))()


def _recursive() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def _objects() -> Values:
    conversions = ("__index__", "__int__", "__float__", "__bool__", "__len__", "__array__", "__iter__", "__fspath__")
    return {
        "none": None,
        "a plain object": object(),
        "repr raises": _raising("__repr__", "__str__"),
        "repr is no text": type("Odd", (), {"__repr__": lambda _: 5})(),
        "repr breaks lines": type("Broken", (), {"__repr__": lambda _: "a\nb\x1b[2J\u202e" * 1000})(),
        **{f"{method} raises": _raising(method) for method in conversions},
        "everything raises": _raising("__repr__", "__eq__", "__hash__", *conversions),
        "a dict that raises": _raising("keys", "items", "__getitem__", "__iter__", base=UserDict),
        "a list that raises": _raising("__iter__", "__len__", "__getitem__", base=UserList),
        "a class": int,
        "a function": print,
        "an exception": ValueError("a\nb"),
        "a lock": threading.Lock(),
        "a generator": iter(()),
    }


def _numbers() -> Values:
    return {
        "a huge int": 10**400,
        "an int that is not printed": 10**5000,
        "minus one": -1,
        "nan": float("nan"),
        "infinity": float("inf"),
        "a tiny float": 5e-324,
        "a large float": 1e300,
        "true": True,
        "numpy's true": np.True_,
        "complex": 1j,
        "decimal": Decimal("0.5"),
        "fraction": Fraction(1, 2),
        "a date": datetime(2026, 1, 2, tzinfo=UTC),
        "a date of numpy's": np.datetime64("2026-01-02"),
        "a duration of numpy's": np.timedelta64(5, "s"),
        "a long double": np.longdouble("1e4000"),
        "a numpy text": np.str_("a\n"),
    }


def _texts() -> Values:
    return {
        "an empty text": "",
        "a lone surrogate": "cartpole\ud800",
        "a byte of a file's name": "caf\udce9.npy",
        "a line break": "cartpole\n",
        "an escape sequence": "\x1b[2Jcartpole",
        "turned writing": "\u202ecartpole",
        "a nul": "weights\0.npy",
        "a long text": "mlp:" + "x" * 10**6,
        "bytes": b"cartpole\xff",
    }


def _collections() -> Values:
    return {
        "an empty list": [],
        "a nested list": [[]],
        "a recursive list": _recursive(),
        "a long list": [1.5] * 10**5,
        "a ragged list": [[1.0], [1.0, 2.0]],
        "a list of None": [None],
        "a list of truths": [True],
        "a list of texts": ["\x1b\n"],
        "a list of surrogates": ["\ud800"],
        "a set": {1.5},
        "a dict of numbers": {0: 1.5, 1: 2.5},
        "a dict of a surrogate": {"\ud800": 1},
        "a dict of a long name": {"x" * 10**6: 1},
        "a dict of arrays": {"g": np.array([1.0]), "skip": np.array([2, 3]), "low": np.array([1.0])},
        "a dict of hostile values": {"g": _raising("__repr__", "__index__", "__float__")},
        "a dict of huge ints": {"g": 10**400, "skip": 10**400, "low": 10**400},
        "a range": range(10**9, 10**9 + 2),
    }


def _arrays() -> Values:
    return {
        "an array of truths": np.array([True, False]),
        "a truth in an array": np.array(True),
        "an array without a shape": np.array(2.5),
        "an empty array": np.zeros((0, 3)),
        "one integer in an array": np.array([1, 2, 3]),
        "an array of objects": np.array([object(), None], dtype=object),
        "an array of texts": np.array(["a\n", "b"]),
        "a structured array": np.zeros(2, dtype=[("a\n", "f4")]),
        "an array of dates": np.array(["2026-01-02"], dtype="datetime64[D]"),
        "an array of complex": np.zeros(3, complex),
        "a deep array": np.zeros((1,) * 20),
        "a masked array": np.ma.masked_array(np.zeros(3), mask=[False, True, False]),
        "a tensor of one truth": torch.tensor([True]),
        "a truth in a tensor": torch.tensor(True),
        "a tensor with a gradient": torch.zeros(3, requires_grad=True),
        "a tensor on no device": torch.zeros(3, device="meta"),
        "a number on no device": torch.zeros((), device="meta", dtype=torch.int64),
        "a sparse tensor": torch.zeros((2, 3)).to_sparse(),
        "a tensor of bfloat16": torch.zeros(3, dtype=torch.bfloat16),
        "a tensor of complex": torch.zeros(3, dtype=torch.complex64),
        "a tensor of one integer": torch.tensor([5]),
        "a list of tensors": [torch.zeros(3), torch.zeros((), dtype=torch.bool)],
    }


def hostile_values() -> Values:
    """Return new values by what they are; some of them can be used up."""
    return {**_objects(), **_numbers(), **_texts(), **_collections(), **_arrays()}
