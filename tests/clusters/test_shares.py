"""What shares record, put together: trajectories and statistics have the bytes of one machine, however it is cut."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_distributed import MLP, POPULATION, SEEDS_OF_EACH, Inline, Last, assert_equal_bits, one_machine

from evalengine import Evaluation, InputError, NonFiniteError, Policy, evaluate, evaluate_on
from evalengine.clusters.shares import Assembly, Job, evaluate_share
from evalengine.evaluation.call import Part, evaluate_part
from evalengine.evaluation.options import ShareOptions
from evalengine.evaluation.statistics import ObservationStatistics, PairwiseSum, PartialSum

EVERYTHING: dict[str, Any] = {"trajectories": [36, 0, 5, 6, 0], "collect_statistics": True, "descriptors": ["max(x)"]}


@pytest.mark.parametrize("shares", [1, 2, 3, 5, 8, 37, None])
def test_every_cut_records_what_one_machine_does(shares: int | None) -> None:
    expected = one_machine(seeds=SEEDS_OF_EACH, **EVERYTHING)
    assert list(expected.trajectories) == [0, 5, 6, 36] and expected.statistics.count == expected.lengths.sum()
    for executor in (Inline(), Last()):
        found = evaluate_on(executor, "CartPole-v1", POPULATION, MLP, seeds=SEEDS_OF_EACH, shares=shares, **EVERYTHING)
        assert_equal_bits(found, expected)


CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "pendulum": ("mlp:3-8-1", 5, {}),
    "snake": ("cnn:5x12x12-4k3-8-4", 5, {"max_episode_steps": 30}),
    "carracing": ("cnn:2x20x24-4k8s8-8-3", 3, {"observation": "skip=2,gray,resize=20x24,stack=2"}),
}


@pytest.mark.parametrize("env_id", CASES)
def test_images_and_box_actions_too(env_id: str) -> None:
    spelling, size, options = CASES[env_id]
    population = Policy(spelling).init(size, seed=1)
    calls = {"max_episode_steps": 9, **options, "trajectories": range(size), "collect_statistics": True}
    expected = evaluate(env_id, population, spelling, episodes=3, **calls)
    for shares in (2, 3):
        found = evaluate_on(Inline(), env_id, population, spelling, episodes=3, shares=shares, **calls)
        assert_equal_bits(found, expected)


def test_processes_send_them() -> None:
    with ProcessPoolExecutor(2) as executor:
        found = evaluate_on(executor, "CartPole-v1", POPULATION, MLP, episodes=3, seeds=7, **EVERYTHING)
    assert_equal_bits(found, one_machine(episodes=3, seeds=7, **EVERYTHING))


def test_individuals_that_fail_are_recorded_as_on_one_machine() -> None:
    weights = POPULATION.copy()
    weights[6], weights[20] = np.nan, np.float32(3e38)
    found = evaluate_on(Inline(), "cartpole", weights, MLP, episodes=2, shares=5, on_nan=-1.0, **EVERYTHING)
    assert_equal_bits(found, evaluate("cartpole", weights, MLP, episodes=2, on_nan=-1.0, **EVERYTHING))
    assert len(found.trajectories[6][0].observations) == 0
    with pytest.raises(NonFiniteError, match="individual 6"):
        evaluate_on(Inline(), "cartpole", weights, MLP, episodes=2, shares=5, **EVERYTHING)


def test_a_population_of_none_has_statistics_of_none() -> None:
    options: dict[str, Any] = {"collect_statistics": True, "trajectories": []}
    found = evaluate_on(Inline(), "cartpole", POPULATION[:0], MLP, **options)
    assert found.statistics.count == 0
    assert_equal_bits(found, evaluate("cartpole", POPULATION[:0], MLP, **options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trajectories": [37]}, "trajectories: expected an integer from 0 to 36, got 37"),
        ({"trajectories": 5}, "trajectories: expected a list of individuals such as [0, 5], got 5"),
        ({"collect_statistics": 1}, "collect_statistics: expected True or False, got 1"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_a_share_is_sent(options: dict[str, Any], message: str) -> None:
    executor = Inline()
    with pytest.raises(InputError) as refused:
        evaluate_on(executor, "cartpole", POPULATION, MLP, **options)
    assert (str(refused.value), executor.sizes) == (message, [])


def test_the_bytes_of_all_shares_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each share alone stays below the limit; all of them do not."""
    episode = 16 + 500 * (16 + 8 + 8)
    executor = Inline()
    call: dict[str, Any] = {"episodes": 2, "shares": 37, "trajectories": range(37)}
    monkeypatch.setattr("evalengine.evaluation.call.MOST_BYTES", 37 * 2 * episode - 1)
    with pytest.raises(InputError) as refused:
        evaluate_on(executor, "cartpole", POPULATION, MLP, **call)
    with pytest.raises(InputError) as expected:
        evaluate("cartpole", POPULATION, MLP, episodes=2, trajectories=range(37))
    assert str(refused.value) == str(expected.value)
    assert f"got up to {37 * 2 * episode} for 74 episodes of 500 steps" in str(refused.value)
    assert executor.sizes == []
    monkeypatch.setattr("evalengine.evaluation.call.MOST_BYTES", 37 * 2 * episode)
    assert len(evaluate_on(executor, "cartpole", POPULATION, MLP, **call).trajectories) == 37


@pytest.mark.parametrize("name", ["sum", "sum_of_squares"])
def test_one_unit_in_the_last_place_of_a_partial_sum_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add = PairwiseSum.add

    def add_wrong(self: PairwiseSum, part: PartialSum) -> None:
        sums = getattr(part.statistics, name).copy()
        sums[2] = np.nextafter(sums[2], np.inf)
        add(self, replace(part, statistics=replace(part.statistics, **{name: sums})))

    monkeypatch.setattr(PairwiseSum, "add", add_wrong)
    found = evaluate_on(Inline(), "cartpole", POPULATION, MLP, shares=1, collect_statistics=True)
    with pytest.raises(AssertionError, match=name):
        assert_equal_bits(found, one_machine(collect_statistics=True))


@pytest.mark.parametrize("threads", [1, 3, None])
def test_a_share_runs_on_its_threads_and_leaves_out_seeds_that_the_sender_has(
    threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    def noted(*arguments: Any, threads: int | None, **options: Any) -> Part:
        asked.append(threads)
        return evaluate_part(*arguments, threads=threads, **options)

    monkeypatch.setattr("evalengine.clusters.shares.evaluate_part", noted)
    seeds = np.arange(2, dtype=np.uint64)[np.newaxis]
    part = evaluate_share("CartPole-v1", str(MLP), POPULATION[:3], seeds, (0, 37), threads, {})
    assert asked == [threads]
    assert part.evaluation.seeds.shape == (0, 0) and part.evaluation.seeds.dtype == np.uint64


def test_a_whole_lasts_from_its_first_share_to_its_last(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([40.0, 42.5])
    job = Job.of("CartPole-v1", POPULATION, MLP, 1, 0, {})
    parts = [
        (share, evaluate_share(job.env_id, job.policy, job.weights[slice(*share)], job.seeds, (share.start, 37), 1, {}))
        for share in job.shares(2)
    ]
    monkeypatch.setattr("evalengine.clusters.shares.time.perf_counter", lambda: next(clock))
    assembly = Assembly(job)
    for share, part in parts:
        assembly.place(share, part)
    assert assembly.evaluation().seconds == 2.5


def test_trajectories_stand_in_the_order_of_individuals_however_shares_arrive() -> None:
    options: ShareOptions = {"trajectories": [30, 3, 17]}
    job = Job.of("CartPole-v1", POPULATION, MLP, 1, 0, options)
    assembly = Assembly(job)
    for share in reversed(job.shares(6)):
        weights, place = job.weights[share.start : share.stop], (share.start, len(job.weights))
        assembly.place(share, evaluate_share(job.env_id, job.policy, weights, job.seeds_of(share), place, 1, options))
    found = assembly.evaluation()
    assert list(found.trajectories) == [3, 17, 30]
    assert_equal_bits(found, one_machine(**options))


def test_a_changed_trajectory_is_found() -> None:
    options: dict[str, Any] = {"trajectories": [3]}
    found: Evaluation = evaluate_on(Inline(), "cartpole", POPULATION, MLP, shares=4, **options)
    rewards = found.trajectories[3][0].rewards
    rewards[-1] = np.nextafter(rewards[-1], 2.0)
    with pytest.raises(AssertionError, match=r"\[trajectories\]\[3\]\[0\].rewards"):
        assert_equal_bits(found, one_machine(**options))


# --- the sum in pairs


def statistics_of(episode: int) -> ObservationStatistics:
    values = np.random.default_rng(episode).standard_normal(3) * 10.0 ** (episode % 7)
    return ObservationStatistics(episode % 5, values, values * values)


def in_pairs(parts: list[ObservationStatistics]) -> ObservationStatistics:
    while len(parts) > 1:
        pairs = [parts[start : start + 2] for start in range(0, len(parts), 2)]
        parts = [pair[0] + pair[1] if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


@pytest.mark.parametrize("episodes", [1, 2, 3, 5, 6, 7, 8, 11, 31, 33, 100])
def test_episodes_in_any_order_are_paired_in_theirs(episodes: int) -> None:
    expected = in_pairs([statistics_of(episode) for episode in range(episodes)])
    for seed in range(4):
        order = list(range(episodes))
        random.Random(seed).shuffle(order)
        total = PairwiseSum(episodes)
        for episode in order:
            total.add(PartialSum(0, episode, statistics_of(episode)))
        assert_equal_bits(total.total(), expected)


def test_neighbours_make_other_bits_than_first_to_last() -> None:
    """Else the order would not be tested."""
    parts = [statistics_of(episode) for episode in range(33)]
    assert in_pairs(parts).sum.tobytes() != sum(parts[1:], parts[0]).sum.tobytes()
