"""The words of the language of descriptors, where they stand, and errors that point at them.

    >>> [token.text for token in tokens_of("x<=-.5")]
    ['x', '<=', '-', '.5']

`grammar` makes trees of them. Depends on messages and errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from evalengine.errors import InputError
from evalengine.messages import shown

_WORD = re.compile(r"(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([^\W\d]\w*)|(<=|>=|==|!=|[<>()+-])", re.ASCII)
_SPACE = re.compile(r"\s*")
_RESERVED = frozenset(["and", "or", "not", "where", "else", "abs", "nan", "inf"])
# What a pointer shows of a long spec on either side.
_SHOWN_BESIDE = 60


@dataclass(frozen=True)
class Token:
    """A word.

    Attributes:
        text: the word; "" behind the last one.
        at: the index of its first character.
        is_name: it begins with a letter.
    """

    text: str
    at: int
    is_name: bool = False

    @property
    def is_field(self) -> bool:
        """Whether it can be a field's name."""
        return self.is_name and self.text not in _RESERVED

    @property
    def number(self) -> float | None:
        """The number that it is, if it is one."""
        if self.text in ("nan", "inf") or (self.text and not self.is_name and self.text[0] in ".0123456789"):
            return float(self.text)
        return None


class SpellingError(Exception):
    """A spec that cannot be used: why, and which character it is about."""

    def __init__(self, text: str, at: int, reason: str) -> None:
        super().__init__(reason)
        self.text, self.at, self.reason = text, at, reason

    def named(self, name: str) -> InputError:
        """Return what a user sees: one line that begins with a name, and a note with a line that points."""
        error = InputError(f"{name}: {self.reason}")
        for line in pointer(self.text, self.at):
            error.add_note(line)
        return error


def refuse(text: str, at: int, got: str, expected: str) -> NoReturn:
    """Raise the error that something else was expected at a character."""
    what = shown(got) if got else "nothing"
    raise SpellingError(text, at, f"expected {expected}, got {what} at character {at + 1} of {shown(text)}")


def pointer(text: str, at: int) -> tuple[str, str]:
    """Return a spec, or what is near a character of it, and a line whose caret stands below that character."""
    start, end = max(at - _SHOWN_BESIDE, 0), at + _SHOWN_BESIDE
    near = "".join(character if character.isprintable() else " " for character in text[start:end])
    return f"    {near}", f"    {' ' * (at - start)}^"


def tokens_of(text: str) -> list[Token]:
    """Return the words of a text, and an empty one behind the last.

    Raises:
        SpellingError: a character that begins none.
    """
    tokens: list[Token] = []
    at = 0
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at == len(text):
            return [*tokens, Token("", at)]
        word = _WORD.match(text, at)
        if word is None:
            refuse(text, at, text[at], "a name, a number, a parenthesis, a sign or a comparison (< <= > >= == !=)")
        tokens.append(Token(word[0], at, is_name=word[2] is not None))
        at = word.end()


def check_length(text: str, most: int) -> None:
    """Check that a spec is not longer than any that somebody writes.

    Raises:
        SpellingError: it is.
    """
    if len(text) > most:
        raise SpellingError(text, most, f"expected a spec of at most {most} characters, got {len(text)}")
