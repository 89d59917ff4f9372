"""The commands that scenes are made of.

Bodies, fixtures and joints are numbered in the order in which they are created.
"""

from __future__ import annotations

import numpy as np


def number(value: float) -> str:
    """The shortest decimal that names the float32 nearest to `value`."""
    return str(np.float32(value))


def line(*words: object) -> str:
    return " ".join(number(word) if isinstance(word, float) else str(word) for word in words)


def body(kind: str, x: float, y: float, angle: float = 0.0, linear: float = 0.0, angular: float = 0.0) -> str:
    """`body KIND X Y ANGLE LINEAR_DAMPING ANGULAR_DAMPING`"""
    return line("body", kind, float(x), float(y), float(angle), float(linear), float(angular))


def fixture(
    shape: str,
    owner: int,
    points: list[tuple[float, float]],
    *,
    density: float = 1.0,
    friction: float = 0.2,
    restitution: float = 0.0,
    category: int = 1,
    mask: int = 0xFFFF,
    group: int = 0,
    sensor: bool = False,
) -> str:
    """`edge|box|polygon BODY DENSITY FRICTION RESTITUTION CATEGORY MASK GROUP SENSOR X Y ...`

    A box's only point is half its width and height.
    """
    surface = (float(density), float(friction), float(restitution), category, mask, group, int(sensor))
    return line(shape, owner, *surface, *(float(value) for point in points for value in point))


def joint(
    a: int,
    b: int,
    anchor_a: tuple[float, float],
    anchor_b: tuple[float, float],
    *,
    reference: float = 0.0,
    limits: tuple[float, float] | None = None,
    motor: tuple[float, float] | None = None,
) -> str:
    """`joint A B ANCHOR_A ANCHOR_B REFERENCE LIMIT? LOWER UPPER MOTOR? SPEED TORQUE`"""
    lower, upper = limits or (0.0, 0.0)
    speed, torque = motor or (0.0, 0.0)
    anchors = (*map(float, anchor_a), *map(float, anchor_b))
    limit = (int(limits is not None), float(lower), float(upper))
    return line("joint", a, b, *anchors, float(reference), *limit, int(motor is not None), float(speed), float(torque))


def on(letter: str, *command: object) -> str:
    """`on LETTER COMMAND`: what a letter in `steps` does before its step; `.` does nothing."""
    return line("on", letter, *command)
