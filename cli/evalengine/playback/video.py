"""Frames of an episode as a .mp4 or .gif file, whole or not at all.

    frames (height, width, 3) uint8, one by one ──► VideoWriter ──► ffmpeg ──► file

The encoder is the ffmpeg that imageio-ffmpeg brings, run here rather than by that package, which does not look at its
exit status: a full disk would leave half a video without a word. Frames go to it as they come; none is kept. Depends
on files and errors; knows nothing of episodes.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import InputError, MissingDependencyError, OutputError
from evalengine.files.whole import check_writable, write_whole_by_name
from evalengine.messages import named

# yuv420p is what every player shows; it halves both sides, so odd ones get a black line.
_MP4 = ("-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2")
# A palette for each frame: one for all of them would keep all of them in memory until the last is there. Renderings are
# flat colours, which dithering would only blur. No flags: the encoder leaves out pixels that keep their place in the
# palette, which here is another one from frame to frame, so that a frame could keep the colours of the one before.
_GIF = ("-vf", "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none", "-gifflags", "0")
ENCODINGS = {
    ".mp4": (*_MP4, "-movflags", "+faststart", "-f", "mp4"),
    ".gif": (*_GIF, "-f", "gif"),
}
"""Suffix of a file -> ffmpeg's options for it."""


def check_video(path: Path) -> None:
    """Refuse a path that `write_video` could not write.

    Raises:
        InputError: another suffix than .mp4 and .gif.
        OutputError: a file there cannot be written.
        MissingDependencyError: imageio-ffmpeg is not installed.
    """
    if path.suffix.lower() not in ENCODINGS:
        raise InputError(f"video: expected a name ending in .mp4 or .gif, got {named(path)}")
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OutputError(f"output: expected a regular file, got {named(path)}")
    check_writable(path)
    _ffmpeg()


@contextmanager
def write_video(path: Path, fps: float) -> Iterator[VideoWriter]:
    """Yield a writer whose frames become the video `path` when the block ends, and are dropped when it fails.

    Args:
        path: ends in .mp4 or .gif.
        fps: frames per second. A GIF counts in hundredths of a second, so its frames last one more or one less.

    Raises:
        InputError: see `check_video`.
        MissingDependencyError: see `check_video`.
        OutputError: the file cannot be written, or there was no frame.
    """
    check_video(path)
    with write_whole_by_name(path) as beside:
        writer = VideoWriter(path, beside, fps)
        try:
            yield writer
            writer.finish()
        finally:
            writer.stop()


class VideoWriter:
    """Hands frames to ffmpeg; made by `write_video`.

    Attributes:
        frames: how many there were so far.
    """

    def __init__(self, path: Path, beside: Path, fps: float) -> None:
        """Remember where the video goes; ffmpeg is started with the first frame, whose size it needs."""
        self.frames = 0
        self._path = path
        self._beside = beside
        self._fps = fps
        self._shape: tuple[int, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Append one frame (height, width, 3), RGB.

        Raises:
            InputError: it is no such frame, or not of the first one's size.
            OutputError: ffmpeg has given up.
        """
        image = np.ascontiguousarray(frame)
        expected = self._shape or "(height, width, 3)"
        fits = image.shape == self._shape if self._shape else image.ndim == 3 and image.shape[2] == 3
        if image.dtype != np.uint8 or not fits:
            raise InputError(f"video: expected frames {expected} of uint8, got {image.shape} of {named(image.dtype)}")
        if self._process is None:
            self._shape = image.shape
            self._process = self._start(*image.shape[:2])
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(image.data)
        except BrokenPipeError:
            raise self._failure() from None
        self.frames += 1

    def finish(self) -> None:
        """Wait until ffmpeg has written the last frame.

        Raises:
            OutputError: it could not, or there was none.
        """
        if self._process is None:
            raise OutputError(f"output: cannot write {self._path}: expected at least one frame, got none")
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            raise self._failure() from None
        if self._process.wait() != 0:
            raise self._failure()

    def stop(self) -> None:
        """End ffmpeg, if it still runs, and forget what it said."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            with suppress(OSError):  # what it did not read any more
                if self._process.stdin is not None:
                    self._process.stdin.close()
        if self._complaints is not None:
            self._complaints.close()

    def _start(self, height: int, width: int) -> subprocess.Popen[bytes]:
        raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(self._fps), "-i", "-")
        encoding = ENCODINGS[self._path.suffix.lower()]
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `stop`
        return subprocess.Popen(
            [_ffmpeg(), "-y", "-v", "error", *raw, "-an", *encoding, os.fspath(self._beside)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            # Ctrl-C in a terminal is sent to the whole group; this process ends when we end it.
            start_new_session=True,
        )

    def _failure(self) -> OutputError:
        assert self._process is not None and self._complaints is not None
        status = self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").split("\n")
        said = next((line.strip() for line in lines if line.strip()), f"exit status {status}")
        return OutputError(f"output: cannot write {self._path}: ffmpeg: {said}")


def _ffmpeg() -> str:
    """Return the program's path."""
    try:
        import imageio_ffmpeg
    except ImportError:
        raise MissingDependencyError.of("imageio-ffmpeg", extra="video") from None
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:  # a platform for which its wheel has no program, and none on PATH
        raise MissingDependencyError.of("ffmpeg", extra="video") from None
