"""CarRacing-v3: the reference is Gymnasium's own, on Box2D and pygame.

It keeps its Box2D world from reset to reset; here it gets a new one each time, as a fresh environment has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import Box2D
import gymnasium
import numpy as np
from gymnasium.envs.box2d.car_racing import FPS, PLAYFIELD, CarRacing
from numpy.typing import NDArray

from evalengine.references import Choose, Variant
from evalengine.references.versions import Difference

ENV_ID = "CarRacing-v3"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy", "box2d", "pygame-ce")
LIBM = ("sin", "cos", "atan2", "sinf", "cosf")
VARIANTS = (
    Variant({"continuous": False}),
    Variant({"domain_randomize": True}),
    Variant({"continuous": False, "domain_randomize": True}, options={"randomize": True}),
    Variant({"lap_complete_percent": 0.2}, max_episode_steps=2500),
    Variant({"lap_complete_percent": 0.005}),
    Variant({"continuous": False}, max_episode_steps=150),
)
DIFFERENCES = (
    Difference(
        "gymnasium",
        "cuts the decimals of the score in the picture off",
        ("observation",),
        before="1.3.0",
        remedy="gymnasium[box2d]>=1.4",
    ),
    Difference(
        "gymnasium",
        "writes all decimals of the score into the picture",
        ("observation",),
        since="1.3.0",
        before="1.4.0",
        remedy="gymnasium[box2d]>=1.4",
    ),
    Difference(
        "pygame",
        "draws digits and polygons' edges otherwise than pygame-ce",
        ("observation",),
        remedy="pygame-ce>=2.5.7",
    ),
    Difference(
        "pygame-ce",
        "draws digits and polygons' edges otherwise than newer ones",
        ("observation",),
        before="2.4.0",
        remedy="pygame-ce>=2.5.7",
    ),
    Difference(
        "pygame-ce",
        "draws digits otherwise than newer ones",
        ("observation",),
        since="2.4.0",
        before="2.5.7",
        remedy="pygame-ce>=2.5.7",
    ),
)
"""All of pictures, the score's digits most: 1.4 rounds it. Physics, rewards and ends are the same in all versions."""

CLOSED_LOOPS = ((Variant(), "cnn:3x96x96-16k8s4-32k4s2-64-3,head=clip"),)

STEPS_SHARE = 0.1
"""A step takes 8 ms, 400 times as long as one of CartPole, nearly all of it for drawing."""

REGIONS = {"road": (0, 84, 0, 96), "score": (84, 96, 0, 12), "indicators": (84, 96, 12, 96)}
"""The strip begins at row 700 of 800, which is where row 84 of 96 begins; the score's text ends in column 10."""

GOLDEN_STEPS = 150
"""Of each variant with each driver."""

GOLDEN_FRAMES = (("", "random", 0), ("", "follow", 140), ("", "spin", 100), ("domain_randomize=True", "follow", 60))
"""(variant, driver, row) of frames that are kept whole."""

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)

Action = int | NDArray[np.float32]


def make(**kwargs: Any) -> gymnasium.Env[Any, Any]:
    """Return an environment whose every reset begins in a new Box2D world."""
    env = gymnasium.make(ENV_ID, **kwargs)
    core: Any = env.unwrapped
    reset = core.reset

    def reset_in_new_world(**arguments: Any) -> Any:
        core.world = Box2D.b2World((0, 0), contactListener=core.contactListener_keepref)
        core.road = None  # or the reset would destroy its bodies in the new world
        return reset(**arguments)

    core.reset = reset_in_new_world
    return env


def _action(env: CarRacing, steer: float, gas: float, brake: float) -> Action:
    """An action as both sides take it; discrete ones do one thing at a time."""
    if env.continuous:
        return np.array([steer, gas, brake], np.float32)
    if brake > 0.5:
        return 4
    # Steering and gas take turns where both are wanted.
    if abs(steer) > 0.3 and (gas <= 0.05 or round(env.t * FPS) % 2 == 0):
        return 1 if steer > 0 else 2
    return 3 if gas > 0.05 else 0


def _car(env: CarRacing) -> Any:
    """The car that there is after a reset; Box2D's parts of it have no types."""
    return env.car


def _steer_towards(env: CarRacing, heading: float) -> float:
    """How to steer so that the car turns to a direction (rad, 0 upwards, positive to the left)."""
    hull = _car(env).hull
    off = (heading - hull.angle + math.pi) % (2.0 * math.pi) - math.pi
    return float(np.clip(-3.0 * off + 0.3 * hull.angularVelocity, -1.0, 1.0))


def follow(env: CarRacing, rng: np.random.Generator) -> Choose:
    """Follows the road at a speed of its own for the episode, braking before bends; the fastest skid off it."""
    wanted, noise = float(rng.choice([25.0, 40.0, 60.0, 80.0])), float(rng.choice([0.0, 0.1, 0.4]))
    track = np.array([node[2:4] for node in env.track])
    directions = np.array([node[1] for node in env.track])

    def choose(observation: NDArray[np.uint8]) -> Action:
        hull = _car(env).hull
        position = np.array(hull.position)
        here = int(((track - position) ** 2).sum(axis=1).argmin())
        speed = float(np.hypot(*hull.linearVelocity))
        ahead = track[(here + 3 + int(speed / 10.0)) % len(track)] - position
        bend = abs(directions[(here + 12) % len(track)] - directions[here])
        limit = wanted if min(bend, 2.0 * math.pi - bend) < 0.7 else 0.5 * wanted
        steer = _steer_towards(env, math.atan2(-ahead[0], ahead[1])) + noise * float(rng.standard_normal())
        return _action(env, steer, 0.6 if speed < limit else 0.0, 0.6 if speed > 1.3 * limit else 0.0)

    return choose


def spin(env: CarRacing, rng: np.random.Generator) -> Choose:
    """Full gas with the wheels turned to one side, for some time, then to the other."""
    side = float(rng.choice([-1.0, 1.0]))

    def choose(observation: NDArray[np.uint8]) -> Action:
        nonlocal side
        if rng.random() < 0.01:
            side = -side
        return _action(env, side, 1.0, 0.0)

    return choose


def leave(env: CarRacing, rng: np.random.Generator) -> Choose:
    """Drives outward, off the road and out of the field, where most episodes of it end."""
    aim = float(rng.uniform(-0.6, 0.6))

    def choose(observation: NDArray[np.uint8]) -> Action:
        x, y = _car(env).hull.position
        steer = _steer_towards(env, math.atan2(-x, y) + aim)
        return _action(env, steer, 0.25, 0.0)

    return choose


def idle(env: CarRacing, rng: np.random.Generator) -> Choose:
    """Does nothing until the car sleeps, over and over; then, now and then, drives a little and stops."""
    # Without the brakes it would roll on for long: nothing but tires slows it.
    phases = (("idle", 40, 200), ("drive", 1, 30), ("brake", 40, 41))
    plan: list[str] = []

    def choose(observation: NDArray[np.uint8]) -> Action:
        if not plan:
            plan.extend(name for name, least, end in phases for _ in range(int(rng.integers(least, end))))
        doing = plan.pop(0)
        steer = float(rng.uniform(-1.0, 1.0)) if doing == "drive" else 0.0
        return _action(env, steer, 0.5 * (doing == "drive"), 0.8 * (doing == "brake"))

    return choose


def circle(env: CarRacing, rng: np.random.Generator) -> Choose:
    """Around the field at high speed, into the time limit: a little to one side, and back home when far out."""
    steer, gas = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.02, 0.1)), float(rng.choice([0.3, 1.0]))

    def choose(observation: NDArray[np.uint8]) -> Action:
        x, y = _car(env).hull.position
        home = max(abs(x), abs(y)) > 0.6 * PLAYFIELD
        turned = _steer_towards(env, math.atan2(x, -y)) if home else steer
        return _action(env, turned, gas, 0.0)

    return choose


GAS = 1
"""Its place in an action."""

EDGES = np.array([0.0, -0.0, 0.1, 0.9, 1.0, -1.0, 3.0, -3.0, 1e30, -1e30, 1e-40, np.inf, -np.inf], np.float32)


def control_edges(env: CarRacing, rng: np.random.Generator) -> Choose:
    """Controls at their thresholds, an ulp beside them, far outside, infinite and NaN, for some steps each.

    The gas is never NaN: the reference cannot draw what comes of it.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.concatenate([EDGES, np.nextafter(EDGES, np.float32(9)), np.nextafter(EDGES, np.float32(-9))])
    controls = np.zeros(3, np.float32)

    def choose(observation: NDArray[np.uint8]) -> Action:
        if rng.random() < 0.15:
            control = int(rng.integers(3))
            controls[control] = np.nan if control != GAS and rng.random() < 0.05 else rng.choice(values)
        return controls.copy() if env.continuous else int(rng.integers(5))

    return choose


DRIVERS = {
    "follow": follow,
    "spin": spin,
    "leave": leave,
    "idle": idle,
    "circle": circle,
    "edges": control_edges,
}


def foreseen(env: CarRacing, action: Action) -> list[str]:
    """What state a step starts from, and what is clipped in it."""
    car = _car(env)
    on_road = [len(wheel.tiles) > 0 for wheel in car.wheels]
    speed = math.hypot(*car.hull.linearVelocity)
    gas, brake = (0.0, 0.0) if isinstance(action, int) else (float(action[1]), float(action[2]))
    names = {
        "asleep": not car.hull.awake,
        "on road and grass": any(on_road) and not all(on_road),
        "all wheels on the grass": not any(on_road),
        "faster than 60 m/s": speed > 60.0,
        "spinning": abs(car.hull.angularVelocity) > 3.0,
        "wheel at the limit of its joint": any(abs(wheel.joint.angle) >= 0.4 for wheel in car.wheels[:2]),
        "gas clipped": not 0.0 <= gas <= 1.0,
        "brakes lock": brake >= 0.9,
        "NaN in the action": bool(np.isnan(action).any()),
        "the camera comes down": env.t < 1.0,
    }
    return [name for name, happens in names.items() if happens]


def ending(env: CarRacing) -> str:
    """How the drive ended."""
    if any(abs(coordinate) > PLAYFIELD for coordinate in _car(env).hull.position):
        return "left the field"
    return "all tiles visited" if env.tile_visited_count == len(env.track) else "lap complete"


def state(env: CarRacing) -> Mapping[str, Any]:
    """The physics behind the picture, in the order in which a step computes it."""
    car = _car(env)
    hull, wheels = car.hull, car.wheels
    joints = [wheel.joint for wheel in wheels]
    return {
        "gas": [wheel.gas for wheel in wheels],
        "brake": [wheel.brake for wheel in wheels],
        "steer": [wheel.steer for wheel in wheels],
        "motor_speeds": [joint.motorSpeed for joint in joints],
        "omega": [wheel.omega for wheel in wheels],
        "phase": [wheel.phase for wheel in wheels],
        "joint_impulses": [_joint_impulse(joint) for joint in joints],
        "hull_velocity": tuple(hull.linearVelocity),
        "hull_angular_velocity": hull.angularVelocity,
        "hull_position": tuple(hull.position),
        "hull_angle": hull.angle,
        "hull_center": tuple(hull.worldCenter),
        "hull_awake": hull.awake,
        "wheel_velocities": [tuple(wheel.linearVelocity) for wheel in wheels],
        "wheel_angular_velocities": [wheel.angularVelocity for wheel in wheels],
        "wheel_positions": [tuple(wheel.position) for wheel in wheels],
        "wheel_angles": [wheel.angle for wheel in wheels],
        "wheels_awake": [wheel.awake for wheel in wheels],
        "tiles_touched": [len(wheel.tiles) for wheel in wheels],
        "tiles_visited": env.tile_visited_count,
        "lap_complete": env.new_lap,
        "time": env.t,
        "total_reward": env.reward,
    }


def _joint_impulse(joint: Any) -> tuple[float, ...]:
    """Of the point, the limit and the motor. Reactions are impulses times the given frequency."""
    force = joint.GetReactionForce(1.0)
    return (force.x, force.y, joint.GetReactionTorque(1.0), joint.GetMotorTorque(1.0))
