"""Individuals that are graphs: one as arrays, a population as arrays one after the other, both checked when compiled.

    Graph, neat-python's genomes, (id, genome) ──► Graphs.of ──► Graphs ──► raw ──► the extension's programs

A graph has inputs with the keys -1, -2, ..., nodes with the keys 0, 1, ... for outputs and any others above, and
weighted connections between them; `Graph` says what each array is. neat-python itself is not needed. Depends on
the extension.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate
from typing import Any, Protocol, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine import _engine
from evalengine.arguments import plain_array
from evalengine.errors import InputError, NonFiniteError, engine_errors
from evalengine.messages import kind, named, shown
from evalengine.scalars import as_integer

ACTIVATIONS, AGGREGATIONS = (tuple(names) for names in _engine.graph_functions())
"""neat-python's names, in the order of the numbers in `Graphs`."""

_LARGEST_KEY = 2**62


class Genome(Protocol):
    """A genome of neat-python, or anything with its dictionaries: of nodes by key, and of connections by (from, to)."""

    nodes: Any
    connections: Any


@dataclass(frozen=True, eq=False)
class Graph:
    """One individual: N nodes and C connections. Single values stand for as many equal ones.

    Attributes:
        nodes: (N,) integers, the keys of the nodes: 0 to n_outputs - 1 are the outputs, others are any integers above.
        activations: (N,) names: abs, clamped, cube, elu, exp, gauss, hat, identity, inv, lelu, log, relu, selu,
            sigmoid, sin, softplus, square, tanh, with neat-python's formulas (sigmoid is of 5 z, tanh of 2.5 z).
        biases: (N,) float64.
        connections: (C, 2) integers, from and to; inputs are -1, -2, ... A node adds up its inputs in this order.
        weights: (C,) float64.
        aggregations: (N,) names: max, maxabs, mean, median, min, product, sum.
        responses: (N,) float64; a node is activation(bias + response * aggregate).
        enabled: (C,) bool; a connection that is not is as good as not there.
    """

    nodes: ArrayLike
    activations: Sequence[str] | str
    biases: ArrayLike
    connections: ArrayLike
    weights: ArrayLike
    aggregations: Sequence[str] | str = "sum"
    responses: ArrayLike = 1.0
    enabled: ArrayLike = True


@dataclass(frozen=True, eq=False, repr=False)
class Graphs:
    """A population of P graphs as arrays, individual by individual; what `GraphPolicy.save` writes.

    Attributes:
        node_counts: (P,) int64.
        connection_counts: (P,) int64.
        nodes: (N,) int64, the keys of all nodes.
        activations: (N,) uint8, places in `ACTIVATIONS`.
        aggregations: (N,) uint8, places in `AGGREGATIONS`.
        biases: (N,) float64.
        responses: (N,) float64.
        sources: (C,) int64, where all connections come from.
        targets: (C,) int64.
        weights: (C,) float64.
        enabled: (C,) bool.
    """

    node_counts: NDArray[np.int64]
    connection_counts: NDArray[np.int64]
    nodes: NDArray[np.int64]
    activations: NDArray[np.uint8]
    aggregations: NDArray[np.uint8]
    biases: NDArray[np.float64]
    responses: NDArray[np.float64]
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float64]
    enabled: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check dtypes, shapes and that the counts are those of the arrays.

        Raises:
            InputError: one of them is another.
        """
        for name, dtype in DTYPES.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
                got = f"{named(array.dtype)} of shape {array.shape}" if isinstance(array, np.ndarray) else kind(array)
                raise InputError(f"graphs: {name}: expected a {np.dtype(dtype)} array of one dimension, got {got}")
        for counts, own in ((self.node_counts, NODE_ARRAYS), (self.connection_counts, CONNECTION_ARRAYS)):
            if len(counts) != len(self.node_counts) or (counts < 0).any():
                raise InputError("graphs: expected a count of nodes and of connections, from 0, for each individual")
            for name in own:
                if len(getattr(self, name)) != int(counts.sum()):
                    expected = int(counts.sum())
                    raise InputError(f"graphs: {name}: expected {expected} values, got {len(getattr(self, name))}")

    def __repr__(self) -> str:
        """One line: how many graphs, and how large they are."""
        parts = {"nodes": self.node_counts, "connections": self.connection_counts}
        sizes = [f"{counts.min():,} to {counts.max():,} {name}" for name, counts in parts.items() if counts.size]
        individuals = f"{len(self):,} individual{'s' * (len(self) != 1)}"
        return f"Graphs({', '.join([individuals, *sizes])})"

    def __len__(self) -> int:
        """P."""
        return len(self.node_counts)

    def __iter__(self) -> Iterator[Graphs]:
        """Each individual, as a population of one."""
        return (self[index : index + 1] for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Graphs: ...
    @overload
    def __getitem__(self, index: slice) -> Graphs: ...
    def __getitem__(self, index: int | slice) -> Graphs:
        """Some individuals that follow each other, or one of them as a population of one; arrays are shared."""
        if not isinstance(index, slice):
            place = range(len(self))[index]
            index = slice(place, place + 1)
        start, stop, step = index.indices(len(self))
        if step != 1:
            raise InputError(f"graphs: expected individuals that follow each other, got a step of {step}")
        stop = max(start, stop)
        nodes = slice(self._first_nodes[start], self._first_nodes[stop])
        connections = slice(self._first_connections[start], self._first_connections[stop])
        return Graphs(
            self.node_counts[start:stop],
            self.connection_counts[start:stop],
            **{name: getattr(self, name)[nodes] for name in NODE_ARRAYS},
            **{name: getattr(self, name)[connections] for name in CONNECTION_ARRAYS},
        )

    @cached_property
    def _first_nodes(self) -> list[int]:
        return [0, *accumulate(self.node_counts.tolist())]

    @cached_property
    def _first_connections(self) -> list[int]:
        return [0, *accumulate(self.connection_counts.tolist())]

    @property
    def nbytes(self) -> int:
        """Of all arrays together."""
        return sum(int(getattr(self, part.name).nbytes) for part in fields(self))

    @classmethod
    def of(cls, individuals: Any) -> Self:
        """Return a population of what people have: a Graph or a genome, or a list of them, or of (id, genome).

        Raises:
            InputError: one of them is none; the message names it, and its node or connection.
        """
        if isinstance(individuals, cls):
            return individuals
        listed = _listed(individuals)
        if _are_graphs(listed):
            return cls(**_stacked([_checked(index, _without_id(graph)) for index, graph in enumerate(listed)]))
        try:
            with engine_errors():
                graphs = object.__new__(cls)  # of arrays that fit each other, which a generation need not look at again
                graphs.__dict__.update(_engine.read_genomes(listed))
                return graphs
        except InputError:
            # Asked only now: a generation's genomes are looked at once.
            is_graph = isinstance(_without_id(listed[0]), Graph)
            for index, individual in enumerate(map(_without_id, listed)):
                if is_graph and not isinstance(individual, Graph):
                    expected = "expected a Graph, as graphs[0] is"
                    raise InputError(f"graphs[{index}]: {expected}, got {kind(individual)}") from None
                if not is_graph and (isinstance(individual, Graph | Graphs) or not hasattr(individual, "nodes")):
                    expected = "expected genomes, or a Graph each"
                    raise InputError(f"graphs[{index}]: {expected}, got {kind(individual)}") from None
            raise

    def raw(self) -> tuple[NDArray[Any], ...]:
        """Return the arrays as the extension takes them."""
        return (
            self.node_counts,
            self.connection_counts,
            self.nodes,
            self.activations,
            self.aggregations,
            self.biases,
            self.responses,
            self.sources,
            self.targets,
            self.weights,
            self.enabled,
        )

    def non_finite(self) -> NonFiniteError | None:
        """Return the error that names the first number that is NaN or infinite, and where it is; None without one."""
        found = []
        for name in ("biases", "responses"):
            for place in np.flatnonzero(~np.isfinite(getattr(self, name)))[:1]:
                individual = int(np.searchsorted(self._first_nodes, place, "right")) - 1
                word = {"biases": "bias", "responses": "response"}[name]
                got = getattr(self, name)[place]
                found.append((individual, f"node {self.nodes[place]}: expected a finite {word}, got {got}"))
        for place in np.flatnonzero(~np.isfinite(self.weights) & self.enabled)[:1]:
            individual = int(np.searchsorted(self._first_connections, place, "right")) - 1
            ends = f"{self.sources[place]} to {self.targets[place]}"
            found.append((individual, f"connection {ends}: expected a finite weight, got {self.weights[place]}"))
        if not found:
            return None
        individual, message = min(found, key=lambda one: one[0])
        return NonFiniteError(f"graphs: individual {individual}: {message}", individual=individual)


@dataclass(frozen=True, eq=False)
class Unread:
    """A population of genomes that have not been looked at: the extension reads them during the call that plays them.

    Attributes:
        listed: the genomes, or pairs (id, genome).
    """

    listed: list[Any]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.listed)

    def read(self) -> Graphs:
        """Return them as arrays.

        Raises:
            InputError: one of them is none.
        """
        return Graphs.of(self.listed)


def graphs_or_unread(individuals: Any) -> Graphs | Unread:
    """Return what `Graphs.of` does, but genomes as they are.

    Raises:
        InputError: a `Graph` that is none.
    """
    if isinstance(individuals, Graphs):
        return individuals
    listed = _listed(individuals)
    return Graphs.of(listed) if _are_graphs(listed) else Unread(listed)


NODE_ARRAYS = ("nodes", "activations", "aggregations", "biases", "responses")
CONNECTION_ARRAYS = ("sources", "targets", "weights", "enabled")
DTYPES: dict[str, Any] = {
    "node_counts": np.int64,
    "connection_counts": np.int64,
    "nodes": np.int64,
    "activations": np.uint8,
    "aggregations": np.uint8,
    "biases": np.float64,
    "responses": np.float64,
    "sources": np.int64,
    "targets": np.int64,
    "weights": np.float64,
    "enabled": np.bool_,
}


def _listed(individuals: Any) -> list[Any]:
    if isinstance(individuals, Mapping):  # neat-python's population: genomes by their ids
        return list(individuals.values())
    return list(individuals) if isinstance(individuals, list | tuple) else [individuals]


def _are_graphs(listed: list[Any]) -> bool:
    return bool(listed) and all(isinstance(_without_id(individual), Graph) for individual in listed)


def _without_id(individual: Any) -> Any:
    """Return the genome of a pair (id, genome), as neat-python hands them to its `eval_genomes`."""
    is_pair = isinstance(individual, tuple) and len(individual) == 2
    return individual[1] if is_pair and as_integer(individual[0]) is not None else individual


def _checked(index: int, graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of one individual, by the names of `Graphs`."""
    place = f"graphs[{index}]"
    nodes = _integers(f"{place}: nodes", graph.nodes, 1)
    ends = _integers(
        f"{place}: connections", np.empty((0, 2), np.int64) if _is_empty(graph.connections) else graph.connections, 2
    )
    if ends.shape[1] != 2:
        raise InputError(f"{place}: connections: expected shape (C, 2), from and to, got {ends.shape}")
    n_nodes, n_connections = len(nodes), len(ends)
    return {
        "node_counts": np.array([n_nodes], np.int64),
        "connection_counts": np.array([n_connections], np.int64),
        "nodes": nodes,
        "activations": _numbers(place, "an activation", nodes, graph.activations, ACTIVATIONS),
        "aggregations": _numbers(place, "an aggregation", nodes, graph.aggregations, AGGREGATIONS),
        "biases": _floats(f"{place}: biases", graph.biases, n_nodes),
        "responses": _floats(f"{place}: responses", graph.responses, n_nodes),
        "sources": ends[:, 0].copy(),
        "targets": ends[:, 1].copy(),
        "weights": _floats(f"{place}: weights", graph.weights, n_connections),
        "enabled": _flags(f"{place}: enabled", graph.enabled, n_connections),
    }


def _is_empty(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray) and len(value) == 0


def _integers(name: str, value: Any, dimensions: int) -> NDArray[np.int64]:
    array = plain_array(name, value)
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    if (
        array.dtype.kind not in "iu"
        or array.ndim != dimensions
        or (array.size and int(abs(array).max()) > _LARGEST_KEY)
    ):
        raise InputError(
            f"{name}: expected integers in {dimensions} dimension(s), got {named(array.dtype)} {array.shape}"
        )
    return array.astype(np.int64)


def _floats(name: str, value: Any, count: int) -> NDArray[np.float64]:
    array = plain_array(name, [] if _is_empty(value) else value)
    if array.dtype.kind not in "fiu" or array.shape not in ((), (count,)):
        raise InputError(
            f"{name}: expected a number or {count} of them, got {named(array.dtype)} of shape {array.shape}"
        )
    return np.full(count, array, np.float64)


def _flags(name: str, value: Any, count: int) -> NDArray[np.bool_]:
    array = plain_array(name, value)
    if array.size == 0:
        array = array.astype(np.bool_)
    if array.dtype != np.bool_ or array.shape not in ((), (count,)):
        raise InputError(f"{name}: expected a bool or {count} of them, got {named(array.dtype)} of shape {array.shape}")
    return np.full(count, array, np.bool_)


def _numbers(
    place: str, what: str, nodes: NDArray[np.int64], given: Sequence[str] | str, names: Sequence[str]
) -> NDArray[np.uint8]:
    """Return the places of names, one for each node or one for all of them."""
    listed = [given] * len(nodes) if isinstance(given, str) else list(given)
    if len(listed) != len(nodes):
        raise InputError(f"{place}: expected {what} for all nodes or one for each of {len(nodes)}, got {len(listed)}")
    for key, name in zip(nodes, listed, strict=True):
        if not isinstance(name, str) or name not in names:
            raise InputError(f"{place}: node {key}: expected {what} among {', '.join(names)}, got {shown(name)}")
    return np.array([names.index(name) for name in listed], np.uint8)


def _stacked(individuals: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([arrays[name] for arrays in individuals]) for name in DTYPES}


def bytes_each(population: NDArray[Any] | Graphs) -> int:
    """About how many bytes an individual takes: what it is cut into shares by."""
    if isinstance(population, Graphs):
        return math.ceil(population.nbytes / max(1, len(population)))
    return population.itemsize * int(population.shape[1])
