"""Reading nothing but regular files, and writing files whole or not at all.

Results appear under their final name only once they are complete: they are written beside it and moved into place.
Depends on messages and errors.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from evalengine.errors import InputError, OutputError
from evalengine.messages import named, shown


def file_path(name: str, value: object) -> Path:
    """Return what a caller passes as the name of a file.

    Raises:
        InputError: it is no text and no path, or one that the system cannot have; the message calls it `name`.
    """
    try:
        path = Path(value) if isinstance(value, str | os.PathLike) else None
        is_possible = path is not None and b"\0" not in os.fsencode(path)
    except Exception:  # a path of the caller's own; a lone surrogate that stands for no byte
        is_possible = False
    if not is_possible or path is None:
        raise InputError(f"{name}: expected the name of a file, got {shown(value)}")
    return path


@contextmanager
def open_regular(path: Path, name: str) -> Iterator[tuple[BinaryIO, int]]:
    """Yield a file opened for reading, and its size.

    A pipe would make the open wait for a writer, and a device may have no end: neither is opened.

    Raises:
        FileNotFoundError: there is none.
        InputError: it is no regular file or cannot be read; the message begins with `name`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{name}: expected a regular file, got a folder or a device")
        with path.open("rb") as stream:
            yield stream, os.fstat(stream.fileno()).st_size
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from None


def check_other_file(option: str, output: Path, read: Path, what: str) -> None:
    """Refuse an output that is what is read, by whatever name: another spelling, a symbolic or a hard link.

    Args:
        option: the output's name, for the message.
        output: where it is to be written.
        read: what shall be kept, which need not exist: if the output made it, it would be read the next time.
        what: what that is, for the message.

    Raises:
        InputError: both are one file.
        OutputError: there can be no file of the output's name.
    """
    with output_errors(output):
        is_one = os.path.realpath(output) == os.path.realpath(read)
        is_one = is_one or (output.exists() and read.exists() and output.samefile(read))
    if is_one:
        raise InputError(f"{option}: expected another file than {what}, got {named(output)}")


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that `write_whole` could not write, by trying: an empty file is made beside it and removed.

    Raises:
        OutputError: the folder is missing or read-only, the path is a folder, or the existing file is write-protected.
    """
    with output_errors(path):
        if is_special(path):
            return
        beside, descriptor = _open_beside(path)
        os.close(descriptor)
        os.unlink(beside)


@contextmanager
def write_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file whose content replaces `path` when the block ends, and is dropped when the block fails.

    A pipe or a device (`/dev/stdout`) is written to directly: there is nothing to replace.

    Raises:
        OutputError: the file cannot be written (also when the disk is full).
    """
    with output_errors(path):
        if is_special(path):
            with open(path, "wb") as stream:
                yield stream
            return
        with _replacing(path) as (_, descriptor), os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())


@contextmanager
def write_whole_by_name(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the name of an empty file that another program fills; it becomes `path`, or is dropped, as above.

    Raises:
        OutputError: the file cannot be written, or `path` is a pipe or a device, in which such programs cannot go back.
    """
    with output_errors(path):
        if is_special(path):
            raise OutputError(f"output: expected a regular file, got {named(path)}")
        with _replacing(path) as (beside, descriptor):
            try:
                yield beside
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextmanager
def _replacing(path: str | os.PathLike[str]) -> Iterator[tuple[Path, int]]:
    """Create a file beside `path`, by name and open descriptor, which takes its place if the block succeeds."""
    beside, descriptor = _open_beside(path)
    try:
        yield beside, descriptor
        os.replace(beside, os.path.realpath(path))
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


@contextmanager
def output_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says of a file that cannot be written into an `OutputError` that names `path`."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"output: cannot write {named(path)}: {error.strerror or error}") from None


def is_special(path: str | os.PathLike[str]) -> bool:
    """Say whether `path` exists as something other than a regular file.

    Raises:
        OutputError: it is a folder.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise OutputError(f"output: expected a file, got the folder {named(path)}")
    return not stat.S_ISREG(mode)


def _open_beside(path: str | os.PathLike[str]) -> tuple[Path, int]:
    """Create an empty file in the folder of `path` (links followed), with the mode that the final file will have."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(f"output: cannot write {named(path)}: no folder {named(target.parent)}")
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(f"output: cannot write {named(path)}: the existing file is write-protected")
    beside = target.with_name(f".evalengine-{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    if target.exists():
        os.chmod(beside, stat.S_IMODE(target.stat().st_mode))
    return beside, descriptor
