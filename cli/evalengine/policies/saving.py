"""Weight files written: one individual or a population, with what they are for.

A .npy or .npz file has a sidecar beside it, `best.npy.json`; a .safetensors file keeps the same keys in its own
metadata. `loading` reads both. Depends on architecture, population, setting, files and the registry.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from evalengine.arguments import population_matrix
from evalengine.environments.registry import resolve
from evalengine.errors import InputError, OutputError
from evalengine.files.arrays import write_safetensors
from evalengine.files.whole import check_writable, file_path, is_special, write_whole
from evalengine.messages import named
from evalengine.policies.architecture import Architecture
from evalengine.policies.graph_files import graph_arrays
from evalengine.policies.graph_form import GraphForm, is_spelling
from evalengine.policies.graphs import Graphs
from evalengine.policies.population import flat_weights
from evalengine.policies.setting import SETTING_NAMES, SettingOptions, checked_setting, described_setting

if TYPE_CHECKING:
    from evalengine.policies.population import Weights

FORMAT = "evalengine-weights"
VERSIONS = (1, 2)
"""Of descriptions. The second has options of `evaluate`; who knows the first only must not play without them."""

LONGEST_DESCRIPTION = 1 << 23
"""Bytes: mean and standard deviation of 200,000 numbers are in there."""

SUFFIXES = (".npy", ".npz", ".safetensors")


def save_weights(
    path: str | os.PathLike[str],
    weights: Weights,
    *,
    policy: Architecture | GraphForm | str,
    env_id: str | None = None,
    **options: Unpack[SettingOptions],
) -> None:
    """Write weights (D,) or (P, D) as a population (P, D) float32 by the suffix of `path`; whole or not at all.

    A file with options has version 2, which evaluators that do not know them refuse to read; one without has version 1.

    Args:
        path: ends in .npy or .npz (the sidecar is `path` with .json after it) or .safetensors; graphs take .npz.
        weights: what `evaluate` takes.
        policy: what the weights are for.
        env_id: the environment, by id or short name; stored as the full id.
        options: what the policy plays in, as `evaluate` takes it: env_kwargs (the same for all), reset_options,
            observation, max_episode_steps, epsilon, sticky, stop, no_ops, action_repeat and normalize, whose float32
            numbers keep their bits. `load_weights` returns them, and `evalengine evaluate` and `evalengine replay` use
            them.

    Raises:
        InputError: another suffix, an unknown environment, weights that do not fit the policy, or options that do not
            fit the environment.
        OutputError: a file cannot be written; what was there is kept.
    """
    for name in options:
        if name not in SETTING_NAMES:
            raise TypeError(f"save_weights() got an unexpected keyword argument '{name}'")
    path = file_path("output", path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"output: expected a name ending in .npy, .npz or .safetensors, got {named(path)}")
    arrays: dict[str, Any]
    n_params: int | None
    if isinstance(policy, GraphForm) or (isinstance(policy, str) and is_spelling(policy)):
        form = GraphForm(policy)
        if path.suffix != ".npz":
            raise InputError(f"output: expected a name ending in .npz for graphs, got {named(path)}")
        graphs = Graphs.of(weights)
        form.compiled(graphs, "float32")  # refuses what is no graph of this policy
        arrays, spelled, population = graph_arrays(graphs), str(form), len(graphs)
        n_params = None
    else:
        policy = Architecture(policy)
        matrix = population_matrix(flat_weights(policy, weights), policy, policy.n_params, allow_vector=True)
        arrays, spelled, population = {"weights": matrix}, str(policy), len(matrix)
        n_params = policy.n_params
    full_id = None if env_id is None else resolve(env_id).id
    setting = described_setting(checked_setting(options, full_id))
    description = {
        "format": FORMAT,
        "version": 2 if setting else 1,
        "env_id": full_id,
        "policy": spelled,
        "n_params": n_params,
        "population": population,
        **setting,
    }
    text = _lines(description)
    if len(text) > LONGEST_DESCRIPTION:
        raise InputError(f"output: expected a description of at most {LONGEST_DESCRIPTION} bytes, got {len(text)}")
    if path.suffix == ".safetensors":
        strings = {key: _string(value) for key, value in description.items() if value is not None}
        with write_whole(path) as stream:
            write_safetensors(stream, arrays, strings)
        return
    sidecar = sidecar_of(path)
    check_writable(sidecar)
    if is_special(sidecar):  # which nothing would be read from again
        raise OutputError(f"output: expected a regular file, got {named(sidecar)}")
    with write_whole(path) as stream:
        if path.suffix == ".npy":
            np.save(stream, arrays["weights"], allow_pickle=False)
        else:
            np.savez(stream, **arrays)
    with write_whole(sidecar) as stream:
        stream.write(text)


def _lines(description: Mapping[str, object]) -> bytes:
    """Return JSON with a line for each key, so that a mean of many numbers does not take as many lines."""
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in description.items())
    return f"{{\n{lines}\n}}\n".encode()


def _string(value: object) -> str:
    """Return a value of the description as .safetensors keeps it: texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def sidecar_of(path: Path) -> Path:
    """Return where the description of a .npy or .npz file is, if there is one."""
    return path.with_name(f"{path.name}.json")
