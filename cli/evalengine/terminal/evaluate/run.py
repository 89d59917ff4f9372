"""`evalengine evaluate`: how good are the individuals in a weights file?

Data flow: `EvaluateConfig` -> `run` -> `EvaluateResult`; a large population that is written as it goes takes the way
through `journaled`. Nothing is printed here; the caller renders the result.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from evalengine.clusters.shares import within_population
from evalengine.environments.registry import EnvironmentEntry
from evalengine.evaluation.evaluate import Evaluation, evaluate
from evalengine.evaluation.provenance import provenance
from evalengine.files.whole import check_writable
from evalengine.policies.individuals import AnyPolicy, Individuals
from evalengine.policies.setting import SettingOptions
from evalengine.progress import Progress
from evalengine.terminal.evaluate.result import EvaluateConfig, EvaluateResult
from evalengine.terminal.fitting import choose
from evalengine.terminal.weights_file import loaded_weights, selected, setting_of

__all__ = ["EvaluateConfig", "EvaluateResult", "run"]

# From this size on a .npy file is mapped instead of read: then its population may be larger than the memory.
_MAPPED_BYTES = 1 << 28


def run(
    config: EvaluateConfig,
    progress: Progress | None = None,
    note: Callable[[str], object] | None = None,
) -> EvaluateResult:
    """Load, evaluate, write the CSV if one is asked for.

    A population of more than a few episodes is written as it goes and resumed where an earlier process was cut off;
    see `journaled`.

    Args:
        config: what to evaluate.
        progress: called with (episodes done, episodes in all) about ten times a second.
        note: called with lines for the user: what is played as the file says, resumed, or kept after Ctrl-C.

    Raises:
        InputError: a file, a name or a number that cannot be used; raised before any episode starts.
        NonFiniteError: logits became NaN or infinite and `on_nan` is "raise".
        OutputError: the CSV cannot be written; whether it can is checked before any work.
    """
    started_at = datetime.now(UTC)
    if config.out is not None:
        config.check_output("out", config.out)
        check_writable(config.out)
    say = note or (lambda line: None)
    loaded = loaded_weights(config, say, memory_map=_is_large(config.weights))
    setting, said = setting_of(config, loaded)
    entry, policy = choose(loaded, config.env, setting.get("env_kwargs"), setting.get("observation"))
    weights, individuals = selected(loaded, config.index, "a position from 0")
    if said:
        say(said)
    play = partial(_evaluate, config, entry, policy, setting)
    if config.out is not None:
        from evalengine.terminal.evaluate import journaled

        if journaled.is_worth_it(config, len(weights)):
            task = journaled.Task(config, entry.id, str(policy), setting, weights, individuals, provenance(started_at))
            return journaled.run(task, play, progress, note)
    with within_population(config.index or 0):
        evaluation = play(weights, progress)
    result = EvaluateResult.of(config, entry.id, str(policy), individuals, evaluation, provenance(started_at))
    if config.out is not None:
        from evalengine.files.frames import write_csv
        from evalengine.terminal.evaluate.tables import evaluation_frame

        write_csv(evaluation_frame(result), config.out)
    return result


def _evaluate(
    config: EvaluateConfig,
    entry: EnvironmentEntry,
    policy: AnyPolicy,
    setting: SettingOptions,
    weights: Individuals,
    progress: Progress | None,
) -> Evaluation:
    return evaluate(
        entry.id,
        weights,
        policy,
        episodes=config.n_episodes,
        seeds=config.seeds,
        threads=config.threads,
        on_nan=config.on_nan,
        progress=progress,
        **setting,
    )


def _is_large(weights: Path) -> bool:
    try:
        return weights.stat().st_size >= _MAPPED_BYTES
    except OSError:
        return False  # said better by who reads it
