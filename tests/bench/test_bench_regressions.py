"""What got slower: each condition of the rule, at its edge."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from bench_rows import ROW, rounds_of

from evalengine.bench.measures import Measure
from evalengine.bench.regressions import LEAST_BYTES, LEAST_CHANGE, LEAST_ROUNDS, Verdict, compare_runs, cost, unit

STEADY = (1.0, 1.0, 1.0)


def verdict(former: tuple[float, ...], now: tuple[float, ...], **changes: Any) -> Verdict:
    (change,) = compare_runs(rounds_of(former, **changes), rounds_of(now, **changes)).changes
    return change.verdict


@pytest.mark.parametrize(
    ("former", "now", "expected"),
    [
        (STEADY, (1.06, 1.06, 1.06), Verdict.slower),
        (STEADY, (1.05, 1.05, 1.05), Verdict.same),  # not beyond 5%, however steady
        (STEADY, (math.nextafter(1.05, 2.0),) * 3, Verdict.slower),
        ((1.0, 1.1, 1.2), (1.2, 1.6, 1.7), Verdict.same),  # the ranges touch
        ((1.0, 1.1, 1.2), (1.21, 1.6, 1.7), Verdict.slower),
        ((1.0, 1.2, 1.29), (1.3, 1.48, 1.5), Verdict.same),  # beyond each other, but by less than a run's spread
        (STEADY, (1.02, 1.5, 1.6), Verdict.slower),
        (STEADY, (1.02, 1.3, 1.6), Verdict.same),  # the new run's spread is 45%
        ((1.06, 1.06, 1.06), STEADY, Verdict.faster),
        ((1.05, 1.05, 1.05), STEADY, Verdict.same),
        ((1.2, 1.6, 1.7), (1.0, 1.1, 1.2), Verdict.same),
        (STEADY, STEADY, Verdict.same),
        (STEADY, (9.0, 9.0), Verdict.unjudged),
        ((1.0, 1.0), (9.0, 9.0, 9.0), Verdict.unjudged),
    ],
)
def test_the_rule(former: tuple[float, ...], now: tuple[float, ...], expected: Verdict) -> None:
    assert verdict(former, now) == expected


def test_the_rules_constants_are_those_of_the_documents() -> None:
    assert (LEAST_ROUNDS, LEAST_CHANGE, LEAST_BYTES) == (3, 0.05, 1 << 20)
    assert round(100 / math.comb(10, 5), 1) == 0.4 and math.comb(10, 5) == 252


@pytest.mark.parametrize("measure", sorted(set(Measure) - {Measure.memory, Measure.resident}))
def test_every_measure_but_the_peak_is_judged(measure: Measure) -> None:
    expected = Verdict.unjudged if measure == Measure.peak else Verdict.slower
    assert verdict(STEADY, (2.0, 2.0, 2.0), measure=str(measure)) == expected


def test_memory_is_judged_by_what_a_call_adds() -> None:
    def rows(*sizes: int) -> list[Any]:
        return [replace(ROW, measure="memory", rss_growth_bytes=size, peak_rss_bytes=10**9) for size in sizes]

    assert compare_runs(rows(100, 100, 100), rows(200, 200, 200)).changes[0].verdict == Verdict.slower
    assert compare_runs(rows(0, 0, 0), rows(0, 0, 0)).changes[0].verdict == Verdict.same
    assert compare_runs(rows(0, 0, 0), rows(4096, 4096, 4096)).changes[0].verdict == Verdict.slower


@pytest.mark.parametrize(
    ("former", "now", "expected"),
    [
        ((0, 0, 0), (LEAST_BYTES - 1,) * 3, Verdict.same),  # some pages
        ((0, 0, 0), (LEAST_BYTES,) * 3, Verdict.slower),
        ((0, 4096, 8192), (2 << 20, 3 << 20, 4 << 20), Verdict.slower),
        ((0, 4096, 8192), (4096, 3 << 20, 4 << 20), Verdict.same),  # the ranges touch
        ((LEAST_BYTES,) * 3, (0, 0, 0), Verdict.faster),
        ((0, 0), (9 << 20,) * 3, Verdict.unjudged),
    ],
)
def test_what_stays_resident_is_judged_by_mebibytes(
    former: tuple[int, ...], now: tuple[int, ...], expected: Verdict
) -> None:
    runs = [[replace(ROW, measure="resident", rss_growth_bytes=size) for size in sizes] for sizes in (former, now)]
    (change,) = compare_runs(*runs).changes
    assert (change.verdict, change.unit) == (expected, "bytes")


def test_costs_are_per_step_or_per_call() -> None:
    row = replace(ROW, steps=100, calls=4, seconds=2.0, rss_growth_bytes=77)
    assert [(str(measure), cost(replace(row, measure=measure)), unit(measure)) for measure in Measure] == [
        ("throughput", 0.02, "s/step"),
        ("population", 0.02, "s/step"),
        ("episodes", 0.02, "s/step"),
        ("threads", 0.02, "s/step"),
        ("policy", 0.02, "s/step"),
        ("scaling", 0.02, "s/step"),
        ("latency", 0.5, "s/call"),
        ("memory", 77.0, "bytes"),
        ("resident", 77.0, "bytes"),
        ("machines", 0.5, "s/call"),
        ("startup", 0.5, "s/call"),
        ("peak", 0.02, "s/step"),
    ]


@pytest.mark.parametrize("name", ["measure", "env", "workload", "policy", "backend", "episodes", "threads"])
def test_only_equal_cases_are_compared(name: str) -> None:
    changes: dict[str, Any] = {name: 99 if isinstance(getattr(ROW, name), int) else "latency"}
    other = replace(ROW, **changes)
    found = compare_runs([ROW], [other])
    assert (found.changes, found.only_former, found.only_now) == ([], 1, 1)


def test_a_prefix_may_be_longer_but_a_call_has_its_size() -> None:
    assert len(compare_runs([ROW], [replace(ROW, population=9)]).changes) == 1
    latency = replace(ROW, measure="population")
    assert compare_runs([latency], [replace(latency, population=9)]).changes == []


def test_other_machines_are_named() -> None:
    assert compare_runs([ROW], [ROW]).machines == ()
    found = compare_runs([ROW], [replace(ROW, cpu="other", cores=8)])
    assert found.machines == ("cpu: cpu then, other now", "cores: 2 then, 8 now")


def test_the_largest_change_comes_first_and_the_document_has_all() -> None:
    former = [row for env in "abc" for row in rounds_of(STEADY, env=env)]
    now = rounds_of((2.0,) * 3, env="a") + rounds_of((3.0,) * 3, env="b") + rounds_of((0.1,) * 3, env="c")
    found = compare_runs(former, now)
    assert [change.case[1] for change in found.of(Verdict.slower)] == ["b", "a"]
    assert not found.ok and compare_runs(former, former).ok
    document = json.loads(json.dumps(found.to_json()))
    assert [change["ratio"] for change in document["changes"]] == [change.ratio for change in found.changes]
    assert document["ok"] is False
