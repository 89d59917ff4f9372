"""What a rule that stops episodes saves: the steps of a workload's episodes with it and without.

    workload, stop ──► savings ──► Savings

Of the engine alone, whose steps cost the same either way; nothing is kept in a CSV. Depends on evaluate and workloads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from evalengine.environments.rules import STOP_RULES, StopRules
from evalengine.evaluation.evaluate import Evaluation, evaluate
from evalengine.policies.individuals import as_policy
from evalengine.workloads.catalogue import Workload

POPULATION = 24
"""Individuals that are played where nobody says how many."""


@dataclass(frozen=True)
class Savings:
    """Episodes of one workload, played to their ends and under a rule.

    Attributes:
        env: full id.
        workload: its name.
        policy: spelling.
        population: individuals.
        episodes: of each.
        stop: the rules' spelling.
        steps: without the rules, of all episodes together.
        stopped_steps: with them.
        seconds: without the rules.
        stopped_seconds: with them.
        stopped: how many episodes each rule has stopped, by name.
    """

    env: str
    workload: str
    policy: str
    population: int
    episodes: int
    stop: str
    steps: int
    stopped_steps: int
    seconds: float
    stopped_seconds: float
    stopped: dict[str, int]

    @property
    def factor(self) -> float:
        """How many times fewer steps."""
        return self.steps / self.stopped_steps

    def to_json(self) -> dict[str, object]:
        """Return the document of `--json`."""
        return {**asdict(self), "factor": self.factor}


def savings(
    workloads: Sequence[Workload], stop: str, threads: int | None, population: int | None, episodes: int | None
) -> list[Savings]:
    """Play each workload twice.

    Args:
        workloads: of one environment.
        stop: the spelling of `StopRules`.
        threads: None is all cores.
        population: individuals; None is `POPULATION`.
        episodes: of each individual; None is the workload's own number.

    Raises:
        InputError: rules that cannot be used.
    """
    found = []
    for workload in workloads:
        sized = replace(
            workload, population=population or POPULATION, episodes=workload.episodes if episodes is None else episodes
        )
        stopped, whole = (_played(sized, rules, threads) for rules in (stop, None))
        counts = {rule: int(np.count_nonzero(stopped.stopped == code)) for code, rule in enumerate(STOP_RULES) if code}
        found.append(
            Savings(
                sized.env_id,
                sized.name,
                sized.policy,
                sized.population,
                sized.episodes,
                str(StopRules.of(stop) or ""),
                whole.steps,
                stopped.steps,
                whole.seconds,
                stopped.seconds,
                {rule: count for rule, count in counts.items() if count},
            )
        )
    return found


def _played(workload: Workload, stop: str | None, threads: int | None) -> Evaluation:
    policy = as_policy(workload.policy)
    return evaluate(workload.env_id, workload.weights(), policy, seeds=workload.seeds(), threads=threads, stop=stop)
