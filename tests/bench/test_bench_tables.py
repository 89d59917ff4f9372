"""What `bench` found, as a frame and as tables: every number is there and is whole."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from bench_rows import EQUAL, ROW, rounds_of
from rendered_reports import lines_of, rendered

from evalengine.bench.measures import Measure
from evalengine.bench.regressions import compare_runs
from evalengine.bench.results import BenchResult
from evalengine.bench.schema import BenchRow
from evalengine.files.frames import write_csv
from evalengine.terminal.bench.tables import bench_frame, bench_report, regressions_report


def test_the_columns_of_bench_rows_are_their_fields(tmp_path: Path) -> None:
    rows = [ROW, replace(ROW, round=2, seconds=0.1 + 0.2, peak_rss_bytes=2**53 + 1)]
    frame = bench_frame(rows)
    assert list(frame.columns) == [field.name for field in fields(BenchRow)]
    assert list(bench_frame([]).columns) == list(frame.columns)
    write_csv(frame, tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert lines[0] == ",".join(frame.columns)
    assert len(lines) == 3
    assert ",0.30000000000000004," in lines[2]
    assert ",9007199254740993,," in lines[2]  # a whole number that no float is


def test_a_bench_shows_medians_ranges_and_speedups() -> None:
    rows = [replace(ROW, round=number, seconds=seconds) for number, seconds in enumerate((1.0, 2.0, 0.5))]
    rows += [replace(ROW, backend="multiprocessing", population=64, steps=10_000, round=i) for i in range(3)]
    report = bench_report(BenchResult(rows, [EQUAL], {"other": "torch is not installed"}, Path("rows.csv")))
    lines = lines_of(report)
    assert lines[0] == ["CartPole-v1", "mlp:4-64-2", "random", "population"]
    assert lines[1] == ["backend", "individuals", "steps/s", "range", "speedup"]
    assert [" ".join(line) for line in lines[3:]] == [
        "rust 4,096 12,000,000 50% to 200% 1,200.0x",
        "multiprocessing 64 10,000 100% to 100% 1.0x",
        "16 episodes each, 2 threads; median and range of 3 rounds",
        "multiprocessing: 64 individuals in all rounds: every return and length equals the engine's.",
        "skipped other: torch is not installed",
        "Every round: rows.csv",
    ]


def test_a_bench_without_the_baseline_has_no_speedup() -> None:
    assert lines_of(bench_report(BenchResult([ROW], [])))[3][-1] == "-"


def test_each_workload_has_its_own_table_and_comparisons() -> None:
    rows = [ROW, replace(ROW, workload="trained", steps=5)]
    text = rendered(bench_report(BenchResult(rows, [EQUAL, replace(EQUAL, workload="trained", individuals=7)])))
    random, trained = text.split("trained population")
    assert ": 64 individuals in" in random and ": 7 individuals in" not in random
    assert ": 7 individuals in" in trained and ": 64 individuals in" not in trained


def test_differing_individuals_are_explained_or_a_mismatch() -> None:
    notes = tuple(f"individual {number}" for number in range(8))
    explained = replace(EQUAL, differing=3, explained=3, notes=notes)
    text = rendered(bench_report(BenchResult([ROW], [explained])))
    assert "3 differ from the engine's, all explained by their margins." in text
    assert "  individual 4\n" in text and "individual 5" not in text
    assert "  ... and 3 more (see --json)\n" in text
    text = rendered(bench_report(BenchResult([ROW], [replace(explained, explained=1, notes=notes[:5])])))
    assert "3 differ from the engine's, MISMATCH: 2 not explained." in text
    assert "more (see" not in text


def test_scaling_shows_each_size_with_each_number_of_threads() -> None:
    one = replace(ROW, measure="scaling", population=256, episodes=1, calls=2000)
    rows = [
        replace(one, round=number, threads=threads, steps=steps)
        for number, steps in enumerate((6_000_000, 8_000_000, 10_000_000))
        for threads in (1, 2)
    ]
    rows.append(replace(rows[1], round=3, steps=12_000_000, calls=2500))
    lines = lines_of(bench_report(BenchResult(rows, csv_path=Path("rows.csv"))))
    assert lines[0] == ["scaling:", "CartPole-v1", "mlp:4-64-2", "random", "population"]
    assert " ".join(lines[1]) == "backend individuals episodes threads us a call steps/s range efficiency"
    assert [" ".join(line) for line in lines[3:]] == [
        "rust 256 1 1 500 8,000,000 75% to 125% 100.0%",
        "rust 256 1 2 500 9,000,000 67% to 133% 50.0%",
        "efficiency: against one thread in the same round; medians and range of 3 rounds",
        "Every round gave the same fitnesses, with any number of threads.",
        "Every round: rows.csv",
    ]


def test_different_fitnesses_of_one_call_are_a_mismatch() -> None:
    rows = [replace(ROW, measure="scaling", threads=1, fitness_checksum=checksum) for checksum in "ab"]
    text = rendered(bench_report(BenchResult(rows)))
    assert "MISMATCH: rounds of one size gave different fitnesses." in text
    assert "the same fitnesses" not in text


def memory_rows() -> list[BenchRow]:
    sizes = ((30_000_000, 1_500_000), (31_000_000, 1_700_000), (50_000_000, 1_600_000))
    return [replace(ROW, measure="memory", peak_rss_bytes=peak, rss_growth_bytes=more) for peak, more in sizes]


def resident_rows() -> list[BenchRow]:
    resets = replace(ROW, measure="resident", population=10, episodes=100, calls=100, peak_rss_bytes=31_000_000)
    return [replace(resets, rss_growth_bytes=more) for more in (0, 2_048, 8_192)]


@pytest.mark.parametrize(
    ("rows", "heading", "line"),
    [
        (rounds_of((0.5, 1.0, 0.8), measure="latency", calls=1000), "backend us a call", "rust 800 15,000,000"),
        (memory_rows(), "individuals episodes MB more MB in all seconds", "rust 4,096 16 1.6 31.0 1.000"),
        (resident_rows(), "individuals episodes calls kB more MB in all", "10 100 100 2 31.0"),
        (
            rounds_of((0.5, 1.0, 0.8), measure="machines", backend="ray", calls=100),
            "us a call range",
            "ray 4,096 8,000",
        ),
        (rounds_of((0.25, 0.5, 0.3), measure="startup"), "backend seconds range", "rust 0.300 60% to 120%"),
        (rounds_of((1.0, 1.0, 2.0), measure="population"), "individuals us a call", "rust 4,096 1,000,000 12,000,000"),
        (rounds_of((1.0, 1.0, 2.0), measure="episodes"), "individuals episodes us a call", "rust 4,096 16 1,000,000"),
        (rounds_of((1.0,), measure="policy"), "policy individuals steps/s range GMAC/s", "rust mlp:4-64-2 4,096"),
        (rounds_of((1.0,), measure="threads"), "backend threads", "rust 2 12,000,000 100% to 100% -"),
        (rounds_of((0.5,), measure="peak", env="", workload="", policy=""), "threads GMAC/s", "2 9.2 100%"),
    ],
    ids=lambda value: value[0].measure if isinstance(value, list) else "",
)
def test_each_measure_shows_what_it_is_about(rows: list[BenchRow], heading: str, line: str) -> None:
    lines = [" ".join(words) for words in lines_of(bench_report(BenchResult(rows)))]
    assert heading in lines[1]
    assert lines[3].startswith(line)


def test_every_measure_has_a_table() -> None:
    for measure in Measure:
        rendered(bench_report(BenchResult([replace(ROW, measure=str(measure))])))


def test_titles_and_captions_stay_on_one_line() -> None:
    text = rendered(bench_report(BenchResult(rounds_of((1.0, 1.0), measure="startup"))))
    assert "startup: CartPole-v1  mlp:4-64-2  random population" in text
    assert "2 threads; each round a fresh process; median of 2 rounds" in text


def test_a_note_is_said_once() -> None:
    rows = [*rounds_of((1.0, 1.0), backend="envpool", note="own seeds"), ROW]
    assert rendered(bench_report(BenchResult(rows))).count("envpool: own seeds\n") == 1


def test_an_interrupted_run_says_how_far_it_came() -> None:
    text = rendered(bench_report(BenchResult([ROW], planned=1200, interrupted=True)))
    assert "Interrupted: 1 of 1,200 rows.\n" in text


def test_what_got_slower_is_shown_first_and_in_full() -> None:
    former = [*rounds_of((1.0, 1.0, 1.0)), *rounds_of((1.0, 1.0, 1.0), measure="latency", population=1, calls=1000)]
    now = [*rounds_of((0.5, 0.5, 0.5)), *rounds_of((1.5, 1.5, 1.5), measure="latency", population=1, calls=1000)]
    now.append(replace(ROW, backend="envpool"))
    lines = [" ".join(words) for words in lines_of(regressions_report(compare_runs(former, now)))]
    assert lines[3:] == [
        "slower latency CartPole-v1 random mlp:4-64-2 rust 1 x 16 2 1e+03 us/call 1.5e+03 us/call +50.0% 5.0%",
        "faster throughput CartPole-v1 random mlp:4-64-2 rust 16 each 2 0.0833 us/step 0.0417 us/step -50.0% 5.0%",
        "1 slower, 1 faster, 0 same, 0 unjudged.",
        "Not compared: 0 only in the former run, 1 only in this one.",
    ]


def test_another_machine_is_said_to_be_one() -> None:
    lines = rendered(regressions_report(compare_runs([ROW], [replace(ROW, cores=64, env="Acrobot-v1")])))
    assert "Another machine: cores: 2 then, 64 now. A change may be the machine's.\n" in lines
    assert "The two runs have nothing in common.\n" in lines
