"""The picture at the top of README.md: trained individuals, as `evalengine replay --video` shows them, side by side.

    python scripts/make_gif.py docs/trained.gif      what `make gif` runs

Each panel is one episode of a committed file of weights, played in the real Gymnasium and equal to evaluate's to the
bit, or `replay` ends with 1. Panels have the same height and speed, and the shorter ones hold their last frame.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

ROOT = Path(__file__).resolve().parent.parent
PANELS = (("lunarlander", 3), ("bipedalwalker", 0), ("carracing", 0), ("acrobot", 1))
"""File in examples/weights, and the seed of the episode."""

HEIGHT, FRAMES_PER_SECOND, SECONDS, COLOURS = 160, 10, 8, 48
"""Of the picture; what makes it small."""


def main() -> int:
    """Record the episodes and put them together; returns the exit status."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        videos = [Path(folder) / f"{name}.mp4" for name, _ in PANELS]
        for (name, seed), video in zip(PANELS, videos, strict=True):
            weights = ROOT / "examples" / "weights" / f"{name}.npy"
            command = ["replay", str(weights), "--seed", str(seed), "--video", str(video)]
            subprocess.run([sys.executable, "-m", "evalengine", *command], check=True)
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *_arguments(videos, target)], check=True)
    return 0


def _arguments(videos: list[Path], target: Path) -> list[str]:
    panels = [
        f"[{index}:v]fps={FRAMES_PER_SECOND},scale=-2:{HEIGHT}:flags=area,"
        f"tpad=stop_mode=clone:stop_duration={SECONDS},trim=duration={SECONDS},setpts=PTS-STARTPTS[v{index}]"
        for index in range(len(videos))
    ]
    beside = "".join(f"[v{index}]" for index in range(len(videos))) + f"hstack=inputs={len(videos)}"
    palette = f"split[a][b];[a]palettegen=max_colors={COLOURS}[p];[b][p]paletteuse=dither=none"
    inputs = [argument for video in videos for argument in ("-i", str(video))]
    return [
        "-y",
        "-loglevel",
        "error",
        *inputs,
        "-filter_complex",
        ";".join([*panels, f"{beside},{palette}"]),
        str(target),
    ]


if __name__ == "__main__":
    sys.exit(main())
