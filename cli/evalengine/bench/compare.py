"""Comparing what a backend reports with what the engine reports, episode by episode, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated
from evalengine.bench.explain import Explanation, explain_episode
from evalengine.policies.graphs import Graphs
from evalengine.policies.individuals import AnyPolicy, Individuals
from evalengine.policies.policy import Policy

MAX_NOTES = 20


@dataclass(frozen=True)
class SharedFitness:
    """How the individuals that two backends both evaluated compare.

    Attributes:
        individuals: how many there are.
        differing: indices of those of which any episode's return or length differs in any bit, in any round.
        explained: indices of those whose differing episodes are all explained (see `explain`).
        notes: a line for each differing episode: mismatches first, `MAX_NOTES` at most.
    """

    individuals: int
    differing: tuple[int, ...]
    explained: tuple[int, ...]
    notes: tuple[str, ...]


def compare(
    env_id: str,
    policy: AnyPolicy,
    weights: Individuals,
    seeds: NDArray[np.uint64],
    engine: Evaluated,
    rounds: Sequence[Evaluated],
) -> SharedFitness:
    """Compare every round of a backend with one evaluation by the engine.

    Args:
        env_id: full id.
        policy: the architecture, or what graphs are.
        weights: float32 (P, D), or P graphs.
        seeds: uint64 (E,), of every individual.
        engine: the engine's results for a prefix of `weights`.
        rounds: a backend's results, each for a prefix.
    """
    shared = min(len(engine.returns), max(len(evaluated.returns) for evaluated in rounds))
    verdicts: dict[tuple[int, int, bytes | None], Explanation] = {}
    for evaluated in rounds:
        for individual, episode in differing_episodes(engine, evaluated):
            actions = None if evaluated.actions is None else evaluated.actions[individual][episode]
            key = (individual, episode, actions)
            if key in verdicts:
                continue
            if actions is None or not isinstance(policy, Policy):
                reason = "the engine contradicts itself" if isinstance(policy, Policy) else "another return or length"
                verdicts[key] = Explanation(False, reason)
                continue
            assert not isinstance(weights, Graphs)
            verdicts[key] = explain_episode(
                env_id,
                policy,
                weights[individual],
                int(seeds[episode]),
                actions,
                float(evaluated.returns[individual, episode]),
            )
    differing = {individual for individual, _, _ in verdicts}
    mismatched = {individual for (individual, _, _), verdict in verdicts.items() if not verdict.explained}
    notes = [
        f"individual {individual}, episode {episode}: {verdict.reason}"
        for (individual, episode, _), verdict in sorted(verdicts.items(), key=lambda item: item[1].explained)
    ]
    return SharedFitness(
        shared, tuple(sorted(differing)), tuple(sorted(differing - mismatched)), tuple(notes[:MAX_NOTES])
    )


def differing_episodes(first: Evaluated, second: Evaluated) -> list[tuple[int, int]]:
    """(individual, episode) of the shared individuals' episodes whose returns or lengths differ in any bit."""
    shared = min(len(first.returns), len(second.returns))
    returns = first.returns[:shared].view(np.uint64) != second.returns[:shared].view(np.uint64)
    lengths = first.lengths[:shared] != second.lengths[:shared]
    return [(int(individual), int(episode)) for individual, episode in np.argwhere(returns | lengths)]
