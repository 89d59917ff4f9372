"""Weight files: what is written is read back, and no file can take memory, run code or pass for something else."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evalengine import array_files
from evalengine.errors import InputError, OutputError
from evalengine.policy import Policy
from evalengine.weights import load_weights, save_weights

POLICY = Policy("mlp:4-8-2")
POPULATION = POLICY.init(3, seed=0)
SUFFIXES = ["npy", "npz", "safetensors"]
TERABYTES = 10**12


def refusal(path: Path, policy: str | None = None) -> str:
    """Return the message with which a file is refused, without "weights: PATH: " before it."""
    with pytest.raises(InputError) as refused:
        load_weights(path, policy)
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith(f"weights: {path}")
    return message.removeprefix(f"weights: {path}").removeprefix(": ")


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


# Round trips.


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_saved_is_loaded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"population.{suffix}"
    POLICY.save(path, POPULATION, "cartpole")
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, POPULATION)
    assert loaded.weights.dtype == np.float32
    assert loaded.weights.flags.c_contiguous
    assert (loaded.policy, loaded.env_id, loaded.path) == (POLICY, "CartPole-v1", path)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_vector_and_no_environment(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"best.{suffix}"
    POLICY.save(path, torch.from_numpy(POPULATION[1]))
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, POPULATION[1:2])
    assert (loaded.policy, loaded.env_id) == (POLICY, None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_population_of_none_is_kept(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"none.{suffix}"
    POLICY.save(path, POPULATION[:0])
    assert load_weights(path).weights.shape == (0, POLICY.n_params)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_the_sidecar_says_what_the_weights_are_for(tmp_path: Path, suffix: str) -> None:
    POLICY.save(tmp_path / f"population.{suffix}", POPULATION, "cartpole")
    assert json.loads((tmp_path / f"population.{suffix}.json").read_text()) == {
        "format": "evalengine-weights",
        "version": 1,
        "env_id": "CartPole-v1",
        "policy": "mlp:4-8-2",
        "n_params": 58,
        "population": 3,
    }


def test_safetensors_keeps_the_same_keys_in_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "population.safetensors"
    POLICY.save(path, POPULATION, "cartpole")
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length]) == {
        "__metadata__": {
            "format": "evalengine-weights",
            "version": "1",
            "env_id": "CartPole-v1",
            "policy": "mlp:4-8-2",
            "n_params": "58",
            "population": "3",
        },
        "weights": {"dtype": "F32", "shape": [3, 58], "data_offsets": [0, 696]},
    }
    assert content[8 + length :] == POPULATION.tobytes()
    assert os.listdir(tmp_path) == ["population.safetensors"]


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_numpys_own_files_are_read_and_cast(tmp_path: Path, dtype: str, order: Any, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    array = np.asarray(POPULATION, dtype=dtype, order=order)
    if suffix == "npy":
        np.save(path, array)
    else:
        np.savez_compressed(path, array)
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, array.astype(np.float32))
    assert loaded.weights.dtype == np.float32
    assert (loaded.policy, loaded.env_id) == (None, None)


def test_version_2_headers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    path.write_bytes(npy_header((2,), version=2) + struct.pack("<ff", 1, 2))
    assert load_weights(path).weights.tolist() == [[1, 2]]


def test_an_array_called_weights_hides_what_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "generation.npz"
    np.savez(path, generation=np.array(7), names=np.array(["a", "b"]), weights=POPULATION)
    assert np.array_equal(load_weights(path).weights, POPULATION)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("spelling", ["mlp:4-8-2", "mlp:4-2,bias=0", "cnn:5x12x12-4k3-4"])
def test_a_state_dict_is_read_for_a_known_policy(tmp_path: Path, suffix: str, spelling: str) -> None:
    policy, path = Policy(spelling), tmp_path / f"module.{suffix}"
    vector = policy.init(1, seed=0)[0]
    tensors = policy.to_state_dict(vector)
    if suffix == "npz":
        np.savez(path, **tensors)  # type: ignore[arg-type]  # numpy's stub confuses the names with allow_pickle
    else:
        with path.open("wb") as stream:
            array_files.write_safetensors(stream, tensors, {"format": "pt"})
    loaded = load_weights(path, policy)
    assert np.array_equal(loaded.weights, vector[np.newaxis])
    assert loaded.policy == policy


def test_a_state_dict_needs_the_policy(tmp_path: Path) -> None:
    path = tmp_path / "module.safetensors"
    with path.open("wb") as stream:
        array_files.write_safetensors(stream, POLICY.to_state_dict(POPULATION[0]), {})
    names = "0.weight, 0.bias, 2.weight, 2.bias"
    assert refusal(path) == f"expected one array, or a state dict and the policy it is for, got {names}"
    assert refusal(path, "mlp:4-2") == f"state dict: expected the names 0.weight, 0.bias for mlp:4-2, got {names}"


def test_safetensors_in_any_order_and_dtype(tmp_path: Path) -> None:
    path = tmp_path / "module.safetensors"
    header = {"0.weight": tensor([2, 4], 4, 68, "F64"), "0.bias": tensor([2], 0, 4, "F16")}
    weight = np.arange(8, dtype="<f8").reshape(2, 4)
    path.write_bytes(safetensors_bytes(header, np.array([8, 9], "<f2").tobytes() + weight.tobytes()))
    assert load_weights(path, "mlp:4-2").weights.tolist() == [list(range(10))]


def test_the_policy_given_wins_over_the_files(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    POLICY.save(path, POPULATION, "cartpole")
    assert load_weights(path, "mlp:4-8-2,act=relu").policy == Policy("mlp:4-8-2,act=relu")
    assert refusal(path, "mlp:4-2") == "expected shape (P, 10) for mlp:4-2, got (3, 58)"


def test_weights_are_not_judged_when_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    np.save(path, np.array([[np.nan, np.inf]]))
    assert np.array_equal(load_weights(path).weights, [[np.nan, np.inf]], equal_nan=True)


# Files that are refused.


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load_weights(tmp_path / "none.npy")
    assert str(refused.value) == f"weights: no such file: {tmp_path}/none.npy"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_and_a_folder(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"empty.{suffix}").touch()
    assert refusal(tmp_path / f"empty.{suffix}") == f"expected a .{suffix} file, got an empty one"
    (tmp_path / f"folder.{suffix}").mkdir()
    assert refusal(tmp_path / f"folder.{suffix}") == "expected a regular file, got a folder or a device"


@pytest.mark.parametrize(("name", "suffix"), [("weights.txt", ".txt"), ("weights", "no suffix")])
def test_an_unknown_suffix(tmp_path: Path, name: str, suffix: str) -> None:
    assert refusal(tmp_path / name) == f"expected .npy, .npz or .safetensors, got {suffix}"


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.npy"
    path.touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(path) == "cannot be read: Permission denied"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_truncation_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    POLICY.save(path, POPULATION)
    content = path.read_bytes()
    for length in [*range(1, 200), len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:length])
        refusal(path)


@pytest.mark.parametrize("suffix", ["npy", "safetensors"])
def test_bytes_after_the_end_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    POLICY.save(path, POPULATION)
    size = path.stat().st_size
    with path.open("ab") as stream:
        stream.write(b"more")
    assert f"expected {size} bytes" in refusal(path)
    assert refusal(path).endswith(f"got {size + 4}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bytes_of_something_else_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    for content in (b"a", b"generation,fitness\n1,2.0\n" * 40, bytes(1000), b"\xff" * 1000, b"\x93NUMPY"):
        path.write_bytes(content)
        assert refusal(path).startswith(f"expected a .{suffix}")


class Attack:
    """Unpickling an instance would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pickles_are_refused_unopened(tmp_path: Path, suffix: str, protocol: int) -> None:
    path, trace = tmp_path / f"weights.{suffix}", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Attack(trace), protocol))
    message = refusal(path)
    assert message.startswith(f"expected a .{suffix}")
    assert ("pickle" in message) == (protocol >= 2 and suffix != "safetensors")
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_object_arrays_are_refused_unopened(tmp_path: Path, suffix: str) -> None:
    path, trace = tmp_path / f"weights.{suffix}", tmp_path / "trace"
    content = npy_bytes(np.array([Attack(trace)], dtype=object))
    path.write_bytes(content if suffix == "npy" else npz_bytes({"weights.npy": content}))
    member = "" if suffix == "npy" else "weights.npy: "
    assert refusal(path) == f"{member}expected an array of floats, got Python objects, which are never unpickled"
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["pt", "pth", "PT", "ckpt", "pkl"])
def test_pytorch_files_are_answered_with_the_lines_that_convert_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"module.{suffix}"
    vector = POPULATION[0]
    torch.save(POLICY.to_torch(vector).state_dict(), path)
    with pytest.raises(InputError) as refused:
        load_weights(path)
    first, *lines = str(refused.value).splitlines()
    assert first == (
        f"weights: {path}: expected .npy, .npz or .safetensors, got a pickle, which is never opened here; convert it:"
    )
    assert len(lines) == 2
    exec("\n".join(line.strip() for line in lines), {})
    assert np.array_equal(load_weights(path.with_suffix(".npy")).weights, vector[np.newaxis])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), dtype=np.int64), "expected float32 (float64 and float16 are cast), got int64"),
        (np.zeros((2, 3), dtype=complex), "expected float32 (float64 and float16 are cast), got complex128"),
        (np.zeros(3, dtype="S0"), "expected float32 (float64 and float16 are cast), got |S1"),
        (np.zeros(3, dtype=[("a", "f4")]), "expected float32 (float64 and float16 are cast), got [('a', '<f4')]"),
        (np.array(1.0), "expected shape (D,) or (P, D), got ()"),
        (np.zeros((2, 3, 4)), "expected shape (D,) or (P, D), got (2, 3, 4)"),
        (np.zeros(0), "expected shape (D,) or (P, D), got (0,)"),
        (np.zeros((3, 0)), "expected shape (D,) or (P, D), got (3, 0)"),
    ],
)
def test_arrays_that_are_no_weights_are_refused(tmp_path: Path, array: NDArray[Any], message: str) -> None:
    np.save(tmp_path / "weights.npy", array)
    assert refusal(tmp_path / "weights.npy") == message


def test_an_archive_of_two_arrays_or_none(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, a=POPULATION, b=POPULATION)
    assert refusal(path) == "expected one array, or a state dict and the policy it is for, got a, b"
    np.savez(path)
    assert refusal(path) == "expected one array, or a state dict and the policy it is for, got none"


# Headers that promise what the file does not have.


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
def test_npy_headers_are_compared_with_the_file(tmp_path: Path, shape: tuple[int, ...], promised: int) -> None:
    path = tmp_path / "weights.npy"
    header = npy_header(shape)
    path.write_bytes(header + b"x")
    expected = len(header) + promised
    assert refusal(path) == f"expected {expected} bytes for float32 of shape {shape}, got {len(header) + 1}"


@pytest.mark.parametrize(
    "header",
    [
        npy_header((1, 2**62)),
        npy_header((-1, -1)),
        npy_header("(1,) * 3"),
        npy_header("(True,)"),
        npy_header("('2',)"),
        npy_header((2,), descr="no dtype"),
        npy_header("(" * 5000),
        npy_header("-" * 9000 + "1"),
        npy_header((2,)).replace(b"descr", b"descx"),
        npy_header((2,)).replace(b"\x01\x00", b"\x03\x00"),
        npy_header((2,)).replace(b"\x01\x00", b"\x09\x00"),
        b"\x93NUMPY\x01\x00\xff\xff{",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        npy_header((0, 2**62, 2**62)),
        npy_header((0, 10**30)),
        npy_header(tuple([0] * 100)),
    ],
)
@pytest.mark.usefixtures("no_large_arrays")
def test_malformed_npy_headers_are_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "weights.npy"
    path.write_bytes(header)
    assert "expected" in refusal(path)
    path = tmp_path / "weights.npz"
    path.write_bytes(npz_bytes({"weights.npy": header}))
    assert "expected" in refusal(path)


@pytest.mark.usefixtures("no_large_arrays")
def test_npz_members_that_promise_too_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(npz_bytes({"weights.npy": npy_header((TERABYTES, 4))}))
    size = len(npy_header((TERABYTES, 4)))
    assert refusal(path) == (
        f"weights.npy: expected {size + 16 * TERABYTES} bytes for float32 of shape (1000000000000, 4), got {size}"
    )
    # The same lie told by the archive's directory too.
    content = bytearray(npz_bytes({"weights.npy": npy_header((10**9,)) + bytes(8)}, zipfile.ZIP_DEFLATED))
    promised = len(npy_header((10**9,))) + 4 * 10**9
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", promised)
    path.write_bytes(content)
    assert refusal(path) == (
        f"weights.npy: expected a member that fits an archive of {len(content)} bytes, got {promised} bytes promised"
    )
    # And by its compressed size.
    content[directory + 20 : directory + 24] = struct.pack("<I", 2**31)
    path.write_bytes(content)
    assert "expected a member that fits an archive" in refusal(path)


def test_other_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    member = npy_bytes(POPULATION)
    path.write_bytes(npz_bytes({"archive/data.pkl": b"\x80\x02."}))
    assert refusal(path) == "expected .npy members, got archive/data.pkl"
    path.write_bytes(npz_bytes({"weights.npy": member}, zipfile.ZIP_LZMA))
    assert refusal(path) == "weights.npy: expected a stored or deflated member, got another compression"
    content = bytearray(npz_bytes({"weights.npy": member}))
    content[content.index(POPULATION.tobytes())] ^= 1
    path.write_bytes(content)
    assert refusal(path).startswith(f"expected a .npz archive, got {len(content)} bytes: Bad CRC-32")
    encrypted = bytearray(npz_bytes({"weights.npy": member}))
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(encrypted)
    assert "encrypted" in refusal(path)


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
        (safetensors_bytes({"w": 1}), "w: expected dtype, shape and data_offsets, got 1"),
        (safetensors_bytes({"w": {"dtype": "F32"}}), "w: expected dtype, shape and data_offsets, got {'dtype': 'F32'}"),
        (
            safetensors_bytes({"w": tensor([1], 0, 2, "BF16")}, bytes(2)),
            "w: expected F32 (F64 and F16 are cast), got BF16",
        ),
        (safetensors_bytes({"w": tensor([True], 0, 4)}, bytes(4)), "w: expected sizes and offsets of at least 0, got "),
        (safetensors_bytes({"w": tensor([1], -4, 0)}, bytes(4)), "w: expected sizes and offsets of at least 0, got "),
        (safetensors_bytes({"w": tensor([1.0], 0, 4)}, bytes(4)), "w: expected sizes and offsets of at least 0, got "),
        (safetensors_bytes({"w": tensor([2], 0, 4)}, bytes(4)), "w: expected 8 bytes for shape (2,), got 4"),
        (safetensors_bytes({"w": tensor([1], 4, 8)}, bytes(8)), "w: expected data at offset 0, got 4"),
        (
            safetensors_bytes({"v": tensor([1], 0, 4), "w": tensor([1], 0, 4)}, bytes(4)),
            "w: expected data at offset 4, got 0",
        ),
        (
            safetensors_bytes({"w": tensor([TERABYTES], 0, 4 * TERABYTES)}, bytes(8)),
            f"expected {4 * TERABYTES + 8 + 85} bytes as the header says, got {8 + 85 + 8}",
        ),
        (safetensors_bytes({}), "expected one array, or a state dict and the policy it is for, got none"),
        (
            safetensors_bytes({"w": tensor([0, 2**70], 0, 0)}),
            f"expected a shape that numpy can hold, got [0, {2**70}]".replace("[", "(").replace("]", ")"),
        ),
    ],
)
def test_malformed_safetensors_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    assert refusal(path).startswith(message)


# Sidecars.


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ("{", "expected JSON: Expecting property name"),
        ("[" * 100_000, "expected JSON: "),
        ("7", 'expected "format": "evalengine-weights", got 7'),
        ({"format": "x"}, "expected \"format\": \"evalengine-weights\", got {'format': 'x'}"),
        ({"format": "evalengine-weights", "version": 2}, "expected version 1, got 2"),
        ({"format": "evalengine-weights", "version": 1, "env_id": 5}, "expected env_id to be a string, got 5"),
        ({"format": "evalengine-weights", "version": 1, "policy": "mlp"}, "policy 'mlp': no architecture 'mlp'; "),
        ({"format": "evalengine-weights", "version": 1, "policy": 5}, "policy: expected a spelling such as "),
    ],
)
def test_a_malformed_sidecar_is_refused(tmp_path: Path, sidecar: object, message: str) -> None:
    path = tmp_path / "weights.npy"
    np.save(path, POPULATION)
    Path(f"{path}.json").write_text(sidecar if isinstance(sidecar, str) else json.dumps(sidecar))
    assert refusal(path).startswith(f".json: {message}")


def test_a_sidecar_for_other_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npy"
    POLICY.save(path, POPULATION)
    np.save(path, np.zeros((3, 10)))
    assert refusal(path) == "expected shape (P, 58) for mlp:4-8-2 (the policy that it names), got (3, 10)"


def test_metadata_of_other_programs_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with path.open("wb") as stream:
        array_files.write_safetensors(stream, {"anything": POPULATION}, {"format": "pt", "policy": "none"})
    loaded = load_weights(path)
    assert np.array_equal(loaded.weights, POPULATION)
    assert (loaded.policy, loaded.env_id) == (None, None)


# What is not saved.


@pytest.mark.parametrize(
    ("name", "weights", "env_id", "message"),
    [
        ("weights.pt", POPULATION, None, "output: expected a name ending in .npy, .npz or .safetensors, got "),
        ("weights.npy", POPULATION[:, :7], None, "weights: expected shape (P, 58) for mlp:4-8-2, got (3, 7)"),
        ("weights.npy", POPULATION, "cartpol", 'unknown environment "cartpol"'),
    ],
)
def test_what_does_not_fit_is_not_saved(tmp_path: Path, name: str, weights: Any, env_id: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        POLICY.save(tmp_path / name, weights, env_id)
    assert str(refused.value).startswith(message)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_unwritable_output_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(OutputError, match="no folder"):
        save_weights(tmp_path / "none" / f"weights.{suffix}", POPULATION, policy=POLICY)


def test_weights_without_room_for_their_sidecar_are_not_written(tmp_path: Path) -> None:
    (tmp_path / "weights.npy.json").mkdir()
    with pytest.raises(OutputError, match="expected a file, got the folder"):
        POLICY.save(tmp_path / "weights.npy", POPULATION)
    assert os.listdir(tmp_path) == ["weights.npy.json"]
