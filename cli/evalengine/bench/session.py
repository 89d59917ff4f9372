"""One series, measured on all backends in turn, and the backends' answers compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Backend, Evaluated, SizedBackend, Task, open_backend, plays_same_episodes
from evalengine.bench.compare import compare
from evalengine.bench.plan import Series
from evalengine.bench.results import BenchComparison
from evalengine.bench.rows import row_of
from evalengine.bench.schema import BenchRow
from evalengine.bench.timing import prefix_for, repeated_round, timed_round
from evalengine.policies.individuals import as_policy

Progress = Callable[[str], object]
"""Receives one short line whenever something begins or ends."""

LONGEST_CALL = 5.0
"""A call of a given size that would take more than this many rounds' time is left out, and all larger ones with it."""


@dataclass
class Player:
    """One backend, opened for a number of threads; it takes part in one series after the other.

    Attributes:
        name: the backend's name.
        task: what it was opened for.
        backend: entered.
        seconds_per_episode: by workload, how long an episode lasted in the last call of a given size.
    """

    name: str
    task: Task
    backend: Backend
    seconds_per_episode: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """One series, measured with every player in turn."""

    series: Series
    round_count: int
    round_seconds: float
    provenance: Mapping[str, str | int]
    report: Progress
    doing: Progress | None = None
    """Receives what is under way; None is `report`."""

    @cached_property
    def weights(self) -> Any:
        """The workload's population, made once."""
        return self.series.workload.weights()

    def too_long(self, player: Player) -> str | None:
        """Why this player had better not make calls of this size: a line, or None if it may."""
        workload = self.series.workload
        if not self.series.grows or workload.name not in player.seconds_per_episode:
            return None
        expected = player.seconds_per_episode[workload.name] * workload.population * workload.episodes
        if expected <= LONGEST_CALL * self.round_seconds:
            return None
        return f"a call of {workload.population:,} x {workload.episodes:,} episodes would take {expected:.1f} s"

    def rounds(self, players: Sequence[Player]) -> Iterator[tuple[Player, BenchRow, Evaluated]]:
        """Warm up, then let the players take turns; each round as soon as it has ended."""
        seeds = self.series.workload.seeds()
        populations = {id(player): self._warmed_up(player, seeds) for player in players}
        several = len({player.task.threads for player in players}) > 1
        for number in range(1, self.round_count + 1):
            for player in players:
                weights = self.weights[: populations[id(player)]]
                if self.series.is_prefix:
                    finished = timed_round(player.backend, weights, seeds)
                else:
                    finished = repeated_round(player.backend, weights, seeds, self.round_seconds)
                row = row_of(self.series, player.name, player.task, number, finished, self.provenance)
                yield player, row, finished.evaluated  # first: what is reported has been kept
                who = f"{player.name}, threads {player.task.threads}" if several else player.name
                self.report(
                    f"{self.series.label}: round {number}/{self.round_count}: {who}: {row.steps_per_s:,.0f} steps/s"
                )

    def _warmed_up(self, player: Player, seeds: NDArray[np.uint64]) -> int:
        """How many individuals the player is given."""
        (self.doing or self.report)(f"{self.series.label}: warming up {player.name}")
        if self.series.is_prefix:
            return prefix_for(player.backend, self.weights, seeds, self.round_seconds, player.task.threads)
        if isinstance(player.backend, SizedBackend):
            player.backend.prepare_for(len(self.weights), len(seeds))
        # The second call: what the first one pays once (caches, memory) says nothing of larger calls.
        seconds = [timed_round(player.backend, self.weights, seeds).seconds]
        if seconds[0] < self.round_seconds:
            seconds.append(timed_round(player.backend, self.weights, seeds).seconds)
        player.seconds_per_episode[self.series.workload.name] = min(seconds) / (len(self.weights) * len(seeds))
        return len(self.weights)

    def comparisons(self, evaluated: Mapping[str, Sequence[Evaluated]], threads: int) -> list[BenchComparison]:
        """Every round of every backend that plays the seeds' own episodes against one evaluation by the engine."""
        workload = self.series.workload
        task = Task(workload.env_id, workload.policy, threads)
        same = {name: rounds for name, rounds in evaluated.items() if rounds and plays_same_episodes(name, task)}
        if not same:
            return []
        engine = self._engine_evaluation(same, task)
        found = []
        for name, rounds in same.items():
            shared = compare(
                workload.env_id, as_policy(workload.policy), self.weights, workload.seeds(), engine, rounds
            )
            found.append(
                BenchComparison(
                    workload.env_id,
                    workload.name,
                    workload.policy,
                    name,
                    shared.individuals,
                    len(shared.differing),
                    len(shared.explained),
                    shared.notes,
                )
            )
        return found

    def _engine_evaluation(self, evaluated: Mapping[str, Sequence[Evaluated]], task: Task) -> Evaluated:
        """The engine's first round, or where it was not measured, what it says of the baselines' longest prefix."""
        if "rust" in evaluated:
            return evaluated["rust"][0]
        longest = max(len(rounds[0].returns) for rounds in evaluated.values())
        with open_backend("rust", task) as engine:
            return engine.evaluate(self.weights[:longest], self.series.workload.seeds())
