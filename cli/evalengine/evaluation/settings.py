"""What is evaluated and how, apart from the individuals: a call's options, checked and as the extension takes them.

    environment, policy, options ──► settled ──► Settings

An evolution calls with the same ones again and again, mostly with none at all: those are looked up, since to check
them would take longer than to play a thousand steps. Depends on environments, policies and options.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine import _engine
from evalengine.arguments import named_values
from evalengine.environments.normalization import check_normalization
from evalengine.environments.observation import ObservationOptions, raw_options
from evalengine.environments.registry import EnvironmentEntry, describe
from evalengine.environments.rules import check_action_repeat, raw_rules
from evalengine.errors import InputError
from evalengine.evaluation.options import DEFAULTS
from evalengine.evaluation.variation import first_values, parted
from evalengine.messages import shown
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.heads import raw_head
from evalengine.policies.individuals import AnyPolicy, as_policy
from evalengine.policies.policy import Policy
from evalengine.scalars import as_number, check_flag, check_integer, check_probability, is_one_of, items_of

if TYPE_CHECKING:
    from evalengine.evaluation.variation import Arrays

_LOOKED_UP = frozenset(("episodes", "seeds", "threads", "progress", "cancel", "max_episode_steps"))
"""Options with which settings are looked up: the time limit, and what is none of them."""


class Settings(NamedTuple):
    """Nobody changes what is in here: calls share it.

    Attributes:
        entry: the environment, with its keyword arguments and wrappers.
        policy: one that fits it.
        kwargs: keyword arguments of the environment, those that are the same for all.
        varied: the others, as they were given.
        reset_options: of its resets.
        network: the policy's; of graphs one of their numbers of inputs and outputs, which says no more than them.
        head: the network's, as the extension takes it.
        are_bytes: observations are pixels that are not normalised.
        collects_statistics: of what the policies see.
        keywords: of the extension's `evaluate`, those of the others that are not its defaults.
    """

    entry: EnvironmentEntry
    policy: AnyPolicy
    kwargs: Mapping[str, bool | int | float]
    varied: Arrays
    reset_options: Mapping[str, bool | int | float]
    network: _engine.Network
    head: str
    are_bytes: bool
    collects_statistics: bool
    keywords: Mapping[str, Any]


def settled(env_id: str, policy: AnyPolicy | str, options: Mapping[str, Any]) -> Settings:
    """Return the settings of a call.

    Args:
        env_id: see `evaluate`.
        policy: see `evaluate`.
        options: the keywords of `evaluate` that were given.

    Raises:
        InputError: one of them cannot be used.
    """
    # What else may be passed need not have a hash, or one that tells it from others.
    limit = options.get("max_episode_steps")
    if type(env_id) is str and type(policy) in _HASHED and type(limit) in _HASHED and _LOOKED_UP.issuperset(options):
        return _with_limit(env_id, policy, limit)
    return _settled(env_id, policy, {**DEFAULTS, **options})


_HASHED = (str, int, NoneType, Policy, GraphPolicy)


@lru_cache(maxsize=64)
def _with_limit(env_id: str, policy: AnyPolicy | str, limit: object) -> Settings:
    return _settled(env_id, policy, {**DEFAULTS, "max_episode_steps": limit})


def _settled(env_id: str, policy: AnyPolicy | str, given: Mapping[str, Any]) -> Settings:
    seen = ObservationOptions.of(given["observation"])
    kwargs, varied = parted(given["env_kwargs"])
    reset_options = named_values("reset_options", given["reset_options"])
    entry = describe(env_id, first_values(kwargs, varied), seen)
    policy = as_policy(policy)
    policy.check_fits(entry)
    failure_fitness = _failure_fitness(given["on_nan"])
    if (limit := given["max_episode_steps"]) is not None:
        limit = check_integer("max_episode_steps", limit, least=1, most=2**31 - 1)
    epsilon, sticky = (check_probability(name, given[name]) for name in ("epsilon", "sticky"))
    rules = raw_rules(given["stop"], given["no_ops"], entry)
    check_flag("collect_statistics", given["collect_statistics"])
    keeps_final_observation = bool(_checked_keep(given["keep"]))
    check_normalization(normalize := given["normalize"])
    action_repeat = check_action_repeat(given["action_repeat"])
    network = policy if isinstance(policy, Policy) else _sizes(entry.n_inputs, entry.n_outputs)
    keywords = {
        "max_episode_steps": limit,
        "on_nan": failure_fitness,
        "keep_final_observation": keeps_final_observation,
        "observation": raw_options(seen),
        "normalization": None if normalize is None else normalize.raw(entry),
        "statistics": given["collect_statistics"],
        "exploration": (network.deviations, epsilon, sticky),
        "rules": rules,
        "action_repeat": action_repeat,
    }
    return Settings(
        entry=entry,
        policy=policy,
        kwargs=kwargs,
        varied=varied,
        reset_options=reset_options,
        network=network.network,
        head=raw_head(network),
        are_bytes=entry.observation_dtype == "uint8" and normalize is None,
        collects_statistics=given["collect_statistics"],
        keywords={name: value for name, value in keywords.items() if value != _KEYWORDS[name]},
    )


_KEYWORDS: dict[str, object] = {
    "max_episode_steps": None,
    "on_nan": None,
    "keep_final_observation": False,
    "observation": None,
    "normalization": None,
    "statistics": False,
    "exploration": ((), 0.0, 0.0),
    "rules": (0, [], None, 0.0, None, None),
    "action_repeat": 1,
}
"""Their defaults: to name one in a call takes as long as a step or two."""


@lru_cache(maxsize=16)
def _sizes(inputs: int, outputs: int) -> Policy:
    """Return a network's policy of these sizes, which says no more than them."""
    return Policy(f"mlp:{inputs}-{outputs}")


def _failure_fitness(on_nan: object) -> float | None:
    """Return the fitness of individuals that fail, or None if the evaluation shall fail with them."""
    if isinstance(on_nan, str) and on_nan == "raise":
        return None
    number = as_number(on_nan)
    if number is None:
        raise InputError(f"on_nan: expected 'raise' or a number, got {shown(on_nan)}")
    return number


def _checked_keep(keep: object) -> tuple[str, ...]:
    # A string is a collection too, of letters: keep="final_observation" must not be taken for its letters.
    names = items_of(keep, (tuple, list, set, frozenset))
    if names is None or not all(is_one_of(name, ("final_observation",)) for name in names):
        raise InputError(f"keep: expected () or ('final_observation',), got {shown(keep)}")
    return tuple(names)
