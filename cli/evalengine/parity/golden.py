"""Golden files: what the references once returned, so that exactness can be tested without them.

    make goldens:   references, PyTorch ──► golden_recording ──► parity/golden/*.npz ──► load ──► check ──► Section

One file per environment holds traces of all its variants and drivers, or of long ones some rows beside all seeds and
actions, of images a hash each, a few of them being kept as PNG files too; `forward.npz` holds PyTorch's logits of a few
networks, whose weights and observations are made here from integers, and the actions of those that play. Each file says
with which versions it was recorded, and those of environments also what the math library of that machine returned
(`libm_fingerprint`): under another library the reference itself would return something else, so the check is unproven
there, never passed.

Loading and checking import neither Gymnasium nor PyTorch.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import dataclasses
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.native import make
from evalengine.environments.registry import describe
from evalengine.files.whole import write_whole
from evalengine.parity.compare import compare_traces
from evalengine.parity.report import Claim, Section
from evalengine.parity.trace import Schedule, Trace, replay
from evalengine.policies.heads import Head
from evalengine.policies.policy import Policy
from evalengine.references import Variant
from evalengine.references.divergence import Divergence, differing_bits

FORMAT = {"format": "evalengine-golden", "version": 1}
_HEADER = "header.json"
_KEPT = "kept"
_HASH = np.dtype("<u8")
_FINGERPRINT_ARGUMENTS = 20_000
# Second arguments of the functions that take two.
_SECOND_ARGUMENTS = {"pow": 2.0, "fmod": 2.0 * math.pi, "atan2": 1.0}


@dataclass(frozen=True, eq=False)
class Golden:
    """One file.

    Attributes:
        name: of the file, without its ending: an environment's short name, or "forward".
        header: what it says about itself.
        arrays: by "<number>.<field>", the number being the position in the header's list.
    """

    name: str
    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def folder() -> Path | None:
    """Return the folder of the golden files of this checkout; None for an installed package, which has none."""
    path = Path(__file__).resolve().parents[3] / "parity" / "golden"
    return path if path.is_dir() else None


def load(path: Path) -> Golden:
    """Read a golden file.

    Raises:
        ValueError: it is no golden file of this version.
    """
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read(_HEADER))
        if {name: header.get(name) for name in FORMAT} != FORMAT:
            raise ValueError(f"{path}: expected {FORMAT}, got {header.get('format')!r} {header.get('version')!r}")
        arrays = {
            name.removesuffix(".npy"): np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
            for name in archive.namelist()
            if name != _HEADER
        }
    return Golden(path.stem, header, arrays)


def save(path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a golden file; the same content is the same bytes, so recording anew changes nothing that is equal."""
    with write_whole(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        _add_member(archive, _HEADER, json.dumps({**FORMAT, **header}, indent=1).encode())
        for name, array in arrays.items():
            encoded = io.BytesIO()
            np.save(encoded, array, allow_pickle=False)
            _add_member(archive, f"{name}.npy", encoded.getvalue())


def _add_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name)  # dated 1980
    archive.writestr(member, content, zipfile.ZIP_DEFLATED, compresslevel=9)


def check(golden: Golden) -> Section:
    """Compare our side with a golden file."""
    return _check_forward(golden) if "env_id" not in golden.header else _check_environment(golden)


def _check_environment(golden: Golden) -> Section:
    header = golden.header
    unproven = _other_libm(header["libm"])
    parts = []
    for number, run in enumerate(header["runs"]):
        variant = Variant(run["kwargs"], run["options"], run["max_episode_steps"])
        schedule, kept, theirs = _trace_of(golden, number)
        env = make(header["env_id"], observation=None, max_episode_steps=variant.max_episode_steps, **variant.kwargs)
        ours = replay(env, schedule, variant.options, tuple(run["state"])).at(kept)
        if theirs.observation.dtype == _HASH:
            ours = dataclasses.replace(ours, observation=image_hashes(ours.observation))
        case = ", ".join(part for part in (f"driver {run['driver']}", str(variant)) if part)
        comparison = compare_traces(ours, theirs, case=case, versions=header["versions"])
        parts.append(
            Section(
                name=f"{golden.name} golden traces",
                claim=Claim.EXACT,
                steps=schedule.steps,
                episodes=comparison.episodes,
                mismatches=comparison.mismatches,
                first_divergence=comparison.first_divergence,
                worst_error=comparison.worst_error,
                events=run["events"],
                unproven=unproven,
            )
        )
    return dataclasses.replace(Section.merged(parts), notes=(_made_by(golden),))


def _made_by(golden: Golden) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in golden.header["versions"].items())
    return f"recorded with {versions}"


def _trace_of(golden: Golden, number: int) -> tuple[Schedule, NDArray[np.intp], Trace]:
    """Return what was done, the rows that were kept of what came back, and these rows."""
    arrays = {part.name: golden.arrays.get(f"{number}.{part.name}") for part in fields(Trace)}
    missing = [part.name for part in fields(Trace) if part.default is MISSING and arrays[part.name] is None]
    if missing:
        raise ValueError(f"{golden.name}: expected the arrays {', '.join(missing)} of run {number}")
    found = {name: array for name, array in arrays.items() if array is not None}
    schedule = Schedule(**{part.name: found[part.name] for part in fields(Schedule)})
    kept = golden.arrays.get(f"{number}.{_KEPT}", np.arange(len(schedule.step)))
    found |= {part.name: found[part.name][kept] for part in fields(Schedule)}
    return schedule, kept, Trace(**found)  # type: ignore[arg-type]  # checked above


def _other_libm(recorded: Mapping[str, str]) -> str:
    here = libm_fingerprint(tuple(recorded))
    differing = [name for name, fingerprint in recorded.items() if here[name] != fingerprint]
    return f"recorded with another math library: {', '.join(differing)} differ here" if differing else ""


def _check_forward(golden: Golden) -> Section:
    """PyTorch's logits, and the actions that float32 makes of them with its tanh."""
    parts = []
    for number, run in enumerate(golden.header["runs"]):
        policy = Policy(run["policy"])
        weights, observations = forward_example(policy, run["seed"], run["rows"])
        ours = {"logits": policy.logits(weights, observations)}
        if run["env_id"] is not None:
            ours["actions"] = Head.of(policy, describe(run["env_id"], run["kwargs"])).actions(ours["logits"])
        mismatched, first = np.zeros(len(observations), np.bool_), None
        for name, mine in ours.items():
            theirs = golden.arrays[f"{number}.{name}"]
            differing = differing_bits(mine, theirs).reshape(len(mine), -1).any(axis=1)
            mismatched |= differing
            if differing.any() and first is None:
                row = int(differing.argmax())
                case, versions = f"{policy}, row {row}", golden.header["versions"]
                first = Divergence.between(name, mine[row], theirs[row], case=case, versions=versions)
        parts.append(
            Section(
                name="golden logits and actions",
                claim=Claim.EXACT,
                steps=len(observations),
                mismatches=int(mismatched.sum()),
                first_divergence=first,
                notes=(_made_by(golden),),
                events={run["policy"]: run["rows"]},
            )
        )
    return Section.merged(parts)


def forward_example(policy: Policy, seed: int, rows: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (D,) and observations (rows, *input_shape): first all +0, then all -0, then denormal numbers."""
    sizes = [math.prod(parameter.shape) for parameter in policy.parameters]
    bounds = [np.float32(1.0 / math.sqrt(parameter.fan_in)) for parameter in policy.parameters]
    weights = hashed_numbers(2 * seed, policy.n_params) * np.repeat(np.array(bounds, np.float32), sizes)
    observations = hashed_numbers(2 * seed + 1, rows * policy.n_inputs).reshape(rows, -1)
    for row, scale in zip(observations, (0.0, -0.0, 1e-40), strict=False):
        row[:] = np.abs(row) * np.float32(scale)
    return weights, observations.reshape(rows, *policy.input_shape)


def trace_arrays(number: int, trace: Trace, stride: int = 1) -> dict[str, NDArray[Any]]:
    """Return the arrays of one trace by their names in a file.

    Args:
        number: of the trace.
        trace: all of it.
        stride: keep what came back of every so many rows, and of the last one of each episode. In physics a difference
            does not heal, so it shows in a row that is kept.
    """
    arrays = {part.name: getattr(trace, part.name) for part in fields(trace)}
    if stride > 1:
        kept = np.flatnonzero((np.arange(len(trace.step)) % stride == 0) | trace.terminated | trace.truncated)
        done = {part.name: arrays[part.name] for part in fields(Schedule)}
        arrays = {part.name: getattr(trace.at(kept), part.name) for part in fields(trace)} | done | {_KEPT: kept}
    return {f"{number}.{name}": array for name, array in arrays.items() if isinstance(array, np.ndarray)}


def with_hashes(trace: Trace) -> Trace:
    """Return a trace of images with a hash in place of each; and without state, which images and rewards show well."""
    nothing = np.zeros((len(trace.step), 0))
    return dataclasses.replace(trace, observation=image_hashes(trace.observation), state=nothing, state_parts=())


def image_hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the first 8 bytes of the SHA-256 of each image's bytes, as little-endian integers (N,)."""
    digests = b"".join(hashlib.sha256(image.tobytes()).digest()[:8] for image in images)
    return np.frombuffer(digests, _HASH)


def libm_fingerprint(functions: Sequence[str]) -> dict[str, str]:
    """Return, for each function of the platform's math library, a hash of its bits for fixed arguments.

    The arguments are spread over [-0.8, 0.8), [-4, 4) and [-100, 100): two variants of one library differ in fewer than
    one of a thousand.
    """
    scales = np.array([0.8, 4.0, 100.0])[np.arange(_FINGERPRINT_ARGUMENTS) % 3]
    arguments = (hashed_numbers(0, _FINGERPRINT_ARGUMENTS).astype(np.float64) * scales).tolist()
    return {name: _hash_of(name, arguments) for name in functions}


def _hash_of(name: str, arguments: Sequence[float]) -> str:
    function = getattr(math, name) if hasattr(math, name) else _float32_function(name)
    second = (_SECOND_ARGUMENTS[name],) if name in _SECOND_ARGUMENTS else ()
    results = np.array([function(argument, *second) for argument in arguments], np.dtype("<f8"))
    return hashlib.sha256(results.tobytes()).hexdigest()[:16]


def _float32_function(name: str) -> Callable[[float], float]:
    """Return a function of float32 of the platform's library, such as sinf, which Python's math module lacks."""
    function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    function.argtypes, function.restype = [ctypes.c_float], ctypes.c_float
    return cast("Callable[[float], float]", function)


def hashed_numbers(seed: int, count: int) -> NDArray[np.float32]:
    """Return float32 in [-1, 1), (count,), that depend on integers alone: on no version of any random generator.

    They are the upper 24 bits of splitmix64 (Steele, Lea and Flood, 2014).
    """
    with np.errstate(over="ignore"):
        mixed = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
