"""`evalengine evaluate --out` for a large population: rows are written as they come, and a killed run is resumed.

    weights ──► some rows ──► evaluate ──► CSV lines ──► journal: results.csv.part ──► results.csv
                    ▲                                       │
                    └────────── as many as take a second ◄──┘

An individual's result depends on nothing but itself, so how the population is cut does not show in the CSV: it has the
bytes of a run that was never cut off. Its provenance columns tell of the process that began it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.clusters.shares import within_population
from evalengine.environments.rules import NoOps, StopRules
from evalengine.errors import NonFiniteError
from evalengine.evaluation.equal_bits import requirements
from evalengine.evaluation.evaluate import Evaluation
from evalengine.files.frames import frame_csv
from evalengine.files.journal import Journal, open_journal
from evalengine.files.whole import is_special
from evalengine.policies.graphs import bytes_each
from evalengine.policies.individuals import Individuals, check_finite
from evalengine.policies.setting import SettingOptions, described_setting
from evalengine.progress import Progress
from evalengine.terminal.evaluate.result import EvaluateConfig, EvaluateResult
from evalengine.terminal.evaluate.tables import EVALUATE_SCHEMA_VERSION, evaluation_frame

FIRST_EPISODES = 64
"""A population of no more episodes is written at once at its end; of a larger one, about as many are run first."""

# How long a piece takes is what a kill can lose, and a call's threads wait for each other at its end.
_PIECE_SECONDS = 2.0
_FASTEST_GROWTH = 4
# What a piece may take in memory, weights and results.
_PIECE_BYTES = 1 << 28
_BYTES_PER_EPISODE = 32
_COLUMNS: dict[str, type] = {
    "individual": np.int64,
    "fitness": np.float32,
    **dict.fromkeys(("mean_return", "std_return", "min_return", "max_return", "mean_length"), np.float64),
    "failed": np.bool_,
}

EvaluateRows = Callable[[Individuals, Progress | None], Evaluation]


@dataclass(frozen=True)
class Task:
    """What is evaluated and written.

    Attributes:
        config: what was asked for; `out` is not None.
        env_id: full id of the environment.
        policy: canonical spelling.
        setting: what it plays in, the file's and what was asked for.
        weights: (P, D) float32, perhaps a memory map; or graphs.
        individuals: (P,) int64, their positions in the file.
        provenance: of this process.
    """

    config: EvaluateConfig
    env_id: str
    policy: str
    setting: SettingOptions
    weights: Individuals
    individuals: NDArray[np.int64]
    provenance: dict[str, str | int]

    @property
    def out(self) -> Path:
        """The CSV file."""
        assert self.config.out is not None
        return self.config.out


def is_worth_it(config: EvaluateConfig, population: int) -> bool:
    """Say whether a population is large enough, and its output a file that can be written bit by bit and renamed."""
    assert config.out is not None
    return population > 1 and population * config.n_episodes > FIRST_EPISODES and not is_special(config.out)


def run(
    task: Task, evaluate_rows: EvaluateRows, progress: Progress | None, note: Callable[[str], object] | None
) -> EvaluateResult:
    """Evaluate what an earlier process has not, and write the CSV.

    Args:
        task: what is evaluated.
        evaluate_rows: called with some rows of the weights and a function to report progress to.
        progress: called with (episodes done, episodes in all).
        note: called with lines for the user.

    Raises:
        InputError: an argument cannot be used, or the .part file belongs to another run; nothing has been run.
        NonFiniteError: see `evaluate`; a run that cannot succeed leaves nothing to resume.
        OutputError: a file cannot be written.
    """
    evaluate_rows(task.weights[:0], None)  # checks every argument
    if task.config.on_nan == "raise":
        check_finite(task.weights)
    with open_journal(task.out, _identity(task), task.provenance) as journal:
        if note is not None and journal.rows:
            note(f"resuming: {_so_far(task, journal)}")
        columns = [_columns_of(journal)] if journal.rows else []
        try:
            columns += _remaining(task, journal, evaluate_rows, progress)
        except NonFiniteError:
            journal.discard()
            raise
        except KeyboardInterrupt:
            if note is not None and journal.rows:
                note(f"kept: {_so_far(task, journal)}; the same command goes on from there")
            raise
        journal.finish()
    return EvaluateResult(
        task.config,
        task.env_id,
        task.policy,
        {name: np.concatenate([piece[name] for piece in columns]) for name in columns[0]},
        task.config.episode_seeds,
        task.config.n_episodes,
        sum(block.steps for block in journal.blocks),
        sum(block.seconds for block in journal.blocks),
        journal.notes,
    )


def _remaining(
    task: Task, journal: Journal, evaluate_rows: EvaluateRows, progress: Progress | None
) -> list[dict[str, NDArray[np.generic]]]:
    """Evaluate the rows that the journal lacks, write them, and return their columns, piece by piece."""
    population, episodes = len(task.weights), task.config.n_episodes
    most = max(1, _PIECE_BYTES // (bytes_each(task.weights) + _BYTES_PER_EPISODE * episodes))
    rows = max(1, min(FIRST_EPISODES // episodes, most))
    pieces = []
    while journal.rows < population:
        start = journal.rows
        piece = slice(start, min(start + rows, population))
        with within_population(start):
            evaluation = evaluate_rows(task.weights[piece], _shifted(progress, start * episodes, population * episodes))
        result = EvaluateResult.of(
            task.config, task.env_id, task.policy, task.individuals[piece], evaluation, journal.notes
        )
        journal.append(_csv(result, with_header=start == 0), len(result.individuals), result.steps, result.seconds)
        pieces.append(result.columns)
        wanted = rows * _PIECE_SECONDS / max(evaluation.seconds, 1e-3)
        rows = max(1, min(int(wanted), rows * _FASTEST_GROWTH, most))
    return pieces


def _identity(task: Task) -> dict[str, Any]:
    """Return what the bytes of the CSV depend on, in the order in which differences are looked for."""
    config, here = task.config, requirements()
    setting = described_setting(task.setting)
    normalize = setting.get("normalize")
    with config.weights.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "evalengine": task.provenance["evalengine"],
        "commit": task.provenance["commit"],
        "schema": EVALUATE_SCHEMA_VERSION,
        # sin, cos and pow are the platform's own.
        "machine": here["machine"],
        "libm": here["libm"],
        "weights": str(config.weights),
        "weights' SHA-256": content,
        "index": config.index,
        "env": task.env_id,
        "policy": task.policy,
        "layout": config.layout,
        "seeds": config.episode_seeds,
        "env_kwargs": setting.get("env_kwargs", {}),
        "reset_options": setting.get("reset_options", {}),
        "observation": setting.get("observation"),
        "max_episode_steps": setting.get("max_episode_steps"),
        "normalize's SHA-256": None if normalize is None else _digest(normalize),  # an image's mean has megabytes
        "epsilon": setting.get("epsilon", 0.0),
        "sticky": setting.get("sticky", 0.0),
        "stop": str(StopRules.of(config.stop) or ""),
        "no_ops": str(NoOps.of(config.no_ops)),
        "on_nan": str(config.on_nan),
    }


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _csv(result: EvaluateResult, *, with_header: bool) -> bytes:
    stream = io.BytesIO()
    frame_csv(evaluation_frame(result), stream, with_header=with_header)
    return stream.getvalue()


def _columns_of(journal: Journal) -> dict[str, NDArray[np.generic]]:
    """Read back the columns that an earlier process wrote, to the bit: Python's float() rounds correctly."""
    with journal.part.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        lines = csv.reader(stream)
        header = next(lines)
        places = [header.index(name) for name in _COLUMNS]
        cells = [[line[place] for place in places] for line in lines]
    columns = zip(_COLUMNS.items(), zip(*cells, strict=True), strict=True)
    return {name: np.array([_value(cell, dtype) for cell in column], dtype) for (name, dtype), column in columns}


def _value(cell: str, dtype: type) -> object:
    """Return what pandas wrote as a cell; an empty one is NaN."""
    if dtype is np.bool_:
        return cell == "True"
    return int(cell) if dtype is np.int64 else float(cell or "nan")


def _so_far(task: Task, journal: Journal) -> str:
    return f"{journal.rows:,} of {len(task.weights):,} individuals are in {journal.part}"


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return a progress function for a piece that reports for the whole population."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
