"""Scenes like those of the games, and medleys of all that the crate can do; seeds make them different."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from .commands import body, fixture, joint, line, on

HULL = [(-14, 17), (-17, 0), (-17, -10), (17, -10), (17, 0), (14, 17)]
SCALE = 30.0


def lander(seed: int, steps: int) -> Iterator[str]:
    """LunarLander's make: ground, hull, two legs on motorised and limited joints; engines fire at random."""
    draw = random.Random(seed)
    width, height = 600 / SCALE, 400 / SCALE
    heights = [draw.uniform(0, height / 2) for _ in range(12)]
    heights[3:8] = 5 * [height / 4]
    smooth = [0.33 * (heights[i - 1] + heights[i] + heights[i + 1]) for i in range(11)]
    xs = [width / 10 * i for i in range(11)]

    yield "gravity 0 -10"
    yield body("static", 0, 0)
    yield fixture("edge", 0, [(0, 0), (width, 0)], density=0)
    for i in range(10):
        yield fixture("edge", 0, [(xs[i], smooth[i]), (xs[i + 1], smooth[i + 1])], density=0, friction=0.1)
    yield body("dynamic", width / 2, height)
    hull = [(x / SCALE, y / SCALE) for x, y in HULL]
    yield fixture("polygon", 1, hull, density=5, friction=0.1, category=0x10, mask=1)
    yield line("force", 1, draw.uniform(-1000, 1000), draw.uniform(-1000, 1000), 1)
    for at, side in enumerate((-1, 1)):
        yield body("dynamic", width / 2 - side * 20 / SCALE, height, side * 0.05)
        yield fixture("box", at + 2, [(2 / SCALE, 8 / SCALE)], category=0x20, mask=1)
        limits = (0.4, 0.9) if side == -1 else (-0.9, -0.4)
        anchor = (side * 20 / SCALE, 18 / SCALE)
        yield joint(1, at + 2, (0, 0), anchor, reference=side * 0.05, limits=limits, motor=(0.3 * side, 40))
    yield on("m", "impulse", 1, 0.05, 0.26, 0.02, -0.13)
    yield on("l", "impulse", 1, 0.02, 0.01, -0.4, 0.46)
    yield on("r", "impulse", 1, -0.02, 0.01, 0.4, 0.46)
    yield on("w", "force", 1, 8.0, 0.0, 1)
    yield on("t", "torque", 1, 0.7)
    # Mostly the main engine, so that some landings are soft; the last part falls asleep or slides.
    moves = draw.choices("mlrwt.", weights=[draw.uniform(2, 14), 1, 1, 0.5, 0.5, 5], k=steps - 80)
    yield "steps " + "".join(moves) + 80 * "."


def car(seed: int, steps: int) -> Iterator[str]:
    """CarRacing's make: four polygons and four wheels without gravity, on sensor tiles that come and go."""
    draw = random.Random(seed)
    size = 0.02
    hull = [
        [(-60, 130), (60, 130), (60, 110), (-60, 110)],
        [(-15, 120), (15, 120), (20, 20), (-20, 20)],
        [(25, 20), (50, -10), (50, -40), (20, -90), (-20, -90), (-50, -40), (-50, -10), (-25, 20)],
        [(-50, -120), (50, -120), (50, -90), (-50, -90)],
    ]
    wheels = [(-55, 80), (55, 80), (-55, -82), (55, -82)]
    yield "gravity 0 0"
    bodies = 0

    def tiles(count: int) -> Iterator[str]:
        for at in range(count):
            x, y, turn = draw.uniform(-9, 9), draw.uniform(-6, 12), draw.uniform(-0.4, 0.4)
            corners = [(x - 3 + turn, y - 1), (x + 3, y - 1 + turn), (x + 3 + turn, y + 1), (x - 3, y + 1 - turn)]
            yield body("static", 0, 0)
            yield fixture("polygon", bodies + at, corners, density=0, sensor=True)

    yield from tiles(8)
    bodies += 8
    angle = draw.uniform(-0.3, 0.3)
    yield body("dynamic", 0.1, 0.2, angle)
    first = bodies
    for part in hull:
        yield fixture("polygon", first, [(size * x, size * y) for x, y in part], density=1)
    bodies += 1
    for x, y in wheels:
        yield body("dynamic", 0.1 + size * x, 0.2 + size * y, angle)
        corners = [(-14, 27), (14, 27), (14, -27), (-14, -27)]
        wheel = [(size * a, size * b) for a, b in corners]
        yield fixture("polygon", bodies, wheel, density=0.1, category=0x20, mask=1)
        yield joint(first, bodies, (size * x, size * y), (0, 0), limits=(-0.4, 0.4), motor=(0, 180 * 900 * size * size))
        bodies += 1
    yield on("l", "speed", 0, 3.0)
    yield on("r", "speed", 0, -3.0)
    yield on("L", "speed", 1, 3.0)
    yield on("R", "speed", 1, -3.0)
    yield on("s", "speed", 0, 0.0)
    for at in range(4):
        yield on(str(at), "push", first + 1 + at, draw.uniform(-40, 40), draw.uniform(-40, 150), 0.0, 0.0)
        yield on("abcd"[at], "drag", first + 1 + at, 0.4)
    for destroyed in range(steps // 160):
        yield "steps " + "".join(draw.choices("lrLRs0123abcd.", k=60)) + 40 * draw.choice("ab.")
        yield "steps " + 10 * "abcd" + 20 * "."
        yield line("destroy", destroyed)
        yield from tiles(1)
        bodies += 1


def medley(seed: int, steps: int) -> Iterator[str]:
    """Whatever the crate can do: bumpy ground, polygons of any form, joints, sensors, pushes and throws."""
    draw = random.Random(seed)
    yield f"gravity 0 {draw.choice([-10, -3, 0])}"
    yield from bumpy_ground(draw)
    count = draw.randint(2, 5)
    for at in range(1, count + 1):
        yield from any_body(draw, at)
    for at in range(draw.randint(0, count - 1)):
        lower = draw.uniform(-1, 0.5)
        yield joint(
            draw.randint(0, 1) if at == 0 else at,
            at + 2,
            (draw.uniform(-1, 1), draw.uniform(-1, 1)),
            (draw.uniform(-1, 1), draw.uniform(-1, 1)),
            reference=draw.uniform(-1, 1),
            limits=draw.choice([None, (lower, lower + draw.choice([0, 0.03, 0.5, 2]))]),
            motor=draw.choice([None, (draw.uniform(-5, 5), draw.uniform(0, 20))]),
        )
    for letter in "abcdefgh":
        yield on(letter, *any_action(draw, draw.randint(1, count)))
    for _ in range(steps // 100):
        yield "steps " + "".join(draw.choices("abcdefgh.", weights=[*8 * [1], 60], k=50)) + 50 * "."


def crowd(seed: int, steps: int) -> Iterator[str]:
    """Polygons that meet: posts, walls and ground of polygons, and bodies that touch all of it and each other."""
    draw = random.Random(seed)
    yield f"gravity 0 {draw.choice([-10, -10, -3])}"
    yield body("static", draw.uniform(-1, 1), draw.uniform(-1, 0), draw.uniform(-0.1, 0.1))
    x = -8.0
    while x < 8:
        width, top = draw.uniform(0.1, 3), draw.uniform(0, 1.5)
        corners = [(x, top), (x + width, top + draw.uniform(-0.3, 0.3)), (x + width, -1), (x, -1)]
        friction, restitution = draw.random(), draw.choice([0, 0, 0.6])
        yield fixture("polygon", 0, corners, density=0, friction=friction, restitution=restitution)
        x += width
    for wall in (-9, 9):
        yield fixture("box" if draw.random() < 0.5 else "edge", 0, [(wall, 12), (wall, -1)], density=0)
    count = draw.randint(2, 4)
    for at in range(1, count + 1):
        yield from any_body(draw, at, mask=3)
    for letter in "abcdefgh":
        yield on(letter, *any_action(draw, draw.randint(1, count)))
    for angle in range(8):
        yield line("ray", 1, float(3 * math.cos(angle)), float(3 * math.sin(angle)), draw.choice([1, 2, 3]))
    for _ in range(steps // 100):
        yield "steps " + "".join(draw.choices("abcdefgh.", weights=[*8 * [1], 60], k=50)) + 50 * "."


def bumpy_ground(draw: random.Random) -> Iterator[str]:
    """A tilted static body of edges, long and short, between two walls."""
    yield body("static", draw.uniform(-1, 1), draw.uniform(-1, 0), draw.uniform(-0.2, 0.2))
    x, y = -9.0, draw.uniform(0, 4)
    while x < 9:
        end = (x + draw.uniform(0.05, 3), draw.uniform(0, 1.5))
        restitution = draw.choice([0, 0, 0.6])
        yield fixture("edge", 0, [(x, y), end], density=0, friction=draw.random(), restitution=restitution)
        x, y = end
    yield fixture("edge", 0, [(-9, -1), (-9, 12)], density=0)
    yield fixture("edge", 0, [(9, 12), (9, -1)], density=0)


def any_body(draw: random.Random, number: int, mask: int = 1) -> Iterator[str]:
    """A dynamic body of one to three polygons, which touch edges only by default."""
    damping = draw.choice([(0, 0), (0.1, 0.5)])
    yield body("dynamic", draw.uniform(-6, 6), draw.uniform(2, 6), draw.uniform(-3, 3), *damping)
    for _ in range(draw.randint(1, 3)):
        yield fixture(
            "polygon",
            number,
            any_polygon(draw, draw.uniform(0.2, 1)),
            density=draw.choice([0, 0.5, 1, 3]),
            friction=draw.random(),
            restitution=draw.choice([0, 0, 0.4]),
            category=2,
            mask=mask,
            sensor=draw.random() < 0.15,
        )


def any_polygon(draw: random.Random, size: float) -> list[tuple[float, float]]:
    """Three to nine points, the first three not nearly in one line."""
    while True:
        points = [(draw.uniform(-size, size), draw.uniform(-size, size)) for _ in range(draw.randint(3, 9))]
        (ax, ay), (bx, by), (cx, cy) = points[:3]
        if abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) > 0.2 * size * size:
            return points


def any_action(draw: random.Random, target: int) -> tuple[object, ...]:
    """A push or a throw of a body, gentle or so hard that it would pass through edges."""
    throw = draw.choice([3.0, 30.0, 150.0])
    place = (draw.uniform(-1, 1), draw.uniform(-1, 1))
    actions: list[tuple[object, ...]] = [
        ("impulse", target, draw.uniform(-3, 3), draw.uniform(-3, 3), *place),
        ("push", target, draw.uniform(-50, 50), draw.uniform(-50, 50), *place),
        ("velocity", target, draw.uniform(-throw, throw), draw.uniform(-throw, throw)),
        ("spin", target, draw.uniform(-throw, throw)),
        ("torque", target, draw.uniform(-20, 20)),
    ]
    return draw.choice(actions)
