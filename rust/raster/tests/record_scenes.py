"""What pygame makes of polygons: random ones, and those that CarRacing draws. Records tests/golden; serves live tests.

A scene is a list of polygons in drawing order, indicators after the flip included, and a score. Here are a generator of
random scenes, a recorder that listens in on Gymnasium's CarRacing while it draws, and pygame's rendering of a scene.

    python rust/raster/tests/record_scenes.py        (needs gymnasium[box2d] 1.4.0 and pygame-ce 2.5.8)

The recorded files hold scenes and checksums of what pygame drew, little-endian; a few frames are pictures, to look at:

    scene    u16 polygons, u8 has a score, f64 score, polygons, u32 CRC of their surface or 0, u32 CRC of the frame
    polygon  u8 style, u8 red, green, blue, u8 vertices, then i16 x, y of each
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import gymnasium
import numpy as np
import pygame
import pygame.gfxdraw
from numpy.typing import NDArray

GOLDEN = Path(__file__).parent / "golden"
STYLES = ("antialiased", "solid", "indicator")
SCREEN = (1000, 800)
FRAME = (96, 96)

Bytes = NDArray[np.uint8]
Vertices = list[tuple[float, float]]
Polygon = tuple[str, tuple[int, int, int], Vertices]
Driver = Callable[[Any, int], NDArray[np.float32]]


@dataclass
class Scene:
    """What is drawn on one screen."""

    polygons: list[Polygon] = field(default_factory=list)
    score: float | None = None


# pygame's rendering


def draw_polygons(polygons: Iterable[Polygon]) -> pygame.Surface:
    """Polygons on a black surface, by the functions that CarRacing calls."""
    surface = pygame.Surface(SCREEN)
    for style, colour, vertices in polygons:
        if style == "antialiased":
            pygame.gfxdraw.aapolygon(surface, vertices, colour)
            pygame.gfxdraw.filled_polygon(surface, vertices, colour)
        else:
            pygame.draw.polygon(surface, colour, vertices)
    return surface


def draw_frame(scene: Scene) -> Bytes:
    """The frame of a scene, (96, 96, 3)."""
    surface = draw_polygons(polygon for polygon in scene.polygons if polygon[0] != "indicator")
    surface = pygame.transform.flip(surface, False, True)
    for style, colour, vertices in scene.polygons:
        if style == "indicator":
            pygame.draw.polygon(surface, colour, vertices)
    if scene.score is not None:
        pygame.font.init()
        font = pygame.font.Font(pygame.font.get_default_font(), 42)
        text = font.render(f"{scene.score:04.0f}", True, (255, 255, 255), (0, 0, 0))
        place = text.get_rect()
        place.center = (60, 750)
        surface.blit(text, place)
    return pixels(pygame.transform.smoothscale(surface, FRAME))


def pixels(surface: pygame.Surface) -> Bytes:
    """A surface as (rows, columns, 3)."""
    return np.ascontiguousarray(pygame.surfarray.array3d(surface).transpose(1, 0, 2))


# random scenes


def random_scene(seed: int, polygons: int, reach: float) -> Scene:
    """Polygons of all shapes; the farthest vertices lie `reach` pixels from the corner."""
    rng = np.random.default_rng(seed)
    scene = Scene(score=float(rng.uniform(-1000, 1000)))
    for index in range(polygons):
        style = STYLES[rng.choice(3, p=(0.6, 0.3, 0.1))] if index > 0 else "antialiased"
        count = int(rng.integers(3 if style == "antialiased" else 4, 9))
        red, green, blue = rng.integers(0, 256, 3).tolist()
        vertices = random_vertices(rng, count, reach)
        scene.polygons.append((style, (red, green, blue), [(x, y) for x, y in vertices.tolist()]))
    return scene


def random_vertices(rng: np.random.Generator, count: int, reach: float) -> NDArray[np.float64]:
    """Tiny, middling or huge, anywhere on or around the screen; some of them degenerate."""
    match rng.integers(8):
        case 0:
            return rng.uniform((-300, -300), (1300, 1100), (count, 2))
        case 1:
            return rng.uniform((-20, -20), (1020, 820)) + rng.uniform(-15, 15, (count, 2))
        case 2 | 3:
            return rng.uniform((-100, -100), (1100, 900)) + rng.uniform(-120, 120, (count, 2))
        case 4:
            return rng.uniform(-reach, reach, (count, 2))
        case 5:  # a vertex twice
            vertices = random_vertices(rng, count, reach)
            vertices[rng.integers(count)] = vertices[rng.integers(count)]
            return vertices
        case 6:  # a single row or column
            vertices = random_vertices(rng, count, reach)
            vertices[:, rng.integers(2)] = rng.integers(0, 800)
            return vertices
        case _:  # many horizontal, vertical and diagonal edges
            return np.round(random_vertices(rng, count, reach) / 20) * 20


# CarRacing, overheard


class Recorder:
    """Writes down what CarRacing draws while it draws it."""

    def __init__(self, env: Any) -> None:
        self.env = env.unwrapped
        self.scene = Scene()
        self.flipped = False

    def listening(self) -> ExitStack:
        """A context in which the drawing functions write down what they are given."""
        stack = ExitStack()
        aapolygon, polygon, flip = pygame.gfxdraw.aapolygon, pygame.draw.polygon, pygame.transform.flip

        def heard_aapolygon(surface: Any, points: Any, color: Any) -> None:
            self.add("antialiased", color, points)
            aapolygon(surface, points, color)

        def heard_polygon(surface: Any, color: Any, points: Any) -> None:
            self.add("indicator" if self.flipped else "solid", color, points)
            polygon(surface, color, points)

        def heard_flip(surface: Any, flip_x: bool, flip_y: bool) -> pygame.Surface:
            self.flipped, self.scene.score = True, float(self.env.reward)
            return flip(surface, flip_x, flip_y)

        stack.enter_context(mock.patch.object(pygame.gfxdraw, "aapolygon", heard_aapolygon))
        stack.enter_context(mock.patch.object(pygame.draw, "polygon", heard_polygon))
        stack.enter_context(mock.patch.object(pygame.transform, "flip", heard_flip))
        return stack

    def add(self, style: str, colour: Any, points: Any) -> None:
        red, green, blue = (int(channel) for channel in colour)
        self.scene.polygons.append((style, (red, green, blue), [(float(x), float(y)) for x, y in points]))

    def take(self) -> Scene:
        """The scene since the last call."""
        scene, self.scene, self.flipped = self.scene, Scene(), False
        return scene


def car_racing(seed: int, driver: Driver, steps: int, domain_randomize: bool = False) -> Iterator[tuple[Scene, Bytes]]:
    """The scenes and observations of an episode's first steps, the reset's included."""
    env = gymnasium.make("CarRacing-v3", domain_randomize=domain_randomize)
    recorder = Recorder(env)
    with recorder.listening():
        observation, _ = env.reset(seed=seed)
        yield recorder.take(), observation
        for step in range(steps):
            observation, _, terminated, truncated, _ = env.step(driver(env.unwrapped, step))
            yield recorder.take(), observation
            if terminated or truncated:
                break
    env.close()


def on_the_road(env: Any, step: int) -> NDArray[np.float32]:
    """Steers for a point of the road a little ahead, at a moderate speed."""
    hull = env.car.hull
    track = np.array([(x, y) for _, _, x, y in env.track])
    nearest = int(np.argmin(np.sum((track - tuple(hull.position)) ** 2, axis=1)))
    ahead = track[(nearest + 5) % len(track)] - tuple(hull.position)
    bearing = math.atan2(ahead[1], ahead[0]) - math.pi / 2 - hull.angle
    turn = math.remainder(bearing, 2 * math.pi)
    gas = 0.4 if np.hypot(*hull.linearVelocity) < 45 else 0.0
    return np.array([np.clip(-2 * turn, -1, 1), gas, 0], np.float32)


def spinning(env: Any, step: int) -> NDArray[np.float32]:
    """Full throttle, then the wheel hard over; the brake now and then."""
    return np.array([0 if step < 60 else -1, 1, 0.9 if step % 50 > 45 else 0], np.float32)


def at_random(env: Any, step: int) -> NDArray[np.float32]:
    """Any action, held for some steps."""
    rng = np.random.default_rng(step // 8)
    return rng.uniform((-1, 0, 0), (1, 1, 0.5)).astype(np.float32)


# recording


def encoded(scene: Scene, surface: Bytes | None, frame: Bytes) -> bytes:
    """A scene as it lies in a file. Polygons that lie wholly outside the screen are left out."""
    polygons = [polygon for polygon in scene.polygons if visible(polygon)]
    parts = [struct.pack("<HBd", len(polygons), scene.score is not None, scene.score or 0.0)]
    for style, colour, vertices in polygons:
        whole = np.trunc(np.array(vertices)).astype(np.int16)
        parts.append(struct.pack("<5B", STYLES.index(style), *colour, len(vertices)) + whole.astype("<i2").tobytes())
    surface_crc = 0 if surface is None else zlib.crc32(surface.tobytes())
    parts.append(struct.pack("<II", surface_crc, zlib.crc32(frame.tobytes())))
    return b"".join(parts)


def visible(polygon: Polygon) -> bool:
    """Whether the box around a polygon meets the screen."""
    whole = np.trunc(polygon[2])  # -0.9 is in column 0
    return bool((whole.max(axis=0) >= 0).all() and (whole.min(axis=0) < SCREEN).all())


def record_random() -> None:
    """Scenes of random polygons, some of which span more than 15 bits."""
    parts = []
    for seed in range(60):
        scene = random_scene(seed, 10, 30_000 if seed % 4 == 0 else 5_000)
        drawn = draw_polygons(polygon for polygon in scene.polygons if polygon[0] != "indicator")
        parts.append(encoded(scene, pixels(drawn), draw_frame(scene)))
    (GOLDEN / "random.scenes").write_bytes(b"".join(parts))


def record_car_racing() -> None:
    """Frames of several episodes, and some of them as pictures."""
    parts = []
    pictures = {(1, 0): "reset", (1, 20): "zoom_in", (1, 140): "road", (2, 120): "spin"}
    episodes = ((1, on_the_road, False), (2, spinning, False), (3, at_random, True), (4, on_the_road, False))
    for seed, driver, domain_randomize in episodes:
        for step, (scene, frame) in enumerate(car_racing(seed, driver, 260, domain_randomize)):
            if step in (0, 1, 5, 20, 35, 49) or (step > 50 and step % 10 == 0):
                parts.append(encoded(scene, None, frame))
            if (seed, step) in pictures:
                (GOLDEN / f"{pictures[seed, step]}.ppm").write_bytes(b"P6\n96 96\n255\n" + frame.tobytes())
                (GOLDEN / f"{pictures[seed, step]}.scene").write_bytes(encoded(scene, None, frame))
    (GOLDEN / "car_racing.scenes").write_bytes(b"".join(parts))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    record_random()
    record_car_racing()
