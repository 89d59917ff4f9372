"""The pure Python Snake: its rules, one by one, and that it is a well-behaved Gymnasium environment."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from evalengine.errors import InputError, MissingDependencyError
from evalengine.references import reference
from evalengine.references.snake import AGE, BODY, FRUIT, HEAD, TAIL, SnakeEnv

UP, RIGHT, DOWN, LEFT = range(4)


def position(ages: list[list[int]], fruit: tuple[int, int] | None, **kwargs: Any) -> SnakeEnv:
    """An environment in the middle of an episode."""
    env = SnakeEnv(rows=len(ages), cols=len(ages[0]), **kwargs)
    env.reset(seed=7)
    env.ages = np.array(ages, np.float32)
    env.length = int(env.ages.max())
    head = np.argwhere(env.ages == env.length)[0]
    env.head = (int(head[0]), int(head[1]))
    env.fruit = fruit
    return env


def test_gymnasium_finds_nothing_wrong_with_it() -> None:
    made = reference("snake").make()
    assert made.spec is not None and made.spec.id == "evalengine/Snake-v0"
    assert made.spec.max_episode_steps is None  # the time limit is the environment's own
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(made.unwrapped, skip_render_check=True)
        check_env(gymnasium.make("evalengine/Snake-v0", rows=3, cols=1).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("seed", range(50))
def test_reset_draws_row_column_and_fruit_in_this_order(seed: int) -> None:
    env = SnakeEnv(rows=5, cols=7)
    observation, info = env.reset(seed=seed)
    draws = np.random.default_rng(seed)
    row, col = int(draws.integers(5)), int(draws.integers(7))
    free = [cell for cell in range(35) if cell != row * 7 + col]
    fruit = free[int(draws.integers(34))]
    expected = np.zeros((5, 7, 5), np.float32)
    expected[row, col, [BODY, HEAD, TAIL, AGE]] = 1.0
    expected[fruit // 7, fruit % 7, FRUIT] = 1.0
    assert observation.dtype == np.float32 and info == {}
    np.testing.assert_array_equal(observation, expected)


@pytest.mark.parametrize(("action", "head"), [(UP, (0, 1)), (RIGHT, (1, 2)), (DOWN, (2, 1)), (LEFT, (1, 0))])
def test_actions_are_up_right_down_left(action: int, head: tuple[int, int]) -> None:
    env = position([[0, 0, 0], [0, 1, 0], [0, 0, 0]], fruit=None)
    observation, reward, terminated, truncated, info = env.step(action)
    assert (reward, terminated, truncated, info) == (0.0, False, False, {})
    assert np.argwhere(observation[:, :, HEAD]).tolist() == [list(head)]
    assert observation[:, :, BODY].sum() == 1.0


def test_a_move_without_fruit_ages_every_cell() -> None:
    env = position([[0, 2, 1], [4, 3, 0], [0, 0, 0]], fruit=(0, 2))
    observation, *_ = env.step(DOWN)
    ages = np.array([[0, 1, 0], [3, 2, 0], [4, 0, 0]], np.float32)
    np.testing.assert_array_equal(observation[:, :, BODY], ages > 0)
    np.testing.assert_array_equal(observation[:, :, HEAD], ages == 4)
    np.testing.assert_array_equal(observation[:, :, TAIL], ages == 1)
    np.testing.assert_array_equal(observation[:, :, AGE], ages / np.float32(4))
    assert np.argwhere(observation[:, :, FRUIT]).tolist() == [[0, 2]]


def test_age_is_divided_in_float32() -> None:
    env = position([[1, 2, 3], [0, 0, 0]], fruit=(1, 0))
    observation, *_ = env.step(DOWN)
    third = np.float32(1) / np.float32(3)
    assert sorted(observation[:, :, AGE][observation[:, :, BODY] > 0].tolist()) == [third, np.float32(2) / 3, 1.0]


def test_eating_grows_keeps_ages_and_draws_among_the_free_cells() -> None:
    env = position([[1, 2, 0], [0, 0, 0]], fruit=(0, 2))
    draws = np.random.default_rng(3)
    env.np_random = np.random.default_rng(3)
    observation, reward, terminated, truncated, _ = env.step(RIGHT)
    assert (reward, terminated, truncated) == (1.0, False, False)
    np.testing.assert_array_equal(observation[:, :, AGE] * 3, np.array([[1, 2, 3], [0, 0, 0]], np.float32))
    assert np.argwhere(observation[:, :, FRUIT]).tolist() == [[1, int(draws.integers(3))]]


@pytest.mark.parametrize(
    ("ages", "action"),
    [
        ([[0, 1, 2]], RIGHT),
        ([[0, 1, 2]], UP),
        ([[2, 1, 0]], LEFT),
        ([[2, 1, 0]], DOWN),
        ([[1, 2, 3], [0, 5, 4]], UP),
    ],
)
def test_leaving_the_board_or_biting_ends_the_episode_and_moves_nothing(ages: list[list[int]], action: int) -> None:
    env = position(ages, fruit=None)
    observation, reward, terminated, truncated, _ = env.step(action)
    assert (reward, terminated, truncated) == (0.0, True, False)
    np.testing.assert_array_equal(observation[:, :, AGE] * env.length, np.array(ages, np.float32))


def test_the_tail_may_be_entered() -> None:
    env = position([[1, 2], [4, 3], [0, 0]], fruit=(2, 0))
    observation, _, terminated, *_ = env.step(UP)
    assert not terminated
    np.testing.assert_array_equal(observation[:, :, AGE] * 4, np.array([[4, 1], [3, 2], [0, 0]], np.float32))


def test_a_snake_of_length_two_may_turn_back() -> None:
    env = position([[1, 2, 0]], fruit=(0, 2))
    observation, _, terminated, *_ = env.step(LEFT)
    assert not terminated
    np.testing.assert_array_equal(observation[0, :, AGE], np.array([1.0, 0.5, 0.0], np.float32))


def test_a_full_board_ends_the_episode_without_a_draw() -> None:
    env = position([[3, 2], [0, 1]], fruit=(1, 0))
    before = env.np_random.bit_generator.state
    observation, reward, terminated, truncated, _ = env.step(DOWN)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert env.np_random.bit_generator.state == before
    assert observation[:, :, FRUIT].sum() == 0.0 and observation[:, :, BODY].sum() == 4.0


def test_the_time_limit_truncates_also_a_step_that_terminates() -> None:
    env = SnakeEnv(rows=1, cols=2, time_limit=1)
    env.reset(seed=0)
    assert env.step(UP)[1:4] == (0.0, True, True)
    env = SnakeEnv(time_limit=3)
    env.reset(seed=0)
    row = env.head[0]
    back_and_forth = (DOWN, UP, DOWN) if row < 11 else (UP, DOWN, UP)
    env.fruit = None  # out of the way
    assert [env.step(action)[2:4] for action in back_and_forth] == [(False, False), (False, False), (False, True)]


@pytest.mark.parametrize("kwargs", [{"rows": 1, "cols": 1}, {"rows": 0}, {"cols": -3}])
def test_a_board_needs_two_cells(kwargs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected a board of at least 2 cells, got"):
        SnakeEnv(**kwargs)


def test_a_time_limit_needs_a_step() -> None:
    with pytest.raises(ValueError, match="time_limit: expected at least 1 step, got 0"):
        SnakeEnv(time_limit=0)


@pytest.mark.parametrize("action", [-1, 4])
def test_other_actions_are_refused(action: int) -> None:
    env = SnakeEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match=f"action: expected 0, 1, 2 or 3, got {action}"):
        env.step(action)


@pytest.mark.parametrize("name", ["snake", "evalengine/Snake-v0", "cartpole", "CartPole-v1"])
def test_references_are_found_by_short_name_and_full_id(name: str) -> None:
    found = reference(name)
    assert found.make().spec is not None
    assert found.version()


def test_an_unknown_environment_has_no_reference() -> None:
    with pytest.raises(InputError, match="nope"):
        reference("nope")


def test_without_gymnasium_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "evalengine.references.snake")
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(
        MissingDependencyError, match=r"gymnasium is not installed: pip install 'evalengine\[gymnasium\]'"
    ):
        reference("snake")
