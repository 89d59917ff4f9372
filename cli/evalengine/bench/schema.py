"""What a timed round is written down as: one row, one line of the CSV."""

from __future__ import annotations

from dataclasses import dataclass

from evalengine.bench.measures import PREFIX

SCHEMA_VERSION = 2
"""Version of the columns of `BenchRow`; it changes whenever a column is added, removed or redefined."""


@dataclass(frozen=True)
class BenchRow:
    """One timed round: one line of the CSV (its columns are these fields, in this order)."""

    schema_version: int
    started_at: str
    measure: str
    env: str
    workload: str
    policy: str
    backend: str
    backend_version: str
    note: str
    round: int
    population: int
    episodes: int
    threads: int
    seed: int
    calls: int
    steps: int
    seconds: float
    macs: int
    peak_rss_bytes: int | None
    rss_growth_bytes: int | None
    fitness_checksum: str
    cpu: str
    cores: int
    platform: str
    python: str
    numpy: str
    torch: str
    gymnasium: str
    evalengine: str
    commit: str
    dirty: str

    @property
    def case(self) -> Case:
        """What was measured, the backend and the round left out."""
        population = 0 if self.measure in PREFIX else self.population
        return (self.measure, self.env, self.workload, self.policy, population, self.episodes, self.threads)

    @property
    def key(self) -> tuple[str, Case]:
        """What the rounds of one backend have in common, in this run and in any other of the same measurement."""
        return (self.backend, self.case)

    @property
    def steps_per_s(self) -> float:
        """Environment steps per second; of a peak, see `macs_per_s`."""
        return self.steps / self.seconds

    @property
    def macs_per_s(self) -> float:
        """Multiply-adds per second of the policy's forward passes."""
        return self.steps * self.macs / self.seconds

    @property
    def seconds_per_call(self) -> float:
        """Seconds of one call."""
        return self.seconds / self.calls


Case = tuple[str, str, str, str, int, int, int]
"""measure, env, workload, policy, population (0 where it only fills the rounds), episodes, threads."""
