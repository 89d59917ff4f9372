"""Trains the Snake policy that ships with evalengine: a small CNN learns to imitate a scripted player.

    python examples/train_snake.py --out examples/weights/snake.npy

The player (`good_moves`) looks one move ahead: it goes the shortest way to the fruit among the moves after which its
head can still reach its tail. The network sees what the player sees and learns its moves by DAgger (Ross et al.,
2011): it plays, the player says what it should have done in the positions it got into, and it is trained on all
positions so far. Positions are turned and mirrored while training, since the rules do not care. PyTorch trains;
evalengine says how good the result is.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from evalengine import Policy, evaluate
from evalengine.files.whole import check_writable
from evalengine.references.snake import SnakeEnv

SIZE = 12
POLICY = "cnn:5x12x12-16k3-32k3-64-4"
ENV_ID = "evalengine/Snake-v0"

# A board is an integer with one bit per cell, and one empty bit after each row so that no move wraps around.
STRIDE = SIZE + 1
BOARD = sum(((1 << SIZE) - 1) << (row * STRIDE) for row in range(SIZE))
SHIFTS = (-STRIDE, 1, STRIDE, -1)

PLAYER_SHARE = (1.0, 0.3, 0.1)
"""Share of the moves that the scripted player makes in the first rounds; then the network makes all."""

EPOCHS, LAST_EPOCHS = 3, 12
BATCH = 512
LEARNING_RATE = 2e-3

VALIDATION_SEED = 1_000_000
"""First seed of the episodes that the reported scores come from; training draws its seeds below 2**32 at random."""

PATIENCE = 200
"""Steps without a fruit after which a training episode is given up: the network walks in a circle."""


def shifted(cells: int, by: int) -> int:
    """All cells moved by `by` bits."""
    return cells << by if by > 0 else cells >> -by


def distance(start: int, goal: int, free: int) -> int | None:
    """Moves from cell `start` to cell `goal` over `free` cells, or None if there is no way."""
    reached, front, moves = start, start, 0
    while front:
        if front & goal:
            return moves
        front = (front << 1 | front >> 1 | front << STRIDE | front >> STRIDE) & free & ~reached
        reached |= front
        moves += 1
    return None


def good_moves(ages: NDArray[np.float32], head: tuple[int, int], fruit: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of the four moves the scripted player would make; several if they are equally good, all if none helps.

    Args:
        ages: (12, 12), see evalengine/Snake-v0.
        head: row and column.
        fruit: row and column.
    """
    body, tail, next_tail = (_cells(ages >= 1), _cells(ages == 1), _cells(ages == 2))
    head_cell = 1 << (head[0] * STRIDE + head[1])
    fruit_cell = 1 << (fruit[0] * STRIDE + fruit[1])
    scores = []
    for shift in SHIFTS:
        target = shifted(head_cell, shift)
        if not target & BOARD or target & body & ~tail or target == head_cell:
            scores.append((-2, 0))
        elif target == fruit_cell:
            scores.append(_score(target, body | target, tail, fruit_cell))
        else:
            scores.append(_score(target, (body & ~tail) | target, next_tail or target, fruit_cell))
    best = max(scores)
    return np.array([score == best for score in scores])


def _score(head: int, body: int, tail: int, fruit: int) -> tuple[int, int]:
    """What a position after a move is worth: larger is better."""
    free = BOARD & ~body
    to_tail = distance(head, tail, free | tail)
    if to_tail is None:
        return (-1, _area(head, free))
    to_fruit = distance(head, fruit, free | fruit)
    if to_fruit is None:
        return (0, to_tail)  # Shut off from the fruit: the longest way behind the tail.
    return (1, -to_fruit)


def _area(start: int, free: int) -> int:
    """How many cells can be reached."""
    reached, front = start, start
    while front:
        front = (front << 1 | front >> 1 | front << STRIDE | front >> STRIDE) & free & ~reached
        reached |= front
    return reached.bit_count()


def _cells(mask: NDArray[np.bool_]) -> int:
    padded = np.zeros((SIZE, STRIDE), np.bool_)
    padded[:, :SIZE] = mask
    return int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")


@dataclass
class Positions:
    """Positions and what the scripted player would do there, kept small: 146 bytes each."""

    ages: NDArray[np.uint8]
    fruits: NDArray[np.int16]
    good: NDArray[np.bool_]

    def extend(self, other: Positions) -> Positions:
        """Both, in order."""
        return Positions(
            np.concatenate([self.ages, other.ages]),
            np.concatenate([self.fruits, other.fruits]),
            np.concatenate([self.good, other.good]),
        )


def play(module: nn.Module, steps: int, games: int, teacher_share: float, rng: np.random.Generator) -> Positions:
    """Positions from `steps` moves on each of `games` boards; by chance the scripted player makes a move itself."""
    envs = [SnakeEnv() for _ in range(games)]
    observations = [env.reset(seed=int(rng.integers(2**32)))[0] for env in envs]
    hungry = np.zeros(games, np.int64)
    ages = np.zeros((steps, games, SIZE, SIZE), np.uint8)
    fruits = np.zeros((steps, games), np.int16)
    good = np.zeros((steps, games, 4), np.bool_)
    for step in range(steps):
        with torch.inference_mode():
            inputs = torch.from_numpy(np.stack(observations).transpose(0, 3, 1, 2).copy())
            choices = module(inputs).argmax(dim=1).tolist()
        for game, env in enumerate(envs):
            assert env.fruit is not None
            moves = good_moves(env.ages, env.head, env.fruit)
            ages[step, game] = env.ages
            fruits[step, game] = env.fruit[0] * SIZE + env.fruit[1]
            good[step, game] = moves
            action = choices[game]
            if rng.random() < teacher_share:
                action = int(rng.choice(np.flatnonzero(moves)))
            observations[game], reward, terminated, truncated, _ = env.step(action)
            hungry[game] = 0 if reward else hungry[game] + 1
            if terminated or truncated or hungry[game] >= PATIENCE:
                observations[game], _ = env.reset(seed=int(rng.integers(2**32)))
                hungry[game] = 0
    return Positions(ages.reshape(-1, SIZE, SIZE), fruits.reshape(-1), good.reshape(-1, 4))


def observe(ages: torch.Tensor, fruits: torch.Tensor) -> torch.Tensor:
    """(B, 5, 12, 12): what the policy sees of positions."""
    ages = ages.float()
    lengths = ages.amax(dim=(1, 2), keepdim=True)
    fruit = nn.functional.one_hot(fruits.long(), SIZE * SIZE).view(-1, SIZE, SIZE).float()
    planes = ((ages > 0).float(), (ages == lengths).float(), (ages == 1).float(), fruit, ages / lengths)
    return torch.stack(planes, dim=1)


def turned(inputs: torch.Tensor, good: torch.Tensor, symmetry: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One of the eight symmetries of the square, applied to positions and to moves."""
    turns, mirror = divmod(symmetry, 2)
    # A quarter turn counterclockwise makes right (1) the new up (0), down the new right, and so on.
    inputs, good = torch.rot90(inputs, turns, dims=(2, 3)), torch.roll(good, -turns, dims=1)
    if mirror:
        inputs, good = torch.flip(inputs, dims=(3,)), good[:, [0, 3, 2, 1]]
    return inputs, good


def train(module: nn.Module, positions: Positions, epochs: int, rng: np.random.Generator) -> float:
    """Raise the probability of the good moves; the mean loss of the last epoch."""
    optimizer = torch.optim.Adam(module.parameters())
    ages, fruits = torch.from_numpy(positions.ages), torch.from_numpy(positions.fruits)
    good = torch.from_numpy(positions.good)
    batches = len(ages) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=epochs * batches)
    mean_loss = 0.0
    for _ in range(epochs):
        total = 0.0
        for rows in torch.from_numpy(rng.permutation(len(ages))[: batches * BATCH]).view(batches, BATCH):
            inputs, targets = turned(observe(ages[rows], fruits[rows]), good[rows], int(rng.integers(8)))
            scores = module(inputs)
            right = scores.masked_fill(~targets, -torch.inf)
            loss = (scores.logsumexp(dim=1) - right.logsumexp(dim=1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        mean_loss = total / batches
    return mean_loss


def mean_score(module: nn.Module, seeds: range) -> tuple[float, float]:
    """Mean fruits and mean steps of an episode, by evalengine."""
    vector = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    result = evaluate(ENV_ID, vector, POLICY, seeds=seeds)
    return float(result.returns.mean()), float(result.lengths.mean())


def main() -> None:
    """Train, report, save."""
    parser = argparse.ArgumentParser(description="Train a Snake policy by imitation.")
    parser.add_argument("--rounds", type=int, default=10, help="of playing and training (default: 10)")
    parser.add_argument("--games", type=int, default=128, help="boards played at once (default: 128)")
    parser.add_argument("--steps", type=int, default=300, help="per board and round (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--out", type=Path, required=True, help="file for the weights (.npy, .npz, .safetensors)")
    options = parser.parse_args()
    check_writable(options.out)
    torch.set_num_threads(1)  # More threads add in another order, and the result would hang on their number.
    rng = np.random.default_rng(options.seed)
    policy = Policy(POLICY)
    module = policy.to_torch(policy.init(1, options.seed)[0])
    positions = None
    for number in range(options.rounds):
        share = PLAYER_SHARE[number] if number < len(PLAYER_SHARE) else 0.0
        played = play(module, options.steps, options.games, share, rng)
        positions = played if positions is None else positions.extend(played)
        epochs = EPOCHS if number < options.rounds - 1 else LAST_EPOCHS
        loss = train(module, positions, epochs, rng)
        fruits, steps = mean_score(module, range(VALIDATION_SEED, VALIDATION_SEED + 100))
        print(
            f"round {number + 1:2}  positions {len(positions.fruits):7}  loss {loss:.4f}  "
            f"mean of 100 episodes: {fruits:.2f} fruits, {steps:.0f} steps",
            flush=True,
        )
    vector = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    policy.save(options.out, vector, ENV_ID)


if __name__ == "__main__":
    main()
