"""Trains the CarRacing policies that ship with evalengine: they learn to drive from a scripted driver.

    python examples/train_carracing.py --out examples/weights/carracing.npy

The driver (`Teacher`) knows what no policy is told: the track, and the car's position and speed on it. It steers
towards a point of the road's middle ahead of the car and slows down before bends. The policy sees pixels only, and
learns the driver's actions by DAgger (Ross et al., 2011): it drives, the driver says what it should have done in the
situations it got into, and it is trained on all situations so far. PyTorch trains; evalengine drives, and says how
good the result is. Any policy will do; a linear one is fitted by ridge regression and wants a slower driver:

    python examples/train_carracing.py --policy mlp:27648-3 --speed 30 --rounds 3 \\
        --out examples/weights/carracing-linear.npy
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from evalengine import Environment, Policy, evaluate, make
from evalengine.environments.registry import resolve
from evalengine.files.whole import check_writable, write_whole
from evalengine.policies.heads import Head

ENV_ID = "CarRacing-v3"
POLICY = "cnn:3x96x96-16k8s4-32k4s2-64-3"
LOW, HIGH = torch.tensor([-1.0, 0.0, 0.0]), torch.tensor([1.0, 1.0, 1.0])
"""Of steering, gas and brake."""

KEPT = 4
"""Every fourth frame is kept: the others hardly differ from it."""

LOST = 10.0
"""Distance to the road's middle (m) at which a training drive is given up; the road is 13 m wide."""

EPOCHS, LAST_EPOCHS = 3, 6
BATCH = 128
LEARNING_RATE = 1e-3

BLOCK, RIDGE = 4, 10.0
"""A linear policy's weights are the same in each 4 x 4 pixels; the penalty on their squares, per round."""

VALIDATION_SEED = 1_000_000
"""First seed of the episodes that the reported returns come from; training draws its seeds below 2**32 at random."""


def wrapped(angle: float) -> float:
    """The same direction between -pi and pi."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


class Teacher:
    """The scripted driver of one episode."""

    def __init__(self, env: Environment, speed: float) -> None:
        """Learn the track: its nodes are 3.5 m apart, each (angle around the field, direction, x, y)."""
        self.env = env
        self.speed = speed
        self.track = env.state()["track"].reshape(-1, 4)

    def situation(self) -> tuple[dict[str, Any], int, float]:
        """The state, the nearest node of the track and the distance to it."""
        state = self.env.state()
        distances = np.hypot(*(self.track[:, 2:] - state["hull_position"]).T)
        return state, int(distances.argmin()), float(distances.min())

    def action(self, state: dict[str, Any], here: int) -> NDArray[np.float32]:
        """Steering (positive to the right), gas and brake."""
        speed = float(np.hypot(*state["hull_velocity"]))
        goal_x, goal_y = self._node(here + 3 + int(0.15 * speed))[2:] - state["hull_position"]
        off = wrapped(math.atan2(-goal_x, goal_y) - float(state["hull_angle"][0]))
        turning = float(state["hull_angular_velocity"][0])
        bend = max(abs(wrapped(self._node(here + nodes)[1] - self._node(here)[1])) for nodes in (6, 9))
        wanted = max(25.0, self.speed - 20.0 * bend)
        action = np.array([0.2 * turning - 2.0 * off, 0.1 * (wanted - speed), 0.05 * (speed - 1.1 * wanted)])
        return action.clip([-1.0, 0.0, 0.0], [1.0, 0.6, 0.8]).astype(np.float32)

    def _node(self, number: int) -> NDArray[np.float64]:
        node: NDArray[np.float64] = self.track[number % len(self.track)]
        return node


@dataclass
class Situations:
    """Frames, and what the scripted driver would do there; `count` of them are filled."""

    frames: NDArray[np.uint8]
    actions: NDArray[np.float32]
    count: int = 0

    @classmethod
    def room_for(cls, count: int) -> Situations:
        """Empty."""
        return cls(np.empty((count, 96, 96, 3), np.uint8), np.empty((count, 3), np.float32))

    def add(self, frame: NDArray[np.uint8], action: NDArray[np.float32]) -> None:
        """Keep a copy of one."""
        self.frames[self.count], self.actions[self.count] = frame, action
        self.count += 1


def inputs(policy: Policy, frames: NDArray[np.uint8]) -> torch.Tensor:
    """(B, 3, 96, 96) or (B, 27648): what the policy sees of frames."""
    scaled = torch.from_numpy(frames).float() / 255.0
    return scaled.flatten(1) if policy.arch == "mlp" else scaled.permute(0, 3, 1, 2).contiguous()


def squashed(logits: torch.Tensor) -> torch.Tensor:
    """The actions that logits (B, 3) become."""
    return LOW + (torch.tanh(logits) + 1.0) / 2.0 * (HIGH - LOW)


def drive(
    policy: Policy, module: nn.Module, options: argparse.Namespace, teacher_drives: bool, rng: np.random.Generator
) -> Situations:
    """Situations of `steps` steps on each of `games` tracks."""
    head = Head.of(policy, resolve(ENV_ID))
    envs = [make(ENV_ID) for _ in range(options.games)]

    def start(env: Environment) -> tuple[NDArray[np.uint8], Teacher]:
        frame, _ = env.reset(seed=int(rng.integers(2**32)))
        return frame, Teacher(env, options.speed)

    drives = [start(env) for env in envs]
    found = Situations.room_for(options.games * (options.steps // KEPT))
    for step in range(options.steps // KEPT * KEPT):
        with torch.inference_mode():
            logits = module(inputs(policy, np.stack([frame for frame, _ in drives]))).numpy()
        actions = head.actions(logits)
        for game, (frame, teacher) in enumerate(drives):
            state, here, distance = teacher.situation()
            lesson = teacher.action(state, here)
            if step % KEPT == game % KEPT:
                found.add(frame, lesson)
            action = lesson if teacher_drives else actions[game]
            frame, _, terminated, truncated, _ = envs[game].step(action)
            is_over = terminated or truncated or distance > LOST
            drives[game] = start(envs[game]) if is_over else (frame, teacher)
    return found


def train(policy: Policy, module: nn.Module, rounds: list[Situations], epochs: int, rng: np.random.Generator) -> float:
    """Bring the actions closer to the scripted driver's; the mean squared difference in the last epoch."""
    optimizer = torch.optim.Adam(module.parameters())
    size = rounds[0].count
    batches = len(rounds) * size // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=epochs * batches)
    mean_loss = 0.0
    for _ in range(epochs):
        total = 0.0
        for rows in rng.permutation(len(rounds) * size)[: batches * BATCH].reshape(batches, BATCH):
            places = [divmod(int(row), size) for row in rows]
            frames = np.stack([rounds[number].frames[row] for number, row in places])
            lessons = torch.from_numpy(np.stack([rounds[number].actions[row] for number, row in places]))
            loss = nn.functional.mse_loss(squashed(module(inputs(policy, frames))), lessons)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        mean_loss = total / batches
    return mean_loss


def fit_linear(module: nn.Module, rounds: list[Situations]) -> float:
    """Ridge regression of the logits that give the scripted driver's actions; the mean squared error of the actions."""
    blocks = np.concatenate([shrunk(found.frames) for found in rounds])
    features = torch.from_numpy(np.column_stack([blocks, np.ones(len(blocks), np.float32)]))
    lessons = torch.from_numpy(np.concatenate([found.actions for found in rounds]))
    logits = torch.atanh(((lessons - LOW) / (HIGH - LOW) * 2.0 - 1.0).clamp(-0.98, 0.98))
    penalty = torch.full((features.shape[1],), RIDGE * len(rounds))
    penalty[-1] = 0.0
    solution = torch.linalg.solve((features.T @ features + penalty.diag()).double(), (features.T @ logits).double())
    weights = solution[:-1].T.reshape(3, 96 // BLOCK, 96 // BLOCK, 3) / BLOCK**2
    weights = weights.repeat_interleave(BLOCK, dim=1).repeat_interleave(BLOCK, dim=2)
    nn.utils.vector_to_parameters(torch.cat([weights.flatten(), solution[-1]]).float(), module.parameters())
    return nn.functional.mse_loss(squashed(features @ solution.float()), lessons).item()


def shrunk(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, n): the mean of each block of pixels."""
    cut = frames.reshape(len(frames), 96 // BLOCK, BLOCK, 96 // BLOCK, BLOCK, 3)
    means: NDArray[np.float32] = cut.mean(axis=(2, 4), dtype=np.float32).reshape(len(frames), -1) / np.float32(255.0)
    return means


def individual(module: nn.Module) -> NDArray[np.float16]:
    """The weights as they are kept, in half precision: half the file, and it drives as well."""
    vector = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    return np.asarray(vector.astype(np.float16))


def main() -> None:
    """Train, report, save."""
    parser = argparse.ArgumentParser(description="Train a CarRacing policy by imitation.")
    parser.add_argument("--policy", type=Policy, default=Policy(POLICY), help=f"(default: {POLICY})")
    parser.add_argument("--rounds", type=int, default=5, help="of driving and training (default: 5)")
    parser.add_argument("--games", type=int, default=32, help="tracks driven at once (default: 32)")
    parser.add_argument("--steps", type=int, default=1000, help="per track and round (default: 1000)")
    parser.add_argument("--speed", type=float, default=60.0, help="of the scripted driver (m/s, default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--out", type=Path, required=True, help="file for the weights (.npy)")
    options = parser.parse_args()
    if options.out.suffix != ".npy":
        parser.error(f"--out: expected a name ending in .npy, got {options.out}")
    check_writable(options.out)
    torch.set_num_threads(1)  # More threads add in another order, and the result would hang on their number.
    rng = np.random.default_rng(options.seed)
    policy = options.policy
    module = policy.to_torch(policy.init(1, options.seed)[0])
    rounds: list[Situations] = []
    for number in range(options.rounds):
        rounds.append(drive(policy, module, options, teacher_drives=number == 0, rng=rng))
        epochs = EPOCHS if number < options.rounds - 1 else LAST_EPOCHS
        if policy.arch == "mlp" and len(policy.sizes) == 1:
            loss = fit_linear(module, rounds)
        else:
            loss = train(policy, module, rounds, epochs, rng)
        seeds = range(VALIDATION_SEED, VALIDATION_SEED + 20)
        result = evaluate(ENV_ID, individual(module).astype(np.float32), policy, seeds=seeds)
        print(
            f"round {number + 1:2}  situations {sum(found.count for found in rounds):6}  loss {loss:.5f}  "
            f"mean of {len(seeds)} episodes: {result.returns.mean():.1f}, worst {result.returns.min():.1f}",
            flush=True,
        )
    policy.save(options.out, individual(module), ENV_ID)  # As float32, with a file that says what the weights are for.
    with write_whole(options.out) as stream:
        np.save(stream, individual(module)[np.newaxis], allow_pickle=False)


if __name__ == "__main__":
    main()
