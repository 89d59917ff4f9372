"""Weight files read: one individual or a population, with what they are for.

    >>> save_weights("best.npy", Policy("mlp:4-64-2").init(1, seed=0), policy=Policy("mlp:4-64-2"), env_id="cartpole")
    >>> loaded = load_weights("best.npy")
    >>> loaded.weights.shape, str(loaded.policy), loaded.env_id
    ((1, 450), 'mlp:4-64-2', 'CartPole-v1')

What the policy plays in, such as a normalisation, is in `loaded.options`; `evaluate` takes `loaded` with it. A .npy or
.npz file has a sidecar beside it, `best.npy.json`; a .safetensors file keeps the same keys in its own metadata. Pickles
(.pt, .pth) are never opened: the error shows the lines that convert them. Depends on files, policy, layer_arrays,
setting and arguments; knows nothing of episodes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import float_array
from evalengine.environments.normalization import Normalization
from evalengine.environments.observation import ObservationOptions
from evalengine.environments.registry import resolve
from evalengine.environments.rules import NoOps, StopRules
from evalengine.errors import InputError, PickleError
from evalengine.files.arrays import ArrayFile, map_npy, npz_names, read_npy, read_npz, read_safetensors
from evalengine.files.whole import file_path, open_regular
from evalengine.messages import first_line, html_table, named, shown
from evalengine.policies.graph_files import GRAPH_MARK, read_graphs
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs
from evalengine.policies.individuals import AnyPolicy, as_policy
from evalengine.policies.layer_arrays import from_names
from evalengine.policies.notices import notice_rounding
from evalengine.policies.policy import Policy
from evalengine.policies.saving import FORMAT, LONGEST_DESCRIPTION, SUFFIXES, VERSIONS, sidecar_of
from evalengine.policies.setting import SETTING_NAMES, SettingOptions, checked_setting, read_setting, spelled_setting
from evalengine.scalars import check_flag, check_integer

if TYPE_CHECKING:
    from evalengine.policies.torch_player import Player

_PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")
_TEXTS = ("observation", "stop", "no_ops")
_JSON_IN_METADATA = tuple(name for name in SETTING_NAMES if name not in _TEXTS)


@dataclass(frozen=True, eq=False, repr=False)
class LoadedWeights:
    """What a weight file holds.

    Attributes:
        weights: the population (P, D) float32; a file with one vector gives P = 1. Not checked for NaN. `Graphs` of a
            file of graphs.
        policy: what the file says, or what it was read with, a Policy or a GraphPolicy; None if neither.
        env_id: the full id that the file names, None if it names none.
        path: the file.
        env_kwargs: the environment's keyword arguments that the file names, None if it names none.
        reset_options: the options of every reset, None if it names none.
        observation: what the policy sees of images, None if that is the environment's own.
        max_episode_steps: the time limit in steps, None if that is the environment's own.
        normalize: mean, std and clip of what the policy sees, with the bits that were saved; None without.
        epsilon: the probability of a random action.
        sticky: the probability that an action is the former one again.
        stop: when episodes are stopped early, None if they are not.
        no_ops: what their first steps play, None if that is the policy's to say.
        action_repeat: how many times each action is played.
    """

    weights: Any
    policy: Any
    env_id: str | None
    path: Path
    env_kwargs: Mapping[str, bool | int | float] | None = None
    reset_options: Mapping[str, float] | None = None
    observation: ObservationOptions | None = None
    max_episode_steps: int | None = None
    normalize: Normalization | None = None
    epsilon: float = 0.0
    sticky: float = 0.0
    stop: StopRules | None = None
    no_ops: NoOps | None = None
    action_repeat: int = 1

    def __repr__(self) -> str:
        """One line: how many vectors of which policy, for which environment, and what else the file says."""
        policy = self._numbers.replace("weights", "numbers") if self.policy is None else str(self.policy)
        place = "" if self.env_id is None else f" for {self.env_id}"
        settings = f" with {', '.join(self.options)}" if self.options else ""
        return f"LoadedWeights({len(self.weights):,} x {policy}{place}{settings}, {str(self.path)!r})"

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks, with the values of the settings; those of a normalisation by shape."""
        rows = {
            "file": named(self.path),
            "individuals": f"{len(self.weights):,} of {self._numbers}",
            "policy": "-" if self.policy is None else self.policy,
            "environment": "-" if self.env_id is None else self.env_id,
            "settings": spelled_setting(self.options) or "-",
        }
        return html_table("LoadedWeights", rows)

    def __str__(self) -> str:
        """One line that has the values of the settings, too; those of a normalisation by shape."""
        count = len(self.weights)
        individuals = f"{count} individual{'' if count == 1 else 's'}"
        policy = f" of {self._numbers.replace(',', '')}" if self.policy is None else f" of {self.policy}"
        env = "" if self.env_id is None else f" for {named(self.env_id)}"
        setting = spelled_setting(self.options)
        return f"{named(self.path)}: {individuals}{policy}{env}{'; ' if setting else ''}{setting}"

    @property
    def _numbers(self) -> str:
        """What an individual consists of, where no policy says it."""
        return "a graph" if isinstance(self.weights, Graphs) else f"{self.weights.shape[1]:,} weights"

    def to_torch(self, index: int | None = None, *, actions: bool = True) -> Player:
        """Return one individual as a module from observations to actions, with the file's own settings.

        See `Policy.to_torch`, also for what stays outside: the file's env_kwargs, reset_options, observation and
        max_episode_steps are for the environment that is played in.

        Args:
            index: the individual, counted from 0; None is the only one.
            actions: whether the module goes on to actions, or ends with the network's outputs.

        Raises:
            InputError: there is no such individual, or the file does not say policy and environment.
            MissingDependencyError: torch is not installed.
        """
        if self.policy is None or self.env_id is None:
            raise InputError(
                f"weights: {named(self.path)}: expected a file that says policy and env_id, got one that does not: "
                "use policy.to_torch"
            )
        if isinstance(self.policy, GraphPolicy):
            raise InputError(f"weights: {named(self.path)}: expected networks, got graphs of {self.policy}")
        count = len(self.weights)
        if index is None and count != 1:
            raise InputError(f"index: expected one of the {count} individuals in {named(self.path)}, got None")
        chosen = check_integer("index", 0 if index is None else index, least=0, most=count - 1)
        module: Player = self.policy.to_torch(
            self.weights[chosen],
            self.env_id,
            env_kwargs=self.env_kwargs,
            observation=self.observation,
            normalize=self.normalize,
            actions=actions,
        )
        return module

    @property
    def options(self) -> SettingOptions:
        """What the file says for `evaluate(loaded.env_id, loaded.weights, loaded.policy, **loaded.options)`.

        Those of env_kwargs, reset_options, observation, max_episode_steps and normalize that are not None, and of
        epsilon and sticky that are not 0; stop, no_ops and action_repeat where there are any.
        """
        return checked_setting({name: getattr(self, name) for name in SETTING_NAMES})

    def options_for(self, env_id: str) -> SettingOptions:
        """What of `options` is played in an environment: in another than the file's, what the policy sees alone.

        Raises:
            InputError: there is no such environment.
        """
        entry, options = resolve(env_id), self.options
        if self.env_id is None or self.env_id.lower() in (entry.id.lower(), entry.short_name.lower()):
            return options
        seen: Any = {name: value for name, value in options.items() if name in ("observation", "normalize")}
        return checked_setting(seen)


def load_weights(
    path: str | os.PathLike[str],
    policy: AnyPolicy | str | None = None,
    *,
    layout: str | None = None,
    memory_map: bool = False,
) -> LoadedWeights:
    """Read weights from .npy, .npz or .safetensors; float64 and float16 are cast to float32.

    A .npz or .safetensors file holds an array called "weights", or any one array, of shape (D,) or (P, D); or, where
    the policy is known, one individual's state dict, also of Stable-Baselines3, or its arrays by layer, W1, b1, ... or
    arr_0, arr_1, ... (`Policy.from_arrays`).

    Args:
        path: the file.
        policy: what the weights are for; wins over what the file says.
        layout: "out_in" or "in_out", of arrays by layer whose shapes leave it open; see `Policy.from_arrays`.
        memory_map: leave the numbers of a .npy file where they are, so that a population may be larger than the memory.
            This needs float32 in C order; anything else is read. The file must not be changed meanwhile.

    Raises:
        InputError: the file is missing, empty, truncated, pickled, of another format, promises more than it has, or
            does not fit the policy.

    Warns:
        WeightsWarning: numbers are rounded to float32, or tensors left out that no action depends on.
    """
    path = file_path("weights", path)
    given = None if policy is None else as_policy(policy)
    check_flag("memory_map", memory_map)
    name = f"weights: {named(path)}"
    content = _read(path, name, memory_map)
    described = _describe(path, content)
    known = given or described.policy
    options: Any = described.options
    if GRAPH_MARK in content.arrays:
        graphs = read_graphs(content.arrays, name)
        if known is not None and not isinstance(known, GraphPolicy):
            raise InputError(f"{name}: expected weights for {known}, got graphs, which a policy such as neat:4-2 plays")
        return LoadedWeights(graphs, known, described.env_id, path, **options)
    if isinstance(known, GraphPolicy):
        raise InputError(f"{name}: expected graphs for {known}, got other arrays")
    weights = _weights_of(content, known, name, layout)
    if weights.ndim not in (1, 2) or weights.shape[-1] == 0:
        raise InputError(f"{name}: expected shape (D,) or (P, D), got {weights.shape}")
    if known is not None and weights.shape[-1] != known.n_params:
        source = "" if given else " (the policy that it names)"
        raise InputError(f"{name}: expected shape (P, {known.n_params}) for {known}{source}, got {weights.shape}")
    return LoadedWeights(np.atleast_2d(weights), known, described.env_id, path, **options)


def _read(path: Path, name: str, memory_map: bool) -> ArrayFile:
    if path.suffix.lower() in _PICKLES:
        raise PickleError(_conversion(path))
    if path.suffix not in SUFFIXES:
        raise InputError(f"{name}: expected .npy, .npz or .safetensors, got {named(path.suffix) or 'no suffix'}")
    try:
        with open_regular(path, name) as (stream, size):
            if size == 0:
                raise InputError(f"{name}: expected a {path.suffix} file, got an empty one")
            if stream.read(1) == b"\x80" and path.suffix != ".safetensors":
                raise InputError(f"{name}: expected a {path.suffix} file, got a Python pickle, which is never opened")
            stream.seek(0)
            if path.suffix == ".npy":
                read = map_npy if memory_map else read_npy
                return ArrayFile({"weights": read(stream, size, name)}, {})
            if path.suffix == ".safetensors":
                return read_safetensors(stream, size, name)
            holds_graphs = GRAPH_MARK in npz_names(stream)
            return read_npz(stream, size, name, "biufU" if holds_graphs else "f")
    except FileNotFoundError:
        raise InputError(f"weights: no such file: {named(path)}") from None


def _conversion(path: Path) -> str:
    """Return the message for a pickle, with the two lines that convert a state dict where it is trusted."""
    converted = str(path.with_suffix(".npy"))
    return (
        f"weights: {named(path)}: expected .npy, .npz or .safetensors, got a pickle, which is never opened here; "
        "convert it:\n"
        f"  import numpy, torch; state = torch.load({str(path)!r}, weights_only=True)\n"
        f"  numpy.save({converted!r}, torch.cat([t.detach().float().cpu().flatten() for t in state.values()]).numpy())"
    )


def _weights_of(content: ArrayFile, policy: Policy | None, name: str, layout: str | None) -> NDArray[np.float32]:
    arrays = content.arrays
    # A lone "0.weight" is the state dict of a single layer without bias.
    is_state_dict = policy is not None and all(name.rpartition(".")[2] == "weight" for name in arrays)
    if layout is None and ("weights" in arrays or (len(arrays) == 1 and not is_state_dict)):
        given = arrays.get("weights", next(iter(arrays.values())))
        weights = float_array(name, given)
        notice_rounding(name, [(given, weights)])
        return weights
    if policy is None:
        names = ", ".join(arrays) or "none"
        raise InputError(f"{name}: expected one array, or a state dict and the policy it is for, got {named(names)}")
    try:
        return from_names(policy, arrays, layout)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


@dataclass(frozen=True)
class _Description:
    policy: AnyPolicy | None = None
    env_id: str | None = None
    options: SettingOptions = field(default_factory=SettingOptions)


def _describe(path: Path, content: ArrayFile) -> _Description:
    """Return what the sidecar or the metadata say; files of other programs, which have neither, say nothing."""
    if path.suffix == ".safetensors":
        if content.metadata.get("format") != FORMAT:  # PyTorch writes "pt"
            return _Description()
        name = f"weights: {named(path)}: metadata"
        return _checked_description(_parsed_metadata(content.metadata, name), name)
    sidecar = sidecar_of(path)
    name = f"weights: {named(sidecar)}"
    try:
        with open_regular(sidecar, name) as (stream, size):
            if size > LONGEST_DESCRIPTION:
                raise InputError(f"{name}: expected at most {LONGEST_DESCRIPTION} bytes, got {size}")
            text = stream.read(size)
    except FileNotFoundError:
        return _Description()
    try:
        return _checked_description(json.loads(text), name)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: expected JSON: {first_line(error)}") from None


def _parsed_metadata(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return metadata, which are strings, with those parsed that a sidecar has as JSON."""
    parsed: dict[str, Any] = dict(metadata)
    for key in set(_JSON_IN_METADATA) & set(metadata):
        if len(metadata[key]) > LONGEST_DESCRIPTION:
            raise InputError(f"{name}: {key}: expected at most {LONGEST_DESCRIPTION} bytes, got {len(metadata[key])}")
        try:
            parsed[key] = json.loads(metadata[key])
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}: {key}: expected JSON: {first_line(error)}") from None
    return parsed


def _checked_description(description: Any, name: str) -> _Description:
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise InputError(f'{name}: expected "format": "{FORMAT}", got {shown(description)}')
    if str(description.get("version")) not in [str(version) for version in VERSIONS]:
        versions = " or ".join(str(version) for version in VERSIONS)
        raise InputError(f"{name}: expected version {versions}, got {shown(description.get('version'))}")
    spelled, env_id = description.get("policy"), description.get("env_id")
    if not isinstance(env_id, str | None):
        raise InputError(f"{name}: expected env_id to be a string, got {shown(env_id)}")
    try:
        policy = None if spelled is None else as_policy(spelled)
        return _Description(policy, env_id, read_setting(description, env_id))
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
