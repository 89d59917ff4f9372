"""LunarLander-v3: the reference is Gymnasium's own, on Box2D."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from evalengine.references import Choose, Variant
from evalengine.references.box2d_state import ContactRow, body_state, contact_row, contact_state, joint_impulse

with warnings.catch_warnings():
    # SWIG's types warn when they are made. Where warnings are errors, Box2D would crash the process.
    warnings.simplefilter("ignore", DeprecationWarning)
    import Box2D
    from gymnasium.envs.box2d.lunar_lander import LunarLander, heuristic

ENV_ID = "LunarLander-v3"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy", "box2d")
LIBM = ("sin", "cos", "tanh", "sinf", "cosf")
VARIANTS = (
    Variant({"continuous": True}),
    Variant({"enable_wind": True}),
    Variant({"continuous": True, "enable_wind": True}),
    Variant({"gravity": -1.6}),
    Variant({"continuous": True, "gravity": -11.9}),
    Variant({"enable_wind": True, "wind_power": 20.0, "turbulence_power": 2.0, "gravity": -4.0}),
    Variant({"continuous": True, "enable_wind": True, "wind_power": -40.0, "turbulence_power": 30.0}),
    Variant({"continuous": True}, max_episode_steps=150),
)
CLOSED_LOOPS = ((Variant({"continuous": True}), "mlp:8-64-2"), (Variant(), "mlp:8-64-4,act=relu"))

GOLDEN_STEPS = 600
"""Of each variant with each driver: at least 200 episodes in all."""

GOLDEN_STRIDE = 100
"""Every so many steps are kept, and the last one of each episode: what differs once in physics differs ever after."""

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)

Action = int | NDArray[np.float32]


def _action(env: LunarLander, action: Any) -> Action:
    """An action as both sides take it: continuous ones are float32."""
    return np.asarray(action, np.float32) if env.continuous else int(action)


def _random_action(env: LunarLander, rng: np.random.Generator) -> Action:
    return _action(env, rng.uniform(-1.0, 1.0, 2) if env.continuous else rng.integers(4))


def _steer(env: LunarLander, observation: NDArray[np.float32]) -> Action:
    """Gymnasium's own heuristic."""
    return _action(env, heuristic(env, observation))  # type: ignore[no-untyped-call]


def land(env: LunarLander, rng: np.random.Generator) -> Choose:
    """Gymnasium's own heuristic, which lands in most episodes."""
    return lambda observation: _steer(env, observation)


def land_noisily(env: LunarLander, rng: np.random.Generator) -> Choose:
    """The heuristic with a share of random actions, drawn for the episode: hard landings, bounces, crashes."""
    noise = float(rng.choice([0.05, 0.2, 0.4, 0.6]))

    def choose(observation: NDArray[np.float32]) -> Action:
        return _random_action(env, rng) if rng.random() < noise else _steer(env, observation)

    return choose


def hover(env: LunarLander, rng: np.random.Generator) -> Choose:
    """The heuristic, aiming at a point high above or beside the pad: drifts until the time limit or out of view."""
    offset = np.zeros(8, np.float32)
    offset[:2] = rng.uniform([-1.5, 0.2], [1.5, 0.8])
    return lambda observation: _steer(env, observation - offset)


def slide(env: LunarLander, rng: np.random.Generator) -> Choose:
    """Lands, then pushes sideways and up along the ground, for some steps each: slides, hops, tips over."""
    pushes = [[-1.0, 1.0], [-1.0, -1.0], [1.0, 0.0]] if env.continuous else [1, 3, 2]
    push: Action = _action(env, [-1.0, 0.0] if env.continuous else 0)
    has_landed = False

    def choose(observation: NDArray[np.float32]) -> Action:
        nonlocal push, has_landed
        has_landed |= bool(observation[6] and observation[7])
        if not has_landed:
            return _steer(env, observation)
        if rng.random() < 0.1:
            push = _action(env, pushes[int(rng.choice(3, p=[0.4, 0.4, 0.2]))])
        return push

    return choose


EDGES = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 0.75, -0.75, 5.0, -5.0, 1e-40, np.inf, -np.inf, np.nan], np.float32)


def throttle_edges(env: LunarLander, rng: np.random.Generator) -> Choose:
    """Throttles at their thresholds, an ulp beside them, far outside, infinite and NaN; all engines, where discrete."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.concatenate([EDGES, np.nextafter(EDGES, np.float32(9)), np.nextafter(EDGES, np.float32(-9))])
    if not env.continuous:
        return lambda observation: int(rng.integers(1, 4))
    return lambda observation: rng.choice(values, 2)


DRIVERS = {"heuristic": land, "noisy": land_noisily, "hover": hover, "slide": slide, "edges": throttle_edges}


def foreseen(env: LunarLander, action: Action) -> list[str]:
    """What state of the physics a step starts from."""
    lander: Any = env.lander
    standing = [bool(leg.ground_contact) for leg in env.legs]
    touching = [contact for contact in env.world.contacts if contact.touching] if env.world.contactCount else []
    limits = [leg.joint.angle - np.array([leg.joint.lowerLimit, leg.joint.upperLimit]) for leg in env.legs]
    names = {
        "leg on the ground": any(standing),
        "both legs on the ground": all(standing),
        "sliding": any(standing) and abs(lander.linearVelocity.x) > 0.5,
        "leg counts as lifted, but touches": len(touching) > 0 and not any(standing),
        "contact of two points": any(contact.manifold.pointCount == 2 for contact in touching),
        "contact with a leg's face": any(contact.manifold.type_ == Box2D.b2Manifold.e_faceB for contact in touching),
        "leg at the limit of its joint": any(low <= 0.0 or high >= 0.0 for low, high in limits),
        "action clipped": env.continuous and bool((np.abs(action) > 1.0).any()),
        "NaN in the action": env.continuous and bool(np.isnan(action).any()),
    }
    return [name for name, happens in names.items() if happens]


def ending(env: LunarLander) -> str:
    """How the flight ended."""
    lander: Any = env.lander
    if not lander.awake:
        if env.game_over:
            return "asleep after a crash"
        on_pad = env.helipad_x1 <= lander.position.x <= env.helipad_x2
        return "landed on the pad, asleep" if on_pad else "landed beside the pad, asleep"
    return "crash" if env.game_over else "out of view"


CONTACTS = 12
"""Contacts that the state shows, the newest first."""


def state(env: LunarLander) -> Mapping[str, Any]:
    """The physics behind the observation, in the order in which a step computes it."""
    found: dict[str, Any] = {
        "wind_indices": [env.wind_idx, env.torque_idx] if env.enable_wind else [0, 0],
        **contact_state(_contacts(env), CONTACTS),
    }
    for number, leg in enumerate(env.legs):
        found[f"joint_{number}_impulse"] = joint_impulse(leg.joint)
    for name, body in zip(("lander", "leg_0", "leg_1"), (env.lander, *env.legs), strict=True):
        found |= body_state(name, body)
    found["ground_contact"] = [leg.ground_contact for leg in env.legs]
    found["has_crashed"] = env.game_over
    found["shaping"] = env.prev_shaping
    return found


def _contacts(env: LunarLander) -> Iterator[ContactRow]:
    """Of each contact: edge of the ground, body (0 the lander), touching, points; and both points' impulses."""
    if not env.world.contactCount:
        return
    for contact in env.world.contacts_gen:
        (left, _), (right, _) = contact.fixtureA.shape.vertices
        # The edge along the bottom comes before the ground's, which are two metres wide each.
        edge = 0 if right - left > 10.0 else 1 + round(left / 2.0)
        body = contact.fixtureB.body
        number = 0 if body == env.lander else 1 + env.legs.index(body)
        yield contact_row(contact, edge, number)
