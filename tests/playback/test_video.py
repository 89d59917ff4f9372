"""Videos: every frame, in order, in a file that is there whole or not at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine.errors import InputError, MissingDependencyError, OutputError
from evalengine.playback.video import check_video, write_video

COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (255, 255, 0)], np.uint8)
SUFFIXES = (".mp4", ".gif")


def frame(number: int, height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    """A frame of one colour."""
    return np.full((height, width, 3), COLOURS[number % len(COLOURS)], np.uint8)


def read(path: Path, height: int = 40, width: int = 60) -> tuple[list[NDArray[np.uint8]], str]:
    """The frames of a video, decoded one by one, and what ffmpeg says of it."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-fps_mode", "passthrough"]
    command += ["-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    finished = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    frames = np.frombuffer(finished.stdout, np.uint8).reshape(-1, height, width, 3)
    return list(frames), finished.stderr.decode()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("fps", [50.0, 10.0])
def test_every_frame_is_there_in_order(suffix: str, fps: float, tmp_path: Path) -> None:
    path = tmp_path / f"video{suffix}"
    with write_video(path, fps) as writer:
        for number in range(23):
            writer.add(frame(number))
    seen, header = read(path)
    assert writer.frames == 23
    assert re.search(rf", 60x40\b.*, {fps:g} fps, ", header)
    # H.264 is lossy, and its colours are halved in size: which of the six it is cannot be mistaken.
    nearest = [int(np.abs(COLOURS - image.mean(axis=(0, 1))).sum(axis=1).argmin()) for image in seen]
    assert nearest == [number % len(COLOURS) for number in range(23)]
    assert names(tmp_path) == [path.name]


def test_a_gif_keeps_flat_colours(tmp_path: Path) -> None:
    board = np.kron(np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    with write_video(tmp_path / "board.gif", 10.0) as writer:
        writer.add(board)
        writer.add(board[::-1])
    [first, second], _ = read(tmp_path / "board.gif", 40, 56)
    # ffmpeg's palettegen takes colours to OkLab and back, which may round each channel by one.
    for seen, shown in ((first, board), (second, board[::-1])):
        assert np.abs(seen.astype(int) - shown).max() <= 1


def test_frames_last_as_long_as_they_should(tmp_path: Path) -> None:
    """Acrobot's 15 frames a second are 6.67 hundredths each, of which a GIF has whole ones only."""
    with write_video(tmp_path / "slow.gif", 15.0) as writer:
        for number in range(31):
            writer.add(frame(number))
    content = (tmp_path / "slow.gif").read_bytes()
    controls = [content[place + 4] + 256 * content[place + 5] for place in find(content, b"\x21\xf9\x04")]
    assert len(controls) == 31
    assert set(controls) <= {6, 7}
    assert sum(controls[:30]) == 200


def find(content: bytes, mark: bytes) -> list[int]:
    return [place for place in range(len(content)) if content.startswith(mark, place)]


def test_odd_sides_are_no_obstacle(tmp_path: Path) -> None:
    with write_video(tmp_path / "odd.mp4", 10.0) as writer:
        writer.add(frame(3, height=41, width=63))
    [image], _ = read(tmp_path / "odd.mp4", 42, 64)
    assert image[:40, :62].min() > 200 and image[41].max() < 60


def test_an_upper_case_suffix_is_one(tmp_path: Path) -> None:
    with write_video(tmp_path / "VIDEO.GIF", 10.0) as writer:
        writer.add(frame(0))
    assert len(read(tmp_path / "VIDEO.GIF")[0]) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_no_part_of_a_video(suffix: str, error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / f"video{suffix}"
    path.write_bytes(b"earlier")

    def interrupted() -> None:
        with write_video(path, 50.0) as writer:
            for number in range(300):
                writer.add(frame(number))
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_bytes() == b"earlier"
    assert names(tmp_path) == [path.name]


def test_no_frame_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="expected at least one frame, got none"), write_video(tmp_path / "v.mp4", 9):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((40, 60, 4), np.uint8), r"\(40, 60, 4\) of uint8"),
        (np.zeros((40, 60), np.uint8), r"\(40, 60\) of uint8"),
        (np.zeros((40, 60, 3), np.float32), r"\(40, 60, 3\) of float32"),
    ],
)
def test_what_is_no_frame_is_refused(image: Any, got: str, tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=rf"^video: expected frames \(height, width, 3\) of uint8, got {got}$"),
        write_video(tmp_path / "v.mp4", 10.0) as writer,
    ):
        writer.add(image)
    assert names(tmp_path) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"^video: expected frames \(40, 60, 3\) of uint8, got \(60, 40, 3\) of uint8$"),
        write_video(tmp_path / "v.gif", 10.0) as writer,
    ):
        writer.add(frame(0))
        writer.add(frame(0, 60, 40))
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["v.avi", "v", "v.mp4.txt", ".mp4"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        check_video(tmp_path / name)
    assert str(refused.value) == f"video: expected a name ending in .mp4 or .gif, got {tmp_path / name}"
    assert names(tmp_path) == []


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, message in (
        ("missing/v.mp4", "no folder"),
        ("folder.mp4", "expected a file, got the folder"),
        ("pipe.mp4", "expected a regular file, got"),
    ):
        with pytest.raises(OutputError, match=message):
            check_video(tmp_path / name)


def test_without_imageio_ffmpeg_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(
        MissingDependencyError, match=r"^imageio-ffmpeg is not installed: pip install 'evalengine\[video"
    ):
        check_video(tmp_path / "v.mp4")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_fills_up_leaves_no_part_of_a_video(suffix: str, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    code = (
        "import sys, numpy as np; from pathlib import Path; from evalengine.playback.video import write_video\n"
        "rng = np.random.default_rng(0)\n"
        "with write_video(Path(sys.argv[1]), 10.0) as writer:\n"
        "    for _ in range(20): writer.add(rng.integers(0, 256, (200, 300, 3), np.uint8))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, tmp_path / f"v{suffix}"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    last = finished.stderr.splitlines()[-1]
    assert finished.returncode == 1
    assert last.startswith(f"evalengine.errors.OutputError: output: cannot write {tmp_path / f'v{suffix}'}: ffmpeg: ")
    assert names(tmp_path) == []
