"""Reading and writing arrays as .npy, .npz and .safetensors, with files treated as hostile.

Nothing is ever unpickled. What a header promises is compared with the size of the file before memory is taken for it,
so that a file of a few bytes cannot ask for terabytes. Knows arrays and their names, not what they mean (see
`policies.loading`). Depends on errors only: the safetensors format is small enough to be read and written here.
"""

from __future__ import annotations

import io
import json
import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from tokenize import TokenError
from typing import IO, Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.messages import first_line, kind, named, shown

# Deflate cannot shrink anything by more than 1032:1.
_MOST_DEFLATION = 1032
# The safetensors format's own limit on its header.
_LONGEST_HEADER = 100_000_000
# Values are copied in pieces: reading them whole from an archive would take their memory twice.
_PIECE = 1 << 24
# A convolution's weights have 4 dimensions; nothing that is read here has more.
_MOST_DIMENSIONS = 4
_LARGEST_SIZE = 2**63 - 1
_NPY_VERSIONS = {
    b"\x01\x00": ("<H", npy_format.read_array_header_1_0),
    b"\x02\x00": ("<I", npy_format.read_array_header_2_0),
}
# BF16 is the upper half of a float32; numpy has no such type, so it is read as an integer and widened.
_BF16, _BF16_BITS = "BF16", "<u2"
_SAFETENSORS_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", _BF16: _BF16_BITS}


class ArrayFile(NamedTuple):
    """The arrays of a file by name, and the strings stored beside them (.safetensors only)."""

    arrays: dict[str, NDArray[Any]]
    metadata: dict[str, str]


def read_npy(stream: IO[bytes], size: int, name: str, kinds: str = "f") -> NDArray[Any]:
    """Read one .npy array that takes all `size` bytes of the stream.

    Raises:
        InputError: it is no .npy file, holds Python objects, or its header promises other than `size` bytes.
    """
    shape, fortran_order, dtype, _ = _checked_npy_header(stream, size, name, kinds)
    return _read_values(stream, dtype, shape, "F" if fortran_order else "C", name)


def map_npy(stream: BinaryIO, size: int, name: str) -> NDArray[Any]:
    """Return one .npy array as a read-only map of its file where it is float32 in C order; read it where it is not.

    Such an array takes no memory that the system could not take back, so it may be larger than the memory. The file
    must stay as it is for as long as the array is used: the process dies where it is cut short.

    Raises:
        InputError: as `read_npy`.
    """
    shape, fortran_order, dtype, header = _checked_npy_header(stream, size, name)
    is_empty = math.prod(shape) == 0  # which cannot be mapped
    is_usable = dtype == np.dtype("<f4") and header % 4 == 0 and not (fortran_order and len(shape) > 1)
    if is_empty or not is_usable:
        return _read_values(stream, dtype, shape, "F" if fortran_order else "C", name)
    return np.asarray(np.memmap(stream, dtype=dtype, mode="r", offset=header, shape=shape))


def npz_names(stream: BinaryIO) -> frozenset[str]:
    """Return the names of a .npz archive's arrays; none where it is no archive, which `read_npz` says."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError):
        return frozenset()
    finally:
        stream.seek(0)


def read_npz(stream: BinaryIO, size: int, name: str, kinds: str = "f") -> ArrayFile:
    """Read the .npy members of a zip archive, stored or deflated, as `numpy.savez` and `savez_compressed` write them.

    Where one is called "weights", it alone is read: whatever lies beside it may be of any dtype. `kinds` are NumPy's
    letters of the kinds of dtypes that are taken.

    Raises:
        InputError: it is no such archive, or a member promises more than the archive can hold.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            members = [member for member in members if member.filename == "weights.npy"] or members
            for member in members:
                _check_member(member, size, name)
            if sum(member.compress_size for member in members) > size:
                raise InputError(f"{name}: expected members beside each other, got members that share their bytes")
            read = {m.filename.removesuffix(".npy"): _read_member(archive, m, name, kinds) for m in members}
            return ArrayFile(read, {})
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        raise InputError(f"{name}: expected a .npz archive, got {size} bytes: {first_line(error)}") from None


def read_safetensors(stream: BinaryIO, size: int, name: str) -> ArrayFile:
    """Read all tensors of a .safetensors file.

    Raises:
        InputError: the header is malformed, or does not describe exactly the bytes of the file; a dtype is not F32,
            F64, F16 or BF16.
    """
    header, start = _read_safetensors_header(stream, size, name)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise InputError(f"{name}: expected __metadata__ to be strings by name, got {shown(metadata)}")
    arrays = {}
    end = 0
    in_file_order = sorted((_checked_tensor(key, entry, name), key) for key, entry in header.items())
    for tensor, key in in_file_order:
        if tensor.begin != end:
            raise InputError(f"{name}: {named(key)}: expected data at offset {end}, got {tensor.begin}")
        end = tensor.end
    if start + end != size:
        raise InputError(f"{name}: expected {start + end} bytes as the header says, got {size}")
    for tensor, key in in_file_order:
        values = _read_values(stream, np.dtype(tensor.dtype), tensor.shape, "C", name)
        arrays[key] = (values.astype("<u4") << 16).view("<f4") if tensor.dtype == _BF16_BITS else values
    return ArrayFile(arrays, metadata)


def write_safetensors(stream: BinaryIO, arrays: Mapping[str, NDArray[np.float32]], metadata: Mapping[str, str]) -> None:
    """Write float32 tensors and strings in the safetensors format."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    for key, array in arrays.items():
        header[key] = {"dtype": "F32", "shape": array.shape, "data_offsets": (offset, offset + array.nbytes)}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the data start aligned to 8 bytes
    stream.write(struct.pack("<Q", len(text)) + text)
    for array in arrays.values():
        stream.write(np.ascontiguousarray(array, dtype="<f4").data)


def _checked_npy_header(
    stream: IO[bytes], size: int, name: str, kinds: str = "f"
) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, Fortran order, dtype and length of a header that promises floats, and exactly `size` bytes."""
    shape, fortran_order, dtype, header = _read_npy_header(stream, size, name)
    if dtype.hasobject:
        raise InputError(f"{name}: expected an array of floats, got Python objects, which are never unpickled")
    if dtype.kind not in kinds and kinds != "f":
        raise InputError(f"{name}: expected numbers, bools or strings, got {named(dtype)}")
    if kinds == "f" and dtype.kind != "f":
        raise InputError(f"{name}: expected float32 (float64 and float16 are cast), got {named(dtype)}")
    promised = header + math.prod(shape) * dtype.itemsize
    if promised != size:
        raise InputError(f"{name}: expected {promised} bytes for {named(dtype)} of shape {shape}, got {size}")
    return shape, fortran_order, dtype, header


def _read_npy_header(stream: IO[bytes], size: int, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, Fortran order, dtype, and the offset at which the values start."""
    magic = stream.read(8)
    if magic[:6] != npy_format.MAGIC_PREFIX or len(magic) < 8:
        raise InputError(f"{name}: expected a .npy array, got {size} bytes that start otherwise")
    if magic[6:] not in _NPY_VERSIONS:
        raise InputError(f"{name}: expected .npy version 1.0 or 2.0, got {magic[6]}.{magic[7]}")
    length_format, read_header = _NPY_VERSIONS[magic[6:]]
    length_bytes = stream.read(struct.calcsize(length_format))
    start = len(magic) + len(length_bytes)
    length = int.from_bytes(length_bytes, "little")
    if start + length > size:
        raise InputError(f"{name}: expected a .npy array, got a header of {length} bytes in {size} bytes")
    try:
        with warnings.catch_warnings():
            # Headers of Python 2 and old names of dtypes are read without comment; what is damaged is refused.
            warnings.simplefilter("ignore")
            shape, fortran_order, dtype = read_header(io.BytesIO(length_bytes + stream.read(length)))
    except (ValueError, SyntaxError, TypeError, TokenError, RecursionError, MemoryError) as error:
        raise InputError(f"{name}: expected a .npy array, got a malformed header: {first_line(error)}") from None
    if len(shape) > _MOST_DIMENSIONS or not all(0 <= sizes <= _LARGEST_SIZE for sizes in shape):
        # Not shown: an integer may have more digits than Python prints.
        raise InputError(f"{name}: expected at most {_MOST_DIMENSIONS} dimensions of 0 to 2**63 - 1, got others")
    return shape, fortran_order, dtype, start + length


def _read_values(
    stream: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], order: Literal["C", "F"], name: str
) -> NDArray[Any]:
    """Read as many bytes as the shape asks for; the caller has compared them with the size of the file."""
    values = np.empty(math.prod(shape), dtype=dtype)
    view = values.view(np.uint8).data
    done = 0
    while done < len(view):
        piece = stream.read(min(len(view) - done, _PIECE))
        if not piece:
            raise InputError(f"{name}: expected {len(view)} bytes of values, got {done}")
        view[done : done + len(piece)] = piece
        done += len(piece)
    try:
        return values.reshape(shape, order=order)
    except ValueError:  # an empty array of enormous sizes
        raise InputError(f"{name}: expected a shape that numpy can hold, got {shape}") from None


def _check_member(member: zipfile.ZipInfo, size: int, name: str) -> None:
    _check_printable(member.filename, name)
    if member.compress_type == zipfile.ZIP_STORED:
        most = member.compress_size
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        most = member.compress_size * _MOST_DEFLATION
    else:
        raise InputError(
            f"{name}: {named(member.filename)}: expected a stored or deflated member, got another compression"
        )
    if member.header_offset + member.compress_size > size or member.file_size > most:
        raise InputError(
            f"{name}: {named(member.filename)}: expected a member that fits an archive of {size} bytes, "
            f"got {member.file_size} bytes promised"
        )
    if not member.filename.endswith(".npy"):
        raise InputError(f"{name}: expected .npy members, got {named(member.filename)}")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, kinds: str) -> NDArray[Any]:
    with archive.open(member) as stream:
        # With its last byte the member ends, where zipfile compares the checksum.
        return read_npy(stream, member.file_size, f"{name}: {named(member.filename)}", kinds)


class _Tensor(NamedTuple):
    begin: int
    end: int
    dtype: str
    shape: tuple[int, ...]


def _read_safetensors_header(stream: BinaryIO, size: int, name: str) -> tuple[dict[str, Any], int]:
    """Return the header and the offset at which the data start."""
    prefix = stream.read(8)
    if len(prefix) < 8:
        raise InputError(f"{name}: expected a .safetensors file, got {size} bytes")
    (length,) = struct.unpack("<Q", prefix)
    if length > min(size - 8, _LONGEST_HEADER):
        raise InputError(f"{name}: expected a .safetensors file, got a header of {length} bytes in {size} bytes")
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: expected a .safetensors header in JSON: {first_line(error)}") from None
    if not isinstance(header, dict):
        raise InputError(f"{name}: expected a .safetensors header by tensor name, got {kind(header)}")
    return header, 8 + length


def _checked_tensor(key: str, entry: Any, name: str) -> _Tensor:
    """Return what the header says of one tensor, if its offsets agree with its shape and dtype."""
    _check_printable(key, name)
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [begin, end]}:
            pass
        case _:
            raise InputError(f"{name}: {named(key)}: expected dtype, shape and data_offsets, got {shown(entry)}")
    if len(shape) > _MOST_DIMENSIONS:
        raise InputError(f"{name}: {named(key)}: expected at most {_MOST_DIMENSIONS} dimensions, got {len(shape)}")
    if dtype not in _SAFETENSORS_DTYPES:
        raise InputError(f"{name}: {named(key)}: expected F32 (F64, F16 and BF16 are cast), got {shown(dtype)}")
    if not all(type(number) is int and 0 <= number <= _LARGEST_SIZE for number in (*shape, begin, end)):
        raise InputError(f"{name}: {named(key)}: expected sizes and offsets from 0 to 2**63 - 1, got {shown(entry)}")
    dtype = _SAFETENSORS_DTYPES[dtype]
    promised = math.prod(shape) * np.dtype(dtype).itemsize
    if end - begin != promised:
        raise InputError(f"{name}: {named(key)}: expected {promised} bytes for shape {tuple(shape)}, got {end - begin}")
    return _Tensor(begin, end, dtype, tuple(shape))


def _check_printable(key: str, name: str) -> None:
    """Names of arrays appear in messages: they shall not break lines there, nor speak to a terminal."""
    if not key.isprintable():
        raise InputError(f"{name}: expected printable names of arrays, got {shown(key)}")
