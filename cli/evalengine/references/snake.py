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

from collections.abc import Mapping
from functools import cache
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from evalengine.references import Choose, Variant

ENV_ID = "evalengine/Snake-v0"
PACKAGE = "evalengine"
PACKAGES = ("gymnasium", "numpy")
LIBM: tuple[str, ...] = ()
VARIANTS = (
    Variant({"rows": 4, "cols": 5}),
    Variant({"rows": 5, "cols": 4, "time_limit": 50}),
    Variant({"rows": 3, "cols": 3}),
    Variant({"rows": 2, "cols": 2}),
    Variant({"rows": 1, "cols": 2}),
    Variant({"rows": 2, "cols": 1, "time_limit": 1}),
    Variant({"rows": 1, "cols": 9, "time_limit": 3}),
    Variant({"rows": 17, "cols": 3}),
    Variant({"time_limit": 30_000}),
    Variant({"rows": 6, "cols": 6}, max_episode_steps=20),
)

BODY, HEAD, TAIL, FRUIT, AGE = range(5)
"""Planes of an observation."""

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Change of (row, column) by action: up, right, down, left."""


CELL_SIDE = 20
"""Pixels of a cell's side in a rendered board; even, as video encoders want a picture's sides."""

EMPTY_COLOUR, GRID_COLOUR = (32, 32, 32), (16, 16, 16)
HEAD_COLOUR, BODY_COLOUR, FRUIT_COLOUR = (200, 255, 160), (64, 200, 64), (230, 48, 48)


class SnakeEnv(gymnasium.Env[NDArray[np.float32], int]):
    """The game of Snake on a board of `rows` x `cols` cells.

    Observation: float32 (rows, cols, 5) with the planes body, head, tail, fruit (each 0 or 1) and age / length.
    Action: 0 up, 1 right, 2 down, 3 left. Reward: 1 for a fruit, else 0.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012  # Gymnasium's way

    def __init__(self, rows: int = 12, cols: int = 12, time_limit: int = 4000, render_mode: str | None = None) -> None:
        """A board of `rows` x `cols` cells, at least 2 of them; an episode is truncated after `time_limit` steps.

        Raises:
            ValueError: fewer than 2 cells, a time limit below 1, or another render mode than "rgb_array".
        """
        if rows < 1 or cols < 1 or rows * cols < 2:
            raise ValueError(f"rows, cols: expected a board of at least 2 cells, got {rows} x {cols}")
        if time_limit < 1:
            raise ValueError(f"time_limit: expected at least 1 step, got {time_limit}")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode: expected None or 'rgb_array', got {render_mode!r}")
        self.rows = rows
        self.cols = cols
        self.time_limit = time_limit
        self.render_mode = render_mode
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

    def render(self) -> NDArray[np.uint8] | None:
        """Return the board (rows * 20, cols * 20, 3): the snake green, fading to its tail, the fruit red.

        None without a render mode.
        """
        if self.render_mode is None:
            return None
        cells = np.empty((self.rows, self.cols, 3), np.uint8)
        cells[:] = EMPTY_COLOUR
        body = self.ages > 0.0
        strength = 0.35 + 0.65 * self.ages[body] / self.length
        cells[body] = np.rint(strength[:, np.newaxis] * np.array(BODY_COLOUR)).astype(np.uint8)
        if self.fruit is not None:
            cells[self.fruit] = FRUIT_COLOUR
        cells[self.head] = HEAD_COLOUR
        board = np.kron(cells, np.ones((CELL_SIDE, CELL_SIDE, 1), np.uint8))
        # A line between cells, so that the turns of a long body can be told.
        board[::CELL_SIDE] = GRID_COLOUR
        board[:, ::CELL_SIDE] = GRID_COLOUR
        return np.asarray(board)

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


# How parity plays: it looks at the reference only.


def free_moves(env: SnakeEnv) -> list[int]:
    """The actions that do not end the episode at once."""
    row, col = env.head
    return [
        action
        for action, (d_row, d_col) in enumerate(MOVES)
        if 0 <= row + d_row < env.rows and 0 <= col + d_col < env.cols and env.ages[row + d_row, col + d_col] <= 1.0
    ]


def seek(env: SnakeEnv, rng: np.random.Generator) -> Choose:
    """Goes straight for the fruit over free cells; now and then to another free cell, and rarely anywhere."""

    def choose(observation: NDArray[np.float32]) -> int:
        draw = rng.random()
        moves = free_moves(env)
        if draw < 0.003 or not moves:
            return int(rng.integers(4))
        if draw < 0.05 or env.fruit is None:
            return moves[int(rng.integers(len(moves)))]
        row, col = env.fruit[0] - env.head[0], env.fruit[1] - env.head[1]
        return min(moves, key=lambda action: abs(row - MOVES[action][0]) + abs(col - MOVES[action][1]))

    return choose


def tour(env: SnakeEnv, rng: np.random.Generator) -> Choose:
    """Follows a tour of all cells, which fills the board; seeks where there is none (both sides odd, or a line)."""
    moves = tour_of_all_cells(env.rows, env.cols)
    return seek(env, rng) if moves is None else lambda observation: moves[env.head]


DRIVERS = {"heuristic": seek, "tour": tour}


@cache
def tour_of_all_cells(rows: int, cols: int) -> Mapping[tuple[int, int], int] | None:
    """Return the next action at each cell of a closed tour, or None where there is none.

    Down the first column, then back up in a zigzag through the others; transposed where only `cols` is even.
    """
    if min(rows, cols) < 2:
        return None
    up, right, down, left = range(4)
    if rows % 2:
        transposed = tour_of_all_cells(cols, rows) if cols % 2 == 0 else None
        turned = {up: left, left: up, right: down, down: right}
        return transposed and {(row, col): turned[action] for (col, row), action in transposed.items()}
    moves = {}
    for row in range(rows):
        moves[row, 0] = down if row < rows - 1 else right
        goes_right = (rows - 1 - row) % 2 == 0
        for col in range(1, cols):
            if goes_right:
                moves[row, col] = right if col < cols - 1 else up
            else:
                moves[row, col] = left if col > 1 or row == 0 else up
    return moves


def foreseen(env: SnakeEnv, action: int) -> list[str]:
    """What the head meets in the cell that it moves to."""
    row, col = env.head[0] + MOVES[action][0], env.head[1] + MOVES[action][1]
    if not (0 <= row < env.rows and 0 <= col < env.cols):
        return ["wall"]
    age = env.ages[row, col]
    if age > 1.0:
        return ["bite"]
    if age == 1.0:
        return ["turned back" if env.length == 2 else "entered the tail's cell"]
    return ["fruit"] if (row, col) == env.fruit else []


def ending(env: SnakeEnv) -> str:
    """Whether the board was filled; the other endings are foreseen."""
    return "full board" if env.fruit is None else ""


gymnasium.register(id=ENV_ID, entry_point=f"{__name__}:{SnakeEnv.__name__}")
