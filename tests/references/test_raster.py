"""The drawing of CarRacing, compared with pygame as it runs here: random polygons, scores, whole frames."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pygame
import pytest

from evalengine import _engine


def load_script() -> ModuleType:
    """The script that records scenes for the crate's own tests; it lies beside them."""
    path = Path(__file__).parents[2] / "rust" / "raster" / "tests" / "record_scenes.py"
    spec = importlib.util.spec_from_file_location("record_scenes", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    with warnings.catch_warnings():
        # Box2D's bindings warn while they are loaded, and crash if that is made an error.
        warnings.simplefilter("ignore")
        importlib.import_module("gymnasium.envs.box2d")
        spec.loader.exec_module(module)
    return module


scenes: Any = load_script()

RENDERERS = ("fast", "portable", "reference")
# 10,500 polygons: every seed has its own reach, so that some scenes are all in view and some wrap around 16 bits.
POLYGONS = 25
SEEDS = 420
REACHES = (1_500, 5_000, 20_000, 70_000)
BLOCK = 70

TILE = ("antialiased", (102, 104, 107), [(400.5, 300.2), (600.7, 310.9), (590.1, 360.3), (410.4, 350.8)])


def test_the_backend_is_the_one_that_is_reproduced() -> None:
    assert pygame.transform.get_smoothscale_backend() == "SSE2"


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_random_polygons_are_pygames(first: int) -> None:
    for seed in range(first, first + BLOCK):
        scene = scenes.random_scene(seed, POLYGONS, REACHES[seed % len(REACHES)])
        below = [polygon for polygon in scene.polygons if polygon[0] != "indicator"]
        drawn = scenes.pixels(scenes.draw_polygons(below))
        assert (_engine.raster_polygons(below) == drawn).all(), f"seed {seed}"
        frame = scenes.draw_frame(scene)
        for renderer in RENDERERS:
            ours = _engine.render_scene(scene.polygons, scene.score, renderer)
            assert (ours == frame).all(), f"seed {seed}, {renderer}"


@pytest.mark.parametrize(
    ("seed", "driver", "domain_randomize"),
    [(21, "on_the_road", False), (22, "spinning", True), (23, "at_random", False)],
)
def test_frames_of_car_racing_are_gymnasiums(seed: int, driver: str, domain_randomize: bool) -> None:
    frames = 0
    for scene, observation in scenes.car_racing(seed, getattr(scenes, driver), 150, domain_randomize):
        for renderer in RENDERERS:
            ours = _engine.render_scene(scene.polygons, scene.score, renderer)
            assert (ours == observation).all(), f"frame {frames}, {renderer}"
        frames += 1
    assert frames == 151


def test_scores_are_pygames() -> None:
    rng = np.random.default_rng(5)
    rewards = [0.0, -0.0, 0.5, 1.5, -0.5, 999.5, -99.95, *rng.uniform(-1500, 1500, 300), *rng.uniform(-1e7, 1e7, 50)]
    for reward in map(float, rewards):
        frame = scenes.draw_frame(scenes.Scene(score=reward))
        for renderer in RENDERERS:
            assert (_engine.render_scene([], reward, renderer) == frame).all(), f"{reward!r}, {renderer}"


def test_one_pixel_breaks_the_claim() -> None:
    style, colour, vertices = TILE
    moved = (style, colour, [(vertices[0][0] + 1, vertices[0][1]), *vertices[1:]])
    ours = _engine.raster_polygons([TILE])
    assert (ours == scenes.pixels(scenes.draw_polygons([TILE]))).all()
    assert (ours != scenes.pixels(scenes.draw_polygons([moved]))).any()
    assert (_engine.render_scene([TILE]) != scenes.draw_frame(scenes.Scene([moved]))).any()


def test_what_is_no_scene_is_refused() -> None:
    _, colour, vertices = TILE
    with pytest.raises(_engine.EngineError, match=r'^style: expected antialiased, solid or indicator, got "round"$'):
        _engine.raster_polygons([("round", colour, vertices)])
    with pytest.raises(_engine.EngineError, match=r'^vertices: expected at least 4 for style "solid", got 3$'):
        _engine.render_scene([("solid", colour, vertices[:3])])
    with pytest.raises(_engine.EngineError, match=r'^renderer: expected fast, portable or reference, got "best"$'):
        _engine.render_scene([TILE], renderer="best")
