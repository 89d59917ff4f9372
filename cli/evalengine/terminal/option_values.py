"""Options of the command line that Typer has no type for: text in, values out, or one line that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from evalengine.errors import InputError
from evalengine.messages import shown


def parse_settings(option: str, settings: Sequence[str]) -> dict[str, bool | int | float]:
    """Return the keyword arguments that repeated `key=value` options spell.

    A value is `true` or `false`, an integer, or a float; what an environment accepts is the environment's to say.

    Args:
        option: the option's name, for messages.
        settings: its values, one for each time that it was given.

    Raises:
        InputError: not `key=value`, a value of another kind, or a key given twice.
    """
    parsed: dict[str, bool | int | float] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        value = _scalar(text)
        if not key or not equals or value is None:
            raise InputError(f"{option}: expected key=value with a number, true or false, got {shown(setting)}")
        if key in parsed:
            raise InputError(f"{option}: expected each key once, got {shown(key)} twice")
        parsed[key] = value
    return parsed


def parse_seeds(first: int | None, listed: str | None) -> int | tuple[int, ...]:
    """Return the first of consecutive seeds (--seed, 0 by default), or the listed ones (--seeds 3,17,99).

    Raises:
        InputError: both are given, or the list is not one of integers.
    """
    if listed is None:
        return 0 if first is None else first
    if first is not None:
        raise InputError("--seeds: expected either --seed or --seeds, got both")
    try:
        return tuple(int(seed) for seed in listed.split(","))
    except ValueError:
        raise InputError(f"--seeds: expected integers separated by commas, got {shown(listed)}") from None


def with_skip(observation: str | None, skip: int | None) -> str | None:
    """Return the spec of --observation with the frame skip of --skip; who reads the spec checks both.

    Raises:
        InputError: the spec has a skip of its own.
    """
    if skip is None:
        return observation
    parts = [part for part in (observation or "").split(",") if part.strip()]
    if any(part.partition("=")[0].strip() == "skip" for part in parts):
        raise InputError(f"--skip: expected either --skip or skip in --observation, got both in {shown(observation)}")
    return ",".join([f"skip={skip}", *parts])


def parse_index(text: str) -> int | Literal["best"]:
    """Return "best", or the position of an individual.

    Raises:
        InputError: neither.
    """
    if text.strip().lower() == "best":
        return "best"
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--index: expected best or a position from 0, got {shown(text)}") from None


def parse_on_nan(text: str) -> Literal["raise"] | float:
    """Return "raise", or the fitness that an individual with NaN or infinite logits is given.

    Raises:
        InputError: neither.
    """
    if text.strip().lower() == "raise":
        return "raise"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--on-nan: expected raise or a number, got {shown(text)}") from None


def parse_names(option: str, text: str | None) -> tuple[str, ...] | None:
    """Return the names in a comma-separated list, or None where the option was not given.

    Raises:
        InputError: a name is empty or given twice.
    """
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if "" in names or len(set(names)) != len(names):
        raise InputError(f"{option}: expected different names separated by commas, got {shown(text)}")
    return names


def _scalar(text: str) -> bool | int | float | None:
    """Return the value that `text` spells, or None."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return None
