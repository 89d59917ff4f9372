"""Small scenes, each about one thing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .commands import body, fixture, joint, line, on


def falling_box() -> Iterator[str]:
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-10, 0), (10, 0)], density=0)
    yield body("dynamic", 0, 1.2, 0.3)
    yield fixture("box", 1, [(0.5, 0.25)], restitution=0.3)
    yield "steps " + 100 * "."
    yield on("a", "impulse", 1, 0.3, 1.0, 0.1, 0.0)
    yield "steps " + 60 * "." + "a" + 100 * "."


def box_on_a_slope() -> Iterator[str]:
    yield "gravity 0 -10"
    yield body("static", 0.3, -0.2, 0.1)
    yield fixture("edge", 0, [(-3, 1.5), (0, 0)], density=0, friction=0.05)
    yield fixture("edge", 0, [(0, 0), (3, 0.1)], density=0, friction=0.9)
    yield fixture("edge", 0, [(3, 0.1), (3, 4)], density=0, restitution=0.5)
    yield body("dynamic", -2, 1.8, -0.5)
    yield fixture("polygon", 1, [(0.3, -0.2), (0.1, 0.4), (-0.4, 0.1), (-0.3, -0.2), (0, 0)], friction=0.3)
    yield "steps " + 220 * "."


def edges_under_a_plank() -> Iterator[str]:
    """Short edges carry the faces of a long box: reference faces are the box's."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-1, 0.4), (-0.95, 0)], density=0)
    yield fixture("edge", 0, [(1, 0.3), (1.05, 0)], density=0)
    yield fixture("edge", 0, [(0.2, 0.1), (0.2, 0)], density=0)
    yield body("dynamic", 0, 0.8, 0.02)
    yield fixture("box", 1, [(2, 0.1)], friction=0.6)
    yield "steps " + 150 * "."


def motor_against_limits() -> Iterator[str]:
    yield "gravity 0 0"
    yield body("dynamic", 0, 0)
    yield fixture("box", 0, [(0.5, 0.5)], density=2)
    yield body("dynamic", 1, 0, 0.1)
    yield fixture("box", 1, [(0.4, 0.1)])
    yield joint(0, 1, (0.6, 0), (-0.4, 0), reference=0.1, limits=(-0.4, 0.4), motor=(2.0, 3.0))
    yield on("a", "speed", 0, -3.0)
    yield on("b", "speed", 0, 1.0)
    yield on("c", "torque", 1, 40.0)
    yield "steps " + 25 * "." + "a" + 30 * "." + "b" + 30 * "." + 5 * "c" + 30 * "."


def rigid_joint_and_pendulum() -> Iterator[str]:
    """Limits so close that they fix the angle; a joint to a static body; damping."""
    yield "gravity 0 -10"
    yield body("static", 0, 3)
    yield body("dynamic", 1, 3, 0, 0.1, 0.2)
    yield fixture("box", 1, [(1, 0.1)], density=1.5)
    yield body("dynamic", 2, 2, 0.5)
    yield fixture("box", 2, [(0.1, 1)])
    yield joint(0, 1, (0, 0), (-1, 0))
    yield joint(1, 2, (1, 0), (0, 1), reference=0.5, limits=(0.2, 0.21))
    yield "steps " + 120 * "."


def fast_bodies() -> Iterator[str]:
    """Bodies that would pass an edge within a step, alone, spinning, into a corner."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-20, 0), (20, 0)], density=0)
    yield fixture("edge", 0, [(8, 0), (8, 9)], density=0)
    yield fixture("edge", 0, [(-8, 9), (-8, 0)], density=0, restitution=0.8)
    yield body("dynamic", 0, 6)
    yield fixture("box", 1, [(0.2, 0.2)], group=-1)
    yield body("dynamic", -3, 5, 0.7)
    yield fixture("polygon", 2, [(0.1, -0.3), (0.2, 0.2), (-0.3, 0.1)], restitution=0.5, group=-1)
    yield on("a", "velocity", 1, 70.0, -90.0)
    yield on("b", "velocity", 2, -80.0, -60.0)
    yield on("c", "spin", 2, 60.0)
    yield "steps " + 3 * "." + "a" + "b" + 2 * "." + "c" + 30 * "." + "a" + 10 * "." + "b" + "c" + 60 * "."


def comb() -> Iterator[str]:
    """A plank meets more posts at once than an impact takes in: some of one body, others bodies of their own."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    for post in range(20):
        yield fixture("edge", 0, [(0.2 * post, 0), (0.2 * post + 0.1, 0)], density=0)
    for post in range(20):
        yield body("static", -0.2 * post - 0.2, 0)
        yield fixture("edge", 1 + post, [(0, 0), (0.1, 0)], density=0)
    yield body("dynamic", 0, 3)
    yield fixture("box", 21, [(4, 0.1)], restitution=0.4)
    yield on("a", "velocity", 21, 0.0, -90.0)
    yield "steps " + 2 * "." + "a" + 20 * "." + "a" + 40 * "."


def moving_edge() -> Iterator[str]:
    """A dynamic body made of an edge and a box; a static polygon."""
    yield "gravity 0 -10"
    yield body("static", 0, 0, 0.1)
    yield fixture("polygon", 0, [(1, 0), (0, 1), (-1, 0), (0, -1)], density=0)
    yield body("dynamic", 0.2, 3)
    yield fixture("box", 1, [(0.3, 0.3)], mask=2)
    yield fixture("edge", 1, [(-1, -0.8), (1.5, -0.8)], friction=0.5)
    yield on("a", "velocity", 1, 3.0, -120.0)
    yield "steps " + 4 * "." + "a" + 60 * "."


def sleeping_chain() -> Iterator[str]:
    """Joined boxes fall asleep together, and each of force, torque, impulse and motor wakes them."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-10, 0), (10, 0)], density=0, friction=0.8)
    yield body("dynamic", 0, 0.26)
    yield fixture("box", 1, [(0.5, 0.25)], friction=0.8)
    yield body("dynamic", 1.1, 0.26)
    yield fixture("box", 2, [(0.5, 0.25)], friction=0.8)
    yield joint(1, 2, (0.55, 0), (-0.55, 0), limits=(-0.5, 0.5), motor=(0.0, 0.5))
    yield body("dynamic", -4, 0.26)
    yield fixture("box", 3, [(0.5, 0.25)])
    yield on("a", "force", 1, 5.0, 0.0, 1)
    yield on("b", "torque", 2, 0.5)
    yield on("c", "impulse", 2, 0.5, 0.1, 0.2, 0.0)
    yield on("d", "speed", 0, 0.5)
    yield on("e", "force", 1, 50.0, 0.0, 0)
    yield on("f", "push", 3, 3.0, 40.0, 0.1, 0.1)
    for letter in "abcdef":
        yield "steps " + 45 * "." + 2 * letter
    yield "steps " + 40 * "."


def sensors() -> Iterator[str]:
    """A box passes sensors: a polygon, an edge, and one on a moving body; and carries one itself."""
    yield "gravity 0 0"
    yield body("static", 0, 0)
    yield fixture("polygon", 0, [(0, 0), (1, 0.2), (0.8, 1), (-0.2, 0.8)], sensor=True)
    yield fixture("edge", 0, [(2, -1), (2.5, 1)], sensor=True)
    yield body("dynamic", -2, 0.3)
    yield fixture("box", 1, [(0.2, 0.2)])
    yield fixture("polygon", 1, [(0.5, -0.1), (0.5, 0.1), (0.3, 0)], sensor=True)
    yield body("dynamic", 3.5, 0.2, 1.0)
    yield fixture("box", 2, [(0.3, 0.1)], sensor=True, density=0.5)
    yield body("static", 1.5, 0.9)
    yield fixture("edge", 3, [(-0.5, 0), (0.5, -0.4)])
    yield on("a", "velocity", 1, 4.0, 0.3)
    yield on("b", "velocity", 1, -5.0, 0.1)
    yield on("c", "spin", 1, 3.0)
    yield "steps a" + 70 * "." + "bc" + 80 * "."


def filters() -> Iterator[str]:
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-5, 0), (5, 0)], category=2, group=7)
    yield fixture("edge", 0, [(-5, -1), (5, -1)], category=4)
    for at, (mask, group) in enumerate([(2, 0), (4, 0), (0, 7), (0xFFFF, -3), (6, 0)]):
        yield body("dynamic", 1.5 * at - 3, 0.6)
        # Boxes stay apart by category; masks and groups choose the edge that stops them.
        yield fixture("box", at + 1, [(0.3, 0.2)], category=0x100, mask=mask & 0xFF, group=group)
    yield "steps " + 70 * "."


def recycled() -> Iterator[str]:
    """Bodies are destroyed, touching or joined or asleep, and others take their places in the broad phase."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-9, 0), (9, 0)], density=0)
    for at in range(3):
        yield body("dynamic", 1.5 * at, 0.25)
        yield fixture("box", at + 1, [(0.3, 0.2)], mask=1, category=2)
        yield fixture("polygon", at + 1, [(0, 0.2), (0.2, 0.6), (-0.2, 0.5)], mask=1, category=2)
    yield joint(1, 2, (0.7, 0), (-0.8, 0), motor=(1.0, 0.3))
    yield "steps " + 30 * "."
    yield "destroy 2"
    yield "steps " + 10 * "."
    yield body("dynamic", 3.2, 0.8, 0.4)
    yield fixture("polygon", 4, [(0.4, 0), (0, 0.3), (-0.4, 0), (0, -0.3)], mask=1, category=2)
    yield body("static", 3.4, 0.0)
    yield fixture("edge", 5, [(-1, 0.5), (0.5, -0.3)], density=0)
    yield "steps " + 60 * "."
    yield "destroy 3"
    yield "destroy 5"
    yield body("static", 3.3, -0.1)
    yield fixture("polygon", 6, [(-0.5, 0), (0.5, 0.3), (0, 1)], sensor=True)
    yield fixture("edge", 6, [(-0.5, 0.3), (0.5, 0.4)], density=0)
    yield body("dynamic", 3.1, 2)
    yield fixture("box", 7, [(0.2, 0.2)], mask=1, category=2)
    yield joint(4, 7, (0, 0.5), (0, -1))
    yield "steps " + 80 * "."


def platform_taken_away() -> Iterator[str]:
    """A box sleeps on a platform that is destroyed; another on two, one of which is."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-9, 0), (9, 0)], density=0)
    for number, x in enumerate((0, 4, 5), start=1):
        yield body("static", x, 1)
        yield fixture("edge", number, [(-0.4, 0), (0.4, 0)], density=0)
    for number, place in enumerate((0, 4.5), start=4):
        yield body("dynamic", place, 1.22)
        yield fixture("box", number, [(0.8, 0.2)], category=2, mask=1)
    yield "steps " + 60 * "."
    yield "destroy 1"
    yield "steps " + 10 * "."
    yield "destroy 3"
    yield "steps " + 60 * "."


def joined_while_touching() -> Iterator[str]:
    """A joint with the ground ends the contact with it; one between boxes does not."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-9, 0), (9, 0)], density=0)
    for number, x in enumerate((0, 1), start=1):
        yield body("dynamic", x, 0.22)
        yield fixture("box", number, [(0.3, 0.2)], category=2, mask=1)
    yield "steps " + 20 * "."
    yield joint(0, 1, (-0.5, 0.3), (-0.5, 0))
    yield joint(1, 2, (0.5, 0), (-0.5, 0))
    yield "steps " + 60 * "."


def changing_time() -> Iterator[str]:
    """Steps of other durations and iterations: impulses of the step before are scaled."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-9, 0), (9, 1)], density=0)
    for number, x in enumerate((0, 1.3), start=1):
        yield body("dynamic", x, 1.2)
        yield fixture("box", number, [(0.5, 0.2)], category=2, mask=1)
    yield joint(1, 2, (0.65, 0), (-0.65, 0), limits=(-0.2, 0.2), motor=(1.0, 2.0))
    for duration, velocity, position in ((0.02, 180, 60), (0.01, 20, 3), (0.03, 8, 1), (1 / 60, 6, 2), (0, 5, 5)):
        yield line("time", float(duration), velocity, position)
        yield "steps " + 12 * "."
    yield "time 0.02 10 10"
    yield "steps " + 60 * "."


def past_the_end() -> Iterator[str]:
    """Corners that pass the ends of edges so closely that a time of impact is found, at which nothing touches."""
    yield "gravity 0 -10"
    yield body("static", 0.1, 0.7)
    for at in range(4):
        yield fixture("edge", 0, [(4 * at, 0), (4 * at + 2.5, 0)], density=0)
        yield fixture("edge", 0, [(4 * at + 2.6, -3), (4 * at + 4.5, -3.3)], density=0)
    for at in range(4):
        # The left corner is 1 to 7 millimetres off the end.
        yield body("dynamic", 0.1 + 4 * at + 2.5 + 0.501 + 0.002 * at, 1.5 + 0.1 * at)
        yield fixture("polygon", at + 1, [(-0.5, 0), (0, 0.5), (0.5, 0), (0, -0.5)], category=2, mask=1)
        yield on("abcd"[at], "velocity", at + 1, 0.0, -60.0 - 5 * at)
    yield "steps abcd" + 40 * "."


def sunk_polygons() -> Iterator[str]:
    """Polygons that start across an edge: their centre decides on which side they come out."""
    yield "gravity 0 -1"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(-9, 0), (9, 0.3)], density=0)
    corners = [(0.5, 0.1), (0.2, 0.1), (-0.5, 0.1), (-0.5, -0.1), (0, -0.1), (0.1, -0.1), (0.4, -0.1)]
    for at in range(6):
        yield body("dynamic", 2.5 * at - 6.5, 0.05 * at, 0.35 * at)
        yield fixture("polygon", at + 1, corners[at % 2 :], category=2, mask=1)
    yield "steps " + 60 * "."


def wedge() -> Iterator[str]:
    """Bouncing bodies thrown into the ends of narrowing gaps: many times of impact in a step."""
    yield "gravity 0 0"
    yield body("static", 0, 0)
    for at in range(3):
        yield fixture("edge", 0, [(0, 4 * at), (6, 4 * at + 0.9)], density=0, restitution=1)
        yield fixture("edge", 0, [(0, 4 * at + 1.9), (6, 4 * at + 1.1)], density=0, restitution=1)
    for at in range(3):
        yield body("dynamic", 0.5, 4 * at + 1)
        yield fixture("box", at + 1, [(0.1 + 0.1 * at, 0.2)], category=2, mask=1, friction=0.4 * at, restitution=1)
        yield on("abc"[at], "velocity", at + 1, 90.0, 60.0 - 25 * at)
        yield on("def"[at], "spin", at + 1, 100.0)
    yield "steps abcdef" + 40 * "."


def pile() -> Iterator[str]:
    """Boxes and a wedge on a static block, on each other, and one that is pushed off."""
    yield "gravity 0 -10"
    yield body("static", 0, 0, 0.02)
    yield fixture("box", 0, [(2, 0.3)], density=0, friction=0.7)
    for number, (x, y) in enumerate(((0, 0.7), (0.2, 1.4), (-0.1, 2.1)), start=1):
        yield body("dynamic", x, y, 0.1 * number)
        yield fixture("box", number, [(0.5, 0.3)], friction=0.5)
    yield body("dynamic", 0.1, 3)
    yield fixture("polygon", 4, [(0.6, 0), (0, 0.4), (-0.3, -0.3)], restitution=0.4)
    yield on("a", "impulse", 2, 2.0, 0.3, 0.0, 0.1)
    yield "steps " + 90 * "." + "a" + 60 * "."


def thrown_polygons() -> Iterator[str]:
    """Polygons thrown at static ones so fast that they would pass, and at each other, which they may."""
    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("polygon", 0, [(-20, 0), (20, 0), (20, -0.2), (-20, -0.2)], density=0)
    yield fixture("polygon", 0, [(8, 0), (8.1, 0), (8, 9)], density=0, restitution=0.5)
    yield body("static", -8, 4, 0.3)
    yield fixture("box", 1, [(0.05, 6)], density=0, friction=0.9)
    for number, x in enumerate((-2, 0, 2), start=2):
        yield body("dynamic", x, 3, 0.4 * number)
        yield fixture("polygon", number, [(0.3, 0), (0.2, 0.3), (-0.3, 0.2), (-0.2, -0.3)], restitution=0.3)
    yield on("a", "velocity", 2, -120.0, -40.0)
    yield on("b", "velocity", 3, 90.0, -10.0)
    yield on("c", "velocity", 4, -60.0, -90.0)
    yield on("d", "spin", 3, -50.0)
    yield "steps " + 3 * "." + "abcd" + 40 * "." + "cbad" + 60 * "."


def rays() -> Iterator[str]:
    """A turning body looks around: at edges from both sides, polygons, sensors, other bodies, itself."""
    yield "gravity 0 -10"
    yield body("static", 0, 0, -0.05)
    for at in range(12):
        ends = [(at - 6.0, 0.05 + 0.1 * (at % 3)), (at - 5.0, 0.05 + 0.1 * ((at + 1) % 3))]
        yield fixture("edge", 0, ends, density=0)
    yield fixture("edge", 0, [(-4, 6), (4, 6)], density=0, category=4)
    yield body("static", 2, 0.5, 0.3)
    yield fixture("box", 1, [(0.5, 0.5)], density=0)
    yield body("static", -3, 2)
    yield fixture("polygon", 2, [(0, 0), (1, 0), (0, 2)], density=0, sensor=True, category=8)
    yield body("dynamic", 0, 3, 0.5)
    yield fixture("polygon", 3, [(-1, 0.3), (0.2, 0.3), (1.1, 0), (1.1, -0.3), (-1, -0.3)], category=2)
    yield body("dynamic", 1, 4)
    yield fixture("box", 4, [(0.2, 0.4)], category=16, mask=0xFFFF)
    for at in range(24):
        angle = at * math.pi / 12
        yield line("ray", 3, 5 * math.sin(angle), -5 * math.cos(angle), (0xFFFF, 1, 4, 8, 16, 2)[at % 6])
    # Along the axes and from below the ground, where divisors are zero.
    yield line("ray", 0, 7.0, 0.0, 1)
    yield line("ray", 0, 0.0, 3.0, 1)
    yield line("ray", 1, 0.0, -3.0, 1)
    yield line("ray", 1, -3.0, 0.0, 1)
    yield on("a", "velocity", 3, -1.0, 5.0)
    yield on("b", "spin", 3, 4.0)
    yield "steps " + 60 * "." + "ab" + 60 * "." + "ba" + 80 * "."
