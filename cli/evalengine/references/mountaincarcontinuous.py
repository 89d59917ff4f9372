"""MountainCarContinuous-v0: the reference is Gymnasium's own."""

from __future__ import annotations

from collections.abc import Mapping
from math import copysign, cos

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.continuous_mountain_car import Continuous_MountainCarEnv
from numpy.typing import NDArray

from evalengine.references import Choose, Variant
from evalengine.references.versions import numpy_1

ENV_ID = "MountainCarContinuous-v0"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy")
LIBM = ("cos", "pow")
DIFFERENCES = (numpy_1("state", "observation", "reward"),)
VARIANTS = (
    Variant({"goal_velocity": 0.03}, max_episode_steps=250),
    Variant({"goal_velocity": 0.069}, max_episode_steps=250),
    Variant({"goal_velocity": -0.02}, options={"low": 0.3, "high": 0.6}),
    Variant(options={"low": -1.2, "high": 0.4}),
    Variant(options={"low": -0.5, "high": -0.5}),
    Variant(options={"low": -300.0, "high": 5.0}, max_episode_steps=77),
    Variant(options={"high": 0.5}),
    Variant(max_episode_steps=1),
)
CLOSED_LOOPS = ((Variant(), "mlp:2-64-1,act=relu,head=clip"),)
"""Another activation and another head than those of the default policy."""

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)

Action = NDArray[np.float32]


def _force(value: float) -> Action:
    return np.array([value], np.float32)


def swing(env: Continuous_MountainCarEnv, rng: np.random.Generator) -> Choose:
    """Pushes the way that the car rolls, which brings it to the flag; a share of the actions is noisy."""
    strength, noise = float(rng.choice([0.5, 0.8, 1.0, 1.5])), float(rng.choice([0.0, 0.0, 0.3, 1.0]))

    def choose(observation: NDArray[np.float32]) -> Action:
        return _force(copysign(strength, observation[1]) + noise * float(rng.standard_normal()))

    return choose


def ram(env: Continuous_MountainCarEnv, rng: np.random.Generator) -> Choose:
    """Swings, but never forward near the flag: again and again into the wall on the left."""
    turn, strength = float(rng.uniform(-0.3, 0.3)), float(rng.choice([0.9, 1.0, 2.0]))

    def choose(observation: NDArray[np.float32]) -> Action:
        position, velocity = observation.tolist()
        return _force(-strength if velocity < 0.0 or position > turn else strength)

    return choose


EDGES = np.array([0.0, 1.0, 2.5, 100.0, 1e30, 1e-40, np.inf], np.float32)


def beyond(env: Continuous_MountainCarEnv, rng: np.random.Generator) -> Choose:
    """Forces exactly at the bounds, an ulp beside them, far outside, and zeros of both signs, along with the car."""
    values = np.concatenate([EDGES, np.nextafter(EDGES[1:3], np.float32(9)), np.nextafter(EDGES[1:3], np.float32(0))])

    def choose(observation: NDArray[np.float32]) -> Action:
        force = float(rng.choice(values))
        return _force(copysign(force, observation[1]) if rng.random() < 0.9 else -force)

    return choose


DRIVERS = {"heuristic": swing, "ram": ram, "beyond": beyond}


def foreseen(env: Continuous_MountainCarEnv, action: Action) -> list[str]:
    """What is clipped in this step."""
    position, velocity = state(env).values()
    force = min(max(float(action[0]), env.min_action), env.max_action)
    pushed = velocity + force * env.power - 0.0025 * cos(3.0 * position)
    moved = position + min(max(pushed, -env.max_speed), env.max_speed)
    names = {
        "force clipped": abs(float(action[0])) > env.max_action,
        "force at its bound": abs(float(action[0])) == env.max_action,
        "speed limited": abs(pushed) > env.max_speed,
        "stopped by the wall": moved <= env.min_position and pushed < 0.0,
        "position limited on the right": moved > env.max_position,
        "at the flag, too slow": moved >= env.goal_position and pushed < env.goal_velocity,
        "float64 state": env.state.dtype == np.float64,
    }
    return [name for name, happens in names.items() if happens]


def state(env: Continuous_MountainCarEnv) -> Mapping[str, float]:
    """The numbers behind the observation: float64's after a reset, then float32's."""
    position, velocity = env.state
    return {"position": float(position), "velocity": float(velocity)}
