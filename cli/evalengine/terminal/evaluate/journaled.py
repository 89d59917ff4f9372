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
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalengine.clusters.shares import within_population
from evalengine.environments.rules import STOP_RULES
from evalengine.errors import NonFiniteError
from evalengine.evaluation.equal_bits import requirements
from evalengine.evaluation.evaluate import Evaluation
from evalengine.files.frames import frame_csv
from evalengine.files.journal import Journal, open_journal
from evalengine.files.whole import is_special
from evalengine.policies.graphs import bytes_each
from evalengine.policies.individuals import Individuals, check_finite
from evalengine.policies.setting import described_setting
from evalengine.progress import Progress
from evalengine.terminal.evaluate.result import EvaluateConfig, EvaluateResult, columns_of
from evalengine.terminal.evaluate.tables import EPISODES_SCHEMA_VERSION, EVALUATE_SCHEMA_VERSION, out_frame
from evalengine.terminal.evaluate.task import Task, n_individuals, shifted, told_apart

if TYPE_CHECKING:
    import pandas as pd

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
    "stopped": np.int64,
    "failed": np.bool_,
}
_EPISODE_COLUMNS: dict[str, type] = {
    "individual": np.int64,
    "fitness": np.float32,
    "failed": np.bool_,
    "return": np.float64,
    "length": np.int64,
    "ending": np.str_,
}

EvaluateRows = Callable[[Task, Individuals, Progress | None], Evaluation]


def is_worth_it(tasks: Sequence[Task]) -> bool:
    """Say whether the populations are large enough, and their output a file that can be written bit by bit and renamed.

    One individual alone, or one in each file, is written at the end.
    """
    config = tasks[0].config
    assert config.out is not None
    population = n_individuals(tasks)
    return population > 1 and population * config.n_episodes > FIRST_EPISODES and not is_special(config.out)


def run(
    tasks: Sequence[Task],
    evaluate_rows: EvaluateRows,
    progress: Progress | None,
    note: Callable[[str], object] | None,
) -> list[EvaluateResult]:
    """Evaluate what an earlier process has not, and write the CSV: the rows of one file after those of the other.

    Args:
        tasks: what is evaluated, a file each; they differ in nothing else that was asked for.
        evaluate_rows: called with a task, some rows of its weights and a function to report progress to.
        progress: called with (episodes done, episodes in all).
        note: called with lines for the user.

    Raises:
        InputError: an argument cannot be used, or the .part file belongs to another run; nothing has been run.
        NonFiniteError: see `evaluate`; a run that cannot succeed leaves nothing to resume.
        OutputError: a file cannot be written.
    """
    for task in tasks:
        evaluate_rows(task, task.weights[:0], None)  # checks every argument
        if task.config.on_nan == "raise":
            check_finite(task.weights)
    out = tasks[0].config.out
    assert out is not None
    with open_journal(out, _identity(tasks), tasks[0].provenance) as journal:
        if note is not None and journal.rows:
            note(f"resuming: {_so_far(tasks, journal)}")
        columns = [_columns_of(tasks[0].config, journal)] if journal.rows else []
        try:
            for position, task in enumerate(tasks):
                with told_apart(task, tasks):
                    columns += _remaining(task, tasks[:position], tasks, journal, evaluate_rows, progress)
        except NonFiniteError:
            journal.discard()
            raise
        except KeyboardInterrupt:
            if note is not None and journal.rows:
                note(f"kept: {_so_far(tasks, journal)}; the same command goes on from there")
            raise
        journal.finish()
    return _results(tasks, journal, {name: np.concatenate([piece[name] for piece in columns]) for name in columns[0]})


def _remaining(
    task: Task,
    earlier: Sequence[Task],
    tasks: Sequence[Task],
    journal: Journal,
    evaluate_rows: EvaluateRows,
    progress: Progress | None,
) -> list[dict[str, NDArray[np.generic]]]:
    """Evaluate the rows of a file that the journal lacks, write them, and return their columns, piece by piece."""
    offset, population, episodes = n_individuals(earlier), len(task.weights), task.config.n_episodes
    most = max(1, _PIECE_BYTES // (bytes_each(task.weights) + _BYTES_PER_EPISODE * episodes))
    rows = max(1, min(FIRST_EPISODES // episodes, most))
    pieces = []
    while journal.rows < offset + population:
        start = journal.rows - offset
        piece = slice(start, min(start + rows, population))
        counted = shifted(progress, journal.rows * episodes, n_individuals(tasks) * episodes)
        with within_population(start):
            evaluation = evaluate_rows(task, task.weights[piece], counted)
        result = EvaluateResult.of(
            task.config, task.env_id, task.policy, task.individuals[piece], evaluation, journal.notes
        )
        content = _csv(out_frame(result, evaluation), with_header=journal.rows == 0)
        journal.append(content, len(result.individuals), result.steps, result.seconds)
        pieces.append(result.columns)
        wanted = rows * _PIECE_SECONDS / max(evaluation.seconds, 1e-3)
        rows = max(1, min(int(wanted), rows * _FASTEST_GROWTH, most))
    return pieces


def _results(tasks: Sequence[Task], journal: Journal, columns: dict[str, NDArray[np.generic]]) -> list[EvaluateResult]:
    """Return the results of all files, from the columns of all of them and the blocks, each of which is of one file."""
    results, blocks, start = [], list(journal.blocks), 0
    for task in tasks:
        stop, steps, seconds, left = start + len(task.weights), 0, 0.0, len(task.weights)
        while left:
            block = blocks.pop(0)
            steps, seconds, left = steps + block.steps, seconds + block.seconds, left - block.rows
        results.append(
            EvaluateResult(
                task.config,
                task.env_id,
                task.policy,
                {name: column[start:stop] for name, column in columns.items()},
                task.config.episode_seeds,
                task.config.n_episodes,
                steps,
                seconds,
                journal.notes,
            )
        )
        start = stop
    return results


def _identity(tasks: Sequence[Task]) -> dict[str, Any]:
    """Return what the bytes of the CSV depend on; what differs from file to file as a list."""
    identities = [_identity_of(task) for task in tasks]
    first = identities[0]
    return {
        name: value if all(other[name] == value for other in identities) else [other[name] for other in identities]
        for name, value in first.items()
    } | ({"files": len(tasks)} if len(tasks) > 1 else {})


def _identity_of(task: Task) -> dict[str, Any]:
    """Return what the bytes of a file's rows depend on, in the order in which differences are looked for."""
    config, here = task.config, requirements()
    setting = described_setting(task.setting)
    normalize = setting.get("normalize")
    with config.weights.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "evalengine": task.provenance["evalengine"],
        "commit": task.provenance["commit"],
        "schema": EPISODES_SCHEMA_VERSION if config.per_episode else EVALUATE_SCHEMA_VERSION,
        "per_episode": config.per_episode,
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
        "stop": setting.get("stop", ""),
        "no_ops": setting.get("no_ops", "0"),
        "action_repeat": setting.get("action_repeat", 1),
        "on_nan": str(config.on_nan),
    }


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _csv(frame: pd.DataFrame, *, with_header: bool) -> bytes:
    stream = io.BytesIO()
    frame_csv(frame, stream, with_header=with_header)
    return stream.getvalue()


def _columns_of(config: EvaluateConfig, journal: Journal) -> dict[str, NDArray[np.generic]]:
    """Read back the columns that an earlier process wrote, to the bit: Python's float() rounds correctly."""
    names = _EPISODE_COLUMNS if config.per_episode else _COLUMNS
    with journal.part.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        lines = csv.reader(stream)
        header = next(lines)
        places = [header.index(name) for name in names]
        cells = [[line[place] for place in places] for line in lines]
    read: dict[str, NDArray[np.generic]] = {
        name: np.array([_value(cell, dtype) for cell in column], dtype)
        for (name, dtype), column in zip(names.items(), zip(*cells, strict=True), strict=True)
    }
    if not config.per_episode:
        return read
    rows: dict[str, NDArray[Any]] = {name: column.reshape(-1, config.n_episodes) for name, column in read.items()}
    first = {name: column[:, 0] for name, column in rows.items()}
    is_stopped = np.isin(rows["ending"], STOP_RULES[1:])
    return columns_of(
        first["individual"], first["fitness"], first["failed"], rows["return"], rows["length"], is_stopped
    )


def _value(cell: str, dtype: type) -> object:
    """Return what pandas wrote as a cell; an empty one is NaN."""
    if dtype is np.bool_:
        return cell == "True"
    if dtype is np.str_:
        return cell
    return int(cell) if dtype is np.int64 else float(cell or "nan")


def _so_far(tasks: Sequence[Task], journal: Journal) -> str:
    return f"{journal.rows:,} of {n_individuals(tasks):,} individuals are in {journal.part}"
