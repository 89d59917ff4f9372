"""The two files of an unfinished run: whatever is torn off or changed is found, and what stands is kept."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from evalengine.errors import InputError, OutputError
from evalengine.files import journal as journal_module
from evalengine.files.journal import open_journal

pytestmark = pytest.mark.usefixtures("no_syncs")

IDENTITY = {"env": "CartPole-v1", "seeds": (1, 2)}
BLOCKS = (b"head\nfirst\n", b"second\n", b"third row\n")


class Stop(Exception):
    """Ends a run in the middle, as an error of the machine would."""


def written(out: Path) -> tuple[bytes, bytes]:
    """Leave an unfinished run of three blocks behind; returns its two files."""
    with pytest.raises(Stop), open_journal(out, IDENTITY, {"begun": "first"}) as journal:
        for block in BLOCKS:
            journal.append(block, rows=1, steps=10, seconds=0.5)
        raise Stop
    return out.with_name("out.csv.part").read_bytes(), out.with_name("out.csv.part.journal").read_bytes()


def resumed(out: Path) -> int:
    """Resume, check what is there, write what is missing, finish, check it all; returns how many blocks were kept."""
    with open_journal(out, IDENTITY, {"begun": "second"}) as journal:
        kept = journal.rows
        assert journal.notes == {"begun": "first"} or kept == 0
        assert journal.part.read_bytes() == b"".join(BLOCKS[:kept])
        for block in BLOCKS[kept:]:
            journal.append(block, rows=1, steps=10, seconds=0.5)
        assert (journal.rows, sum(block.steps for block in journal.blocks)) == (3, 30)
        journal.finish()
    assert out.read_bytes() == b"".join(BLOCKS)
    assert list(out.parent.glob("*.part*")) == []
    return kept


def test_every_torn_end_is_found(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    part, lines = written(out)
    assert part == b"".join(BLOCKS)
    header = lines.index(b"\n") + 1
    kept = []
    for length in range(header, len(lines) + 1):
        out.with_name("out.csv.part").write_bytes(part)
        out.with_name("out.csv.part.journal").write_bytes(lines[:length])
        kept.append(resumed(out))
    assert kept == sorted(kept) and set(kept) == {0, 1, 2, 3} and kept.count(3) == 1
    kept = []
    for length in range(len(part) + 1):
        out.with_name("out.csv.part").write_bytes(part[:length])
        out.with_name("out.csv.part.journal").write_bytes(lines)
        kept.append(resumed(out))
    assert kept == sorted(kept) and set(kept) == {0, 1, 2, 3} and kept.count(3) == 1


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    part, lines = written(out)
    for position in range(len(part)):
        changed = bytearray(part)
        changed[position] ^= 1
        out.with_name("out.csv.part").write_bytes(changed)
        out.with_name("out.csv.part.journal").write_bytes(lines)
        assert resumed(out) == sum(position >= len(b"".join(BLOCKS[: count + 1])) for count in range(3))
    for position in range(lines.index(b"\n") + 1, len(lines)):
        changed = bytearray(lines)
        changed[position] ^= 1
        out.with_name("out.csv.part").write_bytes(part + b"torn")
        out.with_name("out.csv.part.journal").write_bytes(changed)
        assert resumed(out) < 3


def test_a_foreign_or_headless_part_is_left_alone(tmp_path: Path) -> None:
    out, part = tmp_path / "out.csv", tmp_path / "out.csv.part"
    message = (
        f"^out: {re.escape(str(part))} exists and is no run that this version can resume: delete it to start over$"
    )
    part.write_bytes(b"somebody's download")
    with pytest.raises(InputError, match=message), open_journal(out, IDENTITY, {}):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv.part"]
    assert part.read_bytes() == b"somebody's download"
    part.unlink()
    _, lines = written(out)
    (tmp_path / "out.csv.part.journal").write_bytes(lines[:20])
    with pytest.raises(InputError, match=message), open_journal(out, IDENTITY, {}):
        pass


def test_one_process_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with open_journal(out, IDENTITY, {"begun": "first"}) as journal:
        journal.append(BLOCKS[0], rows=1, steps=10, seconds=0.5)
        with (
            pytest.raises(InputError, match=r"is being written by another process: wait for it, or end it$"),
            open_journal(out, IDENTITY, {}),
        ):
            pass
        journal.append(BLOCKS[1], rows=1, steps=10, seconds=0.5)
        journal.append(BLOCKS[2], rows=1, steps=10, seconds=0.5)
        journal.finish()
    assert out.read_bytes() == b"".join(BLOCKS)


def test_a_run_that_another_process_finished_while_this_one_opened_it_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is had, but of a journal that is gone: rows would be written to files without a name."""
    out = tmp_path / "out.csv"
    opened = journal_module._open_for_update

    def late(path: Path) -> Any:
        lines = opened(path)
        with monkeypatch.context() as patched:
            patched.setattr(journal_module, "_open_for_update", opened)
            with open_journal(out, IDENTITY, {}) as other:
                other.append(b"theirs\n", rows=1, steps=10, seconds=0.5)
                other.finish()
        out.with_name("out.csv.part.journal").write_bytes(b"")  # a third process has begun
        return lines

    monkeypatch.setattr(journal_module, "_open_for_update", late)
    message = f"^out: {re.escape(str(out))} was finished by another process a moment ago: start again to replace it$"
    with pytest.raises(InputError, match=message), open_journal(out, IDENTITY, {}):
        pass
    assert out.read_bytes() == b"theirs\n"


def test_a_link_keeps_pointing_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "real.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    with open_journal(link, IDENTITY, {}) as journal:
        journal.append(b"new", rows=1, steps=1, seconds=0.1)
        assert target.read_text() == "old"
        journal.finish()
    assert link.is_symlink() and target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_missing_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^output: cannot write "), open_journal(tmp_path / "no" / "x.csv", {}, {}):
        pass


def test_a_byte_in_any_piece_of_a_long_block_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_PIECE", 4)
    out = tmp_path / "out.csv"
    part, _ = written(out)
    assert resumed(out) == len(BLOCKS)
    for position in range(len(BLOCKS[0])):
        written(out)
        written_anew = bytearray(part)
        written_anew[position] ^= 1
        out.with_name("out.csv.part").write_bytes(written_anew)
        assert resumed(out) == 0


@pytest.mark.parametrize("changed", [{"format": "another"}, {"version": 2}])
def test_a_journal_of_another_format_or_version_is_not_resumed(tmp_path: Path, changed: dict[str, Any]) -> None:
    out = tmp_path / "out.csv"
    _, lines = written(out)
    first, rest = lines.split(b"\n", 1)
    header = json.loads(first.split(b" ", 1)[1]) | changed
    text = json.dumps(header).encode()
    out.with_name("out.csv.part.journal").write_bytes(b"%08x %s\n" % (zlib.crc32(text), text) + rest)
    with pytest.raises(InputError, match="no run that this version can resume"), open_journal(out, IDENTITY, {}):
        pass
