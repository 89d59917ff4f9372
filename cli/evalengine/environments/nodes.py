"""The trees of the language of descriptors: how each is printed, and what the extension does for it.

    >>> tree = Comparison(Sum(((1, Field("x")), (-1, Field("y")))), "<", Constant(0.5))
    >>> str(tree)
    'x - y < 0.5'
    >>> [name for name, _, _ in operations(tree, lambda field: ("observation", 0))]
    ['observation', 'observation', '-', 'constant', '<']

`grammar` makes them; depends on nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
REDUCERS = ("first", "last", "min", "max", "mean", "sum", "std", "extreme")
COUNTERS = {"count": "sum", "share": "mean"}
"""What takes a condition, and how its ones and zeros are reduced."""

# As the extension takes them: a field ("observation", 3, 0.0), ("constant", 0, 0.5), or what is done with what came
# before, ("<", 0, 0.0): the operands of each stand before it.
RawField: TypeAlias = tuple[str, int]
RawOperation: TypeAlias = tuple[str, int, float]
RawExpression: TypeAlias = list[RawOperation]


class Node:
    """A value or a condition of a step."""

    is_condition: ClassVar[bool] = False
    # How tightly it holds together: what stands in something tighter is put into parentheses.
    tightness: ClassVar[int]

    def within(self, tightness: int) -> str:
        """Return the spec, in parentheses unless it is at least so tight."""
        return str(self) if self.tightness >= tightness else f"({self})"


@dataclass(frozen=True)
class Either(Node):
    """One of them holds."""

    parts: tuple[Node, ...]
    is_condition = True
    tightness = 1

    def __str__(self) -> str:
        return " or ".join(part.within(2) for part in self.parts)


@dataclass(frozen=True)
class Both(Node):
    """All of them hold."""

    parts: tuple[Node, ...]
    is_condition = True
    tightness = 2

    def __str__(self) -> str:
        return " and ".join(part.within(3) for part in self.parts)


@dataclass(frozen=True)
class NotSo(Node):
    """It does not hold."""

    inner: Node
    is_condition = True
    tightness = 3

    def __str__(self) -> str:
        return f"not {self.inner.within(3)}"


@dataclass(frozen=True)
class Comparison(Node):
    """Two values compared."""

    left: Node
    comparison: str
    right: Node
    is_condition = True
    tightness = 4

    def __str__(self) -> str:
        return f"{self.left.within(5)} {self.comparison} {self.right.within(5)}"


@dataclass(frozen=True)
class Sum(Node):
    """Values added, or where their sign is -1 subtracted, one after another."""

    terms: tuple[tuple[int, Node], ...]
    tightness = 5

    def __str__(self) -> str:
        (_, first), *others = self.terms
        signed = (f" {'+' if sign > 0 else '-'} {term.within(6)}" for sign, term in others)
        return first.within(6) + "".join(signed)


@dataclass(frozen=True)
class Negative(Node):
    """The value with the other sign."""

    inner: Node
    tightness = 6

    def __str__(self) -> str:
        return f"-{self.inner.within(6)}"


@dataclass(frozen=True)
class Absolute(Node):
    """The value without its sign."""

    inner: Node
    tightness = 7

    def __str__(self) -> str:
        return f"abs({self.inner})"


@dataclass(frozen=True)
class Field(Node):
    """What a step has under a name, which stands at a character of the spec."""

    name: str
    at: int = field(default=0, compare=False)
    tightness = 7

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Constant(Node):
    """A number."""

    value: float
    tightness = 7

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Reduction:
    """A value over the steps in which a condition holds; of `count` and `share` another condition."""

    reducer: str
    node: Node
    where: Node | None


def operations(node: Node, place: Callable[[Field], RawField]) -> RawExpression:
    """Return what the extension does for a node, where `place` says where it finds a field."""
    match node:
        case Field():
            return [(*place(node), 0.0)]
        case Constant(value):
            return [("constant", 0, value)]
        case Absolute(inner):
            return [*operations(inner, place), _doing("abs")]
        case Negative(inner):
            return [*operations(inner, place), _doing("negate")]
        case NotSo(inner):
            return [*operations(inner, place), _doing("not")]
        case Comparison(left, comparison, right):
            return [*operations(left, place), *operations(right, place), _doing(comparison)]
        case Sum(((_, first), *others)):
            return _joined(first, [(part, "+" if sign > 0 else "-") for sign, part in others], place)
        case Both((first, *others)):
            return _joined(first, [(part, "and") for part in others], place)
        case Either((first, *others)):
            return _joined(first, [(part, "or") for part in others], place)
    raise AssertionError(node)


def counted(node: Node, place: Callable[[Field], RawField]) -> RawExpression:
    """Return what makes a condition 1 where it holds and 0 elsewhere, a value that is one, too."""
    plain = operations(node, place)
    return plain if node.is_condition else [*plain, ("constant", 0, 0.0), _doing("!=")]


def _joined(first: Node, others: list[tuple[Node, str]], place: Callable[[Field], RawField]) -> RawExpression:
    """The first of some, and how each of the others is put to those before it."""
    joined = operations(first, place)
    for part, name in others:
        joined += [*operations(part, place), _doing(name)]
    return joined


def _doing(name: str) -> RawOperation:
    return (name, 0, 0.0)
