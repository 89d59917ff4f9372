"""Graphs as arrays: what people have becomes them, what is no graph is refused in one line, files keep every bit."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from graph_examples import genome, population

from evalengine import (
    Graph,
    GraphPolicy,
    Graphs,
    InputError,
    NonFiniteError,
    Normalization,
    Policy,
    evaluate,
    load_weights,
    save_weights,
)
from evalengine.policies.graphs import DTYPES

SMALL = Graph([0, 7], ["identity", "relu"], [0.5, 0.0], [(-1, 7), (-2, 7), (7, 0)], [1.0, 2.0, 3.0])


def refusal(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same(first: Graphs, second: Graphs) -> bool:
    return all(getattr(first, name).tobytes() == getattr(second, name).tobytes() for name in DTYPES)


def test_a_graph_is_computed_as_its_arrays_say() -> None:
    policy = GraphPolicy("neat:2-1")
    outputs = policy.outputs(SMALL, [[1.0, 2.0], [-9.0, 1.0]])
    assert outputs.dtype == np.float64
    assert outputs.tolist() == [[[15.5], [0.5]]]
    assert policy.outputs([SMALL, SMALL], np.zeros((3, 2), np.float32)).shape == (2, 3, 1)


def test_single_values_stand_for_as_many() -> None:
    graphs = Graphs.of(Graph([0, 1, 2], "tanh", 0.25, [(-1, 0), (2, 1)], 0.5))
    assert graphs.biases.tolist() == [0.25] * 3
    assert graphs.responses.tolist() == [1.0] * 3
    assert graphs.weights.tolist() == [0.5] * 2
    assert graphs.enabled.all()
    assert len(set(graphs.activations.tolist())) == 1
    assert len(Graphs.of([])) == 0
    assert len(Graphs.of(Graph([0], "tanh", 0.0, [], []))) == 1


def test_a_population_is_one_line() -> None:
    larger = Graph([0], "tanh", 0.25, [(-1, 0)], 0.5)
    assert repr(Graphs.of([SMALL, larger])) == "Graphs(2 individuals, 1 to 2 nodes, 1 to 3 connections)"
    assert repr(Graphs.of(SMALL)) == "Graphs(1 individual, 2 to 2 nodes, 3 to 3 connections)"
    assert repr(Graphs.of([])) == "Graphs(0 individuals)"


def test_keys_are_read_as_they_are_whether_genomes_share_them_or_not() -> None:
    def child(keys: list[Any]) -> SimpleNamespace:
        node = SimpleNamespace(activation="tanh", aggregation="sum", bias=0.5, response=1)
        genes = {key: SimpleNamespace(weight=float(place), enabled=True) for place, key in enumerate(keys)}
        return SimpleNamespace(nodes={0: node}, connections=genes)

    shared = [(-1 - place, 0) for place in range(2_000)]  # more than are remembered
    graphs = Graphs.of([child(shared), child(shared[::-1]), child([(-1 - place, 0) for place in range(2_000)])])
    up = list(range(-1, -2_001, -1))
    assert graphs.sources.tolist() == [*up, *up[::-1], *up]
    assert graphs.weights.tolist() == [float(place) for place in range(2_000)] * 3
    assert "connections by (from, to)" in refusal(lambda: Graphs.of([child(shared), child([*shared[:3], (1, 2.5)])]))


def test_populations_are_cut_like_lists() -> None:
    graphs = population(7)
    assert same(Graphs.of(graphs), graphs)
    pieces = [graphs[:3], graphs[3], graphs[-3:]]
    joined = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in DTYPES}
    assert same(Graphs(**joined), graphs)
    assert [len(one) for one in graphs] == [1] * 7
    assert len(graphs[5:2]) == 0
    assert same(pickle.loads(pickle.dumps(graphs)), graphs)
    with pytest.raises(IndexError):
        graphs[7]
    assert "follow each other" in refusal(lambda: graphs[::2])


def test_genomes_are_read_in_their_order() -> None:
    off = SimpleNamespace(weight=2, enabled=False)
    one = genome({0: {"bias": 1.5}, 9: {"activation": "tanh", "response": 2.0}}, {(-1, 9): 0.5, (9, 0): off})
    for given in ([one], [(17, one)], one, {17: one}):
        graphs = Graphs.of(given)
        assert graphs.nodes.tolist() == [0, 9]
        assert (graphs.sources.tolist(), graphs.targets.tolist()) == ([-1, 9], [9, 0])
        assert graphs.weights.tolist() == [0.5, 2.0]
        assert graphs.enabled.tolist() == [True, False]
        assert (graphs.biases.tolist(), graphs.responses.tolist()) == ([1.5, 0.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([3], "graphs[0]: expected genomes, or a Graph each, got"),
        ([SMALL, SMALL, genome({0: {}}, {})], "graphs[2]: expected a Graph, as graphs[0] is, got"),
        ([genome({0: {}}, {}), SMALL], "graphs[1]: expected genomes, or a Graph each, got"),
        ([(7, SMALL), 3], "graphs[1]: expected a Graph, as graphs[0] is, got"),
        (
            [genome({0: {}}, {}), genome({0: {"activation": "mine"}}, {})],
            "graphs[1]: node 0: expected an activation among abs, clamped, cube, elu, exp, gauss, hat, identity, inv, "
            "lelu, log, relu, selu, sigmoid, sin, softplus, square, tanh, got 'mine'",
        ),
        (
            [genome({4: {"aggregation": None}}, {})],
            "graphs[0]: node 4: expected an aggregation among max, maxabs, mean, median, min, product, sum, got None",
        ),
        (
            [genome({0: {"bias": np.float64(1)}}, {})],
            "graphs[0]: node 0: bias: expected a Python float, got",
        ),
        ([genome({0: {"bias": True}}, {})], "graphs[0]: node 0: bias: expected a Python float, got one of bool"),
        (
            [genome({0: {}}, {(-1, 0): "1"})],
            "graphs[0]: connection -1 to 0: weight: expected a Python float",
        ),
        ([genome({0: {}}, {0: 1.0})], "graphs[0]: expected connections by (from, to), two integers, got 0"),  # type: ignore[dict-item]
        ([genome({"a": {}}, {})], "graphs[0]: expected keys of nodes to be integers, got a"),  # type: ignore[dict-item]
        (
            [SimpleNamespace(nodes=[], connections={})],
            "graphs[0]: expected a genome with dictionaries of nodes and connections, got SimpleNamespace",
        ),
        ([Graph([0], "soft", 0.0, [], [])], "graphs[0]: node 0: expected an activation among"),
        (
            [Graph([0, 1], ["tanh"], 0.0, [], [])],
            "graphs[0]: expected an activation for all nodes or one for each",
        ),
        (
            [Graph([0], "tanh", [0.0, 1.0], [], [])],
            "graphs[0]: biases: expected a number or 1 of them",
        ),
        (
            [Graph([0], "tanh", 0.0, [(0, 1, 2)], [1.0])],
            "graphs[0]: connections: expected shape (C, 2)",
        ),
        ([Graph([0.5], "tanh", 0.0, [], [])], "graphs[0]: nodes: expected integers in 1 dimension(s), got float64"),
        (
            [Graph([0], "tanh", 0.0, [(-1, 0)], 1.0, enabled=[1])],
            "graphs[0]: enabled: expected a bool or 1 of them",
        ),
    ],
)
def test_what_is_no_individual_is_refused_by_its_place(given: Any, expected: str) -> None:
    assert refusal(lambda: Graphs.of(given)).startswith(expected)


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (Graph([0], "tanh", 0.0, [(0, 0)], 1.0), "node 0: expected no circle in a feed-forward graph, got 0 to 0"),
        (
            Graph([0, 5, 6], "tanh", 0.0, [(5, 6), (6, 5), (6, 0)], 1.0),
            "node 6: expected no circle in a feed-forward graph, got 6 to 5 to 6",
        ),
        (Graph([1], "tanh", 0.0, [], []), "node 0: expected a node for each output, got none"),
        (Graph([0, 0], "tanh", 0.0, [], []), "node 0: expected once, got twice"),
        (
            Graph([0], "tanh", 0.0, [(-9, 0)], 1.0),
            "connection -9 to 0: expected a node, or an input from -1 to -2, as its start, got -9",
        ),
        (
            Graph([0], "tanh", 0.0, [(-1, 3)], 1.0),
            "connection -1 to 3: expected a node as its end, got 3, which there is not",
        ),
    ],
)
def test_what_is_no_graph_is_refused_by_individual_and_node(graph: Graph, expected: str) -> None:
    policy = GraphPolicy("neat:2-1")
    assert refusal(lambda: policy.outputs([SMALL, graph], np.zeros((1, 2)))) == f"graphs[1]: {expected}"


def test_a_number_that_is_not_finite_is_named() -> None:
    good = Graph([0, 1], "tanh", 0.0, [(-1, 0)], 1.0)
    for graph, message in (
        (dataclasses.replace(good, biases=[0.0, math.nan]), "node 1: expected a finite bias, got nan"),
        (dataclasses.replace(good, responses=math.inf), "node 0: expected a finite response, got inf"),
        (dataclasses.replace(good, weights=math.nan), "connection -1 to 0: expected a finite weight, got nan"),
    ):
        graph = dataclasses.replace(graph, connections=[(-1, 0)])
        with pytest.raises(NonFiniteError) as caught:
            evaluate("cartpole", [good, good, graph], "neat:4-2")
        assert (str(caught.value), caught.value.individual) == (f"graphs: individual 2: {message}", 2)
        result = evaluate("cartpole", [good, good, graph], "neat:4-2", on_nan=-7.0)
        assert result.failed.tolist() == [False, False, True]
        assert result.fitness[2] == -7
    harmless = dataclasses.replace(good, weights=math.nan, enabled=False)
    assert not evaluate("cartpole", [harmless], "neat:4-2").failed.any()


def test_arrays_of_other_types_and_lengths_are_refused() -> None:
    arrays = {name: getattr(population(2), name) for name in DTYPES}
    assert "weights: expected a float64 array of one dimension, got float32" in refusal(
        lambda: Graphs(**{**arrays, "weights": arrays["weights"].astype(np.float32)})
    )
    assert "expected" in refusal(lambda: Graphs(**{**arrays, "biases": arrays["biases"][1:]}))
    assert "count" in refusal(lambda: Graphs(**{**arrays, "connection_counts": arrays["connection_counts"][1:]}))
    assert "nodes: expected" in refusal(lambda: Graphs(**{**arrays, "node_counts": arrays["node_counts"] - 1}))
    assert "got list" in refusal(lambda: Graphs(**{**arrays, "nodes": [1]}))


def test_a_file_keeps_every_bit_and_what_it_is_for(tmp_path: Path) -> None:
    graphs = population(5, 8, 4)
    normalize = Normalization(np.zeros(8, np.float32), np.full(8, 0.3, np.float32))
    policy = GraphPolicy("neat:8-4,net=recurrent,inputs=list,sum=plain,head=argmax")
    path = tmp_path / "graphs.npz"
    policy.save(path, graphs, "lunarlander", normalize=normalize, env_kwargs={"gravity": -9.0})
    loaded = load_weights(path)
    assert same(loaded.weights, graphs)
    assert (str(loaded.policy), loaded.env_id) == (str(policy), "LunarLander-v3")
    assert isinstance(loaded.policy, GraphPolicy)
    assert loaded.options["env_kwargs"] == {"gravity": -9.0}
    assert json.loads((tmp_path / "graphs.npz.json").read_text())["n_params"] is None
    with np.load(path, allow_pickle=False) as archive:
        assert archive["graph_activations_names"].dtype.kind == "U"
    expected = evaluate("lunarlander", graphs, policy, episodes=2, normalize=normalize, env_kwargs={"gravity": -9.0})
    got = evaluate(loaded.env_id or "", loaded.weights, loaded.policy, episodes=2, **loaded.options)
    assert got.returns.tobytes() == expected.returns.tobytes()


def test_files_that_are_not_of_graphs_are_refused(tmp_path: Path) -> None:
    graphs, path = population(2), tmp_path / "graphs.npz"
    assert "expected a name ending in .npz for graphs" in refusal(
        lambda: save_weights(tmp_path / "graphs.npy", graphs, policy="neat:4-2")
    )
    assert refusal(lambda: save_weights(path, graphs, policy="neat:4-3")).startswith("graphs[0]: node 2: expected")
    assert not path.exists()
    save_weights(path, graphs, policy="neat:4-2")
    assert "expected weights for mlp:4-2, got graphs" in refusal(lambda: load_weights(path, "mlp:4-2"))
    networks = tmp_path / "networks.npz"
    Policy("mlp:4-2").save(networks, Policy("mlp:4-2").init(2, seed=0))
    assert "expected graphs for neat:4-2" in refusal(lambda: load_weights(networks, "neat:4-2"))

    def altered(**arrays: Any) -> Path:
        with np.load(path) as archive:
            kept = {name: archive[name] for name in archive.files}
        other = tmp_path / "altered.npz"
        np.savez(other, **{name: value for name, value in {**kept, **arrays}.items() if value is not None})
        return other

    cases: list[tuple[dict[str, Any], str]] = [
        ({"graph_nodes": None}, "expected an array graph_nodes, got none"),
        ({"graph_weights": graphs.weights.astype(np.float32)}, ""),
        ({"graph_nodes": graphs.nodes + 0.5}, "graph_nodes: expected int64, got float64"),
        ({"graph_activations": graphs.activations.astype(np.int64) - 300}, "graph_activations: expected uint8"),
        ({"graph_activations_names": np.array(["tanh"])}, "expected places among 1 names"),
        ({"graph_activations_names": np.array(["mine"] * 18)}, "expected names among abs"),
        ({"graph_activations_names": np.arange(18)}, "expected names, got int64"),
        ({"graph_nodes": np.array([{}], object)}, "never unpickled"),
        ({"graph_biases": graphs.biases[1:]}, "biases: expected"),
        ({"graph_nodes": graphs.nodes.astype("datetime64[s]")}, "expected numbers, bools or strings"),
    ]
    for arrays, expected in cases:
        if expected:
            assert expected in refusal(lambda arrays=arrays: load_weights(altered(**arrays)))
        elif np.array_equal(graphs.weights, arrays["graph_weights"]):
            load_weights(altered(**arrays))


def test_names_in_another_order_are_the_same_functions(tmp_path: Path) -> None:
    path = tmp_path / "graphs.npz"
    graphs = population(3)
    save_weights(path, graphs, policy="neat:4-2")
    with np.load(path) as archive:
        kept = {name: archive[name] for name in archive.files}
    names = kept["graph_activations_names"]
    kept["graph_activations_names"] = names[::-1]
    kept["graph_activations"] = (len(names) - 1 - kept["graph_activations"]).astype(np.uint8)
    np.savez(path, **kept)
    assert same(load_weights(path).weights, graphs)


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("neat:4-2,sum=plain", "neat:4-2,sum=plain"),
        (" NEAT:4-2,SUM=compensated,net=feedforward,inputs=array", "neat:4-2,sum=compensated"),
        ("neat:8-4,head=argmax,sum=plain,net=recurrent", "neat:8-4,net=recurrent,sum=plain,head=argmax"),
        ("neat:4-1,sum=plain,head=above:0.50", "neat:4-1,sum=plain,head=above:0.5"),
        ("neat:4-1,sum=plain,head=above", "neat:4-1,sum=plain,head=above:0.5"),
        ("neat:4-1,sum=plain,head=above:1e-300,inputs=list", "neat:4-1,inputs=list,sum=plain,head=above:1e-300"),
    ],
)
def test_a_spelling_has_one_canonical_form(spelling: str, canonical: str) -> None:
    policy = GraphPolicy(spelling)
    assert str(policy) == canonical
    assert GraphPolicy(canonical) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert eval(repr(policy), {"GraphPolicy": GraphPolicy}) == policy


@pytest.mark.parametrize(
    ("spelling", "problem"),
    [
        ("neat:4", "'neat:4' is not inputs and outputs like neat:4-2"),
        ("neat:4-0", "is not inputs and outputs"),
        ("neat:4-2,net=lstm", "'net=lstm' is not an option"),
        ("neat:4-2,bias=0", "'bias=0' is not an option"),
        ("neat:4-2,sum=plain,sum=plain", "sum is given twice"),
        ("neat:4-2,head=softmax", "'head=softmax' is not an option"),
        ("neat:4-2,head=tanh:2", "'head=tanh:2' is not an option"),
        ("neat:4-2,head=above:x", "expected a number behind above:"),
        ("neat:4-2,head=above:nan", "expected a number behind above:"),
    ],
)
def test_a_misspelt_policy_is_refused_with_the_grammar(spelling: str, problem: str) -> None:
    message = refusal(lambda: GraphPolicy(spelling))
    assert problem in message
    assert "expected neat:4-2" in message


@pytest.mark.parametrize(
    ("env", "spelling", "expected"),
    [
        ("cartpole", "neat:8-2", "policy: CartPole-v1 needs 4 inputs and 2 outputs, or 1, got"),
        ("lunarlander", "neat:8-1", "policy: LunarLander-v3 needs 8 inputs and 4 outputs, got"),
        ("lunarlander", "neat:8-1,head=above:0", "policy: LunarLander-v3 has other than two actions"),
        ("cartpole", "neat:4-2,head=clip", "policy: CartPole-v1: expected head=argmax for its actions"),
        ("pendulum", "neat:3-1,head=argmax", "policy: Pendulum-v1: expected head=clip, tanh or scale for its actions"),
        ("cartpole", "neat:4-2,head=above:0", "policy: CartPole-v1 needs 4 inputs and 2 outputs, or 1, got"),
    ],
)
def test_a_policy_for_another_environment_is_refused(env: str, spelling: str, expected: str) -> None:
    assert refusal(lambda: evaluate(env, [], spelling)).startswith(expected)


def test_observations_of_other_shapes_are_refused() -> None:
    policy = GraphPolicy("neat:2-1")
    for observations in (np.zeros(2), np.zeros((3, 3)), np.full((1, 2), "x")):
        assert "expected numbers of shape (T, 2)" in refusal(lambda o=observations: policy.outputs(SMALL, o))
    assert "expected a spec" in refusal(lambda: GraphPolicy(3))  # type: ignore[arg-type]
