"""Snake against its reference, every bit of every step, with a player that gets everywhere; see test_env_parity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from side_by_side import MIN_STEPS, Observation, replay

from evalengine import make
from evalengine.references.snake import MOVES, SnakeEnv


class SnakePlayer:
    """Goes for the fruit along free cells, now and then anywhere, and counts what it meets.

    It only ever looks at the reference. `noise` is the share of random valid moves, `folly` that of moves without
    looking. On boards with an even number of rows it can follow a tour of all cells instead, which fills the board.
    """

    def __init__(self, env: SnakeEnv, rng: np.random.Generator, *, noise: float, folly: float, tour: bool) -> None:
        self.env, self.rng, self.noise, self.folly = env, rng, noise, folly
        self.tour = tour_of_all_cells(env.rows, env.cols) if tour else None
        self.seen = Counter[str]()

    def __call__(self, observation: Observation) -> int:
        env = self.env
        row, col = env.head
        action = int(self.rng.integers(4)) if self.rng.random() < self.folly else self._move(row, col)
        target = (row + MOVES[action][0], col + MOVES[action][1])
        self.seen["longest"] = max(self.seen["longest"], env.length)
        if 0 <= target[0] < env.rows and 0 <= target[1] < env.cols:
            age = env.ages[target]
            self.seen["turned back"] += env.length == 2 and age == 1
            self.seen["entered tail"] += env.length > 2 and age == 1
            self.seen["bit"] += age > 1
            self.seen["ate"] += target == env.fruit
        else:
            self.seen["hit wall"] += 1
        return action

    def _move(self, row: int, col: int) -> int:
        env = self.env
        if self.tour is not None and self.rng.random() >= self.noise:
            return self.tour[row, col]
        valid = [
            action
            for action, (d_row, d_col) in enumerate(MOVES)
            if 0 <= row + d_row < env.rows and 0 <= col + d_col < env.cols and env.ages[row + d_row, col + d_col] <= 1
        ]
        if not valid:
            return int(self.rng.integers(4))
        if self.rng.random() < self.noise or env.fruit is None:
            return valid[int(self.rng.integers(len(valid)))]
        fruit = env.fruit
        return min(valid, key=lambda a: abs(row + MOVES[a][0] - fruit[0]) + abs(col + MOVES[a][1] - fruit[1]))


def tour_of_all_cells(rows: int, cols: int) -> dict[tuple[int, int], int]:
    """The next move of a closed tour through all cells: down the first column, then up in rows of zigzag."""
    assert rows % 2 == 0 and cols >= 2
    up, right, down, left = range(4)
    tour = {}
    for row in range(rows):
        for col in range(cols):
            if col == 0:
                tour[row, col] = down if row < rows - 1 else right
            elif (rows - 1 - row) % 2 == 0:
                tour[row, col] = right if col < cols - 1 else up
            else:
                tour[row, col] = left if col > 1 or row == 0 else up
    return tour


SNAKE_VARIANTS: list[tuple[dict[str, int], dict[str, Any], int]] = [
    ({}, {"noise": 0.1, "folly": 0.0, "tour": False}, 60_000),
    ({}, {"noise": 0.02, "folly": 0.005, "tour": False}, 20_000),
    ({}, {"noise": 0.0, "folly": 1.0, "tour": False}, 10_000),
    ({"time_limit": 30_000}, {"noise": 0.0, "folly": 0.0, "tour": True}, 40_000),
    ({"rows": 4, "cols": 5}, {"noise": 0.0, "folly": 0.0, "tour": True}, 20_000),
    ({"rows": 5, "cols": 4, "time_limit": 50}, {"noise": 0.2, "folly": 0.0, "tour": False}, 20_000),
    ({"rows": 3, "cols": 3}, {"noise": 0.3, "folly": 0.0, "tour": False}, 10_000),
    ({"rows": 2, "cols": 2}, {"noise": 0.3, "folly": 0.05, "tour": False}, 10_000),
    ({"rows": 1, "cols": 2}, {"noise": 0.5, "folly": 0.1, "tour": False}, 5_000),
    ({"rows": 2, "cols": 1, "time_limit": 1}, {"noise": 0.5, "folly": 0.5, "tour": False}, 2_000),
    ({"rows": 1, "cols": 9, "time_limit": 3}, {"noise": 0.5, "folly": 0.2, "tour": False}, 3_000),
    ({"rows": 17, "cols": 3}, {"noise": 0.1, "folly": 0.01, "tour": False}, 10_000),
]
assert sum(steps for *_, steps in SNAKE_VARIANTS) >= MIN_STEPS


def played(kwargs: dict[str, Any], style: dict[str, Any], steps: int) -> Counter[str]:
    """Play a variant on both sides for at least `steps` steps; what the player met."""
    theirs = SnakeEnv(**kwargs)
    native = make("evalengine/Snake-v0", observation=None, **kwargs)
    player = SnakePlayer(theirs, np.random.default_rng(steps), **style)
    seen = player.seen
    seed = 0
    while seen["steps"] < steps:
        length, terminated, truncated = replay(native, theirs, player, seed)
        full = theirs.length == theirs.rows * theirs.cols
        both = terminated and truncated
        seen.update(steps=length, full=full, truncated=truncated, both=both, terminated=terminated)
        seed += 1
    return seen


@pytest.fixture(scope="module")
def met() -> Callable[[int], Counter[str]]:
    """What the player of a variant met, played by whichever test asks first."""
    return cache(lambda number: played(*SNAKE_VARIANTS[number]))


@pytest.mark.parametrize("number", range(len(SNAKE_VARIANTS)), ids=[str(kwargs) for kwargs, *_ in SNAKE_VARIANTS])
def test_snake_equals_its_reference(number: int, met: Callable[[int], Counter[str]]) -> None:
    _, style, steps = SNAKE_VARIANTS[number]
    seen = met(number)
    assert seen["steps"] >= steps
    if style["tour"]:
        assert seen["full"] > 0


def test_the_snakes_have_met_everything(met: Callable[[int], Counter[str]]) -> None:
    totals = [met(number) for number in range(len(SNAKE_VARIANTS))]
    total = sum(totals, Counter[str]())
    assert total["steps"] >= MIN_STEPS
    assert max(seen["longest"] for seen in totals) >= 143
    at_least = {"full": 500, "truncated": 500, "both": 100, "ate": 10_000, "bit": 300, "hit wall": 1_000}
    at_least |= {"entered tail": 1_000, "turned back": 1_000}
    missed = {name: total[name] for name, count in at_least.items() if total[name] < count}
    assert missed == {}
