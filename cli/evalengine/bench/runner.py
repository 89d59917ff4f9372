"""Runs the blocks of a plan: opens the backends of each, lets its series run, keeps every row as soon as it is there.

    [Block] ──► opened ──► Runner.run ──► Runner.rows, .comparisons, .skipped

Whatever ends a run early, Ctrl-C too, the rows of the rounds that were finished are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from evalengine.bench.backends import Backend, Evaluated, open_backend
from evalengine.bench.fresh import probe
from evalengine.bench.measures import FRESH, Measure
from evalengine.bench.plan import Block, Series
from evalengine.bench.results import BenchComparison
from evalengine.bench.rows import row_of
from evalengine.bench.schema import BenchRow
from evalengine.bench.session import Player, Progress, Session
from evalengine.errors import EvalEngineError, MissingDependencyError, UnsupportedError

Count = Callable[[int, int], object]
"""Receives how many rows are there, and how many there will be."""


Refusal = tuple[str, Block, EvalEngineError]
"""A backend that cannot play a block, and why."""


@dataclass(frozen=True)
class OpenedBlock:
    """A block and its backends, which nobody has entered yet: it is known that they can be."""

    block: Block
    backends: Mapping[tuple[str, int], Backend]

    def rows(self, round_count: int) -> int:
        """How many rows it will have."""
        return round_count * len(self.block.series) * len(self.backends)


@dataclass
class Runner:
    """Everything that has been measured so far.

    Attributes:
        round_count: rounds of each series.
        round_seconds: about how long each lasts.
        provenance: columns of every row.
        report: receives lines.
        count: receives how far it is.
        planned: rows that there will be, unless some turn out to take too long.
        rows: of the finished rounds.
        comparisons: of the finished series.
        skipped: what was left out, and why.
        doing: receives lines on what is under way; None is `report`.
    """

    round_count: int
    round_seconds: float
    provenance: Mapping[str, str | int]
    report: Progress
    count: Count
    planned: int = 0
    rows: list[BenchRow] = field(default_factory=list)
    comparisons: list[BenchComparison] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    doing: Progress | None = None

    def run(self, blocks: Sequence[OpenedBlock]) -> None:
        """Measure all of them; `planned` is set first."""
        self.planned += sum(opened.rows(self.round_count) for opened in blocks)
        for opened in blocks:
            if opened.block.series[0].measure in FRESH:
                self._run_fresh(opened)
            else:
                self._run_block(opened)

    def keep(self, row: BenchRow) -> None:
        """A round has ended."""
        self.rows.append(row)
        self.count(len(self.rows), self.planned)

    def _run_block(self, opened: OpenedBlock) -> None:
        env_id = opened.block.env_id
        with ExitStack() as running:
            players = []
            for (name, threads), backend in opened.backends.items():
                (self.doing or self.report)(f"{env_id}: starting {name}")
                players.append(Player(name, opened.block.task(threads), running.enter_context(backend)))
            for series in opened.block.series:
                self._run_series(series, players)

    def _run_series(self, series: Series, players: Sequence[Player]) -> None:
        session = Session(series, self.round_count, self.round_seconds, self.provenance, self.report, self.doing)
        able = [player for player in players if not self._leaves_out(session, player)]
        evaluated: dict[str, list[Evaluated]] = {player.name: [] for player in able}
        is_compared = series.measure == Measure.throughput
        for player, row, answer in session.rounds(able):
            self.keep(row)
            if is_compared:  # else they would only fill the memory
                evaluated[player.name].append(answer)
        if is_compared and able:
            self.comparisons += session.comparisons(evaluated, able[0].task.threads)

    def _leaves_out(self, session: Session, player: Player) -> bool:
        reason = session.too_long(player)
        if reason is None:
            return False
        self.planned -= self.round_count
        (self.doing or self.report)(f"{session.series.label}: {player.name} left out: {reason}")
        workload = session.series.workload
        self.skipped.setdefault(f"{player.name}, {workload.env_id} {workload.name}, larger calls", reason)
        return True

    def _run_fresh(self, opened: OpenedBlock) -> None:
        for series in opened.block.series:
            for number in range(1, self.round_count + 1):
                for name, threads in opened.backends:
                    task = opened.block.task(threads)
                    finished = probe(series.measure, name, series.workload, task, series.calls)
                    self.keep(row_of(series, name, task, number, finished, self.provenance))
                    self.report(
                        f"{series.label}: round {number}/{self.round_count}: {name}: {series.measure}: "
                        f"{finished.seconds:,.3f} s"
                        + ("" if finished.rss_growth_bytes is None else f", {finished.rss_growth_bytes / 1e6:,.1f} MB")
                    )


def opened_blocks(blocks: Sequence[Block], asked_for: bool) -> tuple[list[OpenedBlock], dict[str, str]]:
    """The blocks with the backends that can be opened, none of them started, and the reason for each that cannot.

    Args:
        blocks: what is to be measured.
        asked_for: whether the backends were asked for by name; then a missing package is an error.

    Raises:
        MissingDependencyError: a backend that was asked for needs a package that is not installed.
        UnsupportedError: no backend can play any of the blocks.
    """
    opened: list[OpenedBlock] = []
    refused: list[Refusal] = []
    for block in blocks:
        backends: dict[tuple[str, int], Backend] = {}
        for name in block.backends:
            try:
                for threads in block.threads:
                    backends[name, threads] = open_backend(name, block.task(threads))
            except MissingDependencyError as error:
                if asked_for:
                    raise
                refused.append((name, block, error))
            except UnsupportedError as error:
                refused.append((name, block, error))
        if backends:
            opened.append(OpenedBlock(block, backends))
    reasons = _reasons(refused)
    if blocks and not opened:
        raise UnsupportedError(f"backends: none can be measured: {'; '.join(dict.fromkeys(reasons.values()))}")
    return opened, reasons


def _reasons(refused: Sequence[Refusal]) -> dict[str, str]:
    """By backend, or by backend, environment and policy where the reasons of a backend differ."""
    of_backend: dict[str, set[str]] = {}
    for name, _, error in refused:
        of_backend.setdefault(name, set()).add(str(error))
    return {
        name if len(of_backend[name]) == 1 else f"{name}, {block.env_id} {block.policy}": str(error)
        for name, block, error in refused
    }
