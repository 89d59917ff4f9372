"""The forward pass against PyTorch's: what `evalengine parity` and `make parity` say about it.

    with TorchPolicy() as torch_policy:
        found = sections(shapes=200, seed=0, torch_policy=torch_policy)
        found += logit_sections(policy, weights, observations, torch_policy)

Networks of linear layers, convolutions and relu are EXACT: all bits of the logits, and of every layer's outputs on the
way, are PyTorch's. Networks with tanh, and with convolutions that PyTorch computes in an order that is not known, are
BOUNDED (`bounded`), and their layers are judged one by one (`layerwise`). What needs PyTorch's order of summation is
only claimed where the probe has found that order. Depends on all of these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.evaluation.provenance import evalengine_version
from evalengine.parity.bounded import LEAST_VALUES, MEASURED_ROWS, bound_of, judge_logits, spread_rows
from evalengine.parity.layers import placed_layers
from evalengine.parity.layerwise import LayerTallies, judge_layers
from evalengine.parity.probe import Probe, probe
from evalengine.parity.random_shapes import Case, Kind, draw_case, draw_tanh_case, draw_values, features
from evalengine.parity.report import Section
from evalengine.parity.tally import BitTally, Errors, ErrorTally
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.policy import Policy

WELL_KNOWN = {
    "Snake CNN": Policy("cnn:5x12x12-16k3-32k3-64-4"),
    "Nature CNN": Policy("cnn:3x96x96-32k8s4-64k4s2-64k3-512-3"),
}
"""Networks that people use; each is a section of its own."""

WELL_KNOWN_ROWS = 16
"""For each kind of numbers."""

TANH_NETWORKS = ("mlp:4-64-2", "mlp:8-64-64-4", "cnn:5x12x12-16k3-32k3-64-4,act=tanh")
"""Judged beside the random ones."""

SHAPES_PER_TANH_NETWORK = 20
"""For so many random shapes, one random tanh network is judged."""


def sections(
    *, shapes: int = 200, seed: int = 0, torch_policy: TorchPolicy | None = None, found: Probe | None = None
) -> list[Section]:
    """Return all sections about the forward pass, the probe's first.

    Args:
        shapes: how many random networks of EXACT layers; those that are drawn beside them and hold a convolution in an
            unknown order come on top, and the tanh networks too.
        seed: from which shapes, weights and observations are drawn.
        torch_policy: a running one; None starts one.
        found: what the probe found of it; None asks it.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    with ExitStack() as stack:
        other_side = torch_policy or stack.enter_context(TorchPolicy())
        found = found or probe(other_side)
        return [
            *found.sections(),
            *_random_networks(shapes, seed, other_side, found.unproven),
            *_well_known(seed, other_side, found.unproven),
            *_tanh_networks(shapes // SHAPES_PER_TANH_NETWORK, seed, other_side, found.unproven or found.unproven_tanh),
        ]


def logit_sections(
    policy: Policy,
    weights: NDArray[np.float32],
    observations: NDArray[np.float32],
    torch_policy: TorchPolicy,
    *,
    unproven: str | None = None,
) -> list[Section]:
    """Return the sections about one policy's logits on given observations.

    Args:
        policy: the architecture.
        weights: float32 (D,), or (P, D) for a population.
        observations: float32 (B, *S), or (P, B, *S), as `Policy.logits` takes them; at least one.
        torch_policy: a running one.
        unproven: why equal bits cannot be claimed here, "" for no reason; None asks the probe.
    """
    if unproven is None:
        unproven = probe(torch_policy).unproven_of(policy)
    individuals = np.atleast_2d(weights)
    rows = np.ascontiguousarray(observations, np.float32).reshape(len(individuals), -1, policy.n_inputs)
    cases = [
        Case(f"{policy}, individual {individual}", policy, *arrays)
        for individual, arrays in enumerate(zip(individuals, rows, strict=True))
    ]
    if policy.network.exactness is None:
        return [_exact_logits(str(policy), cases, torch_policy, unproven)]
    return _bounded_logits(str(policy), cases, torch_policy, unproven)


def _versions(torch_policy: TorchPolicy) -> dict[str, str]:
    return {"evalengine": evalengine_version(), **torch_policy.versions}


def _exact_logits(name: str, cases: Iterable[Case], torch_policy: TorchPolicy, unproven: str) -> Section:
    """Logits to the bit; their distance from float64 is shown because it is what rounding costs both sides."""
    tally, ours, theirs = BitTally(), Errors(), Errors()
    for case in cases:
        logits = case.policy.network.logits(case.weights, case.observations)
        reference = torch_policy.logits(case.policy, case.weights, case.observations)
        tally.add(logits, reference, name="logits", case=case.name, versions=_versions(torch_policy))
        measured = spread_rows(len(logits), MEASURED_ROWS)
        (exact,) = torch_policy.outputs(
            case.policy.input_shape, case.policy.layers, case.weights, case.observations[measured], dtype="float64"
        )
        ours += Errors.of(logits[measured], exact)
        theirs += Errors.of(reference[measured], exact)
    section = tally.section(f"logits, {name}", unproven=unproven)
    return dataclasses.replace(section, worst_error=ours.worst, torch_worst_error=theirs.worst)


def _bounded_logits(
    name: str, cases: Sequence[Case], torch_policy: TorchPolicy, unproven: str, notes: Sequence[str] = ()
) -> list[Section]:
    """The logits' errors, then every layer on its own inputs."""
    logits, layers, versions = ErrorTally(), LayerTallies(), _versions(torch_policy)
    for case in cases:
        arguments = (case.policy, case.weights, case.observations, torch_policy)
        judge_logits(*arguments, logits, case=case.name, versions=versions)
        judge_layers(*arguments, layers, case=case.name, versions=versions)
    reasons = sorted({case.policy.network.exactness or "" for case in cases})
    why = reasons if len(reasons) == 1 else []
    bounds = sorted({bound_of(case.policy) for case in cases})
    return [
        logits.section(f"logits, {name}", unproven=unproven, notes=[*notes, *why, *bounds]),
        *layers.sections(name, unproven=unproven),
    ]


def _random_networks(shapes: int, seed: int, torch_policy: TorchPolicy, unproven: str) -> list[Section]:
    """Random relu networks, until there are `shapes` whose bits are claimed."""
    exact = {"mlp": BitTally(), "cnn": BitTally()}
    outside, found, index = LayerTallies(), 0, 0
    while found < shapes:
        case = draw_case(seed, index)
        index += 1
        if case.policy.network.exactness is None:
            _add_every_layer(case, exact[case.policy.arch], torch_policy, seed)
            found += 1
        else:
            arguments = (case.policy, case.weights, case.observations, torch_policy)
            judge_layers(*arguments, outside, case=case.name, versions=_versions(torch_policy))
    notes = {
        arch: f"{sum(tally.events[kind] for kind in Kind):,} shapes; every layer's outputs are compared"
        for arch, tally in exact.items()
    }
    return [
        *(
            tally.section(f"random {arch} networks", unproven=unproven, notes=[notes[arch]])
            for arch, tally in exact.items()
            if tally.rows
        ),
        *outside.sections("random networks outside the proven zone", unproven=unproven),
    ]


def _add_every_layer(case: Case, tally: BitTally, torch_policy: TorchPolicy, seed: int) -> None:
    """Compare the outputs of every linear layer and convolution, the logits last.

    Ours are the logits of the network that ends there.
    """
    policy = case.policy
    places = placed_layers(policy.input_shape, policy.layers)
    weighted = [index for index, place in enumerate(places) if place.has_weights]
    references = torch_policy.outputs(policy.input_shape, policy.layers, case.weights, case.observations, keep=weighted)
    for index, reference in zip(weighted, references, strict=True):
        network = _engine.Network(policy.input_shape, policy.layers[: index + 1])
        outputs = network.logits(case.weights[: places[index].parameters.stop], case.observations)
        name = "logits" if index == weighted[-1] else f"outputs of layer {index + 1} ({places[index].layer[0]})"
        case_name = f"{case.name}, {case.kind}"
        tally.add(outputs, reference, name=name, case=case_name, versions=_versions(torch_policy), seed=seed)
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


def _tanh_networks(random: int, seed: int, torch_policy: TorchPolicy, unproven: str) -> list[Section]:
    """The networks of `TANH_NETWORKS` and so many random ones."""
    cases = []
    for policy in map(Policy, TANH_NETWORKS):
        rows = -(-LEAST_VALUES // policy.n_outputs)
        observations = np.random.default_rng(seed).standard_normal((rows, policy.n_inputs), np.float32)
        cases.append(Case(str(policy), policy, policy.init(1, seed)[0], observations))
    cases += [draw_tanh_case(seed, index, LEAST_VALUES) for index in range(random)]
    return _bounded_logits("tanh networks", cases, torch_policy, unproven, notes=[f"{len(cases)} networks"])
