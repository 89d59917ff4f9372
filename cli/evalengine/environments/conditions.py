"""What holds of a step: conditions on its fields, of descriptors and of rules that stop an episode.

    >>> str(Condition.of("x<.5 or not leg_contact"))
    'x < 0.5 or not leg_contact'

The language is that of `grammar`, the fields are those of `EnvironmentEntry.fields`; the extension looks at them.
Depends on the language, the registry, messages and errors.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from evalengine.environments.grammar import parsed_condition
from evalengine.environments.nodes import Field, Node, RawExpression, RawField, operations
from evalengine.environments.registry import EnvironmentEntry
from evalengine.environments.tokens import SpellingError, check_length
from evalengine.errors import InputError
from evalengine.messages import shown

MOST_CHARACTERS = 2000
"""Of a spec as users write it."""
# The spec that stands for others has longer numbers, and spaces.
_MOST_OF_A_PART = 5 * MOST_CHARACTERS


@dataclass(frozen=True)
class Condition:
    """What holds of a step.

    Attributes:
        spec: fields of `EnvironmentEntry.fields` and numbers, their sums, differences and `abs(...)`, compared by
            < <= > >= == !=, and these joined by `and`, `or`, `not` and parentheses; a value alone holds where it is
            not 0. It becomes the one spec that stands for all that mean the same.

    Raises:
        InputError: no spec of a condition; the error's note points at the character.
    """

    spec: str

    def __post_init__(self) -> None:
        if not isinstance(self.spec, str):
            raise InputError(f"condition: expected a spec such as 'x < 0.5', got {shown(self.spec)}")
        object.__setattr__(self, "_given", self.spec)
        object.__setattr__(self, "spec", canonical("condition", parsed_condition, self.spec))

    def __str__(self) -> str:
        """Return the spec: "leg_contact" or "x < 0.5 or not leg_contact"."""
        return self.spec

    @classmethod
    def of(cls, value: ConditionLike) -> Condition:
        """Return a condition as it is, or the one that a spec means.

        Raises:
            InputError: neither.
        """
        return value if isinstance(value, cls) else cls(value)  # type: ignore[arg-type]  # which it checks

    def raw(self, entry: EnvironmentEntry, name: str = "condition") -> RawExpression:
        """Return the condition as the extension takes it, with the fields of one environment.

        Raises:
            InputError: a field that the environment does not have; the message begins with `name`.
        """
        return raw_condition(getattr(self, "_given", self.spec), entry, name)


ConditionLike: TypeAlias = Condition | str
"""A condition or its spec."""


def canonical(name: str, parse: Callable[[str], Node], text: str) -> str:
    """Return the one spec of all that mean the same.

    Raises:
        InputError: `parse` takes none; the message begins with `name`.
    """
    try:
        check_length(text, _MOST_OF_A_PART)
        return str(parse(text))
    except SpellingError as error:
        raise error.named(name) from None


def raw_condition(spec: str, entry: EnvironmentEntry, name: str) -> RawExpression:
    """Return a condition as the extension takes it, from the spec as it was written: errors point into that one.

    Raises:
        InputError: a field that the environment does not have; the message begins with `name`.
    """
    try:
        return operations(parsed_condition(spec), placing(entry, spec))
    except SpellingError as error:
        raise error.named(name) from None


def placing(entry: EnvironmentEntry, spelling: str) -> Callable[[Field], RawField]:
    """Return what says where the extension finds a field that stands in a spec.

    It raises a SpellingError where the environment has none of that name.
    """
    kinds = {"observation": entry.observation_fields, "action": entry.action_fields, "event": entry.event_fields}
    places = {name: (kind, index) for kind, names in kinds.items() for index, name in enumerate(names)}
    places |= {name: (name, 0) for name in ("reward", "return", "step")}

    def place(field: Field) -> RawField:
        if field.name in places:
            return places[field.name]
        near = difflib.get_close_matches(field.name, places, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        images = "" if entry.observation_fields else "; the values of its images have no names"
        raise SpellingError(
            spelling,
            field.at,
            f"expected a field of {entry.id}, got {shown(field.name)} at character {field.at + 1} of "
            f"{shown(spelling)}{hint} ({', '.join(entry.fields)}{images})",
        )

    return place
