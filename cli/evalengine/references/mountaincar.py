"""MountainCar-v0: the reference is Gymnasium's own."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.mountain_car import MountainCarEnv
from numpy.typing import NDArray

from evalengine.references import Choose, Variant

ENV_ID = "MountainCar-v0"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy")
LIBM = ("cos",)
VARIANTS = (
    Variant({"goal_velocity": 0.03}),
    Variant({"goal_velocity": 0.069}, max_episode_steps=500),
    Variant({"goal_velocity": -0.02}, options={"low": 0.3, "high": 0.6}),
    Variant(options={"low": -1.2, "high": 0.4}),
    Variant(options={"low": -0.5, "high": -0.5}),
    Variant(options={"low": -300.0, "high": 5.0}, max_episode_steps=77),
    Variant(options={"high": 0.5}),
    Variant(max_episode_steps=1),
)

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)


def swing(env: MountainCarEnv, rng: np.random.Generator) -> Choose:
    """Pushes the way that the car rolls, which brings it to the flag; a share of the actions is random."""
    noise = float(rng.choice([0.0, 0.0, 0.1, 0.4, 0.8]))

    def choose(observation: NDArray[np.float32]) -> int:
        if noise and rng.random() < noise:
            return int(rng.integers(3))
        return 0 if observation[1] < 0.0 else 2

    return choose


def ram(env: MountainCarEnv, rng: np.random.Generator) -> Choose:
    """Swings, but never forward near the flag: again and again into the wall on the left."""
    turn = float(rng.uniform(-0.3, 0.3))

    def choose(observation: NDArray[np.float32]) -> int:
        position, velocity = observation.tolist()
        return 0 if velocity < 0.0 or position > turn else 2

    return choose


DRIVERS = {"heuristic": swing, "ram": ram}


def foreseen(env: MountainCarEnv, action: int) -> list[str]:
    """What is clipped in this step."""
    position, velocity = state(env).values()
    pushed = velocity + (action - 1) * env.force - np.cos(3.0 * position) * env.gravity
    moved = position + float(np.clip(pushed, -env.max_speed, env.max_speed))
    names = {
        "speed limited": abs(pushed) > env.max_speed,
        "stopped by the wall": moved <= env.min_position and pushed < 0.0,
        "position limited on the right": moved > env.max_position,
        "at the flag, too slow": moved >= env.goal_position and pushed < env.goal_velocity,
    }
    return [name for name, happens in names.items() if happens]


def state(env: MountainCarEnv) -> Mapping[str, float]:
    """The float64 numbers of which the observation is the float32 cast."""
    position, velocity = env.state
    return {"position": float(position), "velocity": float(velocity)}
