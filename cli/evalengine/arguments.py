"""Checking and converting what users pass: weights, seeds, counts. The rest of the package takes the results on trust.

Weights become float32 (copied only where dtype or layout ask for it), seeds unsigned 64-bit integers. Every refusal is
one line that says what was expected and what was got. PyTorch tensors are recognised by their methods, so torch is
never imported. Depends on scalars, messages and errors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine.errors import InputError, NonFiniteError
from evalengine.messages import first_line, kind, named, shown
from evalengine.scalars import as_integer, check_integer, is_one_of, scalar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "MOST_EPISODES",
    "SEED_LIMIT",
    "check_integer",
    "float_array",
    "is_plain",
    "is_population",
    "named_options",
    "named_values",
    "non_finite_weight",
    "options_of",
    "plain_array",
    "population_matrix",
    "seed_matrix",
    "weight_array",
    "weight_vector",
]

OptionsT = TypeVar("OptionsT", bound="DataclassInstance")

SEED_LIMIT = 2**64
# An evaluation returns arrays with one element for each episode; 2**30 of them are 18 GiB in all.
MOST_EPISODES = 2**30
# Aligned too: what comes out of a network message may begin at any byte.
_FOR_THE_ENGINE: tuple[Literal["C", "A"], ...] = ("C", "A")
# Finiteness is checked in pieces, so that no mask as long as the population is ever made.
_PIECE = 1 << 20
_LONGEST_NAME = 100
# Seeds of so many episodes are kept for the calls to come, if they are numbers in a row.
_MOST_KEPT = 4096
_FLOAT32 = np.dtype(np.float32)
_UINT64 = np.dtype(np.uint64)


def is_plain(name: str) -> bool:
    """Say whether a name can be looked up and shown as it is: short, and printable. No environment's is otherwise."""
    return len(name) <= _LONGEST_NAME and name.isprintable()


def named_values(name: str, values: Mapping[str, bool | int | float] | None) -> dict[str, bool | int | float]:
    """Return keyword arguments or reset options as a dict of their own; which there are is the environment's to say.

    Raises:
        InputError: neither a mapping of names to numbers and truth values nor None.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InputError(f"{name}: expected a mapping of names to numbers, got {shown(values)}")
    try:
        given = dict(values)
    except Exception:  # a mapping of the caller's own
        raise InputError(f"{name}: expected a mapping of names to numbers, got {shown(values)}") from None
    return {_checked_name(name, key): _checked_value(name, key, value) for key, value in given.items()}


def named_options(name: str, options: Mapping[Any, Any], known: Sequence[str]) -> dict[str, Any]:
    """Return a mapping of options as a dict of their own, whose values are for the caller to check.

    Raises:
        InputError: it cannot be read, or has an option that is none of `known`.
    """
    try:
        given = dict(options)
    except Exception:  # a mapping of the caller's own
        raise InputError(f"{name}: expected a mapping of {', '.join(known)}, got {shown(options)}") from None
    for option in given:
        if not is_one_of(option, known):
            raise InputError(f"{name}: expected some of {', '.join(known)}, got {shown(option)}")
    return given


def options_of(
    name: str, options: type[OptionsT], value: object, parsed: Callable[[str], Mapping[str, Any]], spec: str
) -> OptionsT | None:
    """Return the options that a mapping or a spec means, or None where all are the defaults.

    Args:
        name: of the argument.
        options: a dataclass, whose fields are the options and which checks their values.
        value: None, one of these, a mapping or a spec.
        parsed: what makes a mapping of a spec.
        spec: "such as ...", for the message.

    Raises:
        InputError: none of these, an unknown option, or a value that it does not take.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = parsed(value)
    if isinstance(value, Mapping):
        value = options(**named_options(name, value, [field.name for field in fields(options)]))
    elif not isinstance(value, options):
        raise InputError(f"{name}: expected a mapping or a spec {spec}, got {shown(value)}")
    return None if value == options() else value


def _checked_name(name: str, key: object) -> str:
    if not isinstance(key, str):
        raise InputError(f"{name}: expected names to be strings, got {shown(key)}")
    if not is_plain(key):
        raise InputError(f"{name}: expected names to be short and printable, got {shown(key)}")
    return str(key)


def _checked_value(name: str, key: str, value: object) -> bool | int | float:
    number = scalar(value)
    if number is None or (isinstance(number, int) and not -(2**63) <= number < 2**63):
        raise InputError(f"{name}: {key}: expected a bool, an int or a number, got {shown(value)}")
    return number


def float_array(name: str, value: Any) -> NDArray[np.float32]:
    """Return `value` as a C-contiguous float32 array of any shape, sharing memory where it already is one.

    Raises:
        InputError: the dtype is not a real floating one; the message calls the value `name`.
    """
    if _is_ready(value, _FLOAT32):
        ready: NDArray[np.float32] = value
        return ready
    array = plain_array(name, value)
    if array.dtype.kind != "f":
        raise InputError(
            f"{name}: expected float32 (float64 and float16 are cast), got {_no_floats(name, value, array)}"
        )
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is refused as such later
        return np.require(array, np.float32, _FOR_THE_ENGINE)


def _no_floats(name: str, value: Any, array: NDArray[Any]) -> str:
    """Say what was got instead of floats, and what to write."""
    if array.dtype.kind in "iub":
        return f"{named(array.dtype)}: if they are meant, cast them with .astype(np.float32) or .float()"
    if isinstance(value, str | os.PathLike):
        return f"{shown(value)}: load_weights reads files"
    if array.shape == () and isinstance(value, Iterable):
        return f"{kind(value)}: write list({name})"
    return named(array.dtype) if array.shape else kind(value)


def action_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as a C-contiguous array of the type in which NumPy reckons with it beside Python's numbers.

    Returns:
        float16, float32 and float64 as they are, integers and booleans as float64, in any shape.

    Raises:
        InputError: another dtype; the message calls the value `name`.
    """
    if _is_ready(value, _FLOAT32):
        ready: NDArray[Any] = value
        return ready
    array = plain_array(name, value)
    if array.dtype.kind in "iub":
        return array.astype(np.float64, "C")
    if array.dtype.kind != "f" or array.dtype.itemsize > np.dtype(np.float64).itemsize:
        raise InputError(f"{name}: expected float16, float32, float64 or integers, got {named(array.dtype)}")
    return np.require(array, array.dtype.newbyteorder("="), _FOR_THE_ENGINE)


def weight_array(weights: ArrayLike, policy: object, n_params: int) -> NDArray[np.float32]:
    """Return weights as a C-contiguous float32 array, (D,) or (P, D), sharing memory where it already is one.

    A list or tuple of vectors is stacked; an empty one is a population of none.

    Args:
        weights: an array, a PyTorch tensor, or a list of vectors of either kind or of floats.
        policy: the policy or its spec, for the messages: spelt only where there is one, in a call of microseconds.
        n_params: D.

    Raises:
        InputError: the shape does not end in D, or the dtype is not a real floating one.
    """
    if isinstance(weights, list | tuple) and not all(np.isscalar(vector) for vector in weights):
        return _stacked(weights, policy, n_params)
    is_empty = isinstance(weights, list | tuple) and not weights
    array = float_array("weights", np.empty((0, n_params)) if is_empty else weights)
    if array.ndim not in (1, 2) or array.shape[-1] != n_params:
        raise _wrong_shape(array.shape, policy, n_params)
    return array


def population_matrix(weights: ArrayLike, policy: object, n_params: int, *, allow_vector: bool) -> NDArray[np.float32]:
    """Return weights as `weight_array` does, always (P, D); `allow_vector` takes (D,) as P = 1."""
    array = weight_array(weights, policy, n_params)
    if array.ndim == 1 and not allow_vector:
        raise _wrong_shape(array.shape, policy, n_params)
    return array if array.ndim == 2 else array[np.newaxis]


def weight_vector(weights: ArrayLike, policy: object, n_params: int) -> NDArray[np.float32]:
    """Return the weights of one individual as `weight_array` does, always (D,)."""
    array = weight_array(weights, policy, n_params)
    if array.ndim != 1:
        raise InputError(f"weights: expected one vector of shape ({n_params},) for {policy}, got {array.shape}")
    return array


def non_finite_weight(weights: NDArray[np.float32]) -> NonFiniteError | None:
    """Return the error that names the first individual of a population (P, D) with a weight that is NaN or infinite.

    Returns:
        With the position of the individual's first such weight; None if all weights are finite.
    """
    rows = max(1, _PIECE // weights.shape[1])
    for start in range(0, len(weights), rows):
        finite = np.isfinite(weights[start : start + rows])
        if not finite.all():
            row, position = np.unravel_index(int(finite.argmin()), finite.shape)
            individual = start + int(row)
            return NonFiniteError(
                f"weights: expected finite numbers, got {weights[individual, position]} in individual {individual} "
                f"at position {int(position)}",
                individual=individual,
            )
    return None


def seed_matrix(seeds: Any, episodes: int | None, population: int) -> NDArray[np.uint64]:
    """Return the seeds of all episodes as (1, E), the same for every individual, or (P, E); always a copy, read-only.

    Args:
        seeds: None for 0..E-1, an integer s for s..s+E-1, or integers of shape (E,) or (P, E).
        episodes: E, or None for as many as `seeds` has, one if it has no shape.
        population: P.

    Raises:
        InputError: `episodes` is below 1 or not what `seeds` has, or a seed is no integer from 0 to 2**64 - 1.
    """
    if episodes is not None:
        episodes = check_integer("episodes", episodes, least=1, most=MOST_EPISODES)
    array = seeds if _is_ready(seeds, _UINT64) and seeds.ndim else None
    first = 0 if seeds is None else as_integer(seeds) if array is None else None
    if first is not None:
        count = 1 if episodes is None else episodes
        _check_total(count, population)
        if not 0 <= first <= SEED_LIMIT - count:
            got = f"{shown(first)} to {shown(first + count - 1)}"
            raise InputError(f"seeds: expected integers from 0 to 2**64 - 1, got {got}")
        # A view, since its shape might be set.
        return _numbered(first, count)[:] if count <= _MOST_KEPT else _counted(first, count)
    if array is None:
        array = _seed_array(seeds)
    fits_population = array.ndim == 1 or (array.ndim == 2 and array.shape[0] == population)
    if not fits_population or array.shape[-1] == 0 or episodes not in (None, array.shape[-1]):
        length = "E" if episodes is None else str(episodes)
        condition = " with E > 0" if episodes is None else ""
        raise InputError(
            f"seeds: expected shape ({length},) or ({population}, {length}){condition}, got {shown(array.shape)}"
        )
    _check_total(array.shape[-1], population)
    return _read_only(np.array(array if array.ndim == 2 else array[np.newaxis], np.uint64, order="C"))


@lru_cache(maxsize=64)
def _numbered(first: int, count: int) -> NDArray[np.uint64]:
    """Return what `_counted` does, over memory that nobody can make writeable: calls share it."""
    return np.frombuffer(_counted(first, count).tobytes(), np.uint64)[np.newaxis]


def _counted(first: int, count: int) -> NDArray[np.uint64]:
    return _read_only(np.arange(count, dtype=np.uint64)[np.newaxis] + np.uint64(first))


def _read_only(own: NDArray[np.uint64]) -> NDArray[np.uint64]:
    own.setflags(write=False)  # `own.flags.writeable = False` does this, and takes three times as long
    return own


def _is_ready(value: Any, dtype: np.dtype[Any]) -> bool:
    """Whether the engine can use `value` as it is; what `np.require` would find out in as long as playing 50 steps."""
    # A subclass may be masked.
    return type(value) is np.ndarray and value.dtype == dtype and (flags := value.flags).c_contiguous and flags.aligned


def is_population(value: Any, n_params: int) -> bool:
    """Whether the engine can use `value` as the weights (P, D) of a population, as it is."""
    return _is_ready(value, _FLOAT32) and value.ndim == 2 and value.shape[1] == n_params


def _check_total(episodes: int, population: int) -> None:
    if episodes * max(1, population) > MOST_EPISODES:
        raise InputError(
            f"episodes: expected at most {MOST_EPISODES} in one call, got {population} individuals x {episodes}"
        )


def plain_array(name: str, value: Any) -> NDArray[Any]:
    """Return a numpy array of `value`; a PyTorch tensor gives its memory, detached and on the CPU.

    Raises:
        InputError: it has no numbers, or cannot be made an array of; the message calls the value `name`.
    """
    try:
        if hasattr(value, "detach") and hasattr(value, "cpu"):
            return _tensor_array(name, value)
        if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
            masked = int(np.ma.getmaskarray(value).sum())
            raise InputError(f"{name}: expected an array without masked numbers, got {masked} of them")
        return np.asarray(value)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # ragged nested lists; whatever a library's arrays, or other objects, may do
        raise InputError(f"{name}: expected an array of numbers: {first_line(error)}") from None


def _tensor_array(name: str, value: Any) -> NDArray[Any]:
    """Return the memory of a PyTorch tensor; what numpy has no dtype for (bfloat16), as float32, which holds it."""
    if getattr(value, "is_meta", False):
        raise InputError(f"{name}: expected numbers, got a tensor on the meta device, which has none")
    if getattr(value, "is_sparse", False):
        raise InputError(f"{name}: expected a dense tensor, got a sparse one")
    tensor = value.detach().cpu().resolve_neg()
    try:
        return np.asarray(tensor.numpy())
    except TypeError:
        pass
    if not tensor.is_floating_point():
        raise InputError(f"{name}: expected a dtype that numpy has, got {named(tensor.dtype)}")
    return np.asarray(tensor.float().numpy())


def _stacked(vectors: Sequence[Any], policy: object, n_params: int) -> NDArray[np.float32]:
    matrix = np.empty((len(vectors), n_params), dtype=np.float32)
    for individual, value in enumerate(vectors):
        name = f"weights[{individual}]"
        vector = float_array(name, value)
        if vector.shape != (n_params,):
            advice = "; arrays by layer are taken by policy.from_arrays" if vector.ndim > 1 else ""
            raise InputError(
                f"{name}: expected a vector of shape ({n_params},) for {policy}, got {vector.shape}{advice}"
            )
        matrix[individual] = vector
    return matrix


def _wrong_shape(shape: tuple[int, ...], policy: object, n_params: int) -> InputError:
    return InputError(f"weights: expected shape (P, {n_params}) for {policy}, got {shown(shape)}")


def _seed_array(seeds: Any) -> NDArray[Any]:
    """Return integers as an array; lists are checked one by one, since numpy would round large ones to floats."""
    array = plain_array("seeds", seeds) if hasattr(seeds, "dtype") else _object_array(seeds)
    if array.dtype.kind == "u" or array.ndim > 2:  # the shape is refused by who asked
        return array
    if array.dtype.kind not in "iO":
        raise InputError(f"seeds: expected integers from 0 to 2**64 - 1, got {named(array.dtype)}")
    if array.dtype.kind == "i":
        unusable = array < 0
    else:
        integers = [as_integer(seed) for seed in array.flat]
        unusable = np.array([seed is None or not 0 <= seed < SEED_LIMIT for seed in integers], dtype=np.bool_)
        unusable = unusable.reshape(array.shape)
    if unusable.any():
        first = int(unusable.argmax())
        position = ", ".join(str(int(index)) for index in np.unravel_index(first, array.shape))
        where = f" at position ({position})" if array.ndim else ""
        raise InputError(f"seeds: expected integers from 0 to 2**64 - 1, got {shown(array.item(first))}{where}")
    return array if array.dtype.kind == "i" else np.array(integers, np.uint64).reshape(array.shape)


def _object_array(seeds: Any) -> NDArray[np.object_]:
    try:
        return np.array(seeds, dtype=np.object_)
    except Exception as error:  # rows of different lengths; whatever an object may do
        raise InputError(f"seeds: expected integers of shape (E,) or (P, E): {first_line(error)}") from None
