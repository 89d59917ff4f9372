"""How many frames a video has, as FFmpeg decodes it; for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg


def frame_count(path: Path) -> int:
    """The frames of a .mp4 or .gif file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    shape = subprocess.run(
        [*command, "-vf", "scale=2:2", "-pix_fmt", "gray", "-f", "rawvideo", "-"], capture_output=True, check=True
    )
    return len(shape.stdout) // 4
