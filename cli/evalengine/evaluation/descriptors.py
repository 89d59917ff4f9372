"""Episodes reduced to a few numbers while they are played: what quality-diversity calls measures or descriptors.

    >>> str(Descriptor.of("first(x) where leg_contact else last(x)"))
    'first(x) where leg_contact else last(x)'

A spec is `REDUCER(VALUE)`, then a condition on the steps that are looked at, then what it is if there is none; its
grammar is that of `grammar`:

    last(x)                                      the x of the last step
    mean(reward) where step > 10                 over the steps from the eleventh on
    first(x) where leg_contact else last(x)      x at the first step with a leg on the ground, else of the last step
    max(abs(x - y)) where not leg_contact        a value of several fields
    share(action == 2)                           in how many of the steps, between 0 and 1

Steps are numbered from 1, and a step has the observation that it led to, the reward that it gave and the action that it
took: the observation of `reset` belongs to none, and a normalisation changes none. All arithmetic is float64. The
extension computes descriptors. Depends on arguments, registry and the language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from evalengine.arguments import MOST_EPISODES
from evalengine.environments.conditions import MOST_CHARACTERS, Condition, canonical, placing
from evalengine.environments.grammar import parsed_condition, parsed_descriptor, parsed_value
from evalengine.environments.nodes import COUNTERS, REDUCERS, RawExpression, counted, operations
from evalengine.environments.registry import EnvironmentEntry
from evalengine.environments.tokens import SpellingError, check_length
from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.scalars import as_number, is_one_of, items_of

# As the extension takes them: ("first", value, condition), and the alternatives with the number that stands for none.
RawReduction: TypeAlias = tuple[str, RawExpression, RawExpression | None]
RawDescriptor: TypeAlias = tuple[list[RawReduction], float | None]


@dataclass(frozen=True)
class Descriptor:
    """A value over the steps of an episode in which a condition holds, reduced to one float64.

    Attributes:
        reducer: "first", "last", "min", "max" (of equal values the first), "extreme" (the value of largest magnitude,
            with its sign, of equals the first), "sum" (from 0.0, added one after another, first step to last), "mean"
            (that sum over the number of steps), "std" (the standard deviation, by Welford's recurrence: n values
            have the mean m and the squares s; the next value v makes n += 1, d = v - m, m += d / n,
            s += d * (v - m); it is sqrt(s / n) in the end, and no other order of the same formula), "count" (in how
            many steps a condition holds) or "share" (that count over the number of steps).
        value: what is reduced: a field, a sum or difference of fields and numbers, or `abs(...)` of one; of count and
            share a condition. Fields are `EnvironmentEntry.fields`: values of the observation after the step,
            "reward", "return" (the sum of the rewards so far, this one included), "action" (for a Box "action_0",
            ...), events, and "step": how many steps of the environment the episode has had.
        where: the condition, or its spec; None is every step.
        otherwise: what it is where no step is looked at: a number, or a descriptor to try instead. None is 0.0 for a
            sum and a count, and NaN for all others.

    Raises:
        InputError: a reducer that is none, no spec of a value, or parts of another type.
    """

    reducer: str
    value: str
    where: Condition | str | None = None
    otherwise: Descriptor | float | None = None

    def __post_init__(self) -> None:
        reducers = (*REDUCERS, *COUNTERS)
        if not is_one_of(self.reducer, reducers):
            raise InputError(f"descriptor: expected a reducer of {', '.join(reducers)}, got {shown(self.reducer)}")
        if not isinstance(self.value, str):
            raise InputError(f"descriptor: value: expected a spec such as 'x' or 'x - y', got {shown(self.value)}")
        parse = parsed_condition if self.reducer in COUNTERS else parsed_value
        object.__setattr__(self, "value", canonical("descriptor: value", parse, self.value))
        if isinstance(self.where, str):
            where = Condition(canonical("descriptor: where", parsed_condition, self.where))
            object.__setattr__(self, "where", where)
        elif self.where is not None and not isinstance(self.where, Condition):
            raise InputError(f"descriptor: where: expected a Condition or its spec, got {shown(self.where)}")
        if self.otherwise is not None and not isinstance(self.otherwise, Descriptor):
            number = as_number(self.otherwise)
            if number is None:
                raise InputError(
                    f"descriptor: otherwise: expected a number or a Descriptor, got {shown(self.otherwise)}"
                )
            object.__setattr__(self, "otherwise", number)

    def __str__(self) -> str:
        """Return the spec, which `of` reads back."""
        where = f" where {self.where}" if self.where else ""
        otherwise = "" if self.otherwise is None else f" else {self.otherwise}"
        return f"{self.reducer}({self.value}){where}{otherwise}"

    @classmethod
    def of(cls, value: DescriptorLike) -> Descriptor:
        """Return a descriptor as it is, or the one that a spec means.

        Raises:
            InputError: neither; the message says what was expected, and the error's note points at the character.
        """
        if isinstance(value, Descriptor):
            return value
        if not isinstance(value, str):
            raise InputError(f"descriptor: expected a spec or a Descriptor, got {shown(value)}")
        try:
            return _spelled(value)
        except SpellingError as error:
            raise error.named("descriptor") from None

    def raw(self, entry: EnvironmentEntry, name: str = "descriptor", given: str | None = None) -> RawDescriptor:
        """Return the descriptor as the extension takes it, with the fields of one environment.

        Args:
            entry: the environment.
            name: what the message of an error begins with.
            given: the spec as it was written, which the note of an error points into; None is the descriptor's own.

        Raises:
            InputError: a field that the environment does not have.
        """
        spelling = str(self) if given is None else given
        try:
            reductions, otherwise = parsed_descriptor(spelling)
            place = placing(entry, spelling)
            raw: list[RawReduction] = []
            for reducer, node, where in ((part.reducer, part.node, part.where) for part in reductions):
                value = counted(node, place) if reducer in COUNTERS else operations(node, place)
                condition = None if where is None else operations(where, place)
                raw.append((COUNTERS.get(reducer, reducer), value, condition))
        except SpellingError as error:
            raise error.named(name) from None
        return raw, otherwise


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
        name = f"descriptors[{index}]"
        given = descriptor if isinstance(descriptor, str) else None
        if isinstance(descriptor, str):
            try:
                descriptor = _spelled(descriptor)
            except SpellingError as error:
                raise error.named(name) from None
        if not isinstance(descriptor, Descriptor):
            raise InputError(f"{name}: expected a spec or a Descriptor, got {shown(descriptor)}")
        raw.append(descriptor.raw(entry, name, given))
    return raw


@lru_cache(maxsize=1024)
def _spelled(text: str) -> Descriptor:
    """Return what a spec means.

    Raises:
        SpellingError: nothing.
    """
    check_length(text, MOST_CHARACTERS)
    reductions, otherwise = parsed_descriptor(text)
    descriptor: Descriptor | float | None = otherwise
    for part in reversed(reductions):
        where = None if part.where is None else Condition(str(part.where))
        descriptor = Descriptor(part.reducer, str(part.node), where, descriptor)
    assert isinstance(descriptor, Descriptor)
    return descriptor
