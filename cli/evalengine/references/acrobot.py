"""Acrobot-v1: the reference is Gymnasium's own."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.acrobot import AcrobotEnv, rk4
from numpy.typing import NDArray

from evalengine.references import Choose, Variant

ENV_ID = "Acrobot-v1"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy")
LIBM = ("sin", "cos", "pow")
VARIANTS = (
    Variant(options={"low": -1.0, "high": 1.0}),
    Variant(options={"low": -10.0, "high": 10.0}),
    Variant(options={"low": -40.0, "high": 40.0}),
    Variant(options={"low": 0.0}),
    Variant(options={"high": 0.0}, max_episode_steps=50),
    Variant(options={"low": -4.0, "high": -2.0}, max_episode_steps=20),
    Variant(max_episode_steps=1),
    Variant(max_episode_steps=1200),
)

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)


def pump(env: AcrobotEnv, rng: np.random.Generator) -> Choose:
    """Pushes the way that one of the joints turns, which swings the arm up; at random for a share of the actions.

    By the first joint's velocity the whole arm swings; by the second's the lower link spins, beyond pi and faster and
    faster. Joint and share are drawn for the episode.
    """
    joint = int(rng.integers(2))
    noise = float(rng.choice([0.0, 0.0, 0.1, 0.5]))

    def choose(observation: NDArray[np.float32]) -> int:
        if noise and rng.random() < noise:
            return int(rng.integers(3))
        return int(np.sign(observation[4 + joint])) + 1

    return choose


def brake(env: AcrobotEnv, rng: np.random.Generator) -> Choose:
    """Pushes against the second joint's velocity, or not at all: the arm hangs until the time limit."""
    torque = int(rng.integers(2))
    return lambda observation: 1 - torque * int(np.sign(observation[5]))


DRIVERS = {"heuristic": pump, "brake": brake}


def foreseen(env: AcrobotEnv, action: int) -> list[str]:
    """Which angles leave [-pi, pi], and which velocities their limits, before they are taken back."""
    start = [*state(env).values(), env.AVAIL_TORQUE[action]]
    after = rk4(env._dsdt, np.array(start), [0, env.dt])  # type: ignore[no-untyped-call]
    theta1, theta2, dtheta1, dtheta2 = after.tolist()
    names = {
        "first angle wrapped": abs(theta1) > pi,
        "second angle wrapped": abs(theta2) > pi,
        "wrapped more than once": max(abs(theta1), abs(theta2)) > 3 * pi,
        "first velocity limited": abs(dtheta1) > env.MAX_VEL_1,
        "second velocity limited": abs(dtheta2) > env.MAX_VEL_2,
    }
    return [name for name, happens in names.items() if happens]


def state(env: AcrobotEnv) -> Mapping[str, float]:
    """The numbers behind the observation: float32 after a reset, float64 from the first step on."""
    assert env.state is not None, "before the first reset"
    return dict(zip(("theta1", "theta2", "dtheta1", "dtheta2"), env.state.tolist(), strict=True))
