"""Graphs against neat-python, and that one wrong bit, weight or order would be found."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from evalengine import GraphPolicy, Graphs
from evalengine.parity import graphs as graph_parity
from evalengine.parity.graphs import FORMS, KINDS, LOOPS, graph_loops, graph_section
from evalengine.parity.report import Verdict
from evalengine.policies.graphs import DTYPES
from evalengine.references.neat_genomes import (
    ACTIVATIONS,
    AGGREGATIONS,
    Kind,
    activated,
    compensated_sum,
    grow,
    plain_sum,
    summing,
)

pytest.importorskip("neat")


@pytest.mark.parametrize("number", range(len(KINDS) * len(FORMS)))
def test_networks_of_grown_genomes_are_equal_in_every_bit(number: int) -> None:
    section = graph_section(number, 200)
    assert section.verdict is Verdict.HOLDS, section.first_divergence
    assert section.episodes == 200
    assert section.steps > 300


def test_every_function_is_met_and_errors_of_python_too() -> None:
    sections = [graph_section(number, 200) for number in (0, 1, 17, 21)]
    events = {name for section in sections for name, count in section.events.items() if count}
    assert {f"activation {name}" for name in ACTIVATIONS} <= events
    assert {f"aggregation {name}" for name in AGGREGATIONS} <= events
    assert "genomes with an error of Python's" in events


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, heads in LOOPS.items() for number in range(len(heads) + 1)]
)
def test_closed_loops_are_those_of_gymnasium(name: str, number: int) -> None:
    section = graph_loops(name, number, 20)
    assert section.verdict is Verdict.HOLDS, section.first_divergence
    assert section.episodes >= 20


@pytest.mark.parametrize("form", FORMS)
def test_another_arithmetic_would_be_found(form: tuple[str, str]) -> None:
    """Each of the forms gives other bits than the others for some of 300 genomes: none stands for another."""
    kind = Kind(activations=("tanh", "identity"), aggregations=("sum",), hidden=8, connection="full_nodirect")
    config, grown = grow(7, kind, 100, 3)
    observations = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
    found = {}
    for inputs, how in FORMS:
        policy = GraphPolicy.from_sizes(4, 2, inputs=inputs, sum=how)
        found[inputs, how] = policy.outputs(grown, observations).view(np.uint64)
    inputs, how = form
    with summing(how):
        rows = observations.tolist() if inputs == "list" else observations
        theirs = np.array([activated(genome, config, rows) for genome in grown]).view(np.uint64)
    for other, ours in found.items():
        assert (ours == theirs).all() == (other == form), other


def test_a_wrong_bit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def nudged(genome: Any, config: Any, observations: Any) -> Any:
        outputs = activated(genome, config, observations)
        outputs[-1, 0] = np.nextafter(outputs[-1, 0], np.inf)
        return outputs

    monkeypatch.setattr(graph_parity, "activated", nudged)
    section = graph_section(4, 50)
    assert section.verdict is Verdict.BROKEN
    assert section.first_divergence is not None
    assert section.first_divergence.seed == 4


def test_the_order_of_connections_and_one_weight_matter() -> None:
    _, grown = grow(3, Kind(activations=("identity",), aggregations=("sum",), hidden=0), 60, 1)
    policy = GraphPolicy("neat:4-2,sum=plain")
    graphs = Graphs.of(grown)
    observations = np.random.default_rng(2).normal(size=(6, 4)).astype(np.float32)
    outputs = policy.outputs(graphs, observations)
    turned = Graphs(
        **{name: getattr(graphs, name) for name in ("node_counts", "connection_counts", "nodes", "activations")},
        **{name: getattr(graphs, name) for name in ("aggregations", "biases", "responses")},
        **{
            name: np.concatenate([getattr(one, name)[::-1] for one in graphs])
            for name in ("sources", "targets", "weights", "enabled")
        },
    )
    assert (policy.outputs(turned, observations) != outputs).any()
    weights = graphs.weights * (1 + 2.0**-20)
    other = Graphs(**{**{name: getattr(graphs, name) for name in DTYPES}, "weights": weights})
    assert (policy.outputs(other, observations) != outputs).any()


def test_the_references_own_sums_are_pythons() -> None:
    draw = np.random.default_rng(0)
    own = compensated_sum if sys.version_info >= (3, 12) else plain_sum
    for _ in range(2_000):
        items = (draw.normal(size=draw.integers(0, 8)) * 10.0 ** draw.integers(-20, 20)).tolist()
        assert repr(own(items)) == repr(sum(items))
    with np.errstate(all="ignore"):
        mixed = [0.1, 0.2, np.float32(0.3), 0.4]
    for function in (compensated_sum, plain_sum):
        assert isinstance(function(mixed), np.float32)
    assert compensated_sum([1.0, 1e100, 1.0, -1e100]) == 2.0
    assert plain_sum([1.0, 1e100, 1.0, -1e100]) == 0.0


def test_python_floats_and_numpy_scalars_are_told_apart() -> None:
    """What an activation returns as it is keeps its kind: `relu` gives a float32, or a Python 0.0."""
    config, grown = grow(5, Kind(activations=("relu",), aggregations=("sum", "max", "median"), hidden=6), 80, 2)
    policy = GraphPolicy.from_sizes(4, 2)
    observations = (np.random.default_rng(3).normal(size=(6, 4)) * 3).astype(np.float32)
    ours = policy.outputs(grown, observations)
    for index, genome in enumerate(grown):
        assert ours[index].tobytes() == activated(genome, config, observations).tobytes(), index
