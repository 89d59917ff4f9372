"""Drivers: seeded, of every kind of action, and between them they reach every branch that is known to be rare."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from evalengine import Policy
from evalengine.environments.registry import entries, resolve
from evalengine.errors import InputError
from evalengine.parity.drivers import COMMON_DRIVERS, check_driver, player, policy_player
from evalengine.parity.open_loop import open_loop, variants_section
from evalengine.parity.report import Verdict
from evalengine.policies.heads import Head
from evalengine.references import Variant, reference
from evalengine.references.snake import MOVES, tour_of_all_cells
from evalengine.workloads.individuals import individuals

SHORT_NAMES = [entry.short_name for entry in entries()]

# What the drivers of an environment have to reach in 6,000 steps each and 12,000 of the variants, or its share of them.
REACHED = {
    "cartpole": {
        "terminated": 500, "time limit": 100, "terminated at the time limit": 5,
        "left edge": 3, "right edge": 3, "fell left": 100, "fell right": 100,
    },
    "snake": {
        "terminated": 1000, "time limit": 500, "terminated at the time limit": 100, "fruit": 1000, "wall": 500,
        "bite": 30, "entered the tail's cell": 100, "turned back": 100, "full board": 100,
    },
    "acrobot": {
        "terminated": 200, "time limit": 500, "terminated at the time limit": 2, "first angle wrapped": 300,
        "second angle wrapped": 500, "wrapped more than once": 100, "first velocity limited": 100,
        "second velocity limited": 100,
    },
    "pendulum": {
        "time limit": 500, "torque clipped": 3000, "torque at its bound": 2000, "speed clipped": 1000,
        "angle beyond pi": 10_000, "angle beyond 5 pi": 3000,
    },
    "mountaincar": {
        "terminated": 40, "time limit": 200, "stopped by the wall": 30, "speed limited": 20,
        "at the flag, too slow": 100, "position limited on the right": 50,
    },
    "mountaincarcontinuous": {
        "terminated": 100, "time limit": 200, "force clipped": 3000, "force at its bound": 1500, "speed limited": 100,
        "stopped by the wall": 50, "at the flag, too slow": 100, "position limited on the right": 50,
        "float64 state": 500,
    },
    "bipedalwalker": {
        "terminated": 100, "fell": 100, "time limit": 10, "a foot on the ground": 20_000,
        "both feet on the ground": 5000, "an upper leg on the ground": 200, "contact of two points": 3000,
        "contact with a face of the walker": 2000, "foot counts as lifted, but touches": 1000, "asleep": 20,
        "a joint at its limit": 20_000, "a ray meets nothing": 20_000, "action clipped": 3000,
        "contact with a block": 100,
    },
    "bipedalwalkerhardcore": {
        "terminated": 100, "fell": 100, "time limit": 10, "a foot on the ground": 20_000,
        "both feet on the ground": 5000, "an upper leg on the ground": 200, "contact of two points": 3000,
        "contact with a block": 1000, "a block's contact of two points": 10,
        "a block's contact with a face of the walker": 50,
    },
    "lunarlander": {
        "terminated": 150, "time limit": 5, "landed on the pad, asleep": 10, "crash": 80, "out of view": 10,
        "leg on the ground": 4000, "both legs on the ground": 2000, "sliding": 1000, "contact of two points": 50,
        "contact with a leg's face": 5, "leg counts as lifted, but touches": 20,
        "leg at the limit of its joint": 10_000, "action clipped": 100, "NaN in the action": 20,
    },
    "carracing": {
        "terminated": 20, "lap complete": 20, "time limit": 1, "asleep": 15, "on road and grass": 50,
        "all wheels on the grass": 1000, "spinning": 500, "wheel at the limit of its joint": 500, "gas clipped": 100,
        "brakes lock": 100, "faster than 60 m/s": 10, "the camera comes down": 500,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_every_rare_branch_is_reached_and_counted(name: str) -> None:
    found, entry = reference(name), resolve(name)
    drivers = ["random", "sticky", *found.drivers]
    seen = Counter[str]()
    for driver in drivers:
        players = {driver: player(driver, entry, found.drivers)}
        section, _ = open_loop(found, Variant(), players, name=driver, seed=0, steps=found.share_of(6000))
        assert section.verdict is Verdict.HOLDS
        seen.update(section.events)
    section = variants_section(found, drivers, name="variants", seed=0, steps=found.share_of(12_000))
    assert section.verdict is Verdict.HOLDS
    seen.update(section.events)
    missed = {
        event: seen[event] for event, least in REACHED.get(name, {"terminated": 1}).items() if seen[event] < least
    }
    assert missed == {}


def test_an_unknown_driver_is_refused_with_the_nearest_name() -> None:
    entry = resolve("snake")
    for known in (*COMMON_DRIVERS, "tour"):
        check_driver(known, entry, ("tour",))
    with pytest.raises(InputError) as raised:
        check_driver("stiky", entry, ("tour",))
    assert str(raised.value) == (
        "driver: expected one of random, sticky, policy, tour for evalengine/Snake-v0, "
        "got 'stiky' (did you mean 'sticky'?)"
    )
    with pytest.raises(InputError, match=r"got 'xyz'$"):
        check_driver("xyz", entry, ())


def choices(name: str, seed: int, count: int = 2000) -> list[int]:
    choose = player(name, resolve("snake"), {})(None, np.random.default_rng(seed))
    return [choose(np.zeros(0)) for _ in range(count)]


def test_random_actions_are_seeded_and_cover_the_action_space() -> None:
    assert choices("random", 1) == choices("random", 1) != choices("random", 2)
    counts = Counter(choices("random", 1))
    assert set(counts) == {0, 1, 2, 3} and min(counts.values()) > 400


def test_a_sticky_driver_repeats_itself() -> None:
    actions = choices("sticky", 1)
    assert set(actions) == {0, 1, 2, 3}
    repeated = sum(first == second for first, second in pairwise(actions)) / len(actions)
    assert 0.85 < repeated < 0.93  # 0.85, and a quarter of the rest by chance


@pytest.mark.parametrize("name", ["random", "sticky"])
def test_box_actions_are_float32_within_their_bounds(name: str) -> None:
    box = replace(resolve("snake"), n_actions=None, action_low=(-1.0, 0.0), action_high=(1.0, 5.0))
    choose = player(name, box, {})(None, np.random.default_rng(0))
    actions = np.stack([choose(np.zeros(0)) for _ in range(500)])
    assert actions.dtype == np.float32 and actions.shape == (500, 2)
    assert (actions.min(axis=0) >= [-1, 0]).all() and (actions.max(axis=0) <= [1, 5]).all()
    assert actions[:, 1].max() > 4


def test_a_policy_plays_with_one_individual_after_the_other() -> None:
    policy = Policy("mlp:2-3,bias=0")
    first, second = np.eye(3, 2, dtype=np.float32).ravel(), np.eye(3, 2, -1, dtype=np.float32).ravel()
    begin = policy_player(policy, Head(), [first, second])
    rng = np.random.default_rng(0)
    chosen = [begin(None, rng)(np.array([1.0, 0.5], np.float32)) for _ in range(3)]
    assert chosen == [0, 1, 0]


def test_a_policy_plays_box_actions_with_its_head() -> None:
    policy = Policy("mlp:3-1,bias=0,head=clip")
    begin = policy_player(policy, Head.of(policy, resolve("pendulum")), [np.array([1, 0, 5], np.float32)])
    choose = begin(None, np.random.default_rng(0))
    actions = [choose(np.array(seen, np.float32)) for seen in ([0.5, 9, 0], [0, 0, 1])]
    assert [action.dtype for action in actions] == [np.float32] * 2
    assert [action.tolist() for action in actions] == [[0.5], [2.0]]


def test_individuals_are_trained_and_random_in_turn() -> None:
    entry = resolve("cartpole")
    policy = Policy(entry.default_policy)
    trained, random, noisy, other = individuals(entry, policy, 4, seed=3)
    assert np.abs(noisy - trained).max() < 0.02 < np.abs(random - trained).max()
    assert np.array_equal(random, policy.init(4, 3)[1]) and np.array_equal(other, policy.init(4, 3)[3])
    without = individuals(entry, Policy("mlp:4-2"), 2, seed=3)
    assert np.array_equal(np.stack(without), Policy("mlp:4-2").init(2, 3))


@pytest.mark.parametrize("rows", range(1, 8))
@pytest.mark.parametrize("cols", range(1, 8))
def test_a_tour_visits_all_cells_and_returns(rows: int, cols: int) -> None:
    tour = tour_of_all_cells(rows, cols)
    if min(rows, cols) < 2 or rows * cols % 2:
        assert tour is None
        return
    assert tour is not None
    cell, visited = (0, 0), set()
    for _ in range(rows * cols):
        visited.add(cell)
        move = MOVES[tour[cell]]
        cell = (cell[0] + move[0], cell[1] + move[1])
    assert cell == (0, 0) and visited == set(tour) and len(visited) == rows * cols
