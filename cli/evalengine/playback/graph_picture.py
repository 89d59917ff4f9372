"""The picture of one graph: inputs on the left, outputs on the right, connections as wide as their weights are large.

    Graphs, GraphPolicy ──► draw_graph ──► .svg, .png or .pdf

networkx and matplotlib draw, without a screen (extra `draw`); both are imported when something is drawn. Depends on
graphs and files.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from evalengine.errors import InputError, MissingDependencyError
from evalengine.files.whole import check_writable, write_whole
from evalengine.messages import named
from evalengine.policies.graph_form import GraphForm
from evalengine.policies.graphs import ACTIVATIONS, AGGREGATIONS, Graphs

SUFFIXES = (".svg", ".png", ".pdf")
_POSITIVE, _NEGATIVE, _OFF = "#0072b2", "#d55e00", "#cfcdc6"
_FILLS = {"input": "#f6f5f1", "output": "#f2d7b8", "hidden": "#d5e3ec"}


def draw_graph(path: Path, graph: Graphs, policy: GraphForm) -> None:
    """Write the picture of a population of one graph; whole or not at all.

    Connections are blue where their weight is above 0, orange below, and grey where they are disabled.

    Args:
        path: ends in .svg, .png or .pdf.
        graph: one individual.
        policy: what it is for.

    Raises:
        InputError: another suffix, or a graph that is none of the policy.
        OutputError: the file cannot be written.
        MissingDependencyError: matplotlib or networkx is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"output: expected a name ending in {', '.join(SUFFIXES)}, got {named(path)}")
    check_writable(path)
    policy.compiled(graph, "float32")  # refuses what is no graph of this policy
    for package in ("matplotlib", "networkx"):
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError.of(package, extra="draw")
    figure = _figure(graph, policy)
    form = path.suffix.lower()[1:]
    with write_whole(path) as stream:
        figure.savefig(stream, format=form, metadata={"Date": None} if form == "svg" else None)


def _figure(graph: Graphs, policy: GraphForm) -> Any:
    import networkx
    from matplotlib.figure import Figure

    inputs = [-1 - index for index in range(policy.n_inputs)]
    network = networkx.MultiDiGraph()
    places = _places(_layers(graph, policy))
    network.add_nodes_from(places)
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    largest = max(1e-300, float(abs(graph.weights).max())) if len(graph.weights) else 1.0
    columns = (graph.sources.tolist(), graph.targets.tolist(), graph.weights.tolist(), graph.enabled.tolist())
    for source, target, weight, enabled in zip(*columns, strict=True):
        network.add_edge(source, target)
        networkx.draw_networkx_edges(
            network,
            places,
            edgelist=[(source, target, 0)],
            ax=axes,
            width=0.5 + 3 * abs(weight) / largest,
            edge_color=_OFF if not enabled else _POSITIVE if weight > 0 else _NEGATIVE,
            style="solid" if enabled else "dotted",
            connectionstyle="arc3,rad=0.08",
            node_size=900,
        )
    outputs = set(range(policy.n_outputs))
    fills = [_FILLS["input" if key < 0 else "output" if key in outputs else "hidden"] for key in network]
    networkx.draw_networkx_nodes(network, places, ax=axes, node_color=fills, edgecolors="#2b2b2b", node_size=900)
    labels = {key: f"{-1 - key}" for key in inputs} | _labels(graph)
    networkx.draw_networkx_labels(network, places, labels, ax=axes, font_size=7)
    return figure


def _labels(graph: Graphs) -> dict[int, str]:
    """Return what each node computes; sums are not named."""
    columns = (graph.nodes.tolist(), graph.activations.tolist(), graph.aggregations.tolist())
    labels = {}
    for key, activation, aggregation in zip(*columns, strict=True):
        what = AGGREGATIONS[aggregation]
        labels[key] = f"{key}\n{ACTIVATIONS[activation]}" + ("" if what == "sum" else f"\n{what}")
    return labels


def _layers(graph: Graphs, policy: GraphForm) -> dict[int, int]:
    """Return the column of each input and node: one more than of the furthest that it sees, circles left out."""
    layers = {-1 - index: 0 for index in range(policy.n_inputs)} | dict.fromkeys(graph.nodes.tolist(), 1)
    ends = list(zip(graph.sources.tolist(), graph.targets.tolist(), strict=True))
    for _ in range(len(graph.nodes)):
        for source, target in ends:
            if source != target and source in layers and target in layers:
                layers[target] = min(max(layers[target], layers[source] + 1), len(graph.nodes))
    last = max(layers.values())
    return layers | dict.fromkeys(range(policy.n_outputs), last + (last > 1 and _sees_outputs(ends, policy)))


def _places(layers: dict[int, int]) -> dict[int, tuple[float, float]]:
    """Return where each key is drawn: its column, and from top to bottom in the order of inputs, or of keys."""
    places = {}
    for layer in set(layers.values()):
        keys = sorted((key for key in layers if layers[key] == layer), key=lambda key: (abs(key), key))
        for row, key in enumerate(keys):
            places[key] = float(layer), (len(keys) - 1) / 2 - row
    return places


def _sees_outputs(ends: list[tuple[int, int]], policy: GraphForm) -> bool:
    return any(0 <= source < policy.n_outputs <= target for source, target in ends)
