"""What a policy plays in, beside its environment's name: the keywords of `evaluate` that a weight file remembers.

    keywords ──► checked_setting ──► described_setting ──► JSON ──► read_setting ──► keywords

Weights that were trained behind a normalisation, or behind a frame skip, are another policy without it. Numbers come
back with the same bits: JSON has every digit of a float64, and so of a float32. Depends on the environments, arguments
and scalars.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import named_values, plain_array
from evalengine.environments.native import make
from evalengine.environments.normalization import Normalization, check_normalization
from evalengine.environments.observation import ObservationLike, ObservationOptions
from evalengine.environments.registry import describe
from evalengine.environments.rules import NoOps, NoOpsLike, StopLike, StopRules, check_action_repeat, raw_rules
from evalengine.errors import InputError
from evalengine.messages import kind, named, shown
from evalengine.scalars import check_integer, check_probability


class SettingOptions(TypedDict, total=False):
    """The keywords of `evaluate` that belong to a policy, not to a call."""

    env_kwargs: Mapping[str, Any] | None
    reset_options: Mapping[str, float] | None
    observation: ObservationLike | None
    max_episode_steps: int | None
    normalize: Normalization | None
    epsilon: float
    sticky: float
    stop: StopLike | None
    no_ops: NoOpsLike
    action_repeat: int


SETTING_NAMES = tuple(SettingOptions.__annotations__)
"""In the order in which they are written."""
_SPELLED = ("observation", "stop", "no_ops")
"""Those that a file has as spellings."""


def checked_setting(options: Mapping[str, Any], env_id: str | None = None) -> SettingOptions:
    """Return those options that say something, each as a value of its own: a dict, `ObservationOptions`, an int.

    Args:
        options: some of `SettingOptions`.
        env_id: the environment, which says what it takes; None leaves it to who names one.

    Raises:
        InputError: a value that `evaluate` would refuse; the message names it.
    """
    limit, normalize = options.get("max_episode_steps"), options.get("normalize")
    check_normalization(normalize)
    checked: SettingOptions = {
        "env_kwargs": named_values("env_kwargs", options.get("env_kwargs")) or None,
        "reset_options": named_values("reset_options", options.get("reset_options")) or None,
        "observation": ObservationOptions.of(options.get("observation")),
        "max_episode_steps": None
        if limit is None
        else check_integer("max_episode_steps", limit, least=1, most=2**31 - 1),
        "normalize": normalize,
    }
    for name in ("epsilon", "sticky"):
        given: Any = options.get(name)
        if given is not None and (probability := check_probability(name, given)) > 0:
            checked[name] = probability
    if (stop := StopRules.of(options.get("stop"))) is not None:
        checked["stop"] = stop
    if (first := options.get("no_ops")) is not None and (no_ops := NoOps.of(first)).count > 0:
        checked["no_ops"] = no_ops
    if (times := options.get("action_repeat")) is not None and (action_repeat := check_action_repeat(times)) > 1:
        checked["action_repeat"] = action_repeat
    if env_id is not None:
        _check_fits(env_id, checked)
    return _said(checked)


def described_setting(options: SettingOptions) -> dict[str, Any]:
    """Return what `checked_setting` gave as values for JSON, in one order."""
    described: dict[str, Any] = {name: options.get(name) for name in SETTING_NAMES if name in options}
    for name in _SPELLED:
        if name in described:
            described[name] = str(described[name])
    if "normalize" in described:
        normalize = described["normalize"]
        described["normalize"] = {
            "dtype": "float32",
            "mean": normalize.mean.tolist(),
            "std": normalize.std.tolist(),
            "clip": normalize.clip,
        }
    return described


def read_setting(description: Mapping[str, Any], env_id: str | None) -> SettingOptions:
    """Return the options that `described_setting` described, from what came out of a file.

    Args:
        description: values from JSON, which may be anything; names of no option are not looked at.
        env_id: the environment that the file names; what it does not take is refused, if there are options at all.

    Raises:
        InputError: one line that names the option, what was expected and what was got.
    """
    given = {name: description[name] for name in SETTING_NAMES if description.get(name) is not None}
    for name in _SPELLED:
        if name in given and not isinstance(given[name], str):
            raise InputError(f"{name}: expected a spec, got {shown(given[name])}")
    if "normalize" in given:
        given["normalize"] = _read_normalization(given["normalize"])
    return checked_setting(given, env_id if given else None)


def spelled_setting(options: SettingOptions) -> str:
    """Return options for people, on one line; of a normalisation its shape and its clip."""
    parts = []
    for name in SETTING_NAMES:
        value: Any = options.get(name)
        if isinstance(value, Normalization):
            clip = "" if value.clip is None else f", clipped to {value.clip:g}"
            parts.append(f"{name} by mean and std of shape {value.mean.shape}{clip}")
        elif isinstance(value, Mapping):
            parts.append(" ".join([name, *(f"{key}={json.dumps(number)}" for key, number in value.items())]))
        elif value is not None:
            parts.append(f"{name} {value}")
    return named("; ".join(parts))


def _said(options: SettingOptions) -> SettingOptions:
    said: Any = {name: value for name, value in options.items() if value is not None}
    known: SettingOptions = said
    return known


def _check_fits(env_id: str, options: SettingOptions) -> None:
    """Ask the environment; only a reset can say what it makes of its options."""
    kwargs: dict[str, Any] = dict(options["env_kwargs"] or {})
    observation = options["observation"]
    entry = describe(env_id, kwargs, observation)
    if (normalize := options["normalize"]) is not None:
        normalize.raw(entry)
    raw_rules(options.get("stop"), options.get("no_ops", 0), entry)
    action_repeat = options.get("action_repeat", 1)
    if kwargs or options["reset_options"] or action_repeat > 1:
        env = make(env_id, observation=observation, action_repeat=action_repeat, **kwargs)
        env.reset(0, options["reset_options"])


def _read_normalization(value: Any) -> Normalization:
    if not isinstance(value, dict):
        raise InputError(f"normalize: expected mean, std and clip by name, got {shown(value)}")
    for name in value:
        if name not in ("dtype", "mean", "std", "clip"):
            raise InputError(f"normalize: expected dtype, mean, std and clip, got {shown(name)}")
    if (dtype := value.get("dtype", "float32")) != "float32":
        raise InputError(f"normalize: dtype: expected float32, got {shown(dtype)}")
    return Normalization(
        _read_numbers("mean", value.get("mean")), _read_numbers("std", value.get("std")), value.get("clip")
    )


def _read_numbers(name: str, value: Any) -> NDArray[np.float32]:
    """Return nested lists of JSON's numbers as an array; those that a float32 was written as, as that float32."""
    if not isinstance(value, list):
        raise InputError(f"normalize: {name}: expected a list of numbers, got {kind(value)}")
    array = plain_array(f"normalize: {name}", value)
    if array.dtype.kind not in "iuf":
        raise InputError(f"normalize: {name}: expected numbers, got {shown(value)}")
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is refused as such
        return array.astype(np.float32)
