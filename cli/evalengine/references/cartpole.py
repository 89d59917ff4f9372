"""CartPole-v1: the reference is Gymnasium's own."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from numpy.typing import NDArray

from evalengine.references import Choose, Variant

ENV_ID = "CartPole-v1"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy")
LIBM = ("sin", "cos")
VARIANTS = (
    Variant({"sutton_barto_reward": True}),
    Variant(options={"low": -0.15, "high": 0.15}),
    Variant({"sutton_barto_reward": True}, options={"low": -0.2}),
    Variant(options={"high": 0.01}),
    Variant(options={"low": 0.0, "high": 0.2}, max_episode_steps=10),
    Variant({"sutton_barto_reward": True}, max_episode_steps=1),
    Variant(max_episode_steps=77),
    Variant(max_episode_steps=1000),
)

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)


def balance(env: CartPoleEnv, rng: np.random.Generator) -> Choose:
    """Keeps the pole upright and drives to a place drawn for the episode: near the middle, or beyond either edge.

    A share of the episodes' actions, drawn too, is random, so that falls of all kinds happen on the way.
    """
    target = float(rng.choice([0.0, 1.0, -1.0, 4.0, -4.0]))
    noise = float(rng.choice([0.0, 0.0, 0.1, 0.4]))

    def choose(observation: NDArray[np.float32]) -> int:
        if noise and rng.random() < noise:
            return int(rng.integers(2))
        position, speed, angle, angular_speed = observation.tolist()
        offset = min(1.0, max(-1.0, position - target))
        return int(angle + 0.3 * angular_speed + 0.05 * offset + 0.1 * speed > 0.0)

    return choose


DRIVERS = {"heuristic": balance}


def ending(env: CartPoleEnv) -> str:
    """What went too far."""
    x, _, theta, _ = state(env).values()
    if abs(x) > env.x_threshold:
        return "left edge" if x < 0 else "right edge"
    return "fell left" if theta < 0 else "fell right"


def state(env: CartPoleEnv) -> Mapping[str, float]:
    """The float64 numbers of which the observation is the float32 cast."""
    x, x_dot, theta, theta_dot = env.state  # type: ignore[misc]  # None only before the first reset
    return {"x": x, "x_dot": x_dot, "theta": theta, "theta_dot": theta_dot}
