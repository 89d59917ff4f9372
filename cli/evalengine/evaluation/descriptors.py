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
module parses, prints and checks descriptors and is the only one that does, but for their conditions, which rules of an
episode have, too; the extension computes them. Depends on arguments, conditions and registry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evalengine.arguments import MOST_EPISODES
from evalengine.environments.conditions import (
    Condition,
    RawCondition,
    RawField,
    check_name,
    parsed_conditions,
    parsed_number,
    place_of,
    places_of,
    raw_conditions,
)
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.scalars import as_number, is_one_of, items_of

REDUCERS = ("first", "last", "min", "max", "mean", "sum")
_SPELLING = "REDUCER(FIELD) [where CONDITION [and CONDITION]] [else NUMBER or DESCRIPTOR]"
_REDUCTION = re.compile(r"(\w+)\s*\(\s*(\w+)\s*\)(?:\s+where\s+(.+))?")

# As the extension takes them: ("first", field, conditions), and the alternatives with the number that stands for none.
RawReduction: TypeAlias = tuple[str, RawField, list[RawCondition]]
RawDescriptor: TypeAlias = tuple[list[RawReduction], float | None]


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
        check_name(self.field)
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
        """Return a descriptor as it is, or the one that a spelling means.

        Raises:
            InputError: neither; the message says what was expected.
        """
        if isinstance(value, Descriptor):
            return value
        if not isinstance(value, str):
            raise InputError(f"descriptor: expected a spelling or a Descriptor, got {shown(value)}")
        *alternatives, last = re.split(r"\s+else\s+", value.strip())
        otherwise: Descriptor | float | None = parsed_number(last) if alternatives else None
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
        places = places_of(entry)
        reductions: list[RawReduction] = []
        descriptor: Descriptor | float | None = self
        while isinstance(descriptor, Descriptor):
            conditions = raw_conditions(descriptor.where, entry)
            reductions.append((descriptor.reducer, place_of(descriptor.field, places, entry), conditions))
            descriptor = descriptor.otherwise
        return reductions, descriptor


DescriptorLike: TypeAlias = Descriptor | str
"""A descriptor or its spelling."""


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


def _parsed_reduction(text: str, otherwise: Descriptor | float | None, whole: str) -> Descriptor:
    match = _REDUCTION.fullmatch(text)
    if match is None:
        raise InputError(f"descriptor: expected {_SPELLING}, got {shown(whole)}")
    reducer, field, conditions = match.groups()
    return Descriptor(reducer, field, parsed_conditions(conditions, whole) if conditions else (), otherwise)
