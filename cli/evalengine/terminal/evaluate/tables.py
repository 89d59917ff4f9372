"""What `evaluate` found, as a data frame (pandas) and as a table and lines (rich), imported when they are needed.

    EvaluateResult ──► out_frame ──► files.frames.write_csv
                   └─► evaluation_report, files_report ──► rich

Nothing is computed here but what a reader needs to see numbers well: the statistics belong to the result objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalengine.messages import named
from evalengine.streams import counted, plain_table

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from evalengine.evaluation.result import Evaluation
    from evalengine.terminal.evaluate.result import EvaluateConfig, EvaluateResult

EVALUATE_SCHEMA_VERSION = 2
"""Version of the columns of `evaluation_frame`; it changes whenever a column is added, removed or redefined."""


EPISODES_SCHEMA_VERSION = 1
"""Version of the columns of `episodes_frame`, likewise."""


def out_frame(result: EvaluateResult, evaluation: Evaluation) -> pd.DataFrame:
    """Return the rows of `--out`: one for each individual, or for each episode where that was asked for."""
    return episodes_frame(result, evaluation) if result.config.per_episode else evaluation_frame(result)


def episodes_frame(result: EvaluateResult, evaluation: Evaluation) -> pd.DataFrame:
    """Return one row per individual and episode, in this order.

    Columns: schema_version, env, policy, weights (the file), those of `Evaluation.to_frame` (individual is the position
    in the file), and those of `provenance`.
    """
    frame = evaluation.to_frame()
    frame["individual"] = result.individuals.repeat(result.episodes)
    frame.insert(0, "schema_version", EPISODES_SCHEMA_VERSION)
    frame.insert(1, "env", result.env_id)
    frame.insert(2, "policy", result.policy)
    frame.insert(3, "weights", str(result.config.weights))
    return frame.assign(**result.provenance)


def evaluation_frame(result: EvaluateResult) -> pd.DataFrame:
    """Return one row per evaluated individual, in the order of the file.

    Columns: schema_version, env, policy, weights (the file), episodes, seeds (space-separated), those of
    `EvaluateResult.columns`, and those of `provenance`. So rows of several files can be appended to each other.
    """
    import pandas as pd

    frame = pd.DataFrame(result.columns)
    frame.insert(0, "schema_version", EVALUATE_SCHEMA_VERSION)
    frame.insert(1, "env", result.env_id)
    frame.insert(2, "policy", result.policy)
    frame.insert(3, "weights", str(result.config.weights))
    frame.insert(4, "episodes", result.episodes)
    frame.insert(5, "seeds", " ".join(str(seed) for seed in result.seeds))
    return frame.assign(**result.provenance)


def evaluation_report(result: EvaluateResult, top: int) -> list[RenderableType]:
    """Return the table of the `top` best individuals, best first, and a line about all of them."""
    columns = result.columns
    population = len(result.individuals)
    shown = result.ranking[:top]
    table = plain_table(f"{result.env_id}  {result.policy}  {counted(result.episodes, 'episode')} each")
    for heading in ("individual", "mean", "std", "min", "max", "mean length", ""):
        table.add_column(heading, justify="left" if heading == "" else "right", no_wrap=True)
    for row in shown.tolist():
        statistics = [columns[name][row] for name in ("mean_return", "std_return", "min_return", "max_return")]
        remark = "best" if row == result.best else _failed_remark(result, row)
        table.add_row(
            str(result.individuals[row]),
            *(_number(float(value)) for value in statistics),
            f"{float(columns['mean_length'][row]):,.1f}",
            remark,
            style="bold green" if row == result.best else None,
        )
    lines = [_sum_of([result])]
    if population > len(shown):
        lines.insert(0, f"The {len(shown)} best of {population:,} individuals; {_fitness_summary(result)}.")
    if result.config.out is not None:
        lines.append(_written(result.config))
    return [table, *lines]


def files_report(results: Sequence[EvaluateResult]) -> list[RenderableType]:
    """Return the table of several files, a row each in the order in which they were given, and a line about all."""
    first = results[0]
    differs = {name: len({getattr(result, name) for result in results}) > 1 for name in ("env_id", "policy")}
    # What all of them have stands above; what differs is a column.
    shared = [getattr(first, name) for name, is_own in differs.items() if not is_own]
    own = [name for name, is_own in differs.items() if is_own]
    has_failed = any(result.failed.any() for result in results)
    table = plain_table("  ".join([*shared, f"{counted(first.episodes, 'episode')} each"]))
    for heading in ("file", *({"env_id": "environment"}.get(name, name) for name in own)):
        table.add_column(heading, no_wrap=True)
    for heading in ("individuals", "best", "best fitness", "mean", "min", *(["failed"] if has_failed else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        finished = result.fitness[~result.failed].astype(float)
        fitness = (finished.max(), finished.mean(), finished.min()) if len(finished) else ()
        table.add_row(
            named(result.config.weights),
            *(getattr(result, name) for name in own),
            f"{len(result.individuals):,}",
            "-" if result.best is None else str(result.individuals[result.best]),
            *([_number(value) for value in fitness] or ["-"] * 3),
            *([f"{int(result.failed.sum()):,}"] if has_failed else []),
        )
    lines = [_sum_of(results)]
    if first.config.out is not None:
        lines.append(_written(first.config))
    return [table, *lines]


def _sum_of(results: Sequence[EvaluateResult]) -> str:
    """Return how many steps were run and how fast, and how many episodes a rule stopped, if it stopped one."""
    steps, seconds = sum(result.steps for result in results), sum(result.seconds for result in results)
    stopped = sum(result.stopped for result in results)
    ending = f"; {counted(stopped, 'episode')} stopped" if stopped else ""
    return f"{counted(steps, 'step')} in {seconds:.3f} s: {_rate(steps, seconds)} steps/s{ending}"


def _written(config: EvaluateConfig) -> str:
    rows = "episodes" if config.per_episode else "individuals"
    return f"All {rows}: {named(config.out)}"


def _failed_remark(result: EvaluateResult, row: int) -> str:
    if not result.failed[row]:
        return ""
    return f"failed: NaN or infinite logits, fitness {_number(float(result.fitness[row]))}"


def _fitness_summary(result: EvaluateResult) -> str:
    """Return the range and the mean of the fitness of all individuals that did not fail."""
    finished = result.fitness[~result.failed].astype(float)
    failed = int(result.failed.sum())
    if len(finished) == 0:
        return "all failed"
    summary = f"fitness {_number(finished.min())} to {_number(finished.max())}, mean {_number(finished.mean())}"
    return f"{summary}; {failed} failed" if failed else summary


def _number(value: float) -> str:
    """Return a number with two digits after the point, more where it is small."""
    return f"{value:,.2f}" if value == 0 or abs(value) >= 0.1 else f"{value:.3g}"


def _rate(steps: int, seconds: float) -> str:
    return f"{steps / seconds:,.0f}" if seconds > 0 else "-"
