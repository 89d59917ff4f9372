"""BipedalWalker-v3: the reference is Gymnasium's own, on Box2D.

It keeps its Box2D world from reset to reset; here it gets a new one each time, as a fresh environment has.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from evalengine.references import Choose, Variant
from evalengine.references.box2d_state import ContactRow, body_state, contact_row, contact_state, joint_impulse
from evalengine.references.versions import numpy_1

with warnings.catch_warnings():
    # SWIG's types warn when they are made. Where warnings are errors, Box2D would crash the process.
    warnings.simplefilter("ignore", DeprecationWarning)
    import Box2D
    from gymnasium.envs.box2d.bipedal_walker import BipedalWalker, BipedalWalkerHeuristics

ENV_ID = "BipedalWalker-v3"
PACKAGE = "gymnasium"
PACKAGES = ("gymnasium", "numpy", "box2d")
LIBM = ("sin", "cos", "sinf", "cosf")
DIFFERENCES = (numpy_1("reward"),)
VARIANTS = (
    Variant({"hardcore": True}),
    Variant({"hardcore": False}, max_episode_steps=3000),
    Variant(max_episode_steps=120),
)
CLOSED_LOOPS = ((Variant(), "mlp:24-64-4,act=relu,head=clip"),)
"""Another activation and another head than those of the default policy."""

GOLDEN_STEPS = 600
"""Of each variant with each driver."""

GOLDEN_STRIDE = 100
"""Every so many steps are kept, and the last one of each episode: what differs once in physics differs ever after."""

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)

Action = NDArray[np.float32]


def make(**kwargs: Any) -> gymnasium.Env[Any, Any]:
    """Return an environment whose every reset begins in a new Box2D world."""
    return in_new_worlds(ENV_ID, **kwargs)


def in_new_worlds(env_id: str, **kwargs: Any) -> gymnasium.Env[Any, Any]:
    """The same for an environment of another id."""
    env = gymnasium.make(env_id, **kwargs)
    core: Any = env.unwrapped
    reset = core.reset

    def reset_in_new_world(**arguments: Any) -> Any:
        core.world = Box2D.b2World()
        core.terrain = []  # or the reset would destroy its bodies in the new world
        return reset(**arguments)

    core.reset = reset_in_new_world
    return env


def walk(env: BipedalWalker, rng: np.random.Generator) -> Choose:
    """Gymnasium's own heuristic; a share of the actions, drawn for the episode, is random."""
    noise = float(rng.choice([0.0, 0.0, 0.02, 0.1, 0.3]))
    heuristic = BipedalWalkerHeuristics()

    def choose(observation: NDArray[np.float32]) -> Action:
        action = heuristic.step_heuristic(observation)  # type: ignore[no-untyped-call]
        if noise and rng.random() < noise:
            action = rng.uniform(-1.0, 1.0, 4)
        return np.asarray(action, np.float32)

    return choose


def stumble(env: BipedalWalker, rng: np.random.Generator) -> Choose:
    """The heuristic, with a motor that fails now and then for some steps: it stops, or runs at full strength."""
    heuristic = BipedalWalkerHeuristics()
    motor, strength, steps = 0, 0.0, 0

    def choose(observation: NDArray[np.float32]) -> Action:
        nonlocal motor, strength, steps
        action = np.array(heuristic.step_heuristic(observation), np.float32)  # type: ignore[no-untyped-call]
        if steps == 0 and rng.random() < 0.03:
            motor, strength, steps = int(rng.integers(4)), float(rng.choice([0.0, 1.0, -1.0])), int(rng.integers(2, 30))
        if steps > 0:
            steps -= 1
            action[motor] = strength
        return action

    return choose


def fall(env: BipedalWalker, rng: np.random.Generator) -> Choose:
    """Motors that each run in a direction of their own for long, or are off: falls of all kinds, on all sides."""
    action = rng.choice([-1.0, -0.3, 0.0, 0.3, 1.0], 4).astype(np.float32)

    def choose(observation: NDArray[np.float32]) -> Action:
        if rng.random() < 0.02:
            action[rng.integers(4)] = rng.choice([-1.0, -0.3, 0.0, 0.3, 1.0])
        return action.copy()

    return choose


def sit(env: BipedalWalker, rng: np.random.Generator) -> Choose:
    """Stands with its legs apart until the time limit, in most episodes; the motors work against each other."""
    hips, knees = (float(rng.uniform(0.5, 0.8)), float(rng.uniform(-0.6, -0.3))), float(rng.uniform(-0.2, 0.4))

    def choose(observation: NDArray[np.float32]) -> Action:
        s = observation.astype(np.float64)
        lean = 0.9 * s[0] + 1.5 * s[1]
        hip = [0.9 * (target - s[at]) - 0.25 * s[at + 1] + lean for target, at in zip(hips, (4, 9), strict=True)]
        knee = [4.0 * (knees - s[at]) - 0.25 * s[at + 1] - 15.0 * s[3] for at in (6, 11)]
        return np.array([hip[0], knee[0], hip[1], knee[1]]).clip(-1.0, 1.0).astype(np.float32)

    return choose


EDGES = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 5.0, -5.0, 1e30, 1e-40, -1e-40, np.inf, -np.inf], np.float32)


def motor_edges(env: BipedalWalker, rng: np.random.Generator) -> Choose:
    """Strengths at the bounds, an ulp beside them, far outside, tiny and infinite, for some steps each.

    They are never NaN: Box2D stops the reference with an assertion then.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.concatenate([EDGES, np.nextafter(EDGES, np.float32(9)), np.nextafter(EDGES, np.float32(-9))])
    action = np.zeros(4, np.float32)

    def choose(observation: NDArray[np.float32]) -> Action:
        if rng.random() < 0.3:
            action[rng.integers(4)] = rng.choice(values)
        return action.copy()

    return choose


DRIVERS = {"heuristic": walk, "stumble": stumble, "fall": fall, "sit": sit, "edges": motor_edges}


def _parts(env: BipedalWalker) -> list[Any]:
    """Hull, then the legs' parts."""
    return [env.hull, *env.legs]


def foreseen(env: BipedalWalker, action: Action) -> list[str]:
    """What state of the physics a step starts from."""
    hull: Any = env.hull
    feet = [bool(leg.ground_contact) for leg in (env.legs[1], env.legs[3])]
    touching = [contact for contact in env.world.contacts if contact.touching] if env.world.contactCount else []
    on_blocks = [contact for contact in touching if len(contact.fixtureA.shape.vertices) > 2]
    low, high = zip(
        *((joint.angle - joint.lowerLimit, joint.angle - joint.upperLimit) for joint in env.joints), strict=True
    )
    seen = [ray.fraction for ray in env.lidar]
    names = {
        "a foot on the ground": any(feet),
        "both feet on the ground": all(feet),
        "foot counts as lifted, but touches": len(touching) > 0 and not any(feet),
        "an upper leg on the ground": any(contact.fixtureB.body in (env.legs[0], env.legs[2]) for contact in touching),
        "hull on the ground": any(contact.fixtureB.body == hull for contact in touching),
        "contact of two points": any(contact.manifold.pointCount == 2 for contact in touching),
        "contact with a face of the walker": any(
            contact.manifold.type_ == Box2D.b2Manifold.e_faceB for contact in touching
        ),
        "contact with a block": len(on_blocks) > 0,
        "a block's contact of two points": any(contact.manifold.pointCount == 2 for contact in on_blocks),
        "a block's contact with a face of the walker": any(
            contact.manifold.type_ == Box2D.b2Manifold.e_faceB for contact in on_blocks
        ),
        "a joint at its limit": min(low) <= 0.0 or max(high) >= 0.0,
        "asleep": not hull.awake,
        "a ray meets nothing": max(seen) == 1.0,
        "action clipped": bool((np.abs(action) > 1.0).any()),
    }
    return [name for name, happens in names.items() if happens]


def ending(env: BipedalWalker) -> str:
    """How the walk ended."""
    hull: Any = env.hull
    if env.game_over:
        return "fell"
    return "left over the start" if hull.position[0] < 0.0 else "finished"


CONTACTS = 16
"""Contacts that the state shows, the newest first."""


def state(env: BipedalWalker) -> Mapping[str, Any]:
    """The physics behind the observation, in the order in which a step computes it."""
    found: dict[str, Any] = {"terrain": env.terrain_y, **contact_state(_contacts(env), CONTACTS)}
    for number, joint in enumerate(env.joints):
        found[f"joint_{number}_impulse"] = joint_impulse(joint)
    for name, body in zip(("hull", "leg_0", "leg_1", "leg_2", "leg_3"), _parts(env), strict=True):
        found |= body_state(name, body)
    found["ground_contact"] = [env.legs[1].ground_contact, env.legs[3].ground_contact]
    found["has_fallen"] = env.game_over
    found["shaping"] = env.prev_shaping
    return found


def _contacts(env: BipedalWalker) -> Iterator[ContactRow]:
    """Of each contact: part of the ground, body (0 the hull), touching, points; and both points' impulses."""
    if not env.world.contactCount:
        return
    if env.terrain[0].userData is None:
        # Numbers for the bodies of this world: those of the ground as they were made, then those of the walker.
        for numbered in (reversed(env.terrain), _parts(env)):
            for number, body in enumerate(numbered):
                body.userData = number
    for contact in env.world.contacts_gen:
        yield contact_row(contact, contact.fixtureA.body.userData, contact.fixtureB.body.userData)
