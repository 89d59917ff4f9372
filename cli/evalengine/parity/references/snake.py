"""evalengine/Snake-v0 in plain Python and NumPy: the reference that the Rust environment is compared with.

Written from the rules, sharing no code with the engine. The rules are those of Jumanji's Snake-v1, the interface and
the randomness are Gymnasium's:

- Each cell has an age: the head's is the snake's length, the tail's is 1, an empty cell's is 0.
- A move is invalid if it leaves the board or enters a cell whose age is above 1. The tail's cell may be entered,
  because the tail moves on; so a snake of length 2 may turn back.
- An invalid move terminates with reward 0 and leaves the snake where it was. (Jumanji lets the head wrap around or
  overwrite the body in the terminal observation; nothing else differs.)
- On the fruit: the length grows by 1, ages stay, reward 1, the next fruit is drawn. Elsewhere: every age falls by 1.
  Then the age of the head's cell is the length.
- A full board terminates; no fruit is drawn then. `time_limit` steps truncate, whether or not that step terminates too.

Random draws, from NumPy's Generator(PCG64(seed)): reset draws the head's row, its column, then the fruit; a fruit is
one of the free cells, counted in row-major order.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

ENV_ID = "evalengine/Snake-v0"
PACKAGE = "evalengine"

BODY, HEAD, TAIL, FRUIT, AGE = range(5)
"""Planes of an observation."""

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Change of (row, column) by action: up, right, down, left."""


class SnakeEnv(gymnasium.Env[NDArray[np.float32], int]):
    """The game of Snake on a board of `rows` x `cols` cells.

    Observation: float32 (rows, cols, 5) with the planes body, head, tail, fruit (each 0 or 1) and age / length.
    Action: 0 up, 1 right, 2 down, 3 left. Reward: 1 for a fruit, else 0.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # declared so by Gymnasium

    def __init__(self, rows: int = 12, cols: int = 12, time_limit: int = 4000) -> None:
        """A board of `rows` x `cols` cells, at least 2 of them; an episode is truncated after `time_limit` steps.

        Raises:
            ValueError: fewer than 2 cells, or a time limit below 1.
        """
        if rows < 1 or cols < 1 or rows * cols < 2:
            raise ValueError(f"rows, cols: expected a board of at least 2 cells, got {rows} x {cols}")
        if time_limit < 1:
            raise ValueError(f"time_limit: expected at least 1 step, got {time_limit}")
        self.rows = rows
        self.cols = cols
        self.time_limit = time_limit
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (rows, cols, 5), np.float32)
        self.action_space = gymnasium.spaces.Discrete(4)  # type: ignore[assignment]  # its samples are np.int64
        self.ages = np.zeros((rows, cols), np.float32)  # whole numbers; float32 spares a cast per observation
        self.head = (0, 0)
        self.fruit: tuple[int, int] | None = None
        self.length = 0
        self.steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode with a snake of length 1; `options` are not used."""
        super().reset(seed=seed)
        row = int(self.np_random.integers(self.rows))
        col = int(self.np_random.integers(self.cols))
        self.head = (row, col)
        self.length = 1
        self.steps = 0
        self.ages = np.zeros((self.rows, self.cols), np.float32)
        self.ages[row, col] = 1.0
        self.fruit = self._draw_fruit()
        return self._observation(), {}

    def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Move the head by one cell.

        Raises:
            ValueError: an action other than 0, 1, 2, 3.
        """
        if not 0 <= action < 4:
            raise ValueError(f"action: expected 0, 1, 2 or 3, got {action}")
        self.steps += 1
        truncated = self.steps >= self.time_limit
        row = self.head[0] + MOVES[action][0]
        col = self.head[1] + MOVES[action][1]
        if not (0 <= row < self.rows and 0 <= col < self.cols) or self.ages[row, col] > 1.0:
            return self._observation(), 0.0, True, truncated, {}
        self.head = (row, col)
        if self.head != self.fruit:
            np.maximum(self.ages - 1.0, 0.0, out=self.ages)
            self.ages[row, col] = self.length
            return self._observation(), 0.0, False, truncated, {}
        self.length += 1
        self.ages[row, col] = self.length
        self.fruit = self._draw_fruit()
        return self._observation(), 1.0, self.fruit is None, truncated, {}

    def _draw_fruit(self) -> tuple[int, int] | None:
        """A random free cell, or None, without a draw, on a full board."""
        free = np.flatnonzero(self.ages == 0.0)
        if free.size == 0:
            return None
        return divmod(int(free[self.np_random.integers(free.size)]), self.cols)

    def _observation(self) -> NDArray[np.float32]:
        observation = np.zeros((self.rows, self.cols, 5), np.float32)
        observation[:, :, BODY] = self.ages > 0.0
        observation[(*self.head, HEAD)] = 1.0
        observation[:, :, TAIL] = self.ages == 1.0
        if self.fruit is not None:
            observation[(*self.fruit, FRUIT)] = 1.0
        # Both operands are whole float32 numbers, so this is the correctly rounded quotient.
        np.divide(self.ages, np.float32(self.length), out=observation[:, :, AGE])
        return observation


gymnasium.register(id=ENV_ID, entry_point=f"{__name__}:{SnakeEnv.__name__}")
