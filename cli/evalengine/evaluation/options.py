"""The keywords of an evaluation: their names, types and defaults, stated here only; `evaluate` says what each one does.

Those that a weight file remembers, too, are `SettingOptions`; those of every share of a population, wherever it is run,
are `ShareOptions`; a call on this machine has more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any, Literal, TypeVar

from numpy.typing import ArrayLike

from evalengine.evaluation.cancellation import CancelToken
from evalengine.evaluation.descriptors import DescriptorLike
from evalengine.policies.setting import SettingOptions
from evalengine.progress import Progress
from evalengine.scalars import check_integer

_Function = TypeVar("_Function", bound=Callable[..., Any])


class ShareOptions(SettingOptions, total=False):
    """What every share is evaluated with, beside its weights and seeds."""

    on_nan: Literal["raise"] | float
    keep: Collection[str]
    descriptors: Sequence[DescriptorLike]
    trajectories: Collection[int]
    collect_statistics: bool


class BatchOptions(ShareOptions, total=False):
    """And how a call on this machine is run."""

    threads: int | None
    progress: Progress | bool | None
    cancel: CancelToken | None


class EvaluateOptions(BatchOptions, total=False):
    """All keywords of `evaluate`."""

    episodes: int | None
    seeds: ArrayLike | None


DEFAULTS: EvaluateOptions = {
    "episodes": None,
    "seeds": None,
    "env_kwargs": None,
    "reset_options": None,
    "observation": None,
    "max_episode_steps": None,
    "on_nan": "raise",
    "keep": (),
    "descriptors": (),
    "trajectories": (),
    "normalize": None,
    "epsilon": 0.0,
    "sticky": 0.0,
    "stop": None,
    "no_ops": 0,
    "action_repeat": 1,
    "collect_statistics": False,
    "threads": None,
    "progress": None,
    "cancel": None,
}


def check_keywords(function: str, options: Mapping[str, object], known: frozenset[str]) -> None:
    """Refuse a keyword that a function with `**options` does not have, in Python's own words.

    Raises:
        TypeError: there is one.
    """
    if not options.keys() <= known:
        unknown = next(name for name in options if name not in known)
        raise TypeError(f"{function}() got an unexpected keyword argument '{unknown}'")


def check_threads(threads: object) -> int | None:
    """Return a number of threads, or None.

    Raises:
        InputError: it is neither None nor a count.
    """
    # More threads than any machine has only cost memory.
    return None if threads is None else check_integer("threads", threads, least=1, most=1024)


def spelled_out(function: _Function) -> _Function:
    """Let `inspect.signature`, and so `help`, show a function's `**options` as the `EvaluateOptions` that they are."""
    shown = signature(function)
    *own, _ = shown.parameters.values()
    types = EvaluateOptions.__annotations__
    stated = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=types[name].__forward_arg__)
        for name, default in DEFAULTS.items()
    ]
    function.__signature__ = shown.replace(parameters=[*own, *stated])  # type: ignore[attr-defined]
    return function
