"""The published tables, made from the rows of bench_results/*.csv: README.md's figures, all of them, and the goals.

    rows ──► summary_section ──► README.md            rows ──► goals_section ──► bench_results/README.md
    rows ──► speed_section ──► docs/speed.md

Pure functions from rows to Markdown, so that a test can make them again and compare. `cost_tables.py` has those of
machines and of memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalengine.bench.limits import shares
from evalengine.bench.measures import Measure
from evalengine.bench.results import BenchSummary, summarised
from evalengine.bench.schema import BenchRow
from evalengine.environments.registry import describe

NOTHING = "No results are committed yet: `make results` measures them on your machine and writes this section.\n"

BACKENDS = {
    "rust": "evalengine",
    "multiprocessing": "`multiprocessing`",
    "multiprocessing-tuned": "tuned",
    "gymnasium-async": "Gymnasium async",
    "gymnasium-vector": "Gymnasium vector",
    "envpool": "EnvPool + torch",
    "gymnax": "gymnax",
}
"""Columns of the speed table, with their headings."""

CAPTIONS = {
    "throughput": "Steps per second of each workload, on a logarithmic axis: medians, with the ranges of the rounds.",
    "growth": "Steps per second as population, episodes, threads and policy grow, on logarithmic axes.",
    "costs": "What one episode, starting Python and a large call cost, on logarithmic axes: less is better.",
    "limit": "How much of what the cores can multiply and add the policies do, while whole steps are timed.",
}
"""Plots, in the order in which they are shown, with what they show."""

_Workload = tuple[str, str, str]
"""env, policy, workload."""


@dataclass(frozen=True)
class Goal:
    """Something that the engine shall reach.

    Attributes:
        name: what it says, for people.
        env: full id.
        policy: its spelling; None means every policy that was measured.
        workloads: those that count; the worst of them is judged.
        against: the backend whose rate the engine's is divided by; None means the rate itself.
        least: the ratio, or the steps per second, to be reached.
    """

    name: str
    env: str
    policy: str | None
    workloads: tuple[str, ...]
    against: str | None
    least: float


_BOTH = ("random", "trained")
GOALS = (
    *(
        Goal(f"{env.partition('-')[0]} against EnvPool + torch", env, None, _BOTH, "envpool", 10.0)
        for env in (
            "CartPole-v1",
            "Acrobot-v1",
            "Pendulum-v1",
            "MountainCar-v0",
            "LunarLander-v3",
            "BipedalWalker-v3",
        )
    ),
    Goal(
        "CarRacing with its CNN against EnvPool + torch",
        "CarRacing-v3",
        "cnn:3x96x96-16k8s4-32k4s2-64-3",
        _BOTH,
        "envpool",
        5.0,
    ),
    *(
        Goal(f"{env.partition('-')[0]} against gymnax", env, None, _BOTH, "gymnax", 5.0)
        for env in ("CartPole-v1", "Acrobot-v1", "Pendulum-v1")
    ),
    Goal("CartPole against the plain loop", "CartPole-v1", "mlp:4-16-2", ("random",), "multiprocessing", 5000.0),
    Goal("Pendulum against the plain loop", "Pendulum-v1", "mlp:3-64-1", ("random",), "multiprocessing", 1000.0),
    Goal("Acrobot against the plain loop", "Acrobot-v1", "mlp:6-64-3", ("random",), "multiprocessing", 600.0),
    Goal("BipedalWalker against the plain loop", "BipedalWalker-v3", "mlp:24-64-4", _BOTH, "multiprocessing", 20.0),
    Goal("Snake with its CNN", "evalengine/Snake-v0", "cnn:5x12x12-16k3-32k3-64-4", _BOTH, None, 100_000.0),
)


AGAINST = ("multiprocessing", "multiprocessing-tuned", "envpool", "gymnax")
"""Columns of README.md's table: what the engine's rate is divided by."""


def summary_section(rows: Sequence[BenchRow]) -> str:
    """README.md's figures: of each environment's default policy the rate, and its ratio to what people use instead.

    Each is the lesser one of the random and the trained population's.

    Args:
        rows: of all committed files.
    """
    by_env: dict[tuple[str, str], list[dict[str, BenchSummary]]] = {}
    for (env, policy, _), measured in _throughput(rows).items():
        if "rust" in measured and policy == describe(env, {}, None).default_policy:
            by_env.setdefault((env, policy), []).append(measured)
    if not by_env:
        return NOTHING
    backends = [name for name in AGAINST if any(name in measured for found in by_env.values() for measured in found)]
    lines = [
        origin(rows),
        "",
        table_line(["environment, policy", "steps/s", *(f"against {BACKENDS[name]}" for name in backends)]),
        "|---|" + "--:|" * (len(backends) + 1),
    ]
    for (env, policy), found in by_env.items():
        rate = min(measured["rust"].steps_per_s for measured in found)
        cells = [f"{short_name(env)}, `{policy}`", f"{rate:,.0f}"]
        for name in backends:
            ratios = [m["rust"].steps_per_s / m[name].steps_per_s for m in found if name in m]
            cells.append(f"{min(ratios):,.{1 if min(ratios) < 10 else 0}f} x" if ratios else "-")
        lines.append(table_line(cells))
    return "\n".join(lines) + "\n"


def speed_section(rows: Sequence[BenchRow], plots: Sequence[str]) -> str:
    """The figures of docs/speed.md: what was measured, a table of throughput, one of costs, and the pictures.

    Args:
        rows: of all committed files.
        plots: paths of the pictures that there are, relative to the page.
    """
    by_workload = _throughput(rows)
    if not by_workload:
        return NOTHING
    backends = [name for name in BACKENDS if any(name in measured for measured in by_workload.values())]
    lines = [
        origin(rows),
        "",
        table_line(
            ["environment, policy", "population", *(BACKENDS[name] for name in backends), "against the plain loop"]
        ),
        "|---|---|" + "--:|" * (len(backends) + 1),
    ]
    for (env, policy, workload), measured in by_workload.items():
        rates = [f"{measured[name].steps_per_s:,.0f}" if name in measured else "-" for name in backends]
        lines.append(table_line([f"{short_name(env)}, `{policy}`", workload, *rates, _speedup(measured)]))
    lines += ["", *_notes(rows, backends), *_cost_lines(rows)]
    for caption in CAPTIONS.values():
        lines += [f"![{caption}]({path})\n\n*{caption}*\n" for path in plots if CAPTIONS.get(_name(path)) == caption]
    return "\n".join(lines).rstrip("\n") + "\n"


def goals_section(rows: Sequence[BenchRow]) -> str:
    """The goals with what was measured, reached or missed, and the share of the multiply-add peak."""
    by_workload = _throughput(rows)
    if not by_workload:
        return NOTHING
    lines = [origin(rows), "", "| goal | at least | measured, the worst workload | |", "|---|--:|--:|---|"]
    lines += [_goal_line(goal, by_workload) for goal in GOALS]
    reached = shares(rows)
    if reached:
        lines += [
            "",
            "Multiply-adds of the policy per second of whole steps, against the measured peak of as many threads:",
            "",
            "| environment, policy | population | steps/s | GMAC/s | share of the peak |",
            "|---|---|--:|--:|--:|",
        ]
        for share in reached:
            macs = f"{share.macs_per_s / 1e9:,.1f}"
            name = f"{short_name(share.env)}, `{share.policy}`"
            lines.append(table_line([name, share.workload, f"{share.steps_per_s:,.0f}", macs, f"{share.share:.1%}"]))
    return "\n".join(lines) + "\n"


def between_markers(document: str, name: str, section: str) -> str:
    """The document with `section` between `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

    Raises:
        ValueError: the document does not have both markers, in this order, once each.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    if document.count(begin) != 1 or document.count(end) != 1 or document.index(begin) > document.index(end):
        raise ValueError(f"{name}: expected one {begin.strip()} and one {end} after it")
    before, after = document.partition(begin)[0], document.partition(end)[2]
    return f"{before}{begin}{section}{end}{after}"


def _throughput(rows: Sequence[BenchRow]) -> dict[_Workload, dict[str, BenchSummary]]:
    """By workload and backend, in the order in which they were measured."""
    found: dict[_Workload, dict[str, BenchSummary]] = {}
    for summary in summarised(rows):
        if summary.measure == Measure.throughput:
            key = (summary.env, summary.policy, summary.workload)
            found.setdefault(key, {})[summary.backend] = summary
    return found


def origin(rows: Sequence[BenchRow], measure: Measure = Measure.throughput) -> str:
    """Where and when the figures of a measure were taken, and how often."""
    measured = [row for row in rows if row.measure == measure]
    cpus = ", ".join(sorted({row.cpu for row in measured}))
    cores = ", ".join(str(count) for count in sorted({row.cores for row in measured}))
    dates = sorted({row.started_at[:10] for row in measured})
    counts = sorted({summary.rounds for summary in summarised(measured)})
    rounds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    commits = ", ".join(sorted({row.commit[:10] + ("+" if row.dirty != "false" else "") for row in measured}))
    what = "Environment steps per second" if measure == Measure.throughput else "Episodes of one step"
    return (
        f"{what} on {cores} cores of {cpus}, medians of {rounds} rounds, "
        f"`make results` on {dates[-1]}, commit {commits}:"
    )


def _speedup(measured: dict[str, BenchSummary]) -> str:
    speedup = measured["rust"].speedup if "rust" in measured else None
    return "-" if speedup is None else f"{speedup:,.0f} x"


def _notes(rows: Sequence[BenchRow], backends: Sequence[str]) -> list[str]:
    """What a backend says of its episodes, each said once, as a list."""
    said = dict.fromkeys(
        (row.backend, row.note)
        for row in rows
        if row.measure == Measure.throughput and row.note and row.backend in backends
    )
    lines = [f"- {BACKENDS[backend]}: {note}." for backend, note in said]
    return [*lines, ""] if lines else []


def _cost_lines(rows: Sequence[BenchRow]) -> list[str]:
    """Latency, start-up and memory of CartPole, a line for each backend that has any of them."""
    costs: dict[str, dict[str, BenchSummary]] = {}
    for summary in summarised(rows):
        is_cartpole = summary.env == "CartPole-v1" and summary.workload == "random"
        if is_cartpole and summary.measure in (Measure.latency, Measure.startup, Measure.memory):
            costs.setdefault(summary.backend, {})[summary.measure] = summary
    if not costs:
        return []
    lines = [
        "| CartPole, random | one call, one episode | from starting Python to a fitness | memory of 10,000 episodes |",
        "|---|--:|--:|--:|",
    ]
    for backend in [name for name in BACKENDS if name in costs]:
        latency, startup, memory = (costs[backend].get(name) for name in ("latency", "startup", "memory"))
        lines.append(
            table_line(
                [
                    BACKENDS[backend],
                    "-" if latency is None else f"{latency.us_per_call / 1e3:,.2f} ms",
                    "-" if startup is None else f"{startup.us_per_call / 1e6:,.2f} s",
                    "-" if memory is None else f"{(memory.peak_rss_bytes or 0) / 1e6:,.0f} MB",
                ]
            )
        )
    return [*lines, ""]


def _goal_line(goal: Goal, by_workload: dict[_Workload, dict[str, BenchSummary]]) -> str:
    unit = "" if goal.against is None else " x"
    found = [
        value
        for (env, policy, workload), measured in by_workload.items()
        if env == goal.env and goal.policy in (None, policy) and workload in goal.workloads
        if (value := _reached(goal, measured)) is not None
    ]
    if not found:
        return table_line([goal.name, f"{goal.least:,.0f}{unit}", "-", "not measured"])
    worst = min(found)
    digits = 1 if worst < 100 else 0
    return table_line(
        [
            goal.name,
            f"{goal.least:,.0f}{unit}",
            f"{worst:,.{digits}f}{unit}",
            "reached" if worst >= goal.least else "**missed**",
        ]
    )


def _reached(goal: Goal, measured: dict[str, BenchSummary]) -> float | None:
    """The engine's rate, or its ratio, on one workload; None if that was not measured."""
    if "rust" not in measured:
        return None
    rate = measured["rust"].steps_per_s
    if goal.against is None:
        return rate
    return rate / measured[goal.against].steps_per_s if goal.against in measured else None


def table_line(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def short_name(env: str) -> str:
    """An environment's id without namespace and version."""
    return env.rpartition("/")[2].partition("-v")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".png")
