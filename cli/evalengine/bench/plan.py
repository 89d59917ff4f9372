"""What a measure consists of: which calls are timed, on which backends, with how many threads, and in what order.

    measure, workloads, backends, threads ──► plan ──► [Block] ──► session.py, fresh.py

Within a block backends are opened once; within a series all of them take turns, so that they meet the same machine.
Nothing runs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalengine.bench.backends import Task
from evalengine.bench.measures import PREFIX, Measure
from evalengine.environments.registry import EnvironmentEntry
from evalengine.policies.policy import Policy
from evalengine.workloads.catalogue import Workload, bytes_of, policy_sizes

POPULATIONS = (1, 10, 100, 1_000, 10_000)
"""Individuals of one call where growth with the population is measured, one episode each."""

EPISODES = (1, 10, 100, 1_000)
"""Episodes of each individual where growth with the episodes is measured."""

EPISODES_POPULATION = 10
"""Individuals of one call where growth with the episodes is measured."""

SCALING_SIZES = ((256, 1), (64, 8), (1, 100), (10_000, 1))
"""(population, episodes) of `Measure.scaling`: a generation of a small evolution, with one episode each and with
several; an individual that is tested; a population that is large."""

LEAST_POPULATION = 64
"""Individuals that a workload keeps however large the policy is."""

RESETS = (10, 100, 100)
"""(population, episodes, calls) of `Measure.resident`'s first case: 10^5 resets, each with one step."""

MANY_CALLS = (1, 1, 10_000)
"""Its second case: 10^4 calls of one episode."""

MACHINES_BYTES = (0, 1_000_000, 64_000_000)
"""Bytes of weights of `Measure.machines`'s calls: one individual, and as many as come to that."""

LARGE_POPULATION = 10_000
"""Individuals of the one call whose memory is measured, one episode each."""


@dataclass(frozen=True)
class Series:
    """Rounds of one workload in which backends, each with each number of threads, take turns.

    Attributes:
        measure: what the rows are about.
        workload: the calls; its population is what a prefix is taken of (`measures.PREFIX`), else the call's very size.
        calls: how many calls a fresh process makes; others make as many as fill a round.
    """

    measure: Measure
    workload: Workload
    calls: int = 1

    @property
    def is_prefix(self) -> bool:
        """Whether each backend takes as many individuals as fill a round."""
        return self.measure in PREFIX

    @property
    def grows(self) -> bool:
        """Whether the series after it makes larger calls of the same workload."""
        return self.measure in (Measure.population, Measure.episodes)

    @property
    def label(self) -> str:
        """Its name in lines of progress."""
        label = f"{self.workload.env_id}, {self.workload.name}"
        if self.measure == Measure.policy:
            return f"{label}, {self.workload.policy}"
        return label if self.is_prefix else f"{label}, {self.workload.population:,} x {self.workload.episodes:,}"


@dataclass(frozen=True)
class Block:
    """Series of one policy that share the backends that are opened for them.

    Attributes:
        env_id: full id.
        policy: spelling of the policy.
        backends: their names.
        threads: the numbers of threads that each is opened with.
        series: what is measured, one after the other; where sizes grow, the smallest first.
        max_episode_steps: where episodes end; None is the environment's own limit.
    """

    env_id: str
    policy: str
    backends: tuple[str, ...]
    threads: tuple[int, ...]
    series: tuple[Series, ...]
    max_episode_steps: int | None = None

    def task(self, threads: int) -> Task:
        """What its backends are opened for."""
        return Task(self.env_id, self.policy, threads, self.max_episode_steps)


def plan(
    measure: Measure,
    entry: EnvironmentEntry,
    workloads: Sequence[Workload],
    backends: Sequence[str],
    threads: int,
    size: tuple[int | None, int | None] = (None, None),
) -> list[Block]:
    """The blocks of one environment and policy.

    Args:
        measure: what is measured; `Measure.peak` has no blocks.
        entry: the environment.
        workloads: all of one policy, with their own sizes.
        backends: names of the backends that can be opened.
        threads: how many, or how many at most.
        size: population and episodes instead of the measure's own.
    """
    policy = workloads[0].policy
    sized = [_sized(workload, size) for workload in workloads]
    names = tuple(backends)

    def block(series: Sequence[Series], counts: tuple[int, ...] = (threads,)) -> Block:
        return Block(entry.id, policy, names, counts, tuple(series))

    match measure:
        case Measure.throughput:
            return [block([Series(measure, workload) for workload in sized])]
        case Measure.threads:
            # One backend after the other: processes of all of them for all numbers would not fit into memory.
            return [
                replace(
                    block([Series(measure, workload) for workload in sized], thread_counts(threads)), backends=(name,)
                )
                for name in names
            ]
        case Measure.scaling:
            series = [
                Series(measure, of_size)
                for workload in workloads
                for of_size in ([_sized(workload, size)] if any(size) else _of_sizes(workload, SCALING_SIZES))
            ]
            return [block(series, thread_counts(threads))]
        case Measure.population:
            sizes = [(population, size[1] or 1) for population in POPULATIONS]
            return [block([Series(measure, one) for workload in workloads for one in _of_sizes(workload, sizes)])]
        case Measure.episodes:
            sizes = [(size[0] or EPISODES_POPULATION, episodes) for episodes in EPISODES]
            return [block([Series(measure, one) for workload in workloads for one in _of_sizes(workload, sizes)])]
        case Measure.policy:
            return [
                replace(block([Series(measure, _with_policy(sized[0], spelling))]), policy=spelling)
                for spelling in policy_sizes(entry)
            ]
        case Measure.latency | Measure.startup:
            return [block([Series(measure, replace(workload, population=1, episodes=1)) for workload in workloads])]
        case Measure.memory:
            call = replace(workloads[0], population=size[0] or LARGE_POPULATION, episodes=size[1] or 1)
            return [block([Series(measure, call)])]
        case Measure.resident:
            cases = [(size[0] or RESETS[0], size[1] or RESETS[1], RESETS[2]), MANY_CALLS]
            series = [
                Series(measure, _of_sizes(workloads[0], [(population, episodes)])[0], calls)
                for population, episodes, calls in cases
            ]
            return [replace(block(series), max_episode_steps=1)]
        case Measure.machines:
            each = bytes_of(policy)
            populations = [size[0]] if size[0] else sorted({max(1, most // each) for most in MACHINES_BYTES})
            calls = _of_sizes(workloads[0], [(population, size[1] or 1) for population in populations])
            return [replace(block([Series(measure, call) for call in calls]), max_episode_steps=1)]
    return []


def thread_counts(most: int) -> tuple[int, ...]:
    """The numbers of threads to measure: one, two, four, ... and `most`."""
    doubled = [1]
    while 2 * doubled[-1] <= most:
        doubled.append(2 * doubled[-1])
    return tuple(sorted({*doubled, most}))


def _of_sizes(workload: Workload, sizes: Sequence[tuple[int, int]]) -> list[Workload]:
    return [replace(workload, population=population, episodes=episodes) for population, episodes in sizes]


def _with_policy(workload: Workload, spelling: str) -> Workload:
    """The workload with another policy, and fewer individuals of a larger one: rounds and memory stay as they were."""
    macs, own_macs = Policy(spelling).network.macs, Policy(workload.policy).network.macs
    population = min(workload.population, max(LEAST_POPULATION, workload.population * own_macs // macs))
    return replace(workload, policy=spelling, population=population)


def _sized(workload: Workload, size: tuple[int | None, int | None]) -> Workload:
    """The workload with another population and other episodes, where they are given."""
    population, episodes = size
    return replace(workload, population=population or workload.population, episodes=episodes or workload.episodes)
