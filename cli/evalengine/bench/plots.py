"""Pictures of what `evalengine bench` measured: one PNG for each question that the rows can answer.

    bench_results/*.csv ──► saved.read_rows ──► draw ──► throughput.png, growth.png, costs.png, limit.png

    python -m evalengine.bench.plots bench_results/*.csv --out plots

They have a light background of their own and dark lines, so that they can be read on a page of any colour. matplotlib
(extra `plots`) is imported when something is drawn; it draws without a screen. Nothing is computed here but medians.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalengine.bench.limits import Share, shares
from evalengine.bench.measures import Measure
from evalengine.bench.results import BenchSummary, summarised
from evalengine.bench.schema import BenchRow
from evalengine.errors import MissingDependencyError
from evalengine.files.whole import check_writable, write_whole
from evalengine.lifetimes import ending_in_order

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BACKGROUND = "#f6f5f1"
INK = "#2b2b2b"
GRID = "#cfcdc6"

# Okabe and Ito's, without the yellow, which is lost on a light background: told apart with any colour vision.
_COLOURS = ("#d55e00", "#56b4e9", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#000000", "#7f7f7f")
_MARKERS = "osD^vP*X"
_LINES = (("-", "solid"), ("--", "dashed"), (":", "dotted"))
_ORDER = (
    "rust",
    "multiprocessing",
    "multiprocessing-tuned",
    "gymnasium-async",
    "gymnasium-vector",
    "envpool",
    "gymnax",
    "pytorch",
)
"""Backends that keep their colour from picture to picture; others follow."""


def require_matplotlib() -> None:
    """Refuse to go on without matplotlib.

    Raises:
        MissingDependencyError: names the extra that brings it.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingDependencyError.of("matplotlib", extra="plots")


def draw(rows: Sequence[BenchRow], folder: Path) -> list[Path]:
    """Draw every picture that these rows have something for, and return the files.

    Args:
        rows: of any measures, environments and backends.
        folder: an existing folder; files in it are replaced.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    require_matplotlib()
    summaries = summarised(rows)
    figures = {
        "throughput.png": throughput(summaries),
        "growth.png": growth(summaries),
        "costs.png": costs(summaries),
        "limit.png": limit(shares(rows)),
    }
    return [_saved(figure, folder / name) for name, figure in figures.items() if figure is not None]


def throughput(summaries: Sequence[BenchSummary]) -> Figure | None:
    """Steps per second of every workload, on a logarithmic axis: a line of dots each, with the rounds' ranges."""
    measured = [summary for summary in summaries if summary.measure == Measure.throughput]
    if not measured:
        return None
    names = list(dict.fromkeys(_workload_name(summary) for summary in measured))
    figure, (axes,) = _figure(8.5, [1.4 + 0.34 * len(names)])
    for backend in _backends(measured):
        of_backend = [summary for summary in measured if summary.backend == backend]
        rates = [summary.steps_per_s for summary in of_backend]
        axes.errorbar(
            rates,
            [names.index(_workload_name(summary)) for summary in of_backend],
            xerr=_ranges(of_backend),
            linestyle="none",
            marker=_marker(backend),
            markersize=7,
            color=_colour(backend),
            label=_label(backend),
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.set_xlabel("environment steps per second (logarithmic)")
    _legend_below(figure, axes)
    return figure


def growth(summaries: Sequence[BenchSummary]) -> Figure | None:
    """Steps per second as something grows: the population, the episodes, the threads, the policy."""
    panels: list[tuple[Measure, str, Callable[[BenchSummary], float]]] = [
        (Measure.population, "individuals of one call", lambda summary: summary.population),
        (Measure.episodes, "episodes of each individual", lambda summary: summary.episodes),
        (Measure.threads, "threads or processes", lambda summary: summary.threads),
        (Measure.policy, "multiply-adds of one forward pass", _macs),
    ]
    shown = [panel for panel in panels if any(summary.measure == panel[0] for summary in summaries)]
    if not shown:
        return None
    figure, all_axes = _figure(9.5, [3.6] * len(shown))
    for axes, (measure, label, size) in zip(all_axes, shown, strict=True):
        measured = [summary for summary in summaries if summary.measure == measure]
        environments = list(dict.fromkeys(summary.env for summary in measured))
        for env in environments:
            for backend in _backends(measured):
                line = sorted(
                    (size(summary), summary.steps_per_s)
                    for summary in measured
                    if (summary.env, summary.backend) == (env, backend)
                )
                if line:
                    axes.plot(
                        *zip(*line, strict=True),
                        marker=_marker(backend),
                        color=_colour(backend),
                        linestyle=_LINES[environments.index(env) % len(_LINES)][0],
                        label=_label(backend),
                    )
        axes.set_xscale("log", base=2 if measure == Measure.threads else 10)
        axes.set_yscale("log")
        axes.set_xlabel(label)
        axes.set_ylabel("steps per second")
        axes.set_title(_environments(environments), fontsize=9)
        if measure == Measure.threads:
            counts = sorted({summary.threads for summary in measured})
            axes.set_xticks(counts, [str(count) for count in counts])
    _legend_below(figure, *all_axes)
    return figure


def costs(summaries: Sequence[BenchSummary]) -> Figure | None:
    """What a call of one episode, a start and a large call cost: seconds and megabytes, on logarithmic axes."""
    panels: list[tuple[Measure, str, Callable[[BenchSummary], float]]] = [
        (Measure.latency, "one episode of one individual: ms", lambda summary: summary.us_per_call / 1e3),
        (Measure.startup, "from starting Python to a fitness: s", lambda summary: summary.us_per_call / 1e6),
        (Measure.memory, "all processes during a large call: MB", lambda summary: (summary.peak_rss_bytes or 0) / 1e6),
    ]
    shown = [panel for panel in panels if any(summary.measure == panel[0] for summary in summaries)]
    if not shown:
        return None
    heights = [0.8 + 0.28 * len(_cost_names(summaries, measure)) for measure, _, _ in shown]
    figure, all_axes = _figure(8.5, heights, columns=1)
    for axes, (measure, label, cost) in zip(all_axes, shown, strict=True):
        measured = [summary for summary in summaries if summary.measure == measure]
        names = _cost_names(summaries, measure)
        for line, summary in enumerate(measured):  # dots: a logarithmic axis has no zero for bars to begin at
            axes.plot(
                [cost(summary)],
                [line],
                marker=_marker(summary.backend),
                color=_colour(summary.backend),
                linestyle="none",
            )
        axes.set_yticks(range(len(measured)), names, fontsize=8)
        axes.set_ylim(len(measured) - 0.5, -0.5)
        axes.set_xscale("log")
        _label_few_decades(axes)
        axes.set_xlabel(label)
    return figure


def limit(reached: Sequence[Share]) -> Figure | None:
    """Which share of the multiply-add peak the engine's forward passes reach, whole steps being timed."""
    if not reached:
        return None
    figure, (axes,) = _figure(8.5, [1.2 + 0.34 * len(reached)])
    bars = axes.barh(range(len(reached)), [100 * share.share for share in reached], color=_COLOURS[0])
    axes.bar_label(bars, [f"{share.share:.1%}" for share in reached], padding=3, color=INK, fontsize=8)
    axes.set_yticks(range(len(reached)), [f"{_short(share.env)} {share.policy}, {share.workload}" for share in reached])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("multiply-adds per second, in percent of the cores' peak")
    return figure


def _figure(width: float, heights: Sequence[float], columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """An empty figure in the common style, a panel for each height (inches).

    An even number of panels stands in two columns, an odd one in one: no place is left empty.
    """
    from matplotlib.figure import Figure

    columns = columns or (1 if len(heights) % 2 else 2)
    rows = heights[::columns]
    figure = Figure(figsize=(width, sum(rows)), facecolor=BACKGROUND, layout="constrained")
    grid = figure.add_gridspec(len(rows), columns, height_ratios=rows)
    found = []
    for index in range(len(heights)):
        axes = figure.add_subplot(grid[index // columns, index % columns], facecolor=BACKGROUND)
        axes.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(colors=INK, which="both")
        for spine in axes.spines.values():
            spine.set_color(GRID)
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
            text.set_color(INK)
        found.append(axes)
    return figure, found


def _label_few_decades(axes: Axes) -> None:
    """Label 1, 2, 5, ... of a logarithmic axis that spans few powers of ten; matplotlib's own labels would overlap."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_xlim()
    axes.xaxis.set_minor_formatter(NullFormatter())
    if high < 100 * low:
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend_below(figure: Figure, *all_axes: Axes) -> None:
    """One legend for all panels, each entry once."""
    entries: dict[str, Artist] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(str(label), handle)
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=min(4, len(entries)),
        frameon=False,
        labelcolor=INK,
        fontsize=8,
    )


def _saved(figure: Figure, path: Path) -> Path:
    check_writable(path)
    with write_whole(path) as stream:
        # No version of matplotlib in the file: it would differ though nothing that is shown does.
        figure.savefig(stream, format="png", dpi=130, facecolor=BACKGROUND, metadata={"Software": None})
    return path


def _backends(summaries: Sequence[BenchSummary]) -> list[str]:
    present = dict.fromkeys(summary.backend for summary in summaries)
    return sorted(present, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))


def _colour(backend: str) -> str:
    return _COLOURS[_ORDER.index(backend)] if backend in _ORDER else INK


def _marker(backend: str) -> str:
    return _MARKERS[_ORDER.index(backend)] if backend in _ORDER else "."


def _ranges(summaries: Sequence[BenchSummary]) -> list[list[float]]:
    """How far the slowest and the fastest rounds lie from the medians, as `errorbar` wants it."""
    return [
        [summary.steps_per_s - summary.steps_per_s_min for summary in summaries],
        [summary.steps_per_s_max - summary.steps_per_s for summary in summaries],
    ]


def _environments(environments: Sequence[str]) -> str:
    """ "CartPole", or "CartPole (solid), Snake (dashed)" where lines have to be told apart."""
    if len(environments) == 1:
        return _short(environments[0])
    styles = [_LINES[index % len(_LINES)][1] for index in range(len(environments))]
    return ", ".join(f"{_short(env)} ({style})" for env, style in zip(environments, styles, strict=True))


def _label(backend: str) -> str:
    return "evalengine" if backend == "rust" else backend


def _macs(summary: BenchSummary) -> float:
    return summary.macs_per_s / summary.steps_per_s


def _cost_names(summaries: Sequence[BenchSummary], measure: Measure) -> list[str]:
    """A name for each line: the backend, and the workload where there are several."""
    measured = [summary for summary in summaries if summary.measure == measure]
    several = len({(summary.env, summary.workload) for summary in measured}) > 1
    return [
        f"{_label(summary.backend)}, {_short(summary.env)} {summary.workload}" if several else _label(summary.backend)
        for summary in measured
    ]


def _workload_name(summary: BenchSummary) -> str:
    return f"{_short(summary.env)} {summary.policy}, {summary.workload}"


def _short(env: str) -> str:
    """ "evalengine/Snake-v0" -> "Snake"."""
    return env.rpartition("/")[2].partition("-v")[0]


def main() -> None:
    """Draw the rows of the files that the command line names."""
    from evalengine.bench.saved import read_rows

    parser = argparse.ArgumentParser(prog="python -m evalengine.bench.plots", description="Draw what bench measured.")
    parser.add_argument("files", nargs="+", type=Path, help="CSV files of evalengine bench")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the pictures (default: here)")
    arguments = parser.parse_args()
    for path in draw([row for file in arguments.files for row in read_rows(file)], arguments.out):
        print(path)


if __name__ == "__main__":
    with ending_in_order():
        main()
