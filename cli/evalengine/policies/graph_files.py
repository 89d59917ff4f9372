"""Graphs as the arrays of a .npz file, and back.

The arrays are those of `Graphs`, under the same names behind "graph_"; activations and aggregations are places in two
arrays of names that the file has beside them, so that it says itself what they are. Depends on graphs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.messages import named, shown
from evalengine.policies.graphs import ACTIVATIONS, AGGREGATIONS, DTYPES, Graphs

_PREFIX = "graph_"
GRAPH_MARK = "graph_node_counts"
"""A file with an array of this name holds graphs."""

_NAMES = {"activations": ACTIVATIONS, "aggregations": AGGREGATIONS}


def graph_arrays(graphs: Graphs) -> dict[str, NDArray[Any]]:
    """Return what a file of graphs holds."""
    arrays: dict[str, NDArray[Any]] = {f"{_PREFIX}{name}": getattr(graphs, name) for name in DTYPES}
    return arrays | {f"{_PREFIX}{what}_names": np.array(names) for what, names in _NAMES.items()}


def read_graphs(arrays: Mapping[str, NDArray[Any]], name: str) -> Graphs:
    """Return the graphs of a file.

    Raises:
        InputError: an array is missing, or is no such array; the message calls the file `name`.
    """
    for needed in (*DTYPES, *(f"{what}_names" for what in _NAMES)):
        if f"{_PREFIX}{needed}" not in arrays:
            raise InputError(f"{name}: expected an array {_PREFIX}{needed}, got none")
    own = {
        part: _converted(arrays[f"{_PREFIX}{part}"], dtype, f"{name}: {_PREFIX}{part}")
        for part, dtype in DTYPES.items()
    }
    for what, known in _NAMES.items():
        names = arrays[f"{_PREFIX}{what}_names"]
        if names.dtype.kind != "U" or names.ndim != 1:
            raise InputError(f"{name}: {_PREFIX}{what}_names: expected names, got {named(names.dtype)}")
        own[what] = _renumbered(own[what], names.tolist(), known, f"{name}: {_PREFIX}{what}")
    try:
        return Graphs(**own)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _converted(array: NDArray[Any], dtype: Any, name: str) -> NDArray[Any]:
    """Return an array in the byte order and type that the engine takes, if no number changes."""
    with np.errstate(all="ignore"):
        converted = array.astype(dtype)
    is_number = array.dtype.kind in ("b" if dtype is np.bool_ else "iu" if dtype is not np.float64 else "f")
    if not is_number or not np.array_equal(converted, array, equal_nan=dtype is np.float64):
        raise InputError(f"{name}: expected {np.dtype(dtype)}, got {named(array.dtype)}")
    return converted


def _renumbered(numbers: NDArray[Any], names: Sequence[str], known: Sequence[str], name: str) -> NDArray[np.uint8]:
    """Return places among the names that this version knows, for places among those of the file."""
    if numbers.size and int(numbers.max()) >= len(names):
        raise InputError(f"{name}: expected places among {len(names)} names, got {int(numbers.max())}")
    for number in np.unique(numbers):
        if names[number] not in known:
            raise InputError(f"{name}: expected names among {', '.join(known)}, got {shown(names[number])}")
    places = [known.index(one) if one in known else 0 for one in names]
    return np.array(places, np.uint8)[numbers] if numbers.size else numbers
