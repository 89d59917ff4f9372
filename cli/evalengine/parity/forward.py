"""The forward pass against PyTorch's: what `evalengine parity` and `make parity` say about it.

    with TorchPolicy() as torch_policy:
        found = sections(shapes=200, seed=0, torch_policy=torch_policy)
        found.append(logits_section(policy, weights, observations, torch_policy))

All bits of the logits, and of every layer's outputs on the way, are PyTorch's. That is only claimed where the probe has
found PyTorch's order of summation, and of networks whose every layer has a known one (`Network.exactness`). Depends on
the probe, TorchPolicy, random shapes and tallies.
"""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.evaluation.provenance import evalengine_version
from evalengine.parity.layers import placed_layers, without_open_skips
from evalengine.parity.probe import Probe, probe
from evalengine.parity.random_shapes import Case, Kind, draw_case, draw_values, features
from evalengine.parity.report import Section
from evalengine.parity.tally import BitTally
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.cells import GATES
from evalengine.policies.policy import Policy

WELL_KNOWN = {
    "Snake CNN": Policy("cnn:5x12x12-16k3-32k3-64-4"),
    "Nature CNN": Policy("cnn:3x96x96-32k8s4-64k4s2-64k3-512-3"),
    "Two tanh layers": Policy("mlp:8-64-64-4"),
    "Tanh Snake CNN": Policy("cnn:5x12x12-16k3-32k3-64-4,act=tanh"),
    "Residual CNN with pools": Policy("cnn:4x40x40-16k3p1-mp3s2p1-skip-act-16k3p1-16k3p1-add-act-gap-64-ln-act-6"),
}
"""Networks that people use; each is a section of its own."""

CELL_STEPS = 3
"""Of each random recurrent cell, from a random state."""

WELL_KNOWN_ROWS = 16
"""For each kind of numbers."""


def sections(
    *, shapes: int = 200, seed: int = 0, torch_policy: TorchPolicy | None = None, found: Probe | None = None
) -> list[Section]:
    """Return all sections about the forward pass, the probe's first.

    Args:
        shapes: how many random networks.
        seed: from which shapes, weights and observations are drawn.
        torch_policy: a running one; None starts one.
        found: what the probe found of it; None asks it.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    with ExitStack() as stack:
        other_side = torch_policy or stack.enter_context(TorchPolicy())
        found = found or probe(other_side)
        unproven = found.unproven or found.unproven_tanh
        each = -(-shapes // len(GATES))
        cells = [
            compared_cells(cell, shapes=each, seed=seed, torch_policy=other_side, unproven=unproven) for cell in GATES
        ]
        return [
            *found.sections(),
            *_random_networks(shapes, seed, other_side, unproven),
            *cells,
            *_well_known(seed, other_side, found.unproven),
        ]


def logits_section(
    policy: Policy,
    weights: NDArray[np.float32],
    observations: NDArray[np.float32],
    torch_policy: TorchPolicy,
    *,
    unproven: str | None = None,
) -> Section:
    """Return the section about one policy's logits on given observations.

    Args:
        policy: the architecture, whose logits are claimed.
        weights: float32 (D,), or (P, D) for a population.
        observations: float32 (B, *S), or (P, B, *S), as `Policy.logits` takes them; at least one.
        torch_policy: a running one.
        unproven: why equal bits cannot be claimed here, "" for no reason; None asks the probe.
    """
    if unproven is None:
        unproven = probe(torch_policy).unproven_of(policy)
    individuals = np.atleast_2d(weights)
    rows = np.ascontiguousarray(observations, np.float32).reshape(len(individuals), -1, policy.n_inputs)
    tally = BitTally()
    for number, (individual, inputs) in enumerate(zip(individuals, rows, strict=True)):
        ours = policy.network.logits(individual, inputs)
        theirs = torch_policy.logits(policy, individual, inputs)
        case = f"{policy}, individual {number}"
        tally.add(ours, theirs, name="logits", case=case, versions=_versions(torch_policy))
    return tally.section(f"logits, {policy}", unproven=unproven)


def compared_cells(cell: str, *, shapes: int, seed: int, torch_policy: TorchPolicy, unproven: str) -> Section:
    """Return the section about one kind of recurrent cell by itself: some steps each of random shapes.

    Args:
        cell: by its name in spellings, "lstm".
        shapes: how many, of up to 300 inputs and 300 units.
        seed: from which they are drawn.
        torch_policy: a running one.
        unproven: why equal bits cannot be claimed here, "" for no reason.
    """
    tally = BitTally()
    for index in range(shapes):
        draw = np.random.default_rng([seed, index, len(cell)])
        inputs, hidden = (
            int(draw.integers(1, 301)) if draw.random() < 0.6 else int(draw.integers(1, 20)) for _ in "ih"
        )
        policy = Policy(f"mlp:{inputs}-{cell}{hidden},bias={int(draw.random() < 0.7)}")
        weights = policy.init(1, seed=index)[0] * np.float32(draw.choice([1.0, 4.0]))
        rows = int(draw.integers(1, 33))
        states = draw_values(draw, Kind.ORDINARY, rows * policy.n_state, 1).reshape(rows, -1)
        ours, theirs = states, states
        for step in range(CELL_STEPS):
            observations = draw_values(draw, Kind.ORDINARY, rows * inputs, 1).reshape(rows, -1) * np.float32(3)
            outputs, ours = policy.step(weights, observations, ours)
            references, theirs = torch_policy.step(policy, weights, observations, theirs)
            told: dict[str, Any] = {"case": f"{policy}, step {step}", "versions": _versions(torch_policy), "seed": seed}
            tally.add(outputs, references, name="outputs", **told)
            tally.add(ours, theirs, name="state", **told)
        rest = f"a rest of {hidden % 16} values" if hidden % 16 else "whole vectors"
        tally.events.update([f"{cell}: {rest}"])
    notes = [f"{shapes:,} shapes, {CELL_STEPS} steps each; outputs and states are compared"]
    return tally.section(f"{cell} cells", unproven=unproven, notes=notes)


def _versions(torch_policy: TorchPolicy) -> dict[str, str]:
    return {"evalengine": evalengine_version(), **torch_policy.versions}


def _random_networks(shapes: int, seed: int, torch_policy: TorchPolicy, unproven: str) -> list[Section]:
    """A section for the random networks of each architecture."""
    tallies: dict[str, BitTally] = {}
    for index in range(shapes):
        case = draw_case(seed, index)
        _add_every_layer(case, tallies.setdefault(case.policy.arch, BitTally()), torch_policy, seed)
    found = []
    for arch, tally in tallies.items():
        note = f"{sum(tally.events[kind] for kind in Kind):,} shapes; every layer's outputs are compared"
        found.append(tally.section(f"random {arch} networks", unproven=unproven, notes=[note]))
    return found


def _add_every_layer(case: Case, tally: BitTally, torch_policy: TorchPolicy, seed: int) -> None:
    """Compare the outputs of every layer, the logits last.

    Ours are the logits of the network that ends there; before the first weights there is none.
    """
    policy = case.policy
    places = placed_layers(policy.input_shape, policy.layers)
    states = np.empty((len(case.observations), 0), np.float32) if case.states is None else case.states
    references = torch_policy.outputs(
        policy.input_shape,
        policy.layers,
        case.weights,
        case.observations,
        keep=range(len(places)),
        states=states,
        keep_states=True,
    )
    case_name = f"{case.name}, {case.kind}"
    told: dict[str, Any] = {"case": case_name, "versions": _versions(torch_policy), "seed": seed}
    n_state = 0
    for number, (place, reference) in enumerate(zip(places, references[:-1], strict=True), start=1):
        if place.parameters.stop == 0:
            continue
        network = _engine.Network(policy.input_shape, without_open_skips(policy.layers[:number]))
        n_state += place.n_state
        before = np.ascontiguousarray(states[:, :n_state])
        outputs, after = network.step(case.weights[: place.parameters.stop], case.observations, before)
        name = "logits" if number == len(places) else f"outputs of layer {number} ({place.layer[0]})"
        tally.add(outputs, reference, name=name, **told)
    if n_state:
        tally.add(after, references[-1], name="state", **told)
    tally.events.update([*features(policy), str(case.kind)])


def _well_known(seed: int, torch_policy: TorchPolicy, unproven: str) -> list[Section]:
    """One section for each well-known network, on all kinds of numbers."""
    found = []
    for number, (name, policy) in enumerate(WELL_KNOWN.items()):
        tally = BitTally()
        for index, kind in enumerate(Kind):
            draw = np.random.default_rng([seed, number, index])
            weights = draw_values(draw, kind, policy.n_params, policy.n_inputs)
            if kind is Kind.ORDINARY:
                weights = policy.init(1, seed)[0]
            count = WELL_KNOWN_ROWS * policy.n_inputs
            observations = draw_values(draw, kind, count, policy.n_inputs).reshape(WELL_KNOWN_ROWS, -1)
            case = Case(f"{name}: {policy}", policy, weights, observations, kind)
            _add_every_layer(case, tally, torch_policy, seed)
        section = tally.section(f"{name}, {policy}", unproven=unproven, notes=["every layer's outputs are compared"])
        kinds = {str(kind): tally.events[kind] for kind in Kind}
        found.append(dataclasses.replace(section, events=kinds))
    return found
