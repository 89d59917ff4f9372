"""Keyword arguments of an environment with a value for each individual, for each episode, or for both.

    {"gravity": [-10, -8, -6]} ──► parted ──► of everybody, and arrays ──► raw_variation ──► the extension

The shape says what values are for: (P,) individuals, (E,) episodes, (P, E) each episode of each individual. (P, 1) and
(1, E) say it where P and E are the same. The extension plays them, and refuses those that change what is observed or
done. Depends on arguments, messages and errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from evalengine.arguments import named_values, plain_array
from evalengine.errors import InputError
from evalengine.messages import shown

Arrays: TypeAlias = dict[str, NDArray[Any]]
RawVaried: TypeAlias = tuple[str, list[bool | int | float], int, int]
"""As the extension takes it: name, values row by row, individuals (or 1), episodes (or 1)."""


def parted(env_kwargs: Any) -> tuple[dict[str, bool | int | float], Arrays]:
    """Return keyword arguments that are the same for all, and those that are lists or arrays, as arrays of their own.

    Raises:
        InputError: values of another type, or none.
    """
    if not isinstance(env_kwargs, Mapping):
        return named_values("env_kwargs", env_kwargs), {}
    try:
        given = dict(env_kwargs)
    except Exception:  # a mapping of the caller's own: said by who checks mappings
        return named_values("env_kwargs", env_kwargs), {}
    lists = {name: value for name, value in given.items() if isinstance(name, str) and _has_several(value)}
    arrays = {name: _checked_array(name, value) for name, value in lists.items()}
    return named_values("env_kwargs", {name: value for name, value in given.items() if name not in lists}), arrays


def first_values(kwargs: Mapping[str, bool | int | float], arrays: Arrays) -> dict[str, bool | int | float]:
    """Return the keyword arguments of some episode: what is observed and done is the same in all."""
    return {**kwargs, **{name: array.flat[0].item() for name, array in arrays.items()}}


def raw_variation(arrays: Arrays, place: tuple[int, int], individuals: int, episodes: int) -> list[RawVaried]:
    """Return arrays as the extension takes them.

    Args:
        arrays: what `parted` gave.
        place: the number of the first individual of the call, and the individuals P of all shares together, which the
            arrays are for.
        individuals: how many the call has.
        episodes: E.

    Raises:
        InputError: a shape that is none of (P,), (E,), (P, E), (P, 1) and (1, E), or that may be two of them.
    """
    first, population = place
    raw = []
    for name, array in arrays.items():
        table = _shaped(name, array, population, episodes)
        rows = table if len(table) == 1 or individuals == 0 else table[first : first + individuals]
        raw.append((name, rows.ravel().tolist(), *rows.shape))
    return raw


def _has_several(value: object) -> bool:
    return isinstance(value, list | tuple) or (getattr(value, "ndim", 0) or 0) > 0


def _checked_array(name: str, value: Any) -> NDArray[Any]:
    array = plain_array(f"env_kwargs: {name}", value)
    if array.dtype.kind not in "biuf" or array.ndim > 2 or array.size == 0:
        raise InputError(
            f"env_kwargs: {name}: expected one value, or values of shape (individuals,), (episodes,) or "
            f"(individuals, episodes), got {shown(value)}"
        )
    return array.copy()


def _shaped(name: str, array: NDArray[Any], population: int, episodes: int) -> NDArray[Any]:
    """Return (P or 1, E or 1)."""
    if array.ndim == 1 and population == episodes == len(array) > 1:
        raise InputError(
            f"env_kwargs: {name}: expected values of shape ({population}, 1), one for each individual, or "
            f"(1, {episodes}), one for each episode, since they are as many, got {array.shape}"
        )
    if array.shape == (population,):
        return array.reshape(-1, 1)
    if array.shape == (episodes,):
        return array.reshape(1, -1)
    if array.ndim == 2 and array.shape[0] in (1, population) and array.shape[1] in (1, episodes):
        return array
    raise InputError(
        f"env_kwargs: {name}: expected values of shape ({population},), one for each individual, ({episodes},), one "
        f"for each episode, or ({population}, {episodes}), got {array.shape}"
    )
