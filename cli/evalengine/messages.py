r"""What callers pass, and what files and layers are called, as it stands in a message of one line.

    shown("best\n")              'best\n'
    shown([0.5] * 1000)          [0.5, 0.5, 0.5, ...
    named("best\x1b[2J.npy")     best\x1b[2J.npy

A message must not break lines, speak to the terminal, take megabytes or fail, whatever it is about. What a notebook
shows of a result is here, too: `html_table`. Depends on nothing.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

_MOST_SHOWN = 100
# Paths are longer, and each of their parts says something.
_MOST_NAMED = 400
_CUT = "..."


def shown(value: object) -> str:
    """Return the `repr` of what was got: at most 100 characters, all of them printable, also where `repr` fails."""
    try:
        # The rest of a long text or list would be dropped anyway: each item takes at least one character.
        start = value[: _MOST_SHOWN + 1] if type(value) in (str, bytes, list, tuple) else value  # type: ignore[index]
        text = printable(" ".join(str.__str__(repr(start)).split()))
    except Exception:  # an object of any kind may be passed, and its `repr` may do anything
        return f"an unprintable {kind(value)}"
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - len(_CUT)] + _CUT


def kind(value: object) -> str:
    """Return the name of a value's type, printable."""
    return printable(str(type(value).__name__)[:_MOST_SHOWN])


def named(name: object) -> str:
    """Return the name of a file or a layer, without quotes: printable, the middle of a very long one left out."""
    half = (_MOST_NAMED - len(_CUT)) // 2
    try:
        text = str.__str__(str(name))
    except Exception:  # as in `shown`
        return f"an unprintable {kind(name)}"
    if len(text) <= _MOST_NAMED:
        return printable(text)
    return f"{printable(text[:half])[:half]}{_CUT}{printable(text[-half:])[-half:]}"


def html_table(caption: str, rows: Mapping[str, object]) -> str:
    """Return what notebooks show of an object by its `_repr_html_`: a row for each of what it has, by name."""
    lines = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(printable(str(value)))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table><caption>{html.escape(caption)}</caption>{lines}</table>"


def first_line(error: BaseException) -> str:
    """Return the first line of another library's message, or the name of its type where it has none."""
    try:
        lines = str(error).splitlines()
    except Exception:  # as in `shown`
        lines = []
    return named(lines[0]) if lines and lines[0].strip() else kind(error)


def printable(text: str, keep: str = "") -> str:
    """Return `text` with every character that is not printable, and not in `keep`, as a Python escape.

    Those are line breaks, escape sequences, the marks that turn the direction of writing, and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)
