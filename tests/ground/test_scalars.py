"""One number is one number, whatever library it comes from, and nothing else is."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
import torch

import evalengine
from evalengine.arguments import named_values, seed_matrix
from evalengine.errors import InputError
from evalengine.scalars import as_integer, as_number, check_flag, scalar


class Whole:
    def __index__(self) -> int:
        return 2


class LikeJax:
    """An array as JAX has it: NumPy's dtypes, `item` and `__index__`, no subclass of anything."""

    def __init__(self, value: Any) -> None:
        self._array = np.asarray(value)
        self.dtype, self.shape = self._array.dtype, self._array.shape

    def __index__(self) -> int:
        return self._array.__index__()

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray[Any, Any]:
        return np.array(self._array, *arguments, **options)

    def item(self) -> Any:
        return self._array.item()


class Count(IntEnum):
    TWO = 2


INTEGERS = [2, np.int8(2), np.uint64(2), np.array(2), torch.tensor(2), torch.tensor(2, dtype=torch.int8), LikeJax(2)]
SHAPED = [np.array([2]), torch.tensor([2]), np.array([[2]]), torch.tensor([[2]]), LikeJax([2])]
TRUTHS = [True, np.True_, np.array(True), torch.tensor(True), np.array([True]), torch.tensor([True]), LikeJax(True)]
NO_INTEGERS = [2.0, np.float32(2), np.array(2.0), torch.tensor(2.0), LikeJax(2.0), "2", None, Decimal(2), [2], 2j]


@pytest.mark.parametrize("value", [*INTEGERS, Whole(), Count.TWO])
def test_integers(value: Any) -> None:
    assert as_integer(value) == 2
    assert type(as_integer(value)) is int
    assert type(as_number(value)) is float


@pytest.mark.parametrize("value", [*SHAPED, *TRUTHS, *NO_INTEGERS])
def test_what_is_no_integer(value: Any) -> None:
    assert as_integer(value) is None


@pytest.mark.parametrize("value", [0.5, np.float16(0.5), np.longdouble(0.5), np.array(0.5), torch.tensor(0.5)])
def test_numbers(value: Any) -> None:
    assert as_number(value) == 0.5
    assert type(as_number(value)) is float


@pytest.mark.parametrize(
    "value", [*SHAPED, *TRUTHS, "2", None, Decimal(2), 2j, 10**400, torch.empty((), device="meta")]
)
def test_what_is_no_number(value: Any) -> None:
    assert as_number(value) is None


@pytest.mark.parametrize("value", [np.True_, np.array(True), torch.tensor(True)])
def test_a_truth_value_stays_one(value: Any) -> None:
    assert scalar(value) is True


def test_a_flag_is_true_or_false() -> None:
    assert check_flag("bias", False) is False
    with pytest.raises(InputError, match=r"^bias: expected True or False, got 1$"):
        check_flag("bias", 1)


POLICY = evalengine.Policy("mlp:4-2")
ARGUMENTS = ["episodes", "seeds", "threads", "max_episode_steps"]


def evaluated(options: dict[str, Any]) -> evalengine.Evaluation:
    return evalengine.evaluate("cartpole", POLICY.init(1, 0), POLICY, **options)


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("value", INTEGERS)
def test_every_integer_argument_takes_every_integer(argument: str, value: Any) -> None:
    found, expected = evaluated({argument: value}), evaluated({argument: 2})
    assert found.returns.tolist() == expected.returns.tolist()
    assert found.seeds.tolist() == expected.seeds.tolist()


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("value", [*TRUTHS, 2.0, torch.tensor(2.0), np.array(2.0)])
def test_no_integer_argument_takes_anything_else(argument: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"^{argument}: expected (an integer|integers) from"):
        evaluated({argument: value})


@pytest.mark.parametrize("seeds", [np.array([5]), torch.tensor([5]), LikeJax([5]), [5], [torch.tensor(5)]])
def test_an_array_of_one_seed_is_one_seed_and_not_the_first_of_many(seeds: Any) -> None:
    assert seed_matrix(seeds, None, population=2).tolist() == [[5]]
    with pytest.raises(InputError, match=r"^seeds: expected shape \(3,\) or \(2, 3\), got \(1,\)$"):
        seed_matrix(seeds, 3, population=2)


@pytest.mark.parametrize("seeds", [np.array(5), torch.tensor(5), LikeJax(5), np.uint8(5), 5])
def test_one_seed_without_a_shape_is_the_first_of_many(seeds: Any) -> None:
    assert seed_matrix(seeds, 3, population=2).tolist() == [[5, 6, 7]]


@pytest.mark.parametrize("seeds", [[True], [torch.tensor(True)], [np.True_], torch.tensor([True, False])])
def test_truth_values_are_no_seeds(seeds: Any) -> None:
    with pytest.raises(InputError, match=r"^seeds: expected integers from 0 to 2\*\*64 - 1, got "):
        seed_matrix(seeds, None, population=2)


def test_values_by_name_are_pythons_own() -> None:
    given: dict[str, Any] = {"a": np.float32(0.5), "b": torch.tensor(3), "c": np.True_}
    found = named_values("env_kwargs", given)
    assert found == {"a": 0.5, "b": 3, "c": True}
    assert [type(value) for value in found.values()] == [float, int, bool]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"g": np.array([1.0])}, "env_kwargs: g: expected a bool, an int or a number, got array([1.])"),
        ({"g": 2**63}, "env_kwargs: g: expected a bool, an int or a number, got 9223372036854775808"),
        ({5: 1}, "env_kwargs: expected names to be strings, got 5"),
        ({"\ud800": 1}, r"env_kwargs: expected names to be short and printable, got '\ud800'"),
        (np.zeros(3), "env_kwargs: expected a mapping of names to numbers, got array([0., 0., 0.])"),
    ],
)
def test_values_by_name_that_are_none(values: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        named_values("env_kwargs", values)
    assert str(refused.value) == message
