"""Scenes of BipedalWalker's make: legs of two parts on uneven ground, over stumps, pits and stairs, and a lidar."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from .commands import body, fixture, joint, line, on

SCALE = 30.0
STEP = 14 / SCALE
HULL = [(-30, 9), (6, 9), (34, 1), (34, -8), (-30, -8)]
LEG = (8 / SCALE, 34 / SCALE)
LEG_DOWN = -8 / SCALE
HEIGHT = 400 / SCALE / 4
START = 12
"""Steps of even ground on which it stands at first."""


def ground(draw: random.Random, steps: int) -> Iterator[str]:
    """Edges, one body each, and blocks on them."""
    blocks: list[list[tuple[float, float]]] = []
    heights = [HEIGHT]
    while len(heights) < steps:
        x, y = STEP * (len(heights) - 1), heights[-1]
        if len(heights) < START or draw.random() < 0.8:
            rough = 0.0 if len(heights) < START else draw.uniform(-1, 1) / SCALE
            heights.append(y + rough)
        elif draw.random() < 0.3:
            depth = 4 * STEP
            for left in (x, x + 4 * STEP):
                blocks.append([(left, y), (left + STEP, y), (left + STEP, y - depth), (left, y - depth)])
            heights += [y, *4 * [y - depth], y]
        else:
            size = draw.randint(1, 2) * STEP
            blocks.append([(x, y), (x + size, y), (x + size, y + size), (x, y + size)])
            heights += 3 * [y]
    for number, corners in enumerate(blocks):
        yield body("static", 0, 0)
        yield fixture("polygon", number, corners, density=0, friction=2.5)
    for at in range(len(heights) - 1):
        yield body("static", 0, 0)
        ends = [(STEP * at, heights[at]), (STEP * (at + 1), heights[at + 1])]
        yield fixture("edge", len(blocks) + at, ends, density=0, friction=2.5)


def walker(seed: int, steps: int) -> Iterator[str]:
    """The body, motors that change their strength and direction at random, and throws forward to reach the blocks."""
    draw = random.Random(seed)
    yield "gravity 0 -10"
    commands = list(ground(draw, 50))
    yield from commands
    hull = sum(command.startswith("body") for command in commands)
    x, y = STEP * START / 2, HEIGHT + 2 * LEG[1]
    yield body("dynamic", x, y)
    corners = [(cx / SCALE, cy / SCALE) for cx, cy in HULL]
    yield fixture("polygon", hull, corners, density=5, friction=0.1, category=0x20, mask=1)
    yield line("force", hull, draw.uniform(-5, 5), 0.0, 1)
    for at, side in enumerate((-1, 1)):
        upper = hull + 1 + 2 * at
        yield body("dynamic", x, y - LEG[1] / 2 - LEG_DOWN, 0.05 * side)
        yield fixture("box", upper, [(LEG[0] / 2, LEG[1] / 2)], category=0x20, mask=1)
        reference = 0.05 * side
        anchors = ((0, LEG_DOWN), (0, LEG[1] / 2))
        yield joint(hull, upper, *anchors, reference=reference, limits=(-0.8, 1.1), motor=(float(side), 80))
        yield body("dynamic", x, y - LEG[1] * 3 / 2 - LEG_DOWN, 0.05 * side)
        yield fixture("box", upper + 1, [(0.8 * LEG[0] / 2, LEG[1] / 2)], category=0x20, mask=1)
        yield joint(upper, upper + 1, (0, -LEG[1] / 2), (0, LEG[1] / 2), limits=(-1.6, -0.1), motor=(1.0, 80))
    for at in range(10):
        angle = 1.5 * at / 10
        yield line("ray", hull, math.sin(angle) * 160 / SCALE, -math.cos(angle) * 160 / SCALE, 1)
    for number in range(4):
        top = 4.0 if number % 2 == 0 else 6.0
        yield on("abcd"[number], "speed", number, top)
        yield on("ABCD"[number], "speed", number, -top)
        yield on("0123"[number], "strength", number, 80 * draw.random())
    yield on("t", "velocity", hull, 6.0, 3.0)
    yield on("T", "velocity", hull, -3.0, -8.0)
    moves = draw.choices("abcdABCD0123tT.", weights=[*12 * [1], 0.4, 0.2, 2], k=steps - 60)
    yield "steps " + "".join(moves) + 60 * "."
