"""What each measure consists of: sizes, policies, threads, and which options contradict it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_rows import ROW, rounds_of

from evalengine import Policy
from evalengine.bench.measures import FRESH, PREFIX, Measure
from evalengine.bench.plan import EPISODES, POPULATIONS, Block, plan
from evalengine.bench.results import BenchResult
from evalengine.environments.registry import EnvironmentEntry, entries, resolve
from evalengine.errors import InputError
from evalengine.files.frames import write_csv
from evalengine.terminal.bench.run import BenchConfig, run
from evalengine.terminal.bench.tables import bench_frame
from evalengine.workloads import catalogue as workloads

CARTPOLE = resolve("cartpole")
BOTH = [workloads.workload(name, CARTPOLE) for name in workloads.NAMES]
TINY = BenchConfig(
    "cartpole", workloads=("random",), backends=("rust",), rounds=2, threads=2, round_seconds=0.001, csv=False
)


def blocks(measure: Measure, **options: Any) -> list[Block]:
    return plan(measure, CARTPOLE, BOTH, ("rust", "multiprocessing"), 4, **options)


def sizes(measure: Measure, **options: Any) -> list[tuple[str, int, int]]:
    return [
        (series.workload.name, series.workload.population, series.workload.episodes)
        for block in blocks(measure, **options)
        for series in block.series
    ]


def test_growth_begins_with_one_and_goes_to_thousands() -> None:
    assert POPULATIONS == (1, 10, 100, 1_000, 10_000)
    assert EPISODES == (1, 10, 100, 1_000)
    assert sizes(Measure.population) == [
        (name, population, 1) for name in workloads.NAMES for population in POPULATIONS
    ]
    assert sizes(Measure.population, size=(None, 3))[0] == ("random", 1, 3)
    assert sizes(Measure.episodes) == [(name, 10, episodes) for name in workloads.NAMES for episodes in EPISODES]
    assert sizes(Measure.episodes, size=(2, None))[0] == ("random", 2, 1)


def test_a_call_is_small_where_it_is_about_its_costs_and_large_where_about_memory() -> None:
    assert sizes(Measure.latency) == sizes(Measure.startup) == [("random", 1, 1), ("trained", 1, 1)]
    assert sizes(Measure.memory) == [("random", 10_000, 1)]
    assert sizes(Measure.memory, size=(7, 2)) == [("random", 7, 2)]


def test_what_stays_is_of_many_resets_and_of_many_calls() -> None:
    (block,) = blocks(Measure.resident)
    assert block.max_episode_steps == 1 and block.task(2).max_episode_steps == 1
    cases = [(series.workload.population, series.workload.episodes, series.calls) for series in block.series]
    assert cases == [(10, 100, 100), (1, 1, 10_000)]  # 10^5 resets, 10^4 calls
    assert sizes(Measure.resident, size=(3, 2)) == [("random", 3, 2), ("random", 1, 1)]
    (usual,) = blocks(Measure.latency)
    assert usual.max_episode_steps is None and usual.task(2).max_episode_steps is None


def test_calls_on_machines_grow_by_their_bytes() -> None:
    (block,) = blocks(Measure.machines)
    assert block.max_episode_steps == 1
    assert sizes(Measure.machines) == [("random", 1, 1), ("random", 555, 1), ("random", 35_555, 1)]
    assert 4 * 450 * 555 <= 10**6 and 4 * 450 * 35_555 <= 64 * 10**6
    assert sizes(Measure.machines, size=(7, 3)) == [("random", 7, 3)]


def test_backends_take_turns_but_where_their_processes_would_be_too_many() -> None:
    for measure in set(Measure) - {Measure.peak, Measure.policy, Measure.threads}:
        (block,) = blocks(measure)
        assert block.backends == ("rust", "multiprocessing")
        assert block.threads == ((1, 2, 4) if measure == Measure.scaling else (4,))
    assert [(block.backends, block.threads) for block in blocks(Measure.threads)] == [
        (("rust",), (1, 2, 4)),
        (("multiprocessing",), (1, 2, 4)),
    ]
    assert blocks(Measure.peak) == []


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_policies_grow_and_fit_the_environment(entry: EnvironmentEntry) -> None:
    listed = workloads.policy_sizes(entry)
    found = plan(Measure.policy, entry, [workloads.workload("random", entry)], ("rust",), 2)
    assert [block.policy for block in found] == list(listed)
    for spelling in listed:
        assert str(Policy(spelling)) == spelling
        Policy(spelling).check_fits(entry)
    macs = [Policy(spelling).network.macs for spelling in listed]
    assert macs == sorted(set(macs)) and len(macs) >= 3
    assert entry.default_policy in listed
    populations = [block.series[0].workload.population for block in found]
    assert populations == sorted(populations, reverse=True)
    assert max(populations) <= workloads.workload("random", entry).population


def test_hidden_layers_have_16_to_512_units_and_some_policies_two() -> None:
    hidden = ("16", "32", "64", "128", "256", "512", "64-64", "256-256")
    assert workloads.policy_sizes(CARTPOLE) == tuple(f"mlp:4-{units}-2" for units in hidden)
    assert workloads.policy_sizes(resolve("bipedalwalker"))[4:6] == ("mlp:24-64-64-4", "mlp:24-256-4")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measure": Measure.population, "population": 5}, "population: expected none for population, got 5"),
        ({"measure": Measure.episodes, "episodes": 5}, "episodes: expected none for episodes, got 5"),
        ({"measure": Measure.latency, "episodes": 5}, "episodes: expected none for latency, got 5"),
        ({"measure": Measure.startup, "population": 5}, "population: expected none for startup, got 5"),
        ({"measure": Measure.policy, "policy": "mlp:4-2"}, "policy: expected none for policy, got mlp:4-2"),
        ({"measure": Measure.policy, "workloads": ("trained",)}, "workload: expected random for policy, got trained"),
        ({"measure": Measure.peak}, "workloads: expected none for peak, got random"),
        (
            {"measure": Measure.peak, "workloads": None, "backends": ("multiprocessing",)},
            "backends: expected rust alone for peak, got multiprocessing",
        ),
        (
            {"measure": Measure.resident, "backends": ("rust", "multiprocessing")},
            "backends: expected rust alone for resident, got rust, multiprocessing",
        ),
        (
            {"measure": Measure.machines, "backends": ("rust", "envpool")},
            "backends: expected some of rust, process-pool, dask, ray for machines, got rust, envpool",
        ),
        ({"env": "all", "policy": "mlp:4-2"}, "policy: expected none with all environments, got mlp:4-2"),
        ({"former": Path("no.csv")}, "no.csv: cannot be read: No such file or directory"),
    ],
)
def test_contradictions_are_refused_before_any_work(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        run(replace(TINY, **change), progress=lambda line: pytest.fail(f"work began: {line}"))
    assert str(caught.value) == message


# --- run for real, with the engine alone


@pytest.mark.parametrize("measure", sorted(set(Measure) - FRESH - {Measure.peak, Measure.scaling}))
def test_the_engine_is_measured(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalengine.bench.session.LONGEST_CALL", 1e9)
    config = replace(TINY, measure=measure)
    counted: list[tuple[int, int]] = []
    result = run(config, count=lambda done, planned: counted.append((done, planned)))
    assert result.ok and result.skipped == {} and not result.interrupted
    assert result.planned == len(result.rows) == len(counted) and counted[-1] == (result.planned, result.planned)
    assert {row.measure for row in result.rows} == {str(measure)}
    for row in result.rows:
        assert row.macs == Policy(row.policy).network.macs
        assert row.steps % row.calls == 0
        assert row.calls == 1 or measure not in PREFIX
        assert (row.peak_rss_bytes, row.rss_growth_bytes) == (None, None)
        assert row.note == ("episodes end after 1 step" if measure == Measure.machines else "")
        assert measure != Measure.machines or row.steps == row.calls * row.population


def test_the_peak_is_measured_on_one_thread_and_on_all() -> None:
    result = run(BenchConfig("all", Measure.peak, rounds=2, threads=2, round_seconds=0.01, csv=False))
    assert [(row.round, row.threads) for row in result.rows] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert result.planned == 4 and result.ok
    for row in result.rows:
        assert (row.env, row.workload, row.policy, row.fitness_checksum) == ("", "", "", "")
        assert row.macs == 192 and row.steps % 1_000_000 == 0 and row.steps > 0
        assert row.seconds >= 0.01


def test_all_means_every_environment_and_every_policy() -> None:
    small = replace(TINY, env="all", workloads=None, population=2, episodes=1, rounds=1)
    result = run(small)
    assert [(row.env, row.policy, row.workload) for row in result.rows] == [
        (entry.id, policy, name)
        for entry in entries()
        for policy in workloads.policies(entry)
        for name in workloads.names(entry)
    ]
    assert len(result.comparisons) == len(result.rows) and result.ok


def test_larger_calls_are_left_out_once_they_would_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalengine.bench.session.LONGEST_CALL", 1e-9)
    lines: list[str] = []
    result = run(replace(TINY, measure=Measure.population), lines.append)
    assert {row.population for row in result.rows} == {1}
    assert result.planned == len(result.rows) == 2
    (name,) = result.skipped
    assert name == "rust, CartPole-v1 random, larger calls"
    assert result.skipped[name].startswith("a call of 10 x 1 episodes would take ")
    assert sum("rust left out: a call of" in line for line in lines) == len(POPULATIONS) - 1


def test_the_csv_is_named_after_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(BenchConfig("all", Measure.peak, rounds=1, threads=1, round_seconds=0.001))
    (path,) = (tmp_path / "bench_results").iterdir()
    assert path.name.startswith("all-peak-")


def test_a_former_run_is_judged(tmp_path: Path) -> None:
    former = tmp_path / "former.csv"
    config = replace(TINY, population=6, episodes=2, rounds=3, former=former)
    case = {"population": 6, "episodes": 2}
    write_csv(bench_frame(rounds_of((1e-9,) * 3, steps=10**12, **case)), former)
    result = run(config)
    assert result.regressions is not None and not result.regressions.ok and not result.ok
    write_csv(bench_frame(rounds_of((1e9,) * 3, steps=1, **case)), former)
    result = run(config)
    assert result.regressions is not None and result.regressions.ok and result.ok
    assert result.to_json()["regressions"] == result.regressions.to_json()
    assert BenchResult([ROW]).to_json()["regressions"] is None
