"""Weight files written: one individual or a population, with what they are for.

A .npy or .npz file has a sidecar beside it, `best.npy.json`; a .safetensors file keeps the same keys in its own
metadata. `loading` reads both. Depends on architecture, population, files and the registry.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evalengine.arguments import population_matrix
from evalengine.environments.registry import resolve
from evalengine.errors import InputError, OutputError
from evalengine.files.arrays import write_safetensors
from evalengine.files.whole import check_writable, file_path, is_special, write_whole
from evalengine.messages import named
from evalengine.policies.architecture import Architecture
from evalengine.policies.population import flat_weights

if TYPE_CHECKING:
    from evalengine.policies.population import Weights

FORMAT = "evalengine-weights"
VERSION = 1
SUFFIXES = (".npy", ".npz", ".safetensors")


def save_weights(
    path: str | os.PathLike[str], weights: Weights, *, policy: Architecture | str, env_id: str | None = None
) -> None:
    """Write weights (D,) or (P, D) as a population (P, D) float32 by the suffix of `path`; whole or not at all.

    Args:
        path: ends in .npy or .npz (the sidecar is `path` with .json after it) or .safetensors.
        weights: what `evaluate` takes.
        policy: what the weights are for.
        env_id: the environment, by id or short name; stored as the full id.

    Raises:
        InputError: another suffix, an unknown environment, or weights that do not fit the policy.
        OutputError: a file cannot be written; what was there is kept.
    """
    path = file_path("output", path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"output: expected a name ending in .npy, .npz or .safetensors, got {named(path)}")
    policy = Architecture(policy)
    matrix = population_matrix(flat_weights(policy, weights), policy, policy.n_params, allow_vector=True)
    description = {
        "format": FORMAT,
        "version": VERSION,
        "env_id": None if env_id is None else resolve(env_id).id,
        "policy": str(policy),
        "n_params": policy.n_params,
        "population": len(matrix),
    }
    if path.suffix == ".safetensors":
        strings = {key: str(value) for key, value in description.items() if value is not None}
        with write_whole(path) as stream:
            write_safetensors(stream, {"weights": matrix}, strings)
        return
    sidecar = sidecar_of(path)
    check_writable(sidecar)
    if is_special(sidecar):  # which nothing would be read from again
        raise OutputError(f"output: expected a regular file, got {named(sidecar)}")
    with write_whole(path) as stream:
        if path.suffix == ".npy":
            np.save(stream, matrix, allow_pickle=False)
        else:
            np.savez(stream, weights=matrix)
    with write_whole(sidecar) as stream:
        stream.write(json.dumps(description, indent=2).encode() + b"\n")


def sidecar_of(path: Path) -> Path:
    """Return where the description of a .npy or .npz file is, if there is one."""
    return path.with_name(f"{path.name}.json")
