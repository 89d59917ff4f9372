"""Reading arrays from hostile bytes: nothing runs, nothing takes memory that the file does not have."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.files.arrays import ArrayFile, read_npy, read_npz, read_safetensors, write_safetensors

POPULATION = np.random.default_rng(0).random((3, 58), dtype=np.float32)
SUFFIXES = ["npy", "npz", "safetensors"]
TERABYTES = 10**12


def read(suffix: str, content: bytes | bytearray) -> ArrayFile:
    """Read a file's bytes as `load_weights` does."""
    stream = io.BytesIO(content)
    if suffix == "npy":
        return ArrayFile({"weights": read_npy(stream, len(content), "file")}, {})
    return (read_npz if suffix == "npz" else read_safetensors)(stream, len(content), "file")


def refusal(suffix: str, content: bytes | bytearray) -> str:
    """Return the one line with which a file is refused, without "file: " before it."""
    with pytest.raises(InputError) as refused:
        read(suffix, content)
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith("file: ")
    return message.removeprefix("file: ")


def npy_bytes(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy_header(shape: object, descr: str = "<f4", version: int = 1) -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header


def npz_bytes(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def safetensors_bytes(header: object, values: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


def tensor(shape: list[Any], begin: Any, end: Any, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def file_bytes(suffix: str) -> bytes:
    """Return a sound file with POPULATION in it."""
    if suffix == "npy":
        return npy_bytes(POPULATION)
    if suffix == "npz":
        return npz_bytes({"weights.npy": npy_bytes(POPULATION)})
    stream = io.BytesIO()
    write_safetensors(stream, {"weights": POPULATION}, {"format": "pt"})
    return stream.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sound_files_are_read(suffix: str) -> None:
    array = read(suffix, file_bytes(suffix)).arrays["weights"]
    assert np.array_equal(array, POPULATION)
    assert array.flags.writeable


def test_version_2_headers_are_read() -> None:
    assert read("npy", npy_header((2,), version=2) + struct.pack("<ff", 1, 2)).arrays["weights"].tolist() == [1, 2]


def test_safetensors_are_read_in_any_order_and_dtype() -> None:
    header = {"a": tensor([2, 4], 4, 68, "F64"), "b": tensor([2], 0, 4, "F16")}
    values = np.array([8, 9], "<f2").tobytes() + np.arange(8, dtype="<f8").tobytes()
    arrays = read("safetensors", safetensors_bytes(header, values)).arrays
    assert arrays["a"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert arrays["b"].tolist() == [8, 9]


def test_an_archive_without_members_has_no_arrays() -> None:
    assert read("npz", npz_bytes({})) == ({}, {})


def test_strings_are_kept_beside_the_tensors() -> None:
    assert read("safetensors", file_bytes("safetensors")).metadata == {"format": "pt"}


def test_the_data_of_safetensors_are_aligned() -> None:
    for key in ("w", "we", "weights"):
        stream = io.BytesIO()
        write_safetensors(stream, {key: POPULATION}, {})
        assert stream.getvalue().index(POPULATION.tobytes()) % 8 == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_truncation_is_refused(suffix: str) -> None:
    content = file_bytes(suffix)
    for length in range(len(content)):
        refusal(suffix, content[:length])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_damaged_byte_is_refused_or_harmless(suffix: str) -> None:
    content = file_bytes(suffix)
    refused = 0
    for position in [*range(200), *range(len(content) - 150, len(content))]:
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        try:
            read(suffix, damaged)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 50


@pytest.mark.parametrize("suffix", ["npy", "safetensors"])
def test_bytes_after_the_end_are_refused(suffix: str) -> None:
    content = file_bytes(suffix)
    message = refusal(suffix, content + b"more")
    assert message.startswith(f"expected {len(content)} bytes ")
    assert message.endswith(f", got {len(content) + 4}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"a", b"generation,fitness\n1,2.0\n" * 40, bytes(1000), b"\xff" * 1000])
def test_bytes_of_something_else_are_refused(suffix: str, content: bytes) -> None:
    assert refusal(suffix, content).startswith(f"expected a .{suffix}")


class Attack:
    """Unpickling an instance would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_object_arrays_are_refused_unopened(tmp_path: Path) -> None:
    content = npy_bytes(np.array([Attack(tmp_path / "trace")], dtype=object))
    message = "expected an array of floats, got Python objects, which are never unpickled"
    assert refusal("npy", content) == message
    assert refusal("npz", npz_bytes({"weights.npy": content})) == f"weights.npy: {message}"
    assert not (tmp_path / "trace").exists()


@pytest.fixture
def no_large_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make any attempt to allocate more than a megabyte fail the test."""
    empty = np.empty

    def small(shape: Any, *arguments: Any, **options: Any) -> NDArray[Any]:
        assert np.prod(np.atleast_1d(shape).astype(float)) < 1e6
        return empty(shape, *arguments, **options)

    monkeypatch.setattr(np, "empty", small)


@pytest.mark.usefixtures("no_large_arrays")
@pytest.mark.parametrize(
    ("shape", "promised"), [((TERABYTES, 4), 16 * TERABYTES), ((2**62, 8), 2**67), ((2,), 8), ((0, 4), 0)]
)
def test_npy_headers_are_compared_with_the_file(shape: tuple[int, ...], promised: int) -> None:
    header = npy_header(shape)
    expected, got = len(header) + promised, len(header) + 1
    assert refusal("npy", header + b"x") == f"expected {expected} bytes for float32 of shape {shape}, got {got}"


MALFORMED = "expected a .npy array, got a malformed header: "
DIMENSIONS = "expected at most 4 dimensions of 0 to 2**63 - 1, got others"


@pytest.mark.usefixtures("no_large_arrays")
@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"\x93NUMPX\x01\x00", "expected a .npy array, got 8 bytes that start otherwise"),
        (b"\x93NUMPY\x01", "expected a .npy array, got 7 bytes that start otherwise"),
        (b"\x93NUMPY\x03\x00", "expected .npy version 1.0 or 2.0, got 3.0"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "expected a .npy array, got a header of 65535 bytes in 11 bytes"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
            "expected a .npy array, got a header of 4294967295 bytes in 13 bytes",
        ),
        (npy_header("(1,) * 3"), MALFORMED),
        (npy_header("('2',)"), MALFORMED),
        (npy_header((2,), descr="no dtype"), MALFORMED),
        (npy_header((2,)).replace(b"descr", b"descx"), MALFORMED),
        (npy_header("(" * 5000), MALFORMED),
        (npy_header("-" * 9000 + "1"), MALFORMED),
        (npy_header("1" * 20000), MALFORMED),
        (npy_header((-1, -1)), DIMENSIONS),
        (npy_header((0, 2**63)), DIMENSIONS),
        (npy_header((1, 1, 1, 1, 1)), DIMENSIONS),
        (npy_header("(0x" + "f" * 9000 + ",)"), DIMENSIONS),
        (npy_header((0, 2**62, 2**62)), f"expected a shape that numpy can hold, got (0, {2**62}, {2**62})"),
    ],
)
def test_malformed_npy_headers_are_refused(header: bytes, message: str) -> None:
    assert refusal("npy", header).startswith(message)
    assert refusal("npz", npz_bytes({"weights.npy": header})).startswith(f"weights.npy: {message}")


@pytest.mark.usefixtures("no_large_arrays")
def test_npz_members_that_promise_too_much_are_refused() -> None:
    size = len(npy_header((TERABYTES, 4)))
    assert refusal("npz", npz_bytes({"weights.npy": npy_header((TERABYTES, 4))})) == (
        f"weights.npy: expected {size + 16 * TERABYTES} bytes for float32 of shape (1000000000000, 4), got {size}"
    )
    # The same lie told by the archive's directory too.
    content = bytearray(npz_bytes({"weights.npy": npy_header((10**9,)) + bytes(8)}, zipfile.ZIP_DEFLATED))
    promised = len(npy_header((10**9,))) + 4 * 10**9
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", promised)
    assert refusal("npz", content) == (
        f"weights.npy: expected a member that fits an archive of {len(content)} bytes, got {promised} bytes promised"
    )
    # And of its compressed size.
    content[directory + 20 : directory + 24] = struct.pack("<I", 2**31)
    assert "expected a member that fits an archive" in refusal("npz", content)


@pytest.mark.parametrize("excess", [0, 1])
def test_a_member_may_promise_what_deflate_can_hold(excess: int) -> None:
    """Deflate shrinks nothing to less than its 1032nd part; a directory that promises more lies."""
    content = bytearray(npz_bytes({"weights.npy": npy_bytes(np.zeros(1000, np.float32))}, zipfile.ZIP_DEFLATED))
    directory = content.rindex(b"PK\x01\x02")
    (compressed,) = struct.unpack_from("<I", content, directory + 20)
    struct.pack_into("<I", content, directory + 24, compressed * 1032 + excess)
    assert ("expected a member that fits" in refusal("npz", content)) == bool(excess)


def test_members_that_share_their_bytes_are_refused() -> None:
    """Many entries of a directory that name one member would multiply what the archive can promise."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", npy_bytes(POPULATION))
        archive.filelist *= 3
    assert refusal("npz", stream.getvalue()) == "expected members beside each other, got members that share their bytes"


MEMBER = npy_bytes(POPULATION)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npz_bytes({"archive/data.pkl": b"\x80\x02."}), "expected .npy members, got archive/data.pkl"),
        (
            npz_bytes({"weights.npy": MEMBER}, zipfile.ZIP_LZMA),
            "weights.npy: expected a stored or deflated member, got another compression",
        ),
        (npz_bytes({"a\x1b[2J.npy": MEMBER}), "expected printable names of arrays, got 'a\\x1b[2J.npy'"),
    ],
)
def test_other_archives_are_refused(content: bytes, message: str) -> None:
    assert refusal("npz", content) == message


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (3, 58), (2**16 + 1, 4), (2**22 + 1, 1)])
def test_the_checksum_of_a_member_of_any_size_is_compared(compression: int, shape: tuple[int, int]) -> None:
    """Also of one without values, of one as long as a piece that is read, and of longer ones."""
    array = np.zeros(shape, np.float32)
    content = bytearray(npz_bytes({"weights.npy": npy_bytes(array)}, compression))
    assert read("npz", content).arrays["weights"].shape == shape
    content[content.rindex(b"PK\x01\x02") + 16] ^= 1
    assert (
        refusal("npz", content)
        == f"expected a .npz archive, got {len(content)} bytes: Bad CRC-32 for file 'weights.npy'"
    )


@pytest.mark.parametrize("excess", [0, 1])
def test_a_safetensors_header_has_an_end(tmp_path: Path, excess: int) -> None:
    """The format's own limit. The bytes are a hole in the file, and are read only where they may be."""
    length = 100_000_000 + excess
    path = tmp_path / "w.safetensors"
    with path.open("w+b") as stream:
        stream.write(struct.pack("<Q", length) + b"x")
        stream.truncate(length + 8)
        stream.seek(0)
        with pytest.raises(InputError) as refused:
            read_safetensors(stream, length + 8, "file")
    assert ("got a header of 100000001 bytes" in str(refused.value)) == bool(excess)


def test_damaged_and_encrypted_members_are_refused() -> None:
    content = bytearray(npz_bytes({"weights.npy": MEMBER}))
    content[content.index(POPULATION.tobytes())] ^= 1
    assert refusal("npz", content).startswith(f"expected a .npz archive, got {len(content)} bytes: Bad CRC-32")
    encrypted = bytearray(npz_bytes({"weights.npy": MEMBER}))
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal("npz", encrypted)


OFFSETS = "w: expected sizes and offsets from 0 to 2**63 - 1, got "


@pytest.mark.usefixtures("no_large_arrays")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1234567", "expected a .safetensors file, got 7 bytes"),
        (struct.pack("<Q", TERABYTES), f"expected a .safetensors file, got a header of {TERABYTES} bytes in 8 bytes"),
        (struct.pack("<Q", 1) + b"{}", "expected a .safetensors header in JSON: Expecting property name"),
        (safetensors_bytes(b"[" * 100_000), "expected a .safetensors header in JSON: "),
        (safetensors_bytes(b'{"a": "\xff"}'), "expected a .safetensors header in JSON: "),
        (safetensors_bytes([]), "expected a .safetensors header by tensor name, got list"),
        (safetensors_bytes({"__metadata__": 1}), "expected __metadata__ to be strings by name, got 1"),
        (safetensors_bytes({"w\n": 1}), "expected printable names of arrays, got 'w\\n'"),
        (safetensors_bytes({"w": 1}), "w: expected dtype, shape and data_offsets, got 1"),
        (safetensors_bytes({"w": {"dtype": "F32"}}), "w: expected dtype, shape and data_offsets, got {'dtype': 'F32'}"),
        (
            safetensors_bytes({"w": tensor([1], 0, 8, "I64")}, bytes(8)),
            "w: expected F32 (F64, F16 and BF16 are cast), got 'I64'",
        ),
        (safetensors_bytes({"w": tensor([True], 0, 4)}, bytes(4)), OFFSETS),
        (safetensors_bytes({"w": tensor([1], -4, 0)}, bytes(4)), OFFSETS),
        (safetensors_bytes({"w": tensor([1.0], 0, 4)}, bytes(4)), OFFSETS),
        (safetensors_bytes({"w": tensor([2], 0, 4)}, bytes(4)), "w: expected 8 bytes for shape (2,), got 4"),
        (safetensors_bytes({"w": tensor([0, 2**70], 0, 0)}), OFFSETS),
        (safetensors_bytes({"w": tensor([1] * 5, 0, 4)}, bytes(4)), "w: expected at most 4 dimensions, got 5"),
        (safetensors_bytes({"w": tensor([1], 4, 8)}, bytes(8)), "w: expected data at offset 0, got 4"),
        (
            safetensors_bytes({"v": tensor([1], 0, 4), "w": tensor([1], 0, 4)}, bytes(4)),
            "w: expected data at offset 4, got 0",
        ),
        (
            safetensors_bytes({"w": tensor([TERABYTES], 0, 4 * TERABYTES)}, bytes(8)),
            f"expected {4 * TERABYTES + 8 + 85} bytes as the header says, got {8 + 85 + 8}",
        ),
        (
            safetensors_bytes({"w": tensor([0, 2**62, 2**62], 0, 0)}),
            f"expected a shape that numpy can hold, got (0, {2**62}, {2**62})",
        ),
    ],
)
def test_malformed_safetensors_are_refused(content: bytes, message: str) -> None:
    assert refusal("safetensors", content).startswith(message)
