"""`evalengine evaluate`: how good are the individuals in weights files?

Data flow: `EvaluateConfig` -> `Task` -> `EvaluateResult`, one of each for each file; a large population that is written
as it goes takes the way through `journaled`. Nothing is printed here; the caller renders the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from evalengine.clusters.shares import within_population
from evalengine.errors import InputError
from evalengine.evaluation.evaluate import Evaluation, evaluate
from evalengine.evaluation.provenance import provenance
from evalengine.files.frames import check_frames
from evalengine.files.whole import check_writable
from evalengine.policies.individuals import Individuals, check_finite
from evalengine.progress import Progress
from evalengine.terminal.evaluate.result import EvaluateConfig, EvaluateResult
from evalengine.terminal.evaluate.task import Task, n_individuals, shifted, told_apart
from evalengine.terminal.fitting import choose
from evalengine.terminal.weights_file import loaded_weights, selected, setting_of

__all__ = ["EvaluateConfig", "EvaluateResult", "run", "run_files"]

# From this size on a .npy file is mapped instead of read: then its population may be larger than the memory.
_MAPPED_BYTES = 1 << 28


def run(
    config: EvaluateConfig,
    progress: Progress | None = None,
    note: Callable[[str], object] | None = None,
) -> EvaluateResult:
    """Do as `run_files` does, with one file."""
    [result] = run_files([config], progress, note)
    return result


def run_files(
    configs: Sequence[EvaluateConfig],
    progress: Progress | None = None,
    note: Callable[[str], object] | None = None,
) -> list[EvaluateResult]:
    """Load, evaluate, write the CSV if one is asked for; a result for each file.

    A population of more than a few episodes is written as it goes and resumed where an earlier process was cut off;
    see `journaled`. All files are read and checked before the first episode.

    Args:
        configs: what to evaluate, a file each; they differ in nothing else.
        progress: called with (episodes done, episodes in all) about ten times a second.
        note: called with lines for the user: what is played as the file says, resumed, or kept after Ctrl-C.

    Raises:
        InputError: a file, a name or a number that cannot be used; raised before any episode starts.
        NonFiniteError: logits became NaN or infinite and `on_nan` is "raise".
        OutputError: the CSV cannot be written; whether it can is checked before any work.
    """
    out = configs[0].out
    if out is not None:
        for config in configs:
            config.check_output("out", out)
        check_writable(out)
        check_frames()
    elif configs[0].per_episode:
        raise InputError("--per-episode: expected --out, the file that the episodes are written to")
    started = provenance(datetime.now(UTC))
    tasks = [_prepared(config, started, note or (lambda line: None)) for config in configs]
    for task in tasks if len(tasks) > 1 else ():
        with told_apart(task, tasks):
            _evaluate(task, task.weights[:0], None)  # checks every argument
            if task.config.on_nan == "raise":
                check_finite(task.weights)
    if out is not None:
        from evalengine.terminal.evaluate import journaled

        if journaled.is_worth_it(tasks):
            return journaled.run(tasks, _evaluate, progress, note)
    results, frames = [], []
    total = n_individuals(tasks) * configs[0].n_episodes
    for position, task in enumerate(tasks):
        before = n_individuals(tasks[:position]) * task.config.n_episodes
        with told_apart(task, tasks), within_population(task.config.index or 0):
            evaluation = _evaluate(task, task.weights, shifted(progress, before, total))
        results.append(
            EvaluateResult.of(task.config, task.env_id, task.policy, task.individuals, evaluation, task.provenance)
        )
        if out is not None:
            from evalengine.terminal.evaluate.tables import out_frame

            frames.append(out_frame(results[-1], evaluation))
    if out is not None:
        import pandas as pd

        from evalengine.files.frames import write_csv

        write_csv(pd.concat(frames, ignore_index=True), out)
    return results


def _prepared(config: EvaluateConfig, started: dict[str, str | int], say: Callable[[str], object]) -> Task:
    """Read a file, and find out what its individuals are and what they play in."""
    loaded = loaded_weights(config, say, memory_map=_is_large(config.weights))
    setting, said = setting_of(config, loaded)
    entry, policy = choose(loaded, config.env, setting.get("env_kwargs"), setting.get("observation"))
    weights, individuals = selected(loaded, config.index, "a position from 0")
    if said:
        say(said)
    return Task(config, entry.id, str(policy), setting, weights, individuals, started)


def _evaluate(task: Task, weights: Individuals, progress: Progress | None) -> Evaluation:
    config = task.config
    return evaluate(
        task.env_id,
        weights,
        task.policy,
        episodes=config.n_episodes,
        seeds=config.seeds,
        threads=config.threads,
        on_nan=config.on_nan,
        progress=progress,
        **task.setting,
    )


def _is_large(weights: Path) -> bool:
    try:
        return weights.stat().st_size >= _MAPPED_BYTES
    except OSError:
        return False  # said better by who reads it
