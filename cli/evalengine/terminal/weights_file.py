"""What `evaluate` and `replay` share: individuals of a weights file play episodes of one environment.

    weights file, options ──► loaded_weights, and what is said of them
    weights file, options ──► setting_of ──► keywords of `evaluate`
    weights file, index ────► selected ────► weights (P, D), positions in the file (P,)

Depends on the errors, the registry and what `load_weights` returns; the commands' own questions are in their own
configurations.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.observation import ObservationLike
from evalengine.errors import InputError, WeightsWarning
from evalengine.files.journal import is_of_a_run
from evalengine.files.whole import check_other_file
from evalengine.messages import named, shown
from evalengine.policies.individuals import Individuals
from evalengine.policies.loading import LoadedWeights, load_weights
from evalengine.policies.saving import sidecar_of
from evalengine.policies.setting import SettingOptions, checked_setting, spelled_setting


@dataclass(frozen=True)
class EpisodesConfig:
    """Which episodes individuals of a weights file play.

    Attributes:
        weights: a .npy, .npz or .safetensors file with one vector or a population.
        env: short name or full id; None takes what the file says, or the only environment that fits.
        policy: spelling; None takes what the file says, or the environment's default.
        layout: "out_in" or "in_out", of arrays by layer; None is told by their shapes.
        episodes: episodes per individual; None means as many as `seeds`, or `default_episodes`.
        seeds: the first seed of consecutive ones, or one seed for each episode; every individual plays the same.
        env_kwargs: keyword arguments of the environment; others are the file's.
        reset_options: options of every reset; others are the file's.
        observation: what is seen of images and vectors; see `evalengine.ObservationOptions`. None takes
            what the file says, "" has none of them.
        max_episode_steps: time limit in steps of the environment; None means the file's, then the environment's own.
        normalize: whether observations are normalised as the file says.
        epsilon: the probability of a random action; None means the file's.
        sticky: the probability that an action is the former one again; None means the file's.
        stop: when episodes are stopped early, a spelling of `StopRules`; None means what the file says, "" never.
        no_ops: what the first steps play, a spelling of `NoOps`; None means what the file says.
        action_repeat: how many times each action is played; None means the file's.
        threads: None means the cores that this process may use.
    """

    default_episodes: ClassVar[int]
    """Episodes per individual where neither their number nor their seeds are given."""

    weights: Path
    env: str | None = None
    policy: str | None = None
    layout: str | None = None
    episodes: int | None = None
    seeds: int | tuple[int, ...] = 0
    env_kwargs: Mapping[str, bool | int | float] = field(default_factory=dict)
    reset_options: Mapping[str, float] = field(default_factory=dict)
    observation: ObservationLike | None = None
    max_episode_steps: int | None = None
    normalize: bool = True
    epsilon: float | None = None
    sticky: float | None = None
    stop: str | None = None
    no_ops: str | None = None
    action_repeat: int | None = None
    threads: int | None = None

    @property
    def n_episodes(self) -> int:
        """E, for each individual; whether it can be played, and agrees with `seeds`, is `evaluate`'s to say."""
        if self.episodes is not None:
            return self.episodes
        return self.default_episodes if isinstance(self.seeds, int) else len(self.seeds)

    @property
    def episode_seeds(self) -> list[int]:
        """The seed of each of the E episodes."""
        if isinstance(self.seeds, int):
            return list(range(self.seeds, self.seeds + self.n_episodes))
        return [int(seed) for seed in self.seeds]

    def check_output(self, option: str, path: Path) -> None:
        """Refuse an output that would replace what is read, also where it has another name, or what is not finished.

        Args:
            option: the output's name, for the message.
            path: where it is to be written.

        Raises:
            InputError: it is the file of the weights or of their description, or belongs to an unfinished run.
        """
        check_other_file(option, path, self.weights, "the weights")
        # That of a link lies beside the link, and there may be one beside the file as well.
        for weights in (self.weights, Path(os.path.realpath(self.weights))):
            check_other_file(option, path, sidecar_of(weights), "the weights' description")
        if is_of_a_run(Path(os.path.realpath(path))):
            raise InputError(f"{option}: expected another file than those of an unfinished run, got {named(path)}")


def loaded_weights(config: EpisodesConfig, note: Callable[[str], object], *, memory_map: bool = False) -> LoadedWeights:
    """Return what the file holds; what is not taken exactly as it is there is told to `note`, a line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", WeightsWarning)
        loaded = load_weights(config.weights, config.policy, layout=config.layout, memory_map=memory_map)
    for warning in caught:
        if issubclass(warning.category, WeightsWarning):
            note(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return loaded


def setting_of(config: EpisodesConfig, loaded: LoadedWeights) -> tuple[SettingOptions, str]:
    """Return what the individuals play in, and a line about what of it is the file's, "" if nothing is.

    What is asked for wins over the file, of keyword arguments and reset options each on its own. In another environment
    than the file's, only what the policy sees is the file's: observation and normalisation.

    Raises:
        InputError: a name or a value that cannot be used.
    """
    of_file: dict[str, Any] = dict(loaded.options if config.env is None else loaded.options_for(config.env))
    if not config.normalize:
        of_file.pop("normalize", None)
    asked: dict[str, Any] = {
        "env_kwargs": config.env_kwargs,
        "reset_options": config.reset_options,
        "observation": config.observation,
        "max_episode_steps": config.max_episode_steps,
        "epsilon": config.epsilon,
        "sticky": config.sticky,
        "stop": config.stop,
        "no_ops": config.no_ops,
        "action_repeat": config.action_repeat,
    }
    for name in ("env_kwargs", "reset_options"):
        of_file[name] = {key: value for key, value in of_file.get(name, {}).items() if key not in asked[name]}
        asked[name] = {**of_file[name], **asked[name]}
    for name in asked.keys() - {"env_kwargs", "reset_options"}:
        if asked[name] is not None:
            of_file.pop(name, None)
    setting = checked_setting({**of_file, **{name: value for name, value in asked.items() if value is not None}})
    said = spelled_setting(checked_setting(of_file))
    return setting, f"as {named(loaded.path)} says: {said}" if said else ""


def selected(
    loaded: LoadedWeights, index: int | Literal["best"] | None, expected: str
) -> tuple[Individuals, NDArray[np.int64]]:
    """Return the individuals to evaluate, weights (P, D) or P graphs, and their positions (P,) in the file.

    Args:
        loaded: the file's population.
        index: one of them, counted from 0; None means all, and "best" all of a population that has any.
        expected: which indices the command takes, for the message.

    Raises:
        InputError: the file has no such individual.
    """
    population = len(loaded.weights)
    if index is None or (index == "best" and population > 0):
        return loaded.weights, np.arange(population, dtype=np.int64)
    if index == "best" or not 0 <= index < population:
        individuals = f"the {population} individuals in {named(loaded.path)}"
        raise InputError(f"index: expected {expected} among {individuals}, got {shown(index)}")
    return loaded.weights[index : index + 1], np.array([index], dtype=np.int64)
