"""What is read of a Box2D world for a comparison: bodies, joints and contacts, as the native state shows them.

For the adapters of environments with a Box2D world. Depends on nothing: what it is given is pybox2d's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

ContactRow = tuple[tuple[float, ...], tuple[float, ...]]
"""Four numbers of a contact, and the normal and tangent impulses of both of its points."""


def body_state(name: str, body: Any) -> Mapping[str, Any]:
    """Return velocities, position, angle, centre and wakefulness of a body, under names that begin with `name`."""
    return {
        f"{name}_velocity": tuple(body.linearVelocity),
        f"{name}_angular_velocity": body.angularVelocity,
        f"{name}_position": tuple(body.position),
        f"{name}_angle": body.angle,
        f"{name}_center": tuple(body.worldCenter),
        f"{name}_awake": body.awake,
    }


def joint_impulse(joint: Any) -> tuple[float, ...]:
    """Return the impulses of a joint's point, limit and motor. Reactions are impulses times the given frequency."""
    force = joint.GetReactionForce(1.0)
    return (force.x, force.y, joint.GetReactionTorque(1.0), joint.GetMotorTorque(1.0))


def contact_row(contact: Any, first: float, second: float) -> ContactRow:
    """Return a contact's row: the numbers of what touches, whether it does, its points; and their impulses."""
    points = contact.manifold.points
    impulses = [impulse for point in points for impulse in (point.normalImpulse, point.tangentImpulse)]
    return (first, second, contact.touching, len(points)), (*impulses, *[0.0] * (4 - len(impulses)))


def contact_state(rows: Iterable[ContactRow], most: int) -> Mapping[str, Any]:
    """Return the first `most` rows of contacts, and zeros where there are fewer."""
    shown = list(islice(rows, most))
    padding = [(0.0,) * 4] * (most - len(shown))
    return {
        "contacts": [numbers for numbers, _ in shown] + padding,
        "contact_impulses": [impulses for _, impulses in shown] + padding,
    }
