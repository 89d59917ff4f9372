"""Weights and seeds: every form that is taken, without a needless copy, and every form that is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from evalengine.arguments import check_integer, population_matrix, seed_matrix, weight_vector
from evalengine.errors import InputError, NonFiniteError
from evalengine.policies.individuals import check_finite

D = 3
ROWS = [[0.5, -1.0, 2.0], [0.25, 4.0, -8.0]]


def matrix_of(weights: Any, *, allow_vector: bool = True) -> np.ndarray[Any, np.dtype[np.float32]]:
    return population_matrix(weights, "mlp:2-1", D, allow_vector=allow_vector)


def test_contiguous_float32_is_not_copied() -> None:
    weights = np.array(ROWS, dtype=np.float32)
    assert np.shares_memory(matrix_of(weights), weights)
    assert np.shares_memory(matrix_of(weights[0]), weights)
    weights.flags.writeable = False
    assert np.shares_memory(matrix_of(weights), weights)
    tensor = torch.tensor(ROWS, requires_grad=True)
    assert np.shares_memory(matrix_of(tensor), tensor.detach().numpy())


@pytest.mark.parametrize(
    "weights",
    [
        np.array(ROWS),
        np.array(ROWS, dtype=np.float16),
        np.array(ROWS, dtype=">f4"),
        np.array(ROWS, dtype=np.float32, order="F"),
        np.array([*ROWS, *ROWS], dtype=np.float32)[:2],
        np.repeat(np.array(ROWS, dtype=np.float32), 2, axis=1)[:, ::2],
        ROWS,
        tuple(tuple(row) for row in ROWS),
        [np.array(row) for row in ROWS],
        [np.array(ROWS[0], dtype=np.float32), ROWS[1]],
        torch.tensor(ROWS, dtype=torch.float64),
        [torch.nn.Parameter(torch.tensor(row)) for row in ROWS],
    ],
)
def test_every_form_of_a_population_becomes_the_same_matrix(weights: Any) -> None:
    matrix = matrix_of(weights)
    assert matrix.dtype == np.float32
    assert matrix.dtype.isnative
    assert matrix.flags.c_contiguous
    assert matrix.tolist() == ROWS


@pytest.mark.parametrize("vector", [ROWS[0], np.array(ROWS[0]), torch.tensor(ROWS[0]), tuple(ROWS[0])])
def test_one_vector_is_a_population_of_one_where_that_is_meant(vector: Any) -> None:
    assert matrix_of(vector).tolist() == ROWS[:1]
    assert weight_vector(vector, "mlp:2-1", D).tolist() == ROWS[0]
    with pytest.raises(InputError) as refused:
        matrix_of(vector, allow_vector=False)
    assert str(refused.value) == "weights: expected shape (P, 3) for mlp:2-1, got (3,)"


@pytest.mark.parametrize("weights", [[], (), np.empty((0, D)), np.empty((0, D), dtype=np.float32)])
def test_a_population_of_none(weights: Any) -> None:
    assert matrix_of(weights).shape == (0, D)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros((2, 4)), "weights: expected shape (P, 3) for mlp:2-1, got (2, 4)"),
        (np.zeros((D, 2)), "weights: expected shape (P, 3) for mlp:2-1, got (3, 2)"),
        (np.zeros((1, 2, D)), "weights: expected shape (P, 3) for mlp:2-1, got (1, 2, 3)"),
        (np.zeros(4), "weights: expected shape (P, 3) for mlp:2-1, got (4,)"),
        (np.zeros(0), "weights: expected shape (P, 3) for mlp:2-1, got (0,)"),
        (1.5, "weights: expected shape (P, 3) for mlp:2-1, got ()"),
        ([1.0, 2.0], "weights: expected shape (P, 3) for mlp:2-1, got (2,)"),
        ([ROWS[0], ROWS[1][:2]], "weights[1]: expected a vector of shape (3,) for mlp:2-1, got (2,)"),
        ([ROWS[0], ROWS], "weights[1]: expected a vector of shape (3,) for mlp:2-1, got (2, 3)"),
        ([ROWS[0], [[1.0], [2.0, 3.0]]], "weights[1]: expected an array of numbers: "),
        (
            np.zeros((2, D), dtype=np.int64),
            "weights: expected float32 (float64 and float16 are cast), got int64: if they are meant, cast them with "
            ".astype(np.float32) or .float()",
        ),
        (np.zeros((2, D), dtype=bool), "weights: expected float32 (float64 and float16 are cast), got bool"),
        (np.zeros((2, D), dtype=complex), "weights: expected float32 (float64 and float16 are cast), got complex128"),
        (np.zeros((2, D), dtype=object), "weights: expected float32 (float64 and float16 are cast), got object"),
        (None, "weights: expected float32 (float64 and float16 are cast), got NoneType"),
        (
            iter(ROWS),
            "weights: expected float32 (float64 and float16 are cast), got list_iterator: write list(weights)",
        ),
        ("weights.npy", "weights: expected float32 (float64 and float16 are cast), got 'weights.npy': load_weights"),
        ([[0, 1, 2]], "weights[0]: expected float32 (float64 and float16 are cast), got int64"),
        (
            torch.zeros((2, D), device="meta"),
            "weights: expected numbers, got a tensor on the meta device, which has none",
        ),
        (torch.zeros((2, D)).to_sparse(), "weights: expected a dense tensor, got a sparse one"),
        (
            np.ma.masked_array(np.zeros((2, D)), mask=np.eye(2, D, dtype=bool)),
            "weights: expected an array without masked numbers, got 2 of them",
        ),
    ],
)
def test_weights_that_are_none_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        matrix_of(weights)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")
def test_a_dtype_that_neither_numpy_nor_float32_holds_is_refused() -> None:
    with pytest.raises(InputError, match=r"^weights: expected a dtype that numpy has, got torch\.complex32$"):
        matrix_of(torch.zeros((2, D), dtype=torch.complex32))


def test_an_array_whose_mask_hides_nothing_is_an_array() -> None:
    assert matrix_of(np.ma.masked_array(np.ones((2, D)))).tolist() == [[1.0] * D] * 2


def test_a_population_is_no_vector() -> None:
    with pytest.raises(InputError) as refused:
        weight_vector(ROWS, "mlp:2-1", D)
    assert str(refused.value) == "weights: expected one vector of shape (3,) for mlp:2-1, got (2, 3)"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_non_finite_weight_is_named(value: float) -> None:
    weights = np.zeros((5, D), dtype=np.float32)
    weights[3, 1] = weights[3, 2] = weights[4, 0] = value
    with pytest.raises(NonFiniteError) as refused:
        check_finite(weights)
    assert str(refused.value) == f"weights: expected finite numbers, got {value} in individual 3 at position 1"
    assert (refused.value.individual, refused.value.episode) == (3, None)


def test_finiteness_is_checked_in_every_piece() -> None:
    # More than a piece of 2**20 numbers, and rows that do not divide it.
    weights = np.zeros((3000, 1000), dtype=np.float32)
    check_finite(weights)
    weights[2999, 999] = np.nan
    with pytest.raises(NonFiniteError, match="individual 2999 at position 999"):
        check_finite(weights)
    check_finite(weights[:0])


def test_float64_that_overflows_float32_is_not_finite() -> None:
    with pytest.raises(NonFiniteError, match="got inf in individual 0 at position 2"):
        check_finite(matrix_of([[0.0, 1.0, 1e300]]))


@pytest.mark.parametrize(
    ("seeds", "episodes", "expected"),
    [
        (None, None, [[0]]),
        (None, 3, [[0, 1, 2]]),
        (7, 3, [[7, 8, 9]]),
        (np.int32(7), np.int64(2), [[7, 8]]),
        (np.array(7), 1, [[7]]),
        (2**64 - 2, 2, [[2**64 - 2, 2**64 - 1]]),
        ([5, 3, 5], None, [[5, 3, 5]]),
        ((5, 3), 2, [[5, 3]]),
        ([2**64 - 1, 1], None, [[2**64 - 1, 1]]),
        ([np.uint64(2**63), np.int8(1)], None, [[2**63, 1]]),
        (np.array([5, 3], dtype=np.int8), None, [[5, 3]]),
        (np.array([5, 3], dtype=">u2"), None, [[5, 3]]),
        (range(4, 6), None, [[4, 5]]),
        ([[1, 2, 3], [4, 5, 6]], None, [[1, 2, 3], [4, 5, 6]]),
        (np.arange(6).reshape(3, 2).T, 3, [[0, 2, 4], [1, 3, 5]]),
        (torch.tensor([1, 2]), None, [[1, 2]]),
    ],
)
def test_every_form_of_seeds(seeds: Any, episodes: Any, expected: list[list[int]]) -> None:
    matrix = seed_matrix(seeds, episodes, population=2)
    assert matrix.dtype == np.uint64
    assert matrix.dtype.isnative
    assert matrix.flags.c_contiguous
    assert matrix.tolist() == expected


RANGE = "seeds: expected integers from 0 to 2**64 - 1"


@pytest.mark.parametrize(
    ("seeds", "episodes", "message"),
    [
        (-1, 1, f"{RANGE}, got -1 to -1"),
        (2**64 - 1, 2, f"{RANGE}, got 18446744073709551615 to 18446744073709551616"),
        ([4, -1], None, f"{RANGE}, got -1 at position (1)"),
        ([2**64], None, f"{RANGE}, got 18446744073709551616 at position (0)"),
        (np.array([[1, 2], [3, -4]]), None, f"{RANGE}, got -4 at position (1, 1)"),
        ([1, 2.0], None, f"{RANGE}, got 2.0 at position (1)"),
        ([1, True], None, f"{RANGE}, got True at position (1)"),
        (["1"], None, f"{RANGE}, got '1' at position (0)"),
        (True, 1, f"{RANGE}, got True"),
        (1.5, 1, f"{RANGE}, got 1.5"),
        ("12", 1, f"{RANGE}, got '12'"),
        (np.array([1.0, 2.0]), None, f"{RANGE}, got float64"),
        (np.array([True, False]), None, f"{RANGE}, got bool"),
        ([[1, 2], [3]], None, f"{RANGE}, got [1, 2] at position (0)"),
        ([1, 2], 3, "seeds: expected shape (3,) or (2, 3), got (2,)"),
        ([], None, "seeds: expected shape (E,) or (2, E) with E > 0, got (0,)"),
        (
            np.zeros((3, 4), int),
            None,
            "seeds: expected shape (E,) or (2, E) with E > 0, got (3, 4)",
        ),
        (np.zeros((1, 4), int), 4, "seeds: expected shape (4,) or (2, 4), got (1, 4)"),
        (
            np.zeros((1, 2, 4), int),
            4,
            "seeds: expected shape (4,) or (2, 4), got (1, 2, 4)",
        ),
        (None, 0, "episodes: expected an integer from 1 to 1073741824, got 0"),
        (None, -3, "episodes: expected an integer from 1 to 1073741824, got -3"),
        (None, 1.0, "episodes: expected an integer from 1 to 1073741824, got 1.0"),
        ([1], True, "episodes: expected an integer from 1 to 1073741824, got True"),
        (None, 2**30, "episodes: expected at most 1073741824 in one call, got 2 individuals x 1073741824"),
    ],
)
def test_seeds_and_episodes_that_are_none_are_refused(seeds: Any, episodes: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        seed_matrix(seeds, episodes, population=2)
    assert str(refused.value) == message


def test_seeds_of_an_empty_population() -> None:
    assert seed_matrix(np.zeros((0, 4), int), 4, population=0).shape == (0, 4)
    assert seed_matrix(None, 4, population=0).shape == (1, 4)


@pytest.mark.parametrize("value", [0, 4, 1.0, "1", None, True, np.bool_(True), [1]])
def test_integers_are_checked(value: Any) -> None:
    with pytest.raises(InputError) as refused:
        check_integer("threads", value, least=1, most=3)
    assert str(refused.value) == f"threads: expected an integer from 1 to 3, got {value!r}"


def test_integers_of_every_type_are_taken() -> None:
    values = [check_integer("threads", value, least=1, most=3) for value in (2, np.uint8(2), np.array(2))]
    assert values == [2, 2, 2]
    assert {type(value) for value in values} == {int}
