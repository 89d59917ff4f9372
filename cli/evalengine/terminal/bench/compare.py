"""`evalengine compare`: what got slower between two saved runs of `evalengine bench`; nothing is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalengine.bench.regressions import Regressions, compare_runs
from evalengine.bench.saved import read_rows


@dataclass(frozen=True)
class CompareConfig:
    """Which runs to compare.

    Attributes:
        former: CSV of the run to compare with.
        now: CSV of the run to judge.
    """

    former: Path
    now: Path


def run(config: CompareConfig) -> Regressions:
    """Read both files and judge every case that they share (`bench.regressions` has the rule).

    Raises:
        InputError: a file cannot be read, or is no CSV of this schema version.
    """
    return compare_runs(read_rows(config.former), read_rows(config.now))
