"""Rules of an episode that the environment knows nothing of: when it is stopped early, and what its first steps play.

    >>> str(StopRules.of({"patience": 50, "return_below": -5}))
    'patience=50,return_below=-5.0'
    >>> str(StopRules.of({"condition": "y<.1 and leg_contact"}))
    'condition=y < 0.1 and leg_contact'
    >>> NoOps.of("10:3")
    NoOps(count=10, action=3)

A step is an action of the policy, behind a frame skip too. `docs/api.md` has the loop that both stand for. The
extension applies them; depends on conditions, registry, scalars, messages and errors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np

from evalengine.arguments import named_options, options_of
from evalengine.environments.conditions import canonical, raw_condition
from evalengine.environments.grammar import parsed_condition
from evalengine.environments.nodes import RawExpression
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.scalars import as_integer, as_number, check_integer, items_of

STOP_RULES = ("", "patience", "return_below", "condition")
"""The names of the numbers in `Evaluation.stopped`; 0 is an episode that no rule has stopped."""

RawRules: TypeAlias = tuple[int, list[float], int | None, float, float | None, RawExpression | None]
NO_RULES: RawRules = (0, [], None, 0.0, None, None)
_MOST_STEPS = 2**31 - 1
_STOP_SPELLING = "such as 'patience=50,reward_above=0,return_below=-5' or 'condition=x > 3'"
_NO_OPS_SPELLING = "such as '10', '10:3' or '10:0/1/0'"


@dataclass(frozen=True)
class StopRules:
    """When an episode is stopped, after a step that has not ended it; the first rule that holds is the one that counts.

    Attributes:
        patience: so many steps in a row without a reward above `reward_above` stop it.
        reward_above: the bound that a reward must be above; behind a frame skip, the sum of its rewards.
        return_below: a sum of all rewards so far that is less stops it.
        condition: a step of which it holds stops it: a condition of descriptors, such as "x > 3" or "y < 0.1 and
            not leg_contact", on the fields of the step (`EnvironmentEntry.fields`); see `Condition`.

    Raises:
        InputError: a value of another type or out of its range, or `reward_above` without `patience`.
    """

    patience: int | None = None
    reward_above: float = 0.0
    return_below: float | None = None
    condition: str | None = None

    def __post_init__(self) -> None:
        if self.patience is not None:
            patience = check_integer("stop: patience", self.patience, least=1, most=_MOST_STEPS)
            object.__setattr__(self, "patience", patience)
        object.__setattr__(self, "reward_above", _checked_bound("reward_above", self.reward_above))
        if self.return_below is not None:
            object.__setattr__(self, "return_below", _checked_bound("return_below", self.return_below))
        if self.patience is None and self.reward_above != 0:
            raise InputError("stop: reward_above: expected patience beside it, got none")
        if self.condition is not None:
            object.__setattr__(self, "_given", self.condition)
            object.__setattr__(self, "condition", _checked_condition(self.condition))

    def __str__(self) -> str:
        """Return the canonical spec, which `of` reads; "" if there are no rules."""
        said = {
            "patience": self.patience,
            "reward_above": self.reward_above or None,
            "return_below": self.return_below,
            "condition": self.condition,
        }
        return ",".join(f"{name}={value}" for name, value in said.items() if value is not None)

    @classmethod
    def of(cls, value: StopLike | None) -> StopRules | None:
        """Return the rules that a mapping or a spec means; None where there are none.

        Raises:
            InputError: neither of the two, an unknown rule, or a value that it does not take.
        """
        return options_of("stop", cls, value, _parsed_stop, _STOP_SPELLING)

    def raw_condition(self, entry: EnvironmentEntry) -> RawExpression | None:
        """Return the condition as the extension takes it; None is never met.

        Raises:
            InputError: a field that the environment does not have.
        """
        if self.condition is None:
            return None
        return raw_condition(getattr(self, "_given", self.condition), entry, "stop: condition")


@dataclass(frozen=True)
class NoOps:
    """What the first steps of an episode play instead of what the policy says.

    Attributes:
        count: how many they are.
        action: an index, or a value for each dimension of a Box, rounded to float32; None is 0, or of a Box what is
            nearest to 0 within its bounds.

    Raises:
        InputError: a value of another type or out of its range.
    """

    count: int
    action: int | Sequence[float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", check_integer("no_ops: count", self.count, least=0, most=_MOST_STEPS))
        if self.action is not None:
            object.__setattr__(self, "action", _checked_action(self.action))

    def __str__(self) -> str:
        """Return the canonical spec, which `of` reads."""
        if self.action is None:
            return str(self.count)
        values = self.action if isinstance(self.action, tuple) else (self.action,)
        return f"{self.count}:{'/'.join(map(str, values))}"

    @classmethod
    def of(cls, value: NoOpsLike) -> NoOps:
        """Return what a number of steps, a mapping or a spec means.

        Raises:
            InputError: none of these, or a value that cannot be used.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return _parsed_no_ops(value)
        if isinstance(value, Mapping):
            given = named_options("no_ops", value, [field.name for field in fields(cls)])
            if "count" not in given:
                raise InputError(f"no_ops: expected a count, got {shown(value)}")
            return cls(**given)
        return cls(check_integer("no_ops", value, least=0, most=_MOST_STEPS))

    def raw_action(self, entry: EnvironmentEntry) -> list[float]:
        """Return the action as the extension takes it: an index alone, or float32 values.

        Raises:
            InputError: the environment does not have it.
        """
        if entry.n_actions is not None:
            if self.action is None:
                return [0.0]
            if not isinstance(self.action, int) or not 0 <= self.action < entry.n_actions:
                expected = f"an integer from 0 to {entry.n_actions - 1}"
                raise InputError(f"no_ops: action: expected {expected}, got {shown(self.action)}")
            return [float(self.action)]
        assert entry.action_low is not None and entry.action_high is not None
        if self.action is None:
            return [min(max(0.0, low), high) for low, high in zip(entry.action_low, entry.action_high, strict=True)]
        values = _checked_action((self.action,)) if isinstance(self.action, int) else self.action
        n = len(entry.action_low)
        if not isinstance(values, tuple) or len(values) != n:
            raise InputError(f"no_ops: action: expected {n} number{'s' * (n != 1)}, got {shown(self.action)}")
        return list(values)


StopLike: TypeAlias = StopRules | Mapping[str, Any] | str
"""Rules, a mapping of their names to values, or their spec."""
NoOpsLike: TypeAlias = NoOps | Mapping[str, Any] | int | str
"""No-ops, their number, a mapping of the names to values, or their spec."""


def check_action_repeat(action_repeat: object) -> int:
    """Return how many times each action is played.

    Raises:
        InputError: it is no count.
    """
    return check_integer("action_repeat", action_repeat, least=1, most=_MOST_STEPS)


def raw_rules(stop: StopLike | None, no_ops: NoOpsLike, entry: EnvironmentEntry) -> RawRules:
    """Return both as the extension takes them.

    Raises:
        InputError: one of them cannot be used in this environment.
    """
    rules, first = StopRules.of(stop) or StopRules(), NoOps.of(no_ops)
    bounds = rules.patience, rules.reward_above, rules.return_below
    action = first.raw_action(entry)  # which is checked, whether it is played or not
    return first.count, action if first.count else [], *bounds, rules.raw_condition(entry)


def _checked_condition(text: object) -> str:
    if not isinstance(text, str):
        raise InputError(f"stop: condition: expected a spec such as 'x > 3', got {shown(text)}")
    return canonical("stop: condition", parsed_condition, text)


def _checked_bound(name: str, value: object) -> float:
    number = as_number(value)
    if number is None or not math.isfinite(number):
        raise InputError(f"stop: {name}: expected a finite number, got {shown(value)}")
    return number


def _checked_action(action: object) -> int | tuple[float, ...]:
    if (index := as_integer(action)) is not None:
        return index
    items = items_of(action, (tuple, list, np.ndarray))
    numbers = [as_number(item) for item in items or ()]
    with np.errstate(over="ignore"):
        values = [float(np.float32(number)) for number in numbers if number is not None]
    if not values or len(values) != len(numbers) or not all(map(math.isfinite, values)):
        raise InputError(f"no_ops: action: expected an integer or finite numbers, got {shown(action)}")
    return tuple(values)


def _parsed_stop(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for part in text.split(",") if text.strip() else []:
        name, equals, value = (piece.strip() for piece in part.partition("="))
        number = value if name == "condition" else _number(value)
        if not equals or number is None:
            raise InputError(f"stop: expected a spec {_STOP_SPELLING}, got {shown(part)}")
        if name in parsed:
            raise InputError(f"stop: expected each rule once, got {shown(name)} twice in {shown(text)}")
        parsed[name] = number
    return parsed


def _parsed_no_ops(text: str) -> NoOps:
    count, colon, action = (piece.strip() for piece in text.partition(":"))
    values = [_number(value.strip()) for value in action.split("/")] if colon else []
    if not re.fullmatch(r"[0-9]{1,10}", count) or None in values:
        raise InputError(f"no_ops: expected a spec {_NO_OPS_SPELLING}, got {shown(text)}")
    numbers = [value for value in values if value is not None]
    # One integer may be an index, or the value of one dimension, which the environment tells.
    is_index = len(numbers) == 1 and isinstance(numbers[0], int)
    return NoOps(int(count), int(numbers[0]) if is_index else numbers or None)


def _number(text: str) -> int | float | None:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", text):
        return float(text)
    return None
