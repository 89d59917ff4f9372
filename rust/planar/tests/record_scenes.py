"""Records small scenes with the real Box2D, as pybox2d brings it, for the test `scenes.rs`.

    python -m rust.planar.tests.record_scenes          (from the root; needs Box2D 2.3.10 and numpy)

Writes two files into `scenes/`. `scenes.txt` says what happens, one command a line; the test replays it. `recorded.bin`
says what came of it, for each step: the number of 32-bit words of the state and the words themselves (scenes marked
`full`), or their 64-bit FNV-1a hash (scenes marked `hash`, which would fill megabytes; to see which word differs, mark
the scene `full` and record anew).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from .scenes import random_scenes, small_scenes
from .scenes.stage import Stage
from .scenes.walker import walker

FOLDER = Path(__file__).parent / "scenes"

SCENES: list[tuple[str, str, Callable[[], Iterator[str]]]] = [
    ("full", "a falling box", small_scenes.falling_box),
    ("hash", "a box on a slope", small_scenes.box_on_a_slope),
    ("hash", "edges under a plank", small_scenes.edges_under_a_plank),
    ("full", "a motor against limits", small_scenes.motor_against_limits),
    ("hash", "a rigid joint and a pendulum", small_scenes.rigid_joint_and_pendulum),
    ("full", "fast bodies", small_scenes.fast_bodies),
    ("hash", "a plank on a comb", small_scenes.comb),
    ("full", "a moving edge", small_scenes.moving_edge),
    ("hash", "a sleeping chain", small_scenes.sleeping_chain),
    ("hash", "sensors", small_scenes.sensors),
    ("full", "filters", small_scenes.filters),
    ("hash", "recycled bodies", small_scenes.recycled),
    ("hash", "a platform taken away", small_scenes.platform_taken_away),
    ("hash", "joined while touching", small_scenes.joined_while_touching),
    ("hash", "changing time", small_scenes.changing_time),
    ("hash", "past the end", small_scenes.past_the_end),
    ("hash", "sunk polygons", small_scenes.sunk_polygons),
    ("hash", "a wedge", small_scenes.wedge),
    ("full", "a pile of polygons", small_scenes.pile),
    ("hash", "polygons thrown at polygons", small_scenes.thrown_polygons),
    ("hash", "rays", small_scenes.rays),
    *(("hash", f"a lander, seed {seed}", lambda seed=seed: random_scenes.lander(seed, 400)) for seed in range(10)),
    *(("hash", f"a car, seed {seed}", lambda seed=seed: random_scenes.car(seed, 480)) for seed in range(4)),
    *(("hash", f"a medley, seed {seed}", lambda seed=seed: random_scenes.medley(seed, 300)) for seed in range(10)),
    *(("hash", f"a crowd, seed {seed}", lambda seed=seed: random_scenes.crowd(seed, 300)) for seed in range(10)),
    *(("hash", f"a walker, seed {seed}", lambda seed=seed: walker(seed, 500)) for seed in range(12)),
]


def fnv1a(words: list[int]) -> int:
    """The 64-bit FNV-1a hash, taken over words instead of bytes."""
    value = 0xCBF29CE484222325
    for word in words:
        value = ((value ^ word) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def main() -> None:
    commands: list[str] = []
    recorded = bytearray()
    for mode, name, scene in SCENES:
        commands.append(f"scene {mode} {name}")
        stage = Stage()
        steps = 0
        for command in scene():
            commands.append(command)
            for words in stage.run(command):
                steps += 1
                if mode == "full":
                    recorded += struct.pack(f"<H{len(words)}I", len(words), *words)
                else:
                    recorded += struct.pack("<Q", fnv1a(words))
        print(f"{name}: {steps} steps")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "scenes.txt").write_text("\n".join(commands) + "\n")
    (FOLDER / "recorded.bin").write_bytes(recorded)


if __name__ == "__main__":
    main()
