"""What `evalengine bench` can measure, by name. Imports nothing heavy: the command line lists the names in its help."""

from __future__ import annotations

from enum import StrEnum


class Measure(StrEnum):
    """One kind of measurement: the `measure` of a row.

    Three fill their rounds with as long a prefix of the workload's population as it takes (`PREFIX`); the others make
    the very call that they are about, again and again until a round is over, or once in a fresh process (`FRESH`).
    """

    throughput = "throughput"
    """Steps per second of each workload."""
    population = "population"
    """Steps per second as the population of one call grows, one episode each."""
    episodes = "episodes"
    """Steps per second as the episodes of each individual grow."""
    threads = "threads"
    """Steps per second with one thread (or process), two, four, ... all."""
    policy = "policy"
    """Steps per second as the policy grows: hidden units and layers of an mlp, or several CNNs."""
    scaling = "scaling"
    """The engine alone: calls of four sizes, each on one thread and on more, by turns; with the backend
    `rust-apart` also as many independent calls on one thread each: what the cores give at all."""
    latency = "latency"
    """Seconds of one call with one individual and one episode."""
    memory = "memory"
    """What one large call adds to the resident memory of all processes, in a fresh process."""
    resident = "resident"
    """The engine alone: how the resident memory grows over many resets and over many calls, in a fresh process."""
    machines = "machines"
    """Seconds of one call of one-step episodes, here and on executors and clusters of this machine: all overhead."""
    startup = "startup"
    """Seconds from starting Python to the first fitness, in a fresh process."""
    peak = "peak"
    """Multiply-adds per second that the processor can do at most: what shares of the limit are taken of."""


PREFIX = frozenset({Measure.throughput, Measure.threads, Measure.policy})
"""Measures whose rows have as many individuals as fill a round, so that their number says nothing."""

FRESH = frozenset({Measure.memory, Measure.resident, Measure.startup})
"""Measures of which every round is a process of its own."""

ENGINE_ONLY = frozenset({Measure.scaling, Measure.resident, Measure.peak})
"""Measures that no other backend takes part in."""

RANDOM_ONLY = frozenset({Measure.policy, Measure.memory, Measure.resident, Measure.machines, Measure.startup})
"""Measures that take the random workload unless asked otherwise; nothing was trained for other policies' sizes."""
