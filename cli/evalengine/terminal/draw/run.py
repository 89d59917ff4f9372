"""`evalengine draw`: the network of one individual in a file of graphs, as a picture.

Data flow: file, index ──► run ──► picture. Nothing is printed here.
"""

from __future__ import annotations

from pathlib import Path

from evalengine.errors import InputError
from evalengine.files.whole import check_other_file
from evalengine.messages import named
from evalengine.playback.graph_picture import draw_graph
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs
from evalengine.policies.loading import load_weights
from evalengine.policies.saving import sidecar_of
from evalengine.terminal.weights_file import selected


def run(weights: Path, picture: Path, index: int, policy: str | None) -> str:
    """Draw an individual, and return a line that says what was drawn.

    Args:
        weights: a .npz file of graphs.
        picture: where the picture goes, by its suffix.
        index: the individual, counted from 0.
        policy: spelling; None takes what the file says.

    Raises:
        InputError: a file, a name or a number that cannot be used.
        OutputError: the picture cannot be written.
        MissingDependencyError: what draws is not installed.
    """
    check_other_file("picture", picture, weights, "the graphs")
    check_other_file("picture", picture, sidecar_of(weights), "the graphs' description")
    loaded = load_weights(weights, policy)
    graphs, _ = selected(loaded, index, "a position from 0")
    if not isinstance(graphs, Graphs):
        raise InputError(f"weights: {named(weights)}: expected graphs, got networks, which all look alike")
    if not isinstance(loaded.policy, GraphPolicy):
        raise InputError(f"weights: {named(weights)}: graphs: say which policy they are with --policy, as neat:4-2")
    draw_graph(picture, graphs, loaded.policy)
    enabled = int(graphs.enabled.sum())
    return f"individual {index}: {len(graphs.nodes)} nodes, {enabled} connections: {picture}"
