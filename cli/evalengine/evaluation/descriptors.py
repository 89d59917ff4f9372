"""Episodes reduced to a few numbers while they are played: what quality-diversity calls measures or descriptors.

    >>> str(Descriptor.of("first(x) where leg_contact else last(x)"))
    'first(x) where leg_contact else last(x)'

A spelling is `REDUCER(FIELD)`, then conditions on the steps that are looked at, then what it is if there is none:

    last(x)                                      the x of the last step
    mean(reward) where step > 10                 over the steps from the eleventh on
    first(x) where leg_contact else last(x)      x at the first step with a leg on the ground, else of the last step
    sum(new_tiles)                               an event, summed up

Steps are numbered from 1, and a step has the observation that it led to, the reward that it gave and the action that it
took: the observation of `reset` belongs to none, and a normalisation changes none. All arithmetic is float64. This
module parses, prints and checks descriptors and is the only one that does; the extension computes them. Depends on
arguments and registry.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evalengine.arguments import MOST_EPISODES
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.messages import named, shown
from evalengine.scalars import as_number, is_one_of, items_of

REDUCERS = ("first", "last", "min", "max", "mean", "sum")
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
_SPELLING = "REDUCER(FIELD) [where CONDITION [and CONDITION]] [else NUMBER or DESCRIPTOR]"
_REDUCTION = re.compile(r"(\w+)\s*\(\s*(\w+)\s*\)(?:\s+where\s+(.+))?")
_CONDITION = re.compile(r"(\w+)(?:\s*(<=|>=|==|!=|<|>)\s*(\S+))?")

# As the extension takes them: ("observation", 3); (field, "<", 0.5); ("first", field, conditions); and the
# alternatives with the number that stands for none of them.
RawField: TypeAlias = tuple[str, int]
RawCondition: TypeAlias = tuple[RawField, str, float]
RawReduction: TypeAlias = tuple[str, RawField, list[RawCondition]]
RawDescriptor: TypeAlias = tuple[list[RawReduction], float | None]


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
        _check_name(self.field)
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


@dataclass(frozen=True)
class Descriptor:
    """A field over the steps of an episode in which all conditions hold, reduced to one float64.

    Attributes:
        reducer: "first", "last", "min", "max" (of equal values the first), "sum" (from 0.0, added one after another,
            first step to last), or "mean" (that sum over the number of steps).
        field: a name from `EnvironmentEntry.fields`: values of the observation after the step, "reward", "action" (for
            a Box "action_0", ...), events, and "step": how many steps of the environment the episode has had.
        where: the conditions; none is every step.
        otherwise: what it is where no step is looked at: a number, or a descriptor to try instead. None is 0.0 for a
            sum and NaN for all others.

    Raises:
        InputError: a reducer that is none, or parts of another type.
    """

    reducer: str
    field: str
    where: tuple[Condition, ...] = ()
    otherwise: Descriptor | float | None = None

    def __post_init__(self) -> None:
        if not is_one_of(self.reducer, REDUCERS):
            raise InputError(f"descriptor: expected a reducer of {', '.join(REDUCERS)}, got {shown(self.reducer)}")
        _check_name(self.field)
        if not isinstance(self.where, tuple) or not all(isinstance(part, Condition) for part in self.where):
            raise InputError(f"descriptor: where: expected a tuple of Condition, got {shown(self.where)}")
        if self.otherwise is not None and not isinstance(self.otherwise, Descriptor):
            number = as_number(self.otherwise)
            if number is None:
                raise InputError(
                    f"descriptor: otherwise: expected a number or a Descriptor, got {shown(self.otherwise)}"
                )
            object.__setattr__(self, "otherwise", number)

    def __str__(self) -> str:
        """Return the spelling, which `of` reads back."""
        where = f" where {' and '.join(map(str, self.where))}" if self.where else ""
        otherwise = "" if self.otherwise is None else f" else {self.otherwise}"
        return f"{self.reducer}({self.field}){where}{otherwise}"

    @classmethod
    def of(cls, value: DescriptorLike) -> Descriptor:
        """Return a descriptor as it is, or the one that a spec means.

        Raises:
            InputError: neither; the message says what was expected.
        """
        if isinstance(value, Descriptor):
            return value
        if not isinstance(value, str):
            raise InputError(f"descriptor: expected a spec or a Descriptor, got {shown(value)}")
        *alternatives, last = re.split(r"\s+else\s+", value.strip())
        otherwise: Descriptor | float | None = _parsed_number(last) if alternatives else None
        if otherwise is None:
            otherwise = _parsed_reduction(last, None, value)
            if not alternatives:
                return otherwise
        for part in reversed(alternatives):
            otherwise = _parsed_reduction(part, otherwise, value)
        assert isinstance(otherwise, Descriptor)
        return otherwise

    def raw(self, entry: EnvironmentEntry) -> RawDescriptor:
        """Return the descriptor as the extension takes it, with the fields of one environment.

        Raises:
            InputError: a field that the environment does not have.
        """
        places = _places(entry)
        reductions: list[RawReduction] = []
        descriptor: Descriptor | float | None = self
        while isinstance(descriptor, Descriptor):
            conditions = [(_place(c.field, places, entry), c.comparison, c.value) for c in descriptor.where]
            reductions.append((descriptor.reducer, _place(descriptor.field, places, entry), conditions))
            descriptor = descriptor.otherwise
        return reductions, descriptor


DescriptorLike: TypeAlias = Descriptor | str
"""A descriptor or its spec."""


def raw_descriptors(
    descriptors: Sequence[DescriptorLike], entry: EnvironmentEntry, episodes_in_all: int
) -> list[RawDescriptor]:
    """Return descriptors as the extension takes them.

    Raises:
        InputError: no sequence, more numbers than a call may return, or a descriptor that is none; its place is named.
    """
    if isinstance(descriptors, tuple) and not descriptors:
        return []
    listed = items_of(descriptors, Sequence)
    if listed is None:
        raise InputError(f"descriptors: expected a list such as ['last(x)', 'mean(reward)'], got {shown(descriptors)}")
    if len(listed) * episodes_in_all > MOST_EPISODES:
        raise InputError(
            f"descriptors: expected at most {MOST_EPISODES} numbers in one call, got {len(listed)} for each of "
            f"{episodes_in_all} episodes"
        )
    raw = []
    for index, descriptor in enumerate(listed):
        try:
            raw.append(Descriptor.of(descriptor).raw(entry))
        except InputError as error:
            reason = str(error).removeprefix("descriptor: ")
            raise InputError(f"descriptors[{index}]: {reason}") from None
    return raw


def _places(entry: EnvironmentEntry) -> dict[str, RawField]:
    """Return where the extension finds each field."""
    kinds = {"observation": entry.observation_fields, "action": entry.action_fields, "event": entry.event_fields}
    places = {name: (kind, index) for kind, names in kinds.items() for index, name in enumerate(names)}
    return {**places, "reward": ("reward", 0), "step": ("step", 0)}


def _place(field: str, places: dict[str, RawField], entry: EnvironmentEntry) -> RawField:
    if field in places:
        return places[field]
    near = difflib.get_close_matches(field, places, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    images = "" if entry.observation_fields else "; the values of its images have no names"
    raise InputError(
        f"descriptor: expected a field of {entry.id}, got {shown(field)}{hint} ({', '.join(entry.fields)}{images})"
    )


def _check_name(field: object) -> None:
    if not isinstance(field, str) or not field.isidentifier():
        raise InputError(f"descriptor: expected a field's name, got {shown(field)}")


def _parsed_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _parsed_reduction(text: str, otherwise: Descriptor | float | None, whole: str) -> Descriptor:
    match = _REDUCTION.fullmatch(text)
    if match is None:
        raise InputError(f"descriptor: expected {_SPELLING}, got {shown(whole)}")
    reducer, field, conditions = match.groups()
    parts = re.split(r"\s+and\s+", conditions) if conditions else []
    return Descriptor(reducer, field, tuple(_parsed_condition(part, whole) for part in parts), otherwise)


def _parsed_condition(text: str, whole: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise InputError(
            f"descriptor: expected a condition such as 'leg_contact' or 'x < 0.5', got {shown(text)} in {shown(whole)}"
        )
    field, comparison, value = match.groups()
    if comparison is None:
        return Condition(field)
    number = _parsed_number(value)
    if number is None:
        raise InputError(f"descriptor: expected a number to compare {named(field)} with, got {shown(value)}")
    return Condition(field, comparison, number)
