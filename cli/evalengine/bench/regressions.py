"""Two runs compared: what got slower (or larger) beyond the noise that their own rounds show.

    former rows, new rows ──► compare_runs ──► Regressions ──► table, exit code 1

A case of a backend is judged by its **cost**: seconds per step, per call for latency, start-up and calls on machines,
bytes for memory and for what stays resident.
It got slower if all three hold:

1. The rounds do not overlap: every new round cost more than every former one. If nothing had changed, n and m rounds
   would fall so with a probability of 1 / C(n + m, n), whatever their distribution: 0.4% for five and five.
2. The medians' ratio is beyond the noise, 1 + the larger of the two runs' spreads, where a spread is (most - least) /
   median of a run's rounds. Rounds that lie close together are only evidence of a small change if they always do.
3. The ratio is also beyond 1 + `LEAST_CHANGE`, since rounds of one process share what differs between two: where its
   memory lies, what else the machine does, how warm it is.

What stays resident must also differ by `LEAST_BYTES`: what calls leave is a few pages up or down, or a leak.

Faster is the mirror image. With fewer than `LEAST_ROUNDS` rounds on a side nothing is judged. The peak belongs to the
machine, not to the code: it is told, and judged by nobody. Depends on the rows only.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evalengine.bench.measures import Measure

if TYPE_CHECKING:
    from evalengine.bench.schema import BenchRow, Case

LEAST_ROUNDS = 3
"""Three rounds and three fall apart by chance in one case of twenty; fewer say nothing."""

LEAST_CHANGE = 0.05
"""The share by which a median must change, however steady the rounds are."""


LEAST_BYTES = 1 << 20
"""By how much the growth over many calls must change: over the 5,000 calls of its second half, by 210 bytes a call."""

_PER_CALL = frozenset({Measure.latency, Measure.machines, Measure.startup})
_BYTES = frozenset({Measure.memory, Measure.resident})


class Verdict(StrEnum):
    """How a case compares with the former run's."""

    slower = "slower"
    faster = "faster"
    same = "same"
    unjudged = "unjudged"


@dataclass(frozen=True)
class Change:
    """One case of one backend, which both runs measured.

    Attributes:
        backend: its name.
        case: what was measured (`BenchRow.case`).
        former: median cost of the former run, in `unit`.
        now: median cost of the new run.
        unit: "s/step", "s/call" or "bytes".
        noise: the share by which `now` must exceed `former` to count: the larger spread, `LEAST_CHANGE` at least.
        rounds: rounds of the former run and of the new one.
        verdict: what follows.
    """

    backend: str
    case: Case
    former: float
    now: float
    unit: str
    noise: float
    rounds: tuple[int, int]
    verdict: Verdict

    @property
    def ratio(self) -> float:
        """New cost over former cost: above 1 is slower (or larger)."""
        return self.now / self.former if self.former else 1.0


@dataclass(frozen=True)
class Regressions:
    """How a run compares with a former one.

    Attributes:
        changes: the cases that both measured, in the order of the new run.
        only_former: how many cases only the former run has.
        only_now: how many cases only the new run has.
        machines: what differs between the machines, one line each; empty if cpu and cores are the same.
    """

    changes: list[Change]
    only_former: int = 0
    only_now: int = 0
    machines: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing got slower."""
        return not self.of(Verdict.slower)

    @property
    def unjudged(self) -> str:
        """Why nothing at all could be judged, or "" where something was."""
        if not self.changes:
            return "the two runs share no case: nothing could be judged"
        if all(change.verdict == Verdict.unjudged for change in self.changes):
            most = max(min(change.rounds) for change in self.changes)
            return f"no case with {LEAST_ROUNDS} rounds on each side (at most {most}): nothing could be judged"
        return ""

    def of(self, verdict: Verdict) -> list[Change]:
        """The changes with this verdict, the largest first."""
        found = [change for change in self.changes if change.verdict == verdict]
        return sorted(found, key=lambda change: -max(change.ratio, 1 / change.ratio if change.ratio else 1.0))

    def to_json(self) -> dict[str, object]:
        """Every change with its ratio, and what else there is to know."""
        changes = [asdict(change) | {"ratio": change.ratio} for change in self.changes]
        return asdict(self) | {"changes": changes, "ok": self.ok}


def compare_runs(former: Sequence[BenchRow], now: Sequence[BenchRow]) -> Regressions:
    """Judge every case of a backend that both runs measured."""
    before, after = _by_key(former), _by_key(now)
    shared = [key for key in after if key in before]
    return Regressions(
        changes=[_change(*key, before[key], after[key]) for key in shared],
        only_former=len(before) - len(shared),
        only_now=len(after) - len(shared),
        machines=_differences(former, now),
    )


def cost(row: BenchRow) -> float:
    """What a round cost, less being better; `unit` says in what."""
    if row.measure in _BYTES:
        return float(row.rss_growth_bytes or 0)
    if row.measure in _PER_CALL:
        return row.seconds_per_call
    return row.seconds / row.steps


def unit(measure: str) -> str:
    """What `cost` is counted in."""
    if measure in _BYTES:
        return "bytes"
    return "s/call" if measure in _PER_CALL else "s/step"


def _by_key(rows: Iterable[BenchRow]) -> dict[tuple[str, Case], list[BenchRow]]:
    groups: dict[tuple[str, Case], list[BenchRow]] = {}
    for row in rows:
        groups.setdefault(row.key, []).append(row)
    return groups


def _change(backend: str, case: Case, former: Sequence[BenchRow], now: Sequence[BenchRow]) -> Change:
    before, after = [cost(row) for row in former], [cost(row) for row in now]
    noise = max(_spread(before), _spread(after), LEAST_CHANGE)
    medians = statistics.median(before), statistics.median(after)
    return Change(
        backend=backend,
        case=case,
        former=medians[0],
        now=medians[1],
        unit=unit(case[0]),
        noise=noise,
        rounds=(len(before), len(after)),
        verdict=_verdict(case[0], before, after, noise),
    )


def _verdict(measure: str, before: Sequence[float], after: Sequence[float], noise: float) -> Verdict:
    if measure == Measure.peak or min(len(before), len(after)) < LEAST_ROUNDS:
        return Verdict.unjudged
    former, now = statistics.median(before), statistics.median(after)
    if measure == Measure.resident and abs(now - former) < LEAST_BYTES:
        return Verdict.same
    if min(after) > max(before) and now > former * (1 + noise):
        return Verdict.slower
    if max(after) < min(before) and former > now * (1 + noise):
        return Verdict.faster
    return Verdict.same


def _spread(costs: Sequence[float]) -> float:
    """(most - least) / median; 0 where nothing was used at all."""
    middle = statistics.median(costs)
    return (max(costs) - min(costs)) / middle if middle else 0.0


def _differences(former: Sequence[BenchRow], now: Sequence[BenchRow]) -> tuple[str, ...]:
    lines = []
    for column in ("cpu", "cores"):
        before, after = ({str(getattr(row, column)) for row in rows} for rows in (former, now))
        if before != after:
            lines.append(f"{column}: {', '.join(sorted(before))} then, {', '.join(sorted(after))} now")
    return tuple(lines)
