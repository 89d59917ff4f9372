"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from evalengine.errors import InputError, OutputError
from evalengine.files.whole import check_writable, file_path, write_whole, write_whole_by_name


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with write_whole(path) as stream:
        stream.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failing_block_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"old")
    with pytest.raises(error), write_whole(path) as stream:
        stream.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(OutputError) as refused, write_whole(path):
        raise OSError(28, "No space left on device")
    assert str(refused.value) == f"output: cannot write {path}: No space left on device"
    assert os.listdir(tmp_path) == []


def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "table.csv", tmp_path / "latest.csv"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with write_whole(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    with write_whole(tmp_path / "table.csv"):
        pass
    (tmp_path / "plain.csv").touch()
    assert (tmp_path / "table.csv").stat().st_mode == (tmp_path / "plain.csv").stat().st_mode


def test_devices_are_written_to_directly() -> None:
    """A terminal of the test's own: root could replace one of the machine's devices by a file."""
    ours, theirs = os.openpty()
    try:
        device = os.ttyname(theirs)
        check_writable(device)
        with write_whole(device) as stream:
            stream.write(b"shown")
        assert os.read(ours, 100) == b"shown"
        assert stat.S_ISCHR(os.stat(device).st_mode)
    finally:
        os.close(ours)
        os.close(theirs)


def test_pipes_are_written_to_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        check_writable(pipe)
        with write_whole(pipe) as stream:
            stream.write(b"sent")
        assert os.read(reader, 100) == b"sent"
        assert stat.S_ISFIFO(pipe.stat().st_mode)
    finally:
        os.close(reader)


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "table.csv")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("write", [check_writable, lambda path: write_whole(path).__enter__()])
def test_what_cannot_be_written_is_refused_before_any_work(tmp_path: Path, write: object) -> None:
    assert callable(write)
    file = tmp_path / "file"
    file.touch()
    refusals = {
        tmp_path: f"output: expected a file, got the folder {tmp_path}",
        tmp_path / "none" / "t.csv": f"output: cannot write {tmp_path}/none/t.csv: no folder {tmp_path}/none",
        file / "t.csv": f"output: cannot write {file}/t.csv: Not a directory",
        tmp_path / ("n" * 300): f"output: cannot write {tmp_path}/{'n' * 300}: File name too long",
    }
    for path, message in refusals.items():
        with pytest.raises(OutputError) as refused:
            write(path)
        assert str(refused.value) == message


def test_a_write_protected_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    path.touch()
    # Root may write everything, so the answer of the system is given here.
    monkeypatch.setattr(os, "access", lambda target, mode: not (Path(target) == path and mode == os.W_OK))
    with pytest.raises(OutputError) as refused:
        check_writable(path)
    assert str(refused.value) == f"output: cannot write {path}: the existing file is write-protected"


def test_a_read_only_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError) as refused:
        check_writable(tmp_path / "table.csv")
    assert str(refused.value) == f"output: cannot write {tmp_path}/table.csv: Permission denied"


# For programs that open files by name


def test_a_named_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path, link = tmp_path / "video.mp4", tmp_path / "latest.mp4"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with write_whole_by_name(link) as beside:
        assert (beside.parent, beside.stat().st_size) == (path.parent, 0)
        beside.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert link.is_symlink() and path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["latest.mp4", "video.mp4"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failing_block_drops_the_named_file(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), write_whole_by_name(tmp_path / "video.mp4") as beside:
        beside.write_bytes(b"half")
        raise error
    assert os.listdir(tmp_path) == []


def test_a_program_cannot_go_back_in_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(OutputError, match=r"^output: expected a regular file, got .*pipe$"),
        write_whole_by_name(tmp_path / "pipe"),
    ):
        pytest.fail("the block ran")


class Recorder:
    """Records when files are synced, and what they held then, and when they take their final names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, int, int]] = []
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "replace", self.replace)

    def fsync(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        self.events.append(("synced", found.st_ino, found.st_size))
        self._fsync(descriptor)

    def replace(self, beside: str, path: str) -> None:
        found = os.stat(beside)
        self.events.append(("replaced", found.st_ino, found.st_size))
        self._replace(beside, path)


def test_content_is_on_the_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut would leave an empty file in the place of the one that was there."""
    recorder = Recorder(monkeypatch)
    with write_whole(tmp_path / "table.csv") as stream:
        stream.write(b"new")
    inode = (tmp_path / "table.csv").stat().st_ino
    assert recorder.events == [("synced", inode, 3), ("replaced", inode, 3)]


def test_what_another_program_wrote_is_on_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    with write_whole_by_name(tmp_path / "video.mp4") as beside:
        beside.write_bytes(b"frames")
    inode = (tmp_path / "video.mp4").stat().st_ino
    assert recorder.events == [("synced", inode, 6), ("replaced", inode, 6)]


def test_names_of_files_do_not_speak_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b[2J").mkdir()
    with pytest.raises(OutputError) as refused:
        check_writable(tmp_path / "a\n\x1b[2J")
    assert str(refused.value) == rf"output: expected a file, got the folder {tmp_path}/a\n\x1b[2J"


@pytest.mark.parametrize("value", [None, 5, b"best.npy", "a\0b", "a\ud800", ["best.npy"]])
def test_what_is_no_name_of_a_file(value: object) -> None:
    with pytest.raises(InputError) as refused:
        file_path("weights", value)
    assert str(refused.value) == f"weights: expected the name of a file, got {value!r}"


@pytest.mark.parametrize("value", ["best.npy", Path("best.npy"), "caf\udce9.npy"])
def test_names_of_files(value: str | Path) -> None:
    assert file_path("weights", value) == Path(value)
