"""The language of descriptors and conditions: read into trees, printed in one way, compiled for the extension.

    >>> str(parsed_condition("not(x<1)or leg_contact  and action==2"))
    'not x < 1.0 or leg_contact and action == 2.0'

This is its grammar, and the only place that has it:

    descriptor  = reduction [ "else" ( descriptor | ["-"] NUMBER ) ]
    reduction   = REDUCER "(" value ")" [ "where" condition ]
                | ( "count" | "share" ) "(" condition ")" [ "where" condition ]
    condition   = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | value [ COMPARISON value ] | "(" condition ")"
    value       = term { ( "+" | "-" ) term }
    term        = "-" term | NUMBER | FIELD | "abs" "(" value ")" | "(" value ")"
    REDUCER     = "first" | "last" | "min" | "max" | "mean" | "sum" | "std" | "extreme"
    COMPARISON  = "<" | "<=" | ">" | ">=" | "==" | "!="

A value as a condition holds where it is not 0. `tokens` reads words; `nodes` has the trees.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NoReturn, TypeVar

from evalengine.environments.nodes import (
    COMPARISONS,
    COUNTERS,
    REDUCERS,
    Absolute,
    Both,
    Comparison,
    Constant,
    Either,
    Field,
    Negative,
    Node,
    NotSo,
    Reduction,
    Sum,
)
from evalengine.environments.tokens import Token, refuse, tokens_of

_MOST_NESTED = 32
_Read = TypeVar("_Read")


@lru_cache(maxsize=1024)
def parsed_value(text: str) -> Node:
    """Return the tree of a value.

    Raises:
        SpellingError: it is none.
    """
    parser = _Parser(text)
    return parser.to_the_end(parser.plain_value("a value"))


@lru_cache(maxsize=1024)
def parsed_condition(text: str) -> Node:
    """Return the tree of a condition.

    Raises:
        SpellingError: it is none.
    """
    parser = _Parser(text)
    return parser.to_the_end(parser.condition())


@lru_cache(maxsize=1024)
def parsed_descriptor(text: str) -> tuple[tuple[Reduction, ...], float | None]:
    """Return the alternatives of a descriptor and what stands for none of them.

    Raises:
        SpellingError: it is none.
    """
    parser = _Parser(text)
    reductions = [parser.reduction()]
    while parser.takes("else"):
        number = parser.signed_number()
        if number is not None:
            return parser.to_the_end(tuple(reductions)), number
        reductions.append(parser.reduction())
    return parser.to_the_end(tuple(reductions)), None


class _Parser:
    """Reads one text from its start to its end, a word ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.position = 0
        self.nested = 0

    @property
    def ahead(self) -> Token:
        return self.tokens[self.position]

    def takes(self, *words: str) -> Token | None:
        """Take the word ahead if it is one of these."""
        token = self.ahead
        if token.text not in words:
            return None
        self.position += 1
        return token

    def takes_symbol(self, symbol: str, expected: str) -> None:
        if self.takes(symbol) is None:
            self.refuse(expected)

    def refuse(self, expected: str, token: Token | None = None) -> NoReturn:
        """Refuse a word, by default the one ahead."""
        token = token or self.ahead
        refuse(self.text, token.at, token.text, expected)

    def to_the_end(self, read: _Read) -> _Read:
        if self.ahead.text:
            self.refuse("the end")
        return read

    # --- the grammar's rules, from the top

    def reduction(self) -> Reduction:
        reducer = self.takes(*REDUCERS, *COUNTERS)
        if reducer is None:
            self.refuse(f"a reducer ({', '.join([*REDUCERS, *COUNTERS])})")
        self.takes_symbol("(", f"'(' after {reducer.text}")
        if reducer.text in COUNTERS:
            node = self.condition()
        else:
            node = self.plain_value(f"a value in {reducer.text}(...), as conditions are for count and share")
        self.takes_symbol(")", "')'")
        return Reduction(reducer.text, node, self.condition() if self.takes("where") else None)

    def condition(self) -> Node:
        parts = [self.conjunction()]
        while self.takes("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def conjunction(self) -> Node:
        parts = [self.negation()]
        while self.takes("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def negation(self) -> Node:
        if token := self.takes("not"):
            self.enter(token)
            inner = self.negation()
            self.nested -= 1
            return NotSo(inner)
        start = self.ahead
        left = self.value()
        comparison = self.takes(*COMPARISONS)
        if comparison is None:
            return left
        self.check_value(left, start)
        start = self.ahead
        right = self.value()
        self.check_value(right, start)
        if self.ahead.text in COMPARISONS:
            self.refuse("one comparison, as in 'x > 0 and x < 1'")
        return Comparison(left, comparison.text, right)

    def plain_value(self, expected: str) -> Node:
        """A value where no condition may stand."""
        start = self.ahead
        node = self.value()
        if self.ahead.text in (*COMPARISONS, "and", "or"):
            self.refuse(expected)
        self.check_value(node, start, expected)
        return node

    def value(self) -> Node:
        start = self.ahead
        terms = [(1, self.term())]
        while sign := self.takes("+", "-"):
            if len(terms) == 1:
                self.check_value(terms[0][1], start)
            operand = self.ahead
            terms.append((1 if sign.text == "+" else -1, self.term()))
            self.check_value(terms[-1][1], operand)
        return terms[0][1] if len(terms) == 1 else Sum(tuple(terms))

    def term(self) -> Node:
        token = self.ahead
        if self.takes("-", "(", "abs"):
            self.enter(token)
            node = self.negative() if token.text == "-" else self.enclosed(token)
            self.nested -= 1
            return node
        number = token.number
        if not token.is_field and number is None:
            self.refuse("a field, a number, abs(...) or '('")
        if number is not None and number != number:
            self.refuse("a number other than nan")
        self.position += 1
        return Field(token.text, token.at) if number is None else Constant(number)

    def negative(self) -> Node:
        start = self.ahead
        inner = self.term()
        self.check_value(inner, start)
        # The sign of a number is a part of it.
        return Constant(-inner.value) if isinstance(inner, Constant) else Negative(inner)

    def enclosed(self, token: Token) -> Node:
        """What is in parentheses, or in those of `abs`."""
        if token.text == "abs":
            self.takes_symbol("(", "'(' after abs")
            inner: Node = Absolute(self.plain_value("a value in abs(...)"))
        else:
            inner = self.condition()
        self.takes_symbol(")", "')'")
        return inner

    def signed_number(self) -> float | None:
        """Take a number with or without a sign, if one is ahead."""
        before = self.position
        is_negative = self.takes("-") is not None
        number = self.ahead.number
        if number is None:
            self.position = before
            return None
        self.position += 1
        return -number if is_negative else number

    # --- what no rule of the grammar says

    def enter(self, token: Token) -> None:
        self.nested += 1
        if self.nested > _MOST_NESTED:
            self.refuse(f"at most {_MOST_NESTED} levels of parentheses, signs and 'not'", token)

    def check_value(self, node: Node, start: Token, expected: str = "a value, not a condition") -> None:
        """A condition in parentheses is no value: not to be added, and not to be compared."""
        if node.is_condition:
            self.refuse(expected, start)
