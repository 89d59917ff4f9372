"""A file of rows that survives a kill: written as it goes, moved into place whole, resumed where it was cut off.

    results.csv.part           the first bytes of what results.csv will be
    results.csv.part.journal   one line for the run (what it belongs to), then one for each block of rows:
                               its rows, bytes and checksum, and the line's own checksum

A block counts once its line is whole and its checksum is that of the bytes in the .part file; both files are synced in
that order. Whatever lies behind the last block that counts was being written when the end came: it is cut off. So
rows are neither lost nor doubled, at whatever moment the process is killed. At the end the .part file is renamed, which
is atomic, and the journal removed; a journal without a .part file means nothing. Knows bytes and rows, not what they
mean; depends on errors and files only.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from evalengine.errors import InputError
from evalengine.files.whole import output_errors

_FORMAT = "evalengine-journal"
_VERSION = 1
_PIECE = 1 << 20
_PART, _JOURNAL = ".part", ".part.journal"


class Block(NamedTuple):
    """Some rows that were written together.

    Attributes:
        rows: how many.
        size: their bytes in the .part file.
        checksum: the CRC-32 of these bytes.
        steps: environment steps that they took.
        seconds: wall time that they took.
    """

    rows: int
    size: int
    checksum: int
    steps: int
    seconds: float


class Journal:
    """The two files of one run, open and locked; see `open_journal`.

    Attributes:
        part: the rows so far.
        notes: what was given when the run was started, read back where it is resumed.
        blocks: those that count, in their order.
    """

    def __init__(self, out: Path, notes: Mapping[str, Any], rows: BinaryIO, lines: BinaryIO) -> None:
        self.part = _part(out)
        self.notes = dict(notes)
        self.blocks: list[Block] = []
        self._out = out
        self._rows = rows
        self._lines = lines

    @property
    def rows(self) -> int:
        """How many rows the .part file has."""
        return sum(block.rows for block in self.blocks)

    def append(self, content: bytes, rows: int, steps: int, seconds: float) -> None:
        """Write a block of rows; once this returns, they survive the process and the machine.

        Raises:
            OutputError: a file cannot be written; the blocks before this one are safe.
        """
        block = Block(rows, len(content), zlib.crc32(content), steps, seconds)
        with output_errors(self._out):
            self._rows.write(content)
            _sync(self._rows)
            self._lines.write(_line(block._asdict()))
            _sync(self._lines)
        self.blocks.append(block)

    def finish(self) -> None:
        """Give the .part file its final name and remove the journal.

        Raises:
            OutputError: it cannot be renamed; both files are kept.
        """
        with output_errors(self._out):
            os.replace(self.part, self._out)
            _sync_folder(self._out.parent)
            os.unlink(_journal(self._out))

    def discard(self) -> None:
        """Remove both files: there is nothing to resume."""
        for path in (self.part, _journal(self._out)):
            with suppress(FileNotFoundError):
                os.unlink(path)


@contextmanager
def open_journal(out: Path, identity: Mapping[str, Any], notes: Mapping[str, Any]) -> Iterator[Journal]:
    """Open what an earlier run of the same identity left behind, or begin anew; the files stay when the block fails.

    Args:
        out: the final file; links are followed.
        identity: what the rows depend on, as JSON; a run with another one is not resumed.
        notes: what else shall be read back, as JSON.

    Raises:
        InputError: an unfinished run of another identity, a damaged or a foreign .part file, or another process that is
            writing it.
        OutputError: a file cannot be opened or written.
    """
    out = Path(os.path.realpath(out))
    with ExitStack() as files:
        with output_errors(out):
            lines = _open_for_update(_journal(out))
            files.callback(_close, lines)
            _lock(lines, out)
            if _part(out).exists():
                notes, blocks = _recorded(lines, out, _as_read_back(identity))
            else:
                notes, blocks = _begun(lines, out, identity, notes), []
            rows = _open_for_update(_part(out))
            files.callback(_close, rows)
            journal = Journal(out, notes, rows, lines)
            journal.blocks = _whole_blocks(rows, blocks)
            _cut(rows, sum(block.size for block in journal.blocks))
            _cut(lines, _length_of_lines(lines, 1 + len(journal.blocks)))
            if out.exists():
                os.chmod(journal.part, stat.S_IMODE(out.stat().st_mode))
            _sync_folder(out.parent)
        try:
            yield journal
        except BaseException:
            if not journal.blocks:  # nothing to resume
                journal.discard()
            raise


def is_of_a_run(path: Path) -> bool:
    """Say whether a file is called as the two of an unfinished run are."""
    return path.name.endswith((_PART, _JOURNAL))


def _part(out: Path) -> Path:
    return out.with_name(f"{out.name}{_PART}")


def _journal(out: Path) -> Path:
    return out.with_name(f"{out.name}{_JOURNAL}")


def _begun(lines: BinaryIO, out: Path, identity: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    """Write the line of a new run and return its notes as a later one will read them."""
    header = {"format": _FORMAT, "version": _VERSION, "identity": identity, "notes": notes}
    try:
        _cut(lines, 0)
        lines.write(_line(header))
        _sync(lines)
    except OSError:
        os.unlink(_journal(out))
        raise
    return _as_read_back(notes)


def _recorded(lines: BinaryIO, out: Path, identity: Mapping[str, Any]) -> tuple[dict[str, Any], list[Block]]:
    """Return the notes of the run in a journal, if it is the same run, and its blocks before the first torn line."""
    lines.seek(0)
    first = _parsed(lines.readline())
    part = _part(out)
    if first is None or first.get("format") != _FORMAT or first.get("version") != _VERSION:
        if os.fstat(lines.fileno()).st_size == 0:
            os.unlink(_journal(out))  # made by the open, a moment ago
        raise InputError(f"out: {part} exists and is no run that this version can resume: delete it to start over")
    found = first["identity"]
    for name in dict.fromkeys([*identity, *found]):
        begun, asked = found.get(name), identity.get(name)
        if begun != asked:
            raise InputError(
                f"out: {part} is a run with {name} {_shown(begun)}, this one has {_shown(asked)}: "
                "repeat its arguments to resume it, or delete that file to start over"
            )
    blocks = []
    while (entry := _parsed(lines.readline())) is not None:
        blocks.append(Block(**entry))
    return first["notes"], blocks


def _whole_blocks(rows: BinaryIO, blocks: list[Block]) -> list[Block]:
    """Return the blocks up to the first whose bytes are not those that were checked in."""
    rows.seek(0)
    for position, block in enumerate(blocks):
        checksum, left = 0, block.size
        while left and (piece := rows.read(min(left, _PIECE))):
            checksum = zlib.crc32(piece, checksum)
            left -= len(piece)
        if left or checksum != block.checksum:
            return blocks[:position]
    return blocks


def _as_read_back(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping as a later run reads it: its tuples are lists there."""
    read_back: dict[str, Any] = json.loads(json.dumps(value))
    return read_back


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return what a line of the journal says; None where it is torn, or not one of its lines."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
        return None
    entry: dict[str, Any] = json.loads(text)
    return entry


def _length_of_lines(lines: BinaryIO, count: int) -> int:
    lines.seek(0)
    return sum(len(lines.readline()) for _ in range(count))


def _cut(stream: BinaryIO, length: int) -> None:
    """Drop what lies behind `length` bytes, and write on from there."""
    stream.truncate(length)
    stream.seek(length)


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{json.dumps(value)[:80]}"


def _open_for_update(path: Path) -> BinaryIO:
    """Open a file for reading and writing, with what it has; it is made if it is not there."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")


def _close(stream: BinaryIO) -> None:
    """Close a file whose content that counts is synced; what a full disk did not take would be written once more."""
    with suppress(OSError):
        stream.close()


def _lock(lines: BinaryIO, out: Path) -> None:
    """Hold the journal for as long as it is open; the lock ends with the process, however that ends."""
    try:
        import fcntl
    except ImportError:  # not POSIX
        return
    try:
        fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"out: {_part(out)} is being written by another process: wait for it, or end it") from None
    if not os.path.samestat(os.fstat(lines.fileno()), os.stat(_journal(out))):
        raise InputError(f"out: {out} was finished by another process a moment ago: start again to replace it")


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make new and renamed files survive a power cut, where the system lets a folder be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
