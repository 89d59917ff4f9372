"""What is published: the documents' figures are those of bench_results/*.csv, and how they are made of them."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_rows import ROW, rounds_of
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

import measure_results
import render_results
from cost_tables import machines_section, resident_section
from evalengine.bench import plots
from evalengine.bench.limits import peaks, shares
from evalengine.bench.measures import Measure
from evalengine.bench.plan import plan
from evalengine.bench.results import BenchResult
from evalengine.bench.saved import read_rows
from evalengine.bench.schema import BenchRow
from evalengine.environments.registry import entries, resolve
from evalengine.errors import MissingDependencyError, UnsupportedError
from evalengine.files.frames import write_csv
from evalengine.policies.policy import Policy
from evalengine.terminal.bench.run import BenchConfig
from evalengine.terminal.bench.tables import bench_frame
from evalengine.workloads.catalogue import policies, workload
from measure_results import FILES
from results_text import (
    BACKENDS,
    CAPTIONS,
    GOALS,
    NOTHING,
    between_markers,
    goals_section,
    speed_section,
    summary_section,
)

ROOT = Path(__file__).resolve().parents[2]


def test_the_documents_figures_are_those_of_the_csv_files() -> None:
    rows = render_results.committed_rows(ROOT)
    for path, text in render_results.texts(ROOT, rows).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run make figures"


def test_no_figure_is_written_by_hand_beside_them() -> None:
    """Outside the markers README.md names no rate and no ratio."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    outside = text.partition("<!-- measured: begin -->")[0] + text.partition("<!-- measured: end -->")[2]
    assert re.findall(r"[\d,]{4,} steps|\d x \||(?<=\| )[\d,]{5,}(?= \|)", outside) == []


# --- the texts


def measured() -> list[BenchRow]:
    """Small files: three workloads, three backends, the peak, and CartPole's costs; three rounds of each."""
    small = {"policy": "mlp:4-16-2", "macs": 96}
    pendulum = {"env": "Pendulum-v1", "policy": "mlp:3-64-1", "macs": 256}
    rows = rounds_of((0.6, 0.5, 0.4), **small)
    rows += rounds_of((0.6, 0.5, 0.4), **small, backend="multiprocessing", steps=4_000)
    rows += rounds_of((0.6, 0.5, 0.4), **small, backend="envpool", steps=1_199_999, note="own seeds")
    rows += rounds_of((0.5, 0.5, 0.5), **pendulum)
    rows += rounds_of((0.5, 0.5, 0.5), **pendulum, backend="multiprocessing", steps=12_001)
    for threads in (1, 2):
        chains = {"measure": "peak", "env": "", "workload": "", "policy": "", "macs": 96, "steps": 10**9 * threads}
        rows += rounds_of((1.5, 1.6, 1.7), **chains, threads=threads)
    rows += rounds_of((1.0, 1.1, 0.9), measure="latency", calls=10_000)
    rows += rounds_of((0.2, 0.3, 0.4), measure="startup", backend="multiprocessing")
    rows += [replace(ROW, measure="memory", peak_rss_bytes=61_000_000, rss_growth_bytes=1)]
    one_step = {"measure": "machines", "episodes": 1}
    rows += rounds_of((0.3, 0.4, 0.5), **one_step, population=1, calls=1000)
    rows += rounds_of((0.3, 0.4, 0.5), **one_step, population=1, calls=40, backend="ray")
    rows += rounds_of((0.3, 0.4, 0.5), **one_step, population=35_555, calls=10)
    resets = {"measure": "resident", "population": 10, "episodes": 100, "peak_rss_bytes": 51_200_000, "calls": 100}
    rows += rounds_of((0.3, 0.4, 0.5), **resets, rss_growth_bytes=4_096)
    return rows


def test_the_speed_table_has_medians_and_their_ratio() -> None:
    text = speed_section(measured(), ["bench_results/plots/growth.png"])
    lines = text.splitlines()
    assert lines[0] == (
        "Environment steps per second on 2 cores of cpu, medians of 3 rounds, `make results` on 2026-01-02, commit abc:"
    )
    assert lines[2:6] == [
        "| environment, policy | population | evalengine | `multiprocessing` | EnvPool + torch "
        "| against the plain loop |",
        "|---|---|--:|--:|--:|--:|",
        "| CartPole, `mlp:4-16-2` | random | 24,000,000 | 8,000 | 2,399,998 | 3,000 x |",
        "| Pendulum, `mlp:3-64-1` | random | 24,000,000 | 24,002 | - | 1,000 x |",
    ]
    assert "- EnvPool + torch: own seeds." in lines
    assert "| evalengine | 0.10 ms | - | 61 MB |" in lines
    assert "| `multiprocessing` | - | 0.30 s | - |" in lines
    assert lines[-3:] == [f"![{CAPTIONS['growth']}](bench_results/plots/growth.png)", "", f"*{CAPTIONS['growth']}*"]


def test_the_readme_has_a_line_for_each_environment_and_the_worst_ratio() -> None:
    rows = measured() + rounds_of((0.5,) * 3, env="Pendulum-v1", policy="mlp:3-64-1", macs=256, workload="trained")
    slow = {"env": "Pendulum-v1", "policy": "mlp:3-64-1", "macs": 256, "workload": "trained", "steps": 1_000_000}
    rows += rounds_of((0.5,) * 3, **slow, backend="multiprocessing")
    lines = summary_section(rows).splitlines()
    assert lines[0].startswith("Environment steps per second on 2 cores of cpu, medians of 3 rounds")
    # CartPole was measured with another policy than its own; EnvPool not with Pendulum.
    assert lines[2:] == [
        "| environment, policy | steps/s | against `multiprocessing` |",
        "|---|--:|--:|",
        "| Pendulum, `mlp:3-64-1` | 24,000,000 | 12 x |",
    ]
    assert summary_section([]) == NOTHING


def test_goals_are_reached_or_missed_by_the_unrounded_figure() -> None:
    text = goals_section(measured())
    assert "| CartPole against EnvPool + torch | 10 x | 10.0 x | reached |" in text
    assert "| CartPole against the plain loop | 5,000 x | 3,000 x | **missed** |" in text
    assert "| Pendulum against the plain loop | 1,000 x | 1,000 x | **missed** |" in text  # 999.9
    assert "| Acrobot against the plain loop | 600 x | - | not measured |" in text


def test_the_worst_workload_decides() -> None:
    rows = measured() + rounds_of((0.5,) * 3, policy="mlp:4-16-2", macs=96, workload="trained")
    rows += rounds_of((0.5,) * 3, policy="mlp:4-16-2", macs=96, workload="trained", backend="envpool", steps=6_000_000)
    text = goals_section(rows)
    assert "| CartPole against EnvPool + torch | 10 x | 2.0 x | **missed** |" in text
    assert "| CartPole against the plain loop | 5,000 x | 3,000 x | **missed** |" in text  # of the random one alone


def test_shares_are_of_the_peak_of_as_many_threads() -> None:
    rows = measured()
    assert peaks(rows) == {"cpu": {1: 96e9 / 1.6, 2: 192e9 / 1.6}}
    small, pendulum = shares(rows)
    assert (small.macs_per_s, small.share) == (24e6 * 96, 24e6 * 96 / 120e9)
    assert (pendulum.policy, pendulum.share) == ("mlp:3-64-1", 24e6 * 256 / 120e9)
    assert "| CartPole, `mlp:4-16-2` | random | 24,000,000 | 2.3 | 1.9% |" in goals_section(rows)
    assert shares([row for row in rows if row.measure != "peak"]) == []
    assert shares([*rows, replace(ROW, cpu="another")]) == []
    assert shares([*rows, replace(ROW, cpu="another", measure=Measure.latency)]) == [small, pendulum]


def test_without_results_both_sections_say_so() -> None:
    assert speed_section([], []) == goals_section([]) == NOTHING
    others = [row for row in measured() if row.measure not in ("machines", "resident")]
    assert machines_section(others) == resident_section(others) == NOTHING


def test_a_line_of_machines_is_a_size_and_of_memory_a_kind() -> None:
    lines = machines_section(measured()).splitlines()
    assert lines == [
        "Milliseconds of one call with 2 workers (threads of `evaluate`), all of them on the same machine. "
        "Episodes of one step on 2 cores of cpu, medians of 3 rounds, `make results` on 2026-01-02, commit abc:",
        "",
        "| population | `evaluate` | Ray |",
        "|---|--:|--:|",
        "| 1 individual, 1.8 kB | 0.40 | 10.0 |",
        "| 35,555 individuals, 64.0 MB | 40.0 | - |",
    ]
    lines = resident_section(measured()).splitlines()
    assert lines[2:] == [
        "| environment, policy | calls | resets in each | larger by, in the second half | largest |",
        "|---|--:|--:|--:|--:|",
        "| CartPole, `mlp:4-64-2` | 100 | 1,000 | 4 kB | 51 MB |",
    ]


def test_every_goal_names_something_that_is_measured() -> None:
    for goal in GOALS:
        entry = resolve(goal.env)
        assert goal.policy is None or goal.policy in policies(entry)
        for name in goal.workloads:
            workload(name, entry, goal.policy)
    assert {goal.least for goal in GOALS} == {5.0, 10.0, 20.0, 600.0, 1000.0, 5000.0, 100_000.0}


@pytest.mark.parametrize("change", ["", "<!-- a: end --><!-- a: begin -->\n", "<!-- a: begin -->\n" * 2])
def test_markers_must_be_there(change: str) -> None:
    with pytest.raises(ValueError, match="a: expected one <!-- a: begin --> and one <!-- a: end --> after it"):
        between_markers(f"text{change}text", "a", "section")


# --- the scripts


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The documents and small results."""
    (tmp_path / "bench_results").mkdir()
    (tmp_path / "docs").mkdir()
    for document in ("README.md", "bench_results/README.md", "docs/index.md", "docs/many-machines.md", "docs/speed.md"):
        shutil.copy(ROOT / document, tmp_path / document)
    write_csv(bench_frame(measured()), tmp_path / "bench_results" / "throughput.csv")
    return tmp_path


def test_rendering_makes_the_documents_and_the_plots(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = checkout / "docs" / "speed.md"
    before = page.read_text()
    assert render_results.main(["--check"], checkout) == 1
    assert page.read_text() == before
    assert render_results.main([], checkout) == 0
    assert render_results.main(["--check"], checkout) == 0
    after = page.read_text()
    assert "| Pendulum, `mlp:3-64-1` | random | 24,000,000 | 24,002 | - | 1,000 x |" in after
    for name in ("throughput", "costs", "limit"):
        assert f"![{CAPTIONS[name]}](../bench_results/plots/{name}.png)" in after
    # Everything outside the markers is as it was.
    begin, end = "<!-- measured: begin -->", "<!-- measured: end -->"
    assert after.partition(begin)[0] == before.partition(begin)[0]
    assert after.partition(end)[2] == before.partition(end)[2]
    capsys.readouterr()


FIGURES = {
    "README.md": "24,000,000",
    "docs/index.md": "24,000,000",
    "docs/speed.md": "24,000,000",
    "bench_results/README.md": "24,000,000",
    "docs/many-machines.md": "64.0 MB",
}


@pytest.mark.parametrize("document", FIGURES)
def test_a_changed_figure_is_found(checkout: Path, document: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = render_results.committed_rows(checkout)
    for path, text in render_results.texts(checkout, rows).items():
        path.write_text(text)
    assert render_results.main(["--check"], checkout) == 0
    path = checkout / document
    figure = FIGURES[document]
    assert figure in path.read_text()
    path.write_text(path.read_text().replace(figure, figure.replace("4", "5"), 1))
    assert render_results.main(["--check"], checkout) == 1
    assert capsys.readouterr().out.startswith(f"{document}: its figures are not those of bench_results/*.csv")


def test_a_changed_csv_is_found(checkout: Path) -> None:
    for path, text in render_results.texts(checkout, render_results.committed_rows(checkout)).items():
        path.write_text(text)
    file = checkout / "bench_results" / "throughput.csv"
    file.write_text(file.read_text().replace(",12000000,0.5,", ",12000001,0.5,"))
    assert render_results.main(["--check"], checkout) == 1


Runs = list[BenchConfig]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Replaces the measuring; returns the runs that were asked for."""
    asked: Runs = []

    def run(config: BenchConfig, *progress: Callable[..., object]) -> BenchResult:
        asked.append(config)
        return BenchResult([replace(ROW, measure=str(config.measure), env=config.env)], planned=1)

    monkeypatch.setattr(measure_results, "run", run)
    return asked


def test_every_file_is_measured_and_written(runs: Runs, checkout: Path) -> None:
    assert measure_results.main([], checkout) == 0
    for name, configs in FILES.items():
        rows = read_rows(checkout / "bench_results" / name)
        assert [(row.measure, row.env) for row in rows] == [(str(config.measure), config.env) for config in configs]
    assert len(runs) == sum(len(configs) for configs in FILES.values())
    assert not any(config.csv for config in runs)


def test_one_file_and_a_rehearsal(runs: Runs, checkout: Path) -> None:
    assert measure_results.main(["--only", "startup.csv", "--shorten", "10"], checkout) == 0
    assert [(config.measure, config.round_seconds) for config in runs] == [(Measure.startup, 0.03)]
    assert {path.name for path in (checkout / "bench_results").glob("*.csv")} == {"throughput.csv", "startup.csv"}


@pytest.mark.parametrize(
    ("ending", "status", "said"),
    [
        ({"interrupted": True}, 130, "interrupted: latency.csv was not written"),
        ({"rows": [ROW, replace(ROW, fitness_checksum="4567")]}, 1, "MISMATCH: rounds of one call gave different"),
    ],
)
def test_a_file_that_is_not_to_be_published_is_not_written(
    ending: dict[str, Any],
    status: int,
    said: str,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(measure_results, "run", lambda *arguments: replace(BenchResult([ROW]), **ending))
    assert measure_results.main(["--only", "latency.csv"], checkout) == status
    assert said in capsys.readouterr().err
    assert not (checkout / "bench_results" / "latency.csv").exists()


def test_backends_that_are_missing_or_cannot_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_peer(name: str, task: object) -> object:
        if name == "multiprocessing":
            raise UnsupportedError("cannot")
        if name == "multiprocessing-tuned":
            raise MissingDependencyError("not installed")
        return object()

    monkeypatch.setattr(measure_results, "open_backend", open_peer)
    able, reasons = measure_results.available(
        BenchConfig("snake", backends=("rust", "multiprocessing", "multiprocessing-tuned"))
    )
    assert able.backends == ("rust",)
    assert reasons == {"multiprocessing": "cannot", "multiprocessing-tuned": "not installed"}


def test_what_is_published_covers_every_environment_and_measure() -> None:
    throughput = [config for config in FILES["throughput.csv"] if config.measure == Measure.throughput]
    measured = {(resolve(config.env).id, config.policy or resolve(config.env).default_policy) for config in throughput}
    assert measured == {(entry.id, policy) for entry in entries() for policy in policies(entry)}
    assert {config.measure for configs in FILES.values() for config in configs} == set(Measure)
    for config in (config for configs in FILES.values() for config in configs if config.env != "all"):
        entry = resolve(config.env)
        assert config.policy in (None, *policies(entry))
        chosen = [workload(name, entry, config.policy) for name in config.workloads or ("random",)]
        assert plan(config.measure, entry, chosen, ("rust",), 2)
        assert config.rounds >= 3


def test_published_files_are_kept_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {line.removeprefix("!/bench_results/") for line in ignored if line.startswith("!")} == set(FILES)


# --- plots


def test_each_picture_is_drawn_from_its_measures(tmp_path: Path) -> None:
    rows = measured()
    rows += [
        replace(
            ROW, measure=measure, population=size, episodes=size, threads=size, policy=f"mlp:4-{size}-2", macs=6 * size
        )
        for measure in ("population", "episodes", "threads", "policy")
        for size in (1, 2, 4)
    ]
    found = plots.draw(rows, tmp_path)
    assert [path.name for path in found] == ["throughput.png", "growth.png", "costs.png", "limit.png"]
    first = [path.read_bytes() for path in found]
    assert all(content.startswith(b"\x89PNG\r\n") for content in first)
    assert [path.read_bytes() for path in plots.draw(rows, tmp_path)] == first  # the same bytes from the same rows
    assert [path.name for path in plots.draw([ROW], tmp_path)] == ["throughput.png"]


def test_pictures_show_every_line_and_their_axes_are_logarithmic() -> None:
    summaries = BenchResult(measured()).summaries
    figure = plots.throughput(summaries)
    assert figure is not None
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "CartPole mlp:4-16-2, random",
        "Pendulum mlp:3-64-1, random",
    ]
    assert axes.get_legend_handles_labels()[1] == ["evalengine", "multiprocessing", "envpool"]
    figure = plots.limit(shares(measured()))
    assert figure is not None
    bars = [bar for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == [100 * share.share for share in shares(measured())]


def test_no_panel_is_empty_no_label_overlaps_and_nothing_is_cut_off(published: list[BenchRow]) -> None:
    summaries = BenchResult(published).summaries
    for figure in (
        plots.throughput(summaries),
        plots.growth(summaries),
        plots.costs(summaries),
        plots.limit(shares(published)),
    ):
        assert figure is not None
        figure.draw_without_rendering()
        assert len(figure.axes) == len([axes for axes in figure.axes if axes.has_data()])
        grid = figure.axes[0].get_gridspec()
        assert grid is not None and grid.nrows * grid.ncols == len(figure.axes)
        for axes in figure.axes:
            shown = labels_of(axes)
            assert len(shown) >= 4
            overlapping = [pair for pair in itertools.combinations(shown, 2) if Bbox.intersection(*pair) is not None]
            assert overlapping == []
            for box in shown:
                assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
                assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1


@pytest.fixture(scope="module")
def published() -> list[BenchRow]:
    return render_results.committed_rows(ROOT)


def labels_of(axes: Axes) -> list[Bbox]:
    """Where the labels of an axes' ticks in sight and its title and names stand, in pixels."""
    texts = [axes.title, axes.xaxis.label, axes.yaxis.label]
    for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim()))):
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if low <= tick.get_loc() <= high:
                texts.append(tick.label1)
    return [text.get_window_extent() for text in texts if text.get_visible() and text.get_text()]


def test_background_and_ink_can_be_told_apart() -> None:
    """WCAG's contrast of 4.5 for text on the picture's own background."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    contrast = (luminance(plots.BACKGROUND) + 0.05) / (luminance(plots.INK) + 0.05)
    assert contrast >= 4.5


def test_every_backend_of_the_table_has_a_colour_of_its_own() -> None:
    colours = [plots._colour(backend) for backend in (*BACKENDS, "pytorch")]
    assert len(set(colours)) == len(colours)
    markers = [plots._marker(backend) for backend in (*BACKENDS, "pytorch")]
    assert len(set(markers)) == len(markers)


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        MissingDependencyError, match=r"^matplotlib is not installed: pip install 'evalengine\[plots\]'$"
    ):
        plots.draw([ROW], tmp_path)


def test_policies_of_goals_are_canonical() -> None:
    assert all(str(Policy(goal.policy)) == goal.policy for goal in GOALS if goal.policy is not None)
