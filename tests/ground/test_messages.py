"""Whatever is shown in a message is one line, short, and has nothing that a terminal would obey."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hostile_values import hostile_values

from evalengine.errors import InputError, NonFiniteError, OutputError, PickleError
from evalengine.messages import first_line, kind, named, printable, shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, "5"),
        ("a", "'a'"),
        ("best\n\x1b[2J\u202e\ud800", r"'best\n\x1b[2J\u202e\ud800'"),
        (["x\n"], r"['x\n']"),
        (b"\x1b", r"b'\x1b'"),
        ("x" * 99, "'" + "x" * 96 + "..."),
        ("x" * 98, "'" + "x" * 98 + "'"),
    ],
)
def test_what_was_got_is_shown(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_every_hostile_value_is_shown_in_one_short_line() -> None:
    for value in hostile_values().values():
        for text in (shown(value), kind(value)):
            assert text.isprintable() and len(text) <= 100 + len("an unprintable ")
        assert named(value).isprintable()


def test_a_repr_that_breaks_lines_becomes_one() -> None:
    lines = type("Lines", (), {"__repr__": lambda _: "a\n  b\x1b[2J"})()
    assert shown(lines) == r"a b\x1b[2J"
    assert shown(10**5000) == "an unprintable int"
    failing = type("Failing\n", (), {"__repr__": lambda _: 1 / 0})()
    assert shown(failing) == r"an unprintable Failing\n"


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_passes(ending: type[BaseException]) -> None:
    def end(_: object) -> str:
        raise ending

    with pytest.raises(ending):
        shown(type("Ending", (), {"__repr__": end})())


def test_names_are_escaped_without_quotes() -> None:
    assert named(Path("some folder/best.npy")) == "some folder/best.npy"
    assert named("a\nb\x1b[2J\u202e\udcff") == r"a\nb\x1b[2J\u202e\udcff"


def test_the_middle_of_a_long_name_is_left_out() -> None:
    assert named("x" * 400) == "x" * 400
    assert named("a" * 500 + "b" * 500) == "a" * 198 + "..." + "b" * 198
    assert len(named("\x1b" * 10**6)) == 399


def test_only_what_is_kept_passes_unescaped() -> None:
    assert printable("a\n\tb\x07", keep="\n") == "a\n\\tb\\x07"


def test_the_first_line_of_another_librarys_error() -> None:
    assert first_line(ValueError("one\x1b\ntwo")) == r"one\x1b"
    assert first_line(ValueError("C:\\new")) == "C:\\new"
    assert first_line(ValueError()) == first_line(ValueError("\n")) == "ValueError"


@pytest.mark.parametrize("error", [InputError, OutputError, NonFiniteError])
def test_no_error_breaks_its_line_wherever_its_message_is_from(error: type[Exception]) -> None:
    raised = error("layer a\n\x1b[2J\ud800: expected")
    assert str(raised) == r"layer a\n\x1b[2J\ud800: expected"
    assert str(pickle.loads(pickle.dumps(raised))) == str(raised)


def test_lines_that_convert_a_pickle_stay_lines() -> None:
    assert str(PickleError("convert it:\n  import torch\x1b")) == "convert it:\n  import torch\\x1b"
