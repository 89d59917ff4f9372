"""Options with a syntax of their own: what they mean, and what is said about everything else."""

from __future__ import annotations

import math

import pytest

from evalengine.errors import InputError
from evalengine.terminal.option_values import parse_names, parse_on_nan, parse_seeds, parse_settings, with_skip


def test_settings_become_booleans_integers_and_floats() -> None:
    parsed = parse_settings("--env-kwarg", ["rows=8", "gravity=9.8", "easy=true", "hard=False", " low = -1e-3 "])
    assert parsed == {"rows": 8, "gravity": 9.8, "easy": True, "hard": False, "low": -1e-3}
    assert [type(value) for value in parsed.values()] == [int, float, bool, bool, float]


@pytest.mark.parametrize("setting", ["rows", "rows=", "=8", "rows=ten", "rows=8=9", ""])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_settings("--env-kwarg", ["cols=8", setting])
    assert str(caught.value) == f"--env-kwarg: expected key=value with a number, true or false, got {setting!r}"


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"^--reset-option: expected each key once, got 'low' twice$"):
        parse_settings("--reset-option", ["low=1", "low=2"])


def test_seeds_are_a_first_one_or_a_list() -> None:
    assert parse_seeds(None, None) == 0
    assert parse_seeds(7, None) == 7
    assert parse_seeds(None, "3, 17,18446744073709551615") == (3, 17, 2**64 - 1)


def test_seeds_given_in_both_ways_are_refused() -> None:
    with pytest.raises(InputError, match=r"^--seeds: expected either --seed or --seeds, got both$"):
        parse_seeds(0, "1,2")


@pytest.mark.parametrize("listed", ["", "1,", "1;2", "1.5", "a"])
def test_a_list_of_seeds_that_is_none_is_refused(listed: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_seeds(None, listed)
    assert str(caught.value) == f"--seeds: expected integers separated by commas, got {listed!r}"


@pytest.mark.parametrize(
    ("observation", "skip", "joined"),
    [
        (None, None, None),
        ("gray", None, "gray"),
        (None, 4, "skip=4"),
        ("gray,stack=2", 3, "skip=3,gray,stack=2"),
        (" ", 2, "skip=2"),
    ],
)
def test_a_skip_stands_before_other_options(observation: str | None, skip: int | None, joined: str | None) -> None:
    assert with_skip(observation, skip) == joined


def test_two_skips_are_refused() -> None:
    with pytest.raises(InputError, match=r"^--skip: expected either --skip or skip in --observation, got both"):
        with_skip("gray, skip = 2", 4)


def test_on_nan_is_raise_or_a_number() -> None:
    assert parse_on_nan("raise") == parse_on_nan("RAISE") == "raise"
    assert parse_on_nan("-1.5") == -1.5
    assert parse_on_nan("-inf") == -math.inf


def test_on_nan_that_is_neither_is_refused() -> None:
    with pytest.raises(InputError, match=r"^--on-nan: expected raise or a number, got 'ignore'$"):
        parse_on_nan("ignore")


def test_names_are_separated_by_commas() -> None:
    assert parse_names("--backends", None) is None
    assert parse_names("--backends", "rust, multiprocessing") == ("rust", "multiprocessing")


@pytest.mark.parametrize("text", ["", "rust,", "rust,rust"])
def test_empty_and_repeated_names_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_names("--backends", text)
    assert str(caught.value) == f"--backends: expected different names separated by commas, got {text!r}"
