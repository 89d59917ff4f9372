"""Pendulum-v1: the reference is Gymnasium's own."""

from __future__ import annotations

from collections.abc import Mapping
from math import copysign, pi, sin

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.pendulum import PendulumEnv
from numpy.typing import NDArray

from evalengine.references import Choose, Variant
from evalengine.references.versions import numpy_1

ENV_ID = "Pendulum-v1"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy")
LIBM = ("sin", "cos", "pow", "fmod")
VARIANTS = (
    Variant({"g": 9.81}),
    Variant({"g": -3.0}),
    Variant({"g": 0.0}, max_episode_steps=2000),
    Variant(options={"x_init": 100.0, "y_init": 20.0}),
    Variant({"g": 9.81}, options={"x_init": 1000.0}, max_episode_steps=500),
    Variant(options={"x_init": 0.0, "y_init": 0.0}),
    Variant(options={"y_init": 8.0}, max_episode_steps=77),
    Variant(max_episode_steps=1),
)
DIFFERENCES = (numpy_1("state", "observation", "reward"),)
CLOSED_LOOPS = ((Variant(), "mlp:3-64-1,act=relu,head=clip"),)

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)


def _torque(value: float) -> NDArray[np.float32]:
    return np.array([value], np.float32)


def swing_up(env: PendulumEnv, rng: np.random.Generator) -> Choose:
    """Pumps energy until the pendulum is near the top, and holds it there; a share of the actions is noisy."""
    noise = float(rng.choice([0.0, 0.0, 0.3, 2.0]))

    def choose(observation: NDArray[np.float32]) -> NDArray[np.float32]:
        x, y, speed = observation.tolist()
        missing = 1.0 - x - speed * speed / (3.0 * env.g) if env.g else 0.0
        torque = -10.0 * y - 2.0 * speed if x > 0.8 else copysign(2.0, speed * missing)
        return _torque(torque + noise * float(rng.standard_normal()))

    return choose


def spin(env: PendulumEnv, rng: np.random.Generator) -> Choose:
    """Pushes the way that it turns, round and round: to the speed limit, and to angles far from 0."""
    strength = float(rng.choice([0.7, 1.0, 2.0, 3.0]))
    return lambda observation: _torque(copysign(strength, observation[2]))


EDGES = np.array([2.0, np.nextafter(np.float32(2.0), np.float32(3.0)), np.nextafter(np.float32(2.0), np.float32(0.0))])


def beyond(env: PendulumEnv, rng: np.random.Generator) -> Choose:
    """Torques exactly at the bounds, an ulp beside them, far outside, and zeros of both signs."""
    values = np.concatenate([EDGES, [0.0, 2.5, 100.0, 1e30, 1e-40]])
    values = np.concatenate([values, -values])
    return lambda observation: _torque(float(rng.choice(values)))


DRIVERS = {"heuristic": swing_up, "spin": spin, "beyond": beyond}


def foreseen(env: PendulumEnv, action: NDArray[np.float32]) -> list[str]:
    """What is clipped in this step, and whether the angle has left [-pi, pi]."""
    torque = float(action[0])
    clipped = min(max(torque, -env.max_torque), env.max_torque)
    theta, theta_dot = state(env).values()
    pushed = theta_dot + (3.0 * env.g / 2.0 * sin(theta) + 3.0 * clipped) * env.dt
    names = {
        "torque clipped": abs(torque) > env.max_torque,
        "torque at its bound": abs(torque) == env.max_torque,
        "speed clipped": abs(pushed) > env.max_speed,
        "angle beyond pi": abs(theta) > pi,
        "angle beyond 5 pi": abs(theta) > 5.0 * pi,
    }
    return [name for name, happens in names.items() if happens]


def state(env: PendulumEnv) -> Mapping[str, float]:
    """The float64 numbers behind the observation."""
    theta, theta_dot = env.state
    return {"theta": float(theta), "theta_dot": float(theta_dot)}
