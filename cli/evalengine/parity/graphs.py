"""Graphs against neat-python's own networks, bit by bit: genomes that neat-python grew, on observations of all sizes.

`graph_section` compares what networks give, `graph_loops` whole episodes in Gymnasium: feed-forward and recurrent, as
an array and as its `.tolist()`, with both of Python's ways to add floats. A recurrent graph is compared over several
steps, up to the first error that Python raises. Depends on references and GraphPolicy.
"""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import resolve
from evalengine.evaluation.evaluate import evaluate
from evalengine.evaluation.provenance import package_version
from evalengine.neat import policy as policy_of
from evalengine.parity.report import Claim, Section
from evalengine.references import reference
from evalengine.references.divergence import Divergence, differing_bits
from evalengine.references.neat_genomes import Kind, activated, chooser, episode, grow, summing
from evalengine.references.versions import standing

GENOMES_PER_CHUNK = 4_000
_POPULATION = 200
_STEPS = 5

_SIGMOID = ("sigmoid",)
_SUM = ("sum",)
KINDS = (
    Kind(),
    Kind(is_recurrent=True),
    Kind(inputs=8, outputs=4, hidden=0, connection="partial_direct 0.5", aggregations=_SUM),
    Kind(is_recurrent=True, inputs=3, outputs=1, hidden=2, connection="unconnected"),
    Kind(activations=_SIGMOID, aggregations=_SUM),
    Kind(inputs=2, outputs=3, hidden=5, most=1e120, power=1e60),
    Kind(is_recurrent=True, activations=("tanh",), aggregations=_SUM, hidden=4),
    Kind(activations=("relu", "identity", "clamped", "elu"), aggregations=("sum", "max", "median", "mean")),
)
"""Every population is of one of them."""

FORMS = tuple((inputs, how) for inputs in ("array", "list") for how in ("compensated", "plain"))
"""Inputs and sum of a policy."""


def graph_section(number: int, genomes: int) -> Section:
    """Compare so many genomes, about; `number` says which.

    Raises:
        MissingDependencyError: neat-python is not installed.
    """
    kind, form = KINDS[number % len(KINDS)], FORMS[number // len(KINDS) % len(FORMS)]
    config, grown = grow(number, kind, _POPULATION, -(-genomes // _POPULATION))
    inputs, how = form
    draw = np.random.default_rng([25, number])
    mismatches, compared, first, events = 0, 0, None, Counter[str]()
    policy = policy_of(config, inputs=inputs, sum=how)
    for start in range(0, len(grown), _POPULATION):
        part = grown[start : start + _POPULATION]
        observations = _observations(draw, kind.inputs)
        ours = policy.outputs(part, observations)
        rows = observations.tolist() if inputs == "list" else observations
        for index, genome in enumerate(part):
            with summing(how):
                theirs = activated(genome, config, rows)
            raised: NDArray[np.bool_] = np.asarray(np.isnan(theirs).all(axis=1))
            # After an error neat-python's recurrent network is left as it was in the middle of a step.
            last = int(raised.argmax()) + 1 if raised.any() and kind.is_recurrent else len(rows)
            differing = differing_bits(ours[index, :last], theirs[:last], any_nan=True).any(axis=1)
            compared += last
            mismatches += int(differing.sum())
            _count(events, genome, raised)
            if first is None and differing.any():
                row = int(differing.argmax())
                case = f"genome {start + index} of seed {number}, {kind}, {form}, row {row}"
                versions = {"neat-python": package_version("neat-python")}
                first = Divergence.between(
                    "outputs", ours[index, row], theirs[row], seed=number, case=case, versions=versions, any_nan=True
                )
    name = "graphs: " + ("RecurrentNetwork" if kind.is_recurrent else "FeedForwardNetwork")
    return Section(
        name=f"{name}.activate",
        claim=Claim.EXACT,
        steps=compared,
        episodes=len(grown),
        mismatches=mismatches,
        first_divergence=first,
        events=dict(sorted(events.items())),
        unproven="",
    )


def missing_graphs() -> Section:
    """Return the section that says what to install where neat-python is missing."""
    return Section(name="graphs", claim=Claim.EXACT, steps=0, unproven=standing("neat-python").unproven)


LOOPS = {
    "cartpole": (("argmax", 2), ("above:0.5", 1), ("above:0", 1)),
    "lunarlander": (("argmax", 4),),
    "bipedalwalker": (("clip", 4), ("tanh", 4), ("scale", 4)),
}
"""By environment, heads and the outputs that they take."""

_LOOP_FUNCTIONS = ("sigmoid", "tanh", "relu", "identity", "gauss", "sin", "clamped", "softplus", "abs")
_LOOP_STEPS = 300


def graph_loops(name: str, number: int, genomes: int) -> Section:
    """Play episodes of genomes in Gymnasium, with neat-python's networks, and compare them with `evaluate`.

    Args:
        name: one of `LOOPS`.
        number: tells sections apart: heads, recurrence and seeds follow from it.
        genomes: how many, with two episodes each; they end after 300 steps.

    Raises:
        MissingDependencyError: neat-python or Gymnasium is not installed.
    """
    entry = resolve(name)
    head, outputs = LOOPS[name][number % len(LOOPS[name])]
    kind = Kind(
        number % 2 == 1, entry.n_inputs, outputs, activations=_LOOP_FUNCTIONS, aggregations=("sum", "max", "mean")
    )
    inputs, how = FORMS[number % len(FORMS)]
    config, grown = grow(number, kind, min(genomes, 50), -(-genomes // 50))
    grown = grown[-genomes:]
    policy = policy_of(config, inputs=inputs, sum=how, head=head)
    seeds = [1000 * number, 1000 * number + 1]
    ours = evaluate(entry.id, grown, policy, seeds=seeds, max_episode_steps=_LOOP_STEPS, on_nan=np.nan)
    env = reference(entry.id).make(max_episode_steps=_LOOP_STEPS)
    choose = chooser(head, entry.action_low or (), entry.action_high or ())
    mismatches, steps, first = 0, 0, None
    with summing(how), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index in np.flatnonzero(~ours.failed):
            for place, seed in enumerate(seeds):
                theirs = episode(env, grown[index], config, seed, choose, as_list=inputs == "list")
                own = float(ours.returns[index, place]), int(ours.lengths[index, place])
                steps += theirs[1]
                if own != theirs:
                    mismatches += 1
                    case = f"genome {index} of seed {number}, {policy}"
                    first = first or Divergence.between("return, length", own, theirs, seed=seed, case=case)
    env.close()
    return Section(
        name=f"{name} graphs, closed loop",
        claim=Claim.EXACT,
        steps=steps,
        episodes=2 * int((~ours.failed).sum()),
        mismatches=mismatches,
        first_divergence=first,
        events={f"head {head}": len(grown), "genomes that fail": int(ours.failed.sum())},
    )


def _observations(draw: np.random.Generator, inputs: int) -> NDArray[np.float32]:
    """Return (T, inputs) float32: most of them as environments give them, some tiny, huge, or 0."""
    scales = draw.choice(
        [1.0, 0.05, 10.0, 1e-3, 1e6, 1e-30, 0.0], (_STEPS, inputs), p=[0.5, 0.2, 0.15, 0.05, 0.04, 0.03, 0.03]
    )
    return np.asarray(draw.normal(size=(_STEPS, inputs)) * scales, np.float32)


def _count(events: Counter[str], genome: object, raised: NDArray[np.bool_]) -> None:
    nodes = getattr(genome, "nodes", {})
    for node in nodes.values():
        events[f"activation {node.activation}"] += 1
        events[f"aggregation {node.aggregation}"] += 1
    events["genomes with an error of Python's"] += int(raised.any())
