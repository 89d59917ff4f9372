"""What holds of a step: conditions on its fields, of descriptors and of rules that stop an episode.

    >>> parsed_conditions("leg_contact and x < 0.5")
    (Condition(field='leg_contact', comparison='!=', value=0.0), Condition(field='x', comparison='<', value=0.5))

The fields are those of `EnvironmentEntry.fields`; the extension looks at them. Depends on the registry, scalars,
messages and errors.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.messages import named, shown
from evalengine.scalars import as_number, is_one_of

COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
_CONDITION = re.compile(r"(\w+)(?:\s*(<=|>=|==|!=|<|>)\s*(\S+))?")

# As the extension takes them: ("observation", 3); (field, "<", 0.5).
RawField: TypeAlias = tuple[str, int]
RawCondition: TypeAlias = tuple[RawField, str, float]


@dataclass(frozen=True)
class Condition:
    """What holds of a step: a field compared with a number; by default, that it is not 0.

    Attributes:
        field: a name from `EnvironmentEntry.fields`.
        comparison: "<", "<=", ">", ">=", "==" or "!=".
        value: the right side, not NaN.

    Raises:
        InputError: a comparison or a value that is none.
    """

    field: str
    comparison: str = "!="
    value: float = 0.0

    def __post_init__(self) -> None:
        check_name(self.field)
        if not is_one_of(self.comparison, COMPARISONS):
            raise InputError(
                f"descriptor: expected a comparison of {' '.join(COMPARISONS)}, got {shown(self.comparison)}"
            )
        value = as_number(self.value)
        if value is None or value != value:
            raise InputError(
                f"descriptor: expected a number to compare {named(self.field)} with, got {shown(self.value)}"
            )
        object.__setattr__(self, "value", value)

    def __str__(self) -> str:
        """Return the spelling: "leg_contact" or "x < 0.5"."""
        return self.field if self == Condition(self.field) else f"{self.field} {self.comparison} {self.value!r}"


def parsed_conditions(text: str, whole: str | None = None) -> tuple[Condition, ...]:
    """Return the conditions of a spelling, joined by "and".

    Args:
        text: the conditions alone.
        whole: what they are a part of, for messages.

    Raises:
        InputError: one that is none.
    """
    return tuple(_parsed_condition(part, text if whole is None else whole) for part in re.split(r"\s+and\s+", text))


def raw_conditions(conditions: Sequence[Condition], entry: EnvironmentEntry) -> list[RawCondition]:
    """Return conditions as the extension takes them, with the fields of one environment.

    Raises:
        InputError: a field that the environment does not have.
    """
    places = places_of(entry)
    return [(place_of(one.field, places, entry), one.comparison, one.value) for one in conditions]


def places_of(entry: EnvironmentEntry) -> dict[str, RawField]:
    """Return where the extension finds each field."""
    kinds = {"observation": entry.observation_fields, "action": entry.action_fields, "event": entry.event_fields}
    places = {name: (kind, index) for kind, names in kinds.items() for index, name in enumerate(names)}
    return {**places, "reward": ("reward", 0), "step": ("step", 0)}


def place_of(field: str, places: dict[str, RawField], entry: EnvironmentEntry) -> RawField:
    """Return where the extension finds a field.

    Raises:
        InputError: the environment does not have it; the nearest name is offered.
    """
    if field in places:
        return places[field]
    near = difflib.get_close_matches(field, places, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    images = "" if entry.observation_fields else "; the values of its images have no names"
    raise InputError(
        f"descriptor: expected a field of {entry.id}, got {shown(field)}{hint} ({', '.join(entry.fields)}{images})"
    )


def check_name(field: object) -> None:
    """Refuse what cannot be the name of a field."""
    if not isinstance(field, str) or not field.isidentifier():
        raise InputError(f"descriptor: expected a field's name, got {shown(field)}")


def parsed_number(text: str) -> float | None:
    """Return the number that a spelling means, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _parsed_condition(text: str, whole: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise InputError(
            f"descriptor: expected a condition such as 'leg_contact' or 'x < 0.5', got {shown(text)} in {shown(whole)}"
        )
    field, comparison, value = match.groups()
    if comparison is None:
        return Condition(field)
    number = parsed_number(value)
    if number is None:
        raise InputError(f"descriptor: expected a number to compare {named(field)} with, got {shown(value)}")
    return Condition(field, comparison, number)
